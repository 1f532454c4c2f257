"""Estimators of how good samples are."""

from ganlab.metrics.feature_arrays import checked_pair
from ganlab.metrics.frechet import (
    FrechetInfinity, Moments, MomentSums, add_features, finish, frechet_distance, frechet_infinity, moments,
    rank_warning)
from ganlab.metrics.inception_score import InceptionScore, inception_score
from ganlab.metrics.kernel_distance import KernelDistance, kernel_distance, squared_mmd
from ganlab.metrics.mixture import ModeCount, count_modes
from ganlab.metrics.nearest_neighbour import LabelAgreement, label_agreement, nearest_labels
from ganlab.metrics.neighbours import PRDC, PrecisionRecall, neighbour_radii, prdc, precision_recall
from ganlab.metrics.stacked_modes import ChannelClassifier, StackedModes, count_stacked_modes, fit_channel_classifier

__all__ = ["PRDC", "ChannelClassifier", "FrechetInfinity", "InceptionScore", "KernelDistance", "LabelAgreement",
           "ModeCount", "MomentSums", "Moments", "PrecisionRecall", "StackedModes", "add_features", "checked_pair",
           "count_modes", "count_stacked_modes", "finish", "fit_channel_classifier", "frechet_distance",
           "frechet_infinity", "inception_score", "kernel_distance", "label_agreement", "moments", "nearest_labels",
           "neighbour_radii", "prdc", "precision_recall", "rank_warning", "squared_mmd"]
