"""A new run from given weights: what is taken is taken to the bit, all else is a new run's, and misfits are named."""

import shutil

import jax
import numpy as np
import pytest
from short_runs import game_of, go, programs_of, state_at
from tiny import tiny_config

from ganlab.config import ConfigError
from ganlab.storage import RunDirectory, check_init, file_weights, initialise, run_weights
from ganlab.pretrained import write_safetensors


def config_of(total=2, width=8, seed=0, **init):
    rounds = {"log_every_rounds": 1, "sample_every_rounds": 9, "checkpoint_every_rounds": 1, "keep_checkpoints": 9}
    return tiny_config(generator={"kwargs": {"width": width, "normalization": "batch"}}, seed=seed, init=init,
                       system={"critic_updates": 1, "loss": "non_saturating", "penalty": "none"},
                       train={"total_rounds": total, **rounds}, sample={"number": 6})


def first_state(config, say=print):
    return initialise(fresh(config), config.init, say)


def fresh(config):
    return programs_of(config).init(config.seed)


def bits(tree):
    return [(np.asarray(leaf).shape, np.asarray(leaf).tobytes()) for leaf in jax.tree.leaves(tree)]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "run"
    go(path, config_of())
    return path, state_at(path, config_of(), 2)


def test_params_variables_and_averages_are_the_sources_and_all_else_is_new(source):
    path, stored = source
    said = []
    state, new = first_state(config_of(seed=5, source=str(path)), said.append), fresh(config_of(seed=5))
    assert all(bits(getattr(state, part)) == bits(getattr(stored, part)) for part in ("params", "variables", "ema"))
    assert bits(stored.params) != bits(new.params) and bits(stored.variables) != bits(new.variables)
    assert bits(stored.opt_state) != bits(new.opt_state)
    assert state.step == 0 and bits((state.opt_state, state.memory, state.hyper)) == bits(
        (new.opt_state, new.memory, new.hyper))
    assert bits(jax.random.key_data(state.key)) == bits(jax.random.key_data(new.key))
    assert said == [f"critic: 5 of 5 arrays from {path} (round 2)", f"generator: 7 of 7 arrays from {path} (round 2)"]


def test_an_older_checkpoint_can_be_named(source):
    path, stored = source
    found = first_state(config_of(source=str(path), step=1))
    assert bits(found.params) == bits(state_at(path, config_of(), 1).params) != bits(stored.params)


def test_averages_become_the_weights_where_that_is_asked_for(source):
    path, stored = source
    state = first_state(config_of(source=str(path), weights="averaged"))
    assert bits(state.params["generator"]) == bits(state.ema["generator"]) == bits(stored.ema["generator"])
    assert bits(stored.ema["generator"]) != bits(stored.params["generator"])
    assert bits(state.params["critic"]) == bits(stored.params["critic"])


def test_one_network_can_be_taken_alone(source):
    path, stored = source
    config = config_of(seed=5, source=str(path), networks="critic")
    state, new = first_state(config), fresh(config)
    assert bits(state.params["critic"]) == bits(stored.params["critic"])
    assert bits((state.params["generator"], state.ema)) == bits((new.params["generator"], new.ema))


def test_a_file_does_as_well_as_a_run(source, tmp_path):
    path, stored = source
    arrays = {f"{network}.{name}": np.asarray(array) for network, found in run_weights(str(path)).read().trained.items()
              for name, array in found.items()}
    write_safetensors(tmp_path / "weights.safetensors", arrays, {"round": "2"})
    state = first_state(config_of(source=str(tmp_path / "weights.safetensors")))
    assert bits((state.params, state.variables)) == bits((stored.params, stored.variables))
    assert bits(state.ema["generator"]) == bits(stored.params["generator"])


