"""Imports published files of StyleGAN3 for `ganlab import`."""

from pathlib import Path

import numpy as np
from absl import flags

from ganlab.cli.import_stylegan2 import import_style_networks
from ganlab.networks.style.stylegan3 import StyleGAN3Generator
from ganlab.pretrained import StyleGAN2Network, check_filters, read_stylegan3_pickle


def import_stylegan3(values: flags.FlagValues, file: str, place: Path) -> int:
    """Imports a network pickle of StyleGAN3, as `import_style_networks`.

    Raises:
      WeightsError: also for filters that are not those of the generator's settings.
    """
    return import_style_networks("stylegan3", read_stylegan3_pickle, values, file, place,
                                 check_design)


def check_design(source: str, network: StyleGAN2Network) -> None:
    """Raises WeightsError for a generator whose layers or filters are not those that its settings
    give."""
    module = StyleGAN3Generator(network.image_shape, network.num_classes, **network.kwargs)
    designed: dict[str, np.ndarray] = {}
    for number, layer in enumerate(module.filtered_layers()):
        start = f"synthesis.L{number}_{layer.size}_{layer.features}"
        designed |= {f"{start}.{name}_filter": taps for name, taps in (
            ("up", layer.up_taps), ("down", layer.down_taps)) if taps.size > 1}
    check_filters(network.tensors, designed, source)
