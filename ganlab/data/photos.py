"""Crops of photographs and textures that ship with scikit-learn and scikit-image: no download."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from ganlab.config import ConfigError, unknown
from ganlab.data.dataset import Dataset

# uint8 [n, side, side, c], and the number of each one's picture, int32 [n].
Crops = tuple[np.ndarray, np.ndarray]


def _of_scikit_learn(name: str) -> np.ndarray:
    # Imported here, as below: other sources need not wait for it.
    from sklearn.datasets import load_sample_image

    return load_sample_image(f"{name}.jpg")


def _of_scikit_image(name: str) -> np.ndarray:
    from skimage import data

    picture = getattr(data, name)()
    return picture[0] if isinstance(picture, tuple) else picture  # The left one of a stereo pair.


# Only what is inside the packages: scikit-image would download its other pictures. Left out are
# those that show no scene (stained tissue, a retina, stars) and the rocket, which is mostly sky.
PHOTOGRAPHS = {"china": _of_scikit_learn, "flower": _of_scikit_learn, "astronaut": _of_scikit_image,
               "chelsea": _of_scikit_image, "coffee": _of_scikit_image,
               "stereo_motorcycle": _of_scikit_image}
TEXTURES = {"brick": _of_scikit_image, "grass": _of_scikit_image, "gravel": _of_scikit_image}

SPLITS = ("train", "test")
# Share of each picture's width, at its right, from which the crops of `test` are cut.
HELD_OUT = 0.3
SMALLEST_SIDE = 8  # Of crops in pixels: below, nothing of a photograph is seen.
BLOCK = 500  # Crops that are cut at once.
ZOOM = 3.0  # Largest side of a crop before it is resized, in sides of the images.
# Scenes are a flower, a cat's face and a cup: their right halves, which are held out, are much like
# the left ones, while those of the other photographs are like nothing that was seen. Their crops
# show more, from SCENE_ZOOM sides on.
SCENES, SCENE_HELD_OUT, SCENE_ZOOM = ("flower", "chelsea", "coffee"), 0.5, 2.0


def photos(size: int = 4000, side: int = 64, split: str = "train", seed: int = 0) -> Dataset:
    """Cuts random crops of 6 colour photographs, 64x64 pixels, with the photograph as the class.

    Crops have random places and scales, from one pixel of the photograph for one of the image to
    three, and half are mirrored. They are resized by a cubic filter as wide as the scale. The right
    three tenths of each photograph are cut for `test` alone, so that no test crop shares a pixel
    with a train crop.

    Args:
      size: number of crops. The first crops of a larger set are those of a smaller one.
      side: of the crops in pixels, at most that of the smallest part that is cut: 135.
      split: `train` or `test`.
      seed: chooses photographs, places, scales and mirroring.

    Returns:
      uint8 images [size, side, side, 3].

    Raises:
      ConfigError: for an unknown split, or a side that the photographs do not have.
    """
    images, labels = _crops([load(name) for name, load in PHOTOGRAPHS.items()], size, side, split,
                            seed)
    return Dataset("photos", images, labels, tuple(PHOTOGRAPHS))


def textures(first: str = "brick", second: str = "gravel", source_size: int = 3000,
             size: int = 4000, side: int = 64, split: str = "train", seed: int = 0) -> Dataset:
    """Cuts unpaired crops of two textures, `first` to be translated to `second`, 64x64 grey.

    They are cut as those of `photos`, the two kinds independently, from scikit-image's textures of
    512x512 pixels.

    Args:
      first: the texture of the sources: brick, grass or gravel.
      second: the texture of the images.
      source_size: number of sources.
      size: number of images.
      side: of the crops in pixels, at most 154.
      split: `train` or `test`.
      seed: chooses places, scales and mirroring.

    Returns:
      uint8 images [size, side, side, 1] and sources [source_size, side, side, 1].

    Raises:
      ConfigError: for an unknown texture or split, or a side that the textures do not have.
    """
    found = []
    kinds = (("first", first, source_size), ("second", second, size))
    for number, (key, name, count) in enumerate(kinds):
        if name not in TEXTURES:
            raise unknown(f"config.data.kwargs.{key}", name, TEXTURES)
        # Each kind draws from a stream of its own, so that nothing pairs them.
        texture = TEXTURES[name](name)[..., None]
        found.append(_crops([texture], count, side, split, seed, stream=number)[0])
    # Sources are translated to images, whose texture is the only class.
    sources, images = found
    return Dataset("textures", images, np.zeros(size, np.int32), (second,), sources=sources,
                   paired=False)


def scenes(side: int, split: str, seed: int) -> Iterator[Crops]:
    """Cuts crops as `photos` does, but of `SCENES` and from two pixels to three for one, endlessly.

    The right half of each photograph is cut for `test` alone; the side is at most 225.

    Raises:
      ConfigError: as `photos`.
    """
    return _blocks([PHOTOGRAPHS[name](name) for name in SCENES], side, split, seed,
                   held_out=SCENE_HELD_OUT, nearest=SCENE_ZOOM)


def _crops(pictures: Sequence[np.ndarray], size: int, side: int, split: str, seed: int,
           stream: int = 0) -> Crops:
    """Cuts `size` random crops of pictures [h, w, c]."""
    blocks = itertools.islice(_blocks(pictures, side, split, seed, stream),
                              max(-(-size // BLOCK), 1))
    images, numbers = map(np.concatenate, zip(*blocks, strict=True))
    return images[:size], numbers[:size]


def _blocks(pictures: Sequence[np.ndarray], side: int, split: str, seed: int, stream: int = 0,
            held_out: float = HELD_OUT, nearest: float = 1.0) -> Iterator[Crops]:
    """Cuts random crops of pictures [h, w, c], in blocks without end."""
    if split not in SPLITS:
        raise unknown("config.data.kwargs.split", split, SPLITS)
    parts = [_part(picture, split, held_out) for picture in pictures]
    # Over both splits, so that a side that fits one of them fits the other too.
    largest = min(min(_part(picture, other, held_out).shape[:2]) for picture in pictures
                  for other in SPLITS)
    if not SMALLEST_SIDE <= side <= largest:
        raise ConfigError(f"config.data.kwargs.side is {side}; crops of these pictures have "
                          f"{SMALLEST_SIDE} to {largest} pixels")
    random = np.random.Generator(np.random.PCG64([seed, SPLITS.index(split), stream]))
    while True:
        # One row of draws for each crop: its picture, scale, place in x and y, mirroring.
        yield _cut(parts, random.random((BLOCK, 5)), side, nearest)


def _cut(parts: Sequence[np.ndarray], draws: np.ndarray, side: int, nearest: float) -> Crops:
    """Cuts the crops that rows of draws [n, 5] describe."""
    from PIL import Image

    opened = [Image.fromarray(part[..., 0] if part.shape[-1] == 1 else part) for part in parts]
    numbers = np.floor(draws[:, 0] * len(parts)).astype(np.int32)
    images = np.empty((len(draws), side, side, parts[0].shape[-1]), np.uint8)
    for index, (_, scale, x, y, mirrored) in enumerate(draws.tolist()):
        part = opened[numbers[index]]
        near, far = (min(zoom, min(part.size) / side) for zoom in (nearest, ZOOM))
        # Uniform in the logarithm: each doubling of the scale is as likely.
        length = side * near * (far / near) ** scale
        left, top = x * (part.width - length), y * (part.height - length)
        crop = part.resize((side, side), Image.Resampling.BICUBIC,
                           (left, top, left + length, top + length))
        pixels = np.asarray(crop).reshape(side, side, -1)
        images[index] = pixels[:, ::-1] if mirrored < 0.5 else pixels
    return images, numbers


def _part(picture: np.ndarray, split: str, held_out: float) -> np.ndarray:
    """Returns the part of a picture [h, w, c] that a split is cut from.

    `test` has the share `held_out` of the width, at the right.
    """
    border = round(picture.shape[1] * (1 - held_out))
    return picture[:, :border] if split == "train" else picture[:, border:]
