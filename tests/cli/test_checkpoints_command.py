"""`ganlab checkpoints` and new runs from what it exports, as a user types them."""

import json
import shutil
import subprocess
import sys
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import IMAGES, tiny_game, tiny_vae_config
from tiny_digits import DIGITS
from tiny_networks import side_of, tiny_kwargs

from ganlab.cli.main import main
from ganlab.cli.runs import open_run
from ganlab.data import Dataset
from ganlab.networks import GENERATORS
from ganlab.pretrained import read_weights
from ganlab.storage import export_sampler, run_weights, sample_keys
from ganlab.storage.checksums import FILE
from ganlab.systems import build_game


def checkpoints(folder, *arguments):
    return main(["checkpoints", f"--workdir={folder}", *map(str, arguments)])


def rows(output):
    """The rows of the table by their first column."""
    return {line.split()[0]: line for line in output.splitlines() if line.split() and line.split()[0].isdigit()}


def test_the_list_tells_rounds_kimg_sizes_values_and_what_is_kept_as_what(run, capsys):
    assert checkpoints(run) == 0
    found = rows(capsys.readouterr().out)
    values = {str(entry["step"]): entry["value"] for entry in json.loads((run / "results.json").read_text())
              if entry["name"] == "fid"}
    best = min(values, key=values.get)
    assert set(found) == {"30", "40", best}
    assert "2.4 " in found["30"] and "3.2 " in found["40"]  # 5 critic updates of 16 images.
    assert "newest" in found["40"] and "newest" not in found["30"]
    assert [step for step, row in found.items() if "best" in row] == [best]
    assert all(f"{values[step]:.5g}" in row and "KiB" in row and "not verified" in row for step, row in found.items())


def test_files_as_training_left_them_are_intact(run, capsys):
    assert checkpoints(run, "--verify") == 0
    assert all("intact" in row for row in rows(capsys.readouterr().out).values())


def test_damage_is_named_and_told_by_the_exit_status(run, tmp_path, capsys):
    copied = shutil.copytree(run, tmp_path / "run")
    file = copied / "checkpoints/40/small/state.safetensors"
    file.write_bytes(file.read_bytes() + b" ")
    (copied / "checkpoints/30/sha256.json").unlink()
    assert checkpoints(copied, "--verify") == 1
    output = capsys.readouterr().out
    assert "damaged" in rows(output)["40"] and "no checksums" in rows(output)["30"]
    assert "checkpoint 40: small/state.safetensors has changed" in output
    assert checkpoints(copied, "--verify", "--step=30") == 0
    assert set(rows(capsys.readouterr().out)) == {"30"}


@pytest.mark.parametrize("harm", ["emptied", "deleted"])
def test_whichever_file_is_harmed_it_is_named(harm, run, tmp_path, capsys):
    copied = shutil.copytree(run, tmp_path / "run")
    folder = copied / "checkpoints/40"
    for file in [path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != FILE]:
        data = file.read_bytes()
        file.write_bytes(b"") if harm == "emptied" else file.unlink()
        assert checkpoints(copied, "--verify") == 1, file
        output = capsys.readouterr().out
        words = "has changed" if harm == "emptied" else "is missing"
        assert f"checkpoint 40: {file.relative_to(folder)} {words}" in output and "intact" in rows(output)["30"]
        file.write_bytes(data)
    assert checkpoints(copied, "--verify") == 0


def test_what_is_damaged_is_not_exported_where_it_is_verified(run, tmp_path):
    copied = shutil.copytree(run, tmp_path / "run")
    (copied / "checkpoints/40/notes.txt").write_text("mine")
    assert checkpoints(copied, "--verify", f"--export={tmp_path / 'weights'}") == 1
    assert not (tmp_path / "weights").exists()


def test_exported_weights_are_those_of_the_checkpoint_to_the_bit(run, tmp_path, capsys):
    file = tmp_path / "new/weights.safetensors"
    stored = run_weights(str(run)).read()
    for flags, kind, names in (([], "averaged", ["generator"]), (["--noema"], "trained", ["generator"]),
                               (["--noema", "--network=generator+critic"], "trained", ["generator", "critic"])):
        assert checkpoints(run, f"--export={file}", *flags) == 0
        assert f"({kind})" in capsys.readouterr().out
        found = read_weights(file)
        wanted = {f"{name}.{path}": array for name in names for path, array in getattr(stored, kind)[name].items()}
        assert set(found.tensors) == set(wanted) and "generator.params.dense_0.kernel" in wanted
        assert all(found.tensors[name].tobytes() == array.tobytes() for name, array in wanted.items())
        assert found.rest["__metadata__.round"] == "40" and found.rest["__metadata__.experiment"] == "digits"
        assert json.loads(found.rest["__metadata__.config"]) == json.loads((run / "config.json").read_text())
        assert json.loads(found.rest["__metadata__.weights"]) == dict.fromkeys(names, kind)


def test_a_network_without_an_average_is_exported_as_trained_or_refused(run, tmp_path, capsys):
    assert checkpoints(run, f"--export={tmp_path / 'critic'}", "--network=critic", "--step=30") == 0
    output = capsys.readouterr().out
    assert "critic (trained), round 30" in output
    assert checkpoints(run, f"--export={tmp_path / 'no'}", "--network=critic", "--ema") == 2
    assert "no average of critic is kept, only of generator" in capsys.readouterr().err
    assert checkpoints(run, f"--export={tmp_path / 'no'}", "--network=critik") == 2
    assert "did you mean critic" in capsys.readouterr().err and not (tmp_path / "no").exists()


