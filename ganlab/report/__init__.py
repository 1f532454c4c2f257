"""Pictures, plots and tables of runs."""

from ganlab.report.data_views import class_table, data_picture, data_table
from ganlab.report.latent import LatentPlane, draw_latent_space, latent_plane, worded_grid
from ganlab.report.pictures import (
    FEW_CLASSES,
    columns_for,
    draw_samples,
    image_grid,
    interpolate_latents,
    rows_of_pairs,
    save_animation,
    save_png,
)
from ganlab.report.plots import plot_losses
from ganlab.report.results import compare_results, plot_results, print_results, wide_console

__all__ = ["FEW_CLASSES", "LatentPlane", "class_table", "columns_for", "compare_results", "data_picture", "data_table",
           "draw_latent_space", "draw_samples", "image_grid", "interpolate_latents", "latent_plane", "plot_losses",
           "plot_results", "print_results", "rows_of_pairs", "save_animation", "save_png", "wide_console",
           "worded_grid"]
