"""The augmentations `bgc` in PyTorch, written from the paper (Karras et al. 2020a, "Training generative adversarial
networks with limited data", appendix B): places and colours are mapped by one affine map of an image each."""

import math

import torch
from torch.nn import functional

SYM6 = torch.tensor([
    0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466,
    0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578,
    0.0017677118642428036, -0.007800708325034148]) / math.sqrt(2)
BORDER = 3
"""Pixels beyond each edge that the last filter reads."""
GREY = torch.full((3, 3), 1 / 3)
TURNED = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3)


class Read(torch.autograd.Function):
    """Bilinear reading at places, whose gradients by images have gradients in turn."""

    @staticmethod
    def forward(context, images, places):
        context.save_for_backward(images, places)
        return functional.grid_sample(images, places, align_corners=False)

    @staticmethod
    def backward(context, slope):
        return Written.apply(slope, *context.saved_tensors), None


class Written(torch.autograd.Function):
    """What a reading passes back to images; its own gradient is a reading."""

    @staticmethod
    def forward(context, slope, images, places):
        context.save_for_backward(places)
        return torch.ops.aten.grid_sampler_2d_backward(slope, images, places, 0, 0, False, (True, False))[0]

    @staticmethod
    def backward(context, slope):
        return Read.apply(slope, *context.saved_tensors), None, None


def resampled(images, inverse):
    """Maps places by inverse maps [b, 3, 3] in pixels from the centre, at twice the density of pixels."""
    channels, side = images.shape[1], images.shape[2]
    turn, shift = inverse[:, :2, :2], inverse[:, :2, 2]
    # Reflection as far as the batch reads.
    reach = (turn.abs().sum(2) + 2 / side * shift.abs()).max().item() * side / 2
    margin = min(max(math.ceil(reach - side / 2) + 2 * BORDER, 0), side - 1)
    x = functional.pad(images, [margin] * 4, mode="reflect")
    # Twice the density by the wavelet's filter, along one axis and then the other.
    along = [SYM6.reshape(shape).expand(channels, 1, *shape) for shape in ((12, 1), (1, 12))]
    for kernel, stride, padding in zip(along, ((2, 1), (1, 2)), ((5, 0), (0, 5)), strict=True):
        x = functional.conv_transpose2d(x, 2 * kernel, stride=stride, padding=padding, groups=channels)
    # The corner of four pixels is one of the denser ones.
    number = 2 * (side + 2 * BORDER)
    row = torch.arange(number) + 1 - number / 2
    places = torch.stack(torch.meshgrid(row, row, indexing="xy"), 2).reshape(-1, 2)
    places = (2 * (places @ turn.transpose(1, 2) + 2 * shift[:, None]) - 1) / x.shape[2]
    x = Read.apply(x, places.reshape(-1, number, number, 2))[:, :, 1:-1, 1:-1]
    # Back by the same filter.
    for kernel, stride in zip(along, ((2, 1), (1, 2)), strict=True):
        x = functional.conv2d(x, kernel, stride=stride, groups=channels)
    return x


def maps_of_places(batch, side, chance):
    """Draws inverse maps [b, 3, 3]."""
    one, zero = torch.ones(batch), torch.zeros(batch)
    either = 1 - math.sqrt(1 - chance)

    def gated(value, neutral, chance=chance):
        return torch.where(torch.rand(batch) < chance, value, neutral)

    def rows(*entries):
        return torch.stack([*entries, zero, zero, one], 1).reshape(-1, 3, 3)

    def stretched(x, y):
        return rows(x, zero, zero, zero, y, zero)

    def turned(angle):
        return rows(angle.cos(), -angle.sin(), zero, angle.sin(), angle.cos(), zero)

    def shifted(x, y):
        return rows(one, zero, -x, zero, one, -y)

    def angles():
        return gated((torch.rand(batch) * 2 - 1) * math.pi, zero, either)

    share = gated((torch.rand(2, batch) * 2 - 1) / 8, zero)
    size = gated(torch.exp2(torch.randn(batch) * 0.2), one)
    aspect = gated(torch.exp2(torch.randn(batch) * 0.2), one)
    return (stretched(1 - 2 * gated((torch.rand(batch) * 2).floor(), zero), one)
            @ turned(gated((torch.rand(batch) * 4).floor(), zero) * math.pi / 2) @ shifted(*(share * side).round())
            @ stretched(1 / size, 1 / size) @ turned(angles()) @ stretched(1 / aspect, aspect) @ turned(angles())
            @ shifted(*gated(torch.randn(2, batch) / 8, zero) * side))


def maps_of_colours(batch, chance):
    """Draws maps [b, 3, 3] of colours and what is added to them [b]."""
    one, zero, colours = torch.ones(batch), torch.zeros(batch), torch.eye(3)

    def gated(value, neutral):
        return torch.where(torch.rand(batch) < chance, value, neutral)[:, None, None]

    added = gated(torch.randn(batch) * 0.2, zero)
    contrast = gated(torch.exp2(torch.randn(batch) * 0.5), one)
    flips = gated((torch.rand(batch) * 2).floor(), zero)
    angle = gated((torch.rand(batch) * 2 - 1) * math.pi, zero)
    saturation = gated(torch.exp2(torch.randn(batch)), one)
    flip = colours - 2 * flips * GREY
    hue = GREY + angle.cos() * (colours - GREY) + angle.sin() * TURNED
    maps = (GREY + saturation * (colours - GREY)) @ hue @ (flip * contrast)
    return maps, maps.sum(2) * added[:, 0]


def bgc(images, chance):
    """Augments images [b, 3, h, h], each operation of each image by a chance."""
    x = resampled(images, maps_of_places(len(images), images.shape[2], chance))
    maps, added = maps_of_colours(len(x), chance)
    return torch.einsum("bdc,bchw->bdhw", maps, x) + added[:, :, None, None]
