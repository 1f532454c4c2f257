"""Random state dicts of stylegan2-pytorch, and what its networks compute from them: NumPy, float64, [b, c, h, w].

Written from the description of its layers, without any of ganlab's: convolutions are sums over windows.
"""

import math

import numpy as np

CHANNELS, STYLES, LAYERS, COLOURS = (8, 6, 4), 6, 2, 3
TAPS = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64


def random_generator(rng, channels=CHANNELS):
    """The state dict of a generator whose levels have these channels."""
    state, convolutions = {}, ["conv1", *(f"convs.{number}" for number in range(2 * len(channels) - 2))]
    inputs = [channels[0], *(count for pair in zip(channels, channels[1:]) for count in pair)]
    for number in range(1, LAYERS + 1):
        state |= {f"style.{number}.weight": rng.normal(size=(STYLES, STYLES)) * 100,
                  f"style.{number}.bias": rng.normal(size=STYLES) * 20}
    state["input.input"] = rng.normal(size=(1, channels[0], 4, 4))
    for place, (name, count) in enumerate(zip(convolutions, inputs)):
        level = (place + 1) // 2
        state |= modulated(rng, name, count, channels[level], 3)
        state |= {f"{name}.noise.weight": rng.normal(size=1), f"{name}.activate.bias": rng.normal(size=channels[level]),
                  f"noises.noise_{place}": rng.normal(size=(1, 1, 4 * 2**level, 4 * 2**level))}
        if place % 2:
            state[f"{name}.conv.blur.kernel"] = 4 * TAPS
    for level, count in enumerate(channels):
        name = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        state |= modulated(rng, name, count, COLOURS, 1) | {f"{name}.bias": rng.normal(size=(1, COLOURS, 1, 1))}
        if level:
            state[f"{name}.upsample.kernel"] = 4 * TAPS
    return {name: np.float32(array) for name, array in state.items()}


def modulated(rng, name, inputs, outputs, side):
    return {f"{name}.conv.weight": rng.normal(size=(1, outputs, inputs, side, side)),
            f"{name}.conv.modulation.weight": rng.normal(size=(inputs, STYLES)),
            f"{name}.conv.modulation.bias": 1 + rng.normal(size=inputs)}


def random_critic(rng, channels=CHANNELS):
    """The state dict of a critic whose levels have these channels."""
    large = channels[::-1]
    state = {"convs.0.0.weight": rng.normal(size=(large[0], COLOURS, 1, 1)),
             "convs.0.1.bias": rng.normal(size=large[0])}
    for block, (count, after) in enumerate(zip(large, large[1:]), start=1):
        name = f"convs.{block}"
        state |= {f"{name}.conv1.0.weight": rng.normal(size=(count, count, 3, 3)),
                  f"{name}.conv1.1.bias": rng.normal(size=count),
                  f"{name}.conv2.0.kernel": TAPS, f"{name}.conv2.1.weight": rng.normal(size=(after, count, 3, 3)),
                  f"{name}.conv2.2.bias": rng.normal(size=after),
                  f"{name}.skip.0.kernel": TAPS, f"{name}.skip.1.weight": rng.normal(size=(after, count, 1, 1))}
    last = channels[0]
    state |= {"final_conv.0.weight": rng.normal(size=(last, last + 1, 3, 3)),
              "final_conv.1.bias": rng.normal(size=last),
              "final_linear.0.weight": rng.normal(size=(last, 16 * last)),
              "final_linear.0.bias": rng.normal(size=last),
              "final_linear.1.weight": rng.normal(size=(1, last)), "final_linear.1.bias": rng.normal(size=1)}
    return {name: np.float32(array) for name, array in state.items()}


def activated(x, bias):
    """Adds a bias of channels, the leaky ReLU, its gain."""
    x = x + bias.reshape(-1, *(1,) * (x.ndim - 2))
    return math.sqrt(2) * np.where(x > 0, x, 0.2 * x)


def linear(x, state, name, rate=1.0):
    weight = state[f"{name}.weight"].astype(np.float64)
    return x @ weight.T * (rate / math.sqrt(weight.shape[1])) + state[f"{name}.bias"] * rate


def correlated(x, kernel):
    """Every window of images times kernels [o, i, k, k], or kernels of each image [b, o, i, k, k]."""
    side = kernel.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (side, side), axis=(2, 3))
    return np.einsum("bihwkl,boikl->bohw" if kernel.ndim == 5 else "bihwkl,oikl->bohw", windows, kernel)


def padded(x, before, after):
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)))


