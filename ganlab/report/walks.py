"""Walks between samples: latents on arcs, classes on straight lines between their one-hot rows."""

import itertools
from collections.abc import Sequence

import numpy as np


def shares(steps: int) -> np.ndarray:
    """Returns how much of the way is done at each step, [steps, 1]: from 0 to 1."""
    return np.linspace(0.0, 1.0, steps)[:, None]


def interpolate_latents(ends: np.ndarray, steps: int) -> np.ndarray:
    """Returns latents on the great arcs between neighbours of `ends` [n + 1, z], `steps` on each
    arc: [n * steps, z].

    Normal latents have nearly equal norms; the arc keeps them, where a chord would cut
    through norms that training never saw (White 2016).
    """
    walks = []
    share = shares(steps)
    for start, end in itertools.pairwise(np.asarray(ends)):
        lengths = max(np.linalg.norm(start) * np.linalg.norm(end), 1e-12)
        angle = np.arccos(np.clip(start @ end / lengths, -1.0, 1.0))
        if np.sin(angle) < 1e-6:
            walks.append((1 - share) * start + share * end)
        else:
            walks.append((np.sin((1 - share) * angle) * start + np.sin(share * angle) * end)
                         / np.sin(angle))
    return np.concatenate(walks)


def interpolate_classes(ends: Sequence[int], steps: int, classes: int) -> np.ndarray:
    """Returns weights of the classes on the lines between neighbours of `ends` [n + 1], labels,
    `steps` on each line: [n * steps, classes].

    A generator whose class enters by an embedding, as BigGAN's, then sees the line between the two
    vectors, along which Brock et al. 2019 walk from class to class.
    """
    rows = np.eye(classes, dtype=np.float32)[np.asarray(ends, int)]
    share = shares(steps).astype(np.float32)
    return np.concatenate([(1 - share) * start + share * end
                           for start, end in itertools.pairwise(rows)])
