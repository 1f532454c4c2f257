"""Strengths of the adaptive augmentations: how far each reaches when its gate opens."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Strengths:
    """How far each operation reaches, by default as published (Karras et al. 2020, appendix B).

    A `std` is the standard deviation of a normal draw; of factors, of their logarithm to base 2.
    """

    xint_max: float = 0.125
    """The largest shift by whole pixels, as a share of the image's width and height."""
    scale_std: float = 0.2
    """Of the factor of size."""
    rotate_max: float = 1.0
    """The largest rotation to either side, in half turns."""
    aniso_std: float = 0.2
    """Of the factor by which one axis is stretched and the other is shrunk."""
    xfrac_std: float = 0.125
    """Of the shift by parts of a pixel, as a share of the image's width and height."""
    brightness_std: float = 0.2
    """Of what is added to all channels."""
    contrast_std: float = 0.5
    """Of the factor of all channels."""
    hue_max: float = 1.0
    """The largest rotation of hue to either side, in half turns."""
    saturation_std: float = 1.0
    """Of the factor of all but luma."""
    imgfilter_bands: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    """What multiplies the probability in each band of frequency, lowest first."""
    imgfilter_std: float = 1.0
    """Of the factor of a band."""
    noise_std: float = 0.1
    """Of the standard deviation of noise, which is half-normal itself."""
    cutout_size: float = 0.5
    """Width and height of the square that is cut out, as a share of the image's."""
