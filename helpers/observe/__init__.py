"""What is seen of an image at rest and of a container that runs, as values."""
