"""Sheets of samples show what they say: rows of a class, walks from sample to sample, nearest images."""

import types

import jax
import numpy as np
import pytest
from flax import linen as nn
from tiny import CLASSES, IMAGES, tiny_config, tiny_style_config

from ganlab.cli import latent_command, latent_sheets
from ganlab.cli.latent_sheets import MOVES, walks_between
from ganlab.cli.main import main
from ganlab.cli.runs import TrainedRun
from ganlab.engine import make_mesh, make_programs
from ganlab.networks.mlp import MLPGenerator
from ganlab.report.latent import worded_grid
from ganlab.systems import build_game


class ByNumber(nn.Module):
    """A generator from outside that knows labels by number alone."""

    image_shape: tuple
    num_classes: int = 0
    axis_name: str | None = None
    batch_group = 1
    tracks_batch = False

    @nn.compact
    def __call__(self, latents, labels=None, keys=None, train=False):
        rows = nn.Embed(self.num_classes, latents.shape[-1])(labels)
        return MLPGenerator(self.image_shape, width=4, depth=1)(latents + rows, None, keys, train)


def trained_run(network="mlp", kwargs=None, conditional=True):
    """A run of drawn weights on tiny images, which no training and no file has to make."""
    generator = {"network": network, "kwargs": {"width": 8, "depth": 1} if kwargs is None else kwargs}
    return run_of(tiny_config(generator=generator, system={"conditional": conditional}, name="tiny",
                              data={"source": "digits"}))


def run_of(config):
    """The run of a config, likewise."""
    game, rng = build_game(config, IMAGES), np.random.default_rng(0)
    weights = {name: jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype),
                                  jax.eval_shape(game.networks[name].init, jax.random.key(0)))
               for name in game.sampler.networks}
    return TrainedRun(config, game, IMAGES, 7, weights, make_programs(game, make_mesh(8, devices=1)))


@pytest.fixture(scope="module")
def trained():
    """One run for all tests, so that its programs compile once."""
    return trained_run()


@pytest.fixture
def show(trained, monkeypatch, tmp_path):
    """Runs `ganlab latent`; returns what the sheet was drawn of: images by row and column, words and heads."""
    def shown(*arguments, run=trained, status=0):
        drawn = {}

        def draw(images, columns, title, rows=(), heads=()):
            drawn.update(images=images.reshape(-1, columns, *images.shape[1:]), rows=list(rows), heads=list(heads))
            return worded_grid(images, columns, title, rows, heads)

        monkeypatch.setattr(latent_command, "open_run", lambda *arguments: run)
        monkeypatch.setattr(latent_sheets, "worded_grid", draw)
        output = tmp_path / "sheet.png"
        assert main(["latent", f"--workdir={tmp_path}", f"--output={output}", *arguments]) == status
        assert output.exists() == (status == 0)
        return types.SimpleNamespace(**drawn)
    return shown


def samples(trained, labels, seed=0, **options):
    """Samples 0, 1, ... of these classes, as `ganlab sample` draws them."""
    return trained.images(trained.latents(len(labels), seed, options), np.array(labels, np.int32), seed=seed,
                          options=options)


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_a_row_is_a_class_and_a_column_is_a_latent(trained, show):
    sheet = show("--show=classes", "--columns=4", "--seed=3", "--temperature=0.5")
    assert sheet.images.shape[:2] == (CLASSES, 4) and sheet.rows == list(IMAGES.class_names)
    for label in range(CLASSES):
        close(sheet.images[label], samples(trained, [label] * 4, seed=3, temperature=0.5))
    assert show("--show=classes", "--columns=2", "--labels=class 2,0").rows == ["class 2", "class 0"]


@pytest.mark.parametrize("moves", MOVES)
def test_the_ends_of_a_walk_are_samples_themselves(trained, show, moves):
    sheet = show("--show=walk", f"--moves={moves}", "--number=3", "--columns=5", "--labels=2,0")
    own = samples(trained, [2, 0, 2, 0])
    close(sheet.images[:, 0], own[:3])
    if moves == "both":
        close(sheet.images[:, -1], own[1:])
    if moves == "class":
        close(sheet.images[:, -1], samples(trained, [0, 2, 0, 2])[:3])
    if moves == "latent":
        close(sheet.images[:, -1], samples(trained, [0, 2, 0, 2])[1:])
    # Between them each step is another image.
    assert np.abs(np.diff(sheet.images, axis=1)).max(axis=(2, 3, 4)).min() > 1e-4
    start, end = ["class 2", "class 0", "class 2"], ["class 0", "class 2", "class 0"]
    assert sheet.rows == (start if moves == "latent" else [f"{a} to {b}" for a, b in zip(start, end, strict=True)])


