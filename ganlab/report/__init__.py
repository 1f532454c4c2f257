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
from ganlab.report.run_page import run_page
from ganlab.report.run_study import Run, study_of_runs
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_files import csv_content, latex_table, parquet_content, trials_table
from ganlab.report.study_findings import findings
from ganlab.report.study_page import ablation_page

__all__ = ["Analysis", "FEW_CLASSES", "LatentPlane", "Run", "ablation_page", "class_table", "columns_for",
           "compare_results", "csv_content", "data_picture", "data_table", "draw_latent_space", "draw_samples",
           "findings", "image_grid", "interpolate_latents", "latent_plane", "latex_table", "parquet_content",
           "plot_losses", "plot_results", "print_results", "rows_of_pairs", "run_page", "save_animation", "save_png",
           "study_of_runs", "trials_table", "wide_console", "worded_grid"]
