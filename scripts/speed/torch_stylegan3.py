"""StyleGAN3's generator in PyTorch, written from the paper (Karras et al. 2021, "Alias-free generative adversarial
networks", section 3 and appendices C and F), in configuration T.

Its filtered activation is that of the paper by ordinary operations: zeros between pixels, a filter along each axis as a
convolution of each channel by itself, a leaky ReLU, a filter, one pixel in so many. Layers have the names of ganlab's.
As a script, `torch_stylegan3.py W10 numbers.npz` writes weights, images, averages and gradients of a small generator,
by which tests compare it with ganlab's, and the SHA-256 of this file.
"""

import dataclasses
import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import torch
from style_workloads import STYLEGAN3_WORKLOADS
from torch import nn
from torch.nn import functional
from torch_stylegan2 import MAPPING_RATE, Layer, activated

CRITICAL, FIRST_CUTOFF, FIRST_STOPBAND, LAST_STOPBAND = 2, 2.0, 2.0**2.1, 2.0**0.3
"""Layers whose cutoff is half of the image's rate, where the first layer's band ends, the last one's in its cutoffs."""
FINER, TAPS = 2, 6
"""How much finer an activation's grid is, and taps of a filter by its factor."""
STYLE_RATE = 0.998
"""What a pass keeps of the average style."""
OUTPUT = 0.25
"""Factor of images."""


@dataclasses.dataclass(frozen=True)
class Signal:
    """Pixels in an image's width, which frequencies are kept, up to where they fade out, the side, and channels."""

    rate: int
    cutoff: float
    fade: float
    side: int
    channels: int


def signals(workload):
    """What each layer makes, and the image last (appendix C)."""
    side, number = workload.image[0], workload.layers
    found = []
    for layer in range(number + 1):
        share = min(layer / (number - CRITICAL), 1.0)
        cutoff = FIRST_CUTOFF ** (1 - share) * (side / 2) ** share
        stopband = FIRST_STOPBAND ** (1 - share) * (side / 2 * LAST_STOPBAND) ** share
        rate = 2 ** math.ceil(math.log2(min(2 * stopband, side)))
        margin = 0 if layer >= number - 1 else workload.margin
        channels = round(min(workload.channel_base / 2 / cutoff, workload.generator_max))
        found.append(Signal(rate, cutoff, max(stopband, rate / 2) - cutoff, rate + 2 * margin,
                            workload.image[-1] if layer == number else channels))
    return found


def lowpass(taps, signal, rate):
    """A windowed filter at a rate, by Kaiser's formulas for a transition of twice the fade (appendix C)."""
    attenuation = 2.285 * (taps - 1) * math.pi * (4 * signal.fade / rate) + 7.95
    beta = (0.1102 * (attenuation - 8.7) if attenuation > 50 else
            0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21) if attenuation > 21 else 0.0)
    places = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) * 2 * signal.cutoff / rate
    found = torch.sinc(places) * torch.kaiser_window(taps, periodic=False, beta=beta, dtype=torch.float64)
    return (found / found.sum()).float()


def spread(x, rows, columns):
    """Makes each pixel so many rows and columns: itself and zeros."""
    batch, channels, height, width = x.shape
    x = functional.pad(x.reshape(batch, channels, height, 1, width, 1), (0, columns - 1, 0, 0, 0, rows - 1))
    return x.reshape(batch, channels, height * rows, width * columns)


def along(x, taps, axis, stride=1):
    """Filters each channel along rows (0) or columns (1); filters are symmetric."""
    kernel, strides = (taps[:, None], (stride, 1)) if axis == 0 else (taps[None], (1, stride))
    return functional.conv2d(x, kernel.expand(x.shape[1], 1, -1, -1), stride=strides, groups=x.shape[1])


class Dense(Layer):
    """A dense layer with equalized rates."""

    def __init__(self, before, after, rate=1.0, bias=0.0):
        super().__init__({"kernel": (after, before), "bias": (after,)}, rate)
        nn.init.constant_(self.bias, bias)

    def forward(self, x):
        return self.dense(x)


