"""Stand-ins for official images, for machines that no image registry answers.

``recipes`` says as values what each is made of; ``make`` makes them on an engine. The folders hold
the Dockerfiles and the files that go into the images. Facts about the official images were taken
from their Dockerfiles, which each recipe names.
"""
