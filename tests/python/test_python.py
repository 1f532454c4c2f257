"""ganlab from Python: docs/python.md runs as it is written, and gives what the commands give."""

import re
import subprocess
import sys
import types
from pathlib import Path

import ml_collections
import numpy as np
import pytest
from PIL import Image

import ganlab
from ganlab.cli.main import main

ROOT = Path(ganlab.__file__).parent.parent
BLOCKS = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/python.md").read_text(), re.MULTILINE | re.DOTALL)
TINY = {"train.total_rounds": 4, "train.log_every_rounds": 1, "train.sample_every_rounds": 4,
        "train.checkpoint_every_rounds": 2, "batch_size": 8, "sample.number": 10}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a tiny conditional run in runs/digits."""
    folder = tmp_path_factory.mktemp("python")
    config = ganlab.read_config("experiments/digits.py:loss=hinge,penalty=none", TINY)
    for player in config.networks.values():
        player.kwargs.update(width=4, depth=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        ganlab.train(config, "runs/digits")
        yield folder


@pytest.fixture
def run(place):
    return ganlab.load(place / "runs/digits")


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_code_of_the_page_runs_as_it_is_written(place, number, capsys):
    names = {}
    exec(compile(BLOCKS[number], f"docs/python.md, block {number}", "exec"), names)  # noqa: S102
    if number == 0:
        assert names["images"].shape == (16, 8, 8, 1) and names["images"].dtype == np.uint8
    assert len(BLOCKS) == 3


def test_samples_are_those_of_the_command(run, place):
    assert main(["sample", f"--workdir={run.path}", "--number=5", "--labels=3,7", "--seed=2", "--truncation=0.5",
                 "--form=npz", f"--output={place / 'samples.npz'}"]) == 0
    with np.load(place / "samples.npz") as file:
        np.testing.assert_array_equal(run.sample(5, [3, "7", 3, "7", 3], seed=2, truncation=0.5), file["images"])


def test_images_of_latents_are_floats_of_the_samples(run):
    latents = run.latents(6, seed=1, temperature=0.5)
    made = run.images(latents, labels=[0] * 6)
    assert made.dtype == np.float32 and np.abs(made).max() <= 1
    np.testing.assert_array_equal(np.clip(np.round((made + 1) * 127.5), 0, 255),
                                  run.sample(6, [0] * 6, seed=1, temperature=0.5))


def test_a_run_tells_its_numbers_checkpoints_and_results(run, place):
    assert run.step == 4 and run.checkpoints == [2, 4] and run.config.batch_size == 8
    assert run.metrics["step"].tolist() == [1, 2, 3, 4] and np.all(np.isfinite(run.metrics["critic/loss"]))
    assert ganlab.load(run.path, step=2).step == 2
    assert run.results == []
    assert main(["evaluate", f"--workdir={run.path}", "--metrics=fid", "--number=100", "--real_number=100"]) == 0
    assert [record.result.name for record in run.results] == ["fid"]


def test_training_again_resumes_and_is_done(run):
    again = ganlab.train(run.config, run.path)
    np.testing.assert_array_equal(again.sample(3), run.sample(3))


def test_a_run_shows_itself_as_a_picture(run):
    picture = run.show(10)
    assert isinstance(picture, Image.Image) and picture._repr_png_()[:4] == b"\x89PNG"


@pytest.mark.parametrize(("names", "labels", "wanted"), [
    ((*map(str, range(10)), "A", "B"), [10, "A", np.int32(3), "3", 11], [10, 10, 3, 3, 11]),
    # A text is a name, a whole number counts the names.
    (tuple(map(str, range(1, 12))), [0, "1", 10, "11"], [0, 0, 10, 10]),
    (("cats", "dogs"), np.array([1, 0]), [1, 0])])
def test_labels_are_classes_by_name_or_number(names, labels, wanted):
    trained = types.SimpleNamespace(config=ml_collections.ConfigDict({"system": {"conditional": True}}),
                                    dataset=types.SimpleNamespace(class_names=names))
    run = ganlab.Run(None, 0, trained.config, trained)
    assert run._labels(labels, len(wanted)).tolist() == wanted
    for beyond in (len(names), -1, True, 0.5):
        with pytest.raises(ganlab.ConfigError, match=f"{beyond} is not a whole number from 0 to {len(names) - 1}"):
            run._labels([beyond], 1)


def test_weights_of_classes_stand_for_labels(run):
    latents, rows = run.latents(4, seed=1), np.eye(10)
    np.testing.assert_allclose(run.images(latents, rows[[3, 7, 3, 0]]), run.images(latents, [3, 7, 3, 0]), atol=1e-6)
    words = "of shape [4, 9]; give one for each image and class, [4, 10]"
    with pytest.raises(ganlab.ConfigError, match=re.escape(words)):
        run.images(latents, rows[:4, :9])


@pytest.mark.parametrize(("mistake", "words"), [
    (lambda run: run.sample(4, labels=[10] * 4), "classes are"),
    (lambda run: run.sample(4, labels=[1]), "1 label for 4 images; give one for each"),
    (lambda run: run.sample(4, psi=0.5), "psi is not an option of what system gan makes; its options: temperature, truncation"),
    (lambda run: run.sample(4, truncation=-1.0), "truncation=-1.0 is not allowed; it takes a number of at least 0"),
    (lambda run: run.translate(np.zeros((1, 8, 8, 1), np.uint8)), "'AB' is not one of the run's: none"),
    (lambda run: ganlab.load(run.path.parent), "holds no run"),
    (lambda run: ganlab.load(run.path, step=3), "3"),
    (lambda run: ganlab.read_config("experiments/digits.py", {"train.rounds": 3}), "config.train.rounds"),
    (lambda run: ganlab.read_config("experiments/digits.py", {"batch_size": 0}), "config.batch_size"),
])
def test_mistakes_are_answered_in_a_sentence(run, mistake, words):
    with pytest.raises(ganlab.ConfigError, match=re.escape(words)):
        mistake(run)


def test_importing_sets_nothing_and_every_public_name_is_there():
    words = subprocess.run([sys.executable, "-c", "import sys, ganlab; print('jax' in sys.modules, 'absl' in sys.modules)"],
                           capture_output=True, text=True, check=True).stdout
    assert words.split() == ["False", "False"]
    for name in ganlab.PUBLIC:
        assert getattr(ganlab, name) is not None and name in dir(ganlab)
    with pytest.raises(AttributeError, match="no attribute 'lode'; it has Run, load"):
        ganlab.lode
