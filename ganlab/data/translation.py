"""Paired sets made from one source: its pictures, and what `edges` or `grey` makes of them."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ganlab.config import ConfigError, choose
from ganlab.data.dataset import Dataset, StoredImages
from ganlab.data.loading import load_source
from ganlab.data.photos import SCENES, photos, scenes

BLOCK = 500  # Images that a function is given at once: few enough that its own arrays stay small.
SMOOTHING = 1.0  # Deviation in pixels of the Gaussian before slopes are taken.
# Slopes per pixel, for levels in [0, 1]: a line begins where it is steep and continues where it is
# less so. Lines are darker the steeper it is, and black from the last one on.
STEEP, LESS_STEEP, BLACK = 0.03, 0.015, 0.15
# The least share of a photograph's pixels that lines cover: an empty drawing says nothing.
LINES = 0.06


def grey(images: np.ndarray) -> np.ndarray:
    """Computes the luminance of uint8 images [n, h, w, c]: uint8 [n, h, w, 1].

    It is 0.299 red + 0.587 green + 0.114 blue, the weights of ITU-R BT.601 in 16-bit fixed point,
    rounded to nearest, as Pillow's mode L has them. Grey images stay as they are.
    """
    if images.shape[-1] == 1:
        return images
    luminance = (images @ np.array([19595, 38470, 7471], np.int32) + 0x8000) >> 16
    return luminance.astype(np.uint8)[..., None]


def edges(images: np.ndarray) -> np.ndarray:
    """Draws thin lines on white along the edges of uint8 images [n, h, w, c]: uint8 [n, h, w, 1].

    The detector of Canny 1986 ("A computational approach to edge detection"): a Gaussian of
    deviation 1, slopes by Sobel's kernels, each pixel's of the channel where it is steepest,
    without pixels that are not a maximum across the edge; then lines that have a slope of at least
    0.03 a pixel somewhere, as far as it is at least 0.015, for levels in [0, 1]. Lines are black
    from a slope of 0.15 on and fainter below, because the edges that Isola et al. 2017 translate
    are soft. It commutes with mirroring.
    """
    from scipy import ndimage  # Imported here: other sources need not wait for it.

    # Smoothing, then slopes along both axes by Sobel's kernels.
    smooth = ndimage.gaussian_filter(images.astype(np.float32) / 255, (0, SMOOTHING, SMOOTHING, 0))
    across = np.array((-1, 0, 1), np.float32) / 2
    along = np.array((1, 2, 1), np.float32) / 4
    slopes = [ndimage.correlate1d(ndimage.correlate1d(smooth, along, axis=3 - axis), across,
                                  axis=axis) for axis in (1, 2)]
    # Slopes of the steepest channel: luminance would miss edges between equally bright colours.
    steepest = np.hypot(*slopes).argmax(axis=-1)[..., None]
    slope_y, slope_x = (np.take_along_axis(values, steepest, axis=-1)[..., 0] for values in slopes)
    slope = np.hypot(slope_y, slope_x)
    # Canny's thinning: only maxima across the edge remain.
    lines = (slope >= LESS_STEEP) & _ridges(slope, slope_y, slope_x)
    # Canny's hysteresis: a line stays if it is steep somewhere. Corners connect, images do not.
    connected = np.zeros((3, 3, 3), bool)
    connected[1] = True
    numbers, count = ndimage.label(lines, connected)
    kept = np.zeros(count + 1, bool)
    kept[numbers[lines & (slope >= STEEP)]] = True
    darkness = np.where(kept[numbers], np.minimum(slope / BLACK, 1), 0)
    return (255 - np.rint(255 * darkness)).astype(np.uint8)[..., None]


def _ridges(slope: np.ndarray, slope_y: np.ndarray, slope_x: np.ndarray) -> np.ndarray:
    """Finds the pixels of slopes [n, h, w] that neither neighbour across the edge exceeds."""
    height, width = slope.shape[1:]
    padded = np.pad(slope, ((0, 0), (1, 1), (1, 1)))
    # The direction across the edge, to the nearest eighth of a turn.
    steep = np.abs(slope_y) > np.tan(np.pi / 8) * np.abs(slope_x)
    flat = np.abs(slope_x) > np.tan(np.pi / 8) * np.abs(slope_y)
    same = slope_x * slope_y > 0
    found = np.zeros(slope.shape, bool)
    for (y, x), chosen in (((0, 1), ~steep), ((1, 0), ~flat), ((1, 1), steep & flat & same),
                           ((1, -1), steep & flat & ~same)):
        one, other = (padded[:, 1 + s * y:1 + s * y + height, 1 + s * x:1 + s * x + width]
                      for s in (1, -1))
        found |= chosen & (slope >= one) & (slope >= other)
    return found


TRANSLATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"edges": edges, "grey": grey}


@dataclasses.dataclass(frozen=True)
class TranslatedImages:
    """A function of images on a disk, computed when they are asked for (see `StoredImages`)."""

    images: StoredImages
    function: Callable[[np.ndarray], np.ndarray]
    shape: tuple[int, ...]
    dtype: np.dtype = np.dtype(np.uint8)

    @property
    def nbytes(self) -> int:
        """Bytes that the images would take in memory."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: np.ndarray | slice | int) -> np.ndarray:
        if isinstance(index, int | np.integer):
            return self.function(self.images[index][None])[0]
        return self.function(self.images[index])


