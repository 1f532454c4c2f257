"""The classes of listed images, by folders or `dataset.json`, and their order."""

import itertools
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ganlab.config import ConfigError
from ganlab.data.decoding import BadImage

LABELS_FILE = "dataset.json"
"""The labels beside the images: `{"labels": [[path, class], ...]}`, StyleGAN's convention."""
ONE_CLASS = ("all",)
LARGEST_LABEL = 2**63 - 1
LONGEST_WORD = 100
"""Most bytes that a class's name takes in a file's name, which most systems limit to 255."""
_SHOWN = 3  # Gaps between the numbers of classes that a message lists.
_EXAMPLE = '{"labels": [["cats/1.png", 0], ...]}, or {"labels": null} for one class'


class Classes(NamedTuple):
    """The class of each image by its path, all names in order, and bad paths with reasons."""

    of_images: dict[str, str]
    names: tuple[str, ...]
    bad: list[tuple[str, str]]


def is_whole_number(name: str) -> bool:
    """Returns whether a class's name is a whole number, such as `7` or `007`."""
    return name.isascii() and name.isdigit()


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Returns class names in the order of their labels: numbers by value, then others as text."""
    def place(name: str) -> tuple[bool, int, str, str]:
        # Numbers of the same length sort as their texts do, however long they are.
        digits = name.lstrip("0") if is_whole_number(name) else ""
        return not is_whole_number(name), len(digits), digits, name

    return tuple(sorted(names, key=place))


def find_class(text: str, names: Sequence[str]) -> int | None:
    """Returns the label of the class that a text names, or else numbers; None if it does neither.

    Where the names are whole numbers, a number is always a name.
    """
    if text in names:
        return list(names).index(text)
    counted = is_whole_number(text) and len(text) < 10 and int(text) < len(names)
    return int(text) if counted and not any(map(is_whole_number, names)) else None


def file_words(names: Sequence[str]) -> tuple[str, ...]:
    """Returns a unique word for each class that any file system takes in a file's name.

    Names stay as they are, except that all but letters, digits and `_.+-` become `_`; where two
    become the same, whatever the case of letters, all get their label appended.
    """
    words = [re.sub(r"[^\w.+-]", "_", name).encode()[:LONGEST_WORD].decode(errors="ignore")
             for name in names]
    if len({word.casefold() for word in words}) < len(words):
        words = [f"{word}-{label}" for label, word in enumerate(words)]
    return tuple(words)


def classes_of_folders(path: Any, names: Sequence[str], folders: set[str]) -> Classes:
    """Returns the classes of images by their folders of the first level; one class without folders.

    Args:
      path: the place, for messages.
      names: paths of the images within it.
      folders: names of all folders of the first level.

    Raises:
      ConfigError: where some images lie in folders and some beside them.
    """
    inside = {name: name.partition("/")[0] for name in names if "/" in name}
    if not inside:
        return Classes(dict.fromkeys(names, ONE_CLASS[0]), ONE_CLASS, _empty(folders))
    # An image beside the folders could be of no class or of one that is not listed.
    if len(inside) < len(names):
        loose = next(name for name in names if name not in inside)
        raise ConfigError(f"{path} has images at its top ({loose}) and in folders "
                          f"({min(inside.values())}), so that their classes are unclear; move all "
                          "into folders of their classes, or write beside them "
                          f'{LABELS_FILE} of {{"labels": null}} for one class')
    class_names = in_order(set(inside.values()))
    return Classes(inside, class_names, _empty(folders - set(class_names)))


def _empty(folders: set[str]) -> list[tuple[str, str]]:
    return [(name, "is a class with no images; put some into it or remove it")
            for name in sorted(folders)]


def classes_of_file(path: Any, read: Callable[[], bytes], names: Sequence[str]) -> Classes:
    """Returns the classes of images by the file of labels.

    Time and memory grow with the size of that file, not with the numbers in it.

    Args:
      path: the place, for messages.
      read: returns the content of the file.
      names: paths of the images.

    Raises:
      ConfigError: for a file that is not of this form.
    """
    # A file of another form is refused with an example of the right one.
    where = f"{path}: {LABELS_FILE}"
    try:
        content = json.loads(read())
    except (ValueError, RecursionError, BadImage) as error:
        raise ConfigError(f"{where} is not JSON ({error}); write {_EXAMPLE}") from None
    if not isinstance(content, dict) or "labels" not in content:
        raise ConfigError(f'{where} has no "labels"; write {_EXAMPLE}')
    # StyleGAN writes null where images have no classes.
    if content["labels"] is None:
        return Classes(dict.fromkeys(names, ONE_CLASS[0]), ONE_CLASS, [])
    given = _label_pairs(where, content["labels"])
    # Classes are numbers or names: of a mixture neither the order nor the gaps would be clear.
    kinds = {type(label) for label in given.values()}
    if len(kinds) > 1:
        raise ConfigError(f"{where} has classes by number and classes by name; write all of one "
                          "kind")
    # Images and labels that lack each other are reported, and left out of the classes.
    listed = set(names)
    bad = [(name, f"has a label in {LABELS_FILE} but is not an image file there; add the file or "
                  "take its label out") for name in given if name not in listed]
    bad += [(name, f"has no label in {LABELS_FILE}; add one")
            for name in names if name not in given]
    chosen = {name: given[name] for name in names if name in given}
    if kinds == {int}:
        bad += _without_images(set(chosen.values()), max(given.values()))
    of_images = {name: str(label) for name, label in chosen.items()}
    return Classes(of_images, in_order(set(of_images.values())), bad)


def _without_images(classes: set[int], largest: int) -> Iterator[tuple[str, str]]:
    """Yields one sentence about the numbers up to the largest that no image has, if any."""
    missing = largest + 1 - len(classes)
    if not missing:
        return
    # Ranges of missing numbers, of which the first few are shown.
    gaps = [(before + 1, after - 1)
            for before, after in itertools.pairwise([-1, *sorted(classes), largest + 1])
            if after - before > 1]
    shown = ", ".join(str(first) if first == last else f"{first} to {last}"
                      for first, last in gaps[:_SHOWN])
    which = (f"gives no image class {shown}, a class with no images" if missing == 1
             else f"leaves {missing:,} of the classes 0 to {largest} "
                  f"({shown}{', ...' if len(gaps) > _SHOWN else ''}) without images")
    yield LABELS_FILE, (f"{which}; number the classes from 0 without gaps, or write them as names, "
                        "in "
                        f'quotation marks, such as "{largest}"')


def _label_pairs(where: str, labels: Any) -> dict[str, int | str]:
    """Returns the classes by path, in the order of the file."""
    if not isinstance(labels, list):
        raise ConfigError(f'{where} has "labels" that are not a list; write {_EXAMPLE}')
    given: dict[str, int | str] = {}
    for pair in labels:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)):
            raise ConfigError(f"{where} has the label {str(pair)[:80]}, which is not a pair of "
                              f"path and class; write {_EXAMPLE}")
        # Paths may come from Windows, or begin with `./`.
        path, label = posixpath.normpath(pair[0].replace("\\", "/")), pair[1]
        if (type(label) not in (int, str) or type(label) is int and not 0 <= label <= LARGEST_LABEL
                or label == ""):
            raise ConfigError(f"{where} gives {path} the class {str(label)[:80]}; a class is a "
                              "number from 0 to 2^63 - 1, or a name")
        if given.setdefault(path, label) != label:
            raise ConfigError(f"{where} gives {path} two classes, {given[path]} and {label}; leave "
                              "one of them")
    return given
