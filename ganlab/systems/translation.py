"""What the systems that translate pictures share: how a critic judges them, and what a translator is."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.game import Network, Translator, example_keys, named_keys
from ganlab.networks import PATCH_CRITICS, TRANSLATORS
from ganlab.systems.parts import choose_loss, choose_penalties, make_network
from ganlab.types import AdversarialLoss, Array, Hyper, Penalty, Tree

ADVICE = "photo_edges, photo_grey, textures, translated, two_folders and side_by_side have some"


def check_sources(config: Mapping[str, Any], image_shape: tuple[int, ...],
                  source_shape: tuple[int, ...] | None) -> None:
    """Raises ConfigError for data that holds nothing to be translated to images of its own size."""
    system, data = config["system"]["name"], config["data"]["source"]
    if source_shape is None:
        raise ConfigError(f"config.system.name is {system!r}, which translates sources to images, but "
                          f"config.data.source {data!r} has no sources; {ADVICE}")
    if source_shape[:2] != tuple(image_shape[:2]) or len(image_shape) != 3:
        raise ConfigError(f"config.data.source is {data!r}, whose sources have the shape {tuple(source_shape)} and "
                          f"whose images {tuple(image_shape)}; system {system!r} takes both of one height and width")


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
    return Judge(critic, choose_loss(config), choose_penalties(config, critic, axis_name, name), order)


def _one(shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.zeros(()).dtype)


def translator_of(name: str, network: Network, source: str) -> Translator:
    """How the network called `name` translates the pictures `source` of a batch."""
    def images(params: Tree, variables: Tree, sources: Array, keys: Array | None) -> Array:
        if keys is None:
            return network.module.apply({"params": params, **variables}, sources, None)
        return network.module.apply({"params": params, **variables}, sources, None, keys, train=True,
                                    mutable=list(variables))[0]

    # A network from outside may not say which sides it takes.
    least, multiple = (getattr(network.module, field, 1) for field in ("least", "multiple"))
    return Translator(name, images, least, multiple, source)


@dataclasses.dataclass(frozen=True)
class Judge:
    """A critic's part in the losses of both sides; of logits of patches, all count alike.

    Attributes:
      critic: its network.
      loss: the adversarial loss.
      penalties: by name.
      order: in which it sees `fake` and `real` pictures in its own update, which is the order of its running statistics.
    """

    critic: Network
    loss: AdversarialLoss
    penalties: Mapping[str, Penalty]
    order: tuple[str, str]

    def critic_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array, index: Array,
                    hyper: Hyper) -> tuple[Array, Tree, dict[str, Array]]:
        """The critic's loss on pictures [b, ...], its variables after them, and what to log.

        `params` and `variables` are the critic's own; no gradient reaches who made the fakes.
        """
        keys = {name: example_keys(drawn, index)
                for name, drawn in named_keys(key, "fake", "real", *self.penalties).items()}
        seen, logits, state = {"fake": jax.lax.stop_gradient(fake), "real": real}, {}, variables
        for kind in self.order:
            logits[kind], state = self.critic.apply_in_training(params, state, seen[kind], None, keys[kind])
        real_logits, fake_logits = logits["real"], logits["fake"]

        def logit_fn(images: Array, example: Array) -> Array:
            return self.critic.apply_in_training(params, variables, images, None, example)[0]

        total = hyper["critic_weight"] * jnp.mean(self.loss.critic(real_logits, fake_logits))
        metrics = {"real_logits": jnp.mean(real_logits), "fake_logits": jnp.mean(fake_logits)}
        for name, penalty in self.penalties.items():
            metrics[name] = jnp.mean(penalty(logit_fn, real, seen["fake"], keys[name]))
            total += hyper[f"{name}_weight"] * metrics[name]
        return total, state, metrics

    def generator_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array,
                       index: Array) -> tuple[Array, Tree]:
        """The adversarial loss of who made the fakes, and the critic's variables after it has seen them.

        No gradient reaches the critic's params. The real pictures are for relativistic losses, and leave no trace; XLA
        drops them elsewhere.
        """
        params = jax.lax.stop_gradient(params)
        keys = named_keys(key, "fake", "real")
        (fake_logits, state), (real_logits, _) = (
            self.critic.apply_in_training(params, variables, images, None, example_keys(keys[name], index))
            for name, images in (("fake", fake), ("real", real)))
        return jnp.mean(self.loss.generator(real_logits, fake_logits)), jax.lax.stop_gradient(state)
