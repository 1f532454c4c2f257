"""Colour augmentations: one affine map of colours an example (Karras et al. 2020, appendix B).

Each operation draws a matrix [b, 4, 4] on (red, green, blue, 1); matrices are multiplied on the
left.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from ganlab.augment.draws import Draws, gated, where_changed
from ganlab.augment.strengths import Strengths
from ganlab.types import Array

# The axis of greys, and what of a colour lies along it.
GREY = np.array([1, 1, 1, 0]) / np.sqrt(3)
LUMA = np.outer(GREY, GREY)
# The part of a colour across the grey axis, and that part turned by a quarter around it.
CHROMA = np.diag([1, 1, 1, 0]) - LUMA
TURNED = np.array([[0, -1, 1, 0], [1, 0, -1, 0], [-1, 1, 0, 0], [0, 0, 0, 0]]) / np.sqrt(3)
COLORS, OFFSETS = np.diag([1, 1, 1, 0]), np.outer([1, 1, 1, 0], [0, 0, 0, 1])
ONE = np.diag([0, 0, 0, 1])


def _mixed(*parts: tuple[Array, np.ndarray]) -> Array:
    """Sums constant matrices [4, 4], each times a factor [b], to [b, 4, 4]; the last row stays."""
    matrices = sum(factor[:, None, None] * jnp.asarray(matrix, factor.dtype)
                   for factor, matrix in parts)
    return matrices + jnp.asarray(ONE, matrices.dtype)


def brightness(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws a normal number that is added to all colours: [b, 4, 4]."""
    offset = gated(draws, p, draws.normal() * strengths.brightness_std, 0)
    return _mixed((jnp.ones_like(offset), COLORS), (offset, OFFSETS))


def contrast(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws a log-normal factor of all colours: [b, 4, 4]."""
    factor = gated(draws, p, jnp.exp2(draws.normal() * strengths.contrast_std), 1)
    return _mixed((factor, COLORS))


def lumaflip(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws a mirroring of dark and light that keeps hues, in half of the open cases: [b, 4, 4]."""
    del strengths
    flips = gated(draws, p, jnp.floor(draws.uniform() * 2), 0)
    return _mixed((jnp.ones_like(flips), COLORS), (-2 * flips, LUMA))


def hue(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws a rotation around the grey axis, uniform to either side: [b, 4, 4]."""
    angle = gated(draws, p, (draws.uniform() * 2 - 1) * np.pi * strengths.hue_max, 0)
    # Rodrigues' formula as a change of the identity, so that an angle of 0 changes no bit.
    return _mixed((jnp.ones_like(angle), COLORS), (jnp.cos(angle) - 1, CHROMA),
                  (jnp.sin(angle), TURNED))


def saturation(draws: Draws, p: Array, strengths: Strengths) -> Array:
    """Draws a log-normal factor of what of a colour is not grey: [b, 4, 4]."""
    factor = gated(draws, p, jnp.exp2(draws.normal() * strengths.saturation_std), 1)
    return _mixed((jnp.ones_like(factor), COLORS), (factor - 1, CHROMA))


COLOR: dict[str, Callable[[Draws, Array, Strengths], Array]] = {
    "brightness": brightness, "contrast": contrast, "lumaflip": lumaflip, "hue": hue,
    "saturation": saturation}
"""Operations in their order."""
NOT_OF_GREYS = ("hue", "saturation")
"""What grey images do not have; for them nothing of it is drawn."""


def recolor(images: Array, matrices: Array) -> Array:
    """Applies maps [b, 4, 4] of colours to images [b, h, w, c] of 3 channels, or of 1.

    Of grey images the mean of the colours that grey would become is taken.
    """
    if images.shape[-1] == 3:
        scaled = jnp.einsum("bdc,bhwc->bhwd", matrices[:, :3, :3], images, precision="highest")
        return scaled + matrices[:, None, None, :3, 3]
    row = jnp.mean(matrices[:, :3], axis=1)[:, None, None, :]
    return images * jnp.sum(row[..., :3], axis=-1, keepdims=True) + row[..., 3:]


def augment_color(images: Array, draws: Draws, p: Array, operations: tuple[str, ...],
                  strengths: Strengths) -> Array:
    """Applies the ones of colour among `operations` to images [b, h, w, 1 or 3], with chance p.

    An image whose map is the identity is returned to the bit.
    """
    matrices = identity = jnp.eye(4, dtype=images.dtype)[None]
    grey = images.shape[-1] == 1
    for name, operation in COLOR.items():
        if name in operations and not (grey and name in NOT_OF_GREYS):
            step = operation(draws, p, strengths).astype(images.dtype)
            matrices = jnp.matmul(step, matrices, precision="highest")
    if matrices is identity:
        return images
    if images.shape[-1] not in (1, 3):
        raise ValueError(f"colour augmentations need images of 1 or 3 channels, not of "
                         f"{images.shape[-1]}; leave them out")
    changed = jnp.any(matrices != identity, axis=(1, 2))
    return where_changed(changed, recolor(images, matrices), images)
