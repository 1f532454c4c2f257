"""The variational autoencoder: a game of one update that trains an encoder and a decoder."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError, choose
from ganlab.data import DataFacts
from ganlab.game import (
    Aux,
    Encoder,
    Game,
    Network,
    Options,
    Scene,
    Update,
    Weights,
    averages,
    common_group,
    example_keys,
    named_keys,
)
from ganlab.losses import RECONSTRUCTION_LOSSES, divergence_from_standard_normal
from ganlab.networks import ENCODERS, GENERATORS
from ganlab.systems.latents import draw_latents, latent_sampler, with_standing
from ganlab.systems.parts import (
    check_networks,
    check_slices,
    game_parts,
    make_network,
    slice_size,
)
from ganlab.types import Array


def vae(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of an encoder and a decoder (Kingma & Welling 2014).

    The loss is reconstruction plus `beta` times divergence. With a beta of 1 it is the negative
    evidence lower bound (ibid., eq. 10, one draw an image); with others it is that of Higgins et
    al. 2017. Neither network sees labels.

    Args:
      config: a validated config whose `system.name` is `vae`.
      data: what is known of the data.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Both networks: images to mean and log variance of the latents, and latents to images.
    check_networks(config, "encoder", "decoder")
    system, float_type = config["system"], jnp.zeros(()).dtype
    shape, latent_shape = (1, *data.image_shape), (1, system["latent_size"])
    given = {"image_shape": data.image_shape, "num_classes": 0, "axis_name": axis_name}
    encoder = make_network(config, "encoder", ENCODERS, (jax.ShapeDtypeStruct(shape, float_type),),
                           output=(latent_shape, latent_shape),
                           latent_size=system["latent_size"], **given)
    decoder = make_network(config, "decoder", GENERATORS,
                           (jax.ShapeDtypeStruct(latent_shape, float_type),),
                           output=shape, **given)
    # The first term of the loss.
    reconstruction = choose(
        RECONSTRUCTION_LOSSES, system["reconstruction"], "system.reconstruction")
    if system["reconstruction"] == "cross_entropy" and len(data.image_shape) != 3:
        raise ConfigError("config.system.reconstruction is 'cross_entropy', which reads values as "
                          f"shares of white, but the data is points of shape {data.image_shape}; "
                          "use squared_error")
    # One update of both.
    networks = {"encoder": encoder, "decoder": decoder}
    check_slices(config, networks, ())
    pair = _Pair(encoder, decoder, reconstruction)
    return Game(
        networks=networks,
        round=(Update("vae", ("encoder", "decoder"), pair.loss),),
        ema=averages("encoder", "decoder"), axis_name=axis_name,
        group=common_group(networks.values()),
        sampler=with_standing(latent_sampler(
            "decoder", draw_latents(system["latent_size"], "normal"), pair.sample),
            decoder, 0, slice_size(config), axis_name),
        encoder=Encoder(("encoder",), pair.encode), **game_parts(config))


@dataclasses.dataclass(frozen=True)
class _Pair:
    """The functions of both networks together."""

    encoder: Network
    decoder: Network
    reconstruction: Callable[[Array, Array], Array]

    def sample(self, weights: Weights, latents: Array, labels: Array, keys: Array | None,
               options: Options) -> Array:
        """Computes images [b, ...] of latents [b, z], by stored statistics."""
        del labels, options
        return self.decoder.evaluate(*weights["decoder"], latents, keys=keys)

    def encode(self, weights: Weights, images: Array, labels: Array) -> Array:
        """Computes the means [b, z] of the latents of images [b, ...], by stored statistics."""
        del labels
        return self.encoder.evaluate(*weights["encoder"], images)[0]

    def loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes reconstruction plus weighted divergence, means over the batch in nats an
        image."""
        keys = {name: example_keys(drawn, scene.batch["index"])
                for name, drawn in named_keys(scene.key, "encoder", "latents", "decoder").items()}
        images, params, variables, state = scene.batch["image"], scene.params, scene.variables, {}
        # The encoder's distribution of the latents of each image.
        (mean, log_variance), state["encoder"] = self.encoder.train(
            params["encoder"], variables["encoder"], images, keys=keys["encoder"])
        noise = jax.vmap(lambda drawn: jax.random.normal(
            drawn, mean.shape[1:], mean.dtype))(keys["latents"])
        # The draw as a function of mean and variance has a gradient (ibid., section 2.4).
        latents = mean + jnp.exp(log_variance / 2) * noise
        # The decoder's image of it, and both terms of eq. 10.
        reconstructed, state["decoder"] = self.decoder.train(
            params["decoder"], variables["decoder"], latents, keys=keys["decoder"])
        reconstruction = jnp.mean(self.reconstruction(images, reconstructed))
        divergence = jnp.mean(divergence_from_standard_normal(mean, log_variance))
        metrics = {"reconstruction": reconstruction, "kullback_leibler": divergence}
        return reconstruction + scene.hyper["beta"] * divergence, Aux(state, scene.memory, metrics)