class Mapping(nn.ModuleDict):
    """Latents to styles."""

    def __init__(self, workload):
        super().__init__({f"dense_{number}": Dense(workload.latent, workload.latent, MAPPING_RATE)
                          for number in range(workload.mapping)})
        self.register_buffer("average", torch.zeros(workload.latent))

    def forward(self, latents):
        x = latents * (latents.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.values():
            x = activated(layer(x))
        return x


class Waves(nn.Module):
    """Waves that a style turns and moves, and that are mixed (section 3.1, appendix F): [b, d] to [b, c, s, s]."""

    def __init__(self, latent, signal):
        super().__init__()
        self.signal, channels = signal, signal.channels
        angles, lengths = 2 * math.pi * torch.rand(channels), signal.cutoff * torch.rand(channels).sqrt()
        self.register_buffer("frequencies", torch.stack([lengths * angles.cos(), lengths * angles.sin()], 1))
        self.register_buffer("phases", torch.rand(channels) - 0.5)
        self.kernel, self.affine = nn.Parameter(torch.randn(channels, channels)), Dense(latent, 4)
        nn.init.zeros_(self.affine.kernel)
        with torch.no_grad():
            self.affine.bias[0] = 1

    def forward(self, style):
        signal, turned = self.signal, self.affine(style)
        cos, sin, *moved = (turned / turned[:, :2].norm(dim=1, keepdim=True)).unbind(1)
        turn = torch.stack([cos, -sin, sin, cos], 1).unflatten(1, (2, 2))
        move = -turn @ torch.stack(moved, 1)[:, :, None]
        # Waves of the places after the turn and the movement.
        frequencies = self.frequencies @ turn
        phases = self.phases + (self.frequencies @ move)[:, :, 0]
        amplitudes = 1 - (frequencies.norm(dim=2) - signal.cutoff) / (signal.rate / 2 - signal.cutoff)
        places = (torch.arange(signal.side) + 0.5 - signal.side / 2) / signal.rate
        grid = torch.stack(torch.meshgrid(places, places, indexing="xy"), -1).flatten(0, 1)
        waves = (2 * math.pi * (grid @ frequencies.transpose(1, 2) + phases[:, None])).sin()
        waves = waves * amplitudes.clamp(0, 1)[:, None]
        x = waves @ (self.kernel.T / math.sqrt(len(self.kernel)))
        return x.transpose(1, 2).unflatten(2, (signal.side, signal.side))


def modulated(x, kernel, scales, gain, demodulate, grouped):
    """Convolves each image by a kernel of its own, to an image that is larger by the kernel less one pixel.

    Grouped, each image is a group with its kernel; else images are scaled around a kernel that they share.
    """
    batch, channels, *extent = x.shape
    padding = kernel.shape[-1] - 1
    if demodulate:
        kernel = kernel * kernel.square().mean((1, 2, 3), keepdim=True).rsqrt()
        scales = scales * scales.square().mean().rsqrt()
    if not grouped:
        y = functional.conv2d(x * (scales * gain)[:, :, None, None], kernel, padding=padding)
        norms = scales.square() @ kernel.square().sum((2, 3)).T + 1e-8
        return y * norms.rsqrt()[:, :, None, None] if demodulate else y
    kernels = kernel * scales[:, None, :, None, None]
    if demodulate:
        kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    y = functional.conv2d(x.reshape(1, batch * channels, *extent), (kernels * gain).flatten(0, 1), padding=padding,
                          groups=batch)
    return y.reshape(batch, -1, *y.shape[2:])


class Styled(nn.Module):
    """A modulated convolution, a bias and, but for the layer to the image, a filtered activation (section 3.2)."""

    def __init__(self, workload, before, after, to_image, grouped):
        super().__init__()
        side = 1 if to_image else 3
        self.kernel = nn.Parameter(torch.randn(after.channels, before.channels, side, side))
        self.bias = nn.Parameter(torch.zeros(after.channels))
        self.affine = Dense(workload.latent, before.channels, bias=1.0)
        self.register_buffer("average", torch.ones(()))
        self.keep, self.to_image, self.grouped = workload.magnitude_rate, to_image, grouped
        if to_image:
            return
        # The finer grid, filters to and from it, and what it needs beyond the image's pixels.
        rate = FINER * max(before.rate, after.rate)
        self.up, self.down = rate // before.rate, rate // after.rate
        self.register_buffer("up_taps", lowpass(TAPS * self.up, before, rate) * self.up, persistent=False)
        self.register_buffer("down_taps", lowpass(TAPS * self.down, after, rate), persistent=False)
        needed = (after.side - 1) * self.down + 1 + TAPS * (self.up + self.down) - 2
        beyond = needed - (before.side + side - 1) * self.up
        self.low = (beyond + self.up) // 2
        self.high = beyond - self.low

    def enlarged(self, x):
        """To the finer grid."""
        edges, up = (self.low, self.high), self.up
        if self.grouped:
            x = functional.pad(spread(x, up, up), (*edges, *edges))
            return along(along(x, self.up_taps, 0), self.up_taps, 1)
        # Axis by axis, with fewer zeros.
        x = along(functional.pad(spread(x, up, 1), (0, 0, *edges)), self.up_taps, 0)
        return along(functional.pad(spread(x, 1, up), edges), self.up_taps, 1)

    def reduced(self, x):
        """From there."""
        if self.grouped:
            return along(along(x, self.down_taps, 0), self.down_taps, 1)[:, :, ::self.down, ::self.down]
        return along(along(x, self.down_taps, 0, self.down), self.down_taps, 1, self.down)

    def forward(self, x, style, follow):
        if follow:
            self.average.lerp_(x.detach().square().mean(), 1 - self.keep)
        scales = self.affine(style)
        if self.to_image:
            scales = scales / math.sqrt(self.kernel[0].numel())
        x = modulated(x, self.kernel, scales, self.average.rsqrt(), not self.to_image, self.grouped)
        x = x + self.bias[:, None, None]
        return x if self.to_image else self.reduced(activated(self.enlarged(x)))


class Generator(nn.Module):
    """Latents to styles by `mapping`, styles [b, layers, d] to images by `synthesis`.

    Grouped, it is by the operations of the paper; else images are scaled around kernels that they share, and filters
    compute what is kept alone.
    """

    def __init__(self, workload, grouped=True):
        super().__init__()
        made = signals(workload)
        self.layers = len(made) + 1
        self.mapping, self.input = Mapping(workload), Waves(workload.latent, made[0])
        for number, (before, after) in enumerate(zip([made[0], *made], made)):
            setattr(self, f"layer_{number}", Styled(workload, before, after, number == workload.layers, grouped))

    def follow(self, style):
        """Moves the average style."""
        self.mapping.average.lerp_(style.detach().mean(0), 1 - STYLE_RATE)

    def synthesis(self, styles, follow=False):
        """Images; whether mean squares follow these."""
        x = self.input(styles[:, 0])
        for number in range(self.layers - 1):
            x = getattr(self, f"layer_{number}")(x, styles[:, number + 1], follow)
        return x * OUTPUT


def main():
    """Writes the numbers of a pass in training, of a small generator whose every weight and average has a part."""
    name, path = sys.argv[1:]
    torch.manual_seed(0)
    workload = STYLEGAN3_WORKLOADS[name].small
    generator = Generator(workload)
    with torch.no_grad():
        for key, value in generator.named_parameters():
            if "bias" in key or key == "input.affine.kernel":
                value += 0.3 * torch.randn(value.shape)
    for key, value in generator.named_buffers():
        if key.startswith("layer_") and key.endswith("average"):
            value.uniform_(0.5, 2)
    latents = torch.randn(workload.batch, workload.latent)
    direction = torch.randn(workload.batch, workload.image[-1], *workload.image[:-1])
    found = {"latents": latents, "direction": direction}
    found |= {f"generator/{key}": value.clone() for key, value in (*generator.named_parameters(),
                                                                   *generator.named_buffers())}
    # Both ways make the same images.
    style = generator.mapping(latents)
    generator.follow(style)
    styles = style[:, None].expand(-1, generator.layers, -1)
    found["images"] = generator.synthesis(styles, follow=True)
    other = Generator(workload, grouped=False)
    other.load_state_dict(generator.state_dict())
    found["scaled_images"] = other.synthesis(styles)
    slopes = torch.autograd.grad((found["images"] * direction).sum(), list(generator.parameters()))
    found |= {f"slopes/{key}": slope for (key, _), slope in zip(generator.named_parameters(), slopes)}
    found |= {f"after/{key}": value for key, value in generator.named_buffers() if key.endswith("average")}
    np.savez_compressed(path, script=hashlib.sha256(Path(__file__).read_bytes()).hexdigest(),
                        **{key: value.detach().numpy() for key, value in found.items() if "taps" not in key})


if __name__ == "__main__":
    main()
