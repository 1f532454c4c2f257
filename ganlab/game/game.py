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
import optax
from flax import linen as nn
from flax import struct

from ganlab.game.draws import init_key
from ganlab.types import Array, Hyper, Tree


class Aux(NamedTuple):
    """What a loss returns beside its value."""

    variables: Mapping[str, Tree]
    """New variables, such as batch statistics, of the networks that the update trains, and of its `passes`."""
    memory: Mapping[str, Tree]
    """Controllers and histories after the update."""
    metrics: Mapping[str, Array]
    """Scalars to log, means over the batch."""


LossFn = Callable[[Mapping[str, Tree], Mapping[str, Tree], Mapping[str, Tree], Mapping[str, Array], Array, Hyper],
                  tuple[Array, Aux]]
"""`loss(params, variables, memory, batch, key, hyper) -> (scalar, Aux)`, pure."""


@dataclasses.dataclass(frozen=True)
class Update:
    """One move of a round: it trains the networks `trains` by one optimizer step on `loss`.

    It is played `repeats` times in a row, each time on fresh real images, in every
    `every`-th round. `loss` is differentiated with respect to `trains` alone. Its batch
    has `image` [b, ...], `label` [b] and `index` [b], the place of each example in the
    global batch, from which per-example keys are made; of data to be translated also
    `source` [b, ...].

    Of networks in `passes`, which it does not train, it leaves the variables as they are after its own passes: their
    batch statistics and power iterations move as in codes that leave a critic in training mode there.

    With `again` it is played on the images and with the draws of the update before it, whose
    `repeats` it shares: two players then meet over the same fake images.
    """

    name: str
    trains: tuple[str, ...]
    loss: LossFn
    repeats: int = 1
    every: int = 1
    again: bool = False
    passes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Network:
    """A Flax module, with the shapes of the arguments (one example a batch) that initialise it.

    Attributes:
      module: the module.
      inputs: the shapes.
      precision: `float32`, which is that of the params, or `bfloat16`, in which a pass in training then computes.
      rematerialize: whether a pass in training keeps nothing for its gradient, and is computed again there
        (Chen et al. 2016): of several passes in one loss, one at a time takes memory.
    """

    module: nn.Module
    inputs: tuple[jax.ShapeDtypeStruct, ...]
    precision: str = "float32"
    rematerialize: bool = False

    def init(self, key: Array) -> tuple[Tree, Tree]:
        """Draws initial `(params, variables)`; variables are the collections besides `params`."""
        arguments = [jnp.zeros(spec.shape, spec.dtype) for spec in self.inputs]
        collections = dict(self.module.init(key, *arguments))
        return collections.pop("params", {}), collections

    def apply_in_training(self, params: Tree, variables: Tree, inputs: Array, labels: Array | None,
                          keys: Array) -> tuple[Any, Tree]:
        """A forward pass in training mode: outputs, and the variables after it.

        In bfloat16, params and inputs are rounded to it on the way in and all outputs come back in float32, so
        that losses, and norms of gradients, are computed there; params, gradients and variables stay in float32.
        """
        def compute(params: Tree, variables: Tree, inputs: Array) -> tuple[Any, Tree]:
            if self.precision == "bfloat16":
                params, inputs = _cast((params, inputs), jnp.bfloat16)
            output, state = self.module.apply({"params": params, **variables}, inputs, labels, keys, train=True,
                                              mutable=list(variables))
            state = dict(state)
            if self.precision == "bfloat16":
                output, sown = _cast((output, state.pop("intermediates", None)), jnp.float32)
                state |= {} if sown is None else {"intermediates": sown}
            return output, state

        return (jax.checkpoint(compute) if self.rematerialize else compute)(params, variables, inputs)


