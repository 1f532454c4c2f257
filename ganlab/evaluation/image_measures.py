"""Metrics of images as they are, by the protocols of PGGAN, whose values depend on their size."""

from collections.abc import Mapping

import numpy as np

from ganlab.evaluation.measures import (
    LOWER,
    Compared,
    Measure,
    Settings,
    Values,
    mean_of,
)
from ganlab.evaluation.spectra import SPECTRA, spectra_measure
from ganlab.metrics import (
    FIVE_SCALES_SIDE,
    image_sliced_wasserstein,
    ms_ssim_of_neighbours,
    pyramid_sizes,
)

THOUSAND = 1000
"""Publications print sliced Wasserstein distances of patches times this."""
PATCH_SIDE = 7
LEAST_SPECTRUM_SIDE = 4


def image_measures(shape: tuple[int, ...]) -> dict[str, Measure]:
    """Makes the metrics of whole images of a shape [h, w, c]; those of others are refused.

    `swd_pyramid` has a value for each level, by its height, and their mean (Karras et al. 2018,
    section 5: SWDx1e3 of PGGAN); `ms_ssim_five` is its MS-SSIM. `spectra` compares power spectra.
    """
    heights = [height for height, _ in pyramid_sizes(*shape[:2])] if len(shape) == 3 else []
    return {
        SPECTRA: spectra_measure(_refused(shape, LEAST_SPECTRUM_SIDE)),
        "swd_pyramid": Measure(
            "sliced Wasserstein distance of 7x7 patches at each level of a Laplacian pyramid, and "
            "its mean, times 1,000 (Karras et al. 2018; SWDx1e3 of PGGAN)",
            {"swd_pyramid": LOWER, **{str(height): LOWER for height in heights}}, _swd_pyramid,
            {"patches": 128, "directions": 512, "patch": f"{PATCH_SIDE}x{PATCH_SIDE}",
             "levels": heights, "normalized": "each set, by channel", "places": "of each set",
             "grey": "three equal channels", "times": THOUSAND},
            needs=("reference", "images", "whole"), sees=False,
            refused=_refused(shape, PATCH_SIDE)),
        "ms_ssim_five": mean_of(
            _ms_ssim_five, "similarity of pairs of samples at five scales whatever their size: "
            "lower is more diverse (Karras et al. 2018; MS-SSIM of PGGAN)",
            {"ms_ssim_five": LOWER}, needs=("images", "whole"), sees=False,
            refused=_refused(shape, FIVE_SCALES_SIDE),
            settings={"pairing": "the first two samples, the next two, and so on", "scales": 5,
                      "window": "11x11, or as large as a scale", "weights": "sum to 1.0001",
                      "channels": "mean at each scale, before the product"})}


def _refused(shape: tuple[int, ...], least_side: int) -> str:
    """Returns why images of a shape are not measured, the end of a sentence; empty if they are."""
    if len(shape) != 3:
        return "is one of images, and these samples are points; leave it out"
    if min(shape[:2]) < least_side:
        return (f"is of images of at least {least_side}x{least_side} pixels, and these are "
                f"{shape[1]}x{shape[0]}; leave it out")
    return ""


def _swd_pyramid(compared: Compared, settings: Settings, seed: int) -> Values:
    # Grey images count as coloured ones, as in the official code.
    real, fake = (np.broadcast_to(part.whole, (*part.whole.shape[:3], 3))
                  if part.whole.shape[-1] == 1 else part.whole for part in compared)
    found = image_sliced_wasserstein(real, fake, seed, settings["patches"], settings["directions"],
                                     same_places=False)
    values = {str(height): settings["times"] * distance for height, distance in found.items()}
    return {"swd_pyramid": float(np.mean(list(values.values()))), **values}


def _ms_ssim_five(compared: Compared, settings: Settings,
                  seed: int) -> Mapping[str, np.ndarray]:
    return {"ms_ssim_five": ms_ssim_of_neighbours(compared.fake.whole)}
