"""Every property that applies, on an image of one's own: what to change first, and why."""
