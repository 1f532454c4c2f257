"""A data set in tables and one picture."""

import numpy as np
from rich.table import Table

from ganlab.data import (
    Dataset,
    Examination,
    Pictures,
    StoredImages,
    as_pictures,
    spread,
)
from ganlab.report.pictures import (
    BACKGROUND,
    figure_pixels,
    image_grid,
    new_figure,
    plane,
)
from ganlab.report.tables import byte_text

MOST_ROWS = 40  # Classes that have a row each in the table.
SHOWN_OF_MANY = 10  # Of more classes: this many of each size, and the smallest.
BAR = 30
MOST_COLUMNS = 20  # Classes that have a column each in the picture.
COLUMNS = 10  # Of the picture where classes have none.
ROWS, ROWS_OF_BOTH = 10, 8  # Of the picture, and of one of sources and images together.
MOST_PIXELS = 2000  # That the picture is wide and high, if its tiles are not larger.


def data_table(dataset: Dataset, found: Examination) -> Table:
    """Tabulates counts, shapes, bytes, mean and deviation of a data set, its images and its
    sources."""
    table = Table(title=f"data set {dataset.name}", title_justify="left", box=None, pad_edge=False,
                  show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("classes", f"{dataset.num_classes:,}")
    _add_pictures(table, "image" if len(dataset.images.shape) == 4 else "point", dataset.images,
                  found.images)
    if found.sources is not None:
        table.add_row("kind of set", "pairs: source i belongs to image i" if dataset.paired else
                      "two kinds of pictures, not paired")
        _add_pictures(table, "source", dataset.sources, found.sources)
    table.add_row("in memory", byte_text(dataset.nbytes))
    return table


def _add_pictures(table: Table, kind: str, array: np.ndarray | StoredImages,
                  found: Pictures) -> None:
    shape = " x ".join(map(str, array.shape[1:]))
    where = "" if isinstance(array, np.ndarray) else ", read from disk when they are asked for"
    table.add_row(f"{kind}s", f"{len(array):,}{where}")
    table.add_row(f"{kind} shape", f"{shape} {np.dtype(array.dtype).name}"
                  + (" (height x width x channels)" if len(array.shape) == 4 else ""))
    if found.looked_at < len(array):
        table.add_row(f"{kind}s looked at", f"{found.looked_at:,}, at equal distances, "
                      "for what follows")
    for what, values in (("mean", found.mean), ("deviation", found.deviation)):
        table.add_row(f"{kind} {what}", " ".join(f"{value:.4f}" for value in values))
    if len(array.shape) == 4:
        table.add_row(f"{kind} levels", f"{found.lowest} to {found.highest} of 0 to 255; mean and "
                      "deviation are of them in [-1, 1]")
    table.add_row(f"{kind} repeats", f"{found.repeats:,} ({found.repeats / found.looked_at:.1%})")


def class_table(dataset: Dataset, counts: np.ndarray) -> Table:
    """Tabulates the examples of each class with bars; of more than 40 classes, a few from the
    largest to the smallest."""
    chosen = np.arange(len(counts))
    title = "classes"
    if len(counts) > MOST_ROWS:
        by_size = np.argsort(-counts, kind="stable")
        chosen = by_size[[*spread(len(counts) - 1, SHOWN_OF_MANY), -1]]
        title = f"{len(chosen)} of {len(counts):,} classes by size"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold", max_width=40)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for label in chosen:
        count = int(counts[label])
        # At least a sliver for a class that has any.
        bar = "█" * round(BAR * count / counts.max()) or ("▏" if count else "")
        table.add_row(dataset.class_names[label], f"{count:,}", f"{count / len(dataset):.1%}", bar)
    return table


def data_picture(dataset: Dataset) -> np.ndarray:
    """Draws a grid of examples at equal distances, uint8 [h, w, 3]: a column for each class where
    these are few.

    Of pairs, each row of sources stands above that of its images; of unpaired sets, the upper half
    shows sources and the lower one images. Points are drawn as such.
    """
    if len(dataset.images.shape) != 4:
        return _points(dataset)
    both = dataset.sources is not None
    shapes = [_shown_size(array)
              for array in (dataset.images, dataset.sources) if array is not None]
    height, width = (max(sides) for sides in zip(*shapes, strict=True))
    most = MOST_PIXELS // height
    rows = min(ROWS_OF_BOTH, most) // 2 if both else min(ROWS, most)
    index = _places(dataset, max(1, rows), max(1, MOST_PIXELS // width))
    images = _tiles(dataset.images, index, height, width)
    if not both:
        return image_grid(images.reshape(-1, height, width, 3), index.shape[1])
    if dataset.paired:
        tiles = np.stack([_tiles(dataset.sources, index, height, width), images], axis=1)
    else:
        source_index = _evenly(np.arange(len(dataset.sources)), *index.shape)
        tiles = np.stack([_tiles(dataset.sources, source_index, height, width), images])
    return image_grid(tiles.reshape(-1, height, width, 3), index.shape[1])


def _shown_size(array: np.ndarray | StoredImages) -> tuple[int, int]:
    """Returns height and width of what is shown of a picture."""
    return as_pictures(np.empty((1, *array.shape[1:]), np.bool_)).shape[1:3]


def _places(dataset: Dataset, rows: int, most_columns: int) -> np.ndarray:
    """Returns which examples the picture shows, [rows, columns]; -1 for none."""
    if not 1 < dataset.num_classes <= min(MOST_COLUMNS, most_columns):
        return _evenly(np.arange(len(dataset)), rows, min(COLUMNS, most_columns))
    return np.concatenate([_evenly(np.flatnonzero(dataset.labels == label), rows, 1)
                           for label in range(dataset.num_classes)], axis=1)


def _evenly(index: np.ndarray, rows: int, columns: int) -> np.ndarray:
    found = np.full(rows * columns, -1)
    chosen = index[spread(len(index), rows * columns)]
    found[:len(chosen)] = chosen
    return found.reshape(rows, columns)


def _tiles(array: np.ndarray | StoredImages, index: np.ndarray, height: int,
           width: int) -> np.ndarray:
    """Returns the pictures at `index` [rows, columns], uint8 [rows, columns, height, width, 3];
    white where there is none."""
    tiles = np.full((index.size, height, width, 3), BACKGROUND, np.uint8)
    shown = np.flatnonzero(index.reshape(-1) >= 0)
    pictures = as_pictures(array[index.reshape(-1)[shown]])
    tiles[shown, :pictures.shape[1], :pictures.shape[2]] = pictures
    return tiles.reshape(*index.shape, height, width, 3)


def _points(dataset: Dataset) -> np.ndarray:
    figure = new_figure(6.4, 6.4)
    axes = figure.add_subplot()
    index = spread(len(dataset), 5000)
    axes.scatter(*plane(dataset.images[index]).T, s=3, c=dataset.labels[index], cmap="tab20",
                 linewidths=0)
    axes.set(title=dataset.name, aspect="equal")
    return figure_pixels(figure)
