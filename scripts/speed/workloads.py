"""The games of the speed benchmark, without any framework: every rival builds them from these numbers.

A network is a sequence of layers: `dense units`, `shape h w c`, `conv filters kernel stride`, `up filters kernel
stride` (transposed), `leaky slope`, `relu`, `flatten`, `dropout rate`, `sigmoid`, `tanh`, `batch_norm`, and
the residual blocks `up_block filters` (batch normalization) and `down_block filters` (normalization of whole images).
Padding is SAME.
"""

import dataclasses
import math

Layers = tuple[tuple, ...]


@dataclasses.dataclass(frozen=True)
class Workload:
    """One game.

    Attributes:
      title: what the table calls it.
      experiment: ganlab's own file and argument, from which ours is built.
      latent: size of a latent.
      image: shape of an image or point.
      batch: real images of a critic's update.
      generator: layers from latents.
      critic: layers from images; a dense layer of one unit ends them.
      loss: `bce` (binary cross-entropy of logits) or `wgan_gp`.
      critic_step: `one_pass` (real and fake together) or `two_steps` (a step on each).
      generator_batch: fakes of the generator's update.
      critic_updates: critic updates a round.
      label_noise: uniform noise on the targets of real and fake.
      classes: labels; one-hot beside the latents, and a projection in the critic. 0 for none.
      adam: learning rate, beta1, beta2.
      rounds: rounds that are timed together.
    """

    title: str
    experiment: str
    latent: int
    image: tuple[int, ...]
    batch: int
    generator: Layers
    critic: Layers
    loss: str = "bce"
    critic_step: str = "one_pass"
    generator_batch: int = 0
    critic_updates: int = 1
    label_noise: float = 0.0
    classes: int = 0
    adam: tuple[float, float, float] = (2e-4, 0.5, 0.999)
    rounds: int = 1


def convolutions(kind: str, slope: float, *layers: tuple[int, int, int]) -> Layers:
    """Convolutions (filters, kernel, stride), each with its leaky ReLU."""
    return tuple(part for layer in layers for part in ((kind, *layer), ("leaky", slope)))


def perceptron(width: int, depth: int, activation: tuple) -> Layers:
    """Dense layers of one width, each with its activation."""
    return tuple(part for _ in range(depth) for part in (("dense", width), activation))


DCGAN32 = dict(
    latent=100, image=(32, 32, 3),
    generator=(("dense", 4 * 4 * 256), ("leaky", 0.2), ("shape", 4, 4, 256),
               *convolutions("up", 0.2, *[(128, 4, 2)] * 3), ("conv", 3, 3, 1), ("tanh",)))
CRITIC32 = convolutions("conv", 0.2, (64, 3, 1), (128, 3, 2), (128, 3, 2), (256, 3, 2))

WORKLOADS: dict[str, Workload] = {
    "W1": Workload(
        "dcgan64, batch 32", "dcgan64.py", latent=128, image=(64, 64, 3), batch=32,
        generator=(("dense", 8 * 8 * 128), ("shape", 8, 8, 128),
                   *convolutions("up", 0.2, (128, 4, 2), (256, 4, 2), (512, 4, 2)), ("conv", 3, 5, 1), ("sigmoid",)),
        critic=(*convolutions("conv", 0.2, (64, 4, 2), (128, 4, 2), (128, 4, 2)), ("flatten",), ("dropout", 0.2)),
        generator_batch=32, label_noise=0.05, adam=(1e-4, 0.9, 0.999)),
    "W2": Workload(
        "dcgan32, batch 128", "dcgan32.py", **DCGAN32, batch=64, generator_batch=128, critic_step="two_steps",
        critic=(*CRITIC32, ("flatten",), ("dropout", 0.4))),
    "W3": Workload(
        "dcgan32 as WGAN-GP, batch 64", "dcgan32.py", **DCGAN32, batch=64, generator_batch=64, critic_updates=5,
        critic=(*CRITIC32, ("flatten",)), loss="wgan_gp", adam=(1e-4, 0.0, 0.9)),
    "W4": Workload(
        "grid25 by perceptrons, batch 256", "mixtures.py:method=gan", latent=2, image=(2,), batch=256,
        generator=(*perceptron(128, 3, ("relu",)), ("dense", 2)), critic=perceptron(128, 3, ("leaky", 0.2)),
        generator_batch=256, adam=(1e-3, 0.5, 0.999), rounds=200),
    "W5": Workload(
        "digits as shipped, batch 64", "digits.py", latent=32, image=(8, 8, 1), batch=64,
        generator=(*perceptron(256, 3, ("relu",)), ("dense", 64), ("tanh",), ("shape", 8, 8, 1)),
        critic=(("flatten",), *perceptron(256, 3, ("leaky", 0.2))), loss="wgan_gp", generator_batch=64,
        critic_updates=5, classes=10, adam=(5e-4, 0.0, 0.9), rounds=20),
    "W6": Workload(
        "64x64 residual WGAN-GP, batch 64", "wgan_gp.py:network=residual,side=64,width=64", latent=128,
        image=(64, 64, 3), batch=64,
        generator=(("dense", 4 * 4 * 512), ("shape", 4, 4, 512),
                   *[("up_block", filters) for filters in (512, 256, 128, 64)], ("batch_norm",), ("relu",),
                   ("conv", 3, 3, 1), ("tanh",)),
        critic=(("conv", 64, 3, 1), *[("down_block", filters) for filters in (128, 256, 512, 512)], ("flatten",)),
        loss="wgan_gp", generator_batch=64, critic_updates=5, adam=(1e-4, 0.0, 0.9)),
}
CPU_WORKLOADS = ("W1", "W2", "W3", "W4", "W5")


