"""Pictures, plots and tables of runs."""

from ganlab.report.data_views import class_table, data_picture, data_table
from ganlab.report.pictures import (
    columns_for,
    draw_samples,
    image_grid,
    interpolate_latents,
    save_animation,
    save_png,
)
from ganlab.report.plots import plot_losses

__all__ = ["class_table", "columns_for", "data_picture", "data_table", "draw_samples", "image_grid",
           "interpolate_latents", "plot_losses", "save_animation", "save_png"]
