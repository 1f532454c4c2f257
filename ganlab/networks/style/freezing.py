"""Which layers of a critic Freeze-D leaves as they are (Mo et al. 2020)."""

from ganlab.types import Tree

LAYERS = ("from_image", "conv0", "conv1", "skip")
"""Of a level, in the order in which the code of StyleGAN2-ADA counts them."""


def first_layers(params: Tree) -> tuple[str, ...]:
    """Names the layers of StyleGAN2's critic that can be frozen, such as `level_3/conv0`.

    They are those above the smallest level, from the image on; `params` may be of shapes.
    """
    levels = [name for name in params if name.startswith("level_")]
    levels.sort(key=lambda name: int(name.removeprefix("level_")), reverse=True)
    return tuple(f"{level}/{layer}" for level in levels for layer in LAYERS
                 if layer in params[level])
