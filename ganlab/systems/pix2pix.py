"""Translation learned from pairs of pictures: pix2pix (Isola et al. 2017)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.data import DataFacts
from ganlab.game import (
    Aux,
    Game,
    Network,
    Scene,
    Update,
    averages,
    common_group,
    example_keys,
    named_keys,
)
from ganlab.systems.critic import adaptations, controlled, scorer_of
from ganlab.systems.parts import (
    across_penalties,
    check_networks,
    check_slices,
    game_parts,
)
from ganlab.systems.translation import (
    PictureCritic,
    absolute_error,
    check_sources,
    make_picture_critic,
    make_translator,
    translator_of,
)
from ganlab.types import Array


def pix2pix(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of a generator from sources to images, and of a critic of pairs.

    The critic sees a source together with its image, real or made. Its step comes first, with a
    loss weighted by `critic_weight`, 1/2 in section 3.3 of the paper. The generator's step follows
    on the same pairs and the same fake images; its loss is adversarial plus `l1_weight` times the
    mean absolute error (ibid., eq. 4).

    Args:
      config: a validated config whose `system.name` is `pix2pix`.
      data: what is known of the data.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Whether the config has these players, and the data pairs.
    check_networks(config, "generator", "critic")
    check_sources(config, data)
    if not data.paired:
        raise ConfigError("config.system.name is 'pix2pix', which learns from pairs, but the "
                          f"sources and images of config.data.source {config['data']['source']!r} "
                          "do not belong together; take paired data, or system cyclegan")
    # Both networks; a pair is one picture with the channels of both.
    generator = make_translator(config, "generator", data.source_shape, data.image_shape, axis_name)
    critic = make_picture_critic(config, "critic", (data.source_shape, data.image_shape),
                                 axis_name, order=("fake", "real"))
    networks = {"generator": generator, "critic": critic.network}
    check_slices(config, networks, across_penalties(config))
    # The round: the generator meets the pairs and the fake images of the critic's update.
    pair, parts = _Pair(generator, critic), game_parts(config)
    return Game(
        networks=networks,
        round=(Update("critic", ("critic",), pair.critic_loss,
                      control=controlled([critic.critic], parts["hyper"], config["batch_size"])),
               Update("generator", ("generator",), pair.generator_loss, images="same", draws="same",
                      passes=("critic",))),
        # The normalization's statistics are averaged beside the weights that they belong to.
        ema=averages("generator", variables="average"), axis_name=axis_name,
        group=common_group(networks.values()),
        memory=adaptations([critic.critic], parts["hyper"]),
        scorer=scorer_of("critic", critic.network, seen=lambda images, sources: _joined(
            sources, images)),
        translators={"AB": translator_of("generator", generator, "source")}, **parts)


@dataclasses.dataclass(frozen=True)
class _Pair:
    """The losses of both players; each is a `LossFn` of an update."""

    generator: Network
    critic: PictureCritic

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's loss on real pairs and on pairs whose image the generator made."""
        batch, keys = scene.batch, named_keys(scene.key, "fake", "critic")
        fake, _ = self._fake(scene, keys["fake"])
        total, state, metrics = self.critic.critic_loss(
            scene.params["critic"], scene.variables["critic"],
            _joined(batch["source"], batch["image"]),
            _joined(batch["source"], fake), keys["critic"], scene)
        return total, Aux({"critic": state}, scene.memory, metrics)

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's loss: the fake images are those that the critic has just
        seen."""
        batch, hyper, keys = scene.batch, scene.hyper, named_keys(scene.key, "fake", "critic")
        fake, state = self._fake(scene, keys["fake"])
        adversarial, critic_state = self.critic.generator_loss(
            scene.params["critic"], scene.variables["critic"],
            _joined(batch["source"], batch["image"]),
            _joined(batch["source"], fake), keys["critic"], scene)
        error = absolute_error(fake, batch["image"])
        total = hyper["adversarial_weight"] * adversarial + hyper["l1_weight"] * error
        return total, Aux({"generator": state, "critic": critic_state}, scene.memory,
                          {"adversarial": adversarial, "l1": error})

    def _fake(self, scene: Scene, key: Array) -> tuple[Array, Any]:
        """Computes translations of the batch's sources, and the generator's variables after it."""
        return self.generator.train(scene.params["generator"], scene.variables["generator"],
                                    scene.batch["source"],
                                    keys=example_keys(key, scene.batch["index"]))


def _joined(sources: Array, images: Array) -> Array:
    """Joins sources and images as channels of one picture."""
    return jnp.concatenate([sources, images], axis=-1)