def spread(x):
    """Zeros between pixels."""
    out = np.zeros((*x.shape[:2], 2 * x.shape[2] - 1, 2 * x.shape[3] - 1))
    out[:, :, ::2, ::2] = x
    return out


def filtered(x, before, after, gain=1.0):
    """A true convolution of each channel by the taps, which are symmetric."""
    count = x.shape[1]
    kernel = np.eye(count)[:, :, None, None] * TAPS * gain
    return correlated(padded(x, before, after), kernel)


def modulated_convolution(x, style, state, name, up=False, demodulate=True):
    scales = linear(style, state, f"{name}.conv.modulation")
    weight = state[f"{name}.conv.weight"].astype(np.float64)
    weight = weight / math.sqrt(math.prod(weight.shape[2:])) * scales[:, None, :, None, None]
    if demodulate:
        weight = weight / np.sqrt(np.sum(weight**2, axis=(2, 3, 4), keepdims=True) + 1e-8)
    if not up:
        return correlated(padded(x, *(weight.shape[-1] // 2,) * 2), weight)
    # A transposed convolution adds the whole kernel at each pixel: it turns the kernel where windows are multiplied.
    return filtered(correlated(padded(spread(x), 2, 2), weight[..., ::-1, ::-1]), 1, 1, 4.0)


def styles_of(state, latents):
    x = latents / np.sqrt(np.mean(latents**2, axis=1, keepdims=True) + 1e-8)
    for number in range(1, LAYERS + 1):
        x = activated(linear(x, state, f"style.{number}", 0.01), np.zeros(STYLES))
    return x


def images_of(state, latents, psi=1.0, average=None):
    """Images by the constant noise of each layer, styles drawn to the average."""
    style = styles_of(state, latents)
    style = style if psi == 1 else average + psi * (style - average)
    x, image = np.repeat(state["input.input"].astype(np.float64), len(latents), axis=0), None
    levels = sum(name.startswith("to_rgbs") and name.endswith(".bias") and "conv" not in name for name in state) + 1
    for level in range(levels):
        names = [f"convs.{2 * level - 2}", f"convs.{2 * level - 1}"] if level else ["conv1"]
        for number, name in enumerate(names):
            x = modulated_convolution(x, style, state, name, up=len(names) == 2 and number == 0)
            place = max(2 * level - 1, 0) + number
            x = x + state[f"{name}.noise.weight"] * state[f"noises.noise_{place}"]
            x = activated(x, state[f"{name}.activate.bias"])
        name = f"to_rgbs.{level - 1}" if level else "to_rgb1"
        seen = modulated_convolution(x, style, state, name, demodulate=False) + state[f"{name}.bias"]
        # Zeros after the last pixel too: one more than `spread` leaves.
        if image is not None:
            seen = seen + filtered(np.pad(spread(image), ((0, 0), (0, 0), (0, 1), (0, 1))), 2, 1, 4.0)
        image = seen
    return image


def convolution(x, state, name, padding=0):
    weight = state[f"{name}.weight"].astype(np.float64)
    return correlated(padded(x, padding, padding), weight / math.sqrt(math.prod(weight.shape[1:])))


def logits_of(state, images):
    """Logits [b, 1]; images a stride apart, b over 4, see how much they differ."""
    x = activated(convolution(images, state, "convs.0.0"), state["convs.0.1.bias"])
    for block in range(1, sum(name.endswith("conv1.0.weight") for name in state) + 1):
        name = f"convs.{block}"
        y = activated(convolution(x, state, f"{name}.conv1.0", 1), state[f"{name}.conv1.1.bias"])
        y = convolution(filtered(y, 2, 2), state, f"{name}.conv2.1")[:, :, ::2, ::2]
        y = activated(y, state[f"{name}.conv2.2.bias"])
        x = (y + convolution(filtered(x, 1, 1)[:, :, ::2, ::2], state, f"{name}.skip.1")) / math.sqrt(2)
    groups = x.reshape(min(len(x), 4), -1, *x.shape[1:])
    deviation = np.mean(np.sqrt(np.var(groups, axis=0) + 1e-8), axis=(1, 2, 3))
    channel = np.tile(deviation, len(groups))[:, None, None, None] * np.ones((1, 1, 4, 4))
    x = convolution(np.concatenate([x, channel], axis=1), state, "final_conv.0", 1)
    x = activated(x, state["final_conv.1.bias"])
    x = activated(linear(x.reshape(len(x), -1), state, "final_linear.0"), np.zeros(x.shape[1]))
    return linear(x, state, "final_linear.1")
