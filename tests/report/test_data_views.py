"""Tables and the picture of a data set show its examples where they are said to be."""

import io

import numpy as np
import pytest
from rich.console import Console

from ganlab.data import SOURCES, Dataset, examine
from ganlab.report.data_views import class_table, data_picture, data_table
from tiny import FROM_FILES, SOURCE_ARGUMENTS

SIDE = 40  # Not enlarged smoothly, so that levels stay what they are.


def flat(levels):
    """Images of one level each."""
    return np.broadcast_to(np.array(levels, np.uint8)[:, None, None, None], (len(levels), SIDE, SIDE, 1))


def dataset(levels, labels=None, names=("all",), **others):
    labels = np.zeros(len(levels), np.int32) if labels is None else np.array(labels, np.int32)
    return Dataset("flat", flat(levels), labels, names, **others)


def cells(picture, rows, columns):
    """The levels in the middle of each tile."""
    height, width, _ = picture.shape
    return [[int(picture[height * (2 * row + 1) // (2 * rows), width * (2 * column + 1) // (2 * columns), 0])
             for column in range(columns)] for row in range(rows)]


def printed(table):
    file = io.StringIO()
    Console(file=file, width=200).print(table)
    return file.getvalue()


def test_few_classes_have_a_column_each_and_white_where_they_have_no_more():
    labels = [0] * 30 + [1, 1] + [3]
    picture = data_picture(dataset([10] * 30 + [50, 60] + [90], labels, tuple("abcd")))
    expected = [[10, 255, 255, 255]] * 10
    expected[:2] = [10, 50, 255, 90], [10, 60, 255, 255]
    assert cells(picture, 10, 4) == expected


def test_without_classes_examples_at_equal_distances_are_shown_row_by_row():
    picture = data_picture(dataset(range(200)))
    assert cells(picture, 10, 10) == np.arange(0, 200, 2).reshape(10, 10).tolist()


def test_sources_of_pairs_stand_above_their_images():
    picture = data_picture(dataset(range(40), sources=flat(range(100, 140))))
    image = np.arange(40).reshape(4, 10)
    assert cells(picture, 8, 10) == np.stack([image + 100, image], axis=1).reshape(8, 10).tolist()


def test_unpaired_sources_fill_the_upper_half():
    picture = data_picture(dataset(range(40), sources=flat([200] * 20), paired=False))
    assert cells(picture, 8, 10) == [[200] * 10] * 2 + [[255] * 10] * 2 + np.arange(40).reshape(4, 10).tolist()


def test_large_images_make_no_picture_that_cannot_be_looked_at():
    images = np.zeros((50, 512, 512, 3), np.uint8)
    picture = data_picture(Dataset("large", images, np.arange(50, dtype=np.int32) % 10, tuple("abcdefghij")))
    assert max(picture.shape) <= 2100


@pytest.mark.usefixtures("prepared_data")
@pytest.mark.parametrize("name", sorted(SOURCES.keys() - FROM_FILES))
def test_every_source_has_tables_and_a_picture(name):
    data = SOURCES[name](**SOURCE_ARGUMENTS.get(name, {}))
    found = examine(data, most=200)
    text = printed(data_table(data, found)) + printed(class_table(data, found.counts))
    assert f"data set {data.name}" in text and f"{len(data):,}" in text and data.class_names[0] in text
    assert ("source shape" in text) == (data.sources is not None)
    assert data_picture(data).std() > 5


def test_bars_are_as_long_as_the_counts_and_every_example_is_seen():
    counts = np.array([300, 150, 1, 0])
    lines = printed(class_table(dataset([0] * 451, names=tuple("abcd")), counts)).splitlines()
    assert [line.count("█") for line in lines[-4:]] == [30, 15, 0, 0]
    assert ["▏" in line for line in lines[-4:]] == [False, False, True, False]


def test_of_many_classes_the_largest_the_smallest_and_some_between_are_shown():
    counts = np.arange(1, 101)[::-1]
    text = printed(class_table(dataset([0], names=tuple(f"class{i}" for i in range(100))), counts))
    assert "11 of 100 classes" in text and "class0 " in text and "class99 " in text and "class49" in text
    assert len(text.splitlines()) == 12
