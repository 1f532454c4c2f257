"""`ganlab import` makes a run of state dicts of stylegan2-pytorch; images and logits are those of its formulas."""

import argparse
import dataclasses
import functools
import itertools
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from reference_stylegan2_states import STYLES, images_of, logits_of, random_critic, random_generator, styles_of
from torch_writers import tensor, torch_legacy, torch_zip

from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.engine import makers_of
from ganlab.game import init_state
from ganlab.networks.style.stylegan2 import StyleGAN2Critic, StyleGAN2Generator
from ganlab.pretrained import WeightsError, is_stylegan2_states, read_stylegan2_states
from ganlab.pretrained.stylegan2_state_dicts import DRAWS
from ganlab.storage import Checkpoints

FILES = Path(__file__).parent.parent / "pretrained/files"
TOLERANCE = 2e-5


def checkpoint(seed=0):
    """What a training saves, and the average of a converted file."""
    rng = np.random.default_rng(seed)
    return {"g": random_generator(rng), "d": random_critic(rng), "g_ema": random_generator(rng),
            "latent_avg": np.float32(rng.normal(size=STYLES)), "g_optim": {"state": {}, "param_groups": [{"lr": 2e-3}]},
            "args": argparse.Namespace(size=16, channel_multiplier=2), "ada_aug_p": 0.25}


def written(path, tree, write=torch_zip):
    keys = map(str, itertools.count())

    def stored(value):
        if isinstance(value, dict):
            return {name: stored(item) for name, item in value.items()}
        return tensor(value, next(keys)) if isinstance(value, np.ndarray) else value

    path.write_bytes(write(stored(tree)))
    return str(path)


