"""What an intruder with code execution can still do in a container of the image."""
