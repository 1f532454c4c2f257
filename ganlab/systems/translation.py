"""What the systems that translate pictures share: how a critic judges them, and what a translator is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.data import DataFacts
from ganlab.game import Network, Translator, Weights, example_keys, named_keys
from ganlab.networks import PATCH_CRITICS, TRANSLATORS
from ganlab.systems.critic import Critic, logit_means
from ganlab.systems.parts import choose_loss, choose_penalties, make_network
from ganlab.types import Array, Hyper, Tree

ADVICE = "photo_edges, photo_grey, textures, translated, two_folders and side_by_side have some"


def check_sources(config: Mapping[str, Any], data: DataFacts) -> None:
    """Raises ConfigError for data that holds nothing to be translated to images of its own size."""
    system, source = config["system"]["name"], config["data"]["source"]
    if data.source_shape is None:
        raise ConfigError(f"config.system.name is {system!r}, which translates sources to images, but "
                          f"config.data.source {source!r} has no sources; {ADVICE}")
    if data.source_shape[:2] != data.image_shape[:2] or len(data.image_shape) != 3:
        raise ConfigError(f"config.data.source is {source!r}, whose sources have the shape {data.source_shape} and "
                          f"whose images {data.image_shape}; system {system!r} takes both of one height and width")


def absolute_error(one: Array, other: Array) -> Array:
    """The mean absolute difference of two arrays of one shape."""
    return jnp.mean(jnp.abs(one - other))


def make_translator(config: Mapping[str, Any], name: str, source_shape: tuple[int, ...], image_shape: tuple[int, ...],
                    axis_name: str | None) -> Network:
    """The generator `config.networks.<name>` from pictures of one shape to another; errors as `make_network`."""
    return make_network(config, name, TRANSLATORS, (_one(source_shape),), output=(1, *image_shape),
                        image_shape=tuple(image_shape), num_classes=0, axis_name=axis_name)


def make_judge(config: Mapping[str, Any], name: str, image_shape: tuple[int, ...], axis_name: str | None,
               order: tuple[str, str]) -> "Judge":
    """The critic `config.networks.<name>` of pictures, with the system's loss and penalties; see `Judge` for `order`.

    Raises:
      ConfigError: as `make_network`, and for a loss or penalty that is not there or cannot work with it.
    """
    critic = make_network(config, name, PATCH_CRITICS, (_one(image_shape),), output=None,
                          image_shape=tuple(image_shape), num_classes=0, axis_name=axis_name)
    penalties = choose_penalties(config, critic, axis_name, name)
    return Judge(Critic(critic, choose_loss(config), penalties), order)


def _one(shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.zeros(()).dtype)


def translator_of(name: str, network: Network, source: str) -> Translator:
    """How the network called `name` translates the pictures `source` of a batch."""
    def images(weights: Weights, sources: Array, keys: Array | None) -> Array:
        if keys is None:
            return network.evaluate(*weights[name], sources)
        # In the precision of the params, whatever training computed in.
        return dataclasses.replace(network, precision="float32").train(*weights[name], sources, keys=keys)[0]

    # A network from outside may not say which sides it takes.
    least, multiple = (getattr(network.module, field, 1) for field in ("least", "multiple"))
    return Translator((name,), images, least, multiple, source)


@dataclasses.dataclass(frozen=True)
class Judge:
    """A critic's part in the losses of both sides; of logits of patches, all count alike.

    Attributes:
      critic: its network, loss and penalties.
      order: in which it sees `fake` and `real` pictures in its own update, which is the order of its running statistics.
    """

    critic: Critic
    order: tuple[str, str]

    def critic_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array, index: Array,
                    hyper: Hyper) -> tuple[Array, Tree, dict[str, Array]]:
        """Computes the critic's loss on pictures [b, ...], its variables after them, and what to log.

        `params` and `variables` are the critic's own; no gradient reaches who made the fakes.
        """
        keys = {name: example_keys(drawn, index)
                for name, drawn in named_keys(key, "fake", "real", *self.critic.penalties).items()}
        seen = {"fake": jax.lax.stop_gradient(fake), "real": real}
        judged, state = self.critic.judge(params, variables, {kind: seen[kind] for kind in self.order}, keys)
        total = hyper["critic_weight"] * jnp.mean(
            self.critic.loss.critic(judged["real"].logits, judged["fake"].logits))
        total, metrics = self.critic.penalize(total, params, variables, real, seen["fake"], keys, hyper)
        return total, state, logit_means({kind: judged[kind] for kind in ("real", "fake")}) | metrics

    def generator_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array,
                       index: Array) -> tuple[Array, Tree]:
        """Computes the adversarial loss of who made the fakes, and the critic's variables after it has seen them.

        No gradient reaches the critic's params. The real pictures are for relativistic losses, and leave no trace.
        """
        params = jax.lax.stop_gradient(params)
        keys = {name: example_keys(drawn, index) for name, drawn in named_keys(key, "fake", "real").items()}
        judged, state = self.critic.judge(params, variables, {"fake": fake}, keys)
        real_logits = None
        if self.critic.loss.compares:
            real_logits = self.critic.judge(params, variables, {"real": real}, keys)[0]["real"].logits
        return (jnp.mean(self.critic.loss.generator(real_logits, judged["fake"].logits)),
                jax.lax.stop_gradient(state))
