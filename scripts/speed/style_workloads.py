"""The games of StyleGAN2 and 3 and of PGGAN in the speed benchmark, without any framework, as in `workloads`."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class StyleWorkload:
    """A game of StyleGAN2 without labels, by the settings that ganlab's experiment calls `auto`, but narrower.

    Attributes:
      title: what the table calls it.
      image: shape of an image.
      channel_base: channels of a level times its side.
      augment: augmentations of what the critic sees, at a fixed chance; none or `ada:bgc`.
      chance: of each augmentation.
      channel_max: most channels of a level.
      batch: real images of a critic's update, and fakes of any.
      latent: size of a latent and of a style.
      mapping: dense layers from latents to styles.
      group: neighbours of the minibatch deviation.
      style_mixing: share of batches that take second styles from some layer on.
      path: rounds between path lengths, part of the batch that they see, their weight, what moves their mean.
      penalty_interval: rounds between penalties (R1) of the critic.
      adam: learning rate, beta1, beta2, before they are rescaled for the intervals.
      average: half-life of the generator's average in images, and its limit as a share of those so far.
      classes: labels.
      rounds: rounds that are timed together, in which every update has its turn.
    """

    title: str
    image: tuple[int, ...]
    channel_base: int
    augment: str = "none"
    chance: float = 0.5
    channel_max: int = 128
    batch: int = 16
    latent: int = 512
    mapping: int = 2
    group: int = 4
    style_mixing: float = 0.9
    path: tuple[int, int, float, float] = (4, 2, 2.0, 0.01)
    penalty_interval: int = 16
    adam: tuple[float, float, float] = (2.5e-3, 0.0, 0.99)
    average: tuple[float, float] = (5000.0, 0.05)
    classes: int = 0
    rounds: int = 16

    @property
    def penalty_weight(self) -> float:
        """Of the mean squared slope, of which R1 is half."""
        return 0.0002 * self.image[0] ** 2 / self.batch

    @property
    def critic_rate(self) -> float:
        """Learning rate of the critic."""
        return self.adam[0]

    @property
    def experiment(self) -> str:
        """ganlab's own file and argument, whose channels are then replaced."""
        return (f"stylegan2.py:base=auto,data=cifar10,resolution={self.image[0]},batch={self.batch},"
                f"augment={self.augment}")


STYLE_WORKLOADS = {
    "W7": StyleWorkload("stylegan2 32x32, batch 16", (32, 32, 3), 2048),
    "W7a": StyleWorkload("stylegan2 32x32 with bgc, batch 16", (32, 32, 3), 2048, "ada:bgc"),
    "W7-64": StyleWorkload("stylegan2 64x64, batch 16", (64, 64, 3), 4096),
    "W7a-64": StyleWorkload("stylegan2 64x64 with bgc, batch 16", (64, 64, 3), 4096, "ada:bgc"),
}


@dataclasses.dataclass(frozen=True)
class StyleGAN3Workload(StyleWorkload):
    """A game of StyleGAN3-T against StyleGAN2's critic: no path lengths, no mixing, averages in the critic's updates.

    Attributes:
      generator_max: most channels of a layer of the generator.
      layers: of the generator, before the one to the image.
      margin: pixels beyond the image, in each layer.
      magnitude: half-life of the mean squares of layers' inputs in images.
    """

    style_mixing: float = 0.0
    path: tuple[int, int, float, float] = (0, 2, 0.0, 0.0)
    average: tuple[float, float] = (20_000.0, 0.05)
    generator_max: int = 64
    layers: int = 6
    margin: int = 10
    magnitude: float = 20_000.0

    @property
    def penalty_weight(self) -> float:
        """Of the mean squared slope, of which R1 is half."""
        return 1.0

    @property
    def critic_rate(self) -> float:
        """Learning rate of the critic."""
        return 2e-3

    @property
    def magnitude_rate(self) -> float:
        """What a pass keeps of a mean square."""
        return 0.5 ** (self.batch / self.magnitude)

    @property
    def experiment(self) -> str:
        """ganlab's own file and argument, whose channels, latents and styles are then replaced."""
        return f"stylegan3.py:data=cifar10,resolution={self.image[0]},batch={self.batch}"

    @property
    def small(self) -> "StyleGAN3Workload":
        """The same game with layers, channels, batches and latents of which numbers can be kept."""
        return dataclasses.replace(self, channel_base=128, generator_max=6, layers=3, batch=4, latent=12)


