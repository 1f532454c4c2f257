"""Pictures of samples: grids, scatters over a mixture, strips, and the animation over training."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ganlab.data import Dataset, as_pictures, finite_images, to_uint8
from ganlab.output import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_WIDTH = 720
BACKGROUND = 255
SMOOTH_BELOW = 32
STRIPE = 4  # Pixels, diagonally.
FEW_CLASSES = 20  # So many can have a column or a colour each.


def image_grid(images: np.ndarray, columns: int, width: int = PICTURE_WIDTH) -> np.ndarray:
    """Tiles images in rows, enlarged by a whole factor, with a white line between tiles.

    Images under 32 pixels are enlarged smoothly, because the eye does not read shapes of so
    few squares; larger ones keep their pixels as squares.

    Args:
      images: floats in [-1, 1] or uint8, [n, h, w, c]; of other than 1 or 3 channels a tile shows
        each in grey, one beside another.
      columns: tiles in a row.
      width: pixels that the picture may be wide; tiles are never made smaller than they are.

    Returns:
      uint8 [H, W, 3].
    """
    tiles = as_pictures(images if images.dtype == np.uint8 else to_uint8(images))
    count, height, tile_width, channels = tiles.shape
    tiles = np.broadcast_to(tiles, (count, height, tile_width, 3)) if channels == 1 else tiles
    # Enlarged by a whole factor, so that every pixel has the same size.
    scale, gap = tile_scale(tile_width, columns, width)
    tiles = np.stack([_enlarge(tile, scale) for tile in tiles])
    # Each tile in its place on white, which shows as the lines between them.
    rows = math.ceil(count / columns)
    step_y, step_x = tiles.shape[1] + gap, tiles.shape[2] + gap
    picture = np.full((rows * step_y + gap, columns * step_x + gap, 3), BACKGROUND, np.uint8)
    for number, tile in enumerate(tiles):
        y, x = gap + number // columns * step_y, gap + number % columns * step_x
        picture[y:y + tile.shape[0], x:x + tile.shape[1]] = tile
    return picture


def tile_scale(tile_width: int, columns: int, width: int = PICTURE_WIDTH) -> tuple[int, int]:
    """Returns by how much the tiles of an `image_grid` are enlarged, and the pixels between two."""
    scale = max(1, width // (columns * (tile_width + 1)))
    return scale, max(1, min(scale // 2, 4))


def striped(images: np.ndarray) -> np.ndarray:
    """Returns images [n, h, w, c] with stripes in place of those that are not finite, as a training
    may make them."""
    if images.ndim != 4 or images.dtype == np.uint8 or (finite := finite_images(images)).all():
        return images
    down, along = np.indices(images.shape[1:3])
    stripes = np.where((down + along) // STRIPE % 2, 1.0, -1.0)[..., None]
    return np.where(finite[:, None, None, None], images, stripes.astype(np.float32))


def rows_of_pairs(pairs: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Puts pictures uint8 [h, w, 1 or 3] beside each other, a row for each sequence of one height,
    on white; uint8 [H, W, 3]."""
    gap, rows = 2, []
    for tiles in pairs:
        tiles = [np.broadcast_to(tile, (*tile.shape[:2], 3)) for tile in tiles]
        rows.append(np.concatenate([np.pad(tile, ((gap, gap), (gap, gap), (0, 0)),
                                           constant_values=BACKGROUND)
                                    for tile in tiles], axis=1))
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0)),
                                  constant_values=BACKGROUND)
                           for row in rows])


def _enlarge(tile: np.ndarray, scale: int) -> np.ndarray:
    """Returns a tile uint8 [h, w, 3] at `scale` times its size."""
    height, width, _ = tile.shape
    smooth = max(height, width) < SMOOTH_BELOW
    filter_ = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(tile).resize((width * scale, height * scale), filter_))


def plane(points: np.ndarray) -> np.ndarray:
    """Returns the coordinates [n, 2] by which points [n, d] are drawn: the first and the last, of
    one number 0 too."""
    return np.stack([points[:, 0],
                     points[:, -1] if points.shape[1] > 1 else np.zeros_like(points[:, 0])], axis=1)


def scatter(points: np.ndarray, real: np.ndarray, title: str) -> np.ndarray:
    """Draws generated points [n, d] over real ones [m, d] by their `plane`, those that are finite;
    returns uint8 [h, w, 3]."""
    real, points = plane(real[np.isfinite(real).all(axis=1)]), plane(points)
    figure = new_figure(6.4, 6.4)
    axes = figure.add_subplot()
    axes.scatter(*real[:5000].T, s=3, c="#bbbbbb", linewidths=0, label="real")
    axes.scatter(*points.T, s=4, c="#d1495b", linewidths=0, alpha=0.6, label="generated")
    low, high = real.min(axis=0), real.max(axis=0)
    # The frame is that of the real points, so that the frames of an animation agree.
    margin = 0.15 * (high - low).max() or 1.0
    axes.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin),
             aspect="equal", title=title)
    axes.legend(loc="upper right", markerscale=4)
    return figure_pixels(figure)


def new_figure(width: float, height: float) -> "Figure":
    """Returns a matplotlib figure of this width and height in hundreds of pixels."""
    from matplotlib.figure import (
        Figure,  # Imported here: the first round of a training need not wait for it.
    )

    return Figure(figsize=(width, height), dpi=100, layout="constrained")


def figure_pixels(figure: "Figure") -> np.ndarray:
    """Returns the pixels uint8 [h, w, 3] of a matplotlib figure; needs no screen and no global
    state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw_samples(samples: np.ndarray, dataset: Dataset, columns: int, title: str) -> np.ndarray:
    """Draws samples by their kind: images as a grid, points as a scatter; uint8 [h, w, 3]."""
    if samples.ndim == 2:
        return scatter(samples, dataset.images, title)
    return image_grid(samples, columns)


def columns_for(number: int, classes: int) -> int:
    """Returns the columns of a grid: one for each class where classes are few, else about as many
    as rows."""
    if 1 < classes <= FEW_CLASSES and number >= classes:
        return classes
    return max(1, round(math.sqrt(number)))


def save_png(path: Path, pixels: np.ndarray) -> None:
    """Writes uint8 [h, w, 3], whole or not at all; raises WriteError where that fails."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    with whole_file(path) as file:
        file.write(buffer.getvalue())


def save_animation(path: Path, frames: Sequence[Path], seconds: float = 8.0) -> bool:
    """Writes PNG frames as a looping GIF of about `seconds`, the last one held; False
    without two frames."""
    if len(frames) < 2:
        return False
    pictures = [Image.open(frame).convert("RGB").quantize(64) for frame in frames]
    duration = max(40, round(1000 * seconds / len(pictures)))
    durations = [duration] * (len(pictures) - 1) + [duration + 2000]
    with whole_file(path) as file:
        pictures[0].save(file, format="gif", save_all=True, append_images=pictures[1:],
                         duration=durations, loop=0)
    return True
