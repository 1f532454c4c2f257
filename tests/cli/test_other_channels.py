"""Data of a user's own whose images have neither one channel nor three: it trains, is drawn and is measured, and what
cannot be written of it is answered in a sentence, before anything is drawn."""

import json
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_digits import TINY

from ganlab.cli.main import main

SOURCE = """
import numpy as np
from ganlab.data import Dataset

def images(channels):
    made = np.random.default_rng(0).integers(256, size=(64, 8, 8, channels)).astype(np.uint8)
    return Dataset("mine", made, np.arange(64, dtype=np.int32) % 2, ("a", "b"))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the source is, as code beside the user's files is found."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "channel_source.py").write_text(SOURCE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder
    sys.modules.pop("channel_source", None)


def train(folder, channels, *flags):
    return main([*TINY, f"--workdir={folder / f'run{channels}'}", "--config.data.source=channel_source:images",
                 f"--config.data.kwargs.channels={channels}", "--config.train.total_rounds=10",
                 "--config.train.evaluate_every_rounds=10", *flags])


@pytest.mark.parametrize("channels", [2, 4])
def test_images_of_other_channels_are_trained_on_drawn_and_measured(folder, channels, capsys):
    assert train(folder, channels) == 0
    run = folder / f"run{channels}"
    measured = json.loads((run / "results.json").read_text())
    assert [entry["protocol"]["features"]["name"] for entry in measured] == ["pixels"]
    assert main(["sample", f"--workdir={run}", "--number=6", f"--output={run / 'grid.png'}"]) == 0
    with Image.open(run / "grid.png") as picture:
        assert picture.mode == "RGB" and picture.width > picture.height
    assert main(["sample", f"--workdir={run}", "--number=6", "--form=npz", f"--output={run / 'made.npz'}"]) == 0
    with np.load(run / "made.npz") as file:
        assert file["images"].shape == (6, 8, 8, channels)
    capsys.readouterr()
    assert main(["sample", f"--workdir={run}", "--form=files", f"--output={run / 'files'}"]) == 2
    assert f"images of {channels} channels; use --form=npz" in capsys.readouterr().err
    assert not (run / "files").exists()


def test_features_of_pictures_are_refused_before_anything_is_compiled_or_written(folder, capsys):
    assert train(folder, 5, "--config.evaluate.features=digits") == 2
    error = capsys.readouterr().err
    assert "features digits are those of images of 1 or 3 channels" in error and "[8, 8, 5]" in error
    assert not (folder / "run5").exists()
