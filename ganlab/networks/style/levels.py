"""Levels of style networks: their sizes, channels and precision."""

from collections.abc import Sequence

import jax.numpy as jnp

BASE = 4
"""Side of the smallest square of pixels."""


def level_sizes(image_shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Lists rows and columns of all levels, smallest first: multiples of 4, each twice the last.

    Raises:
      ValueError: for sides that are not multiples of 8 (of 4 for both sides at once).
    """
    if len(image_shape) != 3 or any(side % (2 * BASE) for side in image_shape[:2]):
        raise ValueError(f"a style network makes images whose sides are multiples of {2 * BASE}, "
                         f"such as 32x32 or 48x64; these are of shape {image_shape}; resize or "
                         "crop the data (config.data.kwargs.resolution, config.data.crop)")
    sizes = [tuple(image_shape[:2])]
    while all(side % (2 * BASE) == 0 for side in sizes[0]):
        sizes.insert(0, tuple(side // 2 for side in sizes[0]))
    return sizes


def level_channels(sizes: Sequence[tuple[int, int]], channel_base: int, channel_max: int,
                   channels: Sequence[int] = ()) -> list[int]:
    """Lists the channels of levels: `channels`, or else `channel_base` by the longer side, at most
    `channel_max`.

    Raises:
      ValueError: for channels of another number of levels, or below 1.
    """
    if not channels:
        return [max(min(channel_base // max(size), channel_max), 1) for size in sizes]
    if len(channels) != len(sizes) or min(channels) < 1:
        raise ValueError(f"channels are {tuple(channels)}, and there are {len(sizes)} levels, of "
                         f"sides {', '.join(str(max(size)) for size in sizes)}; name a number from "
                         "1 on for each, or none (config.networks.*.kwargs.channels)")
    return list(channels)


def level_dtype(number: int, levels: int, halves: int) -> jnp.dtype | None:
    """Returns bfloat16 for the largest `halves` levels, but never the smallest; else None."""
    return jnp.bfloat16 if number >= max(levels - halves, 1) else None
