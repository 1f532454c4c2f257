"""Pictures of a latent space: grids of images with words beside them, and the plane that the
data lies on."""

import dataclasses
import statistics
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ganlab.data import PICTURE_CHANNELS
from ganlab.output import counted
from ganlab.report.pictures import (
    FEW_CLASSES,
    PICTURE_WIDTH,
    figure_pixels,
    image_grid,
    tile_scale,
)

DPI = 100
LETTER = 8  # Pixels that a letter is wide at most, at matplotlib's ordinary size.
LINE = 30  # Pixels of a line of words with its distances.


@dataclasses.dataclass(frozen=True)
class LatentPlane:
    """A plane through latent space, on which latents are drawn and images are decoded.

    `origin` [z]; `axes` [2, z], orthonormal; `deviations` [2] of the normal whose quantiles the
    grid takes; `names` of both axes.
    """

    origin: np.ndarray
    axes: np.ndarray
    deviations: np.ndarray
    names: tuple[str, str]

    def project(self, latents: np.ndarray) -> np.ndarray:
        """Returns the places [n, 2] of latents [n, z] on the plane."""
        return (latents - self.origin) @ self.axes.T

    def ticks(self, side: int) -> np.ndarray:
        """Returns `side` places along each axis, [2, side]: equally likely steps of a normal, the
        lowest first."""
        normal = statistics.NormalDist()
        return np.outer(self.deviations,
                        [normal.inv_cdf((step + 0.5) / side) for step in range(side)])

    def grid(self, side: int) -> np.ndarray:
        """Returns latents [side * side, z] row by row, from the top left, as in Kingma & Welling
        2014, figure 4."""
        across, up = self.ticks(side)
        places = np.stack(np.meshgrid(across, up[::-1]), axis=-1).reshape(-1, 2)
        return self.origin + places @ self.axes


def latent_plane(latents: np.ndarray) -> LatentPlane:
    """Returns the plane to draw latents [n, z] on: all of a space of two dimensions, else that of
    largest variance.

    In two dimensions the grid follows the standard normal, from which samples are drawn; on
    the first two principal components it follows the spread of the latents given.

    Raises:
      ValueError: for latents of one dimension.
    """
    size = latents.shape[1]
    if size < 2:
        raise ValueError(f"latents of dimension {size} have no plane; 2 or more have one")
    if size == 2:
        return LatentPlane(np.zeros(2), np.eye(2), np.ones(2), ("first latent", "second latent"))
    origin = latents.mean(axis=0)
    _, lengths, axes = np.linalg.svd(latents - origin, full_matrices=False)
    shares = lengths**2 / np.sum(lengths**2)
    names = tuple(f"{word} principal component ({share:.0%} of the variance)"
                  for word, share in zip(("first", "second"), shares, strict=False))
    return LatentPlane(origin, axes[:2], lengths[:2] / np.sqrt(len(latents)), names)


def grid_sides(image_shape: Sequence[int], rows: int, columns: int) -> tuple[int, int]:
    """Returns the height and width in pixels of an `image_grid` of images [h, w, c]."""
    height, width, channels = image_shape
    # Of other than one channel or three, a tile shows one beside another.
    width *= 1 if channels in PICTURE_CHANNELS else channels
    scale, gap = tile_scale(width, columns)
    return rows * (height * scale + gap) + gap, columns * (width * scale + gap) + gap


def worded_grid(images: np.ndarray, columns: int, title: str, rows: Sequence[str] = (),
                heads: Sequence[str] = ()) -> np.ndarray:
    """Draws an `image_grid` under a title, with words before its rows and above its columns; uint8
    [H, W, 3]."""
    grid = image_grid(images, columns)
    height, width, _ = grid.shape
    # Its pixels one to one, in a figure that is larger by the words.
    left = LETTER * max((len(word) for word in rows), default=1) + LETTER
    top, right, bottom = LINE * (2 if heads else 1), LETTER, LETTER
    full = max(left + width + right, LETTER * len(title)), top + height + bottom
    figure = Figure(figsize=(full[0] / DPI, full[1] / DPI), dpi=DPI)
    axes = figure.add_axes((left / full[0], bottom / full[1], width / full[0], height / full[1]))
    axes.imshow(grid, interpolation="nearest", aspect="auto")
    axes.set_xticks(_centers(width, columns)[:len(heads)], heads)
    axes.set_yticks(_centers(height, -(-len(images) // columns))[:len(rows)], rows)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.text(0.5, 1 - LINE / 2 / full[1], title, ha="center", va="center")
    return figure_pixels(figure)


def _centers(length: int, tiles: int) -> np.ndarray:
    """Returns the middles of equal tiles along a picture."""
    return (np.arange(tiles) + 0.5) * length / tiles


def draw_latent_space(plane: LatentPlane, latents: np.ndarray, labels: np.ndarray,
                      class_names: Sequence[str], decoded: np.ndarray, title: str) -> np.ndarray:
    """Draws encoded data by class on the left, the decoder's images of `plane.grid` on the right;
    uint8 [H, W, 3].

    Args:
      plane: where both are.
      latents: encoded data [n, z].
      labels: its classes [n], each a colour; they are named where they are few.
      class_names: the names of all classes.
      decoded: images [side * side, h, w, c] of the plane's grid.
      title: of the whole picture.
    """
    side = round(len(decoded)**0.5)
    (left, right), (below, above) = plane.ticks(side)[:, [0, -1]]
    figure = Figure(figsize=(15, 8), dpi=DPI, layout="constrained")
    scattered, drawn = figure.subplots(1, 2)
    # On the left where the encoder puts each image, coloured by its class.
    few, places = len(class_names) <= FEW_CLASSES, plane.project(latents)
    colours = matplotlib.colormaps[
        ("tab10" if len(class_names) <= 10 else "tab20") if few else "hsv"]
    for label in np.unique(labels):
        colour = colours(int(label) if few else label / len(class_names))
        scattered.scatter(*places[labels == label].T, s=6, color=colour, linewidths=0,
                          label=class_names[label])
    scattered.add_patch(Rectangle((left, below), right - left, above - below, fill=False,
                                  linestyle="--"))
    scattered.set(xlabel=plane.names[0], ylabel=plane.names[1], aspect="equal",
                  title=f"{counted(len(latents), 'encoded image')}; dashed: the frame on the right")
    if few:
        scattered.legend(loc="upper left", bbox_to_anchor=(1, 1), markerscale=3, title="class")
    # Square whatever the deviations of both axes.
    drawn.imshow(image_grid(decoded, side, PICTURE_WIDTH), extent=(left, right, below, above),
                 aspect=(right - left) / (above - below))
    drawn.set_xticks((left, right), (f"{left:.2f}", f"{right:.2f}"))
    drawn.set_yticks((below, above), (f"{below:.2f}", f"{above:.2f}"))
    drawn.set(xlabel=plane.names[0], ylabel=plane.names[1],
              title="decoded, at equally likely steps of a normal")
    figure.suptitle(title)
    return figure_pixels(figure)
