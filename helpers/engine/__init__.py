"""Find an engine, start a private one, base images, labels and clean-up."""
