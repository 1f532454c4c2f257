"""Samples carry the names of their classes, whatever number a class has inside; nothing is trained for it."""

import types

import ml_collections
import numpy as np
import pytest

from ganlab.cli import runs, sample_command
from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.data import Dataset
from ganlab.data.classes import file_words

NUMBERS = tuple(map(str, range(1, 12)))


@pytest.fixture
def sample(monkeypatch, tmp_path):
    """Runs `ganlab sample` on a run of classes with these names, whose samples show their labels."""
    def sampled(names, *flags, conditional=True):
        data = Dataset("data", np.zeros((len(names), 4, 4, 1), np.uint8), np.arange(len(names)), names)
        trained = types.SimpleNamespace(
            config=ml_collections.ConfigDict({"name": "run", "system": {"name": "gan", "conditional": conditional}}),
            dataset=data, options=lambda given, prefix: {},
            step=7, stage="", latents=lambda numbers, *settings: np.zeros((len(numbers), 2)),
            images=lambda latents, labels, **settings: np.broadcast_to(
                (labels / 127.5 - 1)[:, None, None, None], (len(labels), 4, 4, 1)))
        monkeypatch.setattr(sample_command, "open_run", lambda *arguments: trained)
        assert main(["sample", f"--workdir={tmp_path}", f"--output={tmp_path / 'made'}", *flags]) == 0
        return tmp_path
    return sampled


@pytest.mark.parametrize(("names", "labels", "wanted"), [
    (NUMBERS, "2,11", ["2", "11"]), (("cats", "dogs"), "dogs,0", ["dogs", "cats"]),
    (("0", "20240131"), "20240131", ["20240131"]), (("big cats", "a/b"), "a/b,big cats", ["a_b", "big_cats"])])
def test_files_and_arrays_carry_the_names_that_labels_ask_for(names, labels, wanted, sample):
    folder = sample(names, "--form=files", f"--labels={labels}", f"--number={len(wanted)}")
    assert sorted(file.name for file in (folder / "made").iterdir()) == [
        f"{i:06}_class{name}.png" for i, name in enumerate(wanted)]
    with np.load(sample(names, "--form=npz", f"--labels={labels}", f"--number={len(wanted)}") / "made.npz") as file:
        found = dict(file)
    assert tuple(found["class_names"]) == names
    assert found["class_names"][found["labels"]].tolist() == labels.replace("dogs,0", "dogs,cats").split(",")
    np.testing.assert_array_equal(found["images"][:, 0, 0, 0], found["labels"])


def test_samples_of_an_unconditional_run_are_of_no_class(sample):
    folder = sample(("cats", "dogs"), "--form=files", "--number=2", conditional=False)
    assert sorted(file.name for file in (folder / "made").iterdir()) == ["000000.png", "000001.png"]
    with np.load(sample(("cats", "dogs"), "--form=npz", "--number=2", conditional=False) / "made.npz") as file:
        assert "class_names" not in file


@pytest.mark.parametrize(("text", "names", "words"), [
    ("0", NUMBERS, "--labels=0: the classes are called 1, 2, 3"),
    ("12", NUMBERS, "the classes are called 1, 2"),
    ("2", ("cats", "dogs"), r"the classes are 0 to 1 \(cats, dogs\)"),
    ("x", tuple(map(str, range(10))), "the classes are 0 to 9"),
    ("x", tuple(map(str, range(1000))), "18, 19, and 980 more"),
])
def test_a_class_that_is_not_there_is_answered_with_those_that_are(text, names, words):
    with pytest.raises(ConfigError, match=words):
        runs.class_number("labels", text, names)


@pytest.mark.parametrize("names", [
    ("a/b", "a_b", "a_b-0", "c"), ("Cats", "cats"), ("..", "."), ("日本", "中国"), ("x" * 300, "x" * 301),
    ("é" * 80,), ("a:b", "a*b", 'a"b', "a\tb"), NUMBERS])
def test_every_class_has_its_own_word_that_file_systems_take(names, tmp_path):
    words = file_words(names)
    assert len({word.casefold() for word in words}) == len(names)
    for word in words:
        assert not set(word) & set('/\\:*?"<>| \t') and len(word.encode()) < 120
        (tmp_path / f"000000_class{word}.png").touch()
    assert file_words(NUMBERS) == NUMBERS