def translated(source: str, function: str = "edges",
               kwargs: Mapping[str, Any] | None = None) -> Dataset:
    """Pairs any source's pictures with what a function makes of each, to be translated back.

    Args:
      source: name of the source of the images, or `package.module:function`.
      function: `edges`, `grey` or `package.module:function`, which takes uint8 images [n, h, w, c]
        to uint8 sources [n, height, width, channels], each of one image alone.
      kwargs: keyword arguments of the source.

    Returns:
      The source's data set with its sources; on a disk where the images are.

    Raises:
      ConfigError: for mistakes in the names or arguments, and for a source of points or of pairs.
    """
    return _translate(load_source(source, kwargs or {}, "data.kwargs"), function)


def photo_edges(size: int = 4000, side: int = 64, split: str = "train", seed: int = 0) -> Dataset:
    """Pairs crops of 3 photographs with their `edges`, to be translated back, 64x64 pixels.

    They are `scenes` of which lines cover at least 6% of the pixels. The right halves are held out
    for `test`.
    """
    kept, count = [], 0
    for images, labels in scenes(side, split, seed):
        # Crops of which nothing can be drawn, such as sky, are left out.
        drawings = edges(images)
        drawn = np.mean(drawings < 255, axis=(1, 2, 3)) >= LINES
        kept.append((images[drawn], labels[drawn], drawings[drawn]))
        count += np.sum(drawn)
        if count >= size:
            break
    images, labels, drawings = (np.concatenate(arrays)[:size] for arrays in zip(*kept, strict=True))
    return Dataset("photo_edges", images, labels, SCENES, sources=drawings)


def photo_grey(size: int = 4000, side: int = 64, split: str = "train", seed: int = 0) -> Dataset:
    """Pairs the colour crops of `photos` with their `grey`, to be translated back, 64x64 pixels."""
    return dataclasses.replace(_translate(photos(size, side, split, seed), "grey"),
                               name="photo_grey")


def _translate(dataset: Dataset, name: str) -> Dataset:
    """Adds to a data set of images the sources that a function makes of them."""
    function = choose(TRANSLATIONS, name, "data.kwargs.function")
    images = dataset.images
    if len(images.shape) != 4:
        raise ConfigError(f"config.data.kwargs.source is {dataset.name!r}, a set of points; take a "
                          "source of images")
    if dataset.sources is not None:
        raise ConfigError(f"config.data.kwargs.source is {dataset.name!r}, a set of pairs; take a "
                          "source of single images")
    # One image shows what the function makes, before it is given all of them.
    first = function(images[:1])
    if first.dtype != np.uint8 or first.ndim != 4 or len(first) != 1:
        raise ConfigError(f"config.data.kwargs.function is {name!r}, which makes {first.dtype} "
                          f"{list(first.shape)} of one image; it must make uint8 [1, height, "
                          "width, channels]")
    shape = (len(images), *first.shape[1:])
    if isinstance(images, np.ndarray):
        # In memory the sources are made at once, on a disk when they are asked for.
        sources = np.empty(shape, np.uint8)
        for start in range(0, len(images), BLOCK):
            sources[start:start + BLOCK] = function(images[start:start + BLOCK])
    else:
        sources = TranslatedImages(images, function, shape)
    return dataclasses.replace(dataset, sources=sources)
