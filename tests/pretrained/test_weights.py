"""Weight files of any kind, by what they hold and not by their names; what is not one is refused with the reason."""

import gzip
import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
import torch_writers as writers
from image_files import mutated

from ganlab.config import ConfigError
from ganlab.pretrained import FORMATS, Weights, WeightsError, flattening, read_weights, section
from ganlab.pretrained.errors import BadWeights
from ganlab.pretrained.flattening import flatten

RAMP = np.arange(6, dtype=np.float32).reshape(2, 3)
TREE = {"a": writers.tensor(RAMP), "epoch": 3}


def npz():
    file = io.BytesIO()
    np.savez(file, a=RAMP)
    return file.getvalue()


GOOD = {
    "torch zip": writers.torch_zip(TREE), "torch legacy": writers.torch_legacy(TREE),
    "pickle": pickle.dumps({"a": RAMP}),
    "npz": npz(), "npy": writers.npy(RAMP),
    "safetensors": writers.safetensors({"a": writers.entry("F32", [2, 3], 0, 24)}, RAMP.tobytes())}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("suffix", ["npz", "pth", "html"])
def test_the_bytes_tell_the_format_and_not_the_name(name, suffix, tmp_path):
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(GOOD[name])
    weights = read_weights(str(path))
    np.testing.assert_array_equal([*weights.tensors.values()], [RAMP])
    assert weights.rest == ({"epoch": 3} if "torch" in name else {})
    assert weights.sha256 == hashlib.sha256(GOOD[name]).hexdigest()


def test_every_good_file_is_of_one_format_and_every_format_has_one():
    found = {name: [form for form, one in FORMATS.items() if one.recognized(data[:512])] for name, data in GOOD.items()}
    assert all(len(forms) == 1 for forms in found.values())
    assert {form for forms in found.values() for form in forms} == {*FORMATS}


def tar():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("storages"), io.BytesIO())
    return file.getvalue()


NONE = {
    "nothing": (b"", "is empty (0 bytes); copy it again"),
    "a page": (b"\n<!DOCTYPE html><html>Sign in</html>", "is a page of HTML"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "`git lfs pull`"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "HDF5"), "TensorFlow": (b'model_checkpoint_path: "x"', "TensorFlow"),
    "TensorFlow's index": (bytes(40) + bytes.fromhex("57fb808b247547db"), "TensorFlow"),
    "tar": (tar(), "is a tar file"),
    "gzip": (gzip.compress(b"weights"), "is compressed"), "text": (b"weights, surely\n", "begins with weights,"),
    "zeros": (bytes(100), r"begins with \x00"),
    "a zip file": (writers.zip_bytes({"a.txt": "a"}), "holds NAME/data.pkl"),
    "an end of a zip file": (writers.torch_zip(TREE)[:300], "is not a whole zip file"),
    "an empty zip file": (writers.zip_bytes({}), "neither of torch.save"),
    "a number": (pickle.dumps(5, 2), "is a pickle of a number"),
    "StyleGAN": (b"\x80\x03ctorch_utils.persistence\n_reconstruct_persistent_obj\n.",
                 "names torch_utils.persistence._reconstruct_persistent_obj, code of StyleGAN's pickles"),
    "StyleGAN of TensorFlow": (b"\x80\x03(cdnnlib.tflib.network\nNetwork\n.", "names dnnlib.tflib.network.Network"),
    "a module": (writers.torch_zip_of(b"ctorch.nn.modules.linear\nLinear\n."), "torch.nn.modules.linear.Linear"),
    "the code of a module": (writers.torch_legacy_of(b"X\x06\0\0\0module\x85Q."), "refers to something that is not a storage")}


@pytest.mark.parametrize("case", NONE)
def test_what_is_no_weight_file_is_told_why(case, tmp_path):
    data, words = NONE[case]
    path = tmp_path / "weights.pt"
    path.write_bytes(data)
    with pytest.raises(WeightsError) as error:
        read_weights(path)
    assert str(error.value).startswith(f"{path} ") and words in str(error.value) and "\n" not in str(error.value)
    assert isinstance(error.value, ValueError) and isinstance(error.value, ConfigError)


