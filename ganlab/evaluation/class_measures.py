"""Metrics that look at the classes of real images and of samples: class by class, or by a
classifier that learns from the one and reads the other."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganlab.evaluation.classifiers import fit_classifier, taps_of
from ganlab.evaluation.extraction import SeenSet
from ganlab.evaluation.measures import (
    HIGHER,
    LOWER,
    Compared,
    Measure,
    Settings,
    Values,
    mean_of,
)
from ganlab.metrics import frechet_distance, moments
from ganlab.networks import Classifier
from ganlab.output import counted

LEAST = 2
"""Pictures that a class needs for a covariance."""
CHANNELS = (8, 16, 32, 32)
LEAST_SIDE = 4  # Convolutions halve a side down to this one.
CLASSIFIER = {"steps": 500, "batch_size": 64, "optimizer": "AdamW 0.003, cosine to 0, decay 0.01",
              "largest_side": 32, "channels": list(CHANNELS), "least_side": LEAST_SIDE}
"""The whole recipe of the classifier of the accuracy scores, but for its seed: the evaluation's."""


def class_measures(class_names: Sequence[str] | None) -> dict[str, Measure]:
    """Makes the metrics of classes.

    Args:
      class_names: of the samples; None for samples that are of no class, of which they are refused.
    """
    names = tuple(class_names or ())
    refused = "" if names else (
        "needs samples of known classes, and these have none: a run that is told which class to "
        "draw (config.system.conditional), or folders with a folder for each class; leave it out")
    fitted: dict[str, tuple] = {}

    def intra_fid(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
        real, fake = _same_classes(*compared)
        _require_pictures(real, fake)
        return {"intra_fid": np.array([
            frechet_distance(*(moments(part.features[part.labels == label])
                               for part in (real, fake)))
            for label in range(len(fake.class_names))])}

    def accuracy(name: str, compared: Compared, seed: int) -> np.ndarray:
        real, fake = _same_channels(*_same_classes(*compared))
        learnt, read = (fake, real) if name == "cas" else (real, fake)
        if learnt.small.shape[1:] != read.small.shape[1:]:
            raise ValueError(f"real images of shape {list(real.small.shape[1:])} and samples of "
                             f"shape {list(fake.small.shape[1:])} are not read by one classifier: "
                             "bring both to one shape (--resolution=N sets the side).")
        # What learns from the real images is the same along a sweep.
        key, module = (learnt.sha256, learnt.labels.tobytes(), seed), _classifier(learnt)
        if fitted.get(name, ("",))[0] != key:
            fitted[name] = key, fit_classifier(module, learnt.small, learnt.labels,
                                               CLASSIFIER["steps"], seed, CLASSIFIER["batch_size"])
        logits = taps_of(module, fitted[name][1], read.small).logits
        return np.argmax(logits, axis=1) == read.labels

    needs = ("reference", "classes")
    return {
        "intra_fid": Measure(
            "mean over classes of the Fréchet distance between real images and samples of a class "
            "(Miyato & Koyama 2018)", {"intra_fid": LOWER}, _mean_over_classes(intra_fid),
            needs=(*needs, "features"), refused=refused, by_class=intra_fid),
        **{name: mean_of(
            lambda compared, settings, seed, name=name: {name: accuracy(name, compared, seed)},
            meaning, {name: HIGHER}, settings=CLASSIFIER, needs=(*needs, "small", "images"),
            sees=False, refused=refused, labels_of=labels_of)
            for name, meaning, labels_of in (
                ("cas", "classification accuracy score: share of real images that a classifier "
                 "trained on samples reads rightly (Ravuri & Vinyals 2019; GAN-train of Shmelkov "
                 "et al. 2018)", _real_labels),
                ("cas_real", "the other way round: share of samples that a classifier trained on "
                 "real images reads as the class that was asked for (GAN-test of Shmelkov et al. "
                 "2018)", _fake_labels))}}


def _mean_over_classes(
        by_class: Callable[[Compared, Settings, int], Mapping[str, np.ndarray]]
) -> Callable[[Compared, Settings, int], Values]:
    def estimate(compared: Compared, settings: Settings, seed: int) -> Values:
        return {name: float(np.mean(each))
                for name, each in by_class(compared, settings, seed).items()}

    return estimate


def _real_labels(compared: Compared) -> np.ndarray:
    return _same_classes(*compared)[0].labels


def _fake_labels(compared: Compared) -> np.ndarray:
    return compared.fake.labels


def _classifier(learnt: SeenSet) -> Classifier:
    """Returns the network: as many convolutions as halve the smaller side down to `LEAST_SIDE`."""
    halvings = int(np.log2(max(min(learnt.small.shape[1:3]) / LEAST_SIDE, 2)))
    return Classifier(len(learnt.class_names), CHANNELS[:1 + halvings])


def _same_classes(real: SeenSet, fake: SeenSet) -> tuple[SeenSet, SeenSet]:
    """Returns both sets with the classes in the order of the samples'."""
    if real.class_names == fake.class_names:
        return real, fake
    if set(real.class_names) != set(fake.class_names):
        apart = sorted(set(real.class_names) ^ set(fake.class_names))
        more = " and others" if len(apart) > 5 else ""
        raise ValueError(f"real images and samples are of different classes "
                         f"({', '.join(apart[:5])}{more} of one alone): name those with the same "
                         "classes.")
    order = np.array([fake.class_names.index(name) for name in real.class_names], np.int32)
    return real.with_labels(order[real.labels], fake.class_names), fake


def _same_channels(real: SeenSet, fake: SeenSet) -> tuple[SeenSet, SeenSet]:
    """Returns both sets, the grey one of two with colours where the other has some."""
    channels = max(part.small.shape[-1] for part in (real, fake))
    return tuple(dataclasses.replace(part, small=np.repeat(part.small, channels, axis=-1))
                 if part.small.shape[-1] == 1 < channels else part for part in (real, fake))


def _require_pictures(real: SeenSet, fake: SeenSet) -> None:
    """Raises ValueError for a class with too few pictures."""
    for part, what, flag in ((real, "real image", "--real_number"), (fake, "sample", "--number")):
        numbers = np.bincount(part.labels, minlength=len(part.class_names))
        if numbers.min() < LEAST:
            label = int(np.argmin(numbers))
            raise ValueError(f"class {part.class_names[label]} has "
                             f"{counted(int(numbers[label]), what)}, and a covariance takes at "
                             f"least {LEAST}: ask for more by {flag}.")


def per_class(part: SeenSet) -> dict[str, int]:
    """Returns the least and the largest number of pictures of a class, for the protocol."""
    numbers = np.bincount(part.labels, minlength=len(part.class_names))
    return {"least": int(numbers.min()), "most": int(numbers.max())}
