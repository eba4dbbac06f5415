"""The program that stands in for ``spin up`` where the Spin CLI is not installed.

It gives a Spin application's components what Spin would give them, each request a new instance,
on Node.js and jco. Source of jco: https://bytecodealliance.github.io/jco/
"""
