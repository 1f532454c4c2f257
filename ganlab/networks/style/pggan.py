"""PGGAN (Karras et al. 2018, "Progressive growing of GANs", table 2).

Levels as in `growing`: an image of side 4 * 2^n has n + 1 of them, and an image that is not square
starts from rows by columns of 4x4. Each convolution but the first doubles its features or keeps
their size, and its pixels are normalized.
"""

from typing import ClassVar

from flax import linen as nn

from ganlab.convolutions.resized import doubled
from ganlab.networks.layers import concatenate_labels
from ganlab.networks.style.growing import (
    DenseFeatures,
    GrowingCritic,
    PlainConvolution,
    chosen_level,
    faded,
    levels_with_images,
    share_of_level,
    rectified,
)
from ganlab.networks.style.layers import normalize_vectors
from ganlab.networks.style.levels import level_channels, level_sizes
from ganlab.types import Array


class Level(nn.Module):
    """One resolution of the generator: two convolutions, of which the first doubles.

    The smallest level has vectors in place of smaller features, and a dense layer for the first
    convolution.
    """

    channels: int
    image_channels: int
    size: tuple[int, int]
    first: bool
    pixel_norm: bool
    equalized: bool
    leaky: bool

    @nn.compact
    def __call__(self, x: Array, to_image: bool) -> tuple[Array, Array | None]:
        """Computes features [b, h, w, c], and images if asked for."""
        if self.first:
            x = self._finished(DenseFeatures(self.size, self.channels, True, self.equalized,
                                             name="dense")(x))
        else:
            x = self._finished(PlainConvolution(self.channels, 3, "doubled",
                                                equalized=self.equalized, name="conv0")(x))
        x = self._finished(PlainConvolution(
            self.channels, 3, equalized=self.equalized, name="conv1")(x))
        if not to_image:
            return x, None
        return x, PlainConvolution(self.image_channels, 1, gain=1.0, equalized=self.equalized,
                                   name="to_image")(x)

    def _finished(self, x: Array) -> Array:
        # The pixelwise normalization of section 4.2 follows the activation.
        x = rectified(x, self.leaky)
        return normalize_vectors(x) if self.pixel_norm else x


class PGGANGenerator(nn.Module):
    """PGGAN's generator: latents [b, z] (with labels [b]) become images [b, h, w, c] of a level.

    Images are not bounded by a unit; real ones are in [-1, 1].

    Attributes:
      image_shape: of the images of the last level, sides that are multiples of 8.
      num_classes: 0 without labels.
      axis_name: not used: it sees each example by itself.
      level: of its images, from 0 for the smallest; None is the last one.
      fading: whether the level fades in, by the variable `fade` from 0 to 1.
      channel_base: channels of a level times its longer side.
      channel_max: most channels of a level.
      channels: of each level, smallest first, in place of those that these two numbers give.
      normalize_latents: whether latents, with one-hot labels beside them, are normalized.
      pixel_norm: whether pixels of features are normalized (section 4.2).
      equalized: whether rates are equalized (section 4.1), or weights drawn as He et al. 2015 do.
      leaky: whether ReLUs are leaky.
    """

    image_shape: tuple[int, ...]
    num_classes: int = 0
    axis_name: str | None = None
    level: int | None = None
    fading: bool = False
    channel_base: int = 16384
    channel_max: int = 512
    channels: tuple[int, ...] = ()
    normalize_latents: bool = True
    pixel_norm: bool = True
    equalized: bool = True
    leaky: bool = True

    batch_group: ClassVar[int] = 1
    tracks_batch: ClassVar[bool] = False

    @nn.compact
    def __call__(self, latents: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        """Computes images of the level."""
        del keys, train
        sizes = level_sizes(self.image_shape)
        channels = level_channels(sizes, self.channel_base, self.channel_max, self.channels)
        last, fade = chosen_level(self.level, sizes), share_of_level(self)
        x = concatenate_labels(latents, labels, self.num_classes)
        x = normalize_vectors(x) if self.normalize_latents else x
        # Images of the last level, and in a transition of the one before.
        seen, before, now = levels_with_images(self, last, fade), None, None
        for number in range(last + 1):
            x, image = Level(channels[number], self.image_shape[-1], sizes[number], number == 0,
                             self.pixel_norm, self.equalized, self.leaky,
                             name=f"level_{number}")(x, number in seen)
            before, now = now, image
        return now if fade is None or before is None else faded(doubled(before), now, fade)


class PGGANCritic(GrowingCritic):
    """PGGAN's critic: images [b, h, w, c] of a level become logits [b].

    With classes it sows `class_logits` [b, classes], those of AC-GAN (Odena et al. 2017), beside
    them, unless it does not read labels; labels enter nowhere.

    Attributes:
      image_shape, num_classes, axis_name, level, fading, channel_base, channel_max, channels, dense_width,
        group, deviations: those of `GrowingCritic`.
      equalized: whether rates are equalized (section 4.1), or weights drawn as He et al. 2015 do.
      leaky: whether ReLUs are leaky.
      fused: whether 2x2 pixels become their mean within the convolution, before its bias and
        activation, as in the official code, or after these, as in table 2.
      reads_labels: whether it has logits of classes; that of StyleGAN's repository has none.
    """

    equalized: bool = True
    leaky: bool = True
    fused: bool = True
    reads_labels: bool = True

    @property
    def outputs(self) -> int:
        """The logit, and one for each class that it reads."""
        return 1 + self.num_classes * self.reads_labels

    def __call__(self, images: Array, labels: Array | None = None, keys: Array | None = None,
                 train: bool = False) -> Array:
        """Computes logits of images of the level."""
        del labels, keys, train
        outputs = self.judged(images)
        if self.outputs > 1:
            self.sow("intermediates", "class_logits", outputs[:, 1:])
        return outputs[:, 0]
