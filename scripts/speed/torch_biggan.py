"""BigGAN's networks in PyTorch, written from the papers (Brock et al. 2019, "Large scale GAN training for high fidelity
natural image synthesis", appendix B; Miyato et al. 2018, algorithm 1; Zhang et al. 2019, section 3).

Weights have the names of the official code, so that ganlab reads them. As a script, `torch_biggan.py W8 4 numbers.npz`
writes weights, inputs and outputs of networks of that width, by which tests compare them with ganlab's, and the
SHA-256 of this file.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from workloads import BIGGAN_WORKLOADS

SMALLEST = 4
"""Side of the image with which the generator begins."""
EPSILON = 1e-6
"""Least norm by which power iterations divide."""


class Spectral(nn.Module):
    """A weight [outputs, ...] that is divided by its largest singular value."""

    def __init__(self, *shape, bias=True):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        nn.init.orthogonal_(self.weight)
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.register_buffer("u0", functional.normalize(torch.randn(1, shape[0])))

    def divided(self):
        """The weight after one power iteration, which training keeps."""
        matrix = self.weight.flatten(1)
        with torch.no_grad():
            right = functional.normalize(self.u0 @ matrix, eps=EPSILON)
            left = functional.normalize(right @ matrix.T, eps=EPSILON)
            if self.training:
                self.u0.copy_(left)
        return self.weight / (left @ matrix @ right.T).squeeze()


class Convolution(Spectral):
    """A convolution that keeps the size of images."""

    def __init__(self, before, after, side, bias=True):
        super().__init__(after, before, side, side, bias=bias)

    def forward(self, x):
        return functional.conv2d(x, self.divided(), self.bias, padding=self.weight.shape[-1] // 2)


class Dense(Spectral):
    """A dense layer."""

    def __init__(self, before, after, bias=True):
        super().__init__(after, before, bias=bias)

    def forward(self, x):
        return functional.linear(x, self.divided(), self.bias)


class Embedding(Spectral):
    """A row for each label."""

    def __init__(self, classes, features):
        super().__init__(classes, features, bias=False)

    def forward(self, labels):
        return functional.embedding(labels, self.divided())


class Normalization(nn.Module):
    """Batch normalization; gains and biases are linear in conditions, or learned."""

    def __init__(self, channels, conditions=0):
        super().__init__()
        self.register_buffer("stored_mean", torch.zeros(channels))
        self.register_buffer("stored_var", torch.ones(channels))
        self.conditional = bool(conditions)
        if conditions:
            self.gain, self.bias = (Dense(conditions, channels, bias=False) for _ in range(2))
        else:
            self.gain, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x, conditions=None):
        own = () if self.conditional else (self.gain, self.bias)
        y = functional.batch_norm(x, self.stored_mean, self.stored_var, *own, training=self.training, momentum=0.1)
        if not self.conditional:
            return y
        return y * (1 + self.gain(conditions))[:, :, None, None] + self.bias(conditions)[:, :, None, None]


class Attention(nn.Module):
    """Attention of all places to the largest of 2x2 places."""

    def __init__(self, channels):
        super().__init__()
        self.theta, self.phi = (Convolution(channels, channels // 8, 1, bias=False) for _ in range(2))
        self.g = Convolution(channels, channels // 2, 1, bias=False)
        self.o = Convolution(channels // 2, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        queries = self.theta(x).flatten(2)
        keys, values = (functional.max_pool2d(layer(x), 2).flatten(2) for layer in (self.phi, self.g))
        weights = torch.softmax(queries.transpose(1, 2) @ keys, dim=-1)
        found = (values @ weights.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:])
        return x + self.gamma * self.o(found)


class GeneratorBlock(nn.Module):
    """A residual block that doubles images by nearest neighbours."""

    def __init__(self, before, after, conditions):
        super().__init__()
        self.bn1, self.bn2 = Normalization(before, conditions), Normalization(after, conditions)
        self.conv1, self.conv2 = Convolution(before, after, 3), Convolution(after, after, 3)
        self.conv_sc = Convolution(before, after, 1)

    def forward(self, x, conditions):
        y = functional.interpolate(self.bn1(x, conditions).relu(), scale_factor=2)
        y = self.conv2(self.bn2(self.conv1(y), conditions).relu())
        return y + functional.interpolate(self.conv_sc(x), scale_factor=2)


class CriticBlock(nn.Module):
    """A residual block that may halve images by means; the first of a critic does not rectify its input."""

    def __init__(self, before, after, first, halves):
        super().__init__()
        self.conv1, self.conv2 = Convolution(before, after, 3), Convolution(after, after, 3)
        self.conv_sc = Convolution(before, after, 1) if halves or before != after else None
        self.first, self.halves = first, halves

    def forward(self, x):
        y = self.conv2(self.conv1(x if self.first else x.relu()).relu())
        if self.halves:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        return y + (x if self.conv_sc is None else self.conv_sc(x))


class Generator(nn.Module):
    """Latents, cut into pieces, and labels become images."""

    def __init__(self, workload):
        super().__init__()
        channels = [workload.width * multiple for multiple in workload.multiples]
        self.pieces = len(channels)
        piece = workload.latent // self.pieces
        self.shared = nn.Embedding(workload.classes, workload.shared)
        self.linear = Dense(piece, SMALLEST**2 * channels[0])
        self.blocks = nn.ModuleList()
        for number, (before, after) in enumerate(zip(channels, channels[1:])):
            block = [GeneratorBlock(before, after, workload.shared + piece)]
            block += [Attention(after)] if SMALLEST * 2 ** (number + 1) == workload.attention else []
            self.blocks.append(nn.ModuleList(block))
        self.output_layer = nn.Sequential(
            Normalization(channels[-1]), nn.ReLU(), Convolution(channels[-1], workload.image[-1], 3))

    def forward(self, latents, labels):
        first, *pieces = latents.chunk(self.pieces, 1)
        vectors = self.shared(labels)
        x = self.linear(first).unflatten(1, (-1, SMALLEST, SMALLEST))
        for (block, *attention), piece in zip(self.blocks, pieces):
            x = block(x, torch.cat([vectors, piece], 1))
            for layer in attention:
                x = layer(x)
        return torch.tanh(self.output_layer(x))


class Critic(nn.Module):
    """Images and labels become logits: of four blocks two halve, and attention is after each."""

    def __init__(self, workload):
        super().__init__()
        channels = [workload.image[-1], *(workload.width * multiple for multiple in workload.multiples)]
        self.blocks = nn.ModuleList(
            nn.ModuleList([CriticBlock(before, after, number == 0, number < 2), Attention(after)])
            for number, (before, after) in enumerate(zip(channels, channels[1:])))
        self.linear = Dense(channels[-1], 1)
        self.embed = Embedding(workload.classes, channels[-1])

    def forward(self, images, labels):
        x = images
        for block, attention in self.blocks:
            x = attention(block(x))
        features = x.relu().sum((2, 3))
        return self.linear(features)[:, 0] + (self.embed(labels) * features).sum(1)


def main():
    """Writes the numbers of a pass in training, with gradients, of networks whose attention has a part."""
    name, width, path = sys.argv[1:]
    torch.manual_seed(0)
    workload = BIGGAN_WORKLOADS[name].of_width(int(width))
    generator, critic = Generator(workload), Critic(workload)
    for module in (*generator.modules(), *critic.modules()):
        if isinstance(module, Attention):
            nn.init.constant_(module.gamma, 0.5)
    latents, labels = torch.randn(4, workload.latent), torch.arange(4) % workload.classes
    found = {"latents": latents, "labels": labels}
    for network, module in (("generator", generator), ("critic", critic)):
        found |= {f"{network}/{key}": value.clone() for key, value in module.state_dict().items()}
    images = generator(latents, labels)
    logits = critic(images, labels)
    logits.sum().backward()
    found |= {"images": images, "logits": logits}
    for network, module in (("generator", generator), ("critic", critic)):
        found |= {f"{network}_after/{key}": value for key, value in module.named_buffers()}
        found |= {f"{network}_slopes/{key}": value.grad for key, value in module.named_parameters()}
    np.savez_compressed(path, script=hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
                        **{key: value.detach().numpy() for key, value in found.items()})


if __name__ == "__main__":
    main()
