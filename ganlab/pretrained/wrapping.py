"""Finds networks in the names of a weight file: under `state_dict`, `netG_A` or another prefix."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed, shown

Recognized = Callable[[Callable[[str], bool]], bool]
"""`recognized(has) -> bool`: whether a network is there; `has(name)`: whether a kernel is."""
TOP = "."
"""The name of a network without a prefix, if there are others beside it."""
MOST_WRAPPING = 16
"""Most parts of a prefix."""


def unwrapped(tensors: Mapping[str, np.ndarray], recognized: Recognized, source: str,
              chosen: str | None = None, flag: str = "--network") -> Mapping[str, np.ndarray]:
    """Returns the tensors of the one network that `recognized` finds, by their names within it.

    Args:
      tensors: by name; those outside of the network, such as the state of an optimizer, are left
        out.
      recognized: whether such a network is there, by names without a prefix.
      source: where the tensors are from, for messages.
      chosen: which of several, by its prefix or a part of it that no other has, such as `netG_A`.
      flag: the flag that chooses, for messages.

    Raises:
      WeightsError: if there are several networks and none is chosen, or the chosen one does not
        exist.
    """
    places = _places(tensors, recognized)
    labels = _labels(places)
    # A label or a whole prefix comes first, then a part of a prefix.
    if chosen is not None:
        wanted = TOP if chosen == TOP else chosen.removesuffix(".")
        found = [place
                 for place, label in zip(places, labels, strict=True) if wanted in (label, place)]
        found = found or [place for place in places if f".{wanted}." in f".{place}."]
        if len(found) != 1:
            raise WeightsError(
                f"{flag}={shown(chosen)} is {'not a' if not found else 'more than one'} network of "
                f"{source}, which holds {listed(labels) or 'none that is read'}; name one of them")
    # Several without a choice would be a guess; none at all leaves the names to whoever asked.
    elif len(places) > 1:
        raise WeightsError(f"{source} holds several networks: {listed(labels)}; choose one, as "
                           f"{flag}={labels[0]}")
    else:
        found = places
    return _within(tensors, found[0]) if found else tensors


def kernel_at(tensors: Mapping[str, np.ndarray], name: str) -> bool:
    """Returns whether there is a tensor of this name with the four axes of a kernel."""
    return name in tensors and tensors[name].ndim == 4


def _places(tensors: Mapping[str, np.ndarray], recognized: Recognized) -> list[str]:
    """Returns the prefixes, without the last dot, under which there is a network; in file order."""
    prefixes = dict.fromkeys(".".join(parts[:end]) for parts in (name.split(".", MOST_WRAPPING)
                                                                 for name in tensors if "." in name)
                             for end in range(len(parts)))
    return [prefix for prefix in prefixes if recognized(
        lambda name, start=prefix and f"{prefix}.": kernel_at(tensors, start + name))]


def _within(tensors: Mapping[str, np.ndarray], prefix: str) -> Mapping[str, np.ndarray]:
    if not prefix:
        return tensors
    start = f"{prefix}."
    return {name.removeprefix(start): tensor
            for name, tensor in tensors.items() if name.startswith(start)}


def _labels(places: Sequence[str]) -> list[str]:
    """Returns short names of prefixes: the parts of each by which it differs from the others."""
    parts = [place.split(".") for place in places]
    if len(parts) == 1:
        return [place or TOP for place in places]
    for end in (0, -1):
        while all(len(words) > 1 for words in parts) and len({words[end] for words in parts}) == 1:
            parts = [words[1:] if end == 0 else words[:-1] for words in parts]
    return [".".join(words) or TOP for words in parts]
