"""Image data sets that TensorFlow Datasets (TFDS) has prepared, read without TensorFlow."""

import os
import shlex
from pathlib import Path
from typing import Any

import numpy as np

from ganlab.config import ConfigError, did_you_mean, unknown
from ganlab.data.classes import ONE_CLASS, find_class
from ganlab.data.dataset import Dataset
from ganlab.data.decoding import MODES
from ganlab.data.listing import Listing
from ganlab.data.records import RecordImages
from ganlab.data.stores import user_path
from ganlab.data.tfrecord import FORMAT as TFRECORD
from ganlab.data.tfrecord import open_tfrecord
from ganlab.output import counted

FORMAT = "array_record"  # The format in which ganlab prepares sets.
READ = (FORMAT, TFRECORD)  # Formats whose examples are read.
BLOCK = 1000  # Examples that are read at once.
NUMBERED = 2**16  # Classes that keep their numbers even if there are fewer examples.
WRITER = ("TFDS writes most sets with TensorFlow, `pip install tensorflow`; ganlab reads them "
          "without")


def tfds(name: str, split: str = "train", only_class: str = "", resolution: int = 0,
         data_dir: str = "") -> Dataset:
    """Opens a data set that TFDS has prepared on this machine, such as cifar10.

    The image is the set's one `Image` feature and the label its one `ClassLabel`; of several, those
    that the set itself names as input and target (`supervised_keys`). All examples are of one class
    if the set has no label, or some examples are unlabelled (-1).

    Args:
      name: as TFDS writes it: `cifar10`, `lsun/bedroom`, `mnist:3.0.1`.
      split: as TFDS writes it: `train`, `train[:90%]`, `train+test`.
      only_class: keeps the examples of one class, given by its name (`frog`) or number; empty for
        all.
      resolution: side in pixels to which the central square of each image is resized, by means over
        areas if it shrinks and by Lanczos' filter if it grows; 0 keeps images as they are.
      data_dir: folder of prepared sets; empty for that of TFDS: $TFDS_DATA_DIR or
        ~/tensorflow_datasets.

    Returns:
      Images on the disk, uint8 [n, h, w, c] of 1 or 3 channels, in the order of their files, and
      labels in memory.

    Raises:
      ConfigError: with the command that prepares the set, if it is not prepared; for an unknown
        split or class; for a set whose examples do not have one image of 8 bits, or have images of
        several sizes.
    """
    if resolution < 0:
        raise ConfigError(f"config.data.kwargs.resolution is {resolution}; it takes the side of "
                          "the images in pixels, or 0 to leave them as they are")
    given = f"config.data.kwargs.name is {name!r}"
    builder = _prepared(name, data_dir, given)
    image, label = image_and_label(given, builder.info)
    # Labels of the whole split are read first: which examples to keep depends on them.
    feature, records = builder.info.features[image], open_records(name, builder, split)
    labels, class_names = numbered(given, builder.info, label, label_of_examples(records, label))
    wanted = class_number(name, only_class, class_names) if only_class else None
    chosen = np.arange(len(labels)) if wanted is None else np.flatnonzero(labels == wanted)
    if not len(chosen):
        raise ConfigError(f"config.data.kwargs.split is {split!r}, where {name} has no example of "
                          f"class {wanted}; take a larger split or another only_class")
    # One class, if one was chosen, or if the set cannot say the class of every example.
    labels = labels[chosen]
    if wanted is not None:
        labels, class_names = np.zeros_like(labels), (class_names[wanted],)
    elif not class_names or np.any(labels < 0):
        labels, class_names = np.zeros_like(labels), ONE_CLASS
    images = RecordImages(given, records, image, feature.shape[-1], chosen, resolution)
    if None in feature.shape and not resolution:
        for start in range(0, len(images), BLOCK):
            # The set does not promise one size: all images are read once.
            images[start:start + BLOCK]
    return Dataset(builder.name, images, labels, class_names)


def prepared_folder(data_dir: str = "") -> Path:
    """Returns the folder of prepared sets: as given, or that of TFDS."""
    # The variable is read now: TFDS reads it only once, when it is imported.
    return user_path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")