STYLEGAN3_WORKLOADS = {
    "W10": StyleGAN3Workload("stylegan3-t 32x32, batch 16", (32, 32, 3), 2048),
    "W10-64": StyleGAN3Workload("stylegan3-t 64x64, batch 16", (64, 64, 3), 4096),
}


@dataclasses.dataclass(frozen=True)
class PGGANWorkload:
    """A game of PGGAN's last level alone, without labels: a critic's update by WGAN-GP, and a generator's update.

    Attributes:
      title: what the table calls it.
      image: shape of an image.
      channel_base: channels of a level times its side.
      channel_max: most channels of a level.
      batch: real images of a critic's update, and fakes of any.
      latent: size of a latent.
      group: neighbours of the minibatch deviation.
      penalty: weight of the gradient penalty.
      drift: weight of the squared logits of real images.
      adam: learning rate, beta1, beta2.
      average: half-life of the generator's average in images.
      classes: labels.
      rounds: rounds that are timed together.
    """

    title: str
    image: tuple[int, ...] = (64, 64, 3)
    channel_base: int = 2048
    channel_max: int = 128
    batch: int = 16
    latent: int = 128
    group: int = 4
    penalty: float = 10.0
    drift: float = 0.001
    adam: tuple[float, float, float] = (1e-3, 0.0, 0.99)
    average: float = 10_000.0
    classes: int = 0
    rounds: int = 2

    @property
    def experiment(self) -> str:
        """ganlab's own file and argument, whose channels and latents are then replaced."""
        return f"pggan.py:data=cifar10,resolution={self.image[0]},conditional=false,growing=false"

    @property
    def small(self) -> "PGGANWorkload":
        """The same game with images, channels, batches and latents of which numbers can be kept."""
        return dataclasses.replace(self, image=(16, 16, self.image[-1]), channel_base=64, channel_max=8, batch=8,
                                   latent=24)


PGGAN_WORKLOADS = {"W9": PGGANWorkload("pggan's last level 64x64, batch 16")}


Shapes = dict[str, dict[str, tuple[int, ...]]]
"""Weights by layer and name: kernels [outputs, inputs, rows, columns], biases, affine maps from styles to scales."""


def levels(workload: StyleWorkload | PGGANWorkload) -> list[int]:
    """Channels of the levels, of which each has twice the side of the one before, from 4x4 on."""
    sides = [4]
    while sides[-1] < workload.image[0]:
        sides.append(2 * sides[-1])
    return [min(workload.channel_base // side, workload.channel_max) for side in sides]


def style_generator(workload: StyleWorkload) -> Shapes:
    """Trained weights of the generator; noise that stays constant and the average style are not among them."""
    latent, colours = workload.latent, workload.image[-1]
    channels = levels(workload)

    def styled(before: int, after: int) -> dict[str, tuple[int, ...]]:
        return {"affine": (before, latent), "affine_bias": (before,), "kernel": (after, before, 3, 3),
                "noise_strength": (), "bias": (after,)}

    found: Shapes = {f"mapping.{number}": {"kernel": (latent, latent), "bias": (latent,)}
                     for number in range(workload.mapping)}
    found["constant"] = {"constant": (1, channels[0], 4, 4)}
    for number, after in enumerate(channels):
        if number:
            found[f"{number}.conv0"] = styled(channels[number - 1], after)
        found[f"{number}.conv1"] = styled(after, after)
        found[f"{number}.to_image"] = {"affine": (after, latent), "affine_bias": (after,),
                                       "kernel": (colours, after, 1, 1), "bias": (colours,)}
    return found


def style_critic(workload: StyleWorkload) -> Shapes:
    """Trained weights of the critic."""
    channels = levels(workload)
    last = channels[0]
    found: Shapes = {"from_image": {"kernel": (channels[-1], workload.image[-1], 1, 1), "bias": (channels[-1],)}}
    for number in range(len(channels) - 1, 0, -1):
        before, after = channels[number], channels[number - 1]
        found[f"{number}.skip"] = {"kernel": (after, before, 1, 1)}
        found[f"{number}.conv0"] = {"kernel": (before, before, 3, 3), "bias": (before,)}
        found[f"{number}.conv1"] = {"kernel": (after, before, 3, 3), "bias": (after,)}
    return found | {"convolution": {"kernel": (last, last + 1, 3, 3), "bias": (last,)},
                    "dense": {"kernel": (last, 16 * last), "bias": (last,)},
                    "output": {"kernel": (1, last), "bias": (1,)}}
