"""What `test_scale` runs in processes of its own, which have other devices: `scale_worker TASK OUTPUT [ARGUMENTS]`.

Each task writes arrays by name, `<way of running>|<path>`, to the file OUTPUT (npz).
"""

import sys
from pathlib import Path

import jax
import numpy as np
from short_runs import in_precision
from tiny import POINTS, tiny_game

from ganlab.engine import DeviceFeed, HostFeed, data_shapes, make_mesh, make_programs
from ganlab.machine.backend import set_up_process
from ganlab.storage import Checkpoints
from ganlab.engine.program import DATA_AXIS, state_shardings

ROUNDS, SEED = 20, 3
# Wide enough that there is something to shard.
CHANGES = {"generator": {"kwargs": {"width": 256, "normalization": "batch"}}, "critic": {"kwargs": {"width": 512}}}
SGD = {name: {**changes, "optimizer": "sgd"} for name, changes in CHANGES.items()}
# Where other laws are looked at, gradients of gradients would only take their time to compile.
NO_PENALTY = {"loss": "hinge", "penalty": "none"}


class Way:
    """A way of running: devices, FSDP, `jit` or `pmap`, data on the devices or streamed."""

    def __init__(self, devices=None, shard=False, engine="jit", streamed=False, changes=None):
        game = tiny_game(POINTS, axis_name=DATA_AXIS if engine == "pmap" else None, **(changes or CHANGES))
        self.mesh = make_mesh(game.batch_size, devices)
        self.programs = make_programs(game, self.mesh, streamed=streamed, shard_state=shard)
        self.game, self.streamed = game, streamed
        self._lying = state_shardings(jax.eval_shape(self.programs.init, SEED), self.mesh, shard)
        self._start = jax.jit(lambda seed: in_precision(self.programs.init(seed)), out_shardings=self._lying)

    def start(self, like=None):
        """The state before the first round: of a program of its own, or moved from another way."""
        return self._start(SEED) if like is None else jax.device_put(like.start(), self._lying)

    def play(self, state, first=0, last=ROUNDS):
        """The state after the rounds from `first` to `last`, and the metrics of the last."""
        feed = (HostFeed(POINTS, self.game, self.mesh, SEED, first, last, 1) if self.streamed else
                DeviceFeed(POINTS, self.mesh))
        for _ in range(first, last):
            # Awaited, because the collectives of several virtual devices can deadlock when they queue.
            state, metrics = jax.block_until_ready(self.programs.play(state, feed.next()))
        feed.close()
        return state, metrics


def arrays(way, state, metrics=None):
    """Everything that rounds change, by path."""
    tree = {"params": state.params, "variables": state.variables, "opt_state": state.opt_state, "ema": state.ema,
            "metrics": metrics or {}}
    return {f"{way}|{jax.tree_util.keystr(path)}": np.asarray(leaf)
            for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def in_float64(folder):
    """20 rounds in every way that one process with 8 devices can run them; then over a checkpoint, from 8 to 2.

    One device and eight that share the state start by themselves, the others from where one device starts.
    """
    ways = {"1": {"devices": 1}, "2": {"devices": 2}, "8": {"devices": 8}, "8 sharded": {"devices": 8, "shard": True},
            "8 pmap, streamed": {"engine": "pmap", "streamed": True}}
    found, one = {}, Way(devices=1)
    for name, options in ways.items():
        way = one if name == "1" else Way(**options)
        state = way.start(None if options.get("shard") else one)
        if name == "8 sharded":
            state, _ = way.play(state, 0, ROUNDS // 2)
            found["parts held"] = np.array(held(state))
            checkpoints = Checkpoints(Path(folder) / "checkpoints", keep=1)
            checkpoints.save(ROUNDS // 2, state)
            checkpoints.close()
            found |= arrays(name, *way.play(state, ROUNDS // 2))
        else:
            found |= arrays(name, *way.play(state))
    fewer = Way(devices=2, shard=True)
    checkpoints = Checkpoints(Path(folder) / "checkpoints")
    state = checkpoints.restore(ROUNDS // 2, fewer.start(one))
    # Sampling reads on one device.
    like = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), state)
    averaged, _ = checkpoints.restore_network("generator", ROUNDS // 2, like, ema=True)
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(averaged), jax.device_get(state.ema["generator"]))
    found["parts held by 2"] = np.array(held(state))
    return found | arrays("8 sharded, then 2", *fewer.play(state, ROUNDS // 2))


def held(state):
    """Shares of its largest param, moment and average that a device holds."""
    largest = [max(jax.tree.leaves(getattr(state, part)), key=lambda leaf: leaf.size)
               for part in ("params", "opt_state", "ema")]
    return [leaf.addressable_shards[0].data.size / leaf.size for leaf in largest]


def in_float32(folder):
    """One round of plain gradient descent, whose changes are gradients, and the arithmetic of a device in it."""
    found, one = {}, None
    for name, options in {"1": {"devices": 1}, "8 sharded": {"shard": True}, "8 pmap": {"engine": "pmap"}}.items():
        way = Way(changes={**SGD, "hyper": {"critic_lr": 1.0, "generator_lr": 1.0}, "system": NO_PENALTY}, **options)
        state = way.start(one)
        one = one or way
        before = jax.device_get(state.params)
        after, _ = way.play(state, 0, 1)
        changes = jax.tree.map(np.subtract, jax.device_get(after.params), before)
        found |= {f"{name}|{jax.tree_util.keystr(path)}": leaf
                  for path, leaf in jax.tree_util.tree_leaves_with_path(changes)}
    return found


def arithmetic(folder):
    """Floating-point operations of a device in a round of a game without labels, on 1 device and on 8."""
    changes = {**CHANGES, "system": {**NO_PENALTY, "conditional": False, "critic_updates": 1}, "batch_size": 64}
    counts = []
    for devices in (1, 8):
        way = Way(devices, changes=changes)
        raw = data_shapes(POINTS, way.game, 1, streamed=True)
        compiled = way.programs.rounds.lower(way.programs.init.eval_shape(SEED), raw).compile()
        counts.append(compiled.cost_analysis()["flops"])
    return {"flops": np.array(counts)}


def of_several_processes(folder):
    """20 rounds over the devices of all processes, on streamed data."""
    way = Way(streamed=True)
    return arrays("2 processes", *way.play(way.start()))


TASKS = {"float64": (in_float64, True), "float32": (in_float32, False), "arithmetic": (arithmetic, False),
         "processes": (of_several_processes, True)}


def main(output, tasks, devices, address="", processes="1", process="0"):
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_num_cpu_devices", int(devices))
    set_up_process()
    if address:
        jax.distributed.initialize(address, int(processes), int(process), initialization_timeout=60)
    found = {}
    for name in tasks.split("+"):
        task, double = TASKS[name]
        with jax.enable_x64(double):
            found |= {f"{name}|{key}": value for key, value in task(Path(output).parent).items()}
    np.savez(output, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
