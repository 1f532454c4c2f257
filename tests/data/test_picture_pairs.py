"""Pictures of folders and zip files that are translated: partners find each other, halves fall on their sides."""

import numpy as np
import pytest
from image_files import image_file, noise, write_folder, write_zip

from ganlab.config import ConfigError
from ganlab.data import SOURCES
from ganlab.systems import load_data
from tiny import tiny_config

two_folders, side_by_side = SOURCES["two_folders"], SOURCES["side_by_side"]
IMAGES = np.stack([noise(i, 8, 8) for i in range(4)])
OTHERS = np.stack([noise(10 + i, 8, 8) for i in range(4)])


def files(pictures, names):
    return {name: image_file(picture) for picture, name in zip(pictures, names, strict=True)}


@pytest.fixture
def folders(tmp_path):
    """Images in two classes, and sources of the same names in another order of writing."""
    names = ["b/2.png", "a/1.png", "b/1.png", "a/0.png"]
    return (str(write_folder(tmp_path / "images", files(IMAGES, names))),
            str(write_folder(tmp_path / "sources", files(OTHERS, names))))


ORDER = [3, 1, 2, 0]  # Of the names above when they are sorted.


def test_partners_have_the_same_name_and_images_the_classes_of_their_folders(folders):
    data = two_folders(*folders, resolution=8)
    np.testing.assert_array_equal(data.images, IMAGES[ORDER])
    np.testing.assert_array_equal(data.sources, OTHERS[ORDER])
    np.testing.assert_array_equal(data.labels, [0, 0, 1, 1])
    assert data.paired and data.class_names == ("a", "b") and data.name == "images"


def test_a_zip_file_is_as_good_as_a_folder_and_suffixes_may_differ(tmp_path):
    path = write_zip(tmp_path / "images.zip", files(IMAGES, ["x.png", "y.png", "Z.png", "w.png"]))
    sources = write_folder(tmp_path / "sources", {f"{name}.bmp": image_file(picture, "bmp")
                                                  for picture, name in zip(OTHERS, "xyZw", strict=True)})
    data = two_folders(str(path), str(sources), 8)
    for image, source in zip(data.images, data.sources, strict=True):
        number = [i for i in range(4) if np.array_equal(image, IMAGES[i])]
        np.testing.assert_array_equal(source, OTHERS[number[0]])


def test_unpaired_folders_may_have_any_names_and_numbers(folders, tmp_path):
    other = write_folder(tmp_path / "few", files(OTHERS[:2], ["p.png", "q.png"]))
    data = two_folders(folders[0], str(other), 8, paired=False)
    np.testing.assert_array_equal(data.sources, OTHERS[:2])
    assert [len(next(iter(stream.values()))) for stream in data.streams()] == [4, 2]


@pytest.mark.parametrize("lacking", [0, 1])
def test_pictures_without_a_partner_are_named(lacking, folders, tmp_path):
    name = ("images", "sources")[lacking]
    (tmp_path / name / "a" / "0.png").unlink()
    with pytest.raises(ConfigError) as error:
        two_folders(*folders, resolution=8)
    kind = ("sources", "images")[lacking]
    assert f"1 of 4 {kind} have no partner of the same name in {folders[lacking]} (a/0);" in str(error.value)
    assert "paired to False" in str(error.value)


def test_a_name_with_two_suffixes_has_no_clear_partner(folders, tmp_path):
    (tmp_path / "sources" / "a" / "1.bmp").write_bytes(image_file(OTHERS[0], "bmp"))
    with pytest.raises(ConfigError, match=r"has a/1\.bmp and a/1\.png, so that partners"):
        two_folders(*folders, resolution=8)


@pytest.mark.parametrize("source_side", ["left", "right"])
def test_the_source_is_the_half_that_is_said(source_side, tmp_path):
    left, right = (OTHERS, IMAGES) if source_side == "left" else (IMAGES, OTHERS)
    names = [f"{i}.png" for i in range(4)]
    path = write_folder(tmp_path / "both", files(np.concatenate([left, right], axis=2), names))
    data = side_by_side(str(path), 8, source_side)
    np.testing.assert_array_equal(data.images, IMAGES)
    np.testing.assert_array_equal(data.sources, OTHERS)
    assert data.paired and data.class_names == ("all",)


def test_each_half_is_cropped_and_resized_by_itself(tmp_path):
    source = np.repeat(np.array([0, 100, 100, 0], np.uint8), 4)[None, :, None] * np.ones((8, 1, 3), np.uint8)
    path = write_folder(tmp_path / "both", {"1.png": image_file(np.concatenate([source, 255 - source], axis=1))})
    data = side_by_side(str(path), 4, channels=1)
    # The middle square of each half, of 8 pixels in 16, is plain.
    np.testing.assert_array_equal(data.sources, np.full((1, 4, 4, 3), 100))
    np.testing.assert_array_equal(data.images, np.full((1, 4, 4, 1), 155))


@pytest.mark.parametrize(("source", "kwargs", "words"), [
    ("side_by_side", {"path": "odd", "resolution": 8}, "odd: 1.png is 15 pixels wide, an odd number"),
    ("side_by_side", {"path": "odd", "resolution": 8, "source_side": "up"}, "source_side 'up' is unknown"),
    ("side_by_side", {"path": "nowhere", "resolution": 8}, "nowhere does not exist"),
    ("side_by_side", {"path": "mixed", "resolution": 0}, "mixed: 2.png is of 4x8 pixels, those before of 8x8"),
    ("side_by_side", {"path": "broken", "resolution": 8}, "broken: 1.png is"),
    ("side_by_side", {"path": "odd", "resolution": 8, "crop": "center"}, "config.data.kwargs.crop 'center' is unknown"),
    ("two_folders", {"path": "odd", "source_path": "mixed", "resolution": 8, "source_channels": 2},
     "config.data.kwargs.source_channels is 2"),
    ("two_folders", {"path": "odd", "source_path": "mixed", "resolution": 8}, "1 of 2 sources have no partner"),
    ("two_folders", {"path": "odd", "resolution": 8}, "config.data.kwargs.source_path is missing"),
])
def test_mistakes_are_answered_in_a_sentence(source, kwargs, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "odd", {"1.png": image_file(noise(0, 8, 15))})
    write_folder(tmp_path / "mixed", {"1.png": image_file(noise(0, 8, 16)), "2.png": image_file(noise(0, 8, 8))})
    write_folder(tmp_path / "broken", {"1.png": image_file(noise(0, 8, 16))[:60]})
    if kwargs.get("source_channels"):
        (tmp_path / "mixed" / "2.png").unlink()
    with pytest.raises(ConfigError) as error:
        load_data(tiny_config(data={"source": source, "kwargs": kwargs}))
    assert words in str(error.value) and "\n" not in str(error.value)
