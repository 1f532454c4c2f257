"""The commands as a user types them: a run that is stopped in a process of its own, the rest in this one, which starts
faster."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from tiny_digits import DIGITS

from ganlab.cli.list_command import TABLES, meanings
from ganlab.cli.main import COMMANDS, main
from ganlab.config import known_elsewhere

ROOT = Path(__file__).parent.parent.parent
TINY = [*DIGITS, "--config.train.sample_every_rounds=100",
        "--config.train.checkpoint_every_rounds=100", "--config.train.keep_checkpoints=1"]
ROUNDS = 400


def ganlab(*arguments):
    """The output of a command."""
    with contextlib.redirect_stdout(io.StringIO()) as output, pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["ganlab", *arguments])
        assert main(arguments) == 0
    return output.getvalue()


def wait_for_rounds(path, rounds):
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        if path.exists() and len(path.read_text().splitlines()) >= rounds // 10:
            return
        time.sleep(0.02)
    raise AssertionError(f"no round {rounds} in {path}")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """One run that was never stopped, and one that was stopped by Ctrl-C and resumed."""
    folder = tmp_path_factory.mktemp("runs")
    whole, command = (["train", *TINY, f"--workdir={folder / name}", f"--config.train.total_rounds={ROUNDS}"]
                      for name in ("whole", "stopped"))
    whole = ganlab(*whole)
    # By the programs that this process has compiled: with as many devices, and by the same compiler.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "JAX_PLATFORMS": "cpu",
                   "JAX_NUM_CPU_DEVICES": str(jax.device_count()), "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    stopped = subprocess.Popen([sys.executable, "-m", "ganlab", *command], cwd=ROOT, env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_rounds(folder / "stopped/metrics.jsonl", 50)
    stopped.send_signal(signal.SIGINT)
    output, _ = stopped.communicate(timeout=100)
    return {"folder": folder, "whole": whole, "code": stopped.returncode, "stopped": output,
            "resumed": ganlab(*command)}


def test_an_interrupted_run_says_that_it_is_saved_and_how_to_go_on(runs):
    assert runs["code"] == 128 + signal.SIGINT
    assert "stopped by SIGINT after round" in runs["stopped"] and "the same command resumes" in runs["stopped"]
    assert "resuming" in runs["resumed"] and "after round" in runs["resumed"]


def test_the_resumed_run_ends_in_the_bits_of_the_run_that_was_not_stopped(runs, tmp_path):
    arrays = {}
    for name in ("whole", "stopped"):
        for ema in ("--ema", "--noema"):
            output = tmp_path / f"{name}{ema}.npz"
            assert main(["sample", f"--workdir={runs['folder'] / name}", "--form=npz", "--number=30", ema,
                         f"--output={output}"]) == 0
            arrays[name, ema] = np.load(output)["images"]
    for ema in ("--ema", "--noema"):
        np.testing.assert_array_equal(arrays["whole", ema], arrays["stopped", ema])
    assert not np.array_equal(arrays["whole", "--ema"], arrays["whole", "--noema"])
    files = [(runs["folder"] / name / "metrics.jsonl").read_bytes() for name in ("whole", "stopped")]
    assert files[0] == files[1]
    last = [(runs["folder"] / name / f"samples/{ROUNDS:08}.png").read_bytes() for name in ("whole", "stopped")]
    assert last[0] == last[1]


def test_a_run_leaves_everything_that_it_promises(runs):
    run = runs["folder"] / "whole"
    assert {path.name for path in run.iterdir()} == {"config.json", "versions.json", "metrics.jsonl", "samples",
                                                     "samples.gif", "losses.png", "tensorboard", "checkpoints",
                                                     "train.lock"}
    assert len((run / "metrics.jsonl").read_text().splitlines()) == ROUNDS // 10
    assert sorted(path.name for path in (run / "samples").iterdir()) == [f"{i:08}.png" for i in range(0, 401, 100)]
    with Image.open(run / "samples.gif") as animation:
        assert animation.n_frames == 5
    assert json.loads((run / "config.json").read_text())["batch_size"] == 16
    assert "train" in json.loads((run / "versions.json").read_text())["command"]
    assert f"trained {ROUNDS} rounds" in runs["whole"] and "images/s" in runs["whole"]


def test_another_config_in_the_same_directory_is_refused_and_touches_nothing(runs, capsys):
    run = runs["folder"] / "whole"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["train", *TINY, f"--workdir={run}", "--config.seed=5"]) == 2
    errors = capsys.readouterr().err
    assert "config.seed: 0 there, 5 now" in errors and "Traceback" not in errors
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_a_run_that_is_done_is_left_alone(runs, capsys):
    run = runs["folder"] / "whole"
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    assert main(["train", *TINY, f"--workdir={run}", f"--config.train.total_rounds={ROUNDS}"]) == 0
    assert f"has its {ROUNDS} rounds" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before


def test_samples_come_as_a_grid_as_files_and_as_walks(runs, tmp_path):
    workdir = f"--workdir={runs['folder'] / 'whole'}"
    assert main(["sample", workdir, f"--output={tmp_path / 'grid.png'}", "--number=20"]) == 0
    assert main(["sample", workdir, f"--output={tmp_path / 'files'}", "--form=files", "--labels=3,7",
                 "--number=4"]) == 0
    assert main(["sample", workdir, f"--output={tmp_path / 'walks.png'}", "--interpolate=3", "--number=5"]) == 0
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == [
        "000000_class3.png", "000001_class7.png", "000002_class3.png", "000003_class7.png"]
    with Image.open(tmp_path / "files/000000_class3.png") as image:
        assert image.size == (8, 8)
    with Image.open(tmp_path / "walks.png") as image:
        assert image.width / image.height == pytest.approx(5 / 3, rel=0.02)


def test_single_samples_are_those_of_all_by_their_numbers(runs, tmp_path):
    found = {}
    for name, flag in {"all": "--number=7", "some": "--seeds=5-6,0"}.items():
        assert main(["sample", f"--workdir={runs['folder'] / 'whole'}", "--form=npz", flag,
                     f"--output={tmp_path / name}.npz"]) == 0
        found[name] = np.load(tmp_path / f"{name}.npz")
    np.testing.assert_array_equal(found["some"]["labels"], found["all"]["labels"][[5, 6, 0]])
    # Three images and seven are two programs, which may round a pixel that lies between two levels otherwise.
    assert np.abs(found["some"]["images"].astype(int) - found["all"]["images"][[5, 6, 0]]).max() <= 1


@pytest.mark.parametrize("truncation", ["0", "0.5"])
def test_sample_i_depends_on_the_seed_and_i_alone(runs, tmp_path, truncation):
    found = {}
    for name, flags in {"few": ["--number=4"], "many": ["--number=9"], "whole": ["--number=4", "--truncation=0"],
                        "other": ["--number=4", "--seed=1"]}.items():
        assert main(["sample", f"--workdir={runs['folder'] / 'whole'}", "--form=npz", f"--truncation={truncation}",
                     *flags, "--labels=3", f"--output={tmp_path / name}.npz"]) == 0
        found[name] = np.load(tmp_path / f"{name}.npz")["images"]
    # Four images and nine are two programs, which may round a pixel that lies between two levels otherwise.
    different = np.abs(found["few"].astype(int) - found["many"][:4])
    assert different.max() <= 1 and different.mean() < 0.01
    assert not np.array_equal(found["few"], found["other"])
    assert np.array_equal(found["few"], found["whole"]) == (truncation == "0")


@pytest.mark.parametrize(("arguments", "words"), [
    (["sample", "--labels=11"], "the classes are 0 to 9"),
    (["sample", "--step=7"], "no checkpoint after 7 rounds; it has 400"),
    (["sample", "--seeds=1,x"], "--seeds=1,x: 'x' is not the number of a sample"),
    (["sample", "--seeds=6-4"], "6-4 ends before it begins"),
    (["sample", "--seeds=0-10000000"], "more than 10,000,000 samples"),
    (["sample", "--seeds=3000000000"], "beyond the last sample, 2,147,483,647"),
    (["sample", "--seeds=1", "--interpolate=2"], "leave one of them out"),
    (["sample", "--form=gird"], "gird"),
    (["sample", "--truncation=-1"], "--truncation=-1"),
])
def test_mistakes_about_a_run_are_answered_in_a_sentence(runs, capsys, arguments, words):
    assert main([*arguments, f"--workdir={runs['folder'] / 'whole'}"]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("ganlab: ") and words in errors


@pytest.mark.parametrize(("arguments", "words"), [
    ([], "--workdir is missing"),
    (["--config=experiments/digit.py"], "No such file"),
    (["--config=experiments/digits.py:los=hinge"], "did you mean loss?"),
    (["--config=experiments/digits.py:loss=hing"], "did you mean hinge?"),
    (["--config.hyper.critic_lrr=1", "--config=experiments/digits.py"], "did you mean config.hyper.critic_lr?"),
    (["--config=experiments/digits.py", "--config.hypr.critic_lr=1"], "hyper"),
    (["--config=experiments/digits.py", "--config.batch_size=abc"], "batch_size"),
    (["--config=experiments/digits.py", "--config.batch_size=2000"], "more than the 1,797 images"),
    (["--config=experiments/digits.py", "--config.networks.critic.kwargs.normalization=batch"], "see each other"),
    (["--config=experiments/digits.py", "--workdri=x"], "workdir"),
    (["--config=experiments/digits.py", "stray"], "'stray' is not a flag"),
])
def test_mistakes_about_a_config_are_answered_in_a_sentence_and_make_nothing(tmp_path, capsys, arguments, words):
    workdir = [] if not arguments else [f"--workdir={tmp_path / 'run'}"]
    named = any(argument.startswith("--config=") for argument in arguments)
    assert main(["train", *([] if named else ["--config=experiments/digits.py"]), *arguments, *workdir]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith("ganlab: ") and words in errors
    assert not (tmp_path / "run").exists()


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_list_names_every_entry_of_every_table_with_its_meaning(capsys):
    assert main(["list"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    found = meanings()
    assert set(found) == {"experiments", "ablations", "metrics", "regularizations", *TABLES}
    for entries in found.values():
        for name, meaning in entries.items():
            # Without white space, because long meanings are folded.
            assert meaning.endswith((".", "?")) and "".join(f"{name}{meaning}".split()) in shown
    assert "experiments/digits.py" in found["experiments"]


def test_describe_shows_keys_layers_round_and_memory_and_trains_nothing(capsys):
    assert main(["describe", "--config=experiments/digits.py:network=dcgan"]) == 0
    shown = capsys.readouterr().out
    for words in ("hyper.critic_lr", "ConvTranspose", "generator: DCGANGenerator", "5 batches of 64", "opt_state"):
        assert words in shown


@pytest.mark.parametrize("command", ["train", "sample", "latent", "describe", "list"])
def test_help_shows_whole_examples_and_the_flags(command, capsys):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  ganlab {command}" in shown and "Flags:" in shown


def test_a_search_for_the_name_of_a_published_tool_finds_the_key(capsys):
    assert main(["train", "--help"]) == 0
    shown = "".join(capsys.readouterr().out.split())
    # Without white space, because long lines are folded.
    for path, names in known_elsewhere().items():
        assert "".join(f"--config.{path}{names}".split()) in shown
    assert main(["describe", "--config=experiments/digits.py:penalty=r1"]) == 0
    described = "".join(capsys.readouterr().out.split())
    assert all(name in described for name in ("--gamma", "--kimg", "--mirror", "--glr"))


def test_help_names_every_command_and_an_unknown_one_is_answered(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in COMMANDS)
    assert main(["trian"]) == 2 and "did you mean train?" in capsys.readouterr().err


def test_a_loss_from_outside_the_package_trains(tmp_path, monkeypatch):
    """The README's example, as it stands there."""
    readme = (ROOT / "README.md").read_text()
    code = readme.split("```python\n# my_losses.py\n")[1].split("```")[0]
    (tmp_path / "my_losses.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))  # The command puts its folder there.
    config = f"--config={ROOT / 'experiments/digits.py'}:penalty=none,loss=my_losses:squared_hinge"
    assert "trained 10 rounds" in ganlab("train", config, *TINY[1:], "--workdir=run", "--config.train.total_rounds=10")
    del sys.modules["my_losses"]


def test_a_bug_in_the_users_file_keeps_its_traceback(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def get_config(argument=None):\n    return {}['typo']\n")
    with pytest.raises(KeyError, match="typo"):
        main(["describe", f"--config={file}"])


@pytest.mark.parametrize("arguments", [["--config.seed=3", "--config", "experiments/digits.py"],
                                       ["--config", "experiments/digits.py", "--config.seed=3"]])
def test_the_config_and_its_overrides_may_stand_in_any_order(arguments, capsys):
    assert main(["describe", *arguments]) == 0
    assert re.search(r"seed +3 ", capsys.readouterr().out)


@pytest.mark.parametrize(("arguments", "words"), [
    (["--config=experiments/digits.py", "--config.seed=5000000000"], "below 2^31"),
    (["--config=experiments/digits.py:network=dcgan", "--config.networks.generator.kwargs.base=0"], "base 0"),
    (["--config=experiments/digits.py", "--config.networks.critic.kwargs.depth=-1"], "depth -1"),
    (["--config=experiments/digits.py", "--config.networks.critic.kwargs.activation=rellu"],
     "config.networks.critic (mlp) does not fit: activation 'rellu' is unknown (did you mean relu?)"),
    (["--config=experiments/mixtures.py", "--config.data.kwargs.size=-5"], "config.data (grid25) does not load"),
    (["--config=experiments/digits.py:loss=:x"], "config.system.loss names ':x'"),
    (["--config=experiments/digits.py:penalty=r1+r1"], "the name 'r1' is taken"),
])
def test_values_that_cannot_work_are_answered_with_their_key(arguments, words, capsys):
    assert main(["describe", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_every_choice_of_the_digits_makes_a_game(capsys):
    for choices in ("optimizer=rmsprop", "optimizer=sgd,clip_gradients=value", "schedule=cosine,penalty=none",
                    "optimizer=adamw,clip_gradients=global_norm,projection=weight_clip",
                    "network=dcgan,schedule=linear"):
        assert main(["describe", f"--config=experiments/digits.py:{choices}"]) == 0, capsys.readouterr().err


def test_rounds_a_call_must_divide_the_rounds_that_are_saved(runs, capsys):
    workdir = f"--workdir={runs['folder'] / 'whole'}"
    change = ["--config.train.rounds_per_call=300", "--config.train.total_rounds=600",
              *(f"--config.train.{name}_every_rounds=300" for name in ("log", "sample", "checkpoint"))]
    assert main(["train", *TINY, *change, workdir]) == 2
    assert "stopped after 400 rounds, no multiple of it" in capsys.readouterr().err
