"""Networks within the names of a weight file: under `state_dict`, `netG_A`, `module` or any other prefix."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ganlab.pretrained.errors import WeightsError, listed, shown

Recognized = Callable[[Callable[[str], bool]], bool]
"""`recognized(has) -> bool`: whether a network is there; `has(name)` is whether a convolution's kernel is."""
TOP = "."
"""What a network is called whose names have no prefix, where there are others beside it."""
MOST_WRAPPING = 16
"""Parts of a prefix."""


def unwrapped(tensors: Mapping[str, np.ndarray], recognized: Recognized, source: str,
              chosen: str | None = None, flag: str = "--network") -> Mapping[str, np.ndarray]:
    """Returns the tensors of the one network that `recognized` knows, by the names that they have within it.

    Args:
      tensors: by name; those outside of the network, such as the state of an optimizer, are left out.
      recognized: whether such a network is there, by names without a prefix.
      source: what the tensors are from, for messages.
      chosen: which of several, by its prefix or a part of it that no other has, such as `netG_A`.
      flag: that chooses, for messages.

    Raises:
      WeightsError: where several networks are there and none is chosen, or one that is not there.
    """
    places = _places(tensors, recognized)
    labels = _labels(places)
    if chosen is not None:
        wanted = TOP if chosen == TOP else chosen.removesuffix(".")
        found = [place for place, label in zip(places, labels, strict=True) if wanted in (label, place)]
        found = found or [place for place in places if f".{wanted}." in f".{place}."]
        if len(found) != 1:
            raise WeightsError(f"{flag}={shown(chosen)} is {'no' if not found else 'more than one'} network of "
                               f"{source}, which holds {listed(labels) or 'none that is read'}; name one of them")
    elif len(places) > 1:
        raise WeightsError(f"{source} holds several networks: {listed(labels)}; choose one, as {flag}={labels[0]}")
    else:
        found = places
    return _within(tensors, found[0]) if found else tensors


def kernel_at(tensors: Mapping[str, np.ndarray], name: str) -> bool:
    """Returns whether a tensor of a name is there and has the four axes of a convolution's kernel."""
    return name in tensors and tensors[name].ndim == 4


def _places(tensors: Mapping[str, np.ndarray], recognized: Recognized) -> list[str]:
    """The prefixes, without the last dot, under which a network lies; in the file's order."""
    prefixes = dict.fromkeys(".".join(parts[:end])
                             for parts in (name.split(".", MOST_WRAPPING) for name in tensors if "." in name)
                             for end in range(len(parts)))
    return [prefix for prefix in prefixes
            if recognized(lambda name, start=prefix and f"{prefix}.": kernel_at(tensors, start + name))]


def _within(tensors: Mapping[str, np.ndarray], prefix: str) -> Mapping[str, np.ndarray]:
    if not prefix:
        return tensors
    start = f"{prefix}."
    return {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}


def _labels(places: Sequence[str]) -> list[str]:
    """What the prefixes are called: the parts of each by which it differs from the others."""
    parts = [place.split(".") for place in places]
    if len(parts) == 1:
        return [place or TOP for place in places]
    for end in (0, -1):
        while all(len(words) > 1 for words in parts) and len({words[end] for words in parts}) == 1:
            parts = [words[1:] if end == 0 else words[:-1] for words in parts]
    return [".".join(words) or TOP for words in parts]