def test_what_is_no_file_is_told_why(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, words in (("", "is a folder"), ("gone.pt", "does not exist"), ("pipe", "is not a regular file"),
                        ("loop", "does not exist"), ("x" * 300, "cannot be read")):
        with pytest.raises(WeightsError, match=words):
            read_weights(tmp_path / name)


def test_sections_are_parts_by_their_first_names():
    weights = Weights({"ema.a.w": RAMP, "emax.w": RAMP, "ema.b": RAMP[0]}, {"ema.n": 5, "m": 6}, "0")
    part = section(weights, "ema")
    assert list(part.tensors) == ["a.w", "b"] and part.rest == {"n": 5} and part.sha256 == "0"
    assert list(section(weights, "ema.a").tensors) == ["w"]
    with pytest.raises(WeightsError, match="no section 'g_ema'; the first parts of their names are: ema, emax, m"):
        section(weights, "g_ema")
    many = Weights({f"layer{i}.w": RAMP for i in range(20)}, {}, "0")
    with pytest.raises(WeightsError, match="layer3, layer4 and 15 more"):
        section(many, "ema")


def test_names_are_joined_and_never_given_twice():
    tree = {"a": {1: [RAMP, (2, {"x": None})], "e": {}, "l": []}, "t": (), "s": {3}}
    assert flatten(tree, 0) == ({"a.1.0": RAMP}, {"a.1.1.0": 2, "a.1.1.1.x": None, "a.e": {}, "a.l": [], "t": [],
                                                  "s": frozenset([3])})
    assert flatten(RAMP, 0)[0] == {"array": RAMP}
    for tree in ({"a.b": 1, "a": {"b": 2}}, {"1": RAMP, 1: RAMP}):
        with pytest.raises(BadWeights, match="two values that are both called"):
            flatten(tree, 0)


def test_names_are_bounded_in_number_depth_and_length(monkeypatch):
    pair = [1, 2]
    for _ in range(40):
        pair = [pair, pair]
    with pytest.raises(BadWeights, match="more than 262,144 values"):
        flatten(pair, 0)
    with pytest.raises(BadWeights, match="names of more than 67,108,864 letters"):
        flatten({"n" * 2**20: [1] * 100}, 0)
    loop: dict = {}
    loop["a"] = loop
    with pytest.raises(BadWeights, match="nested more than 64 deep, or within themselves"):
        flatten(loop, 0)
    monkeypatch.setattr(flattening, "FREE_BYTES", 0)
    assert flatten([RAMP] * 8, RAMP.nbytes)
    with pytest.raises(BadWeights, match="unfold to more than 8 times"):
        flatten([RAMP] * 9, RAMP.nbytes)


def damaged(rng, data):
    """A copy of bytes with one other byte, or with worse mistakes."""
    if rng.integers(2):
        return mutated(rng, data)
    at = rng.integers(len(data))
    return data[:at] + rng.bytes(1) + data[at + 1:]


def with_mistakes(rng, name):
    """A file of a kind with mistakes: anywhere in it, or in what a zip file holds, whose check sums then hold."""
    if name == "torch zip" and rng.integers(4):
        pickled, storages = writers.pickled(TREE)
        return writers.torch_zip_of(damaged(rng, pickled), {key: storage.raw for key, storage in storages.items()})
    if name == "npz" and rng.integers(4):
        return writers.zip_bytes({"a.npy": damaged(rng, writers.npy(RAMP))})
    return damaged(rng, GOOD[name])


def test_a_thousand_damaged_files_end_in_weights_or_in_a_sentence(tmp_path):
    path, rng, ends = tmp_path / "weights", np.random.default_rng(0), {"weights": 0, "sentence": 0}
    for i in range(1200):
        path.unlink(missing_ok=True)
        path.write_bytes(with_mistakes(rng, [*GOOD][i % len(GOOD)]))
        try:
            weights = read_weights(path)
        except WeightsError as error:
            assert str(error).startswith(f"{path} ") and str(error).isprintable()
            ends["sentence"] += 1
        else:
            assert all(len(array.tobytes()) == array.nbytes for array in weights.tensors.values())
            ends["weights"] += 1
    assert min(ends.values()) > 100  # Both ends are reached, or the mistakes are too small or too large.
