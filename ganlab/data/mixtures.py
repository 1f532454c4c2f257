"""Two-dimensional Gaussian mixtures on which lost modes can be seen and counted."""

import numpy as np

from ganlab.data.dataset import Dataset


def _mixture(name: str, centers: np.ndarray, deviation: float, size: int, seed: int) -> Dataset:
    rng = np.random.Generator(np.random.PCG64(seed))
    labels = rng.integers(len(centers), size=size)
    points = centers[labels] + deviation * rng.standard_normal((size, 2))
    return Dataset(name, points.astype(np.float32), labels.astype(np.int32),
                   tuple(f"mode {i}" for i in range(len(centers))), centers.astype(np.float32),
                   deviation)


def ring8(size: int = 100_000, seed: int = 0) -> Dataset:
    """Draws from 8 Gaussians of deviation 0.01 on the unit circle (Lin et al. 2018, sec. 4.1)."""
    angles = 2 * np.pi * np.arange(8) / 8
    return _mixture("ring8", np.stack([np.cos(angles), np.sin(angles)], axis=-1), 0.01, size, seed)


def grid25(size: int = 100_000, seed: int = 0) -> Dataset:
    """Draws from 25 Gaussians of deviation 0.05 on {-4, ..., 4}^2 (Lin et al. 2018, sec. 4.1)."""
    ticks = np.arange(-4, 5, 2)
    return _mixture("grid25", np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), 0.05,
                    size, seed)
