"""The average power spectra of real and generated images, and how far apart they are."""

from collections.abc import Mapping

import numpy as np

from ganlab.evaluation.measures import LOWER, Compared, Measure, Settings, Values
from ganlab.metrics import (
    Spectrum,
    power_spectrum,
    spectral_distance,
    value_statistics,
)
from ganlab.metrics.power_spectrum import BETA, INTERPOLATION

SPECTRA = "spectra"


def spectra_measure(refused: str = "") -> Measure:
    """Makes the metric of power spectra, whose arrays are `down`, `across`, `real`, `generated`,
    `mean` and `deviation`; see `ganlab.metrics.Spectrum` and `power_spectrum`."""
    return Measure(
        "mean difference in dB of the average power spectra of samples and real images, with a "
        "picture of both (Karras et al. 2021; avg_spectra of StyleGAN3)", {SPECTRA: LOWER},
        _distance, {"window": f"Kaiser, beta {BETA:g}", "interpolation": INTERPOLATION,
                    "scale": "mean and deviation of the real images"},
        needs=("reference", "images", "power"), sees=False, refused=refused, arrays=_arrays,
        redrawn=False)


def _spectra(compared: Compared) -> tuple[Spectrum, Spectrum]:
    """Computes the spectra of both sets, by the mean and deviation of the real one."""
    scale = value_statistics(compared.real.power)
    real, generated = (power_spectrum(part.power, *scale) for part in compared)
    return real, generated


def _distance(compared: Compared, settings: Settings, seed: int) -> Values:
    return {SPECTRA: spectral_distance(*_spectra(compared))}


def _arrays(compared: Compared, settings: Settings, seed: int) -> Mapping[str, np.ndarray]:
    real, generated = _spectra(compared)
    mean, deviation = value_statistics(compared.real.power)
    return {"down": real.down, "across": real.across, "real": real.powers,
            "generated": generated.powers, "mean": np.array(mean), "deviation": np.array(deviation)}
