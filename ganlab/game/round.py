"""One round of a game, as a pure function: the train step of every system."""

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import optax

from ganlab.game.ema import moved_averages
from ganlab.game.finite import guard_round, guard_step, make_finite
from ganlab.game.frozen import keep_frozen
from ganlab.game.game import HELD, Aux, Game, GameState, Scene, Update
from ganlab.machine.made_for import within_branch
from ganlab.types import Array, Hyper, Tree

Metrics = dict[str, Array]


def play_round(game: Game, state: GameState, batches: Mapping[str, Array],
               index: Array | None = None,
               turn: Array | None = None) -> tuple[GameState, Metrics]:
    """Plays every update of a round in order, then moves the averages of the params.

    Args:
      game: the static description; `game.axis_name` names the mapped axis under `pmap`.
      state: the state before the round.
      batches: `image` [slots, b, ...] and whatever else the source gives, each with one slot for
        every repeat of every update that takes fresh images; under `pmap`, b is this device's
        share.
      index: places [b] of the examples in the global batch; None makes them here. A mesh gives them
        split over its devices, so that what is drawn from them, such as latents, is split too.
      turn: the state's step again, as a number that no `vmap` over states maps, so that a lazy
        update is left out of a whole stack and not computed for nothing; None for the state's own.

    Returns:
      The state after it, and the metrics of each update's last repeat as `update/metric`, means
      over the global batch. For an update that this round leaves out (`every`) they are those held
      from when it was last played, see `ganlab.game.held`, or zero. If the round is not finite,
      the state is what its guard leaves, see `ganlab.game.finite`, and the metrics mean nothing.
    """
    # The numbers and places of this round.
    kimg = game.kimg(state.step)
    hyper = game.numbers(state.hyper, kimg)
    round_key = jax.random.fold_in(state.key, state.step)
    turn = state.step if turn is None else turn
    if index is None:
        local = batches["image"].shape[1]
        index = jnp.arange(local)
        if game.axis_name is not None:
            index += jax.lax.axis_index(game.axis_name) * local
    # Every update on its images, with its draws.
    metrics: Metrics = {}
    before, key = state, round_key
    for number, update in enumerate(game.round):
        seen = {} if update.images == "none" else batches
        slots = {name: array[game.slots_of(update)] for name, array in seen.items()}
        key = key if update.draws == "same" else jax.random.fold_in(round_key, number)
        state, found = _play_update(game, update, state, slots, index, key, hyper, turn)
        metrics |= {f"{update.name}/{name}": value for name, value in found.items()}
    # The averages move once a round, after its updates.
    ema, ema_variables = moved_averages(
        game.ema, state.ema, state.ema_variables, state.params, state.variables, hyper, kimg,
        game.images_per_round)
    after = state.replace(step=state.step + 1, ema=ema, ema_variables=ema_variables)
    return guard_round(before, after), metrics


def _play_update(game: Game, update: Update, state: GameState, slots: Mapping[str, Array],
                 index: Array, key: Array, hyper: Hyper,
                 turn: Array) -> tuple[GameState, Metrics]:
    """Plays all repeats of one update, if this is one of its rounds."""

    def repeat(state: GameState,
               slot: tuple[Mapping[str, Array], Array]) -> tuple[GameState, Metrics]:
        batch, own_key = slot
        return _step(game, update, state, {**batch, "index": index}, own_key, hyper)

    # Every repeat has its own batch and its own draws; the last one's metrics are logged.
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, jnp.arange(update.repeats))

    def play(state: GameState) -> tuple[GameState, Metrics]:
        if update.repeats == 1:
            return repeat(state, jax.tree.map(lambda array: array[0], (slots, keys)))
        state, metrics = jax.lax.scan(repeat, state, (slots, keys))
        return state, jax.tree.map(lambda values: values[-1], metrics)

    if update.every == 1:
        return play(state)
    # A lazy update keeps its metrics in the memory, for the rounds that leave it out.
    held = state.memory.get(HELD, {}).get(update.name)

    def play_and_hold(state: GameState) -> tuple[GameState, Metrics]:
        state, metrics = play(state)
        if held is not None:
            state = state.replace(
                memory={**state.memory, HELD: {**state.memory[HELD], update.name: metrics}})
        return state, metrics

    def leave_out(state: GameState) -> tuple[GameState, Metrics]:
        if held is not None:
            return state, dict(state.memory[HELD][update.name])
        shapes = jax.eval_shape(play, state)[1]
        return state, {name: jnp.zeros(shape.shape, shape.dtype) for name, shape in shapes.items()}

    # A branch and not a choice between results: a round that leaves it out does not pay for it.
    with within_branch():
        return jax.lax.cond(turn % update.every == 0, play_and_hold, leave_out, state)


