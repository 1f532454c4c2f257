"""Layers of StyleGAN3 by the frequencies that they keep: sizes, channels, filters.

Karras et al. 2021, "Alias-free generative adversarial networks", section 3.2 and appendices C.1 and
C.3. A layer's signal has a sampling rate, in pixels for the width of the image, a cutoff, up to
which it keeps frequencies, and a stopband, from which on it keeps none. All three grow from layer
to layer, until in the last, critical ones the cutoff is as high as the image allows. Beyond the
image every layer has a margin, which feeds what is close to the border.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

LEAST_SIDE = 8
"""Of an image: less has no frequencies above the first cutoff."""


@dataclasses.dataclass(frozen=True, eq=False)
class FilteredLayer:
    """One layer: what its convolution and its filtered activation look like.

    Attributes:
      inputs: channels that it gets.
      features: channels that it makes.
      rate: sampling rate of what it makes.
      size_in: side of what it gets, with margins.
      size: side of what it makes.
      kernel: side of its kernel; the convolution pads by one less, and so grows.
      up: pixels that each pixel becomes along an axis before the activation.
      down: one in how many is kept along an axis after it.
      up_taps: of the filter between, [t]; one tap is none.
      down_taps: of the filter after it, [t], or [t, t] for a radial one.
      padding: zeros before and after the spread rows and columns; negative ones cut.
      to_image: whether it is the last one, which has no activation.
    """

    inputs: int
    features: int
    rate: float
    size_in: int
    size: int
    kernel: int
    up: int
    down: int
    up_taps: np.ndarray
    down_taps: np.ndarray
    padding: tuple[int, int]
    to_image: bool


@dataclasses.dataclass(frozen=True)
class Signal:
    """A layer's signal.

    Attributes:
      rate: sampling rate.
      cutoff: up to which frequencies are kept.
      half_width: from the cutoff to where none is kept any more.
      size: side with margins.
      channels: of it.
    """

    rate: float
    cutoff: float
    half_width: float
    size: int
    channels: int


def lowpass(taps: int, cutoff: float, width: float, rate: float,
            radial: bool = False) -> np.ndarray:
    """Designs a lowpass filter by Kaiser's window (ibid., appendix C.1): [taps], or [taps, taps].

    The filter has a sum of 1. A radial one cuts off in all directions alike: a jinc, by a window
    along both axes.

    Args:
      taps: their number along an axis; 1 for no filter.
      cutoff: at which half of the amplitude is left.
      width: of the transition from what is kept to what is not.
      rate: sampling rate.
      radial: whether the filter is of two axes.
    """
    if taps == 1:
        return np.ones(1)
    from scipy import signal, special  # Imported here: it takes a second, and others begin without.

    if not radial:
        return signal.firwin(taps, cutoff, width=width, fs=rate)
    # J1(2 pi c r) / (pi r), which is c at the centre, by the window of `firwin` along both axes.
    places = (np.arange(taps) - (taps - 1) / 2) / rate
    radii = math.pi * np.hypot(places[:, None], places)
    centre = radii == 0
    jinc = np.where(centre, cutoff, special.j1(2 * cutoff * radii) / np.where(centre, 1, radii))
    beta = signal.kaiser_beta(signal.kaiser_atten(taps, width / (rate / 2)))
    found = jinc * np.outer(*[np.kaiser(taps, beta)] * 2)
    return found / found.sum()


def signals(image_shape: Sequence[int], layers: int, critical_layers: int, first_cutoff: float,
            first_stopband: float, last_stopband: float, margin: int, channel_base: int,
            channel_max: int) -> list[Signal]:
    """Lists the signals that all layers make, the one to the image last (ibid., appendix C.3).

    Args:
      image_shape: of the image.
      layers: without the one to the image.
      critical_layers: of which the cutoff is half of the image's rate.
      first_cutoff: of the first layer.
      first_stopband: of the first layer.
      last_stopband: of the last layer, in cutoffs of the last layer.
      margin: pixels beyond the image on each side.
      channel_base: channels of a layer times twice its cutoff.
      channel_max: most channels of a layer.

    Raises:
      ValueError: for images and numbers of which these layers cannot be made.
    """
    side = check_image(image_shape)
    if not 0 <= critical_layers < layers:
        raise ValueError(f"layers is {layers} and critical_layers {critical_layers}; use at least "
                         "one layer more than critical ones")
    last = side / 2
    if not (0 < first_cutoff < min(first_stopband, last) and last_stopband > 1):
        raise ValueError(
            f"first_cutoff is {first_cutoff:g}, first_stopband {first_stopband:g} and "
            f"last_stopband {last_stopband:g}; cutoffs are above 0 and below their stopbands, the "
            f"first one also below {last:g}, half of the image's side, and last_stopband is above "
            "1, in cutoffs of the last layer")
    if margin < 0 or channel_base < 1 or channel_max < 1:
        raise ValueError(f"margin is {margin}, channel_base {channel_base} and channel_max "
                         f"{channel_max}; margin is at least 0, the others 1")
    # Cutoffs and stopbands grow geometrically up to the critical layers.
    shares = np.minimum(np.arange(layers + 1) / (layers - critical_layers), 1)
    cutoffs = first_cutoff * (last / first_cutoff) ** shares
    stopbands = first_stopband * (last * last_stopband / first_stopband) ** shares
    # Rates are the powers of 2 that hold them.
    rates = np.exp2(np.ceil(np.log2(np.minimum(2 * stopbands, side))))
    widths = np.maximum(stopbands, rates / 2) - cutoffs
    channels = np.rint(np.minimum(channel_base / 2 / cutoffs, channel_max)).astype(int)
    if rates[0] / 2 <= first_cutoff:
        raise ValueError(f"first_cutoff is {first_cutoff:g}, which leaves no transition at the "
                         f"first layer's rate of {rates[0]:g}; use a lower one")
    if channels.min() < 1:
        raise ValueError(f"channel_base is {channel_base}, which leaves a layer without channels; "
                         "use a larger one")
    # The last layer and the image have no margin.
    sizes = (rates + 2 * margin).astype(int)
    sizes[-2:], channels[-1] = side, image_shape[-1]
    return [Signal(*map(float, numbers), int(size), int(count)) for *numbers, size, count
            in zip(rates, cutoffs, widths, sizes, channels, strict=True)]


def check_image(image_shape: Sequence[int]) -> int:
    """Returns the side of an image of StyleGAN3.

    Raises:
      ValueError: for one that is not square, or whose side is not a power of 2.
    """
    side = image_shape[0]
    if (len(image_shape) != 3 or image_shape[1] != side or side < LEAST_SIDE
            or side & (side - 1)):
        raise ValueError("StyleGAN3 makes square images whose side is a power of 2 from "
                         f"{LEAST_SIDE} on, such as 32x32; these are of shape "
                         f"{tuple(image_shape)}; resize or crop the data "
                         "(config.data.kwargs.resolution, config.data.crop)")
    return side


def filtered_layers(made: Sequence[Signal], critical_layers: int, kernel: int, filter_size: int,
                    oversampling: int, radial: bool) -> list[FilteredLayer]:
    """Lists all layers, the one to the image last.

    Args:
      made: what they make, of `signals`.
      critical_layers: whose filters are never radial.
      kernel: side of kernels; that to the image has 1.
      filter_size: taps of a filter by the factor of its resampling.
      oversampling: by which the rate of an activation is above those before and after it.
      radial: whether filters after activations are radial.

    Raises:
      ValueError: for numbers of which these layers cannot be made.
    """
    if min(filter_size, oversampling) < 1 or kernel < 1 or kernel % 2 == 0:
        raise ValueError(f"kernel_size is {kernel}, filter_size {filter_size} and "
                         f"lrelu_upsampling {oversampling}; all are at least 1, and kernel_size "
                         "is odd")
    found = []
    for number, (before, after) in enumerate(zip([made[0], *made], made, strict=False)):
        to_image, critical = number == len(made) - 1, number >= len(made) - 1 - critical_layers
        # The activation's rate, and the filters up to it and down from it.
        rate = max(before.rate, after.rate) * (1 if to_image else oversampling)
        up, down = round(rate / before.rate), round(rate / after.rate)
        taps = [filter_size * factor if factor > 1 and not to_image else 1
                for factor in (up, down)]
        filters = (lowpass(taps[0], before.cutoff, 2 * before.half_width, rate),
                   lowpass(taps[1], after.cutoff, 2 * after.half_width, rate,
                           radial and not critical))
        # Zeros, or cuts, that bring the signal to its size; half of a pixel goes before it.
        side = 1 if to_image else kernel
        total = ((after.size - 1) * down + 1 - (before.size + side - 1) * up + sum(taps) - 2)
        low = (total + up) // 2
        found.append(FilteredLayer(
            before.channels, after.channels, after.rate, before.size, after.size, side, up, down,
            *filters, (low, total - low), to_image))
    return found
