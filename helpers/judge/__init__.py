"""Properties of a production-grade image: pure functions from observations to verdicts."""
