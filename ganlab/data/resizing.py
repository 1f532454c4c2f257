"""Crops and sizes of pictures: the part that is kept, averaged over true areas if it shrinks."""

from collections.abc import Callable

import numpy as np

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are just outside."""

WIDE = (4, 3)
"""Width to height of `centre-wide`, as of LSUN cars in StyleGAN (512x384 in a square of 512)."""
MOST_ENLARGED = 8
"""The largest factor by which a picture may grow; beyond it, too little is left to learn from."""


def _whole(width: int, height: int) -> Box:
    return 0, 0, width, height


def _middle(width: int, height: int, wide: int, high: int) -> Box:
    """Returns the largest middle box of ratio `wide` to `high`; odd pixels are cut at the end."""
    inside_width = min(width, max(1, round(height * wide / high)))
    inside_height = min(height, max(1, round(width * high / wide)))
    left, top = (width - inside_width) // 2, (height - inside_height) // 2
    return left, top, left + inside_width, top + inside_height


def _centre(width: int, height: int) -> Box:
    return _middle(width, height, 1, 1)


def _centre_wide(width: int, height: int) -> Box:
    return _middle(width, height, *WIDE)


CROPS: dict[str, Callable[[int, int], Box]] = {"centre": _centre, "centre-wide": _centre_wide,
                                               "none": _whole}
"""The box that is kept of a picture, by its width and height. `centre`: the square in the middle.
`centre-wide`: the middle of ratio `WIDE`, then between black bars in a square (Karras et al. 2019,
"A style-based generator architecture", on LSUN cars). `none`: everything."""


def crop_size(width: int, height: int, crop: str) -> tuple[int, int]:
    """Returns width and height of the part of a picture that is kept."""
    left, top, right, bottom = CROPS[crop](width, height)
    return right - left, bottom - top


def resize(pixels: np.ndarray, resolution: int, crop: str = "centre") -> np.ndarray:
    """Crops pixels uint8 [h, w, c] and resizes them to a square [resolution, resolution, c].

    A side that shrinks is averaged over true areas, in which parts of pixels count by their share;
    one that grows is interpolated by Lanczos' filter. With resolution 0 the kept part has its own
    size, without bars. `crop="none"` of a picture that is not square changes its proportions.
    """
    left, top, right, bottom = CROPS[crop](pixels.shape[1], pixels.shape[0])
    kept = pixels[top:bottom, left:right]
    if not resolution:
        return kept
    if crop != "centre-wide":
        return scale(kept, resolution, resolution)
    # Black bars above and below, as StyleGAN has LSUN cars.
    height = max(1, round(resolution * WIDE[1] / WIDE[0]))
    square = np.zeros((resolution, resolution, pixels.shape[-1]), np.uint8)
    first = (resolution - height) // 2
    square[first:first + height] = scale(kept, resolution, height)
    return square


def scale(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes pixels uint8 [h, w, c] to [height, width, c]."""
    from PIL import Image  # Imported here: other sources need not wait for it.

    old_height, old_width = pixels.shape[:2]
    if (old_height, old_width) == (height, width):
        return pixels
    if width <= old_width and height <= old_height and (old_width % width or old_height % height):
        return _area_means(pixels, width, height)
    # If areas are whole pixels, Pillow's box filter is their mean, and faster.
    smooth = (Image.Resampling.LANCZOS if width > old_width or height > old_height
              else Image.Resampling.BOX)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    return np.asarray(image.resize((width, height), smooth)).reshape(height, width, -1)


def _area_means(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    means = _line_means(_line_means(pixels, height, 0), width, 1)
    return np.rint(means).clip(0, 255).astype(np.uint8)


def _line_means(values: np.ndarray, new: int, axis: int) -> np.ndarray:
    """Averages an axis, in float32, over `new` equal lengths, among which values are split."""
    old = values.shape[axis]
    edges = np.arange(new + 1) * old
    whole, part = edges // new, (edges % new / new).astype(np.float32)
    # A sum of whole values, less what lies before its start, plus the part of the last one.
    part = part.reshape(-1, *(1,) * (values.ndim - axis - 1))
    ends = np.take(values, np.minimum(whole, old - 1), axis) * part
    first, last = (slice(None),) * axis + (slice(-1),), (slice(None),) * axis + (slice(1, None),)
    sums = np.add.reduceat(values, whole[:-1], axis, np.float32) - ends[first] + ends[last]
    return sums * np.float32(new / old)
