"""`ganlab import` makes a run of StyleGAN3's published files, whose images, styles and logits are the official ones."""

import functools
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from official_numbers import relative_error

from ganlab.cli import import_stylegan3
from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.game import init_state
from ganlab.pretrained import WeightsError, check_filters, read_stylegan3_pickle, stylegan3_pickles
from ganlab.pretrained.network_pickles import read_network_pickle
from ganlab.pretrained.stylegan3 import stylegan3_generator_variables
from ganlab.storage import Checkpoints

FILES = Path(__file__).parent.parent / "pretrained/files"
PARITY = Path(__file__).parent.parent / "parity/published_stylegan3.npz"
NAMES = {"T": "stylegan3-t-32", "R": "stylegan3-r-16-cond3"}
TOLERANCE = 2e-5


@pytest.fixture(scope="module", params=NAMES.values())
def imported(request, tmp_path_factory):
    place = tmp_path_factory.mktemp("imported") / request.param
    assert main(["import", str(FILES / f"{request.param}.pkl"), str(place)]) == 0
    return request.param, place


def test_images_styles_and_logits_are_the_official_ones(imported):
    name, place = imported
    with np.load(PARITY) as file:
        numbers = {key.partition("|")[2]: file[key] for key in file if key.startswith(f"{name}|")}
    latents, expected = numbers["in/z"], {key: np.moveaxis(value, 1, -1) for key, value in numbers.items()
                                          if value.ndim == 4}
    labels = numbers["in/c"].argmax(1) if "in/c" in numbers else None
    game = open_run(str(place)).game
    params, variables = game.networks["generator"].shapes
    weights = {ema: open_run(str(place), ema=ema).weights(("generator",))["generator"] for ema in (True, False)}

    # Psi and the transform are numbers: one program.
    @jax.jit
    def make(weights, psi, transform):
        styles = game.sampler.styles({"generator": weights}, latents, labels, {"psi": psi})
        return game.networks["generator"].evaluate(*weights, None, None, styles, transform=transform), styles

    still = np.eye(3, dtype=np.float32)
    for case, ema, psi, transform in (
            ("G_ema", True, 1.0, still), ("G", False, 1.0, still), ("G_ema_psi0_7", True, 0.7, still),
            ("G_ema_transform", True, 1.0, numbers["in/transform"][0])):
        images, styles = make(weights[ema], psi, transform)
        assert relative_error(images[:len(expected[f"out/{case}"])], expected[f"out/{case}"]) < TOLERANCE, case
        if case == "G_ema":
            assert relative_error(styles[:, 0], numbers["out/w"]) < TOLERANCE
    # The critic, whose neighbours are a stride apart there.
    group = min(game.networks["critic"].group, len(latents))
    order = np.arange(len(latents)).reshape(group, -1).T.reshape(-1)
    like = jax.eval_shape(functools.partial(init_state, game), jax.random.key(0))
    critic = Checkpoints(place / "checkpoints").restore_network("critic", 0, like, ema=False)
    logits = jax.jit(game.networks["critic"].evaluate)(
        *critic, expected["in/x"][order], *(() if labels is None else (labels[order],)))
    assert relative_error(np.asarray(logits), numbers["out/D"][order, 0]) < TOLERANCE
    assert json.loads((place / "import.json").read_text())["format"] == "stylegan3"


def test_the_run_draws_samples_towards_the_average(imported, tmp_path, capsys):
    name, place = imported
    if name == NAMES["R"]:
        assert main(["sample", f"--workdir={place}", "--psi=0.5", "--cutoff=2", "--number=4",
                     f"--output={tmp_path}/samples.png"]) == 0
        assert (tmp_path / "samples.png").exists()
    capsys.readouterr()


@pytest.mark.parametrize(("file", "form", "words"), [
    ("stylegan2ada-16-cond3.pkl", "stylegan3", "not StyleGAN3's"), ("tf-stylegan2-32.pkl", "stylegan3", "not StyleGAN3's"),
    ("r3gan-32-uncond.pkl", "stylegan3", "not StyleGAN3's"), ("stylegan3-t-32.pkl", "stylegan2", "--format=stylegan3")])
def test_a_file_of_another_system_is_refused_and_nothing_is_written(file, form, words, tmp_path, capsys):
    assert main(["import", f"--format={form}", str(FILES / file), str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert words in said and file in said and "Traceback" not in said
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def read():
    return {kind: read_stylegan3_pickle(str(FILES / f"{name}.pkl"))[0]["G_ema"] for kind, name in NAMES.items()}


def test_one_configuration_read_as_the_other_is_refused(read):
    for kind, other in (("T", {"kernel_size": 1, "radial_filters": True}), ("R", {"radial_filters": False}),
                        ("T", {"first_cutoff": 2.1}), ("R", {"margin": 5})):
        network = read[kind]._replace(kwargs={**read[kind].kwargs, **other})
        with pytest.raises(WeightsError, match="other filters than its settings give .*configurations T or R"):
            import_stylegan3.check_design("a.pkl, G_ema,", network)
    # Kernels of another side, and a layer that there is not.
    shapes = {kind: jax.eval_shape(
        lambda key, network=network: import_stylegan3.StyleGAN3Generator(
            network.image_shape, network.num_classes, **network.kwargs | {"kernel_size": 3, "layers": 6}).init(
                key, np.zeros((1, network.latent_size)), np.zeros(1, int)), jax.random.key(0))
        for kind, network in read.items()}
    with pytest.raises(WeightsError, match=r"lacks .*synthesis.L6\.weight.* with \(16, 16, 1, 1\) for \(16, 16, 3, 3\)"):
        stylegan3_generator_variables(read["R"].tensors, shapes["R"])
    stylegan3_generator_variables(read["T"].tensors, shapes["T"])


@pytest.mark.parametrize("given", [
    {"output_scale": np.nan}, {"magnitude_ema_beta": 7.0}, {"channel_base": 320.5}, {"use_radial_filters": "yes"},
    {"num_layers": 5.7}, {"img_resolution": "32"}, {"conv_kernel": True}])
def test_an_argument_of_another_kind_is_named(given):
    network = read_network_pickle(str(FILES / f"{NAMES['T']}.pkl"))[0]["G_ema"]
    changed = network._replace(arguments={**network.arguments, **given})
    with pytest.raises(WeightsError, match="|".join([*given, "magnitude_rate"])):
        stylegan3_pickles._described("G_ema", changed, "a.pkl")


def test_a_tensor_that_is_not_finite_and_a_file_that_was_moved_are_refused(read):
    network = read["T"]
    expected = jax.eval_shape(lambda key: import_stylegan3.StyleGAN3Generator(
        network.image_shape, 0, **network.kwargs).init(key, np.zeros((1, network.latent_size))), jax.random.key(0))
    tensors = {**network.tensors, "synthesis.input.phases": np.full(14, np.nan, np.float32)}
    with pytest.raises(WeightsError, match="synthesis.input.phases"):
        stylegan3_generator_variables(tensors, expected)
    with pytest.raises(WeightsError, match="input transform that moves its images"):
        check_filters({"synthesis.input.transform": np.diag([1, 1, 2])}, {}, "a.pkl")
