"""What an array of features or images must be before anything is estimated from it."""

import numpy as np

from ganlab.output import agreeing, counted


def checked(name: str, features: np.ndarray, at_least: int = 1) -> np.ndarray:
    """Returns features as a float array [n, d] once it is certain that they can be measured.

    Args:
      name: what the complaint calls them.
      features: [n, d] of any real type; integers and extended precision become float64.
      at_least: the fewest examples that will do.

    Raises:
      ValueError: for another number of axes, no dimension, too few examples, or a value that is not
        finite.
    """
    features = np.asarray(features)
    if features.dtype.kind in "iub" or features.dtype == np.longdouble:
        features = features.astype(np.float64)
    # One row for each example.
    if features.ndim != 2 or features.dtype.kind != "f" or not features.shape[1]:
        raise ValueError(f"{name} features are {features.dtype} of shape {list(features.shape)}, "
                         "and must be real numbers of shape [examples, dimensions]: flatten what "
                         "belongs to one example.")
    if len(features) < at_least:
        few = counted(len(features), f"{name} feature is", f"{name} features are")
        raise ValueError(f"{few} too few: give at least {at_least}.")
    # A diverged generator, whose features would make every estimate NaN.
    bad = len(features) - int(np.sum(np.all(np.isfinite(features), axis=1)))
    if bad:
        raise ValueError(f"{bad} of {counted(len(features), f'{name} feature')} "
                         f"{agreeing(bad, 'holds', 'hold')} a NaN or an infinity, and all must be "
                         "finite: look for a generator or a feature network that diverged.")
    return features


def checked_pair(real: np.ndarray, fake: np.ndarray, at_least: int = 1,
                 names: tuple[str, str] = ("real", "fake")) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of `checked` features; raises ValueError if their dimensions differ."""
    real, fake = checked(names[0], real, at_least), checked(names[1], fake, at_least)
    if real.shape[1] != fake.shape[1]:
        raise ValueError(f"{names[0]} features have {counted(real.shape[1], 'dimension')} and "
                         f"{names[1]} features {fake.shape[1]}, and both must have the same "
                         "number: take both from one feature network.")
    return real, fake


def checked_images(name: str, images: np.ndarray, least_side: int = 1) -> np.ndarray:
    """Returns images [n, h, w, c], uint8 or floats, once it is certain that they can be measured.

    Args:
      name: what the complaint calls them.
      images: at least one; finite.
      least_side: the fewest pixels of height and of width that will do.

    Raises:
      ValueError: for anything else.
    """
    images = np.asarray(images)
    if images.ndim != 4 or not images.size or images.dtype != np.uint8 and images.dtype.kind != "f":
        raise ValueError(f"{name} images are {images.dtype} of shape {list(images.shape)}, and "
                         "must be uint8 or real numbers of shape [images, height, width, "
                         "channels], at least one.")
    # Windows and patches must fit into the images.
    if min(images.shape[1:3]) < least_side:
        raise ValueError(f"{name} images are {images.shape[1]}x{images.shape[2]}, and must be at "
                         f"least {least_side}x{least_side}: enlarge them or choose another metric.")
    if images.dtype != np.uint8 and not np.all(np.isfinite(images)):
        raise ValueError(f"{name} images hold a NaN or an infinity, and all must be finite: "
                         "look for a generator that diverged.")
    return images


def checked_image_pair(a: np.ndarray, b: np.ndarray, least_side: int = 1,
                       names: tuple[str, str] = ("real", "fake")) -> tuple[np.ndarray, np.ndarray]:
    """Returns two sets of `checked_images`; raises ValueError if their shapes or types differ."""
    a, b = checked_images(names[0], a, least_side), checked_images(names[1], b, least_side)
    if a.shape[1:] != b.shape[1:] or (a.dtype == np.uint8) != (b.dtype == np.uint8):
        raise ValueError(f"{names[0]} images are {a.dtype} of shape {list(a.shape[1:])} and "
                         f"{names[1]} images {b.dtype} of {list(b.shape[1:])}, and both must be "
                         "alike: resize or convert one of them.")
    return a, b


def check_count(name: str, count: int, least: int = 1, most: int | None = None,
                why: str = "") -> None:
    """Raises ValueError unless least <= count <= most (if given); `why` says what sets `most`."""
    if count < least:
        raise ValueError(f"{name}={count} is given, and at least {least} is needed: choose a "
                         f"larger {name}.")
    if most is not None and count > most:
        raise ValueError(f"{name}={count} is given, and at most {most} is allowed, {why}: "
                         f"choose a smaller {name} or take more examples.")
