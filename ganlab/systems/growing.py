"""A training that grows in resolution (Karras et al. 2018, section 2), of PGGAN and StyleGAN.

A level trains; then the next one, twice its size, fades in: what both networks make of it is mixed
with what they made before, by a share that rises from 0 to 1, and real images are smoothed alike.
Each is a stage, whose networks, real images and critic are of the level's size alone. Samples are
of the full resolution in every stage. The share stands in both networks' variables, so that a
checkpoint within a transition samples as it trained.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from ganlab.config import ConfigError, PlannedStage, planned_stages
from ganlab.convolutions.resized import block_means, doubled, halved, repeated
from ganlab.data import DataFacts
from ganlab.game import Game, GameState, Network, Stage, stay
from ganlab.networks.style.levels import level_sizes
from ganlab.systems.parts import game_parts, make_latent_pair
from ganlab.types import Array, Hyper, Tree

FADE = "fade"
"""Number of `hyper` and of both networks' variables: the share of the level that fades in."""


@dataclasses.dataclass(frozen=True)
class Level:
    """What one stage plays at.

    Attributes:
      planned: the stage.
      size: rows and columns of the level.
      reduction: how many times these are repeated in an image of the full resolution.
    """

    planned: PlannedStage
    size: tuple[int, int]
    reduction: int

    @property
    def name(self) -> str:
        """What the stage is, in words."""
        size = f"{self.size[0]}x{self.size[1]}"
        return f"{size} fading in" if self.planned.fading else size

    def facing(self, variables: Mapping[str, Tree], hyper: Hyper) -> dict[str, Tree]:
        """Returns both networks' variables with the round's share of the level that fades in."""
        share = hyper[FADE] if self.planned.fading else 1.0
        return {name: {**own, "growth": jax.tree.map(
            lambda leaf: jnp.full_like(leaf, share), own["growth"])}
            for name, own in variables.items()}

    def real(self, images: Array, hyper: Hyper) -> Array:
        """Computes real images of the level [b, h, w, c] as they are shown: within a transition
        mixed with their means of 2x2 pixels, as the generator's are."""
        if not self.planned.fading:
            return images
        return smoothed(images, hyper[FADE])

    def seen(self, images: Array, share: Array | float) -> Array:
        """Computes images of the full resolution [b, ...] as the stage's critic sees them."""
        small = block_means(images, self.reduction)
        return smoothed(small, share) if self.planned.fading else small

    def enlarged(self, images: Array) -> Array:
        """Repeats the pixels of the level's images to the full resolution."""
        return repeated(images, self.reduction)

    def metrics(self, hyper: Hyper) -> dict[str, Array]:
        """Returns what is logged of the growth: rows of the level, and its share."""
        share = hyper[FADE] if self.planned.fading else jnp.ones(())
        return {"resolution": jnp.full((), self.size[0], float), FADE: share}


def smoothed(images: Array, share: Array | float) -> Array:
    """Mixes images [b, h, w, c] with their means of 2x2 pixels, by the images' share."""
    coarse = doubled(halved(images))
    return coarse + share * (images - coarse)


def growing_stages(config: Mapping[str, Any], data: DataFacts, axis_name: str | None,
                   generators: Mapping[str, type[nn.Module]],
                   critics: Mapping[str, type[nn.Module]],
                   make: Callable[..., Game]) -> tuple[Stage, ...]:
    """Builds the stages of a training that grows.

    Args:
      config: with the keys `GROWTH` in its section `system`.
      data: what is known of the data.
      axis_name: the axis that `pmap` maps, or None.
      generators: architectures by name, whose modules have fields `level` and `fading`.
      critics: likewise.
      make: `(config, level, generator, critic, classes, parts) -> game` of one stage; `parts` are
        the fields of a game that follow from the config.

    Raises:
      ConfigError: for images without levels, and a schedule that cannot be played.
    """
    if config["data"]["crop"]:
        raise ConfigError(f"config.data.crop is {config['data']['crop']}, but system "
                          f"{config['system']['name']!r} shows whole pictures at each level's "
                          "size; use 0, and crop as the data is imported")
    try:
        sizes = level_sizes(data.image_shape)
    except ValueError as error:
        raise ConfigError(f"system {config['system']['name']!r} grows: {error}") from error
    planned = planned_stages(config["system"], sizes, config["batch_size"])
    # A game a stage, with the batch, rates and share of its own.
    stages, kimg = [], 0.0
    for number, stage in enumerate(planned):
        level = Level(stage, sizes[stage.level], 2 ** (len(sizes) - 1 - stage.level))
        own = {**config, "batch_size": stage.batch_size}
        generator, critic, classes = make_latent_pair(
            own, dataclasses.replace(data, image_shape=(*level.size, data.image_shape[-1])),
            generators, critics, axis_name, whole_shape=data.image_shape, level=stage.level,
            fading=stage.fading)
        game = make(own, level, generator, critic, classes, _parts(own, stage, kimg))
        kimg += stage.rounds * stage.images / 1000
        stages.append(Stage(
            dataclasses.replace(game, reduction=level.reduction,
                                settled_reduction=level.reduction * (1 + stage.fading)),
            None if number == len(planned) - 1 else stage.rounds,
            _fresh(game) if number and config["system"]["fresh_optimizers"] else stay, level.name))
    return tuple(stages)


def _parts(config: Mapping[str, Any], stage: PlannedStage, start: float) -> dict[str, Any]:
    """Returns the fields of a stage's game that follow from the config, with its rates and share.

    `start` is the kimg at which the stage begins.
    """
    parts, repeats = game_parts(config), config["system"]["fade_every_rounds"]
    schedule = parts["schedule"]

    def rates(hyper: Hyper, kimg: Array) -> Hyper:
        return {name: value * stage.rate if name.endswith("_lr") else value
                for name, value in schedule(hyper, kimg).items()}

    def share(hyper: Hyper, kimg: Array) -> Array:
        # By whole rounds, of which some have one share, as in the official code.
        rounds = jnp.round((kimg - start) / (stage.images / 1000))
        played = jnp.clip(jnp.floor(rounds / repeats) * repeats / stage.rounds, 0.0, 1.0)
        return stage.share + (1 - stage.share) * played

    ramps = {FADE: share} if stage.fading else {}
    return {**parts, "schedule": rates if stage.rate != 1 else schedule,
            "ramps": {**parts["ramps"], **ramps}, "hyper": {**parts["hyper"], FADE: 1.0}}


def _fresh(game: Game) -> Callable[[GameState], GameState]:
    """Returns what makes all optimizers of a state start again."""
    def enter(state: GameState) -> GameState:
        return state.replace(opt_state={name: build(state.hyper).init(state.params[name])
                                        for name, build in game.optimizers.items()})

    return enter


def scored(level: Level, critic: Network, conditional: bool) -> Callable[..., Array]:
    """Returns how a stage's critic scores images of the full resolution, by its weights."""
    def logits(weights: Any, images: Array, labels: Array, sources: Array | None) -> Array:
        del sources
        params, variables = weights["critic"]
        share, = jax.tree.leaves(variables["growth"])
        return critic.evaluate(params, variables, level.seen(images, share),
                               labels if conditional else None)

    return logits
