"""Which arrays of a checkpoint lie side by side in one file, and that those and the others come back the same."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from processes import begin, end
from short_runs import assert_same_bits, config_of, go, state_at

from ganlab.config import ConfigError
from ganlab.engine import make_mesh, program
from ganlab.pretrained import read_weights
from ganlab.storage import Checkpoints, run_weights, small_arrays

LIMIT = 100


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of two rounds whose arrays of more than LIMIT bytes are large."""
    path = tmp_path_factory.mktemp("large") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_arrays, "LARGEST", LIMIT)
        go(path, config_of(2))
    return path


def test_small_arrays_are_in_files_and_large_ones_in_items_of_their_own(run):
    folder = run / "checkpoints/2"
    for part in ("state", "ema"):
        small = read_weights(folder / f"small/{part}.safetensors").tensors
        assert small and all(array.nbytes <= LIMIT for array in small.values())
        assert (folder / part / "_METADATA").exists()


def test_both_come_back_to_the_bits_of_a_checkpoint_that_keeps_all_in_files(run, tmp_path):
    go(tmp_path / "run", config_of(2))
    assert sorted(path.name for path in (tmp_path / "run/checkpoints/2").iterdir() if path.is_dir()) == ["small"]
    assert_same_bits(*(state_at(path, config_of(2), 2) for path in (run, tmp_path / "run")))
    one, other = (run_weights(str(path)).read() for path in (run, tmp_path / "run"))
    for kind in ("trained", "averaged"):
        found, wanted = getattr(one, kind), getattr(other, kind)
        assert {name: set(arrays) for name, arrays in found.items()} == {
            name: set(arrays) for name, arrays in wanted.items()} and "params.dense_0.kernel" in found["generator"]
        for name, arrays in wanted.items():
            assert all(array.tobytes() == found[name][path].tobytes() for path, array in arrays.items())


def test_an_array_of_which_every_device_has_a_part_is_left_to_orbax():
    mesh = make_mesh(8)
    array = jnp.zeros(8)
    assert small_arrays.is_small(jax.device_put(array, program.replicated(mesh)))
    split = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("data"))
    assert not small_arrays.is_small(jax.device_put(array, split))
    assert not small_arrays.is_small(jnp.zeros(2**18 + 1, np.float32))


def test_a_checkpoint_of_the_format_before_is_answered_in_a_sentence_and_stays(run, tmp_path):
    old = shutil.copytree(run, tmp_path / "run")
    shutil.rmtree(old / "checkpoints/2/small")
    (old / "checkpoints/2/sha256.json").unlink()
    with pytest.raises(ConfigError, match="checkpoint 2 in .* is of an older ganlab, .* train in another --workdir"):
        go(old, config_of(4))
    with pytest.raises(ConfigError, match="is of an older ganlab"):
        run_weights(str(old))
    assert Checkpoints(old / "checkpoints").steps == [2]


def test_orbax_is_imported_by_what_opens_checkpoints_alone(tmp_path):
    code = ("import sys, pathlib, ganlab.storage\nprint('orbax.checkpoint' in sys.modules)\n"
            "ganlab.storage.Checkpoints(pathlib.Path(sys.argv[1]), keep=1).close()\n"
            "print('orbax.checkpoint' in sys.modules)")
    ((status, output, errors),) = end([begin(["-c", code, tmp_path])])
    assert status == 0, errors
    assert output.split() == ["False", "True"]
