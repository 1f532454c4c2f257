"""Every command of an experiment file has a game that trains at a tiny size; the file says what it is."""

import ast
import functools
import importlib.util
import inspect
import itertools
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tiny import assert_losses_fit

from ganlab.config import choose, planned_stages, square_sizes, validate
from ganlab.data import SOURCES, Dataset
from ganlab.engine import make_mesh, read_metrics, train
from ganlab.game import check_division
from ganlab.networks import (
    CRITICS,
    ENCODERS,
    GENERATORS,
    GROWING_CRITICS,
    GROWING_GENERATORS,
    GROWING_STYLE_GENERATORS,
    PATCH_CRITICS,
    STYLE_GENERATORS,
    TRANSLATORS,
)
from ganlab.storage import RunDirectory
from ganlab.systems import build_game, load_data

FILES = sorted((Path(__file__).parent.parent / "experiments").glob("*.py"))
EXAMPLES = 64
# Of the arguments that a network has, those that make it small.
TINY = {"width": 2, "depth": 1}
TINY_TRANSLATION = {"depth": 3, "blocks": 1, "layers": 1}
TINY_STYLE = {"channel_base": 64, "channel_max": 4, "mapping_layers": 1}
SIDE, SMALLEST = 16, 8  # Of pictures that are translated, and of those that are made from styles.
NETWORKS = {"generator": GENERATORS | TRANSLATORS, "critic": CRITICS | PATCH_CRITICS, "encoder": ENCODERS,
            "decoder": GENERATORS, "generator_ab": TRANSLATORS, "generator_ba": TRANSLATORS, "critic_a": PATCH_CRITICS,
            "critic_b": PATCH_CRITICS}


def commands(file):
    """The arguments after the colon in the commands of a file's docstring, the empty one for none."""
    text = ast.get_docstring(ast.parse(file.read_text()))
    return re.findall(rf"ganlab train --config=experiments/{file.name}:?(\S*) --workdir=\S+", text)


CASES = [pytest.param(file, argument or None, id=f"{file.stem} {argument}".strip())
         for file in FILES for argument in commands(file)]


def module_of(file):
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load(file, argument=None):
    return module_of(file).get_config(argument)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_says_what_it_is_and_how_to_run_it(file):
    text = ast.get_docstring(ast.parse(file.read_text()))
    assert text.splitlines()[0].endswith(".")
    assert commands(file)


@functools.wraps(SOURCES["tfds"])
def prepared(name, split="train", only_class="", resolution=0, data_dir=""):
    """A few random images in place of a set that has to be downloaded: the source itself has its own tests."""
    del split, data_dir
    images = np.random.default_rng(0).integers(256, size=(EXAMPLES, resolution, resolution, 3)).astype(np.uint8)
    classes = (only_class,) if only_class else ("one", "two")
    return Dataset(name, images, np.arange(EXAMPLES, dtype=np.int32) % len(classes), classes)


def from_files(name):
    """Random pictures in place of a source that reads pairs, or two kinds, from files."""
    @functools.wraps(SOURCES[name])
    def read(*, resolution, paired=name == "side_by_side", **kwargs):
        del kwargs
        images, sources = (np.random.default_rng(seed).integers(256, size=(EXAMPLES, resolution, resolution, 3))
                           for seed in (0, 1))
        return Dataset(name, images.astype(np.uint8), np.zeros(EXAMPLES, np.int32), ("all",),
                       sources=sources.astype(np.uint8), paired=paired)

    return read


