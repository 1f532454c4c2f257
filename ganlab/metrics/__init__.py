"""Estimators of how good samples are."""

from ganlab.metrics.mixture import ModeCount, count_modes
from ganlab.metrics.nearest_neighbour import LabelAgreement, label_agreement, nearest_labels

__all__ = ["LabelAgreement", "ModeCount", "count_modes", "label_agreement", "nearest_labels"]
