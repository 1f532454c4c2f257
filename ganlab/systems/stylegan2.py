"""StyleGAN2 (Karras et al. 2020b): a style generator against a residual critic, lazily regularized.

A round has four updates, in the official order: the generator's loss; every `path_interval` rounds
its path-length penalty; the critic's loss; every `penalty_interval` rounds its R1. A lazily played
penalty is weighted by its interval, and the optimizer's numbers are brought to what they would be
if it were not lazy (ibid., appendix B).
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

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
    count_replaced,
    example_keys,
    lazily_regularized,
    named_keys,
)
from ganlab.networks import STYLE_CRITICS, STYLE_GENERATORS
from ganlab.networks.style.freezing import first_layers
from ganlab.output import counted
from ganlab.systems.critic import (
    Critic,
    adaptations,
    choose_augment,
    controlled,
    scorer_of,
)
from ganlab.systems.latents import draw_latents
from ganlab.systems.parts import (
    check_slices,
    choose_loss,
    choose_penalties,
    game_parts,
    make_latent_pair,
)
from ganlab.systems.style_generator import StyleGenerator
from ganlab.types import Array, Hyper

PATH_MEAN = "path_length"
"""Entry of the memory: the running mean of path lengths, float32 []."""


def stylegan2(config: Mapping[str, Any], data: DataFacts, axis_name: str | None = None) -> Game:
    """Builds the game of StyleGAN2's generator and critic.

    Args:
      config: a validated config whose `system.name` is `stylegan2`.
      data: what is known of the data; both networks see its labels if `system.conditional`.
      axis_name: the axis that `pmap` maps, or None.

    Raises:
      ConfigError: for names, arguments and combinations that cannot work.
    """
    # Both networks.
    system = config["system"]
    generator, critic, classes = make_latent_pair(
        config, data, STYLE_GENERATORS, STYLE_CRITICS, axis_name)
    # The losses of both.
    if system["path_interval"] and config["batch_size"] % system["path_share"]:
        raise ConfigError(f"config.system.path_share is {system['path_share']}, which does not "
                          f"divide config.batch_size, {config['batch_size']}; use a divisor")
    players = _Players(
        StyleGenerator(generator, draw_latents(system["latent_size"], "normal"), bool(classes)),
        Critic(critic, choose_loss(config), choose_penalties(config, critic, axis_name),
               augment=choose_augment(config, data.image_shape)),
        system["path_share"], (system["path_interval"], system["penalty_interval"]), axis_name,
        system["follow"])
    # Optimizers are rescaled for the penalties that some rounds leave out.
    parts = game_parts(config)
    intervals = {"generator": system["path_interval"],
                 "critic": system["penalty_interval"] if players.critic.penalties else 0}
    parts["optimizers"] = {name: lazily_regularized(name, build, intervals[name])
                           for name, build in parts["optimizers"].items()}
    networks = {"generator": generator, "critic": critic}
    check_slices(config, networks, ())
    # Each device has whole groups, and the same share of images for path lengths.
    share = system["path_share"] if system["path_interval"] else 1
    updates = _round(config, players, parts["hyper"])
    return Game(
        networks=networks, round=updates, frozen=_frozen(system, critic),
        ema=averages("generator", variables=system["statistics"]), axis_name=axis_name,
        group=math.lcm(common_group(networks.values()), share),
        memory=_memory(system, updates) | adaptations([players.critic], parts["hyper"]),
        scorer=scorer_of("critic", critic, bool(classes)), sampler=players.generator.sampler(),
        **parts)


def _frozen(system: Mapping[str, Any], critic: Network) -> dict[str, tuple[str, ...]]:
    """Names the critic's layers that are not trained (Freeze-D, Mo et al. 2020).

    Raises:
      ConfigError: for more layers than the critic has above its smallest level.
    """
    number = system["freeze_critic_layers"]
    if not number:
        return {}
    layers = first_layers(critic.shapes[0])
    if number > len(layers):
        raise ConfigError(f"config.system.freeze_critic_layers is {number}, but "
                          f"config.networks.critic has {counted(len(layers), 'layer')} that can "
                          f"be frozen; use at most {len(layers)}")
    return {"critic": layers[:number]}


def _memory(system: Mapping[str, Any], updates: tuple[Update, ...]) -> dict[str, Any]:
    """Returns what the game remembers at the start of path lengths and of gradients made finite."""
    memory: dict[str, Any] = count_replaced(updates) if system["finite_gradients"] else {}
    if system["path_interval"]:
        memory[PATH_MEAN] = np.zeros((), np.float32)
    return memory


def _round(config: Mapping[str, Any], players: "_Players", hyper: Hyper) -> tuple[Update, ...]:
    """Returns the updates of a round, those that are chosen."""
    system = config["system"]
    # The generator reads real batches for their labels, or to compare with them.
    reads = players.generator.conditional or players.critic.loss.compares
    found = [Update("generator", ("generator",), players.generator_loss,
                    images="fresh" if reads else "none")]
    if system["path_interval"]:
        found.append(Update("path_length", ("generator",), players.path_loss,
                            every=system["path_interval"],
                            images="same" if players.generator.conditional else "none"))
    found.append(Update("critic", ("critic",), players.critic_loss, passes=("generator",),
                        control=controlled([players.critic], hyper, config["batch_size"])))
    if players.critic.penalties:
        found.append(Update("penalty", ("critic",), players.penalty_loss,
                            every=system["penalty_interval"], images="same"))
    return tuple(found)


def draw_path_noise(keys: Array, images: Array) -> Array:
    """Draws the normal noise of images' shape by which the path length weights their pixels."""
    return jax.vmap(lambda key: jax.random.normal(key, images.shape[1:], images.dtype))(keys)


