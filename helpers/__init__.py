"""Build, run, inspect and judge real containers from Python.

The packages follow the way of the data; nothing on the left knows anything on the right:

``engine`` → ``build`` → ``observe`` → ``judge`` → ``course`` → ``report`` → ``views`` · ``cli``

Importing this package imports none of them, so that ``import helpers`` costs nothing.
"""
