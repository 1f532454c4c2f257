"""Metrics with their protocol: features, reference images, measures, results."""

from ganlab.evaluation.class_measures import class_measures
from ganlab.evaluation.critic_gap import CRITIC_GAP, critic_gap
from ganlab.evaluation.equivariance import equivariance_measures
from ganlab.evaluation.evaluate import (
    Request,
    Result,
    Track,
    Uncertainty,
    check_request,
    evaluate,
    metric_names,
    see_real,
    value_names,
)
from ganlab.evaluation.extraction import NotFinite
from ganlab.evaluation.features import FEATURES, Features, load_features
from ganlab.evaluation.generator import Generator, label_agreement, modes
from ganlab.evaluation.held_out import judged_data
from ganlab.evaluation.image_measures import image_measures
from ganlab.evaluation.judging import (
    Judging,
    chosen_features,
    make_judging,
    making,
    measures_for,
    subject_of,
)
from ganlab.evaluation.measures import MEASURES, Measure
from ganlab.evaluation.nearest_images import nearest_images
from ganlab.evaluation.paths import path_measures
from ganlab.evaluation.picture_sets import PictureSet, data_pictures, folder_pictures
from ganlab.evaluation.protocol import Protocol, differences, require_same
from ganlab.evaluation.results import Record, add_results, read_results
from ganlab.evaluation.settings import parse_settings, with_settings
from ganlab.evaluation.spectra import SPECTRA
from ganlab.evaluation.study import (
    DIVERGED,
    FAILED,
    FINISHED,
    MISSING,
    Cost,
    Level,
    Study,
    Trial,
    Value,
    Variant,
    level_text,
)
from ganlab.evaluation.sweeps import Curve, Sweep, curves_of, levels_of, parse_sweep
from ganlab.evaluation.translations import Translations

__all__ = ["CRITIC_GAP", "Cost", "Curve", "DIVERGED", "FAILED", "FEATURES", "FINISHED", "Features",
           "Generator", "Judging", "Level", "MEASURES", "MISSING", "Measure", "NotFinite",
           "PictureSet", "Protocol", "Record", "Request", "Result", "SPECTRA", "Study", "Sweep",
           "Track", "Translations", "Trial", "Uncertainty", "Value", "Variant", "add_results",
           "check_request", "chosen_features", "class_measures", "critic_gap", "curves_of",
           "data_pictures", "differences", "equivariance_measures", "evaluate", "folder_pictures",
           "image_measures", "judged_data", "label_agreement", "level_text", "levels_of",
           "load_features", "make_judging", "making", "measures_for", "metric_names", "modes",
           "nearest_images", "parse_settings", "parse_sweep", "path_measures", "read_results",
           "require_same", "see_real", "subject_of", "value_names", "with_settings"]