def _prepared(name: str, data_dir: str, given: str) -> Any:
    """Opens TFDS's reader of a set prepared in one of `READ`; `given` names it in messages."""
    # Imported here, as all of TFDS and Pillow: other sources need not wait for them.
    import tensorflow_datasets
    from tensorflow_datasets.core.naming import parse_builder_name_kwargs
    from tensorflow_datasets.core.read_only_builder import builder_from_files

    folder = prepared_folder(data_dir)
    try:
        # The name without config and version, to suggest another for one that is unknown.
        bare = str(parse_builder_name_kwargs(name)[0])
    except ValueError:
        raise ConfigError(f"{given}, which is not written as TFDS writes names: name, name/config "
                          "or name:version") from None
    try:
        # `tensorflow_datasets.builder` would want its own version, even if another is prepared.
        builder = builder_from_files(name, data_dir=str(folder))
    except tensorflow_datasets.core.DatasetNotFoundError:
        known = tensorflow_datasets.list_builders(with_community_datasets=False)
        if bare not in known:
            raise ConfigError(f"{given}, which is neither prepared in {folder} nor a data set that "
                              f"TFDS can prepare{did_you_mean(bare, known)}; take a name of "
                              "`tfds.list_builders()`, or train offline with "
                              ":data=glyphs") from None
        command = _command(name, str(folder) if data_dir else "")
        raise ConfigError(f"{given}, which is not prepared in {folder}; prepare it once by "
                          f"`{command}` ({WRITER}), or train offline with :data=glyphs") from None
    formats = {found.value for found in builder.info.available_file_formats()}
    # A set in a format that only TensorFlow reads is prepared again, in another folder.
    if formats.isdisjoint(READ):
        other, found = folder / FORMAT, ", ".join(sorted(formats))
        raise ConfigError(f"{given}, which is prepared in {folder} as {found}, not as "
                          f"{' or '.join(READ)}; TFDS keeps one format in a folder, so prepare it "
                          f"in another by `{_command(name, str(other), folder / 'downloads')}` "
                          f"({WRITER}) and name that folder in "
                          f"{'config.data.kwargs.data_dir' if data_dir else 'TFDS_DATA_DIR'}, or "
                          "train offline with :data=glyphs")
    return builder


def _command(name: str, data_dir: str, downloads: Path | None = None) -> str:
    """Returns the command line that prepares a set in `FORMAT`."""
    return shlex.join(["ganlab", "data", "prepare", name,
                       *([f"--data_dir={data_dir}"] if data_dir else []),
                       *([f"--download_dir={downloads}"] if downloads else [])])


def image_and_label(given: str, info: Any) -> tuple[str, str]:
    """Returns the names of a data set's image and label features; the label's may be empty.

    Args:
      given: the key and the value that name the set, for messages.
      info: TFDS's description.

    Raises:
      ConfigError: for a set whose examples do not have one image of 8 bits.
    """
    from tensorflow_datasets import features

    def only(kind: type, place: int) -> str:
        found = sorted(key for key, feature in info.features.items() if type(feature) is kind)
        # TFDS promises pairs; some sets have triples, whose places mean something else.
        chosen = info.supervised_keys[place] if len(info.supervised_keys or ()) == 2 else None
        if len(found) > 1 and chosen not in found:
            raise ConfigError(f"{given}, whose examples have several features of kind "
                              f"{kind.__name__} ({', '.join(found)}), and TFDS does not say which "
                              "is meant; write a source that chooses and name it in "
                              "config.data.source as package.module:function")
        return chosen if len(found) > 1 else "".join(found)

    image, label = only(features.Image, 0), only(features.ClassLabel, 1)
    kinds = ", ".join(
        sorted(f"{key} {type(feature).__name__}" for key, feature in info.features.items()))
    if not image:
        raise ConfigError(f"{given}, whose examples have no feature of kind Image "
                          f"({kinds}); take a data set of images")
    feature = info.features[image]
    # What PNG files of 8 bits hold.
    if feature.np_dtype != np.uint8 or feature.shape[-1] not in MODES:
        raise ConfigError(f"{given}, whose images are {np.dtype(feature.np_dtype)} of "
                          f"{counted(feature.shape[-1], 'channel')}; ganlab reads uint8 of 1 or 3 "
                          "channels")
    return image, label


def class_number(name: str, only_class: str, class_names: tuple[str, ...]) -> int:
    """Returns the number of the class that `only_class` names or numbers, or raises ConfigError."""
    if not class_names:
        raise ConfigError(f"config.data.kwargs.only_class is {only_class!r}, but {name} has no "
                          "classes; leave it empty")
    number = find_class(only_class, class_names)
    if number is None:
        raise unknown("config.data.kwargs.only_class", only_class, class_names)
    return number


