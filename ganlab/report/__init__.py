"""Pictures, plots and tables of runs."""

from ganlab.report.pictures import (
    columns_for,
    draw_samples,
    image_grid,
    interpolate_latents,
    save_animation,
    save_png,
)
from ganlab.report.plots import plot_losses

__all__ = ["columns_for", "draw_samples", "image_grid", "interpolate_latents", "plot_losses", "save_animation",
           "save_png"]
