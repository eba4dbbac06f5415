"""Keep the published notebooks in order: run again, normalised, compared."""
