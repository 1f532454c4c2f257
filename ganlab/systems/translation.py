"""What the systems that translate pictures share: critics of pictures, and translators."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.data import DataFacts
from ganlab.game import Network, Scene, Translator, Weights, example_keys, named_keys
from ganlab.networks import PATCH_CRITICS, TRANSLATORS
from ganlab.systems.critic import Critic, choose_augment
from ganlab.systems.parts import choose_loss, choose_penalties, make_network
from ganlab.types import Array, Tree

ADVICE = "photo_edges, photo_grey, textures, translated, two_folders and side_by_side have some"


def check_sources(config: Mapping[str, Any], data: DataFacts) -> None:
    """Raises ConfigError for data without sources, or with sources of another size than images."""
    system, source = config["system"]["name"], config["data"]["source"]
    if data.source_shape is None:
        raise ConfigError(f"config.system.name is {system!r}, which translates sources to images, "
                          f"but config.data.source {source!r} has no sources; {ADVICE}")
    if data.source_shape[:2] != data.image_shape[:2] or len(data.image_shape) != 3:
        raise ConfigError(f"config.data.source is {source!r}, whose sources have the shape "
                          f"{data.source_shape} and whose images {data.image_shape}; system "
                          f"{system!r} takes both of one height and width")


def absolute_error(one: Array, other: Array) -> Array:
    """Computes the mean absolute difference of two arrays of one shape, over all axes."""
    return jnp.mean(jnp.abs(one - other))


def make_translator(config: Mapping[str, Any], name: str, source_shape: tuple[int, ...],
                    image_shape: tuple[int, ...], axis_name: str | None) -> Network:
    """Builds the generator `config.networks.<name>` from pictures of one shape to another.

    Raises:
      ConfigError: as `make_network`.
    """
    return make_network(config, name, TRANSLATORS, (_one(source_shape),), output=(1, *image_shape),
                        image_shape=tuple(image_shape), num_classes=0, axis_name=axis_name)


def make_picture_critic(config: Mapping[str, Any], name: str, shapes: Sequence[tuple[int, ...]],
                        axis_name: str | None, order: tuple[str, str]) -> "PictureCritic":
    """Builds the critic `config.networks.<name>` of pictures, with the system's loss, penalties and
    augmentation.

    Args:
      config: the config.
      name: the critic's name.
      shapes: of what it sees together, without the batch: a picture, or a source and its image,
        which are augmented by the same draws.
      axis_name: the axis that `pmap` maps, or None.
      order: as in `PictureCritic`.

    Raises:
      ConfigError: as `make_network`, and for a loss or penalty that does not exist or cannot work
        with this critic.
    """
    pictures = tuple(shape[-1] for shape in shapes)
    image_shape = (*shapes[0][:2], sum(pictures))
    critic = make_network(config, name, PATCH_CRITICS, (_one(image_shape),), output=None,
                          image_shape=image_shape, num_classes=0, axis_name=axis_name)
    penalties = choose_penalties(config, critic, axis_name, name)
    return PictureCritic(
        Critic(critic, choose_loss(config), penalties, augment=choose_augment(config, *shapes),
               pictures=pictures, pairs=True, suffix=name.removeprefix("critic")), order)


def _one(shape: tuple[int, ...]) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((1, *shape), jnp.zeros(()).dtype)


def translator_of(name: str, network: Network, source: str) -> Translator:
    """Returns how the network called `name` translates the pictures `source` of a batch."""
    def images(weights: Weights, sources: Array, keys: Array | None) -> Array:
        if keys is None:
            return network.evaluate(*weights[name], sources)
        # In the precision of the params, whatever training computed in.
        return dataclasses.replace(network, precision="float32").train(
            *weights[name], sources, keys=keys)[0]

    # A network from outside ganlab may not say which heights and widths it takes.
    least, multiple = (getattr(network.module, field, 1) for field in ("least", "multiple"))
    return Translator((name,), images, least, multiple, source)


@dataclasses.dataclass(frozen=True)
class PictureCritic:
    """A critic's part in the losses of both players; all logits of patches count alike.

    Attributes:
      critic: its network, loss and penalties.
      order: in which it sees `fake` and `real` pictures in its own update, and so the order in
        which its running statistics change.
    """

    critic: Critic
    order: tuple[str, str]

    @property
    def network(self) -> Network:
        """The critic's network."""
        return self.critic.network

    def critic_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array,
                    scene: Scene) -> tuple[Array, Tree, dict[str, Array]]:
        """Computes the critic's loss on pictures [b, ...], its variables after them, and metrics.

        `params` and `variables` are the critic's own; no gradient reaches the generator. The scene
        has the examples' places, the numbers and the memory.
        """
        hyper, chance = scene.hyper, self.critic.chance(scene.memory, scene.hyper)
        keys = {name: example_keys(drawn, scene.batch["index"])
                for name, drawn in named_keys(key, "fake", "real", *self.critic.penalties).items()}
        seen = {"fake": jax.lax.stop_gradient(fake), "real": real}
        judged, state = self.critic.judge(
            params, variables, {kind: seen[kind] for kind in self.order}, keys, chance=chance)
        total = hyper["critic_weight"] * jnp.mean(
            self.critic.loss.critic(judged["real"].logits, judged["fake"].logits))
        total, metrics = self.critic.penalize(
            total, params, variables, real, seen["fake"], keys, hyper, chance=chance)
        metrics |= self.critic.followed(judged["real"].logits, chance)
        return total, state, self.critic.logit_metrics(
            {kind: judged[kind] for kind in ("real", "fake")}) | metrics

    def generator_loss(self, params: Tree, variables: Tree, real: Array, fake: Array, key: Array,
                       scene: Scene) -> tuple[Array, Tree]:
        """Computes the generator's adversarial loss, and the critic's variables after the fakes.

        No gradient reaches the critic's params. The real pictures are for relativistic losses, and
        change no variables.
        """
        params, chance = (jax.lax.stop_gradient(params),
                          self.critic.chance(scene.memory, scene.hyper))
        keys = {name: example_keys(drawn, scene.batch["index"])
                for name, drawn in named_keys(key, "fake", "real").items()}
        judged, state = self.critic.judge(params, variables, {"fake": fake}, keys, chance=chance)
        real_logits = None
        if self.critic.loss.compares:
            real_logits = self.critic.judge(
                params, variables, {"real": real}, keys, chance=chance)[0]["real"].logits
        return (jnp.mean(self.critic.loss.generator(real_logits, judged["fake"].logits)),
                jax.lax.stop_gradient(state))
