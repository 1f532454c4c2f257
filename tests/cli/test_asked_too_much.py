"""What a run cannot do is answered in a sentence before anything compiles or is written."""

import types

import jax
import jax.numpy as jnp
import ml_collections
import pytest
from tiny import IMAGES, tiny_config

from ganlab.cli import sample_command
from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.engine import DATA_AXIS, check_shares, make_mesh, make_programs
from ganlab.systems import build_game


def game_of(batch_size, packing, accumulate=1, axis_name=DATA_AXIS):
    config = tiny_config(system={"packing": packing, "conditional": False}, train={"accumulate": accumulate})
    config.batch_size = batch_size
    return build_game(config, IMAGES, axis_name)


@pytest.mark.parametrize(("batch_size", "packing", "accumulate", "devices", "words"), [
    (8, 4, 1, 4, "4 devices 2 images of config.batch_size 8.*groups of 4 images.*multiple of 16"),
    (12, 4, 1, 2, "2 devices 6 images.*multiple of 8"),
    (4, 2, 1, 4, "4 devices 1 image of"),
    (16, 4, 2, 4, r"4 images.*groups of 4 images .*config.system.packing.* in each of 2 slices.*multiple of 32"),
])
def test_packs_that_lie_across_devices_are_refused_under_pmap_alone(batch_size, packing, accumulate, devices, words):
    mesh = make_mesh(batch_size, devices, accumulate)
    game = game_of(batch_size, packing, accumulate)
    for check in (check_shares, make_programs):
        with pytest.raises(ConfigError, match=words):
            check(game, mesh)
    check_shares(game_of(batch_size, packing, accumulate, axis_name=None), mesh)
    check_shares(game, make_mesh(batch_size, 1, accumulate))


def test_a_share_of_whole_packs_is_played_under_pmap():
    check_shares(game_of(16, 4), make_mesh(16, 4))
    check_shares(game_of(16, 2, 2), make_mesh(16, 4, 2))
    check_shares(game_of(8, 1), make_mesh(8, 4))


def test_training_refuses_them_before_the_directory_is_made(tmp_path, capsys):
    assert main(["train", "--config=experiments/digits.py", f"--workdir={tmp_path / 'run'}", "--engine=pmap",
                 "--config.batch_size=8", "--config.system.packing=8", "--config.system.conditional=False"]) == 2
    assert "--engine=pmap gives each of 4 devices 2 images of config.batch_size 8" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("shape", "dtype", "words"), [
    ((4, 4, 1), jnp.float32, r"float32 of shape \[4, 4, 1\]"), ((), jnp.float32, r"float32 of shape \[\]"),
    ((5,), jnp.int32, r"int32 of shape \[5\]")])
def test_walks_between_latents_that_are_not_vectors_are_refused(shape, dtype, words, monkeypatch, tmp_path, capsys):
    drawn = []

    def latents(number, seed, *settings):
        made = jnp.zeros((number, *shape), dtype)
        drawn.append(isinstance(made, jax.core.Tracer))
        return made

    trained = types.SimpleNamespace(latents=latents, config=ml_collections.ConfigDict({"system": {"name": "denoiser"}}),
                                    options=lambda given, prefix: {})
    with pytest.raises(ConfigError, match=words):
        sample_command.check_walks(trained)
    monkeypatch.setattr(sample_command, "open_run", lambda *arguments: trained)
    assert main(["sample", f"--workdir={tmp_path}", "--interpolate=2"]) == 2
    said = capsys.readouterr().err
    assert "a latent of system denoiser is" in said and "leave --interpolate out" in said
    assert all(drawn)  # Shapes alone: nothing was computed.
    assert not list(tmp_path.iterdir())
