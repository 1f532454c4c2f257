"""Pictures out of a package of emoji: each is its cell of the sheet, on white, in the folder of its category."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parent.parent / "scripts" / "emoji_pictures.py"
SIDE = 3
GREEN, CLEAR, HALF = (0, 255, 0, 255), (0, 0, 0, 0), (255, 0, 0, 51)


def emoji(name, category, column, row, **more):
    return {"short_name": name, "category": category, "sheet_x": column, "sheet_y": row, "has_img_own": True, **more}


# A sheet of two columns and three rows, of which the last two hold the same drawing.
EMOJI = [
    emoji("+1", "People & Body", 0, 0, skin_variations={
        "1F3FB": {"sheet_x": 1, "sheet_y": 0, "has_img_own": True}, "1F3FC": {"sheet_x": 1, "sheet_y": 2, "has_img_own": False}}),
    emoji("a/b", "Objects", 0, 1), emoji("like a/b", "Objects", 0, 2), emoji("patch", "Component", 1, 1)]


def package_at(folder, listed=EMOJI, size=(2 * (SIDE + 2), 3 * (SIDE + 2))):
    """A package with drawings in its cells and magenta on their borders."""
    sheet = np.full((*size[::-1], 4), (255, 0, 255, 255), np.uint8)
    for (column, row), colour in {(0, 0): GREEN, (1, 0): CLEAR, (0, 1): HALF, (0, 2): HALF, (1, 1): GREEN}.items():
        top, left = row * (SIDE + 2) + 1, column * (SIDE + 2) + 1
        sheet[top:top + SIDE, left:left + SIDE] = colour  # Nothing where the sheet is smaller.
    # A corner that shows which way the sheet is read.
    sheet[1, 1] = (0, 0, 255, 255)
    place = folder / "img/own/sheets" / f"{SIDE}.png"
    place.parent.mkdir(parents=True)
    Image.fromarray(sheet).save(place)
    if listed is not None:
        (folder / "emoji.json").write_text(json.dumps(listed))
    return folder


def make(*flags, **environment):
    return subprocess.run([sys.executable, SCRIPT, *flags], capture_output=True, text=True, check=False,
                          env={**os.environ, **environment})


def test_each_cell_becomes_a_picture_on_white_in_the_folder_of_its_category(tmp_path):
    package = package_at(tmp_path / "package")
    with tarfile.open(tmp_path / "own.tgz", "w:gz") as archive:
        archive.add(package, "package")
    expected = np.full((SIDE, SIDE, 3), (0, 255, 0))
    expected[0, 0] = (0, 0, 255)
    for source in (package, tmp_path / "own.tgz"):
        output = tmp_path / f"from {source.name}"
        done = make(f"--output={output}", f"--package={source}", f"--side={SIDE}")
        assert done.returncode == 0, done.stderr
        found = {str(path.relative_to(output)): np.asarray(Image.open(path)) for path in output.rglob("*.png")}
        assert sorted(found) == ["objects/a_b.png", "people_and_body/+1-1f3fb.png", "people_and_body/+1.png"]
        np.testing.assert_array_equal(found["people_and_body/+1.png"], expected)
        # Nothing but white of what is clear, and a fifth of red.
        assert np.all(found["people_and_body/+1-1f3fb.png"] == 255)
        assert np.all(found["objects/a_b.png"] == (255, 204, 204))
        assert "3 pictures of 3x3 pixels" in done.stdout and "1 that look like others" in done.stdout
        assert f"ganlab data import '{output}' '{output}_3' --resolution=3" in done.stdout
    done = make(f"--output={tmp_path / 'one'}", f"--package={package}", f"--side={SIDE}", "--notones")
    assert "2 pictures" in done.stdout and not (tmp_path / "one/people_and_body/+1-1f3fb.png").exists()


BAD = {
    "another side": (dict(), 32, "has no sheet of --side=32 pixels; it has 3"),
    "no list": (dict(listed=None), SIDE, "has no emoji.json"),
    "a list of something else": (dict(listed=[{"name": "x"}]), SIDE, "emoji.json or a sheet that cannot be read"),
    "another size": (dict(size=(11, 15)), SIDE, "is of 11x15 pixels, which are not cells of 5"),
    "too few rows": (dict(size=(10, 10)), SIDE, "for 2 columns and 3 rows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read_is_told_in_a_sentence_before_anything_is_written(case, tmp_path):
    changes, side, words = BAD[case]
    output = tmp_path / "pictures"
    done = make(f"--output={output}", f"--package={package_at(tmp_path / 'package', **changes)}", f"--side={side}")
    assert done.returncode == 1 and words in done.stderr and done.stderr.startswith("emoji_pictures: ")
    assert "Traceback" not in done.stderr and not output.exists()


def test_without_npm_it_says_what_to_do(tmp_path):
    done = make(f"--output={tmp_path / 'pictures'}", PATH="", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 1 and "npm, which would fetch emoji-datasource-google@15, is not installed" in done.stderr
    done = make(f"--output={tmp_path}")
    assert done.returncode == 1 and "is there already; name a new folder" in done.stderr