def test_a_run_begins_at_round_0_from_the_weights_and_applies_them_once(source, tmp_path, capsys):
    path = shutil.copytree(source[0], tmp_path / "source")
    config = config_of(total=1, seed=5, source=str(path))
    config.hyper.update(critic_lr=0.0, generator_lr=0.0)  # So that what is trained on is seen at the end.
    go(tmp_path / "run", config)
    assert f"generator: 7 of 7 arrays from {path} (round 2)" in capsys.readouterr().out
    assert bits(state_at(tmp_path / "run", config, 1).params) == bits(source[1].params)
    lines = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert len(lines) == 1 and '"step": 1,' in lines[0]
    shutil.rmtree(path)  # Whoever resumes needs the source no more.
    config.train.total_rounds = 2
    go(tmp_path / "run", config)
    said = capsys.readouterr().out
    assert "after round 1" in said and "arrays from" not in said


def test_another_source_is_another_config(source, tmp_path):
    RunDirectory(tmp_path / "run").write(config_of(), [])
    with pytest.raises(ConfigError, match=r"config\.init\.source: '' there, '/elsewhere' now"):
        RunDirectory(tmp_path / "run").check(config_of(source="/elsewhere"))


def test_another_architecture_is_refused_by_names_and_shapes_or_taken_in_part(source):
    path, stored = source
    config = config_of(width=16, source=str(path))
    game = game_of(config)
    with pytest.raises(ConfigError) as error:
        check_init(config.init, game)
    assert ("does not fit this game: generator.params.dense_0.kernel (float32 (7, 8) there, float32 (7, 16) here), "
            in str(error.value))
    assert "and 1 more; --config.init.partial=True takes what fits" in str(error.value)
    config.init.partial = True
    said = []
    state, new = first_state(config, said.append), fresh(config)
    assert said[1].startswith(f"generator: 1 of 7 arrays from {path} (round 2); left as initialised: "
                              "params.dense_0.kernel (float32 (7, 8) there, float32 (7, 16) here), ")
    assert said[1].endswith(" and 1 more")
    assert bits(state.params["critic"]) == bits(stored.params["critic"])
    generator = {part: tree["generator"] for part, tree in (("state", state.params), ("new", new.params),
                                                            ("stored", stored.params))}
    assert bits(generator["state"]["output"]["bias"]) == bits(generator["stored"]["output"]["bias"])
    for part in ("dense_0", "norm_0"):
        assert bits(generator["state"][part]) == bits(generator["new"][part])


REFUSALS = {
    "no such place": ({"source": "/nowhere"}, "'/nowhere', which does not exist"),
    "no such checkpoint": ({"step": 7}, "has no checkpoint after 7 rounds; it has 1, 2"),
    "no such network": ({"networks": "generater"}, "did you mean generator"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_mistake_is_answered_before_anything_is_compiled(case, source):
    changes, words = REFUSALS[case]
    config = config_of(**{"source": str(source[0]), **changes})
    with pytest.raises(ConfigError, match=words):
        check_init(config.init, game_of(config))


def test_a_file_of_other_weights_is_refused(tmp_path):
    write_safetensors(tmp_path / "other", {"layer.weight": np.zeros(2, np.float32)}, {})
    with pytest.raises(ConfigError, match="holds no weights of ganlab's"):
        file_weights(str(tmp_path / "other"))


def test_a_file_without_a_network_names_those_that_it_has(tmp_path, source):
    arrays = run_weights(str(source[0])).read().averaged["generator"]
    write_safetensors(tmp_path / "file", {f"generator.{name}": array for name, array in arrays.items()}, {})
    config = config_of(source=str(tmp_path / "file"))
    with pytest.raises(ConfigError, match=r"critic\.params\..* \(not there, .*--config\.init\.networks=generator the"):
        check_init(config.init, game_of(config))


def test_weights_of_which_nothing_fits_are_refused_even_in_part(tmp_path):
    write_safetensors(tmp_path / "file", {"generator.params.none": np.zeros(2, np.float32)}, {})
    config = config_of(source=str(tmp_path / "file"), partial=True)
    with pytest.raises(ConfigError, match="nothing of .* fits this game's critic, generator"):
        check_init(config.init, game_of(config))


def test_without_a_source_the_state_is_left_alone():
    state = object()
    assert initialise(state, config_of().init, print) is state