def _cast(tree: Tree, dtype: jnp.dtype) -> Tree:
    """The tree with its floating-point arrays in another type."""
    return jax.tree.map(lambda leaf: leaf.astype(dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree)


@dataclasses.dataclass(frozen=True)
class Sampler:
    """How a trained game makes images: `latents(keys[b], truncation=0.0) -> [b, z]`, then
    `images(network, params, variables, latents, labels) -> [b, ...]` by the network called `network`.

    `truncation` is a static number: above 0, latents are drawn from their distribution cut to
    [-truncation, truncation] in every coordinate.
    """

    network: str
    latents: Callable[..., Array]
    images: Callable[[Tree, Tree, Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Encoder:
    """How a trained game finds the latents of images: `latents(params, variables, images, labels) -> [b, z]`
    by the network called `network`; of a distribution, its mean."""

    network: str
    latents: Callable[[Tree, Tree, Array, Array], Array]


@dataclasses.dataclass(frozen=True)
class Translator:
    """How a trained game translates pictures: `images(params, variables, sources[b, ...], keys) -> [b, ...]`.

    Attributes:
      network: that translates.
      images: the function. With `keys` None it normalizes by stored statistics and drops nothing; with one key an
        example it passes as in training, by the statistics of this batch.
      least: smallest height and width of the sources.
      multiple: what divides them.
      source: which array of a batch it translates: `source`, or `image` in the direction back.
    """

    network: str
    images: Callable[[Tree, Tree, Array, Array | None], Array]
    least: int
    multiple: int
    source: str


@dataclasses.dataclass(frozen=True)
class Makers:
    """What a game makes by some weights, which are bound.

    Attributes:
      sample: `(latents[b, z], labels[b]) -> images[b, ...]`; None for a game without a sampler.
      translate: by direction `sources[b, ...] -> images[b, ...]`, by stored statistics.
    """

    sample: Callable[[Array, Array], Array] | None = None
    translate: Mapping[str, Callable[[Array], Array]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Game:
    """The static description of a game; see DESIGN's contract in the package docstring.

    Attributes:
      networks: the players by name.
      round: the updates of one round, in their order.
      optimizers: for each network, from the numbers of this step to an optax
        transformation, built inside the traced round.
      hyper: the numbers at the start, by name.
      schedule: the numbers at a step from `(hyper, kimg)`.
      projections: maps `(params, hyper)` to params after the optimizer, by network.
      ema: networks of which an average of the params is kept.
      memory: controllers and histories at the start.
      batch_size: real images of one update, over all devices.
      axis_name: the axis that `pmap` maps, over which the batch is split; None under `jit`,
        where a batch is always global.
      accumulate: slices of a batch, played one after another; their mean gradient makes the step.
      group: neighbours in a batch that no slice parts, because they are judged together.
      sampler: how to draw images, for games that can.
      encoder: how to find the latents of images from which the sampler makes them again, for games that can.
      translators: how to translate pictures, by direction: `AB` from sources to images, and `BA` back; empty for
        games that do not.
    """

    networks: Mapping[str, Network]
    round: tuple[Update, ...]
    optimizers: Mapping[str, Callable[[Hyper], optax.GradientTransformation]]
    hyper: Mapping[str, float]
    batch_size: int
    schedule: Callable[[Hyper, Array], Hyper] = lambda hyper, kimg: hyper
    projections: Mapping[str, Callable[[Tree, Hyper], Tree]] = dataclasses.field(default_factory=dict)
    ema: tuple[str, ...] = ()
    memory: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    axis_name: str | None = None
    accumulate: int = 1
    group: int = 1
    sampler: Sampler | None = None
    encoder: Encoder | None = None
    translators: Mapping[str, Translator] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if all(update.every > 1 for update in self.round):
            raise ValueError("a game needs an update that is played in every round (every=1): it counts the images")
        for before, update in zip((None, *self.round), self.round, strict=False):
            if update.again and (before is None or before.repeats != update.repeats):
                raise ValueError(f"update {update.name} is played again on the images of the one before it, which is "
                                 "not there or has other repeats")

    @property
    def slots(self) -> int:
        """Batches of real images in a round: one for each repeat of each update that takes fresh ones."""
        return sum(update.repeats for update in self.round if not update.again)

    def slots_of(self, update: Update) -> slice:
        """Which of these batches an update is played on."""
        before = self.round[:self.round.index(update)]
        stop = sum(other.repeats for other in (*before, update) if not other.again)
        return slice(stop - update.repeats, stop)

    @property
    def images_per_round(self) -> int:
        """Real images that a round counts as shown: those of its most repeated update."""
        return self.batch_size * max(update.repeats for update in self.round if update.every == 1)


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
    memory: dict[str, Tree]
    hyper: dict[str, Array]


def init_state(game: Game, key: Array) -> GameState:
    """The state before the first round; pure, so it can be jitted, or vmapped over keys."""
    params, variables = {}, {}
    for number, (name, network) in enumerate(game.networks.items()):
        params[name], variables[name] = network.init(jax.random.fold_in(init_key(key), number))
    hyper = {name: jnp.asarray(value, float) for name, value in game.hyper.items()}
    return GameState(
        step=jnp.zeros((), jnp.int32), key=key, params=params, variables=variables,
        opt_state={name: build(hyper).init(params[name]) for name, build in game.optimizers.items()},
        # A copy: a buffer that stands twice in a state cannot be donated.
        ema={name: jax.tree.map(jnp.copy, params[name]) for name in game.ema},
        memory=jax.tree.map(jnp.asarray, dict(game.memory)), hyper=hyper)
