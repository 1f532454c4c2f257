"""The comparison of methods trains all seeds of each, and reports every one of them."""

import importlib.util
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from absl import flags
from rich.console import Console

FILE = Path(__file__).parent.parent / "scripts" / "mode_coverage.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[FILE.stem] = module  # Where dataclasses look for the module of their class.
    spec.loader.exec_module(module)
    yield module
    for name in ("data", "methods", "seeds", "first_seed", "rounds_share", "output"):
        delattr(flags.FLAGS, name)
    del sys.modules[FILE.stem]


@pytest.fixture
def tiny(script, monkeypatch):
    """The script with tiny networks, few samples and the devices that the tests have."""
    load = script.load_config

    def load_tiny(data, method):
        config = load(data, method)
        config.batch_size = 8
        config.train.update(total_rounds=20, rounds_per_call=4)
        config.data.kwargs.size = 64
        for section in config.networks.values():
            section.kwargs.update(width=4, depth=1)
        if method == "gan":
            config.hyper.generator_lr = 1e38
        return config

    monkeypatch.setattr(script, "load_config", load_tiny)
    monkeypatch.setattr(script, "DATA_SETS", {name: (*entry[:3], 30) for name, entry in script.DATA_SETS.items()})
    return script


def run(script, *arguments):
    flags.FLAGS.unparse_flags()
    flags.FLAGS([FILE.stem, *arguments])
    script.main([])


def test_every_seed_of_every_method_is_reported_those_that_diverged_too(tiny, tmp_path, capsys):
    output = tmp_path / "found.json"
    run(tiny, "--data=ring8", "--methods=gan,pacgan2", "--seeds=2", "--rounds_share=0.5", f"--output={output}")
    found = json.loads(output.read_text())
    broken, healthy = found["results"]
    assert found["data"] == "ring8" and (broken["method"], healthy["method"]) == ("gan", "pacgan2")
    # Half of 20 rounds, in whole calls of 4.
    assert healthy["rounds"] == 8 and healthy["kimg"] == pytest.approx(8 * 8 / 1000)
    assert broken["diverged"] == [100, 101] and broken["modes"] == [0, 0] and broken["reverse_kl"] == [math.inf] * 2
    assert healthy["diverged"] == [] and len(healthy["modes"]) == 2
    assert all(0 <= value <= np.log(8) for value in healthy["reverse_kl"])
    text = capsys.readouterr().out
    assert "gan: seeds [100, 101] diverged" in text and "6.3±0.5" in text


def test_an_unknown_method_is_refused_before_any_training(tiny):
    with pytest.raises(SystemExit, match="did you mean pacgan2"):
        run(tiny, "--data=ring8", "--methods=gan,pacgan")


@pytest.mark.parametrize("data", ["ring8", "grid25", "stacked_digits"])
def test_methods_of_a_data_set_differ_in_no_network_no_latents_and_no_images_shown(script, data):
    configs = [script.load_config(data, name) for name in script.METHODS]
    assert len(configs) == 5
    kimg = [config.train.total_rounds * config.system.critic_updates * config.batch_size for config in configs]
    same = [(config.data.source, config.system.latent_size, config.system.latent_distribution, config.batch_size,
             config.learning_rate_schedule, config.hyper.decay_end_kimg, config.hyper.ema_half_life_kimg,
             *((section.network, section.kwargs.to_json()) for section in config.networks.values()))
            for config in configs]
    assert len(set(kimg)) == len(set(same)) == 1 and kimg[0] / 1000 == configs[0].hyper.decay_end_kimg
    assert all(config.train.total_rounds % config.train.rounds_per_call == 0 for config in configs)


def test_stacked_samples_are_judged_by_a_classifier_whose_accuracy_is_printed(script, capsys):
    dataset = script.SOURCES["stacked_digits"](size=3000)
    judge = script.make_judge(dataset, 2000, Console(width=200))
    assert "of held-out digits rightly; 2,000 real images show" in capsys.readouterr().out
    one = np.repeat(dataset.images[:1] / 127.5 - 1, 50, axis=0)
    modes, high_quality, reverse_kl = judge(one)
    assert modes == 1 and math.isnan(high_quality) and reverse_kl == pytest.approx(np.log(1000))
    modes, _, reverse_kl = judge(np.full((4, 8, 8, 3), np.nan))
    assert modes == 0 and reverse_kl == math.inf


def test_the_error_of_the_mean_is_that_of_hand(script):
    # Deviation 1 of three values, over the root of 3.
    assert script.mean_and_error([1.0, 2.0, 3.0], "{:.3f}") == "2.000±0.577"
