"""Translation between two kinds of pictures without pairs: CycleGAN (Zhu et al. 2017)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax

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
from ganlab.output import counted
from ganlab.systems.critic import adaptations, controlled, scorer_of
from ganlab.systems.image_pool import POOL, empty_pool, from_pool
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
from ganlab.types import Array, Tree

PLAYERS = ("generator_ab", "generator_ba", "critic_a", "critic_b")


def cyclegan(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of generators from sources (A) to images (B) and back, and of their critics.

    A round is one update of all four networks. The official code steps the generators first, but
    its critics learn from what was made before that step, so that both steps start from the same
    params: they are one. The generators minimise adversarial losses, `cycle_weight` times the mean
    absolute error of pictures translated there and back (ibid., eq. 2), and a share of it on
    pictures that should stay as they are (section 5.2). Critics see past translations too (section
    4).

    Args:
      config: a validated config whose `system.name` is `cyclegan`.
      data: what is known of the data.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Whether the config has these players, and the data both kinds of pictures.
    check_networks(config, *PLAYERS)
    check_sources(config, data)
    system, image_shape, source_shape = config["system"], data.image_shape, data.source_shape
    if system["identity"] and source_shape[-1] != image_shape[-1]:
        raise ConfigError(f"config.system.identity is True, but sources have "
                          f"{counted(source_shape[-1], 'channel')} and images {image_shape[-1]}, "
                          "so that neither generator takes its own kind; set it to False")
    # The four networks.
    generators = {
        "generator_ab": make_translator(
            config, "generator_ab", source_shape, image_shape, axis_name),
        "generator_ba": make_translator(
            config, "generator_ba", image_shape, source_shape, axis_name)}
    critics = {name: make_picture_critic(config, name, (shape,), axis_name, order=("real", "fake"))
              for name, shape in (("critic_a", source_shape), ("critic_b", image_shape))}
    networks = generators | {name: critic.network for name, critic in critics.items()}
    pooled = ["config.system.pool_size"] if system["pool_size"] else []
    check_slices(config, networks, [*across_penalties(config), *pooled])
    # One update, whose memory has the past translations and the chances of augmentations.
    parts, judges = game_parts(config), [critic.critic for critic in critics.values()]
    cycle = _Cycle(generators, critics, system["identity"], axis_name)
    pools = {kind: empty_pool(system["pool_size"], shape)
             for kind, shape in (("a", source_shape), ("b", image_shape))}
    return Game(
        networks=networks, round=(
            Update("cyclegan", PLAYERS, cycle.loss,
                   control=controlled(judges, parts["hyper"], config["batch_size"])),),
        # The normalization's statistics are averaged beside the weights that they belong to.
        ema=averages(*generators, variables="average"), axis_name=axis_name,
        group=common_group(networks.values()),
        memory=({POOL: pools} if system["pool_size"] else {}) | adaptations(judges, parts["hyper"]),
        scorer=scorer_of("critic_b", critics["critic_b"].network),
        translators={"AB": translator_of("generator_ab", generators["generator_ab"], "source"),
                     "BA": translator_of("generator_ba", generators["generator_ba"], "image")},
        **parts)


@dataclasses.dataclass(frozen=True)
class _Cycle:
    """The loss of all four players.

    Attributes:
      generators: by name.
      critics: by name.
      identity: whether generators are to leave their target's kind as it is.
      axis_name: the axis that `pmap` maps, or None.
    """

    generators: Mapping[str, Network]
    critics: Mapping[str, PictureCritic]
    identity: bool
    axis_name: str | None

    def loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the sum of the losses of the generators and of those of the critics.

        Each player's gradient is that of its own loss: no gradient of the generators' losses
        reaches the critics, and none of the critics' reaches the generators.
        """
        # The generators' losses, and what they made.
        batch, keys = scene.batch, named_keys(
            scene.key, "generators", "adversarial", "critics", "pool")
        total, made, state, metrics = self._generators_loss(scene, keys)
        # The critics' losses, on real pictures and on translations of this and of earlier rounds.
        pools = dict(scene.memory.get(POOL, {}))
        critic_keys, pool_keys = (named_keys(keys[name], "a", "b") for name in ("critics", "pool"))
        for kind, real in (("a", batch["source"]), ("b", batch["image"])):
            fake = made[kind]
            if pools:
                fake, pools[kind] = from_pool(pools[kind], jax.lax.stop_gradient(fake),
                                              pool_keys[kind], batch["index"], self.axis_name)
            name = f"critic_{kind}"
            found, state[name], logged = self.critics[name].critic_loss(
                scene.params[name], state[name], real, fake, critic_keys[kind], scene)
            total += found
            metrics |= {name: found} | {
                f"{metric}_{kind}": value for metric, value in logged.items()}
        return total, Aux(state, {**scene.memory, POOL: pools} if pools else scene.memory, metrics)

    def _generators_loss(
            self, scene: Scene, keys: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array], dict[str, Tree], dict[str, Array]]:
        """Computes the generators' loss, what they made, all variables after it, and metrics."""
        params, hyper, batch = scene.params, scene.hyper, scene.batch
        a, b, index = batch["source"], batch["image"], batch["index"]
        state, count = dict(scene.variables), 0

        def translate(name: str, images: Array) -> Array:
            nonlocal count
            drawn = example_keys(jax.random.fold_in(keys["generators"], count), index)
            made, state[name] = self.generators[name].train(
                params[name], state[name], images, keys=drawn)
            count += 1
            return made

        # There and back: cycle consistency (eq. 2).
        made_b = translate("generator_ab", a)
        back_a = translate("generator_ba", made_b)
        made_a = translate("generator_ba", b)
        back_b = translate("generator_ab", made_a)
        metrics = {"cycle_a": absolute_error(back_a, a), "cycle_b": absolute_error(back_b, b)}
        total = hyper["cycle_weight"] * (metrics["cycle_a"] + metrics["cycle_b"])
        # Pictures of the target's kind should stay as they are (section 5.2).
        if self.identity:
            metrics |= {"identity_b": absolute_error(translate("generator_ab", b), b),
                        "identity_a": absolute_error(translate("generator_ba", a), a)}
            total += hyper["cycle_weight"] * hyper["identity_weight"] * (
                metrics["identity_a"] + metrics["identity_b"])
        # The adversarial loss of each direction (eq. 1).
        adversarial_keys = named_keys(keys["adversarial"], "a", "b")
        for kind, real, fake in (("a", a, made_a), ("b", b, made_b)):
            name = f"critic_{kind}"
            # The critic's running statistics see these fakes first, then its own update's pictures.
            adversarial, state[name] = self.critics[name].generator_loss(
                params[name], state[name], real, fake, adversarial_keys[kind], scene)
            metrics[f"adversarial_{kind}"] = adversarial
            total += hyper["adversarial_weight"] * adversarial
        return total, {"a": made_a, "b": made_b}, state, metrics
