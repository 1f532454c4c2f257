"""Image data sets that TensorFlow Datasets (TFDS) has prepared: read without TensorFlow where that can be."""

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError, did_you_mean, unknown
from ganlab.data.dataset import Dataset
from ganlab.data.decoding import MODES, BadImage, decode_image, with_channels
from ganlab.data.listing import ONE_CLASS, Listing
from ganlab.data.resizing import resize
from ganlab.data.tfrecord import TensorFlowExamples, tensorflow_is_here

FORMAT = "array_record"  # Whose examples are read without TensorFlow; those of the others with it.
WRITER = "TFDS writes most sets with TensorFlow, `pip install tensorflow`; ganlab reads them without"


def tfds(name: str, split: str = "train", only_class: str = "", resolution: int = 0, data_dir: str = "") -> Dataset:
    """A data set that TFDS has prepared on this machine, such as cifar10, with one image an example.

    The image is the set's one `Image` feature and the label its one `ClassLabel`; of several, those
    that the set itself names as input and target (`supervised_keys`). There is one class where
    there is no label, or where examples are unlabelled (-1).

    Args:
      name: as TFDS writes it: `cifar10`, `lsun/bedroom`, `mnist:3.0.1`.
      split: as TFDS writes it: `train`, `train[:90%]`, `train+test`.
      only_class: keeps the examples of one class, given by its name (`frog`) or number; empty for all.
      resolution: side in pixels to which the central square of each image is resized, by means over
        areas where it shrinks and by Lanczos' filter where it grows; 0 leaves images as they are.
      data_dir: folder of prepared sets; empty for that of TFDS: $TFDS_DATA_DIR or ~/tensorflow_datasets.

    Returns:
      The whole split in memory: uint8 images [n, h, w, c] of 1 or 3 channels, in the order of their files.

    Raises:
      ConfigError: with the command that prepares the set, if it is not prepared; for an unknown split
        or class; for a set whose examples do not have one image of 8 bits, or have images of several sizes.
    """
    if resolution < 0:
        raise ConfigError(f"config.data.kwargs.resolution is {resolution}; it takes the side of the images in pixels, "
                          "or 0 to leave them as they are")
    given = f"config.data.kwargs.name is {name!r}"
    builder = _prepared(name, data_dir, given)
    image, label = image_and_label(given, builder.info)
    class_names = tuple(builder.info.features[label].names) if label else ()
    wanted = class_number(name, only_class, class_names) if only_class else None
    encoded, labels = _read(name, builder, split, image, label, wanted)
    if wanted is not None:
        labels, class_names = np.zeros_like(labels), (class_names[wanted],)
    elif not class_names or np.any(labels < 0):
        labels, class_names = np.zeros_like(labels), ONE_CLASS
    images = _decoded(name, encoded, builder.info.features[image].shape[-1], resolution)
    return Dataset(builder.name, images, labels, class_names)


def prepared_folder(data_dir: str = "") -> Path:
    """The folder of prepared sets: as given, or that of TFDS, $TFDS_DATA_DIR or ~/tensorflow_datasets."""
    # Read now: TFDS reads the variable once, when it is imported.
    return Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()


