"""PGGAN's networks of a last level and its losses in PyTorch, written from the paper (Karras et al. 2018, "Progressive
growing of GANs for improved quality, stability, and variation", sections 3 and 4, table 2 and appendix A.1).

Layers have the names of ganlab's, kernels are [outputs, inputs, rows, columns]. As a script, `torch_pggan.py W9
numbers.npz` writes weights, inputs, outputs, losses and gradients of small networks, by which tests compare them with
ganlab's, and the SHA-256 of this file.
"""

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import torch
from style_workloads import PGGAN_WORKLOADS, levels
from torch import nn
from torch.nn import functional

GAIN = math.sqrt(2)
"""He's gain of layers before a leaky ReLU."""
SQUARES = 1e-8
"""Added to mean squares and variances, of which roots are taken."""
SMALLEST = 4
"""Side of the smallest images."""


def normalized(x):
    """Scales vectors [b, d], or the pixels of features [b, d, h, w], to a mean square of 1."""
    return x * (x.square().mean(1, keepdim=True) + SQUARES).rsqrt()


def with_deviation(x, group):
    """Appends a channel of the mean deviation among `group` neighbours to features [b, d, h, w]."""
    runs = x.unflatten(0, (-1, group))
    deviations = (runs.var(1, correction=0) + SQUARES).sqrt().mean((1, 2, 3)).repeat_interleave(group)
    return torch.cat([x, deviations[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


class Layer(nn.Module):
    """Weights of unit variance, scaled where they are used (equalized learning rates)."""

    def __init__(self, *shape, gain=GAIN, biases=None):
        super().__init__()
        self.kernel, self.bias = nn.Parameter(torch.randn(shape)), nn.Parameter(torch.zeros(biases or shape[0]))
        self.scale = gain / math.sqrt(math.prod(shape[1:]))

    def scaled(self):
        """The kernel by He's constant."""
        return self.kernel * self.scale


class Dense(Layer):
    """A dense layer."""

    def forward(self, x):
        return functional.linear(x, self.scaled(), self.bias)


class DenseFeatures(Layer):
    """A dense layer from latents to the smallest features, with a bias of each channel."""

    def __init__(self, latent, channels):
        super().__init__(SMALLEST**2 * channels, latent, gain=GAIN / 4, biases=channels)

    def forward(self, x):
        y = functional.linear(x, self.scaled()).unflatten(1, (-1, SMALLEST, SMALLEST))
        return y + self.bias[:, None, None]


class Convolution(Layer):
    """A convolution that keeps the size of images."""

    def __init__(self, before, after, side, gain=GAIN):
        super().__init__(after, before, side, side, gain=gain)

    def forward(self, x):
        return functional.conv2d(x, self.scaled(), self.bias, padding=self.kernel.shape[-1] // 2)


class Generator(nn.ModuleDict):
    """Latents become images. Of the layers to images, only the last level's is used."""

    def __init__(self, workload):
        super().__init__()
        before = workload.latent
        for number, channels in enumerate(levels(workload)):
            first = ("conv0", Convolution(before, channels, 3)) if number else ("dense", DenseFeatures(before, channels))
            self[f"level_{number}"] = nn.ModuleDict([
                first, ("conv1", Convolution(channels, channels, 3)),
                ("to_image", Convolution(channels, workload.image[-1], 1, gain=1.0))])
            before = channels

    def forward(self, latents):
        x = normalized(latents)
        for number, level in enumerate(self.values()):
            x = level["conv0"](functional.interpolate(x, scale_factor=2)) if number else level["dense"](x)
            x = normalized(functional.leaky_relu(x, 0.2))
            x = normalized(functional.leaky_relu(level["conv1"](x), 0.2))
        return level["to_image"](x)


class Critic(nn.ModuleDict):
    """Images become logits. Of the layers from images, only the last level's is used."""

    def __init__(self, workload):
        super().__init__()
        channels, colours, self.group = levels(workload), workload.image[-1], workload.group
        # The dense layer is as wide as a level of half the smallest side would be.
        width = min(2 * workload.channel_base // SMALLEST, workload.channel_max)
        for number, own in enumerate(channels):
            after = channels[max(number - 1, 0)]
            rest = [("conv0", Convolution(own, own, 3)), ("conv1", Convolution(own, after, 3))] if number else [
                ("convolution", Convolution(own + 1, own, 3)), ("dense", Dense(width, SMALLEST**2 * own)),
                ("output", Dense(1, width, gain=1.0))]
            self[f"level_{number}"] = nn.ModuleDict([("from_image", Convolution(colours, own, 1)), *rest])

    def forward(self, images):
        *levels_above, last = reversed(self.values())
        x = functional.leaky_relu(levels_above[0]["from_image"](images), 0.2)
        for level in levels_above:
            x = functional.leaky_relu(level["conv0"](x), 0.2)
            x = functional.leaky_relu(functional.avg_pool2d(level["conv1"](x), 2), 0.2)
        x = functional.leaky_relu(last["convolution"](with_deviation(x, self.group)), 0.2)
        x = functional.leaky_relu(last["dense"](x.flatten(1)), 0.2)
        return last["output"](x)[:, 0]


def slopes_eager(critic):
    """Gradients of the logits by the images, differentiable."""
    def slopes(images):
        images.requires_grad_()
        return torch.autograd.grad(critic(images).sum(), images, create_graph=True)[0]

    return slopes


def critic_loss(workload, judge, slopes, real, fake, mix):
    """That of WGAN-GP with the drift of real logits; `mix` [b, 1, 1, 1] is the share of real images in those between.

    `judge` makes logits of images, `slopes` their gradients by the images.
    """
    real_logits = judge(real)
    lengths = (slopes(mix * real + (1 - mix) * fake).square().sum((1, 2, 3)) + 1e-12).sqrt()
    return (judge(fake).mean() - real_logits.mean() + workload.penalty * (lengths - 1).square().mean()
            + workload.drift * real_logits.square().mean())


def generator_loss(judge, fake):
    """That of WGAN."""
    return -judge(fake).mean()


def main():
    """Writes the numbers of a round's losses, of small networks whose biases have a part."""
    name, path = sys.argv[1:]
    torch.manual_seed(0)
    workload = PGGAN_WORKLOADS[name].small
    networks = {"generator": Generator(workload), "critic": Critic(workload)}
    for network in networks.values():
        for key, value in network.named_parameters():
            if key.endswith("bias"):
                nn.init.normal_(value, std=0.2)
    generator, critic = networks.values()
    latents, mix = torch.randn(workload.batch, workload.latent), torch.rand(workload.batch, 1, 1, 1)
    real = torch.rand(workload.batch, workload.image[-1], *workload.image[:-1]) * 2 - 1
    fake = generator(latents)
    found = {"latents": latents, "mix": mix, "real": real, "fake": fake, "real_logits": critic(real)}
    losses = {"critic": critic_loss(workload, critic, slopes_eager(critic), real, fake.detach(), mix),
              "generator": generator_loss(critic, fake)}
    # Layers to and from images of smaller levels have no gradient.
    for player, network in networks.items():
        slopes = torch.autograd.grad(losses[player], list(network.parameters()), allow_unused=True,
                                     materialize_grads=True, retain_graph=True)
        found[f"{player}_loss"] = losses[player]
        for (key, value), slope in zip(network.named_parameters(), slopes):
            found |= {f"{player}/{key}": value, f"{player}_slopes/{key}": slope}
    np.savez_compressed(path, script=hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
                        **{key: value.detach().numpy() for key, value in found.items()})


if __name__ == "__main__":
    main()