def relative_error(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_images_and_logits_are_those_of_the_formulas(tmp_path, capsys):
    tree, place = checkpoint(), tmp_path / "run"
    assert main(["import", written(tmp_path / "550000.pt", tree), str(place)]) == 0
    assert "channels (8, 6, 4), images 16x16x3" in capsys.readouterr().out
    assert json.loads((place / "import.json").read_text())["networks"] == ["g", "d", "g_ema"]
    latents = np.random.default_rng(5).normal(size=(8, STYLES))
    labels = np.zeros(8, np.int32)
    run = open_run(str(place))
    trained = dataclasses.replace(run, networks=open_run(str(place), ema=False).networks)
    for name, of, psi in (("g_ema", run, 1.0), ("g_ema", run, 0.5), ("g", trained, 1.0)):
        made = of.images(np.float32(latents), labels, options={"noise": "constant", "psi": psi})
        expected = np.moveaxis(images_of(tree[name], latents, psi, tree["latent_avg"]), 1, -1)
        assert relative_error(made, expected) < TOLERANCE, (name, psi)
    # What path lengths in w see.
    makers = makers_of(run.game, run.programs, run.weights, {"noise": "constant"})
    styles = makers.styles(np.float32(latents), labels, None)
    assert relative_error(np.asarray(styles[:, 0]), styles_of(tree["g_ema"], latents)) < TOLERANCE
    made = np.asarray(makers.from_styles(styles, labels, None))
    assert relative_error(made, np.moveaxis(images_of(tree["g_ema"], latents), 1, -1)) < TOLERANCE
    # Images a stride apart there are neighbours here.
    game, order = run.game, np.arange(8).reshape(4, 2).T.reshape(-1)
    like = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    critic = Checkpoints(place / "checkpoints").restore_network("critic", 0, like, ema=False)
    pictures = np.random.default_rng(6).normal(size=(8, 3, 16, 16))
    logits = jax.jit(game.networks["critic"].evaluate)(*critic, np.float32(np.moveaxis(pictures, 1, -1))[order])
    assert relative_error(np.asarray(logits), logits_of(tree["d"], pictures)[order, 0]) < TOLERANCE


def converted(path):
    """The variables of a file's networks, as far as their shapes go."""
    found, _ = read_stylegan2_states(path)
    variables = {}
    for name, network in found.items():
        module = (StyleGAN2Critic if name == "d" else StyleGAN2Generator)(network.image_shape, **network.kwargs)
        given = (1, *network.image_shape) if name == "d" else (1, network.latent_size)
        expected = jax.eval_shape(module.init, jax.random.key(0), jax.ShapeDtypeStruct(given, np.float32))
        variables[name] = network.convert(network.tensors, expected, f"{path}, {name},")
    return variables


def test_a_file_without_an_average_gets_that_of_its_own_styles(tmp_path):
    tree = {"g_ema": {f"module.{name}": array for name, array in checkpoint()["g_ema"].items()}}
    path = written(tmp_path / "old.pt", tree, torch_legacy)
    assert is_stylegan2_states(path)
    average = converted(path)["g_ema"]["styles"]["mapping"]["average"]
    latents = np.random.default_rng(0).normal(size=(DRAWS, STYLES))
    np.testing.assert_allclose(average, styles_of(checkpoint()["g_ema"], latents).mean(0), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["zip.pt", "legacy.pt", "stylegan2ada-16-cond3.pkl", "no such file", ""])
def test_other_files_are_not_taken_for_it(name):
    assert not is_stylegan2_states(str(FILES / name))


def test_any_channels_of_levels_are_read_off_the_shapes(tmp_path):
    rng = np.random.default_rng(1)
    tree = {"g_ema": random_generator(rng, (5, 7)), "d": random_critic(rng, (3, 2))}
    found = converted(written(tmp_path / "file.pt", tree))
    assert found["g_ema"]["params"]["level_1"]["conv0"]["kernel"].shape == (3, 3, 5, 7)
    assert found["d"]["params"]["level_1"]["conv1"]["kernel"].shape == (3, 3, 2, 3)


def without(network, name):
    return lambda tree: tree[network].pop(name)


def changed(network, name, change):
    return lambda tree: tree[network].update({name: change(tree[network].get(name))})


@pytest.mark.parametrize(("break_it", "words"), [
    (without("g_ema", "convs.2.noise.weight"), "g_ema, lacks convs.2.noise.weight"),
    (without("d", "final_linear.0.bias"), "d, lacks final_linear.0.bias"),
    (without("g_ema", "conv1.conv.weight"), "g_ema, lacks 'conv1.conv.weight'"),
    (changed("g", "convs.9.extra", lambda old: np.zeros(2, np.float32)), "g, has besides convs.9.extra"),
    (changed("g", "noises.noise_3", lambda old: old[0]), r"noises.noise_3 with \(1, 16, 16\) for \(1, 1, 16, 16\)"),
    (changed("d", "convs.1.skip.1.weight", lambda old: old[:1]), r"convs.1.skip.1.weight with \(1, 4"),
    (changed("g_ema", "to_rgb1.bias", lambda old: old * np.nan), "to_rgb1.bias"),
    (changed("d", "final_conv.1.bias", lambda old: old + np.inf), "final_conv.1.bias"),
    (changed("g", "to_rgbs.0.upsample.kernel", lambda old: np.float32(np.eye(4))), "another filter than 1, 3, 3, 1"),
    (lambda tree: tree.pop("g_ema"), r"no averaged generator \(g_ema\), but g, d"),
])
def test_what_does_not_fit_is_named(break_it, words, tmp_path):
    tree = checkpoint()
    break_it(tree)
    path = written(tmp_path / "file.pt", tree)
    with pytest.raises(WeightsError, match=words) as error:
        converted(path)
    assert path in str(error.value)


def test_a_bad_file_is_refused_in_a_sentence_and_nothing_is_written(tmp_path, capsys):
    tree = checkpoint()
    del tree["g_ema"]["to_rgbs.1.bias"]
    assert main(["import", written(tmp_path / "file.pt", tree), str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "file.pt" in said and "Traceback" not in said and not (tmp_path / "run").exists()
