"""Features of whole sets: read once, kept on the disk by what they are of, and nothing half kept."""

import gc
import weakref

import numpy as np
import pytest
from PIL import Image

from ganlab.config import ConfigError
from ganlab.data import SOURCES, Dataset
from ganlab.evaluation import data_pictures, extraction, folder_pictures, load_features
from ganlab.evaluation.extraction import cache_folder, see
from ganlab.evaluation.picture_sets import PictureSet

IMAGES = np.random.default_rng(0).integers(256, size=(1203, 8, 8, 1)).astype(np.uint8)
DATASET = Dataset("noise", IMAGES, np.zeros(1203, np.int32), ("all",))
SOURCE = {"source": "noise", "kwargs": {}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write(folder, images):
    folder.mkdir()
    for i, image in enumerate(images):
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(folder / f"{i:04}.png")


def test_batches_cover_every_image_once_in_order_and_tell_the_progress():
    done = []
    found = see(data_pictures(DATASET, SOURCE), load_features("pixels"), done.append)
    np.testing.assert_allclose(found.features, IMAGES.reshape(1203, -1) / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(found.images, IMAGES)
    assert sum(done) == 1203 and found.logits is None


def test_a_set_is_read_once_and_then_comes_from_the_cache(monkeypatch):
    features = load_features("digits")
    first = see(data_pictures(DATASET, SOURCE, 30), features)
    monkeypatch.setattr(type(features), "extract", lambda *_: pytest.fail("read again"))
    again = see(data_pictures(DATASET, SOURCE, 30), features)
    np.testing.assert_array_equal(first.features, again.features)
    np.testing.assert_array_equal(first.logits, again.logits)
    assert first.sha256 == again.sha256 and len(list(cache_folder().iterdir())) == 1


def test_other_images_another_number_and_other_features_are_not_those_of_the_cache():
    features = load_features("digits")
    kept = see(data_pictures(DATASET, SOURCE, 30), features)
    other = Dataset("noise", 255 - IMAGES, DATASET.labels, ("all",))
    changed = see(data_pictures(other, SOURCE, 30), features)
    assert changed.sha256 != kept.sha256 and not np.allclose(changed.features, kept.features)
    assert len(see(data_pictures(DATASET, SOURCE, 31), features).features) == 31
    assert see(data_pictures(DATASET, SOURCE, 30), load_features("pixels")).features.shape == (30, 64)


def test_a_damaged_file_of_the_cache_is_made_again():
    features = load_features("digits")
    kept = see(data_pictures(DATASET, SOURCE, 30), features)
    file, = cache_folder().iterdir()
    for content in (b"", file.read_bytes()[:1000], b"nonsense"):
        file.write_bytes(content)
        again = see(data_pictures(DATASET, SOURCE, 30), features)
        np.testing.assert_array_equal(kept.features, again.features)


def test_nothing_is_kept_of_a_set_that_is_not_read_to_its_end(tmp_path):
    write(tmp_path / "images", IMAGES[:5])
    (tmp_path / "images/0003.png").write_bytes(b"no picture")
    with pytest.raises(ConfigError, match="0003.png"):
        see(folder_pictures(str(tmp_path / "images")), load_features("digits"))
    assert not cache_folder().exists() or not list(cache_folder().iterdir())


def test_a_folder_and_the_same_images_in_memory_are_the_same_content(tmp_path):
    colour = np.repeat(IMAGES[:9], 3, axis=-1)
    write(tmp_path / "images", colour)
    of_folder = see(folder_pictures(str(tmp_path / "images")), load_features("pixels"))
    in_memory = see(data_pictures(Dataset("noise", colour, DATASET.labels, ("all",)), SOURCE), load_features("pixels"))
    assert of_folder.sha256 == in_memory.sha256
    np.testing.assert_array_equal(of_folder.features, in_memory.features)


def test_a_changed_folder_is_extracted_again(tmp_path):
    write(tmp_path / "images", IMAGES[:4])
    features = load_features("digits")
    before = see(folder_pictures(str(tmp_path / "images")), features)
    Image.fromarray(IMAGES[9, ..., 0]).save(tmp_path / "images/0004.png")
    assert len(see(folder_pictures(str(tmp_path / "images")), features).features) == len(before.features) + 1


def test_folders_of_mixed_sizes_are_refused_with_the_remedy_and_taken_with_it(tmp_path):
    write(tmp_path / "images", [IMAGES[0], np.zeros((9, 8, 1), np.uint8)])
    with pytest.raises(ConfigError, match="0001.png is of 8x9 pixels, those before of 8x8; --resolution=N"):
        see(folder_pictures(str(tmp_path / "images")), load_features("pixels"))
    assert see(folder_pictures(str(tmp_path / "images"), 4), load_features("pixels")).features.shape == (2, 48)


def test_an_empty_folder_and_too_few_images_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="empty"):
        folder_pictures(str(tmp_path / "empty"))
    write(tmp_path / "images", IMAGES[:3])
    with pytest.raises(ConfigError, match="has 3 images, not the 4 asked for"):
        folder_pictures(str(tmp_path / "images"), number=4)
    with pytest.raises(ConfigError, match="--real_number=1,204"):
        data_pictures(DATASET, SOURCE, 1204)


def test_images_whose_features_are_not_finite_are_named_and_not_kept():
    points = np.zeros((700, 2), np.float32)
    points[612, 1] = np.nan
    with pytest.raises(ConfigError, match="image 612 of bad has features pixels that are not finite"):
        see(PictureSet("bad", 700, lambda start, stop: points[start:stop], cache_key="x"), load_features("pixels"))


def test_images_are_kept_up_to_a_number_of_bytes_and_no_batch_with_them(monkeypatch):
    monkeypatch.setattr(extraction, "KEPT_BYTES", 100 * 64 + 5)
    monkeypatch.setattr(extraction, "MOST_IMAGES_A_STEP", 30)
    alive = []

    def read(start, stop):
        images = IMAGES[start:stop].copy()
        alive.append(weakref.ref(images))
        return images

    found = see(PictureSet("noise", 400, read), load_features("pixels"))
    gc.collect()
    np.testing.assert_array_equal(found.images, IMAGES[:100])
    assert sum(reference() is not None for reference in alive) == 0


def test_large_images_are_seen_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr(extraction, "STEP_BYTES", 7 * 64 * 4)
    sizes = []
    see(PictureSet("noise", 30, lambda start, stop: sizes.append(stop - start) or IMAGES[start:stop]),
        load_features("pixels"))
    assert max(sizes) == 7 and sum(sizes) == 31  # The first is looked at for its size.


def test_data_on_a_disk_is_known_by_the_files_of_its_images(tmp_path):
    write(tmp_path / "images", IMAGES[:4])
    source = {"source": "folder", "kwargs": {"path": str(tmp_path / "images")}}
    before = data_pictures(SOURCES["folder"](str(tmp_path / "images"), 8, channels=1), source).cache_key
    assert data_pictures(SOURCES["folder"](str(tmp_path / "images"), 8, channels=1), source).cache_key == before != ""
    Image.fromarray(IMAGES[9, ..., 0]).save(tmp_path / "images/0001.png")
    assert data_pictures(SOURCES["folder"](str(tmp_path / "images"), 8, channels=1), source).cache_key != before
