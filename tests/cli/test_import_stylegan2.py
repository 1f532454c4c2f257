"""`ganlab import` makes a run of StyleGAN2's published files, whose images, styles and logits are the official ones."""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.game import init_state
from ganlab.storage import Checkpoints

FILES = Path(__file__).parent.parent / "pretrained/files"
PARITY = Path(__file__).parent.parent / "parity/published_stylegan2.npz"
NAMES = ("stylegan2ada-32-uncond", "stylegan2ada-16-cond3", "stylegan2-sg3repo-32-cond4", "tf-stylegan2-32")
TOLERANCE = 2e-5
OPTIONS = {"G_ema": {}, "G": {}, "G_ema_psi0_7": {"psi": 0.7}, "G_ema_psi0_5": {"psi": 0.5},
           "G_ema_psi0_5_cutoff4": {"psi": 0.5, "cutoff": 4}, "G_ema_nonoise": {"noise": "none"}}


@pytest.fixture(scope="module")
def official():
    with np.load(PARITY) as file:
        return dict(file)


@pytest.fixture(scope="module", params=NAMES)
def imported(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("imported") / request.param
    assert main(["import", str(FILES / f"{request.param}.pkl"), str(place)]) == 0
    return request.param, place


def relative_error(found, expected):
    assert found.shape == expected.shape
    return np.abs(found - expected).max() / np.abs(expected).max()


def test_images_styles_and_logits_are_the_official_ones(imported, official):
    name, place = imported
    numbers = {key.partition("|")[2]: value for key, value in official.items() if key.startswith(f"{name}|")}
    latents = numbers["in/z"]
    labels = numbers["in/c"].argmax(1) if "in/c" in numbers else np.zeros(len(latents), np.int32)
    run = open_run(str(place))
    game, checked = run.game, 0
    weights = {ema: open_run(str(place), ema=ema).weights(("generator",)) for ema in (True, False)}
    # Psi and cutoff are numbers, so that one program of each noise serves all cases.
    made = {noise: jax.jit(lambda weights, latents, labels, options, noise=noise: game.sampler.images(
        weights, latents, labels, None, {**options, "noise": noise})) for noise in ("constant", "none")}
    for case, options in OPTIONS.items():
        if f"out/{case}" in numbers:
            expected = np.moveaxis(numbers[f"out/{case}"], 1, -1)
            given = {"psi": options.get("psi", 1.0), "cutoff": options.get("cutoff", 0)}
            images = made[options.get("noise", "constant")](weights[case != "G"], latents, labels, given)
            assert relative_error(images[:len(expected)], expected) < TOLERANCE, case
            checked += 1
    assert checked >= 3
    if name == NAMES[1]:
        images = run.images(latents, labels, options={"noise": "constant", "psi": 0.7})
        assert relative_error(images, np.moveaxis(numbers["out/G_ema_psi0_7"], 1, -1)) < TOLERANCE
    # One style of a layer, as the mapping makes it, and the critic, whose neighbours are a stride apart there.
    styles = jax.jit(lambda weights: game.sampler.styles(weights, latents, labels, {}))(weights[True])
    assert relative_error(np.asarray(styles[:, 0]), numbers["out/w"]) < TOLERANCE
    group = min(game.networks["critic"].group, len(latents))
    order = np.arange(len(latents)).reshape(group, -1).T.reshape(-1)
    pictures = np.moveaxis(numbers["in/x"], 1, -1)[order]
    given = (labels[order],) if "in/c" in numbers else ()
    like = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    critic = Checkpoints(place / "checkpoints").restore_network("critic", 0, like, ema=False)
    logits = jax.jit(game.networks["critic"].evaluate)(*critic, pictures, *given)
    assert relative_error(np.asarray(logits), numbers["out/D"][order, 0]) < TOLERANCE


def test_the_run_says_where_it_is_from_and_draws_samples(imported, tmp_path, capsys):
    name, place = imported
    found = json.loads((place / "import.json").read_text())
    assert found["format"] == "stylegan2" and found["networks"] == ["G", "D", "G_ema"] and len(found["sha256"]) == 64
    if name == "stylegan2ada-16-cond3":
        assert main(["sample", f"--workdir={place}", "--psi=0.5", "--cutoff=2", "--noise=constant", "--number=4",
                     f"--output={tmp_path}/samples.png"]) == 0
        assert (tmp_path / "samples.png").exists()
    capsys.readouterr()


@pytest.mark.parametrize(("file", "words"), [
    ("stylegan3-t-32.pkl", "not StyleGAN2's"), ("tf-pggan-32.pkl", "StyleGAN2"), ("r3gan-32-uncond.pkl", "StyleGAN2")])
def test_a_file_of_another_system_is_refused_and_nothing_is_written(file, words, tmp_path, capsys):
    assert main(["import", "--format=stylegan2", str(FILES / file), str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert words in said and file in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


def test_a_file_that_is_cut_short_is_refused(tmp_path, capsys):
    whole = (FILES / "stylegan2ada-16-cond3.pkl").read_bytes()
    (tmp_path / "cut.pkl").write_bytes(whole[:len(whole) // 2])
    assert main(["import", str(tmp_path / "cut.pkl"), str(tmp_path / "run")]) == 2
    assert "cut.pkl" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_psi_of_a_game_without_styles_is_refused(tmp_path, capsys):
    assert main(["train", "--config=experiments/mixtures.py", f"--workdir={tmp_path}/run",
                 "--config.sample.psi=0.5"]) == 2
    assert "config.sample.psi is 0.5" in capsys.readouterr().err
