"""Sets in TFDS's default format, without TensorFlow: the same examples as in array_record, and damage by its place."""

import base64
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from prepared import SIZES, png, prepare_cifar10, tfrecord, to_tfrecord
from prepared import prepare as prepare_set
from tensorflow_datasets import features

from ganlab.cli import data_prepare_command
from ganlab.config import ConfigError
from ganlab.data import SOURCES, list_prepared, prepare
from ganlab.data.tfrecord import masked_checksum, read_record, record_places

tfds = SOURCES["tfds"]

# Three examples as `tf.io.TFRecordWriter` of TensorFlow 2.21 writes them: pictures of `tf.io.encode_png`, deflated.
OF_TENSORFLOW = zlib.decompress(base64.b85decode(
    'c-ou900HXmYXZ3X8M%bG*veBg(=$qhIE2`^SU^%-AzZAPxryniLf%}ST<)C#e(t<nQd~e8UQZ8~ARx^I!W<yA;dg_604Y9C7sn8e'
    'naK$TNghA>8JMOrPMbK>Odq7e)78&qol`;+moOJoW{MCm7dIDYYDHphK~AcI0T&+^YffTPYK{=A6f+kiQ)6`T{z(K~XitF)Q_>TX'
    '5`c!7G4O<})MX^(LPIncGE4}`m`Kot4HUUBB_%NlXowmEccsE}aY8OMLUSSGxoNMI0GsS$tp'))
PICTURES, LABELS = [[[0, 50], [100, 255]], [[7, 7], [7, 8]], [[1, 2], [3, 4]]], [2, 0, 1]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The tiny CIFAR-10 in array_record and in tfrecord."""
    folder = tmp_path_factory.mktemp("both")
    prepare_cifar10(folder / "array_record")
    shutil.copytree(folder / "array_record", folder / "tfrecord")
    to_tfrecord(folder / "tfrecord")
    return str(folder / "array_record"), str(folder / "tfrecord")


@pytest.mark.parametrize("split", ["train", "test", "train[:25%]", "train[-3:]", "train[90%:]+test", "train[5:6]"])
def test_examples_are_those_of_array_record_in_their_order(both, split):
    wanted, found = (tfds("cifar10", split, data_dir=folder) for folder in both)
    np.testing.assert_array_equal(found.images, wanted.images)
    np.testing.assert_array_equal(found.labels, wanted.labels)
    assert found.class_names == wanted.class_names and found.name == wanted.name


def test_records_that_tensorflow_wrote_are_read(tmp_path):
    example = {"image": png(np.zeros((2, 2), np.uint8)), "label": 0, "id": "x", "weight": 0.0}
    prepare_set(tmp_path, "small", {"image": features.Image(shape=(2, 2, 1)), "id": features.Text(),
                                    "label": features.ClassLabel(names="abc"), "weight": features.Scalar(np.float32)},
                {"train": [example] * 3})
    to_tfrecord(tmp_path)
    next(tmp_path.rglob("*.tfrecord*")).write_bytes(OF_TENSORFLOW)
    data = tfds("small", data_dir=str(tmp_path))
    assert data.images[:][..., 0].tolist() == PICTURES and data.labels.tolist() == LABELS
    assert tfrecord([read_record(str(next(tmp_path.rglob("*.tfrecord*"))), i) for i in range(3)]) == OF_TENSORFLOW


def test_every_way_to_a_prepared_set_reads_it(both, monkeypatch):
    wanted = tfds("cifar10", data_dir=both[0])
    opened = SOURCES["imported"](f"{both[1]}/cifar10/3.0.2")
    np.testing.assert_array_equal(opened.images, wanted.images)
    frogs = tfds("cifar10", only_class="frog", data_dir=both[1])
    np.testing.assert_array_equal(frogs.images, wanted.images[np.flatnonzero(wanted.labels == 6)])
    monkeypatch.setenv("TFDS_DATA_DIR", both[1])
    listing = list_prepared("cifar10")
    assert len(listing) == SIZES["train"] and listing.read(3)[:4] == b"\x89PNG"
    assert prepare("cifar10").data_path.is_relative_to(both[1])  # It is there already, with nothing to prepare.
    assert data_prepare_command.prepare is prepare


def test_threads_read_at_once(both):
    data = tfds("cifar10", data_dir=both[1])
    whole = data.images[:]
    with ThreadPoolExecutor(8) as pool:
        for i, image in enumerate(pool.map(data.images.__getitem__, list(range(len(data))) * 4)):
            np.testing.assert_array_equal(image, whole[i % len(data)])


def test_records_come_back_as_they_were_written(tmp_path):
    records = [b"", b"x", bytes(range(256)) * 300, b"\0" * 9]
    file = tmp_path / "a.tfrecord"
    file.write_bytes(tfrecord(records))
    assert [read_record(str(file), i) for i in range(len(records))] == records
    assert record_places(str(file)).shape == (4, 2)
    file.write_bytes(b"")
    assert record_places(str(file)).shape == (0, 2)


# CRC-32C of RFC 3720, appendix B.4, masked as TensorFlow does: its own crc32c_test.cc has the same sums.
@pytest.mark.parametrize(("data", "crc"), [
    (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43), (bytes(range(32)), 0x46DD794E), (b"123456789", 0xE3069283)])
def test_the_checksum_is_that_of_the_standard(data, crc):
    assert masked_checksum(data) == ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32


def damage(change):
    """What is done to the bytes of the file of training records."""
    def damaged(folder):
        file = next(folder.rglob("*train.tfrecord*"))
        file.write_bytes(change(file.read_bytes()))
    return damaged


def flipped(place):
    """Changes one bit."""
    return lambda data: data[:place] + bytes([data[place] ^ 1]) + data[place + 1:]


def gone(folder):
    """Removes the file."""
    next(folder.rglob("*train.tfrecord*")).unlink()


DAMAGE = {
    "length": (damage(flipped(0)), "the length of record 0 does not have its checksum"),
    "checksum of the length": (damage(flipped(9)), "the length of record 0 does not have its checksum"),
    "data": (damage(flipped(40)), "record 0 does not have its checksum"),
    "cut within data": (damage(lambda data: data[:-100]), "ends within record 39"),
    "cut within a header": (damage(lambda data: data + data[:7]), "ends within record 40"),
    "a record too many": (damage(lambda data: data + tfrecord([b""])), "41 records and its description 40"),
    "a huge length": (damage(lambda data: struct.pack("<Q", 2**62) + struct.pack(
        "<I", masked_checksum(struct.pack("<Q", 2**62))) + data[12:]), "ends within record 0"),
    "other records": (damage(lambda data: tfrecord([b"\xff\xff"] * 40)), "not a tf.train.Example"),
    "no features": (damage(lambda data: tfrecord([b""] * 40)), "without image and label"),
    "text": (damage(lambda data: b"no records at all\n" * 9), "the length of record 0"),
    "gone": (gone, "is gone; prepare the data set again"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_answered_in_a_sentence_that_names_the_file(case, both, tmp_path):
    change, words = DAMAGE[case]
    shutil.copytree(both[1], tmp_path / "set")
    change(tmp_path / "set")
    with pytest.raises(ConfigError, match=words) as error:
        tfds("cifar10", data_dir=str(tmp_path / "set")).images[:]
    assert "\n" not in str(error.value) and "cifar10" in str(error.value)
