"""Exercises as data, the learner's copies, attempts, and the check that brings all together."""
