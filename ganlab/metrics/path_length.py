"""Perceptual path length: how much images change along a short step between latents."""

from collections.abc import Callable

import numpy as np


def _unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1)


def spherical_step(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Interpolates latents [n, d] at t [n] along the great circle from a to b.

    The direction is Shoemake's (1985) of the two directions; the length changes linearly from that
    of a to that of b. Opposite latents have no great circle of their own, and do not reach each
    other.
    """
    length = np.linalg.norm(a, axis=-1, keepdims=True) * (1 - t)[:, None] + (
        np.linalg.norm(b, axis=-1, keepdims=True) * t[:, None])
    start, end = _unit(a), _unit(b)
    cosine = np.clip(np.sum(start * end, axis=-1, keepdims=True), -1, 1)
    across = _unit(end - cosine * start)
    angle = np.arccos(cosine) * t[:, None]
    return length * (start * np.cos(angle) + across * np.sin(angle))


def path_lengths(latents_a: np.ndarray, latents_b: np.ndarray, t: np.ndarray,
                 generate: Callable[[np.ndarray], np.ndarray],
                 distance: Callable[[np.ndarray, np.ndarray], np.ndarray], epsilon: float = 1e-4,
                 spherical: bool = True) -> np.ndarray:
    """Computes the perceptual path length [n] of each pair (Karras et al. 2019, eqs. 2 and 3).

    It is the distance of the images over epsilon^2. Latents are interpolated in float64, so that so
    short a step is not lost before the generator.

    Args:
      latents_a: where each path starts, [n, ...]: z for a spherical path, w for a straight one.
      latents_b: where it ends, [n, ...].
      t: [n] in [0, 1]: where on the path to look. The paper draws it uniformly ("full"), or sets 0
        ("end").
      generate: maps latents [n, ...] float64 to images, equal latents to equal images.
      distance: maps two sets of images to their squared perceptual distances [n].
      epsilon: the step, above 0.
      spherical: along great circles for latents drawn from a normal distribution; straight
        otherwise.

    Raises:
      ValueError: for latents that are not finite or of different shapes, t outside [0, 1], an
        epsilon of 0 or below.
    """
    # The ends and places of all paths, in float64.
    a, b, t = (np.asarray(value, np.float64) for value in (latents_a, latents_b, t))
    if a.shape != b.shape or a.ndim < 2 or t.shape != a.shape[:1] or not a.size:
        raise ValueError(f"latents of shapes {list(a.shape)} and {list(b.shape)} and t of "
                         f"{list(t.shape)} are given, and must be [n, ...] twice and [n]: draw the "
                         "same number of each.")
    if not (np.all(np.isfinite(a)) and np.all(np.isfinite(b))):
        raise ValueError("latents hold a NaN or an infinity, and all must be finite: look at the "
                         "mapping network.")
    if not (np.all((t >= 0) & (t <= 1)) and epsilon > 0):
        raise ValueError(f"epsilon={epsilon} and t from {np.min(t)} to {np.max(t)} are given, and "
                         "epsilon must be above 0 and t within 0 and 1: the published epsilon is "
                         "1e-4.")

    # Images at a place on each path: slerp in z (eq. 2), straight lines in w (eq. 3).
    def at(where: np.ndarray) -> np.ndarray:
        flat_a, flat_b = a.reshape(len(a), -1), b.reshape(len(b), -1)
        path = (spherical_step(flat_a, flat_b, where) if spherical
                else flat_a + (flat_b - flat_a) * where[:, None])
        return generate(path.reshape(a.shape))

    # The distance of images a step epsilon apart, in units of epsilon^2.
    return np.asarray(distance(at(t), at(t + epsilon)), np.float64) / epsilon**2


def trimmed(lengths: np.ndarray) -> np.ndarray:
    """Returns the lengths [k] of lengths [n] that `trimmed_mean` averages."""
    lengths = np.asarray(lengths, np.float64)
    if lengths.ndim != 1 or not len(lengths) or not np.all(np.isfinite(lengths)):
        raise ValueError(f"lengths of shape {list(lengths.shape)} are given, and must be finite "
                         "numbers [n], n at least 1: look for a generator that diverged.")
    low = np.percentile(lengths, 1, method="lower")
    high = np.percentile(lengths, 99, method="higher")
    return lengths[(lengths >= low) & (lengths <= high)]


def trimmed_mean(lengths: np.ndarray) -> float:
    """Averages lengths [n] from the 1st to the 99th percentile, inclusive: PPL as it is published.

    The bounds are lengths that occur: the one at or below the 1st percentile, and the one at or
    above the 99th.
    """
    return float(np.mean(trimmed(lengths)))