def _prepared(name: str, data_dir: str, given: str) -> Any:
    """TFDS's reader of a set that is prepared in `FORMAT`; `given` names it in messages."""
    import tensorflow_datasets  # Imported here, as all of TFDS and Pillow: other sources need not wait for them.
    from tensorflow_datasets.core.naming import parse_builder_name_kwargs
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    folder = prepared_folder(data_dir)
    try:
        bare = str(parse_builder_name_kwargs(name)[0])
    except ValueError:
        raise ConfigError(f"{given}, which is not written as TFDS writes names: name, name/config or "
                          "name:version") from None
    try:
        # `tensorflow_datasets.builder` would want the version of its code, though another may be prepared.
        builder = builder_from_files(name, data_dir=str(folder))
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        if bare not in known:
            raise ConfigError(f"{given}, which is neither prepared in {folder} nor a data set that TFDS can "
                              f"prepare{did_you_mean(bare, known)}; take a name of `tfds.list_builders()`, or train "
                              "offline with :data=glyphs") from None
        command = _command(name, str(folder) if data_dir else "")
        raise ConfigError(f"{given}, which is not prepared in {folder}; prepare it once by `{command}` ({WRITER}), or "
                          "train offline with :data=glyphs") from None
    formats = {found.value for found in builder.info.available_file_formats()}
    if FORMAT not in formats and not tensorflow_is_here():
        other = folder / FORMAT
        raise ConfigError(
            f"{given}, which is prepared in {folder} as {', '.join(sorted(formats))}, not as {FORMAT}; TFDS keeps one "
            f"format in a folder, so prepare it in another by `{_command(name, str(other), folder / 'downloads')}` "
            f"({WRITER}) and name that folder in {'config.data.kwargs.data_dir' if data_dir else 'TFDS_DATA_DIR'}, or "
            "train offline with :data=glyphs")
    return builder


def _command(name: str, data_dir: str, downloads: Path | None = None) -> str:
    """The command line that prepares a set in `FORMAT`."""
    return shlex.join(["ganlab", "data", "prepare", name, *([f"--data_dir={data_dir}"] if data_dir else []),
                       *([f"--download_dir={downloads}"] if downloads else [])])


def image_and_label(given: str, info: Any) -> tuple[str, str]:
    """The names of the image and label features of a data set; the label's is empty where there is none.

    Args:
      given: for messages: the key and the value that name the set.
      info: TFDS's description.

    Raises:
      ConfigError: for a set whose examples do not have one image of 8 bits.
    """
    from tensorflow_datasets import features

    def only(kind: type, place: int) -> str:
        found = sorted(key for key, feature in info.features.items() if type(feature) is kind)
        # Pairs by the contract of TFDS; some sets have triples, whose places mean something else.
        chosen = info.supervised_keys[place] if len(info.supervised_keys or ()) == 2 else None
        if len(found) > 1 and chosen not in found:
            raise ConfigError(f"{given}, whose examples have several features of kind "
                              f"{kind.__name__} ({', '.join(found)}), and TFDS does not say which is meant; write a "
                              "source that chooses and name it in config.data.source as package.module:function")
        return chosen if len(found) > 1 else "".join(found)

    image, label = only(features.Image, 0), only(features.ClassLabel, 1)
    kinds = ", ".join(sorted(f"{key} {type(feature).__name__}" for key, feature in info.features.items()))
    if not image:
        raise ConfigError(f"{given}, whose examples have no feature of kind Image "
                          f"({kinds}); take a data set of images")
    feature = info.features[image]
    if feature.np_dtype != np.uint8 or feature.shape[-1] not in MODES:
        raise ConfigError(f"{given}, whose images are {np.dtype(feature.np_dtype)} of "
                          f"{feature.shape[-1]} channels; ganlab reads uint8 of 1 or 3 channels")
    return image, label


def class_number(name: str, only_class: str, class_names: tuple[str, ...]) -> int:
    """The number of the class that `only_class` names, by its name or its number; ConfigError where there is none."""
    if only_class in class_names:
        return class_names.index(only_class)
    if only_class.isdecimal() and int(only_class) < len(class_names):
        return int(only_class)
    if not class_names:
        raise ConfigError(f"config.data.kwargs.only_class is {only_class!r}, but {name} has no classes; leave it empty")
    raise unknown("config.data.kwargs.only_class", only_class, class_names)


