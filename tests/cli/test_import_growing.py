"""Files of PGGAN and StyleGAN are told from those of other systems, and read as the networks that a run takes."""

from pathlib import Path

import jax
import numpy as np
import pytest
from official_growing import LODS, Official
from official_numbers import relative_error

from ganlab.cli import import_growing
from ganlab.cli.import_growing import is_pggan, is_stylegan1, read_pggan, read_stylegan1
from ganlab.cli.main import main
from ganlab.convolutions.layers import convolutions
from ganlab.convolutions.resized import block_means
from ganlab.game import stages_of
from ganlab.pretrained import WeightsError, growing_pickles, nest
from ganlab.storage import RunDirectory
from ganlab.storage.stored_weights import run_weights
from ganlab.systems import build

FILES = Path(__file__).parent.parent / "pretrained/files"
PGGAN, STYLEGAN = (str(FILES / f"tf-{name}-32.pkl") for name in ("pggan", "stylegan"))


def test_files_are_told_by_the_first_names_in_them():
    files = [str(path) for path in FILES.iterdir()]
    assert [path for path in files if is_pggan(path)] == [PGGAN]
    assert [path for path in files if is_stylegan1(path)] == [STYLEGAN]


@pytest.mark.parametrize(("read", "file", "sample"), [
    (read_pggan, PGGAN, {}), (read_stylegan1, STYLEGAN, {"psi": 0.7, "cutoff": 8})])
def test_a_file_is_three_networks_of_one_system(read, file, sample):
    found = read(file, None)
    assert [*found.networks] == ["average", "generator", "critic"] and found.sample == sample
    assert {network.network for network in found.networks.values()} == {found.system["name"]}
    assert {network.latent_size for network in found.networks.values()} == {12, 0} and not found.notes
    for other in {read_pggan, read_stylegan1} - {read}:
        with pytest.raises(WeightsError, match=f"{file} holds networks of .*leave --format out"):
            other(file, None)
    with pytest.raises(WeightsError, match="--network=G chooses between several"):
        read(file, "G")


def test_a_training_that_has_not_grown_up_is_told(monkeypatch):
    kind, networks, digest = import_growing.read_growing_pickle(PGGAN)
    networks = {role: network._replace(lod=1.25) for role, network in networks.items()}
    monkeypatch.setattr(import_growing, "read_growing_pickle", lambda path: (kind, networks, digest))
    found = read_pggan(PGGAN, None)
    assert found.system == {"name": "pggan", "first_level": 2, "first_share": 0.75} and len(found.notes) == 3
    assert all("is of a training that had 1.25 levels yet to grow: its images are of 16x16, 75% faded" in note
               for note in found.notes)
    networks |= {"critic": networks["critic"]._replace(lod=0.0, grows=False)}
    assert [any(words in note for note in read_pggan(PGGAN, None).notes) for words in (
        "D, has another level than G_ema", "D, was built without growing")] == [True, True]


def test_numbers_of_a_file_are_those_of_the_run_and_others_are_told(monkeypatch):
    kind, networks, digest = import_growing.read_growing_pickle(STYLEGAN)
    networks["generator"] = networks["generator"]._replace(mixing=0.25)
    networks["average"] = networks["average"]._replace(constant_noise=True, left={"dtype": "float16"})
    monkeypatch.setattr(import_growing, "read_growing_pickle", lambda path: (kind, networks, digest))
    found = read_stylegan1(STYLEGAN, None)
    assert found.hyper["style_mixing"] == 0.25 and found.sample == {"psi": 0.7, "cutoff": 8, "noise": "constant"}
    note, = found.notes
    assert "G_ema, was made with dtype=float16, which networks of ganlab do not have" in note


def trees(arrays):
    """Params and variables of a network, of its arrays by name."""
    variables = nest(arrays)
    return variables.pop("params"), variables


@pytest.mark.parametrize(("file", "system", "lod"), [(PGGAN, "pggan", 1.6), (STYLEGAN, "stylegan1", 0.0)])
def test_an_imported_run_makes_the_official_images_and_logits(file, system, lod, tmp_path, monkeypatch):
    place, official, (level, share) = tmp_path / "run", Official(system), LODS[lod]
    read, sha256 = growing_pickles.read_network_pickle(file)
    read = {name: network._replace(tensors={**network.tensors, "lod": np.float32(lod)}) for name, network in read.items()}
    monkeypatch.setattr(growing_pickles, "read_network_pickle", lambda path: (read, sha256))
    assert main(["import", file, str(place)]) == 0
    config = RunDirectory(place).read_config()
    assert (config.system.name, config.system.first_level) == (system, level)
    assert config.system.first_share == pytest.approx(share)
    if system == "stylegan1":
        assert (config.sample.psi, config.sample.cutoff) == (0.7, 8)
    game = stages_of(build(config)[0])[0].game
    weights = run_weights(str(place)).read()
    cases = {f"out/linear/img_lod{lod}": {}}
    if system == "stylegan1":
        cases |= {"out/img_psi0.7cut4": {"psi": 0.7, "cutoff": 4}, "out/img_psi0.5all": {"psi": 0.5}}

    @jax.jit
    def made(generator, critic, options):
        images = game.sampler.images({"generator": generator}, official.latents, official.labels, None,
                                     {"noise": "constant", **options})
        return images, official.judge(Judge(game.networks["critic"]), critic, block_means(
            official.images, game.reduction), official.labels)[0]

    with convolutions("lax"):
        for name, options in cases.items():
            options = {"psi": 1.0, "cutoff": 0} | options
            images, logits = made(trees(weights.averaged["generator"]), trees(weights.trained["critic"]), options)
            expected = official.numbers.images(name)
            assert relative_error(images[:len(expected)], expected) < 2e-5, name
    assert relative_error(logits, official.numbers[f"out/linear/score_lod{lod}"][:, 0]) < 2e-5


class Judge:
    """A network of a game, applied as a module is."""

    def __init__(self, network):
        self._network = network

    def apply(self, variables, images, labels, mutable):
        del mutable
        return self._network.evaluate(*variables, images, labels), {"intermediates": {}}