def _step(game: Game, update: Update, state: GameState, batch: Mapping[str, Array], key: Array,
          hyper: Hyper) -> tuple[GameState, Metrics]:
    """Takes one optimizer step of every network that the update trains."""

    def loss_fn(trained: dict, batch: Mapping[str, Array], variables: Mapping[str, Tree]) -> tuple:
        return update.loss(Scene({**state.params, **trained}, {**state.variables, **variables},
                                 state.memory, batch, key, hyper))

    def differentiated(batch: Mapping[str, Array],
                       variables: Mapping[str, Tree]) -> tuple[Tree, Metrics, Aux]:
        trained = {name: state.params[name] for name in update.trains}
        (loss, aux), gradients = jax.value_and_grad(loss_fn, has_aux=True)(
            trained, batch, variables)
        return gradients, {"loss": loss, **aux.metrics}, aux

    # Gradients and metrics of the global batch.
    moved = {name: state.variables[name] for name in (*update.trains, *update.passes)}
    gradients, metrics, aux = _in_slices(game, differentiated, batch, moved)
    if game.axis_name is not None:
        gradients, metrics = jax.lax.pmean((gradients, metrics), game.axis_name)
    memory = aux.memory if update.control is None else update.control(aux.memory, metrics, hyper)
    # What the optimizers take: gradients with regularizers, of params that are not frozen, finite.
    for name in update.trains:
        gradients, metrics = _regularized(
            game, name, state.params[name], gradients, metrics, hyper)
        if name in game.frozen:
            zeros = jax.tree.map(jnp.zeros_like, gradients[name])
            gradients = {**gradients,
                         name: keep_frozen(game.frozen[name], zeros, gradients[name])}
    gradients, memory = make_finite(update, gradients, memory)
    # A step of each player: optimizer, projection.
    params, opt_state, variables = dict(state.params), dict(state.opt_state), dict(state.variables)
    for name in update.trains:
        changes, opt_state[name] = game.optimizers[name](hyper).update(
            gradients[name], opt_state[name], params[name])
        params[name] = optax.apply_updates(params[name], changes)
        if name in game.projections:
            params[name] = game.projections[name](params[name], hyper)
        if name in game.frozen:
            params[name] = keep_frozen(game.frozen[name], state.params[name], params[name])
    # An update leaves no trace in networks that it neither trains nor names among its passes.
    for name in (*update.trains, *update.passes):
        variables[name] = aux.variables[name]
    after = state.replace(
        params=params, opt_state=opt_state, variables=variables, memory=dict(memory))
    return guard_step(game, update, state, after, metrics["loss"], gradients), metrics


def _regularized(game: Game, name: str, params: Tree, gradients: Mapping[str, Tree],
                 metrics: Metrics, hyper: Hyper) -> tuple[Mapping[str, Tree], Metrics]:
    """Adds the regularizers of one network, which see no batch, to its gradients and metrics."""
    for label, regularizer in game.regularizers.get(name, {}).items():
        value, slopes = jax.value_and_grad(regularizer)(params)
        weight = hyper[f"{name}_{label}_weight"]
        added = jax.tree.map(lambda gradient, slope, weight=weight: gradient + weight * slope,
                             gradients[name], slopes)
        gradients, metrics = {**gradients, name: added}, {**metrics, f"{name}_{label}": value}
    return gradients, metrics


def _in_slices(game: Game,
               differentiated: Callable[[Mapping[str, Array], Mapping[str, Tree]],
                                        tuple[Tree, Metrics, Aux]],
               batch: Mapping[str, Array],
               variables: Mapping[str, Tree]) -> tuple[Tree, Metrics, Aux]:
    """Computes gradients, metrics and the rest of a batch, as means over slices played in turn.

    Every slice starts from the same variables and memory, which no slice may change by its
    examples; those after the last are those after the batch. So the means are the large batch's
    own. In a `chained` game slices may change variables, and each starts from those before it.

    Args:
      game: the game.
      differentiated: gradients, metrics and the rest of some examples, from some variables.
      batch: the examples.
      variables: of the networks whose variables the update changes.
    """
    if game.accumulate == 1:
        return differentiated(batch, variables)

    def sliced(array: Array) -> Array:
        # Neighbouring groups go to different slices, so that each device, which has neighbours, has
        # a part of every slice.
        groups = array.reshape(-1, game.accumulate, game.group, *array.shape[1:])
        return jnp.moveaxis(groups, 1, 0).reshape(game.accumulate, -1, *array.shape[1:])

    slices = jax.tree.map(sliced, dict(batch))

    def add(carried: tuple, part: Mapping[str, Array]) -> tuple[tuple, None]:
        total, before = carried
        gradients, metrics, aux = differentiated(
            part, before.variables if game.chained else variables)
        # What else a loss may return of variables stays behind.
        aux = aux._replace(variables={name: aux.variables[name] for name in variables})
        return (jax.tree.map(jnp.add, total, (gradients, metrics)), aux), None

    # A scan holds the activations of one slice at a time; sums begin at zeros of a slice's shapes.
    empty = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype),
        jax.eval_shape(differentiated, jax.tree.map(lambda array: array[0], slices), variables))
    first = empty[2]._replace(variables=dict(variables))
    (total, aux), _ = jax.lax.scan(add, (empty[:2], first), slices)
    # The mean over slices of one size is the mean over the batch.
    gradients, metrics = jax.tree.map(lambda leaf: leaf / game.accumulate, total)
    return gradients, metrics, aux
