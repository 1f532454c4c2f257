"""Average power spectra as a picture: heat maps of both sets, their difference, and slices."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from ganlab.metrics import Spectrum, in_decibels, spectral_slices
from ganlab.metrics.power_spectrum import INTERPOLATION
from ganlab.report.pictures import figure_pixels, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.contour import QuadContourSet
    from matplotlib.figure import SubFigure

LEVELS = np.linspace(-40, 20, 13)
"""Decibels between the colours of a heat map, as Karras et al. 2021 draw them."""
DIFFERENCES = (1.5, 3.0, 6.0, 15.0)
"""Decibels at which the colours of a difference may end: the first that holds nearly all."""
SMOOTHING = 1.25
"""Deviation, in cycles an image, of the Gaussian that smooths heat maps."""
MOST_DRAWN = 512
"""Frequencies along an axis of a heat map; of more, some are left out after smoothing."""
ANGLES = {0: "along width, 0\u00b0", 45: "along the diagonal, 45\u00b0"}
COLOURS = {"real": "#1c2024", "generated": "#d55e00"}


def spectra_picture(arrays: Mapping[str, np.ndarray], title: str) -> np.ndarray:
    """Draws the spectra of `ganlab evaluate --metrics=spectra`, uint8 [h, w, 3].

    Args:
      arrays: `down` [m] and `across` [n], frequencies in cycles an image; `real` and `generated`
        [m, n], powers.
      title: of the picture.
    """
    spectra = {name: Spectrum(arrays["down"], arrays["across"], arrays[name]) for name in COLOURS}
    figure = new_figure(11.4, 7.2)
    above, below = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    figure.suptitle(f"average power spectra, {title}")
    _draw_maps(above, spectra)
    _draw_slices(below, spectra)
    return figure_pixels(figure)


def _draw_maps(figure: "SubFigure", spectra: Mapping[str, Spectrum]) -> None:
    """Draws both sets by one scale of colours, and what one has more than the other."""
    maps = figure.subplots(1, 3)
    smooth = {name: _smooth(spectrum) for name, spectrum in spectra.items()}
    for axes, name in zip(maps, spectra, strict=False):
        shown = _draw_map(axes, spectra[name], smooth[name], LEVELS, "magma")
        axes.set_title(f"{name}, dB", fontsize="medium")
    figure.colorbar(shown, ax=maps[1], ticks=LEVELS[::2], shrink=0.85)
    more = smooth["generated"] - smooth["real"]
    most = next((most for most in DIFFERENCES if np.quantile(np.abs(more), 0.98) <= most),
                DIFFERENCES[-1])
    levels = np.linspace(-most, most, 11)
    shown = _draw_map(maps[2], spectra["real"], more, levels, "RdBu_r")
    maps[2].set_title("generated minus real, dB", fontsize="medium")
    figure.colorbar(shown, ax=maps[2], ticks=levels[::5], shrink=0.85)
    maps[0].set_ylabel("cycles an image, down")
    for axes in maps:
        axes.set_xlabel("across")


def _draw_slices(figure: "SubFigure", spectra: Mapping[str, Spectrum]) -> None:
    """Draws powers by the frequencies along width, and along the diagonal."""
    panels = figure.subplots(1, 2, sharey=True)
    for axes, (degrees, words) in zip(panels, ANGLES.items(), strict=True):
        for name, spectrum in spectra.items():
            frequencies, powers = spectral_slices(spectrum)[degrees]
            axes.plot(frequencies, in_decibels(powers), color=COLOURS[name], label=name,
                      linewidth=1.3)
        axes.set_title(words, fontsize="medium")
        axes.set(xlabel="cycles an image", xlim=(0, frequencies[-1]))
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small")
    panels[0].set_ylabel("dB")


def _smooth(spectrum: Spectrum) -> np.ndarray:
    """Returns a spectrum in dB as it is drawn: without the texture of single frequencies."""
    return ndimage.gaussian_filter(in_decibels(spectrum.powers), SMOOTHING * INTERPOLATION,
                                   mode="wrap")


def _draw_map(axes: "Axes", spectrum: Spectrum, decibels: np.ndarray, levels: np.ndarray,
              colours: str) -> "QuadContourSet":
    """Draws decibels [m, n] by frequency; returns what a bar of colours is of."""
    # The first row and column come again at the other end: the spectrum is periodic.
    decibels = np.pad(decibels, ((0, 1), (0, 1)), mode="wrap")
    down, across = (np.append(frequencies, -frequencies[0])
                    for frequencies in (spectrum.down, spectrum.across))
    step = max(1, max(decibels.shape) // MOST_DRAWN)
    part = down[::step], across[::step], decibels[::step, ::step]
    shown = axes.contourf(part[1], part[0], part[2], levels=levels, cmap=colours, extend="both")
    axes.contour(part[1], part[0], part[2], levels=levels, colors="black", linewidths=0.4,
                 linestyles="solid", alpha=0.35)
    axes.set(aspect="equal", xticks=np.linspace(across[0], across[-1], 5),
             yticks=np.linspace(down[0], down[-1], 5))
    axes.tick_params(labelsize="small")
    return shown
