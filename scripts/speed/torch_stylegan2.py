"""StyleGAN2's networks in PyTorch, written from the papers (Karras et al. 2020a, "Training generative adversarial
networks with limited data", and 2020b, "Analyzing and improving the image quality of StyleGAN").

A modulated convolution is a grouped one, with a group for each image (2020b, appendix B), or scales images and results
of an ordinary one. Filters are convolutions of each channel by itself, strided to reduce and transposed to enlarge.
"""

import math

import torch
from style_workloads import levels, style_critic, style_generator
from torch import nn
from torch.nn import functional
from torch_pggan import with_deviation

TAPS = torch.tensor([1.0, 3.0, 3.0, 1.0])
FILTER = torch.outer(TAPS, TAPS) / 64
MAPPING_RATE = 0.01
"""Learning rate of the mapping, as a share of the others'."""


def smoothed(x, stride=1, padding=1, gain=1.0):
    """Filters each channel, and keeps a pixel in `stride`."""
    kernel = (FILTER * gain).expand(x.shape[1], 1, 4, 4)
    return functional.conv2d(x, kernel, stride=stride, padding=padding, groups=x.shape[1])


def enlarged(x):
    """Twice as many rows and columns: zeros between pixels, then the filter."""
    kernel = (FILTER * 4).expand(x.shape[1], 1, 4, 4)
    return functional.conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


def activated(x):
    """A leaky ReLU that keeps the variance."""
    return functional.leaky_relu(x, 0.2) * math.sqrt(2)


def modulated(x, kernel, scales, up=False, demodulate=True, grouped=True):
    """Convolves each image by a kernel of its own, whose inputs are scaled and outputs perhaps normalized.

    Grouped, each image is a group with its kernel; else images are scaled around a kernel that they share.
    """
    batch, channels, *extent = x.shape
    if grouped:
        kernels = kernel * scales[:, None, :, None, None]
        if demodulate:
            kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
        x = x.reshape(1, batch * channels, *extent)
        kernel, groups = (kernels.transpose(1, 2) if up else kernels).flatten(0, 1), batch
    else:
        norms = scales.square() @ kernel.square().sum((2, 3)).T
        x = x * scales[:, :, None, None]
        kernel, groups = kernel.transpose(0, 1) if up else kernel, 1
    if up:
        x = functional.conv_transpose2d(x, kernel, stride=2, groups=groups)
    else:
        x = functional.conv2d(x, kernel, padding=kernel.shape[2] // 2, groups=groups)
    x = x.reshape(batch, -1, *x.shape[2:]) if grouped else x
    x = smoothed(x, gain=4) if up else x
    return x if grouped or not demodulate else x * (norms + 1e-8).rsqrt()[:, :, None, None]


class Layer(nn.Module):
    """Weights of unit variance, scaled where they are used (equalized learning rates)."""

    def __init__(self, shapes, rate=1.0, grouped=True):
        super().__init__()
        for name, shape in shapes.items():
            start = (torch.ones(shape) if name == "affine_bias"
                     else torch.zeros(shape) if name in ("bias", "noise_strength") else torch.randn(shape) / rate)
            setattr(self, name, nn.Parameter(start))
        self.rate, self.grouped = rate, grouped

    def scaled(self):
        """The kernel by the root of its inputs."""
        return self.kernel * (self.rate / math.sqrt(self.kernel[0].numel()))

    def dense(self, x):
        """A dense layer."""
        return functional.linear(x, self.scaled(), self.bias * self.rate)

    def scales(self, style):
        """Scales of the inputs by a style."""
        return functional.linear(style, self.affine / math.sqrt(self.affine.shape[1]), self.affine_bias)


class Constant(Layer):
    """What the smallest level starts from."""

    def forward(self, batch):
        return self.constant.expand(batch, -1, -1, -1)


class Styled(Layer):
    """A modulated convolution with noise, bias and activation."""

    def forward(self, x, style, up=False):
        x = modulated(x, self.kernel, self.scales(style), up, grouped=self.grouped)
        noise = torch.randn(len(x), 1, *x.shape[2:])
        return activated(x + noise * self.noise_strength + self.bias[:, None, None])


class ToImage(Layer):
    """A modulated convolution of single pixels to an image."""

    def forward(self, x, style):
        scales = self.scales(style) / math.sqrt(x.shape[1])
        return modulated(x, self.kernel, scales, demodulate=False, grouped=self.grouped) + self.bias[:, None, None]


class Convolution(Layer):
    """A convolution of the critic with its bias and activation, which reduces behind the filter."""

    def forward(self, x, down=False):
        if not down:
            return activated(functional.conv2d(x, self.scaled(), self.bias, padding=self.kernel.shape[2] // 2))
        return activated(functional.conv2d(smoothed(x, padding=2), self.scaled(), self.bias, stride=2))


class Skip(Layer):
    """Beside a level of the critic, which it reduces as well."""

    def forward(self, x):
        return functional.conv2d(smoothed(x, stride=2), self.scaled())


KINDS = {"constant": Constant, "conv0": Styled, "conv1": Styled, "to_image": ToImage}


class Generator(nn.Module):
    """Latents to styles by `mapping`, styles [b, layers, d] to images by `synthesis`."""

    def __init__(self, workload, grouped=True):
        super().__init__()
        shapes = style_generator(workload)
        self.number = len(levels(workload))
        self.layers = 2 * self.number
        self.dense = nn.ModuleList(Layer(shape, MAPPING_RATE) for name, shape in shapes.items()
                                   if name.startswith("mapping"))
        self.parts = nn.ModuleDict({name.replace(".", "_"): KINDS[name.rpartition(".")[2]](shape, grouped=grouped)
                                    for name, shape in shapes.items() if not name.startswith("mapping")})
        self.register_buffer("average", torch.zeros(workload.latent))

    def mapping(self, latents):
        """Styles [b, d]."""
        x = latents * (latents.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.dense:
            x = activated(layer.dense(x))
        return x

    def synthesis(self, styles):
        """Images with fresh noise."""
        parts = self.parts
        x = parts["0_conv1"](parts["constant"](len(styles)), styles[:, 0])
        image = parts["0_to_image"](x, styles[:, 1])
        for level in range(1, self.number):
            x = parts[f"{level}_conv0"](x, styles[:, 2 * level - 1], up=True)
            x = parts[f"{level}_conv1"](x, styles[:, 2 * level])
            image = enlarged(image) + parts[f"{level}_to_image"](x, styles[:, 2 * level + 1])
        return image


class Critic(nn.Module):
    """Images to logits, by residual levels and the deviation among neighbours."""

    def __init__(self, workload):
        super().__init__()
        self.group, self.number = workload.group, len(levels(workload))
        kinds = {"skip": Skip, "dense": Layer, "output": Layer}
        self.parts = nn.ModuleDict({name.replace(".", "_"): kinds.get(name.rpartition(".")[2], Convolution)(shape)
                                    for name, shape in style_critic(workload).items()})

    def forward(self, images):
        parts = self.parts
        x = parts["from_image"](images)
        for level in range(self.number - 1, 0, -1):
            y = parts[f"{level}_conv1"](parts[f"{level}_conv0"](x), down=True)
            x = (y + parts[f"{level}_skip"](x)) * math.sqrt(0.5)
        x = parts["convolution"](with_deviation(x, self.group)).flatten(1)
        return parts["output"].dense(activated(parts["dense"].dense(x)))[:, 0]