def open_records(name: str, builder: Any, split: str) -> Any:
    """Opens TFDS's reader of a split's records by index; images stay files, decoded elsewhere."""
    from tensorflow_datasets import decode, features

    splits = builder.info.splits
    # Nothing is decoded. Of nested features, which nobody needs, TFDS wants to know every leaf.
    skipped = {
        key: decode.SkipDecoding() for key, feature in builder.info.features.items()
        if not isinstance(feature, features.FeaturesDict | features.Sequence | features.Dataset)}
    try:
        formats = {found.value for found in builder.info.available_file_formats()}
        # Sets in both formats are read as array_record, which needs no index.
        source = (open_tfrecord(builder.info, split, skipped) if FORMAT not in formats
                  and TFRECORD in formats else builder.as_data_source(split, decoders=skipped))
        len(source)
    except ValueError:
        base = split.partition("[")[0]
        sizes = ", ".join(f"{key} ({counted(splits[key].num_examples, 'example')})"
                          for key in splits)
        raise ConfigError(f"config.data.kwargs.split is {split!r}, which {name} does not have"
                          f"{'' if base in splits else did_you_mean(base, splits)}; it has "
                          f"{sizes}, and parts and sums of them that are not empty, such as "
                          "train[:90%]") from None
    return source


def label_of_examples(records: Any, label: str, block: int = BLOCK) -> np.ndarray:
    """Reads the labels int64 [n] of all examples, a block at a time; zeros if `label` is empty."""
    if not label:
        return np.zeros(len(records), np.int64)
    starts = range(0, len(records), block)
    blocks = (records.__getitems__(range(start, min(start + block, len(records))))
              for start in starts)
    return np.array([int(example[label]) for examples in blocks for example in examples], np.int64)


def numbered(given: str, info: Any, label: str,
             labels: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns labels int32 [n] and class names of labels [n] as they are stored; unlabelled: -1.

    Labels keep their numbers. But of a set with more classes than examples, and more than
    `NUMBERED`, only the classes that occur count: a description may give a billion classes without
    names, which would fill the memory.

    Args:
      given: the key and the value that name the set, for messages.
      info: TFDS's description.
      label: name of the label's feature; empty if the set has none: then no names are returned.
      labels: integers [n].

    Raises:
      ConfigError: for labels that the description does not have.
    """
    if not label:
        return labels.astype(np.int32), ()
    # Labels outside of the description belong to another version of the set.
    feature = info.features[label]
    examples = sum(split.num_examples for split in info.splits.values())
    number = feature.num_classes or 0
    if len(labels) and not -1 <= labels.min() <= labels.max() < number:
        wrong = labels.min() if labels.min() < -1 else labels.max()
        raise ConfigError(f"{given}, which has an example of class {wrong}, and its description "
                          f"has {counted(number, 'class', 'classes')} from 0 on; prepare it again")
    # The usual case: numbers and names are those of the description.
    if number <= max(examples, NUMBERED):
        return labels.astype(np.int32), tuple(feature.names) if number else ()
    # Otherwise only classes that occur are numbered, and there are at most as many as examples.
    kept = np.unique(labels[labels >= 0])
    found = np.where(labels < 0, -1, np.searchsorted(kept, labels))
    return found.astype(np.int32), tuple(feature.int2str(int(each)) for each in kept)


def list_prepared(name: str, split: str = "train") -> Listing:
    """Lists the images of a data set that TFDS has prepared, for `import_images`; see `tfds`."""
    given = f"SOURCE is {name!r}"
    builder = _prepared(name, "", given)
    image, label = image_and_label(given, builder.info)
    records = open_records(name, builder, split)
    labels, class_names = numbered(given, builder.info, label, label_of_examples(records, label))
    if not class_names or np.any(labels < 0):
        labels, class_names = np.zeros_like(labels), ONE_CLASS
    # An import numbers only the classes that have images.
    kept, labels = np.unique(labels, return_inverse=True)
    return Listing(f"{name} of TFDS", tuple(f"{split}/{i}" for i in range(len(records))),
                   labels.astype(np.int32), tuple(class_names[i] for i in kept),
                   lambda i: records[i][image], lambda: None, fingerprint=str(builder.data_path))
