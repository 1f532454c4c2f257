"""Streams: the arrays of a data set in groups that share an order, as the set declares them."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np


@dataclasses.dataclass(frozen=True)
class Stream(Mapping):
    """Arrays whose examples belong together and share an order.

    Attributes:
      arrays: by name, of one length; raw batches of them have the same names.
      pictures: names of the arrays that are pictures or points: they are cropped and mirrored, and
        become floats.
      partners_of: number of the stream whose examples choose those of this one: a position shows
        any example of the same class. None for an order of its own.
      by_class: of a stream of partners, `order` int32 [n], its examples sorted by class, and by
        class `start` and `count` int32 [classes] of them there.
    """

    arrays: Mapping[str, Any]
    pictures: tuple[str, ...] = ("image",)
    partners_of: int | None = None
    by_class: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    @property
    def size(self) -> int:
        """Number of examples."""
        return next(iter(self.arrays.values())).shape[0]

    def holding(self, arrays: Mapping[str, Any]) -> "Stream":
        """Returns the same declaration of other arrays, such as a batch, which is chosen
        already."""
        return dataclasses.replace(self, arrays=arrays, by_class=None)


jax.tree_util.register_dataclass(
    Stream, data_fields=["arrays", "by_class"], meta_fields=["pictures", "partners_of"])

Streams = tuple[Stream, ...]


def declared(stream: Mapping[str, Any]) -> Stream:
    """Returns a stream; of plain arrays by name, `image` and `source` are pictures."""
    if isinstance(stream, Stream):
        return stream
    return Stream(dict(stream), tuple(name for name in ("image", "source") if name in stream))


def partners(arrays: Mapping[str, Any], labels: np.ndarray, classes: int, of: int = 0,
             pictures: tuple[str, ...] = ()) -> Stream:
    """Declares a stream whose examples come in pairs with those of another stream of the same
    class.

    Args:
      arrays: by name; the names are apart from those of other streams.
      labels: the classes [n] of its examples.
      classes: their number; every class of the other stream needs an example here.
      of: number of the other stream, which has the array `label`.
      pictures: names of the arrays that are pictures.

    Raises:
      ValueError: for a class without an example.
    """
    order = np.argsort(labels, kind="stable").astype(np.int32)
    count = np.bincount(labels, minlength=classes).astype(np.int32)
    if not count.all():
        raise ValueError(f"class {int(np.argmin(count))} has no example among the partners; every "
                         "class needs one")
    start = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.int32)
    return Stream(dict(arrays), pictures, of, {"order": order, "start": start, "count": count})
