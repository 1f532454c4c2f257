"""A GAN is a game, played in rounds: what a game is made of.

A `Game` is static: networks, the updates of a round, and how each network is optimised.
A `GameState` is one pytree of arrays: everything that a round changes, and every number
that it reads. `ganlab.game.round.play_round` takes one to the next.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import struct

from ganlab.game.draws import init_key
from ganlab.game.ema import Average
from ganlab.game.makers import Encoder, Sampler, Scorer, Translator
from ganlab.game.network import Network
from ganlab.types import Array, Hyper, Tree

IMAGES = ("fresh", "same", "none")
"""What an update is played on: real images of its own, those last shown before it, or none."""
DRAWS = ("own", "same")
"""Whether an update draws its own random numbers, or those of the update before it."""
HELD = "held_metrics"
"""Entry of a memory: last metrics of lazy updates, by update and name; see `ganlab.game.held`."""


class Scene(NamedTuple):
    """What a loss sees.

    Attributes:
      params: of all networks, by name.
      variables: of all networks, by name.
      memory: controllers and histories.
      batch: `index` [b], the place of each example in the global batch, from which per-example keys
        are made; unless the update's `images` are "none", also `image` [b, ...], `label` [b] and,
        of data to be translated, `source` [b, ...].
      key: of the draws of this step.
      hyper: the numbers of this round.
    """

    params: Mapping[str, Tree]
    variables: Mapping[str, Tree]
    memory: Mapping[str, Tree]
    batch: Mapping[str, Array]
    key: Array
    hyper: Hyper


class Aux(NamedTuple):
    """What a loss returns beside its value."""

    variables: Mapping[str, Tree]
    """New variables, such as batch statistics, of networks that the update trains or `passes`."""
    memory: Mapping[str, Tree]
    """Controllers and histories after the update."""
    metrics: Mapping[str, Array]
    """Scalars to log, means over the batch."""


LossFn = Callable[[Scene], tuple[Array, Aux]]
"""`loss(scene) -> (scalar, Aux)`, pure."""
Control = Callable[[Mapping[str, Tree], Mapping[str, Array], Hyper], Mapping[str, Tree]]
"""`control(memory, metrics, hyper) -> memory`, pure."""


@dataclasses.dataclass(frozen=True)
class Update:
    """One move of a round: it trains the networks `trains` by one optimizer step on `loss`.

    Attributes:
      name: of the update, before its metrics.
      trains: networks with respect to whose params `loss` is differentiated, and that take a step.
      loss: the loss of a scene.
      repeats: how many times it is played in a row.
      every: it is played in rounds 0, `every`, 2 `every`, ... and left out of the others.
      images: one of `IMAGES`. "fresh" takes a batch from the data for each repeat; "same" are the
        last ones that were shown in this round; with "none" its batch has the index alone.
      draws: one of `DRAWS`. "same" are those of the update before it, whose `repeats` it shares:
        both players then see the same fake images.
      passes: networks that it does not train, but whose variables change by its passes: their batch
        statistics and power iterations move as in codes that leave a critic in training mode here.
      control: changes the memory once after each step, by metrics that are means over all slices
        and devices (such as an adaptive augmentation's strength).
    """

    name: str
    trains: tuple[str, ...]
    loss: LossFn
    repeats: int = 1
    every: int = 1
    images: str = "fresh"
    draws: str = "own"
    passes: tuple[str, ...] = ()
    control: Control | None = None


class Start(NamedTuple):
    """What was played before a game's first round, by the games of earlier stages."""

    step: int = 0
    """Rounds."""
    images: int = 0
    """Real images that they counted as shown."""
    position: int = 0
    """Examples that they took from the order of the data."""


@dataclasses.dataclass(frozen=True)
class Game:
    """The static description of a game: its players, its round, and how both are optimised.

    Attributes:
      networks: the players by name.
      round: the updates of one round, in their order.
      optimizers: for each network, from the numbers of this step to an optax
        transformation, built inside the traced round.
      hyper: the numbers at the start, by name.
      schedule: the numbers at a step from `(hyper, kimg)`.
      ramps: numbers that follow a curve of their own, by name: `(hyper, kimg) -> number`, with the
        schedule's result as `hyper`.
      projections: maps `(params, hyper)` to params after the optimizer, by network.
      regularizers: by network and name, scalars of that network's params; `<network>_<name>_weight`
        in `hyper` times their gradient is added to each step that trains it.
      frozen: by network, names of layers whose params no update changes, such as `level_3/conv0`.
      ema: averages of networks by name; the one named like a network makes images by default.
      memory: controllers and histories at the start.
      batch_size: real images of one update, over all devices.
      axis_name: the axis that `pmap` maps, over which the batch is split; None under `jit`,
        where a batch is always global.
      accumulate: slices of a batch, played one after another; their mean gradient makes the step.
      chained: whether each slice starts from the variables that the one before has left, and not
        all from the same: statistics of a batch are then those of its slices in turn.
      group: neighbours in a batch that stay in one slice and on one device, by `common_group`.
      reduction: real images are shown at one of how many of their side, as means of blocks of
        pixels, so that an early stage reads and holds small ones alone.
      settled_reduction: likewise, but where samples show all that real images do: larger while a
        level fades in; 0 is `reduction`.
      start: what was played before, for a game that is not the first stage.
      stages: all stages of a training whose game changes on the way, see `ganlab.game.stages`; the
        last one's game carries them.
      sampler: how to draw images, for games that can.
      encoder: how to find latents from which the sampler makes images again, for games that can.
      translators: how to translate pictures, by direction: `AB` from sources to images, and `BA`
        back; empty for games that do not.
      scorer: how the critic scores images, for games that have one.
    """

    networks: Mapping[str, Network]
    round: tuple[Update, ...]
    optimizers: Mapping[str, Callable[[Hyper], optax.GradientTransformation]]
    hyper: Mapping[str, float]
    batch_size: int
    schedule: Callable[[Hyper, Array], Hyper] = lambda hyper, kimg: hyper
    ramps: Mapping[str, Callable[[Hyper, Array], Array]] = dataclasses.field(default_factory=dict)
    projections: Mapping[str, Callable[[Tree, Hyper], Tree]] = dataclasses.field(
        default_factory=dict)
    regularizers: Mapping[str, Mapping[str, Callable[[Tree], Array]]] = dataclasses.field(
        default_factory=dict)
    frozen: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    ema: Mapping[str, Average] = dataclasses.field(default_factory=dict)
    memory: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    axis_name: str | None = None
    accumulate: int = 1
    chained: bool = False
    group: int = 1
    reduction: int = 1
    settled_reduction: int = 0
    start: Start = Start()
    stages: tuple["Stage", ...] = ()
    sampler: Sampler | None = None
    encoder: Encoder | None = None
    translators: Mapping[str, Translator] = dataclasses.field(default_factory=dict)
    scorer: Scorer | None = None

    def __post_init__(self) -> None:
        if not any(update.every == 1 and update.images == "fresh" for update in self.round):
            raise ValueError("a game needs an update that is played in every round (every=1) on "
                             "images of its own (images='fresh'): it counts the images")
        for before, update in zip((None, *self.round), self.round, strict=False):
            if update.images not in IMAGES or update.draws not in DRAWS:
                raise ValueError(f"update {update.name} has images={update.images!r} and "
                                 f"draws={update.draws!r}; they are one of {', '.join(IMAGES)}, "
                                 f"and of {', '.join(DRAWS)}")
            if update.draws == "same" and (before is None or before.repeats != update.repeats):
                raise ValueError(f"update {update.name} is played with the draws of the one before "
                                 "it, which does not exist or has other repeats")
            if update.images == "same" and self.slots_of(update).start < 0:
                raise ValueError(f"update {update.name} is played {update.repeats} times on images "
                                 "that were shown before it, and fewer batches were")

    @property
    def slots(self) -> int:
        """Batches of real images in a round: one a repeat of each update that takes fresh ones."""
        return sum(update.repeats for update in self.round if update.images == "fresh")

    def slots_of(self, update: Update) -> slice:
        """Returns which of these batches an update is played on; an empty slice for none."""
        if update.images == "none":
            return slice(0, 0)
        number = self.round.index(update)
        shown = self.round[:number + (update.images == "fresh")]
        stop = sum(other.repeats for other in shown if other.images == "fresh")
        return slice(stop - update.repeats, stop)

    @property
    def images_per_round(self) -> int:
        """Real images that a round counts as shown: those of its most repeated update."""
        return self.batch_size * max(update.repeats for update in self.round
                                     if update.every == 1 and update.images == "fresh")

    def kimg(self, step: Any) -> Any:
        """Computes the thousands of real images shown before round `step`, a number or an array."""
        rounds = step - self.start.step
        if isinstance(step, int):
            return (self.start.images + rounds * self.images_per_round) / 1000
        return self.start.images / 1000 + rounds.astype(float) * (self.images_per_round / 1000)

    def position(self, step: Any) -> Any:
        """Computes the place of a round's first example in the order of data, modulo 2^32."""
        xp = jnp if isinstance(step, jax.Array) else np
        with np.errstate(over="ignore"):
            rounds = (xp.asarray(step) - self.start.step).astype(xp.uint32)
            return (rounds * xp.uint32(self.slots * self.batch_size)
                    + xp.uint32(self.start.position % 2**32))

    def numbers(self, hyper: Hyper, kimg: Array) -> Hyper:
        """Computes the numbers of a round from those of the state: the schedule, then each ramp."""
        scheduled = self.schedule(hyper, kimg)
        return {**scheduled, **{name: ramp(scheduled, kimg) for name, ramp in self.ramps.items()}}


@struct.dataclass
class GameState:
    """Everything that a round changes, and every number that it reads."""

    step: Array
    """Rounds played, int32."""
    key: Array
    """The PRNG key of the whole run; draws fold the step into it, so it never changes."""
    params: dict[str, Tree]
    variables: dict[str, Tree]
    opt_state: dict[str, Tree]
    ema: dict[str, Tree]
    """Averaged params, by the average's name."""
    ema_variables: dict[str, Tree]
    """Averaged variables, of the averages whose variables are not copies of the network's."""
    memory: dict[str, Tree]
    hyper: dict[str, Array]


def stay(state: GameState) -> GameState:
    """Returns the state as it is: what most stages begin with."""
    return state


@dataclasses.dataclass(frozen=True)
class Stage:
    """Some rounds of a training, and the game that is played in them.

    All stages have one state: it is initialised from the last stage's networks, and earlier stages
    use a part of the same trees, so that checkpoints never change shape.

    Attributes:
      game: what is played; what it samples is of the full resolution in every stage.
      rounds: their number; None, for the last stage alone, is the rest of the training.
      enter: changes the state when the stage begins, for example resets moments; pure. A checkpoint
        at the boundary has the state before it.
      name: what it is, in words for people, such as `8x8 fading in`.
    """

    game: Game
    rounds: int | None = None
    enter: Callable[[GameState], GameState] = stay
    name: str = ""


def init_state(game: Game, key: Array) -> GameState:
    """Draws the state before the first round; pure, so it can be jitted, or vmapped over keys."""
    params, variables = {}, {}
    for number, (name, network) in enumerate(game.networks.items()):
        params[name], variables[name] = network.init(jax.random.fold_in(init_key(key), number))
    hyper = {name: jnp.asarray(value, float) for name, value in game.hyper.items()}
    # Copies: a buffer that stands twice in a state cannot be donated.
    ema = {name: jax.tree.map(jnp.copy, params[average.network])
           for name, average in game.ema.items()}
    ema_variables = {name: jax.tree.map(jnp.copy, variables[average.network])
                     for name, average in game.ema.items() if average.variables == "average"}
    return GameState(
        step=jnp.zeros((), jnp.int32), key=key, params=params, variables=variables,
        opt_state={name: build(hyper).init(params[name])
                   for name, build in game.optimizers.items()},
        ema=ema, ema_variables=ema_variables,
        memory=jax.tree.map(jnp.asarray, dict(game.memory)), hyper=hyper)
