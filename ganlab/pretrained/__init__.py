"""Weights that others published, as variables of our networks."""