@dataclasses.dataclass(frozen=True)
class BigGANWorkload:
    """A game of BigGAN with labels: a critic's update by both kinds of images in one pass, and a generator's update.

    Attributes:
      title: what the table calls it.
      image: shape of an image; of a side of 32.
      width: channels by which the multiples are multiplied.
      multiples: channels of the generator from the smallest image on, and of the critic's blocks.
      batch: real images of a critic's update, and fakes of any.
      latent: size of a latent, which is cut into a piece for the smallest image and one for each block.
      shared: size of a class's vector.
      attention: side of the images that attend to themselves.
      classes: labels.
      adam: learning rate, beta1, beta2.
      average: half-life of the generator's average in images, and its limit as a share of those so far.
      rounds: rounds that are timed together.
    """

    title: str
    image: tuple[int, ...] = (32, 32, 3)
    width: int = 32
    multiples: tuple[int, ...] = (4, 4, 4, 4)
    batch: int = 64
    latent: int = 80
    shared: int = 128
    attention: int = 16
    classes: int = 10
    adam: tuple[float, float, float] = (2e-4, 0.0, 0.999)
    average: tuple[float, float] = (10_000.0, 0.05)
    rounds: int = 2

    def of_width(self, width: int) -> "BigGANWorkload":
        """The same game with other channels."""
        return dataclasses.replace(self, width=width)


BIGGAN_WORKLOADS = {"W8": BigGANWorkload("biggan 32x32, width 32, batch 64")}


def thinned(workload: Workload, by: int) -> Workload:
    """The same game with filters divided by a number in every layer but that of the image, to try a command."""
    def fewer(kind: str, numbers: list) -> tuple:
        place = {"dense": 0, "conv": 0, "up": 0, "up_block": 0, "down_block": 0, "shape": 2}.get(kind)
        if place is not None and numbers[place] != workload.image[-1]:
            numbers[place] //= by
        return kind, *numbers

    return dataclasses.replace(workload, **{
        player: tuple(fewer(kind, numbers) for kind, *numbers in getattr(workload, player))
        for player in ("generator", "critic")})


def of_batch(workload: Workload, batch: int) -> Workload:
    """The same game with a batch of real images in a critic's update, and the generator's fakes in proportion."""
    return dataclasses.replace(workload, batch=batch,
                               generator_batch=workload.generator_batch * batch // workload.batch)


def images_a_round(workload: Workload) -> int:
    """Real images that the critic sees in a round."""
    return workload.critic_updates * workload.batch


def products(rows: Layers, size: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Multiplications of a pass of one example, in its dense layers and convolutions, and the shape that comes out."""
    total = 0
    for kind, *numbers in rows:
        if kind == "dense":
            total, size = total + size[0] * numbers[0], (numbers[0],)
        elif kind == "shape":
            size = tuple(numbers)
        elif kind == "flatten":
            size = (math.prod(size),)
        elif kind in ("conv", "up"):
            filters, kernel, stride = numbers
            height, width, channels = size
            after = tuple(side * stride if kind == "up" else -(-side // stride) for side in (height, width))
            # A transposed convolution multiplies at each pixel that it sees, a convolution at each that it makes.
            places = height * width if kind == "up" else math.prod(after)
            total, size = total + places * kernel**2 * channels * filters, (*after, filters)
        elif kind in ("up_block", "down_block"):
            height, width, before = size
            after, middle = numbers[0], numbers[0] if kind == "up_block" else before
            small, large = (height * width, 4 * height * width) if kind == "up_block" else (
                height * width // 4, height * width)
            total += small * before * after + large * 9 * (before * middle + middle * after)
            size = (*(side * 2 if kind == "up_block" else side // 2 for side in (height, width)), after)
    return total, size


def operations(workload: Workload) -> int:
    """Floating-point operations that the products of a round need, two for each multiplication.

    A pass with gradients of the weights takes three forward ones: forward, gradient of the inputs, gradient of the
    weights; one that is only passed through takes two. A critic's update makes fakes (one), judges real and fake images
    (six), and for a gradient penalty takes the slopes (two) and the gradients of these by what came back and by the
    weights (two); where layers are normalized, slopes depend on the pass forward too (two more).
    """
    generator = products(workload.generator, (workload.latent + workload.classes,))[0]
    critic, features = products(workload.critic, workload.image)
    critic += math.prod(features)
    normalized = any(kind == "down_block" for kind, *_ in workload.critic)
    judged = 6 + (0 if workload.loss != "wgan_gp" else 6 if normalized else 4)
    return 2 * (workload.critic_updates * workload.batch * (generator + judged * critic)
                + workload.generator_batch * (3 * generator + 2 * critic))
