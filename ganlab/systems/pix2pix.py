"""Translation learned from pairs of pictures: pix2pix (Isola et al. 2017)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from ganlab.config import ConfigError
from ganlab.game import Aux, Game, Network, Update, example_keys, named_keys
from ganlab.systems.parts import across_penalties, check_networks, check_slices, game_parts
from ganlab.systems.translation import Judge, absolute_error, check_sources, make_judge, make_translator, translator_of
from ganlab.types import Array, Hyper


def pix2pix(config: Mapping[str, Any], image_shape: tuple[int, ...], num_classes: int,
            axis_name: str | None = None, source_shape: tuple[int, ...] | None = None, paired: bool = True) -> Game:
    """A generator from sources to images, and a critic that sees a source with its image, real or made.

    The critic's step comes first, the generator's on the same pairs and the same fake images; its loss
    is adversarial plus `l1_weight` times the mean absolute error (ibid., eq. 4). The critic's is weighed by
    `critic_weight`, 1/2 in section 3.3.

    Args:
      config: a validated config whose `system.name` is `pix2pix`.
      image_shape: shape of one image.
      num_classes: not used.
      axis_name: the axis that `pmap` maps, or None.
      source_shape: shape of one source; None for data without sources.
      paired: whether source i of the data belongs to image i.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    del num_classes
    check_networks(config, "generator", "critic")
    check_sources(config, image_shape, source_shape)
    if not paired:
        raise ConfigError("config.system.name is 'pix2pix', which learns from pairs, but the sources and images of "
                          f"config.data.source {config['data']['source']!r} do not belong together; take paired data, "
                          "or system cyclegan")
    generator = make_translator(config, "generator", source_shape, image_shape, axis_name)
    pair_shape = (*image_shape[:2], source_shape[-1] + image_shape[-1])
    judge = make_judge(config, "critic", pair_shape, axis_name, order=("fake", "real"))
    networks = {"generator": generator, "critic": judge.critic}
    check_slices(config, networks, across_penalties(config))
    pair = _Pair(generator, judge)
    return Game(
        networks=networks,
        round=(Update("critic", ("critic",), pair.critic_loss),
               Update("generator", ("generator",), pair.generator_loss, again=True, passes=("critic",))),
        ema=("generator",), axis_name=axis_name,
        translators={"AB": translator_of("generator", generator, "source")}, **game_parts(config))


@dataclasses.dataclass(frozen=True)
class _Pair:
    """The losses of both players; each is a `LossFn` of an update."""

    generator: Network
    judge: Judge

    def critic_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                    hyper: Hyper) -> tuple[Array, Aux]:
        """The critic's update: it tells real pairs from those whose image was made."""
        keys = named_keys(key, "fake", "judge")
        fake, _ = self._fake(params, variables, batch, keys["fake"])
        total, state, metrics = self.judge.critic_loss(
            params["critic"], variables["critic"], _joined(batch, batch["image"]), _joined(batch, fake), keys["judge"],
            batch["index"], hyper)
        return total, Aux({"critic": state}, memory, metrics)

    def generator_loss(self, params: Mapping, variables: Mapping, memory: Mapping, batch: Mapping, key: Array,
                       hyper: Hyper) -> tuple[Array, Aux]:
        """The generator's update: the fake images are those that the critic has just seen."""
        keys = named_keys(key, "fake", "judge")
        fake, state = self._fake(params, variables, batch, keys["fake"])
        adversarial, judge_state = self.judge.generator_loss(
            params["critic"], variables["critic"], _joined(batch, batch["image"]), _joined(batch, fake), keys["judge"],
            batch["index"])
        error = absolute_error(fake, batch["image"])
        total = hyper["adversarial_weight"] * adversarial + hyper["l1_weight"] * error
        return total, Aux({"generator": state, "critic": judge_state}, memory,
                          {"adversarial": adversarial, "l1": error})

    def _fake(self, params: Mapping, variables: Mapping, batch: Mapping, key: Array) -> tuple[Array, Any]:
        return self.generator.apply_in_training(params["generator"], variables["generator"], batch["source"], None,
                                                example_keys(key, batch["index"]))


def _joined(batch: Mapping[str, Array], images: Array) -> Array:
    """Sources and images as one picture of more channels."""
    return jnp.concatenate([batch["source"], images], axis=-1)