def test_a_new_run_starts_from_an_exported_file(run, tmp_path, capsys):
    file = tmp_path / "weights.safetensors"
    assert checkpoints(run, f"--export={file}", "--noema", "--network=generator+critic") == 0
    command = ["train", *DIGITS, "--config.train.total_rounds=1", "--config.hyper.critic_lr=0",
               "--config.hyper.generator_lr=0", f"--config.init.source={file}", f"--workdir={tmp_path / 'new'}"]
    assert main(command) == 0
    assert f"arrays from {file} (round 40)" in capsys.readouterr().out
    old, new = (run_weights(str(path)).read().trained for path in (run, tmp_path / "new"))
    assert all(old[network][name].tobytes() == array.tobytes() for network, arrays in new.items()
               for name, array in arrays.items())
    assert main([*command[:-1], "--config.networks.generator.kwargs.width=8", f"--workdir={tmp_path / 'other'}"]) == 2
    assert "generator.params.dense_0.kernel (float32" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


FORBID = '''
import sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "ganlab":
            raise ImportError("ganlab is not here")
sys.meta_path.insert(0, Forbid())
'''


def test_the_exported_sampler_samples_without_ganlab_by_the_lines_of_its_readme(run, tmp_path):
    file = tmp_path / "digits.zip"
    assert checkpoints(run, f"--export_sampler={file}") == 0
    with zipfile.ZipFile(file) as content:
        assert sorted(content.namelist()) == ["README.txt", "config.json", "images.jax_export", "latents.jax_export",
                                              "meta.json", "weights.safetensors"]
        meta, text = json.loads(content.read("meta.json")), content.read("README.txt").decode()
    assert meta["round"] == 40 and meta["platforms"] == ["cpu", "cuda", "tpu"] and meta["images"] == [8, 8, 1]
    assert meta["classes"] == list("0123456789") and meta["weights"] == "averaged"
    starts = ("import", "from", "with", "    ", "z =", "samples =")
    lines = [line for line in text.splitlines() if line.startswith(starts)]
    assert len(lines) == 7
    more = ["other = images.call(z[:3], np.array([7, 7, 7], np.int32))",
            "np.savez('out.npz', samples=samples, other=other)", "assert 'ganlab' not in sys.modules"]
    done = subprocess.run([sys.executable, "-c", "\n".join([FORBID, *lines, *more])], cwd=tmp_path, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "out.npz") as file:
        found = dict(file)
    trained = open_run(run)
    wanted = trained.images(trained.latents(16, 0), np.arange(16, dtype=np.int32) % 10)
    np.testing.assert_allclose(found["samples"], wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found["other"], trained.images(trained.latents(3, 0), np.full(3, 7)), rtol=0, atol=1e-6)


def test_a_missing_package_is_named_before_anything_is_done(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert checkpoints(run, f"--export_sampler={tmp_path / 'file'}") == 2
    assert "pip install flatbuffers" in capsys.readouterr().err and not (tmp_path / "file").exists()


@pytest.mark.parametrize("family", GENERATORS)
def test_every_generator_exports_for_any_batch_size(family):
    side = side_of(family)
    images = Dataset("images", np.zeros((8, side, side, 3), np.uint8), np.zeros(8, np.int32), ("a", "b"))
    game = tiny_game(images, generator={"network": family, "kwargs": tiny_kwargs("generator", family, side)})
    # No number matters here: nothing is compiled.
    weights = {"generator": jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), jax.eval_shape(
        game.networks["generator"].init, jax.random.key(0)))}
    programs = export_sampler(game.sampler, weights, conditional=True)
    for program, shape in ((programs["latents"], (4,)), (programs["images"], (side, side, 3))):
        output, = program.out_avals
        assert str(output.shape[0]) == "b" and output.shape[1:] == shape and output.dtype == np.float32
        assert program.platforms == ("cpu", "cuda", "tpu")


@pytest.mark.parametrize("game", [tiny_game(IMAGES, generator={"network": "dcgan"}),
                                  tiny_game(system={"conditional": False, "latent_distribution": "uniform"}),
                                  build_game(tiny_vae_config(), IMAGES)], ids=["dcgan", "unconditional", "vae"])
def test_exported_programs_compute_what_the_game_computes(game):
    name, = game.sampler.networks
    weights = {name: jax.jit(game.networks[name].init)(jax.random.key(3))}
    conditional = game.networks[name].module.num_classes > 0
    programs = export_sampler(game.sampler, weights, conditional)
    labels = np.arange(5, dtype=np.int32) % 3
    latents = programs["latents"].call(np.uint32(4), np.arange(5, dtype=np.int32))
    images = programs["images"].call(latents, *([labels] if conditional else []))
    own = game.sampler.latents(sample_keys(4, jnp.arange(5)))
    np.testing.assert_allclose(latents, own, rtol=0, atol=1e-6)
    made = jax.jit(lambda latents: game.sampler.images(weights, latents, labels, None, {}))(own)
    np.testing.assert_allclose(images, made, rtol=0, atol=1e-6)


@pytest.mark.parametrize("arguments", [[], ["--verify"], ["--export=weights"], ["--export_sampler=sampler"]])
def test_a_run_without_checkpoints_says_so(arguments, run, tmp_path, capsys):
    (tmp_path / "run").mkdir()
    shutil.copy(run / "config.json", tmp_path / "run")
    assert checkpoints(tmp_path / "run", *arguments) == 2
    assert "holds no checkpoint yet" in capsys.readouterr().err
    assert checkpoints(run, "--step=7") == 2
    steps = ", ".join(sorted(path.name for path in (run / "checkpoints").iterdir()))
    assert f"has no checkpoint after 7 rounds; it has {steps}" in capsys.readouterr().err