@pytest.mark.parametrize("moves", MOVES)
def test_what_is_fixed_stays_fixed_along_a_walk(moves):
    latents = np.random.default_rng(0).standard_normal((4, 6))
    walks = walks_between(latents, np.array([2, 0, 1, 1]), 5, moves, CLASSES)
    by_row = [np.asarray(part).reshape(3, 5, -1) for part in walks]
    for part, stays in zip(by_row, (moves == "class", moves == "latent", True), strict=True):
        still = np.all(part == part[:, :1], axis=(1, 2))
        # The third walk leads from class 1 to class 1.
        assert still.tolist() == ([True] * 3 if stays else [False, False, part is by_row[1]])


def test_a_walk_has_the_draws_of_the_sample_where_it_begins(trained):
    shown = TrainedRun(trained.config, trained.game, IMAGES, 7, trained.networks, types.SimpleNamespace(
        prepare=lambda weights, key, options: weights,
        sample=lambda weights, latents, labels, keys, options: jax.random.key_data(keys)))
    own = shown.images(np.zeros((6, 4)), np.zeros(6, int))
    numbers = np.array([0, 0, 5, 1])
    np.testing.assert_array_equal(shown.images(np.zeros((4, 4)), np.zeros(4, int), numbers=numbers), own[numbers])


def test_an_unconditional_run_walks_between_latents(show):
    run = trained_run(conditional=False)
    sheet = show("--show=walk", "--number=2", "--columns=2", run=run)
    close(sheet.images[:, -1], samples(run, [0] * 4)[1:3])
    assert not sheet.rows


def test_samples_stand_beside_the_nearest_training_images(trained, show, monkeypatch):
    # A generator that copies the first training images.
    copies = IMAGES.images[:3] / 127.5 - 1
    monkeypatch.setattr(TrainedRun, "images", lambda self, latents, *given, **named: copies[:len(latents)])
    sheet = show("--show=nearest", "--number=3", "--columns=2", "--features=digits")
    assert sheet.heads == ["sample", "", "by pixels", "", "", "by digits", ""] and len(sheet.rows) == 3
    for column in (0, 2, 5):
        np.testing.assert_array_equal(sheet.images[:, column], IMAGES.images[:3])
    for column in (1, 4):
        assert np.all(sheet.images[:, column] == 255)
    assert not np.array_equal(sheet.images[:, 3], IMAGES.images[:3])
    assert show("--show=nearest", "--number=1", "--features=pixels").heads == ["sample", "", "", "by pixels", "", ""]


@pytest.mark.parametrize(("arguments", "words"), [
    (["classes", "--number=3"], "--number says nothing of --show=classes, which takes --columns, --labels"),
    (["walk", "--moves=class", "--labels=1"], "--moves=class walks between classes, and only class 1 is there"),
    (["walk", "--moves=sideways"], "sideways"),
    (["classes", "--labels=nine"], "--labels=nine: the classes are 0 to 2"),
    (["classes", "--labels=" + ",".join(["1"] * 101)], "--labels names 101 classes; a sheet has at most 100"),
    (["walk", "--number=9000"], "a sheet of 9,000 rows and 10 columns would have"),
    (["nearest", "--columns=65"], "64 images, and the 65 nearest are asked for"),
    (["nearest", "--psi=0.5"], "--psi is not an option of what system gan makes"),
    (["space", "--moves=class"], "--moves says nothing of --show=space, which takes --number"),
    (["space"], "which has no encoder; --show=space is of runs of system vae"),
])
def test_a_mistake_is_answered_in_a_sentence(show, arguments, words, capsys):
    show(f"--show={arguments[0]}", *arguments[1:], status=2)
    errors = capsys.readouterr().err
    assert errors.startswith("ganlab: ") and words in errors


@pytest.mark.parametrize(("arguments", "words"), [
    (["classes"], "a row a class, and the run is unconditional"),
    (["walk", "--moves=both"], "--moves=both needs classes, and the run is unconditional; use --moves=latent"),
    (["walk", "--labels=1"], "--labels=1: the run is unconditional"),
])
def test_an_unconditional_run_has_no_classes_to_show(show, arguments, words, capsys):
    show(f"--show={arguments[0]}", *arguments[1:], run=trained_run(conditional=False), status=2)
    assert words in capsys.readouterr().err


def test_a_sampler_with_styles_mixes_classes():
    run_of(tiny_style_config(system={"conditional": True})).check_mixing()


def test_a_generator_that_takes_labels_alone_is_told_so_and_walks_with_the_class_fixed(show, capsys):
    run = trained_run("test_latent_sheets:ByNumber", {})
    show("--show=walk", run=run, status=2)
    assert ("test_latent_sheets:ByNumber takes labels, and no weights of the classes [b, classes]"
            in capsys.readouterr().err)
    assert len(show("--show=walk", "--moves=latent", "--number=2", run=run).images) == 2
