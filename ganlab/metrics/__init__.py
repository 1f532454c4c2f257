"""Estimators of how good samples are."""

from ganlab.metrics.mixture import ModeCount, count_modes
from ganlab.metrics.nearest_neighbour import LabelAgreement, label_agreement, nearest_labels
from ganlab.metrics.stacked_modes import ChannelClassifier, StackedModes, count_stacked_modes, fit_channel_classifier

__all__ = ["ChannelClassifier", "LabelAgreement", "ModeCount", "StackedModes", "count_modes", "count_stacked_modes",
           "fit_channel_classifier", "label_agreement", "nearest_labels"]
