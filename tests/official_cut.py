"""The ResNet generator of CUT with the official layers one by one in NumPy, and random weights under official names."""

import numpy as np

DOWN, UP = np.outer((1, 2, 1), (1, 2, 1)) / 16, np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64 * 4


def cut_tensors(width=2, blocks=1, channels=3, bias=True, antialias_down=True, antialias_up=True, seed=0):
    """Weights by the names of `latest_net_G.pth`, whose layers have the numbers that the official list gives them."""
    draw, found, number = np.random.default_rng(seed), {}, 0

    def convolution(name, out, within, size, biased, transposed=False):
        shape = (within, out, size, size) if transposed else (out, within, size, size)
        found[f"{name}.weight"] = draw.normal(0, 0.3, shape).astype(np.float32)
        if biased:
            found[f"{name}.bias"] = draw.normal(0, 0.3, out).astype(np.float32)

    def filtered(name, values, features):
        found[f"{name}.filt"] = np.tile(values.astype(np.float32), (features, 1, 1, 1))

    convolution("model.1", width, channels, 7, bias)
    number = 4
    for step in range(2):
        convolution(f"model.{number}", width * 2 ** (step + 1), width * 2**step, 3, bias)
        number += 3
        if antialias_down:
            filtered(f"model.{number}", DOWN, width * 2 ** (step + 1))
            number += 1
    for _ in range(blocks):
        for place in (1, 5):
            convolution(f"model.{number}.conv_block.{place}", 4 * width, 4 * width, 3, bias)
        number += 1
    for features in (4 * width, 2 * width):
        if antialias_up:
            filtered(f"model.{number}", UP, features)
            number += 1
        convolution(f"model.{number}", features // 2, features, 3, bias, transposed=not antialias_up)
        number += 3
    convolution(f"model.{number + 1}", channels, width, 7, True)
    return found


def correlated(x, kernel, bias=None):
    """x [c, h, w] by a kernel [o, c, k, k], without padding."""
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(1, 2))
    made = np.einsum("chwij,ocij->ohw", windows, kernel.astype(np.float64))
    return made if bias is None else made + bias[:, None, None]


def padded(x, by, mode):
    """x [c, h, w] with `by` more rows and columns on every side."""
    return np.pad(x, ((0, 0), (by, by), (by, by)), mode=mode)


def halved(x, values):
    """The official Downsample: mirrored by one, a filter on each channel, every other row and column."""
    return np.concatenate([correlated(one[None], values) for one in padded(x, 1, "reflect")])[:, ::2, ::2]


def doubled(x, values):
    """The official Upsample: repeated by one, a transposed convolution of stride 2 and padding 2, its borders cut."""
    x = padded(x, 1, "edge")
    whole = np.zeros((len(x), 2 * x.shape[1] + 2, 2 * x.shape[2] + 2))
    for i, j in np.ndindex(*x.shape[1:]):
        whole[:, 2 * i:2 * i + 4, 2 * j:2 * j + 4] += x[:, i, j, None, None] * values[0, 0]
    return whole[:, 3:-3, 3:-3]


def cut_image(tensors, x, blocks=1, normalized=True):
    """What the generator that is antialiased both ways makes of x [c, h, w]."""
    def layer(name, x, activated=True):
        x = correlated(x, tensors[f"{name}.weight"], tensors.get(f"{name}.bias"))
        if normalized:
            x = (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
        return np.maximum(x, 0) if activated else x

    x = layer("model.1", padded(x, 3, "reflect"))
    for number in (4, 8):
        x = halved(layer(f"model.{number}", padded(x, 1, "constant")), tensors[f"model.{number + 3}.filt"][:1])
    for number in range(12, 12 + blocks):
        y = layer(f"model.{number}.conv_block.1", padded(x, 1, "reflect"))
        x = x + layer(f"model.{number}.conv_block.5", padded(y, 1, "reflect"), activated=False)
    for number in (12 + blocks, 16 + blocks):
        x = doubled(x, tensors[f"model.{number}.filt"][:1])
        x = layer(f"model.{number + 1}", padded(x, 1, "constant"))
    last = f"model.{12 + blocks + 9}"
    return np.tanh(correlated(padded(x, 3, "reflect"), tensors[f"{last}.weight"], tensors[f"{last}.bias"]))
