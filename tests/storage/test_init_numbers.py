"""Weights that a new run starts from: floats of any format are cast and it is said; what is not finite is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import game_of
from tiny import tiny_config

from ganlab.cli import exporting
from ganlab.config import ConfigError
from ganlab.storage import check_init, file_weights, initialise
from ganlab.storage.stored_weights import StoredWeights, network_arrays
from ganlab.game import init_state
from ganlab.pretrained import read_weights, write_safetensors

FLOATS = ("float16", "bfloat16", "float64", "float8_e5m2")


def config_of(**init):
    return tiny_config(generator={"kwargs": {"width": 8, "normalization": "batch"}}, init=init,
                       system={"critic_updates": 1, "loss": "non_saturating", "penalty": "none"})


@pytest.fixture(scope="module")
def shapes():
    game = game_of(config_of())
    return game, jax.eval_shape(lambda: init_state(game, jax.random.key(0)))


@pytest.fixture(scope="module")
def arrays(shapes):
    """Arrays of every network by the names of a file, of few digits, so that every format holds them."""
    drawn = np.random.default_rng(0)
    return {f"{network}.{name}": drawn.integers(1, 8, leaf.shape).astype(np.float32) / 4
            for network in shapes[1].params
            for name, leaf in network_arrays(shapes[1].params[network], shapes[1].variables[network]).items()}


def state_of(shapes):
    """A state of zeros where weights go."""
    zeros = {part: jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), getattr(shapes[1], part))
             for part in ("params", "variables", "ema")}
    return shapes[1].replace(**zeros)


@pytest.mark.parametrize("dtype", FLOATS)
def test_floats_of_another_format_are_cast_and_it_is_said(dtype, shapes, arrays, tmp_path):
    path, said = tmp_path / "file.safetensors", []
    write_safetensors(path, {name: array.astype(jnp.dtype(dtype)) for name, array in arrays.items()}, {})
    config = config_of(source=str(path))
    check_init(config.init, shapes[0])
    state = initialise(state_of(shapes), config.init, said.append)
    for network in state.params:
        for name, leaf in network_arrays(state.params[network], state.variables[network]).items():
            assert leaf.dtype == jnp.float32 and np.array_equal(leaf, arrays[f"{network}.{name}"])
    assert jax.tree.leaves(state.ema["generator"])[0].dtype == jnp.float32
    assert said == [f"critic: 5 of 5 arrays from {path}, 5 of them cast from {dtype} to float32",
                    f"generator: 7 of 7 arrays from {path}, 7 of them cast from {dtype} to float32"]


def test_whole_numbers_are_no_weights(shapes, arrays, tmp_path):
    path = tmp_path / "file.safetensors"
    name = "generator.params.dense_0.kernel"
    write_safetensors(path, arrays | {name: arrays[name].astype(np.int32)}, {})
    with pytest.raises(ConfigError, match=r"dense_0\.kernel \(int32 \(7, 8\) there, float32 \(7, 8\) here\)"):
        check_init(config_of(source=str(path)).init, shapes[0])


@pytest.mark.parametrize(("dtype", "value"), [("float32", np.nan), ("float32", -np.inf), ("bfloat16", np.nan),
                                              ("float64", 1e39)])
def test_one_number_that_is_not_finite_is_refused_by_its_name(dtype, value, shapes, arrays, tmp_path):
    path, name = tmp_path / "file.safetensors", "generator.params.dense_0.kernel"
    bad = arrays[name].astype(jnp.dtype(dtype))
    bad[1, 2] = value
    write_safetensors(path, arrays | {name: bad}, {})
    config = config_of(source=str(path))
    for refused in (lambda: check_init(config.init, shapes[0]),
                    lambda: initialise(state_of(shapes), config.init, print)):
        with pytest.raises(ConfigError, match=r"config\.init\.source: .* has generator\.params\.dense_0\.kernel with 1 "
                                              r"of 56 numbers that are not finite in float32"):
            refused()
    config.init.networks = "critic"  # Which is whole.
    check_init(config.init, shapes[0])


@pytest.mark.parametrize("prefix", ["", "state_dict", "model.module"])
def test_a_file_is_read_under_any_prefix(prefix, arrays, tmp_path):
    for chosen in (arrays, {name: array for name, array in arrays.items() if name.startswith("generator.")}):
        write_safetensors(tmp_path / "file", {f"{prefix}.{name}".lstrip("."): array
                                              for name, array in chosen.items()}, {})
        found = file_weights(str(tmp_path / "file")).trained
        assert {f"{network}.{name}" for network, part in found.items() for name in part} == set(chosen)


def test_a_file_of_other_weights_is_refused_whatever_its_names(tmp_path):
    for names in (["a"], ["a.b"], ["a.b.c.d", "a.b.c.e"], ["params.x"]):
        write_safetensors(tmp_path / "file", {name: np.zeros(2, np.float32) for name in names}, {})
        with pytest.raises(ConfigError, match="holds no weights of ganlab's.*ganlab import"):
            file_weights(str(tmp_path / "file"))


class Flags:
    """What `ganlab checkpoints --export` sees of its flags."""

    def __init__(self, path, dtype):
        self.workdir, self.step, self.network, self.ema = "run", None, None, None
        self.export, self.dtype = str(path), dtype


@pytest.fixture
def exported(arrays, monkeypatch):
    """Weights of a run that need no run, with a whole number among them."""
    part = {name.removeprefix("generator."): array for name, array in arrays.items() if name.startswith("generator.")}
    part["count.steps"] = np.array(2**20, np.int32)
    weights = StoredWeights("run", 3, {"generator": part}, {"generator": part}, lambda: weights)
    monkeypatch.setattr(exporting, "run_weights", lambda *_: weights)
    return part


@pytest.mark.parametrize("dtype", [None, *exporting.DTYPES])
def test_weights_are_exported_in_the_format_that_is_named(dtype, exported, tmp_path, capsys):
    path = tmp_path / "file.safetensors"
    exporting.export_weights(Flags(path, dtype), config_of())
    found = read_weights(path).tensors
    for name, array in exported.items():
        expected = array if array.dtype == np.int32 else array.astype(jnp.dtype(dtype or "float32"))
        assert found[f"generator.{name}"].dtype == expected.dtype
        assert found[f"generator.{name}"].tobytes() == expected.tobytes()
    assert (f", in {dtype}, in " in capsys.readouterr().out) == (dtype is not None)


@pytest.mark.parametrize(("dtype", "value"), [("float16", 1e5), ("bfloat16", np.finfo(np.float32).max)])
def test_a_number_that_the_format_cannot_hold_is_refused_and_nothing_is_written(dtype, value, exported, tmp_path):
    exported["params.dense_0.kernel"] = np.array([1, value], np.float32)
    with pytest.raises(ConfigError, match=f"--dtype={dtype}: .* generator.params.dense_0.kernel with 1 of 2 numbers"):
        exporting.export_weights(Flags(tmp_path / "file", dtype), config_of())
    assert not list(tmp_path.iterdir())