def open_records(name: str, builder: Any, split: str) -> Any:
    """TFDS's reader of the records of a split by index: images as their files, which are decoded elsewhere."""
    from tensorflow_datasets import decode, features

    splits = builder.info.splits
    # Other features are not needed. Of nested ones TFDS would want to know every leaf.
    skipped = {key: decode.SkipDecoding() for key, feature in builder.info.features.items()
               if not isinstance(feature, features.FeaturesDict | features.Sequence | features.Dataset)}
    try:
        formats = {found.value for found in builder.info.available_file_formats()}
        source = (TensorFlowExamples(builder, split, skipped) if FORMAT not in formats and tensorflow_is_here()
                  else builder.as_data_source(split, decoders=skipped))
        len(source)
    except ValueError:
        base = split.partition("[")[0]
        sizes = ", ".join(f"{key} ({splits[key].num_examples:,} examples)" for key in splits)
        raise ConfigError(f"config.data.kwargs.split is {split!r}, which {name} does not have"
                          f"{'' if base in splits else did_you_mean(base, splits)}; it has {sizes}, and parts and sums "
                          "of them that are not empty, such as train[:90%]") from None
    return source


def _read(name: str, builder: Any, split: str, image: str, label: str, wanted: int | None,
          block: int = 1000) -> tuple[list[bytes], np.ndarray]:
    """The image files and labels [n] of a split, or of its examples whose label is `wanted`."""
    source = open_records(name, builder, split)
    size = len(source)
    encoded, labels = [], []
    for start in range(0, size, block):
        for example in source.__getitems__(range(start, min(start + block, size))):
            number = int(example[label]) if label else 0
            if wanted in (None, number):
                encoded.append(example[image])
                labels.append(number)
    if not encoded:
        raise ConfigError(f"config.data.kwargs.split is {split!r}, where {name} has no example of class {wanted}; take "
                          "a larger split or another only_class")
    return encoded, np.array(labels, np.int32)


def _decoded(name: str, encoded: list[bytes], channels: int, resolution: int) -> np.ndarray:
    """The images of image files, uint8 [n, h, w, c]."""
    images = None
    for number, file in enumerate(encoded):
        try:
            pixels = resize(with_channels(decode_image(file), channels), resolution, "centre" if resolution else "none")
        except BadImage as error:
            raise ConfigError(f"config.data.kwargs.name is {name!r}, whose image {number} {error}") from None
        if images is None:
            images = np.empty((len(encoded), *pixels.shape), np.uint8)
        if pixels.shape != images.shape[1:]:
            raise ConfigError(f"config.data.kwargs.resolution is 0, but the images of {name} are of several sizes, as "
                              f"{images.shape[2]}x{images.shape[1]} and {pixels.shape[1]}x{pixels.shape[0]}; set it to "
                              "the side in pixels that all shall have")
        images[number] = pixels
    return images


def label_of_examples(records: Any, label: str, block: int = 1000) -> np.ndarray:
    """The labels int32 [n] of all examples, of which a block at a time is in memory."""
    starts = range(0, len(records), block)
    return np.array([example[label] for start in starts
                     for example in records.__getitems__(range(start, min(start + block, len(records))))], np.int32)


def list_prepared(name: str, split: str = "train") -> Listing:
    """The images of a data set that TFDS has prepared on this machine, for `import_images`; see `tfds`."""
    given = f"SOURCE is {name!r}"
    builder = _prepared(name, "", given)
    image, label = image_and_label(given, builder.info)
    records = open_records(name, builder, split)
    labels = label_of_examples(records, label) if label else np.zeros(len(records), np.int32)
    class_names = tuple(builder.info.features[label].names) if label else ()
    if not class_names or np.any(labels < 0):
        labels, class_names = np.zeros_like(labels), ONE_CLASS
    kept, labels = np.unique(labels, return_inverse=True)
    return Listing(f"{name} of TFDS", tuple(f"{split}/{i}" for i in range(len(records))), labels.astype(np.int32),
                   tuple(class_names[i] for i in kept), lambda i: records[i][image], lambda: None,
                   fingerprint=str(builder.data_path))
