"""The worker's own tests."""
