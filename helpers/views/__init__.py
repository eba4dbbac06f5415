"""Pictures and widgets: what a person sees in a notebook or a terminal."""
