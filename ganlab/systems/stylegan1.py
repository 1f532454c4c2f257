"""The first StyleGAN (Karras et al. 2019, "A style-based generator architecture for GANs").

Latents become styles, which modulate every layer of a network that grows, see `growing`. A round
has updates of the critic, each on real images of its own, and one of the generator, by the
non-saturating loss with R1 (ibid., appendix C). Images of a batch may change from one latent's
styles to another's at some layer (ibid., section 3.1).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ganlab.data import DataFacts
from ganlab.game import (
    Aux,
    Game,
    Network,
    Scene,
    Scorer,
    Stage,
    Update,
    averages,
    common_group,
    example_keys,
    named_keys,
)
from ganlab.losses import drift
from ganlab.networks import GROWING_CRITICS, GROWING_STYLE_GENERATORS
from ganlab.systems.critic import Critic, adaptations, choose_augment, controlled
from ganlab.systems.growing import Level, growing_stages, scored
from ganlab.systems.latents import draw_latents
from ganlab.systems.parts import check_slices, choose_loss, choose_penalties
from ganlab.systems.style_generator import StyleGenerator
from ganlab.types import Array


def stylegan1(config: Mapping[str, Any], data: DataFacts,
              axis_name: str | None = None) -> tuple[Stage, ...]:
    """Builds the stages of StyleGAN's generator and critic.

    Args:
      config: a validated config whose `system.name` is `stylegan1`.
      data: what is known of the data; both networks see its labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    def make(config: Mapping[str, Any], level: Level, generator: Network, critic: Network,
             classes: int, parts: dict[str, Any]) -> Game:
        # The losses of both. Each level has two layers that take styles.
        system = config["system"]
        players = _Players(
            level, StyleGenerator(generator, draw_latents(system["latent_size"], "normal"),
                                  bool(classes), 2 * (level.planned.level + 1)),
            Critic(critic, choose_loss(config), choose_penalties(config, critic, axis_name),
                   augment=choose_augment(config, (*level.size, data.image_shape[-1])),
                   reduction=level.reduction))
        networks = {"generator": generator, "critic": critic}
        check_slices(config, networks, ())
        # The round, in the official order; the generator sees the labels of the critic's images.
        updates = (
            Update("critic", ("critic",), players.critic_loss, repeats=system["critic_updates"],
                   passes=("generator",),
                   control=controlled([players.critic], parts["hyper"], config["batch_size"])),
            Update("generator", ("generator",), players.generator_loss, images="same" if classes
                   or players.critic.loss.compares else "none"))
        return Game(
            networks=networks, round=updates, axis_name=axis_name,
            ema=averages("generator", variables=system["statistics"], copied=("growth",)),
            group=common_group(networks.values(), batch_size=config["batch_size"]),
            memory=adaptations([players.critic], parts["hyper"]),
            sampler=players.generator.sampler(level.enlarged),
            scorer=Scorer(("critic",), scored(level, critic, bool(classes))), **parts)

    return growing_stages(config, data, axis_name, GROWING_STYLE_GENERATORS,
                          GROWING_CRITICS, make)


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players in a stage.

    Attributes:
      level: of the stage.
      generator: its network and draws of styles.
      critic: its network, loss and penalty.
    """

    level: Level
    generator: StyleGenerator
    critic: Critic

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's loss, mean over the batch: f(D(fake)) + f(-D(real)) with f the
        softplus, and its penalty: R1 with a gamma of 10 (ibid., appendix C)."""
        batch, hyper = scene.batch, scene.hyper
        scene = scene._replace(variables=self.level.facing(scene.variables, hyper))
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits", *self.critic.penalties)
        drawn = {name: example_keys(key, batch["index"])
                 for name, key in keys.items() if name != "fake"}
        # Generated images, whose pass moves the average style, and real ones of the level.
        fake, state = self.generator.fake(scene, keys["fake"])
        images = {"fake": jax.lax.stop_gradient(fake),
                  "real": self.level.real(batch["image"], hyper)}
        chance, labels = self.critic.chance(scene.memory, hyper), self.generator.labels(batch)
        judged, critic_state = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], images,
            {kind: drawn[f"{kind}_logits"] for kind in images}, labels, chance)
        # The loss, with the drift of real logits where a Wasserstein distance has one.
        real = judged["real"].logits
        loss = jnp.mean(self.critic.loss.critic(real, judged["fake"].logits))
        loss += hyper["drift_weight"] * jnp.mean(drift(real))
        # The penalty of slopes.
        total, metrics = self.critic.penalize(
            loss, scene.params["critic"], scene.variables["critic"], images["real"],
            images["fake"], drawn, hyper, labels, chance)
        metrics |= {**self.critic.logit_metrics(judged), **self.critic.followed(real, chance),
                    **self.level.metrics(hyper)}
        return total, Aux({"critic": critic_state, "generator": state}, scene.memory, metrics)

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's loss, mean over the batch: f(-D(fake))."""
        batch, hyper = scene.batch, scene.hyper
        scene = scene._replace(variables=self.level.facing(scene.variables, hyper))
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits")
        fake, state = self.generator.fake(scene, keys["fake"])
        # A loss that compares sees the critic's view of real images, too.
        images = ({"real": self.level.real(batch["image"], hyper)}
                  if self.critic.loss.compares else {}) | {"fake": fake}
        judged, _ = self.critic.judge(
            scene.params["critic"], scene.variables["critic"], images,
            {kind: example_keys(keys[f"{kind}_logits"], batch["index"]) for kind in images},
            self.generator.labels(batch), self.critic.chance(scene.memory, hyper))
        real = judged["real"].logits if "real" in judged else None
        loss = jnp.mean(self.critic.loss.generator(real, judged["fake"].logits))
        return loss, Aux({"generator": state}, scene.memory,
                         {"fake_logits": jnp.mean(judged["fake"].logits)})
