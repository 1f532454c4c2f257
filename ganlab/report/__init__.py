"""Pictures, plots, tables and pages of runs.

Each is imported from its module: a training that draws a grid of images need not wait for what
draws plots and pages.
"""
