"""The stages of networks whose resolution doubles or halves with each: how many, and how wide."""

STRIDE = 2


def stage_count(image_shape: tuple[int, ...], base: int, family: str) -> int:
    """Returns the number of stride-2 stages between `base` x `base` and the image.

    Raises:
      ValueError: with sizes that would do, for an image that is not square or not `base` times a
        power of two; `family` names the networks.
    """
    if len(image_shape) != 3:
        raise ValueError(f"{family} makes images [height, width, channels]; the data has shape "
                         f"{tuple(image_shape)}; use mlp")
    if base < 1:
        raise ValueError(f"base {base} is not above 0; 4 is that of the paper")
    height, width, _ = image_shape
    # Doublings from `base` up to the height, which other sizes miss.
    stages = (height // base).bit_length() - 1 if height >= 2 * base else 0
    if height != width or stages < 1 or base * STRIDE**stages != height:
        raise ValueError(f"{family} with base {base} makes square images of size {2 * base}, "
                         f"{4 * base}, {8 * base}, ...; the data is {height}x{width}; choose "
                         "another base or resize the data")
    return stages


def stage_widths(stages: int, width: int, max_width: int) -> list[int]:
    """Returns the channels of each stage, from the image inward."""
    return [min(width * STRIDE**i, max_width) for i in range(stages)]
