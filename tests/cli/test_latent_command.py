"""ganlab latent as a user types it, and its answers to mistakes."""

import importlib.util
import math
import re
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.data import to_float
from ganlab.storage import Checkpoints, RunDirectory
from ganlab.game import init_state
from ganlab.systems import build_game, load_data

EXPERIMENTS = Path(__file__).parent.parent.parent / "experiments"


def save_run(folder, experiment, argument=None, decoder=None):
    """A run's directory as training leaves it, with the weights that it starts from: nothing here needs good ones."""
    spec = importlib.util.spec_from_file_location(experiment, EXPERIMENTS / f"{experiment}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    config = module.get_config(argument)
    for section in config.networks.values():
        section.kwargs.update(width=8, depth=1)
    if decoder:
        config.networks.decoder.kwargs.update(decoder)
    game, directory = build_game(config, load_data(config)), RunDirectory(folder / "run")
    directory.write(config, [])
    checkpoints = Checkpoints(directory.checkpoints, keep=1)
    # The averages differ from the weights, so that one cannot pass for the other.
    state = jax.jit(lambda key: init_state(game, key))(jax.random.key(0))
    checkpoints.save(20, state.replace(ema=jax.tree.map(lambda leaf: leaf / 2, state.ema)))
    checkpoints.close()
    return directory.path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two latents on the digits."""
    return save_run(tmp_path_factory.mktemp("vae"), "vae")


def latent(run, *arguments):
    return main(["latent", f"--workdir={run}", *arguments])


def size(file):
    with Image.open(file) as picture:
        return picture.size


@pytest.mark.parametrize("ema", ["--ema", "--noema"])
def test_reconstructions_are_a_strip_and_an_error(run, ema, tmp_path, capsys):
    output = tmp_path / "new" / "strip.png"
    assert latent(run, "--show=reconstructions", "--number=5", ema, f"--output={output}") == 0
    shown = capsys.readouterr().out
    trained = open_run(run, ema=ema == "--ema")
    images, labels = trained.dataset.images, trained.dataset.labels
    error = math.sqrt(np.mean((trained.images(trained.encode(images, labels), labels) - to_float(images)) ** 2))
    found = re.search(r"1,797 images are reconstructed with a root-mean-square error of (\d\.\d{3})\b", shown)[1]
    assert float(found) == pytest.approx(error, abs=0.000501)
    assert str(output) in shown and size(output)[0] > 2 * size(output)[1]


def test_the_space_is_drawn_beside_the_data(run, capsys):
    assert latent(run, "--show=space", "--number=3") == 0
    assert re.search(r"1,797 images have latents of deviations [\d.]+, [\d.]+", capsys.readouterr().out)
    assert size(run / "latent_space_00000020.png") == (1500, 800)


def test_arithmetic_moves_a_class_and_counts_what_arrives(run, capsys):
    assert latent(run, "--show=arithmetic", "--from=3", "--to=8", "--strengths=-1,0,2", "--number=2") == 0
    found = re.search(r"from 3 to 8: a vector of length ([\d.]+); of 183 images moved by it, the nearest real image of "
                      r"(\d+) is of class 8 \(unmoved: of (\d+)\)", capsys.readouterr().out)
    assert float(found[1]) > 0 and all(0 <= int(count) <= 183 for count in found.groups()[1:])
    # Two rows of a real image and three strengths, under two lines of words.
    width, height = size(run / "arithmetic_3_to_8_00000020.png")
    assert width == pytest.approx(2 * (height - 60), rel=0.1)


@pytest.mark.parametrize(("arguments", "words"), [
    ([], "--show is missing"),
    (["--show=spaces"], "spaces"),
    (["--show=arithmetic", "--from=3"], "needs --to, a class; the classes are 0 to 9"),
    (["--show=arithmetic", "--from=3", "--to=ten"], "--to=ten: the classes are 0 to 9"),
    (["--show=arithmetic", "--from=3", "--to=8", "--strengths=1,x"], "--strengths has 'x', which is not a number"),
    (["--show=arithmetic", "--from=3", "--to=8", "--strengths=nan"], "'nan', which is not a number"),
    (["--show=arithmetic", "--from=3", "--to=8", "--strengths="], "--strengths names no number"),
    (["--show=arithmetic", "--from=3", "--to=3"], "--from and --to are both 3"),
    (["--show=space", "--step=7"], "no checkpoint after 7 rounds; it has 20"),
])
def test_a_mistake_is_answered_in_a_sentence(run, arguments, words, capsys):
    assert latent(run, *arguments) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("ganlab: ") and words in errors


def test_a_line_of_latents_has_no_plane(tmp_path, capsys):
    assert latent(save_run(tmp_path, "vae", "latent_size=1"), "--show=space") == 2
    assert "latents of dimension 1 have no plane" in capsys.readouterr().err


def test_a_run_without_an_encoder_is_told_so(tmp_path, capsys):
    assert latent(save_run(tmp_path, "digits"), "--show=space") == 2
    assert "a run of system gan, which has no encoder" in capsys.readouterr().err


def test_a_run_on_points_is_told_that_it_has_no_images(tmp_path, capsys):
    run = save_run(tmp_path, "vae", "data=ring8,reconstruction=squared_error", {"output_activation": "identity"})
    assert latent(run, "--show=reconstructions") == 2
    assert "holds a run on points" in capsys.readouterr().err
