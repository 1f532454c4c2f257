"""Checksums of checkpoints: written when a save is complete, they show any later change, and arrays of another game."""

import json
import shutil
import threading

import numpy as np
import pytest
from tiny import start, tiny_game

from ganlab.config import ConfigError
from ganlab.storage import Best, Checkpoints, rounds_saved
from ganlab.storage.checksums import FILE, damage, write_checksums

SGD = {"generator": {"optimizer": "sgd"}, "critic": {"optimizer": "sgd"}}


@pytest.fixture(scope="module")
def state():
    return start(tiny_game(**SGD))


@pytest.fixture(scope="module")
def saved(tmp_path_factory, state):
    """Two checkpoints that training would leave."""
    folder = tmp_path_factory.mktemp("saved") / "checkpoints"
    checkpoints = Checkpoints(folder, keep=2)
    for step in (1, 2, 3):
        checkpoints.save(step, state.replace(step=state.step + step))
    checkpoints.close()
    return folder


@pytest.fixture
def copied(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "checkpoints")


def largest(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def test_every_complete_checkpoint_has_the_checksums_of_its_files(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["2", "3"]
    for step in ("2", "3"):
        files = {str(path.relative_to(saved / step)) for path in (saved / step).rglob("*") if path.is_file()}
        assert set(json.loads((saved / step / FILE).read_text())) == files - {FILE} and len(files) > 4
        assert damage(saved / step) == []


def test_checksums_are_those_of_the_standard(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/abc").write_text("abc")
    write_checksums(tmp_path)
    assert json.loads((tmp_path / FILE).read_text()) == {
        "folder/abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}  # FIPS 180-4's example.


def test_a_changed_a_missing_and_an_extra_file_are_named(copied):
    folder = copied / "3"
    file = largest(folder)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    (folder / "small/ema.safetensors").unlink()
    (folder / "notes.txt").write_text("mine")
    assert damage(folder) == sorted([f"{file.relative_to(folder)} has changed", "small/ema.safetensors is missing"]) + [
        "notes.txt is extra"]
    assert damage(copied / "2") == []


def test_a_checkpoint_without_checksums_is_not_damaged(copied):
    (copied / "3" / FILE).unlink()
    assert damage(copied / "3") is None


@pytest.mark.parametrize("text", ["", "[1]", '{"a": '])
def test_checksums_that_do_not_read_are_damage(copied, text):
    (copied / "3" / FILE).write_text(text)
    assert damage(copied / "3") == [f"{FILE} does not read"]


def test_a_checkpoint_with_another_bit_is_not_resumed_from(copied, state):
    file = largest(copied / "3")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    said = []
    checkpoints = Checkpoints(copied, keep=2)
    step, restored = checkpoints.restore_newest(state, said.append)
    checkpoints.close()
    assert step == 2 and restored.step == 2
    assert said[0].startswith("checkpoint 3 does not read: ") and "has changed" in said[0]


@pytest.mark.parametrize(("name", "text"), [("notes.txt", "mine"), (FILE, "")])
def test_a_file_too_many_or_damaged_checksums_hinder_no_resuming(name, text, copied, state):
    (copied / "3" / name).write_text(text)
    checkpoints = Checkpoints(copied, keep=2)
    assert checkpoints.restore_newest(state, print)[0] == 3
    checkpoints.close()


@pytest.mark.parametrize(("change", "words"), [
    (lambda leaf: leaf.astype(np.float16), "float32 ({0},) there and float16 ({0},) here"),
    (lambda leaf: leaf[None], "float32 ({0},) there and float32 (1, {0}) here")])
def test_an_array_of_another_type_or_shape_is_refused_by_name_and_no_checkpoint_is_moved(copied, state, change, words):
    def changed(network):
        return network | {"output": network["output"] | {"bias": change(network["output"]["bias"])}}

    like = state.replace(params=state.params | {"critic": changed(state.params["critic"])})
    averaged = state.replace(ema={"generator": changed(state.ema["generator"])})
    for name, size, restore in (
            ("state.params.critic", 1, lambda checkpoints: checkpoints.restore_newest(like, print)),
            ("ema.generator.params", 2, lambda checkpoints: checkpoints.restore_network("generator", 3, averaged, True))):
        checkpoints = Checkpoints(copied)
        with pytest.raises(ConfigError, match="checkpoint 3 .* holds other arrays") as error:
            restore(checkpoints)
        checkpoints.close()
        assert f"{name}.output.bias is {words.format(size)};" in str(error.value)
    assert sorted(path.name for path in copied.iterdir()) == ["2", "3"]


def test_arrays_that_are_there_or_here_alone_are_named(copied, state):
    bias = {"bias": np.zeros(2, np.float32)}
    checkpoints = Checkpoints(copied)
    with pytest.raises(ConfigError, match=r"state\.params\.critic\.new\.bias is not there"):
        checkpoints.restore(3, state.replace(params=state.params | {"critic": state.params["critic"] | {"new": bias}}))
    with pytest.raises(ConfigError, match=r"state\.params\.generator\.\S+ is not here"):
        checkpoints.restore(3, state.replace(params={"critic": state.params["critic"]}))
    checkpoints.close()


def test_metrics_that_do_not_read_set_their_checkpoint_aside(tmp_path, state):
    folder = tmp_path / "checkpoints"
    checkpoints = Checkpoints(folder, keep=2, best=Best("fid", True))
    for step in (1, 2):
        checkpoints.save(step, state, {"fid": float(step)})
    checkpoints.close()
    (folder / "2/metrics/metrics").write_text("")
    with pytest.raises(ConfigError, match="checkpoint 2 in .* its metrics are damaged"):
        Checkpoints(folder)
    assert rounds_saved(folder) == 2
    said = []
    checkpoints = Checkpoints(folder, keep=2, best=Best("fid", True))
    assert checkpoints.restore_newest(state, said.append)[0] == 1
    checkpoints.close()
    assert said == ["checkpoint 2 does not read: its metrics are damaged; it is set aside as damaged_checkpoint_2"]
    assert (tmp_path / "damaged_checkpoint_2").is_dir() and rounds_saved(folder) == 1


@pytest.mark.parametrize("told_by", ["save", "wait", "close"])
def test_a_save_that_fails_behind_the_loop_is_told_by_what_comes_next(tmp_path, state, monkeypatch, told_by):
    checkpoints = Checkpoints(tmp_path, keep=2)
    wait, failures = checkpoints._manager.wait_until_finished, [OSError(28, "No space left on device")]

    def fails_once():
        wait()
        # As Orbax: whoever asks first hears of it, and nobody after; here it is the thread.
        if failures and threading.current_thread() is not threading.main_thread():
            raise failures.pop()

    monkeypatch.setattr(checkpoints._manager, "wait_until_finished", fails_once)
    checkpoints.save(1, state)
    checkpoints._hashing.join()
    with pytest.raises(OSError, match="No space left") as error:
        checkpoints.save(2, state) if told_by == "save" else getattr(checkpoints, told_by)()
    assert error.value.filename == str(tmp_path)
    checkpoints.close()
