"""Pictures out of a package of emoji: each is its cell of the sheet, on white, in the folder of its category."""

import importlib.util
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SPEC = importlib.util.spec_from_file_location(
    "emoji_pictures", Path(__file__).parent.parent / "scripts" / "emoji_pictures.py")
emoji_pictures = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(emoji_pictures)
SIDE = 3
GREEN, CLEAR, HALF = (0, 255, 0, 255), (0, 0, 0, 0), (255, 0, 0, 51)


def emoji(name, category, column, row, **more):
    return {"short_name": name, "category": category, "sheet_x": column, "sheet_y": row, "has_img_own": True, **more}


# A sheet of two columns and three rows, of which the last two hold the same drawing.
EMOJI = [
    emoji("+1", "People & Body", 0, 0, skin_variations={
        "1F3FB": {"sheet_x": 1, "sheet_y": 0, "has_img_own": True},
        "1F3FC": {"sheet_x": 1, "sheet_y": 2, "has_img_own": False}}),
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


def refused(*flags):
    """The sentence with which the script ends."""
    with pytest.raises(SystemExit) as caught:
        emoji_pictures.main(flags)
    assert caught.value.code.startswith("emoji_pictures: ")
    return caught.value.code


def test_each_cell_becomes_a_picture_on_white_in_the_folder_of_its_category(tmp_path, capsys):
    package = package_at(tmp_path / "package")
    with tarfile.open(tmp_path / "own.tgz", "w:gz") as archive:
        archive.add(package, "package")
    expected = np.full((SIDE, SIDE, 3), (0, 255, 0))
    expected[0, 0] = (0, 0, 255)
    for source in (package, tmp_path / "own.tgz"):
        output = tmp_path / f"from {source.name}"
        emoji_pictures.main([f"--output={output}", f"--package={source}", f"--side={SIDE}"])
        found = {str(path.relative_to(output)): np.asarray(Image.open(path)) for path in output.rglob("*.png")}
        assert sorted(found) == ["objects/a_b.png", "people_and_body/+1-1f3fb.png", "people_and_body/+1.png"]
        np.testing.assert_array_equal(found["people_and_body/+1.png"], expected)
        # Nothing but white of what is clear, and a fifth of red.
        assert np.all(found["people_and_body/+1-1f3fb.png"] == 255)
        assert np.all(found["objects/a_b.png"] == (255, 204, 204))
        told = capsys.readouterr().out
        assert "3 pictures of 3x3 pixels" in told and "1 that look like others" in told
        assert f"ganlab data import '{output}' '{output}_3' --resolution=3" in told
    emoji_pictures.main([f"--output={tmp_path / 'one'}", f"--package={package}", f"--side={SIDE}", "--notones"])
    assert "2 pictures" in capsys.readouterr().out
    assert not (tmp_path / "one/people_and_body/+1-1f3fb.png").exists()


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
    package = package_at(tmp_path / "package", **changes)
    assert words in refused(f"--output={output}", f"--package={package}", f"--side={side}")
    assert not output.exists()


def test_what_else_is_missing_is_told(tmp_path):
    new = f"--output={tmp_path / 'new'}"
    (tmp_path / "cut.tgz").write_bytes(b"\x1f\x8b")
    for name in ("cut.tgz", "none.tgz"):
        assert "is neither a folder nor the .tgz" in refused(new, f"--package={tmp_path / name}")
    assert "is there already; name a new folder" in refused(f"--output={tmp_path}")


def test_npm_fetches_the_package_once_and_leaves_nothing_half_done(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    npm, cache, new = tmp_path / "npm", tmp_path / "cache/ganlab/packages", f"--output={tmp_path / 'new'}"
    # A program in place of npm, which runs in the folder that is to have the package.
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "npm, which would fetch emoji-datasource-google@15, is not installed" in refused(new)
    for does, words in (("echo half > x.tgz; exit 1", None), ('echo "$@" > emoji-datasource-google-15.1.0.tgz', "pack"),
                        ("exit 1", "pack")):
        npm.write_text(f"#!/bin/sh\n{does}\n")
        npm.chmod(0o755)
        if words is None:
            assert "npm could not fetch" in refused(new)
            assert list(cache.iterdir()) == []
        else:
            assert emoji_pictures.fetched() == cache / "emoji-datasource-google-15.1.0.tgz"
            assert emoji_pictures.fetched().read_text() == "pack emoji-datasource-google@15 --silent\n"
