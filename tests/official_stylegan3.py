"""StyleGAN3's official numbers: generators with the official weights."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from official_numbers import Numbers

from ganlab.networks.style.stylegan3 import StyleGAN3Generator
from ganlab.pretrained.stylegan3 import stylegan3_generator_variables

NUMBERS = Numbers("stylegan3.npz")
LABELS = NUMBERS["in/c"].argmax(axis=1).astype(np.int32)
# Our names of the official arguments.
NAMES = {"w_dim": "styles", "channel_base": "channel_base", "channel_max": "channel_max", "num_layers": "layers",
         "num_critical": "critical_layers", "margin_size": "margin", "conv_kernel": "kernel_size",
         "use_radial_filters": "radial_filters", "conv_clamp": "clamp"}


def settings(name):
    """Arguments of a generator, by the name of an official one: T, R or Tclamp."""
    given = NUMBERS.meta[f"cfg_{name}"]
    return (given["img_resolution"],) * 2 + (3,), given["c_dim"], {
        ours: given[theirs] for theirs, ours in NAMES.items() if theirs in given}


def official_layers(module):
    """Layers by their official names."""
    return {f"L{number}_{layer.size}_{layer.features}": layer for number, layer in enumerate(module.filtered_layers())}


class Official:
    """A generator with the official weights, by its official name."""

    def __init__(self, name):
        shape, classes, kwargs = settings(name)
        self.name, self.module = name, StyleGAN3Generator(shape, classes, **kwargs)
        self.labels = LABELS if classes else None
        self.tensors = NUMBERS.within(f"sd/G_{name}")

    @functools.cached_property
    def expected(self):
        inputs = (jnp.zeros((1, 16)), jnp.zeros((1,), int))
        return jax.eval_shape(lambda: self.module.init(jax.random.key(0), *inputs))

    def variables(self, tensors=None):
        return stylegan3_generator_variables({**self.tensors, **(tensors or {})}, self.expected)

    def images(self, case):
        return NUMBERS.images(f"out/{case}_{self.name}")
