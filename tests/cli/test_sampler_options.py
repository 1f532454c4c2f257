"""Programs of an exported sampler take the options of its images as numbers, by the lines of their README.txt."""

import datetime
import json
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from tiny import IMAGES, tiny_config, tiny_style_config

from ganlab.cli.main import main
from ganlab.storage import SamplerRecord, export_sampler, sampler_arrays, write_sampler
from ganlab.systems import build_game


def drawn_weights(network):
    """Weights of random numbers, without the program that initialises them."""
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: np.asarray(rng.normal(size=leaf.shape), leaf.dtype),
                        jax.eval_shape(network.init, jax.random.key(0)))


@pytest.fixture(scope="module")
def styles(tmp_path_factory):
    """The file of a sampler with styles, its game and weights."""
    config = tiny_style_config(name="styles", data={"source": "digits"})
    game = build_game(config, IMAGES)
    weights = {"generator": drawn_weights(game.networks["generator"])}
    record = SamplerRecord(config, 3, "averaged", IMAGES.image_shape, IMAGES.class_names, sampler_arrays(weights))
    path = tmp_path_factory.mktemp("exported") / "styles.zip"
    write_sampler(path, game.sampler, weights, record, datetime.date(2026, 8, 31))
    return path, game, weights


def test_psi_and_cutoff_are_numbers_of_the_program_and_do_nothing_by_default(styles, monkeypatch):
    path, game, weights = styles
    with zipfile.ZipFile(path) as file:
        text, meta = file.read("README.txt").decode(), json.loads(file.read("meta.json"))
    assert meta["options"] == {"psi": 1.0, "cutoff": 0, "noise": "constant"}
    assert "\npsi: share of a style's distance" in text and "`ganlab sample --seed=0 --noise=constant`" in text
    # The lines of README.txt, which take the file from where they are.
    monkeypatch.chdir(path.parent)
    starts = ("import", "from", "with", "    ", "z =", "samples =")
    lines = [line for line in text.splitlines() if line.startswith(starts)]
    names = {}
    exec("\n".join(lines), names)
    images, latents = names["images"], names["z"]

    @jax.jit
    def own(latents, psi, cutoff):
        return game.sampler.images(weights, latents, jnp.zeros(16, jnp.int32), None,
                                   {"noise": "constant", "psi": psi, "cutoff": cutoff})

    for psi, cutoff in ((1.0, 0), (0.5, 0), (-0.3, 1)):
        made = names["samples"] if psi == 1 else images.call(latents, psi=np.float32(psi), cutoff=np.int32(cutoff))
        np.testing.assert_allclose(made, own(latents, np.float32(psi), np.int32(cutoff)), rtol=0, atol=1e-5)
    # The average style makes one image.
    average = np.asarray(images.call(latents, psi=np.float32(0), cutoff=np.int32(0)))
    np.testing.assert_allclose(average, np.broadcast_to(average[:1], average.shape), rtol=0, atol=1e-5)
    assert np.std(np.asarray(names["samples"]), axis=0).max() > 1e-3


def test_a_renewed_sampler_takes_the_same_numbers(styles, tmp_path, capsys):
    path, new = styles[0], tmp_path / "new.zip"
    # One that was exported before programs took options.
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    meta = json.loads(parts["meta.json"])
    del meta["options"]
    with zipfile.ZipFile(tmp_path / "old.zip", "w") as file:
        for name, content in (parts | {"meta.json": json.dumps(meta)}).items():
            file.writestr(name, content)
    assert main(["checkpoints", f"--renew={tmp_path / 'old.zip'}", f"--export_sampler={new}"]) == 0
    with zipfile.ZipFile(new) as file:
        assert json.loads(file.read("meta.json"))["options"] == {"psi": 1.0, "cutoff": 0, "noise": "constant"}
        old, renewed = (export.deserialize(bytearray(program))
                        for program in (parts["images.jax_export"], file.read("images.jax_export")))
    assert str(renewed.in_tree) == str(old.in_tree) and str(renewed.in_avals) == str(old.in_avals)


def test_a_sampler_without_options_of_its_images_takes_latents_alone():
    game = build_game(tiny_config(system={"conditional": False}), IMAGES)
    programs = export_sampler(game.sampler, {"generator": drawn_weights(game.networks["generator"])}, conditional=False)
    assert [len(program.in_avals) for program in programs.values()] == [2, 1]
