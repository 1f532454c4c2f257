"""Faces of a package's generator: fetched once into an environment of its own, imported and drawn."""

import importlib.util
import types
from pathlib import Path

import numpy as np
import pytest
import torch_writers as writers
from dcgan_tutorial import stored, tutorial
from PIL import Image

SPEC = importlib.util.spec_from_file_location("draw_faces", Path(__file__).parent.parent / "scripts" / "draw_faces.py")
draw_faces = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(draw_faces)


def weights_at(path):
    """A file of a small generator of 8x8 pixels, as the package has it."""
    tensors = stored(tutorial((3, 2, 3), True, np.random.default_rng(0)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(writers.torch_zip({"netG_state_dict": tensors}))
    return path


def test_a_sheet_is_drawn_of_the_weights_of_a_file(tmp_path):
    weights, run, sheet = weights_at(tmp_path / "weights.tar"), tmp_path / "run", tmp_path / "faces.png"
    flags = [f"--workdir={run}", f"--output={sheet}", f"--weights={weights}", "--number=4"]
    draw_faces.main(flags)
    with Image.open(sheet) as picture:
        assert picture.size[0] > 2 * 8
    with pytest.raises(SystemExit, match="is there already; name a new directory"):
        draw_faces.main(flags)
    weights.write_bytes(b"\x80")
    with pytest.raises(SystemExit) as ended:
        draw_faces.main([f"--workdir={tmp_path}/other", *flags[1:]])
    assert ended.value.code == 2 and not (tmp_path / "other").exists()


def test_the_package_is_fetched_once_without_what_it_depends_on_and_nothing_half_done_is_left(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    caches, commands = tmp_path / "ganlab/packages", []

    def run(command, check):
        commands.append(command)
        if "pip" in command and len(commands) > 4:
            weights_at(Path(command[0]).parent.parent / "lib" / draw_faces.WEIGHTS)
        else:
            (Path(command[-1]) if "venv" in command else caches).mkdir(exist_ok=True)
        return types.SimpleNamespace(returncode=int("pip" in command and len(commands) <= 2))

    monkeypatch.setattr(draw_faces.subprocess, "run", run)
    # pip fails; then it installs something else; then what is asked for.
    for words in ("that failed; fetch gan-face-generate==1.1.1 elsewhere", "has no gan_face_generate/weights.tar"):
        with pytest.raises(SystemExit, match=words):
            draw_faces.fetched()
        assert list(caches.iterdir()) == []
    found = draw_faces.fetched()
    assert found.is_file() and "--no-deps" in commands[-1]
    assert draw_faces.fetched() == found and len(commands) == 6
