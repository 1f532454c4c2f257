"""Perceptual path lengths: how much images change along paths between latents, or styles."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ganlab.evaluation.features import Features
from ganlab.evaluation.generator import Generator
from ganlab.evaluation.measures import LOWER, Compared, Measure, Settings, mean_of
from ganlab.game import image_keys
from ganlab.metrics import path_lengths, trimmed

SETTINGS = {"paths": 1000, "epsilon": 1e-4}
IN_STYLES = {"ppl_wfull": "full", "ppl_wend": "end"}
"""Metrics of paths between styles, and where on each path they look: anywhere, or at its start."""
Generate = Callable[[np.ndarray], np.ndarray]


def path_measures(generator: Generator, features: Features) -> dict[str, Measure]:
    """Makes the measures of path lengths, by squared distances of features (Karras et al. 2019).

    `ppl_z` is between latents. `ppl_wfull` and `ppl_wend` are between styles, in straight lines,
    with a label and noise for each path; they are refused for a generator without styles.
    """
    # The protocol has the shape of images, on which the distance of features depends.
    latents = jax.eval_shape(lambda: generator.latents_of(0, 0, 1))
    shape = jax.eval_shape(generator.images, latents, jax.ShapeDtypeStruct((1,), np.int32),
                           None).shape[1:]
    settings = {**SETTINGS, "shape": list(shape)}
    found = {"ppl_z": _measure("ppl_z", _latent_paths, generator, features, "perceptual path "
                               "length in z, trimmed (Karras et al. 2019), by distances of "
                               "features", {**settings, "path": "spherical" if generator.spherical
                                            else "straight"})}
    for name, sampling in IN_STYLES.items():
        where = "at the start of each path" if sampling == "end" else "anywhere on each path"
        found[name] = _measure(
            name, _style_paths, generator, features, f"perceptual path length in w, {where}, "
            "trimmed (Karras et al. 2019; ppl_wfull and ppl2_wend of StyleGAN, whose distances are "
            "of LPIPS), by distances of features",
            {**settings, "path": "straight", "space": "w", "sampling": sampling},
            refused="" if generator.styles else "is of paths between styles, which this system's "
                                                "generator does not have; measure ppl_z")
    return found


def _measure(name: str, ends_of: Callable[[Generator, int, int], tuple[Any, Any, Generate]],
             generator: Generator, features: Features, meaning: str, settings: Settings,
             refused: str = "") -> Measure:
    """Makes a measure of paths; `ends_of(generator, seed, number)` returns their ends, and what
    makes images."""
    def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        # Not rounded to whole grey levels: the step is far less than one.
        seen = [features.extract((images + 1) * 127.5 if images.ndim == 4 else images)[0]
                for images in (a, b)]
        return np.sum((seen[0].astype(np.float64) - seen[1]) ** 2, axis=1)

    def lengths(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
        # A random place on each path, or its start.
        places = np.random.default_rng((seed, 2)).uniform(size=settings["paths"])
        if settings.get("sampling") == "end":
            places = np.zeros_like(places)
        *ends, generate = ends_of(generator, seed, settings["paths"])
        found = path_lengths(*ends, places, generate, distance, settings["epsilon"],
                             settings["path"] == "spherical")
        return {name: trimmed(found)}

    return mean_of(lengths, meaning, {name: LOWER}, settings=settings, needs=(), refused=refused)


def _latent_paths(generator: Generator, seed: int,
                  number: int) -> tuple[np.ndarray, np.ndarray, Generate]:
    """Draws pairs of latents with one label each."""
    a, b = (np.asarray(generator.latents_of(seed, start, number)) for start in (0, number))
    labels = generator.labels_of(seed, number)
    return a, b, lambda latents: generator.made(latents.astype(np.float32), labels)


def _style_paths(generator: Generator, seed: int,
                 number: int) -> tuple[np.ndarray, np.ndarray, Generate]:
    """Draws pairs of styles with one label each, and noise that stays the same along a path."""
    labels = generator.labels_of(seed, number)
    a, b = (generator.made(generator.latents_of(seed, start, number), labels, by=generator.styles)
            for start in (0, number))
    keys = image_keys(generator.keys_of(seed, 0, number))
    return a, b, lambda styles: generator.made(styles.astype(np.float32), labels, keys,
                                               by=generator.from_styles)
