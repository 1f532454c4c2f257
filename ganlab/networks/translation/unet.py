"""The generator of pix2pix: a U-Net with skip connections (Isola et al. 2017, section 6.1.1)."""

import jax.numpy as jnp
from flax import linen as nn

from ganlab.networks.activations import leaky_relu
from ganlab.networks.layers import Dropout, NormalizedByName
from ganlab.networks.translation.torch_layers import (
    convolution,
    doubling_convolution,
    has_bias,
    normalized,
)
from ganlab.types import Array

KERNEL = 4
MOST_DOUBLINGS = 3  # Channels grow to 8 times the width.
FIRST_DROPOUT = 4  # The outermost level that drops; the innermost does not.


class UNetGenerator(NormalizedByName, nn.Module):
    """U-Net: levels of stride 2 inward and outward again, each joined with its counterpart (Isola et al. 2017).

    Images [b, h, w, c] of sides that 2^`depth` divides become images [b, h, w, image_shape[-1]] in
    [-1, 1]; 8 levels are those of the paper for 256x256, 7 for 128x128. `dropout` acts on the inner
    levels outward and is the generator's noise; it needs `keys` in training. `use_bias` is of
    convolutions before a normalization; None gives one to all but those before batch normalization.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    width: int = 64
    depth: int = 8
    normalization: str = "batch"
    dropout: float = 0.5
    use_bias: bool | None = None

    @property
    def multiple(self) -> int:
        """The divisor of height and width of the images that it takes."""
        return 2**self.depth

    @property
    def least(self) -> int:
        """The smallest height and width that it takes."""
        return self.multiple

    @nn.compact
    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        if self.depth < 2:
            raise ValueError(f"depth {self.depth} is below 2; 8 is that of the paper for images of "
                             "256x256")
        check_sides(images, self.multiple, self.least)
        use_bias = has_bias(self.use_bias, self.normalization)

        def normalize(x: Array, name: str) -> Array:
            return normalized(x, self.normalization, self.axis_name, train, name)
        # The encoder: each level halves the size, and its input is kept for the skip connection.
        x, skips, last = images, [], self.depth - 1
        for level in range(self.depth):
            if level:
                # The official activation works in place, so that the skip carries its output.
                x = leaky_relu(x, 0.2)
                skips.append(x)
            x = convolution(self._features(level), KERNEL, 2, 1, use_bias, f"down_{level}")(x)
            if 0 < level < last:
                x = normalize(x, f"down_norm_{level}")
        # The decoder: each level doubles the size and is joined with what the encoder kept.
        for level in range(last, 0, -1):
            up = doubling_convolution(self._features(level - 1), KERNEL, use_bias, f"up_{level}")
            x = up(nn.relu(x))
            x = normalize(x, f"up_norm_{level}")
            if FIRST_DROPOUT <= level < last:
                x = Dropout(self.dropout, name=f"dropout_{level}")(x, keys, train)
            x = jnp.concatenate([skips.pop(), x], axis=-1)
        output = doubling_convolution(self.image_shape[-1], KERNEL, True, "up_0")
        return jnp.tanh(output(nn.relu(x)))

    def _features(self, level: int) -> int:
        return self.width * 2 ** min(level, MOST_DOUBLINGS)


def check_sides(images: Array, multiple: int, least: int) -> None:
    """Raises ValueError for images whose size a generator would not return."""
    if images.ndim != 4:
        raise ValueError("it translates images [height, width, channels]; the data has shape "
                         f"{images.shape[1:]}")
    height, width = images.shape[1:3]
    if min(height, width) < least or height % multiple or width % multiple:
        raise ValueError(f"it takes images whose sides are multiples of {multiple} from {least} "
                         f"on; these have {height}x{width} pixels; choose another network or "
                         "depth, or resize the data")
