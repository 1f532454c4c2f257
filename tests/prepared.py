"""A data set prepared by TFDS in the form of CIFAR-10 and named like it, but tiny and drawn at random.

TFDS writes it without TensorFlow, because the images are given as PNG files are: in bytes.
"""

import io
import json
import struct
from pathlib import Path

import google_crc32c
import numpy as np
import tensorflow_datasets as tfds
from array_record.python import array_record_module
from PIL import Image

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIZES = {"train": 40, "test": 10}


def cifar10_examples(split):
    """The images uint8 [n, 32, 32, 3] and labels [n] of a split, in the order of their ids; classes take turns."""
    rng = np.random.default_rng(len(split))
    return (rng.integers(256, size=(SIZES[split], 32, 32, 3)).astype(np.uint8),
            np.arange(SIZES[split], dtype=np.int32) % len(CLASS_NAMES))


def png(image):
    """The bytes of a PNG file of an image [h, w, 3], or [h, w]."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "png")
    return file.getvalue()


def tiny_builder(data_dir, dataset, features, splits, file_format="array_record", supervised_keys=None):
    """TFDS's builder of a data set that is not written yet.

    Args:
      data_dir: where; `TFDS_DATA_DIR` of those who read it.
      dataset: its name.
      features: features by name.
      splits: for each split its examples, dicts by feature.
      supervised_keys: the names of the input and of the target, or None.
    """

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        """Examples that are already there."""

        name = dataset
        VERSION = tfds.core.Version("3.0.2")
        # TFDS looks for texts beside the code of a builder, which has to be in a package unless a place is given.
        pkg_dir_path = Path(__file__).parent

        def _info(self):
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features),
                                         supervised_keys=supervised_keys)

        def _split_generators(self, dl_manager):
            return {split: enumerate(examples) for split, examples in splits.items()}

        def _generate_examples(self):
            raise NotImplementedError

    return Builder(data_dir=data_dir, file_format=file_format)


def prepare(*args, **kwargs):
    """Writes a data set as TFDS would; arguments as of `tiny_builder`."""
    tiny_builder(*args, **kwargs).download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False))


def cifar10_parts():
    """What `tiny_builder` takes for the tiny CIFAR-10."""
    splits = {split: [{"id": f"{split}_{i:05d}", "image": png(image), "label": label}
                      for i, (image, label) in enumerate(zip(*cifar10_examples(split), strict=True))]
              for split in SIZES}
    return {"dataset": "cifar10", "splits": splits, "supervised_keys": ("image", "label"), "features": {
        "id": tfds.features.Text(), "image": tfds.features.Image(shape=(32, 32, 3)),
        "label": tfds.features.ClassLabel(names=CLASS_NAMES)}}


def prepare_cifar10(data_dir):
    """Writes the tiny CIFAR-10 into a folder."""
    prepare(data_dir, **cifar10_parts())


def to_riegeli(folder):
    """Renames what is prepared in a folder as if it were in a format of TFDS that ganlab does not read."""
    for file in folder.rglob("*array_record*"):
        file.rename(file.with_name(file.name.replace("array_record", "riegeli")))
    _say_format(folder, "riegeli")


def to_tfrecord(folder):
    """Writes what is prepared in a folder in TFDS's default format instead, which takes TensorFlow there."""
    for file in list(folder.rglob("*array_record*")):
        reader = array_record_module.ArrayRecordReader(str(file))
        records = [reader.read([i])[0] for i in range(reader.num_records())]
        reader.close()
        file.with_name(file.name.replace("array_record", "tfrecord")).write_bytes(tfrecord(records))
        file.unlink()
    _say_format(folder, "tfrecord")


def tfrecord(records):
    """The bytes of a tfrecord file of these records."""
    def masked(data):
        crc = google_crc32c.value(data)
        return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32)

    lengths = [struct.pack("<Q", len(record)) for record in records]
    return b"".join(length + masked(length) + record + masked(record)
                    for length, record in zip(lengths, records, strict=True))


def _say_format(folder, name):
    for file in folder.rglob("dataset_info.json"):
        file.write_text(json.dumps(json.loads(file.read_text()) | {"fileFormat": name}))