def make_tiny(config):
    """Shrinks a config's data, batches, networks and length, and nothing else of its structure."""
    config.batch_size = 4
    config.sample.number = 10
    # Other ways of convolving, and more devices, compute the same and take longer to compile.
    config.train.update(total_rounds=2, rounds_per_call=1, log_every_rounds=1, sample_every_rounds=1,
                        checkpoint_every_rounds=1, convolutions="lax",
                        **{f"{name}_every_kimg": 0.0 for name in ("log", "sample", "checkpoint")})
    if "size" in inspect.signature(SOURCES[config.data.source]).parameters:
        config.data.kwargs.size = EXAMPLES
    # A tiny batch has no slices.
    config.train.update(accumulate=1)
    if config.system.name == "stylegan2":
        config.data.kwargs.update({"side": SIDE} if config.data.source == "glyphs" else {"resolution": SMALLEST})
        config.system.update(latent_size=4, path_interval=min(config.system.path_interval, 1), penalty_interval=1)
    if "first_level" in config.system:
        glyphs = config.data.source == "glyphs"
        config.data.kwargs.update({"side": SIDE} if glyphs else {"resolution": SMALLEST})
        # The last two levels.
        config.system.update(latent_size=4, first_level=int(glyphs), batch_sizes=(), rate_factors=(1.0,),
                             training_kimg=(0.004,), transition_kimg=(0.0,))
    if config.system.name in ("pix2pix", "cyclegan"):
        for name in {"side", "resolution"} & inspect.signature(SOURCES[config.data.source]).parameters.keys():
            config.data.kwargs[name] = SIDE + 2 if config.data.crop else SIDE
        config.data.crop = SIDE if config.data.crop else 0
    for player, section in config.networks.items():
        if section.network in STYLE_GENERATORS | GROWING_STYLE_GENERATORS:
            section.kwargs.update(TINY_STYLE | ({"styles": 4} if player == "generator" else {"group": 2}))
            if section.network in GROWING_CRITICS and player == "critic":
                del section.kwargs.mapping_layers
            continue
        if section.network in GROWING_GENERATORS:
            section.kwargs.update({"channel_base": 64, "channel_max": 4} | ({"group": 2} if player == "critic" else {}))
            continue
        if section.network == "r3gan":
            stages = len(section.kwargs.widths)
            section.kwargs.update(widths=(2,) * stages, groups=(1,) * stages, blocks=(1,) * stages, embedding=2)
            continue
        # What takes longest to compile in these; they have their own tests.
        section.kwargs.update({name: value for name, value in (("spectral_normalization", "none"), ("attention", ()))
                               if section.network.startswith(("biggan", "sngan"))})
        builder = choose(NETWORKS[player], section.network, f"networks.{player}.network")
        tiny = TINY | (TINY_TRANSLATION if builder in (*TRANSLATORS.values(), *PATCH_CRITICS.values()) else {})
        section.kwargs.update({name: value for name, value in tiny.items() if hasattr(builder, name)})
        if hasattr(builder, "filters"):
            section.kwargs.filters = (2,) * len(builder.filters)


def tiny(file, argument):
    """The config of a command, validated and made tiny."""
    config = load(file, argument)
    validate(config)
    make_tiny(config)
    return config


def first_of(*systems):
    """The first command of some systems."""
    found = {}
    for case in CASES:
        found.setdefault(load(*case.values).system.name, case)
    return [found[name] for name in systems]


@pytest.mark.parametrize("name", ["pggan", "stylegan1"])
def test_every_base_of_what_grows_can_be_planned_at_every_resolution(name):
    file = next(file for file in FILES if file.stem == name)
    bases = re.findall(r"base \((.*?)\)", inspect.getsource(module_of(file).get_config))[0]
    for base, side in itertools.product(re.split(", | or ", bases), (16, 64, 256, 1024)):
        config = load(file, f"base={base},resolution={side}")
        stages = planned_stages(config.system, square_sizes(side), config.batch_size)
        assert sum(stage.rounds for stage in stages) > 0 and len(stages) > 1
        for stage in stages:
            group = choose(GROWING_CRITICS, name, "critic")((side, side, 3), **config.networks.critic.kwargs).batch_group
            check_division(SimpleNamespace(group=min(group, stage.batch_size), accumulate=1, batch_size=stage.batch_size))
            assert stage.batch_size <= config.data.kwargs.size and config.data.kwargs.size * side**2 < 2**30


TRAINED = first_of("gan", "vae", "pix2pix")
"""A game of latents, one that encodes and one of pairs. Rounds of all systems are played by test_every_system."""
SHAPED = [case for case in CASES if case not in TRAINED]


@pytest.fixture
def sources(monkeypatch):
    """Random pictures in place of sets that have to be downloaded."""
    monkeypatch.setitem(SOURCES, "tfds", prepared)
    for name in ("side_by_side", "two_folders", "two_splits"):
        monkeypatch.setitem(SOURCES, name, from_files(name))


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(("file", "argument"), SHAPED)
def test_every_other_command_has_losses_on_its_data(file, argument):
    config = tiny(file, argument)
    dataset = load_data(config)
    assert_losses_fit(build_game(config, dataset), dataset)


@pytest.mark.usefixtures("sources")
@pytest.mark.parametrize(("file", "argument"), TRAINED)
def test_a_command_of_each_kind_trains_two_rounds_at_a_tiny_size(file, argument, tmp_path):
    config = tiny(file, argument)
    dataset = load_data(config)
    run = RunDirectory(tmp_path / "run")
    run.write(config, [])
    pictures = []
    train(build_game(config, dataset), dataset, config, run,
          lambda step, samples: pictures.append(samples) or np.zeros((4, 4, 3), np.uint8),
          mesh=make_mesh(config.batch_size, devices=1))
    metrics = read_metrics(run.metrics_file)
    np.testing.assert_array_equal(metrics["step"], [1, 2])
    assert all(np.isfinite(column).all() for column in metrics.values())
    assert [len(samples) for samples in pictures] == [10, 10, 10]
    assert not np.array_equal(pictures[0], pictures[2])
