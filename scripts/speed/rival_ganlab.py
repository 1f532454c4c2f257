"""The games in ganlab, from its own experiments (the script calls this)."""

import importlib.util
import sys
from pathlib import Path

from ganlab.machine.backend import set_up_process

set_up_process()

import jax
import numpy as np
from playing import EXAMPLES, asked, serve
from style_workloads import PGGAN_WORKLOADS, STYLE_WORKLOADS, STYLEGAN3_WORKLOADS
from workloads import BIGGAN_WORKLOADS

from ganlab.config import both_players, experiment
from ganlab.data import Dataset, device_data
from ganlab.engine import compiled_ahead, make_mesh, make_programs, replicated
from ganlab.networks import CRITICS, GENERATORS
from ganlab.systems import build_game

NAME = sys.argv[1]
W, WAY, PRECISION, THIN = asked()


def config():
    """The config: that of the experiment, or one of its networks in another game."""
    if NAME == "W3":
        player = dict(network="dcgan32", optimizer="adam")
        return experiment(
            system=dict(name="gan", loss="wasserstein", penalty="gradient_penalty", critic_updates=5, latent_size=100),
            networks={"generator": dict(player), "critic": dict(player, kwargs=dict(dropout=0.0))},
            hyper=both_players(lr=1e-4, beta1=0.0, beta2=0.9), batch_size=64)
    if NAME in BIGGAN_WORKLOADS:
        rate, beta1, beta2 = W.adam
        kwargs = dict(width=W.width, attention=(W.attention,))
        half_life, warmup = W.average
        return experiment(
            system=dict(name="gan", loss="hinge", critic_step="one_pass", conditional=True, latent_size=W.latent),
            networks={player: dict(network="biggan", optimizer="adam", kwargs=dict(kwargs, **own))
                      for player, own in (("generator", dict(shared=W.shared)), ("critic", {}))},
            hyper=dict(both_players(lr=rate, beta1=beta1, beta2=beta2), ema_half_life_kimg=half_life / 1000,
                       ema_warmup=warmup),
            batch_size=W.batch)
    file, _, argument = W.experiment.partition(":")
    spec = importlib.util.spec_from_file_location("shipped", Path(__file__).parents[2] / "experiments" / file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = module.get_config(argument or None)
    if NAME == "W4":
        for player in found.networks.values():
            player.kwargs.update(width=128, depth=3)
        found.networks.critic.kwargs.activation = "leaky_relu"
    if NAME in STYLE_WORKLOADS | STYLEGAN3_WORKLOADS | PGGAN_WORKLOADS:
        for player in found.networks.values():
            player.kwargs.update(channel_base=W.channel_base, channel_max=W.channel_max)
    if NAME in PGGAN_WORKLOADS | STYLEGAN3_WORKLOADS:
        found.system.latent_size = W.latent
    if NAME in STYLEGAN3_WORKLOADS:
        found.networks.generator.kwargs.update(channel_max=W.generator_max, styles=W.latent, layers=W.layers,
                                               margin=W.margin)
    if NAME in STYLE_WORKLOADS and W.augment != "none":
        found.hyper.update(augment_p=W.chance, augment_target=0.0)
    return found


def thin(settings):
    """Divides the filters of every layer by `THIN`."""
    for player, table in (("generator", GENERATORS), ("critic", CRITICS)):
        section = settings.networks[player]
        builder = table[section.network]
        for field in ("filters", "width", "max_width"):
            if hasattr(builder, field):
                value = section.kwargs.get(field, getattr(builder, field))
                section.kwargs[field] = (value // THIN if isinstance(value, int)
                                         else tuple(filters // THIN for filters in value))


def main():
    """Builds, trains a round, and answers."""
    settings = config()
    settings.train.convolutions, settings.train.precision = WAY, PRECISION
    settings.batch_size = W.batch
    if THIN > 1:
        thin(settings)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((EXAMPLES, *W.image)).astype(np.float32) if len(W.image) == 1 else rng.integers(
        256, size=(EXAMPLES, *W.image)).astype(np.uint8)
    classes = max(W.classes, 1)
    dataset = Dataset("random", images, rng.integers(classes, size=EXAMPLES).astype(np.int32),
                      tuple(map(str, range(classes))))
    game = build_game(settings, dataset)
    mesh = make_mesh(game.batch_size)
    per_call = settings.train.rounds_per_call
    programs = compiled_ahead(make_programs(game, mesh, per_call), game, dataset, mesh, per_call)
    data = device_data(dataset.streams(), replicated(mesh))
    state = programs.init(0)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(state.params))

    def play(rounds):
        nonlocal state
        for _ in range(max(rounds // per_call, 1)):
            state, metrics = programs.play(state, data)
        jax.block_until_ready((state, metrics))

    # A GPU's own memory, where there is one.
    counted = jax.devices()[0].memory_stats()
    serve(parameters, play,
          (lambda: jax.devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20) if counted else None)


if __name__ == "__main__":
    main()
