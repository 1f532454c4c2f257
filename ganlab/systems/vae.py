"""The variational autoencoder: a game of one update, which trains an encoder and a decoder together."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError, choose
from ganlab.game import Aux, Encoder, Game, Network, Sampler, Update, example_keys, named_keys
from ganlab.losses import RECONSTRUCTION_LOSSES, divergence_from_standard_normal
from ganlab.networks import ENCODERS, GENERATORS
from ganlab.systems.latents import draw_latents
from ganlab.systems.parts import check_networks, check_slices, game_parts, make_network
from ganlab.types import Array, Hyper, Tree


def vae(config: Mapping[str, Any], image_shape: tuple[int, ...], num_classes: int,
        axis_name: str | None = None) -> Game:
    """Encoder and decoder, trained on reconstruction plus `beta` times the divergence (Kingma & Welling 2014).

    With a beta of 1 the loss is the negative evidence lower bound (ibid., eq. 10, one draw an
    image); with others it is that of Higgins et al. 2017. Neither network sees labels.

    Args:
      config: a validated config whose `system.name` is `vae`.
      image_shape: shape of one image or point.
      num_classes: not used.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    del num_classes
    check_networks(config, "encoder", "decoder")
    system, float_type = config["system"], jnp.zeros(()).dtype
    shape, latent_shape = (1, *image_shape), (1, system["latent_size"])
    given = {"image_shape": tuple(image_shape), "num_classes": 0, "axis_name": axis_name}
    encoder = make_network(config, "encoder", ENCODERS, (jax.ShapeDtypeStruct(shape, float_type),),
                           output=(latent_shape, latent_shape), latent_size=system["latent_size"], **given)
    decoder = make_network(config, "decoder", GENERATORS, (jax.ShapeDtypeStruct(latent_shape, float_type),),
                           output=shape, **given)
    reconstruction = choose(RECONSTRUCTION_LOSSES, system["reconstruction"], "system.reconstruction")
    if system["reconstruction"] == "cross_entropy" and len(image_shape) != 3:
        raise ConfigError("config.system.reconstruction is 'cross_entropy', which reads values as shares of white, but "
                          f"the data is points of shape {tuple(image_shape)}; use squared_error")
    networks = {"encoder": encoder, "decoder": decoder}
    check_slices(config, networks, ())
    pair = _Pair(encoder, decoder, reconstruction)
    return Game(
        networks=networks,
        round=(Update("vae", ("encoder", "decoder"), pair.loss),),
        ema=("encoder", "decoder"), axis_name=axis_name,
        sampler=Sampler("decoder", draw_latents(system["latent_size"], "normal"), pair.sample),
        encoder=Encoder("encoder", pair.encode), **game_parts(config))


@dataclasses.dataclass(frozen=True)
class _Pair:
    """The functions of both networks together."""

    encoder: Network
    decoder: Network
    reconstruction: Callable[[Array, Array], Array]

    def sample(self, params: Tree, variables: Tree, latents: Array, labels: Array) -> Array:
        """Images [b, ...] for latents [b, z], by stored statistics."""
        del labels
        return self.decoder.module.apply({"params": params, **variables}, latents, None)

    def encode(self, params: Tree, variables: Tree, images: Array, labels: Array) -> Array:
        """The means [b, z] of the latents of images [b, ...], by stored statistics."""
        del labels
        return self.encoder.module.apply({"params": params, **variables}, images, None)[0]

    def loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
             hyper: Hyper) -> tuple[Array, Aux]:
        """The update: reconstruction plus weighted divergence, in nats an image, means over the batch."""
        keys = {name: example_keys(drawn, batch["index"])
                for name, drawn in named_keys(key, "encoder", "latents", "decoder").items()}
        images, state = batch["image"], {}
        (mean, log_variance), state["encoder"] = self.encoder.apply_in_training(
            params["encoder"], variables["encoder"], images, None, keys["encoder"])
        noise = jax.vmap(lambda drawn: jax.random.normal(drawn, mean.shape[1:], mean.dtype))(keys["latents"])
        # The draw as a function of mean and variance has a gradient (ibid., section 2.4).
        latents = mean + jnp.exp(log_variance / 2) * noise
        reconstructed, state["decoder"] = self.decoder.apply_in_training(
            params["decoder"], variables["decoder"], latents, None, keys["decoder"])
        reconstruction = jnp.mean(self.reconstruction(images, reconstructed))
        divergence = jnp.mean(divergence_from_standard_normal(mean, log_variance))
        metrics = {"reconstruction": reconstruction, "kullback_leibler": divergence}
        return reconstruction + hyper["beta"] * divergence, Aux(state, memory, metrics)
