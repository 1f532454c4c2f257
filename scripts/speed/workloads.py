"""The games of the speed benchmark, without any framework: every rival builds them from these numbers.

A network is a sequence of layers: `dense units`, `shape h w c`, `conv filters kernel stride`, `up filters kernel
stride` (transposed), `leaky slope`, `relu`, `flatten`, `dropout rate`, `sigmoid`, `tanh`. Padding is SAME.
"""

import dataclasses
import sys
import time

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
}
EXAMPLES = 512
"""Examples of the random data, which every rival holds in memory and draws its batches from."""


def serve(parameters: int, play) -> None:
    """Answers the benchmark: after a first round, for each line `n` the seconds of a round of n,
    of the clock and of all its threads, and the peak memory.

    Args:
      parameters: of both networks.
      play: plays so many rounds and comes back when they are finished.
    """
    play(1)
    print("ready", parameters, flush=True)
    for line in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        play(int(line))
        print("took", *((end - begin) / int(line) for begin, end in (
            (start, time.perf_counter()), (used, time.process_time()))), peak_memory(), flush=True)


def peak_memory() -> float:
    """The largest memory of this process so far, in MB."""
    # Not of getrusage, which starts from the memory of the process that started this one.
    with open("/proc/self/status", encoding="utf8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
