"""Perceptual path lengths: how much images change along paths between latents, or styles."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from ganlab.evaluation.features import Features
from ganlab.evaluation.generator import Generator
from ganlab.evaluation.measures import LOWER, Measure, Settings, mean_of
from ganlab.game import image_keys
from ganlab.metrics import path_lengths, trimmed

SETTINGS = {"paths": 1000, "epsilon": 1e-4}
BLOCK_BYTES = 2**27
"""Bytes of images, as floats, at one end of the steps that are taken at once."""
LEAST_CROPPED = 8


class Paths(NamedTuple):
    """Between what paths lie (`z` or `w`), and where on each to look: anywhere or at its start."""

    space: str
    sampling: str


PATHS = {"ppl_zfull": Paths("z", "full"), "ppl_zend": Paths("z", "end"),
         "ppl_wfull": Paths("w", "full"), "ppl_wend": Paths("w", "end")}
"""Path lengths by the names of StyleGAN."""
KNOWN = {"ppl_wend": "ppl_wend, and without a crop ppl2_wend,"}
WHERE = {"full": "anywhere on each path", "end": "at the start of each path"}

Generate = Callable[[np.ndarray], np.ndarray]
Ends = tuple[np.ndarray, np.ndarray, Generate]


def path_measures(generator: Generator, features: Features) -> dict[str, Measure]:
    """Makes the measures of path lengths, by squared distances of features (Karras et al. 2019).

    `ppl_zfull` and `ppl_zend` are of paths between latents, `ppl_wfull` and `ppl_wend` of straight
    ones between styles, which are refused for a generator without styles. Both ends of a step have
    the label and the noise of their path. As in the official code, paths between latents of a
    generator with styles lie on the sphere of radius 1: mapping networks normalize their latents.
    Other generators see latents as they were trained on, between the lengths of the two that were
    drawn. `ppl_z` is that for any generator, anywhere on each path, with constant noise.
    """
    # The protocol has the shape of images, on which the distance of features depends.
    latents = jax.eval_shape(lambda: generator.latents_of(0, 0, 1))
    shape = jax.eval_shape(generator.images, latents, jax.ShapeDtypeStruct((1,), np.int32),
                           None).shape[1:]
    settings = {**SETTINGS, "shape": list(shape)}
    in_z = "spherical" if generator.spherical else "straight"
    found = {"ppl_z": _measure(
        "ppl_z", _latent_paths, generator, features, "perceptual path length in z, trimmed (Karras "
        "et al. 2019), with constant noise, by distances of features", {**settings, "path": in_z})}
    for name, (space, sampling) in PATHS.items():
        of_space = ({"path": in_z, "ends": "of length 1" if _on_unit_sphere(generator)
                     else "as they are drawn"} if space == "z" else {"path": "straight"})
        found[name] = _measure(
            name, _style_paths if space == "w" else _noisy_latent_paths, generator, features,
            f"perceptual path length in {space}, {WHERE[sampling]}, trimmed (Karras et al. 2019; "
            f"{KNOWN.get(name, name)} of StyleGAN, whose distances are of LPIPS), by distances of "
            "features",
            {**settings, **of_space, "space": space, "sampling": sampling, "crop": "none"},
            refused="" if generator.styles or space == "z" else
            "is of paths between styles, which this system's generator does not have; measure "
            f"{name.replace('w', 'z', 1)}")
    return found


def _on_unit_sphere(generator: Generator) -> bool:
    return generator.spherical and generator.styles is not None


def _unit(latents: np.ndarray) -> np.ndarray:
    latents = latents.astype(np.float64)
    length = np.sqrt(np.sum(latents**2, axis=tuple(range(1, latents.ndim)), keepdims=True))
    return latents / np.where(length > 0, length, 1)


def _measure(name: str, ends_of: Callable[[Generator, int, int], Callable[[int, int], Ends]],
             generator: Generator, features: Features, meaning: str, settings: Settings,
             refused: str = "") -> Measure:
    """Makes a measure of paths; `ends_of(generator, seed, number)` returns what gives the ends of
    those from `start` to `stop`, and what makes images of them."""
    def lengths(compared: Any, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
        number, crop = settings["paths"], settings.get("crop", "none")
        # A random place on each path, or its start.
        places = np.random.default_rng((seed, 2)).uniform(size=number)
        if settings.get("sampling") == "end":
            places = np.zeros_like(places)

        def distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            # Not rounded to whole grey levels: the step is far less than one.
            seen = [features.extract((images + 1) * 127.5 if images.ndim == 4 else images)[0]
                    for images in (_cropped(a, crop), _cropped(b, crop))]
            return np.sum((seen[0].astype(np.float64) - seen[1]) ** 2, axis=1)

        # As many paths at once as fit into memory.
        ends, found = ends_of(generator, seed, number), []
        for start, stop in _blocks(number, settings["shape"], generator.batch_size):
            *latents, generate = ends(start, stop)
            found.append(path_lengths(*latents, places[start:stop], generate, distance,
                                      settings["epsilon"], settings["path"] == "spherical"))
        return {name: trimmed(np.concatenate(found))}

    return mean_of(lengths, meaning, {name: LOWER}, settings=settings, needs=(), refused=refused)


def _blocks(number: int, shape: tuple[int, ...], batch_size: int) -> Iterator[tuple[int, int]]:
    """Yields where blocks of paths start and stop, each of whole batches."""
    batches = max(1, BLOCK_BYTES // (4 * int(np.prod(shape)) * batch_size))
    for start in range(0, number, batches * batch_size):
        yield start, min(start + batches * batch_size, number)


def _cropped(images: np.ndarray, crop: str) -> np.ndarray:
    """Cuts the face out of aligned portraits: of eight parts of a side, rows 3 to 7, columns 2 to
    6."""
    if crop == "none":
        return images
    if images.ndim != 4 or min(images.shape[1:3]) < LEAST_CROPPED:
        raise ValueError(f"crop={crop} is of images of at least {LEAST_CROPPED} pixels a side, and "
                         f"these are of shape {list(images.shape[1:])}: leave it out.")
    part = images.shape[1] // 8
    return images[:, 3 * part:7 * part, 2 * part:6 * part]


def _latent_paths(generator: Generator, seed: int, number: int) -> Callable[[int, int], Ends]:
    """Draws pairs of latents with one label each."""
    labels = generator.labels_of(seed, number)

    def ends(start: int, stop: int) -> Ends:
        a, b = (np.asarray(generator.latents_of(seed, first + start, stop - start))
                for first in (0, number))
        return a, b, lambda latents: generator.made(latents.astype(np.float32), labels[start:stop])

    return ends


def _noisy_latent_paths(generator: Generator, seed: int,
                        number: int) -> Callable[[int, int], Ends]:
    """Draws pairs of latents with one label each, and noise that stays the same along a path."""
    labels = generator.labels_of(seed, number)

    def ends(start: int, stop: int) -> Ends:
        a, b = (np.asarray(generator.latents_of(seed, first + start, stop - start))
                for first in (0, number))
        if _on_unit_sphere(generator):
            a, b = _unit(a), _unit(b)
        keys = image_keys(generator.keys_of(seed, start, stop - start))

        def generate(latents: np.ndarray) -> np.ndarray:
            latents, chosen = latents.astype(np.float32), labels[start:stop]
            if generator.styles is None:
                return generator.made(latents, chosen, keys)
            styles = generator.made(latents, chosen, by=generator.styles)
            return generator.made(styles, chosen, keys, by=generator.from_styles)

        return a, b, generate

    return ends


def _style_paths(generator: Generator, seed: int, number: int) -> Callable[[int, int], Ends]:
    """Draws pairs of styles with one label each, and noise that stays the same along a path."""
    labels = generator.labels_of(seed, number)

    def ends(start: int, stop: int) -> Ends:
        chosen = labels[start:stop]
        a, b = (generator.made(generator.latents_of(seed, first + start, stop - start), chosen,
                               by=generator.styles) for first in (0, number))
        keys = image_keys(generator.keys_of(seed, start, stop - start))
        return a, b, lambda styles: generator.made(styles.astype(np.float32), chosen, keys,
                                                   by=generator.from_styles)

    return ends
