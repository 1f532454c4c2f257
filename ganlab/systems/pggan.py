"""PGGAN (Karras et al. 2018, "Progressive growing of GANs for improved quality, stability, and variation").

Both networks grow from small images to large ones, see `growing`. A round has updates of the
critic, each on real images of its own, and one of the generator. The critic's loss is that of
WGAN-GP with a fourth term that keeps its logits near 0 (ibid., appendix A.1); with labels, the
critic also learns to read them, and the generator to make them readable (AC-GAN), unless the critic
has one logit of an image with its label, or none of labels.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.data import DataFacts
from ganlab.game import (
    Aux,
    Game,
    Network,
    Options,
    Scene,
    Scorer,
    Stage,
    Update,
    Weights,
    averages,
    common_group,
    example_keys,
    named_keys,
)
from ganlab.losses import class_cross_entropy, drift
from ganlab.networks import GROWING_CRITICS, GROWING_GENERATORS
from ganlab.systems.critic import (
    Critic,
    Judgement,
    adaptations,
    choose_augment,
    controlled,
)
from ganlab.systems.growing import Level, growing_stages, scored
from ganlab.systems.latents import Draw, draw_latents, latent_sampler
from ganlab.systems.parts import check_slices, choose_loss, choose_penalties
from ganlab.types import Array, Hyper, Tree


def pggan(config: Mapping[str, Any], data: DataFacts,
          axis_name: str | None = None) -> tuple[Stage, ...]:
    """Builds the stages of PGGAN's generator and critic.

    Args:
      config: a validated config whose `system.name` is `pggan`.
      data: what is known of the data; its labels are used if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    def make(config: Mapping[str, Any], level: Level, generator: Network, critic: Network,
             classes: int, parts: dict[str, Any]) -> Game:
        # The losses of both.
        system = config["system"]
        players = _Players(
            level, generator,
            Critic(critic, choose_loss(config), choose_penalties(config, critic, axis_name),
                   augment=choose_augment(config, (*level.size, data.image_shape[-1])),
                   reduction=level.reduction),
            draw_latents(system["latent_size"], "normal"), bool(classes),
            bool(classes) and "class_logits" in critic.sown())
        networks = {"generator": generator, "critic": critic}
        check_slices(config, networks, ())
        # The round, in the official order; the generator sees the labels of the critic's images.
        updates = (
            Update("critic", ("critic",), players.critic_loss, repeats=system["critic_updates"],
                   control=controlled([players.critic], parts["hyper"], config["batch_size"])),
            Update("generator", ("generator",), players.generator_loss, images="same" if classes
                   or players.critic.loss.compares else "none"))
        return Game(
            networks=networks, round=updates, ema=averages("generator"), axis_name=axis_name,
            group=common_group(networks.values(), batch_size=config["batch_size"]),
            memory=adaptations([players.critic], parts["hyper"]),
            sampler=latent_sampler("generator", players.latents, players.sample),
            scorer=Scorer(("critic",), scored(level, critic, bool(classes))),
            **{**parts, "schedule": _averaging(parts["schedule"], config)})

    return growing_stages(config, data, axis_name, GROWING_GENERATORS, GROWING_CRITICS, make)


