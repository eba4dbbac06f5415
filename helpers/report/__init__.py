"""One result as text, HTML and JSON."""
