"""The properties by family; each module offers its own as ``PROPERTIES``."""