def _averaging(schedule: Any, config: Mapping[str, Any]) -> Any:
    """Returns a schedule whose average keeps the same share in each round, if it has such a
    number."""
    images = config["batch_size"] * config["system"]["critic_updates"]

    def numbers(hyper: Hyper, kimg: Array) -> Hyper:
        found, decay = schedule(hyper, kimg), hyper["average_decay"]
        # The half-life of a share d a round, in rounds, is log(1/2) / log(d).
        half_life = images / 1000 * math.log(0.5) / jnp.log(jnp.clip(decay, 1e-8, 1 - 1e-7))
        chosen = decay > 0
        return {**found, "ema_half_life_kimg": jnp.where(chosen, half_life,
                                                         found["ema_half_life_kimg"]),
                "ema_warmup": jnp.where(chosen, 0.0, found["ema_warmup"])}

    return numbers


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players in a stage, and what the sampler makes.

    Attributes:
      level: of the stage.
      generator: its network.
      critic: its network, loss and penalty.
      latents: `keys[b] -> latents[b, z]`.
      conditional: whether the generator sees labels, and the critic, if it takes any.
      reading: whether the critic learns to read them.
    """

    level: Level
    generator: Network
    critic: Critic
    latents: Draw
    conditional: bool
    reading: bool

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's loss, mean over the batch: that of WGAN-GP, D(fake) - D(real) with
        its penalty, and drift_weight D(real)^2 (ibid., appendix A.1)."""
        batch, hyper = scene.batch, scene.hyper
        scene = scene._replace(variables=self.level.facing(scene.variables, hyper))
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits", *self.critic.penalties)
        drawn = {name: example_keys(key, batch["index"]) for name, key in keys.items()}
        # Real and generated images of the level; no gradient reaches the generator.
        fake, state = self._fake(scene, drawn["fake"])
        images = {"fake": jax.lax.stop_gradient(fake),
                  "real": self.level.real(batch["image"], hyper)}
        chance = self.critic.chance(scene.memory, hyper)
        judged, critic_state = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], images,
            {kind: drawn[f"{kind}_logits"] for kind in images}, self._labels(batch), chance)
        # The distance, with the drift of real logits.
        real, fake_logits = (judged[kind].logits for kind in ("real", "fake"))
        loss = jnp.mean(self.critic.loss.critic(real, fake_logits))
        drifted = jnp.mean(drift(real))
        loss += hyper["drift_weight"] * drifted
        # The labels, which it reads of both kinds.
        loss += sum(self._reading(judged[kind], batch, hyper) for kind in images)
        # The penalty of slopes.
        total, metrics = self.critic.penalize(
            loss, scene.params["critic"], scene.variables["critic"], images["real"],
            images["fake"], drawn, hyper, self._labels(batch), chance)
        metrics |= {**self.critic.logit_metrics(judged), "drift": drifted,
                    **self.critic.followed(real, chance), **self.level.metrics(hyper)}
        return total, Aux({"critic": critic_state, "generator": state}, scene.memory, metrics)

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's loss, mean over the batch: -D(fake), and the reading of
        labels."""
        batch, hyper = scene.batch, scene.hyper
        scene = scene._replace(variables=self.level.facing(scene.variables, hyper))
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits")
        drawn = {name: example_keys(key, batch["index"]) for name, key in keys.items()}
        fake, state = self._fake(scene, drawn["fake"])
        # A loss that compares sees the critic's view of real images, too.
        images = ({"real": self.level.real(batch["image"], hyper)}
                  if self.critic.loss.compares else {}) | {"fake": fake}
        judged, _ = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], images,
            {kind: drawn[f"{kind}_logits"] for kind in images}, self._labels(batch),
            self.critic.chance(scene.memory, hyper))
        real = judged["real"].logits if "real" in judged else None
        loss = jnp.mean(self.critic.loss.generator(real, judged["fake"].logits))
        loss += self._reading(judged["fake"], batch, hyper)
        return loss, Aux({"generator": state}, scene.memory,
                         {"fake_logits": jnp.mean(judged["fake"].logits)})

    def _reading(self, judgement: Judgement, batch: Mapping[str, Array],
                 hyper: Hyper) -> Array | float:
        """Computes the weighted cross-entropy of labels as the critic reads them; 0 without."""
        if not self.reading:
            return 0.0
        return hyper["auxiliary_weight"] * jnp.mean(
            class_cross_entropy(judgement.sown["class_logits"], batch["label"]))

    def _fake(self, scene: Scene, keys: Array) -> tuple[Array, Tree]:
        """Computes generated images of the level, and the generator's new variables."""
        return self.generator.train(
            scene.params["generator"], scene.variables["generator"], self.latents(keys),
            self._labels(scene.batch), keys=None)

    def _labels(self, batch: Mapping[str, Array]) -> Array | None:
        return batch["label"] if self.conditional else None

    def sample(self, weights: Weights, latents: Array, labels: Array, keys: Array | None,
               options: Options) -> Array:
        """Computes images [b, ...] of the full resolution, of latents [b, z] and labels [b]."""
        del keys, options
        return self.level.enlarged(self.generator.evaluate(
            *weights["generator"], latents, self._labels({"label": labels})))
