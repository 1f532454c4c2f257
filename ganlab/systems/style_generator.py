"""A generator that works by styles: passes with mixed styles in training, and what its sampler makes."""

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from ganlab.game import Network, Options, Sampler, Scene, Weights, example_keys, named_keys
from ganlab.systems.latents import OPTIONS, Draw, latent_sampler
from ganlab.types import Array, Tree

STYLE_OPTIONS: Options = {**OPTIONS, "psi": 1.0, "cutoff": 0, "noise": "random"}
"""Options of the sampler beside those of the network, with the values that do nothing."""


def draw_mixing(key: Array, layers: int, probability: Array) -> Array:
    """Draws from which layer on a batch takes second styles; `layers` where it takes none."""
    keys = named_keys(key, "layer", "mixes")
    layer = jax.random.randint(keys["layer"], (), 1, layers)
    return jnp.where(jax.random.uniform(keys["mixes"]) < probability, layer, layers)


@dataclasses.dataclass(frozen=True)
class StyleGenerator:
    """A generator called `generator` with a mapping from latents to styles.

    Attributes:
      network: its network.
      latents: `keys[b] -> latents[b, z]`.
      conditional: whether it sees labels.
      layers: how many layers take styles now; 0 for all. Of a network that grows, some wait.
    """

    network: Network
    latents: Draw
    conditional: bool
    layers: int = 0

    def labels(self, batch: Mapping[str, Array]) -> Array | None:
        """Returns the labels [b] of a batch that the network sees, if it sees any."""
        return batch["label"] if self.conditional else None

    def fake(self, scene: Scene, key: Array, mutable: bool = True) -> tuple[Array, Tree]:
        """Computes fake images with mixed styles, and the generator's new variables; where they are
        not `mutable`, the averages among them stay as they are."""
        styles, state, keys = self.mixed(scene, scene.batch, key, mutable)
        return self.network.train(scene.params["generator"], state, None, None, styles, keys=keys,
                                  mutable=mutable)

    def mixed(self, scene: Scene, batch: Mapping[str, Array], key: Array,
              mutable: bool = True) -> tuple[Array, Tree, Array]:
        """Computes styles [b, layers, d] of latents, from some layer on those of second ones.

        Mixing regularization (Karras et al. 2019, section 3.1). Returns the generator's variables
        after the first latents, and keys of noise [b], too.
        """
        params, variables = scene.params["generator"], scene.variables["generator"]
        keys = named_keys(key, "latents", "mixing", "second", "noise")
        own = {name: example_keys(keys[name], batch["index"])
               for name in ("latents", "second", "noise")}
        styles, state = self.network.train(params, variables, self.latents(own["latents"]),
                                           self.labels(batch), keys=None, mutable=mutable,
                                           only_styles=True)
        # Second styles leave the average as it is.
        others, _ = self.network.train(params, variables, self.latents(own["second"]),
                                       self.labels(batch), keys=None, mutable=False,
                                       only_styles=True)
        # One layer for the whole batch, as in the official code.
        layer = draw_mixing(keys["mixing"], self.layers or styles.shape[1],
                            scene.hyper["style_mixing"])
        first = jnp.arange(styles.shape[1])[:, None] < layer
        return jnp.where(first, styles, others), state, own["noise"]

    def sampler(self, finish: Callable[[Array], Array] = lambda images: images) -> Sampler:
        """Returns the sampler of its images, which `finish` takes to the size of the data."""
        def from_styles(weights: Weights, styles: Array, keys: Array | None,
                        options: Options) -> Array:
            return finish(self.from_styles(weights, styles, keys, options))

        def images(weights: Weights, latents: Array, labels: Array, keys: Array | None,
                   options: Options) -> Array:
            return from_styles(weights, self.styles(weights, latents, labels, options), keys,
                               options)

        return dataclasses.replace(
            latent_sampler("generator", self.latents, images),
            options={**STYLE_OPTIONS, **dict.fromkeys(self.network.sampling_options, 0.0)},
            styles=self.styles, from_styles=from_styles)

    def styles(self, weights: Weights, latents: Array, labels: Array, options: Options) -> Array:
        """Computes styles [b, layers, d], drawn to their average by psi in the first layers.

        The truncation trick in w (Karras et al. 2019, appendix B): `psi` 1 leaves styles as they
        are, 0 makes the average; `cutoff` layers are truncated, all of them for 0.
        """
        params, variables = weights["generator"]
        styles = self.network.evaluate(params, variables, latents,
                                       self.labels({"label": labels}), only_styles=True)
        average = variables["styles"]["mapping"]["average"].astype(styles.dtype)
        # psi 1, which moves nothing, beyond the cutoff.
        cutoff = options.get("cutoff", 0)
        layers = jnp.arange(styles.shape[1])[:, None]
        psi = jnp.where((layers < cutoff) | (cutoff == 0), options.get("psi", 1.0), 1.0)
        return average + psi.astype(styles.dtype) * (styles - average)

    def from_styles(self, weights: Weights, styles: Array, keys: Array | None,
                    options: Options) -> Array:
        """Computes images [b, ...] of styles [b, layers, d], with the noise and by the options of
        the network that are asked for."""
        noise = options.get("noise", "random")
        return self.network.evaluate(
            *weights["generator"], None, None, styles, float(noise != "none"),
            keys=keys if noise == "random" else None, **self.network.taken(options))