@dataclasses.dataclass(frozen=True)
class _Players:
    """The losses of both players, and what the sampler makes.

    Attributes:
      generator: its network and draws of styles.
      critic: its network, loss and penalty.
      path_share: one of how many images the path-length penalty sees.
      intervals: rounds between path-length penalties, and between the critic's.
      axis_name: the axis that `pmap` maps, or None.
      follow: whose updates move the generator's averages, "both" or "critic".
    """

    generator: StyleGenerator
    critic: Critic
    path_share: int
    intervals: tuple[int, int]
    axis_name: str | None
    follow: str

    def generator_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the generator's adversarial loss, mean over the batch."""
        params, variables, batch = scene.params, scene.variables, scene.batch
        critic = self.critic.within(scene.hyper)
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits")
        fake, state = self.generator.fake(scene, keys["fake"], self.follow == "both")
        # A loss that compares sees the critic's view of real images, too.
        images = {"real": batch["image"]} if critic.loss.compares else {}
        images["fake"] = fake
        drawn = {kind: example_keys(keys[f"{kind}_logits"], batch["index"]) for kind in images}
        judged, _ = critic.judge(params["critic"], variables["critic"], images, drawn,
                                 self.generator.labels(batch),
                                 critic.chance(scene.memory, scene.hyper))
        real = judged["real"].logits if "real" in judged else None
        loss = jnp.mean(critic.loss.generator(real, judged["fake"].logits))
        return loss, Aux({"generator": state}, scene.memory,
                         {"fake_logits": jnp.mean(judged["fake"].logits)})

    def path_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the path-length penalty (ibid., section 3.2, eq. 4), weighted by its interval.

        The length is of the gradient of the image times noise by the styles, a root mean square
        over layers; it is held to a running mean, which the batch has already moved.
        """
        # A share of the batch, of every device alike.
        part = {name: array[::self.path_share] for name, array in scene.batch.items()}
        keys = named_keys(scene.key, "fake", "noise")
        hyper, params = scene.hyper, scene.params["generator"]
        styles, state, drawn = self.generator.mixed(scene, part, keys["fake"],
                                                    self.follow == "both")

        # J_w^T y of eq. 4: the gradient of the images' inner product with noise y.
        def weighted(styles: Array) -> Array:
            images, _ = self.generator.network.train(params, state, None, None, styles, keys=drawn,
                                                     mutable=False)
            noise = draw_path_noise(example_keys(keys["noise"], part["index"]), images)
            return jnp.sum(images * noise) / math.sqrt(images.shape[1] * images.shape[2])

        slopes = jax.grad(weighted)(styles)
        lengths = jnp.sqrt(jnp.mean(jnp.sum(jnp.square(slopes), axis=2), axis=1))
        # The running mean over all devices moves first.
        mean = jnp.mean(lengths)
        mean = mean if self.axis_name is None else jax.lax.pmean(mean, self.axis_name)
        before = scene.memory[PATH_MEAN]
        moved = before + hyper["path_decay"] * (mean - before)
        penalty = jnp.mean(jnp.square(lengths - moved))
        memory = {**scene.memory,
                  PATH_MEAN: jax.lax.stop_gradient(moved).astype(before.dtype)}
        return (hyper["path_weight"] * self.intervals[0] * penalty,
                Aux({"generator": state}, memory, {"penalty": penalty, "length": mean}))

    def critic_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's adversarial loss, mean over the batch."""
        batch, critic = scene.batch, self.critic.within(scene.hyper)
        keys = named_keys(scene.key, "fake", "fake_logits", "real_logits")
        # Fake images, whose pass moves the average style; no gradient reaches the generator.
        fake, state = self.generator.fake(scene, keys["fake"])
        images = {"fake": jax.lax.stop_gradient(fake), "real": batch["image"]}
        drawn = {kind: example_keys(keys[f"{kind}_logits"], batch["index"]) for kind in images}
        chance = critic.chance(scene.memory, scene.hyper)
        judged, critic_state = critic.judge(
            scene.params["critic"], scene.variables["critic"], images, drawn, self.generator.labels(batch),
            chance)
        logits = {kind: judgement.logits for kind, judgement in judged.items()}
        loss = jnp.mean(critic.loss.critic(logits["real"], logits["fake"]))
        # The share of real images that the critic takes for real shows how it overfits.
        metrics = {**critic.logit_metrics(judged),
                   "real_signs": jnp.mean(jnp.sign(logits["real"])),
                   **critic.followed(logits["real"], chance)}
        return loss, Aux({"critic": critic_state, "generator": state}, scene.memory, metrics)

    def penalty_loss(self, scene: Scene) -> tuple[Array, Aux]:
        """Computes the critic's penalty (R1), weighted by its interval."""
        batch, critic = scene.batch, self.critic.within(scene.hyper)
        keys = {name: example_keys(key, batch["index"]) for name, key in named_keys(
            scene.key, *critic.penalties).items()}
        total, metrics = critic.penalize(
            jnp.zeros(()), scene.params["critic"], scene.variables["critic"], batch["image"],
            batch["image"], keys, scene.hyper, self.generator.labels(batch),
            critic.chance(scene.memory, scene.hyper))
        state = scene.variables["critic"]
        return self.intervals[1] * total, Aux({"critic": state}, scene.memory, metrics)
