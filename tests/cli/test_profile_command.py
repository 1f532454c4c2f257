"""`ganlab profile` times every update, network and layer, counts what they compute, and writes a trace."""

import jax
import pytest
from tiny import tiny_config

from ganlab.cli.main import main
from ganlab.data import Jitter
from ganlab.engine.profiling import Piece, profile_networks, profile_updates, time_piece
from ganlab.systems import build

# Of both tests, so that they share what is compiled; without a penalty, whose gradients are most of it.
SECTIONS = {"data": {"source": "ring8"}, "system": {"loss": "hinge", "penalty": "none"}}
EXPERIMENT = f"""
from tiny import tiny_config


def get_config(argument=None):
    return tiny_config(**{SECTIONS})
"""


def test_a_product_is_counted_as_twice_its_multiplications():
    a, b = jax.numpy.ones((64, 32)), jax.numpy.ones((32, 16))
    piece = time_piece("product", jax.numpy.matmul, (a, b), calls=2)
    assert piece.flops == pytest.approx(2 * 64 * 32 * 16, rel=0.05) and piece.seconds > 0
    assert Piece("product", 2.0, 100.0).share_of(200.0) == 0.25


def test_each_update_and_each_layer_with_a_kernel_is_a_piece():
    game, dataset = build(tiny_config(**SECTIONS))
    assert [piece.name for piece in profile_updates(game, dataset, Jitter(), calls=1)] == ["critic x 2", "generator"]
    pieces = list(profile_networks(game, calls=1))
    assert [piece.name.split(",")[0].split()[:2] for piece in pieces[::2]] == [
        ["generator"], ["generator", "dense_0"], ["generator", "output"],
        ["critic"], ["critic", "dense_0"], ["critic", "output"]]
    assert all(piece.flops for piece in pieces)


def test_the_command_prints_the_pieces_and_writes_a_trace(tmp_path, capsys):
    (tmp_path / "experiment.py").write_text(EXPERIMENT)
    assert main(["profile", f"--config={tmp_path / 'experiment.py'}", f"--trace={tmp_path / 'trace'}", "--calls=1"]) == 0
    shown = capsys.readouterr().out
    for words in ("GFLOP/s", "generator dense_0 Dense, with gradients", "critic output Dense, forward", "of the round"):
        assert words in shown
    assert list((tmp_path / "trace").rglob("*.xplane.pb"))


def test_calls_below_one_are_refused(capsys):
    assert main(["profile", "--config=experiments/digits.py", "--calls=0"]) == 2
    assert "--calls=0" in capsys.readouterr().err
