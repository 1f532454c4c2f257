"""Estimators of the quality of samples."""

from ganlab.metrics.bootstrap import Interval, bootstrap, mean_interval
from ganlab.metrics.distances import nearest
from ganlab.metrics.equivariance import (
    LEAST_TURNED,
    Errors,
    decibels,
    error_shares,
    shift_errors,
    turn_errors,
    whole_shift_errors,
)
from ganlab.metrics.feature_arrays import checked_pair
from ganlab.metrics.frechet import (
    FrechetInfinity,
    Moments,
    MomentSums,
    add_features,
    finish,
    frechet_distance,
    frechet_infinity,
    moments,
    rank_warning,
)
from ganlab.metrics.inception_score import InceptionScore, inception_score
from ganlab.metrics.kernel_distance import KernelDistance, kernel_distance, squared_mmd
from ganlab.metrics.memorization import Memorization, memorized, memorized_share
from ganlab.metrics.mixture import ModeCount, count_modes
from ganlab.metrics.ms_ssim import (
    FIVE_SCALES_SIDE,
    ms_ssim,
    ms_ssim_diversity,
    ms_ssim_of_five_scales,
    ms_ssim_of_neighbours,
    ms_ssim_of_pairs,
)
from ganlab.metrics.nearest_neighbour import (
    LabelAgreement,
    label_agreement,
    nearest_labels,
)
from ganlab.metrics.neighbours import (
    PRDC,
    PrecisionRecall,
    neighbour_radii,
    prdc,
    prdc_shares,
    precision_recall,
    precision_recall_shares,
)
from ganlab.metrics.path_length import path_lengths, trimmed, trimmed_mean
from ganlab.metrics.power_spectrum import (
    PowerSums,
    Spectrum,
    add_images,
    in_decibels,
    power_spectrum,
    spectral_distance,
    spectral_slices,
    value_statistics,
)
from ganlab.metrics.sliced_wasserstein import (
    image_sliced_wasserstein,
    pyramid_sizes,
    sliced_wasserstein,
)
from ganlab.metrics.stacked_modes import (
    ChannelClassifier,
    StackedModes,
    count_stacked_modes,
    fit_channel_classifier,
)
from ganlab.metrics.summaries import (
    LEVEL,
    Difference,
    Improvement,
    Summary,
    coverage,
    improvement,
    paired_difference,
    small_sample_warning,
    summarise,
)

__all__ = ["ChannelClassifier", "Difference", "Errors", "FIVE_SCALES_SIDE", "FrechetInfinity",
           "Improvement", "InceptionScore", "Interval", "KernelDistance", "LEAST_TURNED", "LEVEL",
           "LabelAgreement", "Memorization", "ModeCount", "MomentSums", "Moments", "PRDC",
           "PowerSums", "PrecisionRecall", "Spectrum", "StackedModes", "Summary", "add_features",
           "add_images", "bootstrap", "checked_pair", "count_modes", "count_stacked_modes",
           "coverage", "decibels", "error_shares", "finish", "fit_channel_classifier",
           "frechet_distance", "frechet_infinity", "image_sliced_wasserstein", "improvement",
           "in_decibels", "inception_score", "kernel_distance", "label_agreement", "mean_interval",
           "memorized", "memorized_share", "moments", "ms_ssim", "ms_ssim_diversity",
           "ms_ssim_of_five_scales", "ms_ssim_of_neighbours", "ms_ssim_of_pairs", "nearest",
           "nearest_labels", "neighbour_radii", "paired_difference", "path_lengths",
           "power_spectrum", "prdc", "prdc_shares", "precision_recall", "precision_recall_shares",
           "pyramid_sizes", "rank_warning", "shift_errors", "sliced_wasserstein",
           "small_sample_warning", "spectral_distance", "spectral_slices", "squared_mmd",
           "summarise", "trimmed", "trimmed_mean", "turn_errors", "value_statistics",
           "whole_shift_errors"]
