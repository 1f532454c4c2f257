"""Published pickles of networks are read as records, with the values that Python finds in them."""

import collections
import functools
import math
import pickle
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from network_writers import HEAD, mapping, network, persistent, storage_file, tensor, text

from ganlab.pretrained import (
    PickledNetwork,
    WeightsError,
    is_network_pickle,
    read_network_pickle,
    read_weights,
)

FILES = Path(__file__).parent / "files"
TF = "dnnlib.tflib.network"
HELD = {
    "stylegan2ada-32-uncond": ("", {
        "G": ("Generator", 75, 17_525), "D": ("Discriminator", 37, 14_547),
        "G_ema": ("Generator", 75, 17_525), "augment_pipe": ("AugmentPipe", 3, 185)}),
    "stylegan2ada-16-cond3": ("", {
        "G": ("Generator", 60, 14_806), "D": ("Discriminator", 46, 17_436),
        "G_ema": ("Generator", 60, 14_806)}),
    "stylegan2-sg3repo-32-cond4": ("", {
        "G": ("Generator", 89, 17_203), "D": ("Discriminator", 55, 14_438),
        "G_ema": ("Generator", 89, 17_203), "augment_pipe": ("AugmentPipe", 3, 185)}),
    "stylegan3-t-32": ("", {
        "G": ("Generator", 58, 12_489), "D": ("Discriminator", 37, 15_161),
        "G_ema": ("Generator", 58, 12_489), "augment_pipe": ("AugmentPipe", 3, 185)}),
    "stylegan3-r-16-cond3": ("", {
        "G": ("Generator", 53, 4_430), "D": ("Discriminator", 46, 10_266),
        "G_ema": ("Generator", 53, 4_430)}),
    "r3gan-32-uncond": ("training.networks", {
        "G": ("Generator", 33, 14_776), "D": ("Discriminator", 33, 14_600),
        "G_ema": ("Generator", 33, 14_776)}),
    "r3gan-16-cond4": ("training.networks", {
        "G": ("Generator", 28, 9_920), "D": ("Discriminator", 28, 9_880),
        "G_ema": ("Generator", 28, 9_920)}),
    "tf-stylegan2-32": (TF, {
        "G": ("G_main", 70, 14_877), "D": ("D_stylegan2", 24, 11_587),
        "G_ema": ("G_main", 70, 14_877)}),
    "tf-stylegan-32": (TF, {
        "G": ("G_style", 66, 23_090), "D": ("D_basic", 27, 17_884),
        "G_ema": ("G_style", 66, 23_090)}),
    "tf-pggan-32": ("tfutil", {
        "G": ("G_paper", 25, 17_381), "D": ("D_paper", 27, 17_901),
        "G_ema": ("G_paper", 25, 17_381)})}
"""The module of a file's networks; class, number of arrays and of numbers in them of each."""
ARGUMENTS = {
    ("stylegan2ada-32-uncond", "G_ema"): {
        "z_dim": 16, "w_dim": 20, "mapping_kwargs": {"num_layers": 2},
        "synthesis_kwargs": {"channel_base": 256, "channel_max": 14, "num_fp16_res": 4,
                             "conv_clamp": 256},
        "c_dim": 0, "img_resolution": 32, "img_channels": 3},
    ("stylegan3-r-16-cond3", "D"): {
        "block_kwargs": {"freeze_layers": 0}, "mapping_kwargs": {},
        "epilogue_kwargs": {"mbstd_group_size": 2}, "channel_base": 160, "channel_max": 12,
        "num_fp16_res": 0, "conv_clamp": None, "c_dim": 3, "img_resolution": 16, "img_channels": 3},
    ("tf-stylegan-32", "G_ema"): {
        "num_channels": 3, "resolution": 32, "label_size": 3, "fmap_base": 128, "fmap_max": 16,
        "latent_size": 12, "dlatent_size": 20, "mapping_fmaps": 24, "mapping_layers": 3},
    ("tf-pggan-32", "D"): {
        "num_channels": 3, "resolution": 32, "label_size": 3, "fmap_base": 128, "fmap_max": 16},
    ("r3gan-32-uncond", "G"): {
        "z_dim": 12, "c_dim": 0, "img_resolution": 32,
        **{f"Model.MainLayers.{stage}.DataType": f"torch.{kind}" for stage, kind in enumerate(
            ["float32", "float32", "bfloat16", "bfloat16"])}}}
SHAPES = {
    ("stylegan2ada-16-cond3", "G", "synthesis.b4.conv1.weight"): (16, 16, 3, 3),
    ("stylegan3-t-32", "G_ema", "synthesis.input.weight"): (14, 14),
    ("r3gan-16-cond4", "G", "Model.MainLayers.0.Layers.0.Basis"): (16, 4, 4),
    ("tf-stylegan2-32", "G_ema", "synthesis/4x4/Const/const"): (1, 13, 4, 4),
    ("tf-stylegan2-32", "G_ema", "mapping/Dense0/weight"): (14, 16),
    ("tf-stylegan2-32", "G_ema", "dlatent_avg"): (18,),
    ("tf-pggan-32", "G", "lod"): ()}


@functools.cache
def held(name):
    return read_network_pickle(FILES / f"{name}.pkl").contents


@pytest.mark.parametrize("name", HELD)
def test_networks_have_their_names_classes_and_sizes(name):
    module, expected = HELD[name]
    networks = {key: value for key, value in held(name).items() if type(value) is PickledNetwork}
    assert {value.module for value in networks.values()} == {module}
    assert {key: (value.class_name, len(value.tensors), sum(a.size for a in value.tensors.values()))
            for key, value in networks.items()} == expected


@pytest.mark.parametrize("case", ARGUMENTS, ids="-".join)
def test_arguments_are_plain_values(case):
    name, key = case
    assert held(name)[key].arguments == ARGUMENTS[case]


@pytest.mark.parametrize("case", SHAPES, ids="-".join)
def test_arrays_have_the_names_and_shapes_of_the_official_code(case):
    name, key, inner = case
    assert held(name)[key].tensors[inner].shape == SHAPES[case]


def test_other_values_are_read_too():
    assert held("stylegan2ada-32-uncond")["training_set_kwargs"] == {
        "class_name": "training.dataset.ImageFolderDataset", "path": "datasets/flowers32.zip",
        "use_labels": False, "max_size": 3210, "xflip": True, "resolution": 32}
    assert held("stylegan2ada-16-cond3")["augment_pipe"] is None
    r3gan = held("r3gan-32-uncond")
    assert r3gan["cur_nimg"] == 3_101_000
    state = r3gan["G_opt_state"]
    assert state["param_groups"][0]["betas"] == (0, 0.99)
    assert state["state"][0]["exp_avg"].dtype == np.float32
    pipe = held("stylegan2ada-32-uncond")["augment_pipe"]
    np.testing.assert_allclose(pipe.tensors["p"], 0.31, rtol=1e-6)


class Stand:
    """What takes the place of a class or function: keeps arguments and state."""

    def __init__(self, *args):
        self.args, self.state = args, {}

    def __setstate__(self, state):
        self.state = state


class Easy(dict):
    """What takes the place of EasyDict."""


class Trusting(pickle.Unpickler):
    """Python's own unpickler, for our own files: torch and the official code are stood in for."""

    def find_class(self, module, name):
        if module.startswith(("numpy", "collections", "builtins")):
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        return Easy if name == "EasyDict" else type(name, (Stand,), {})


def found(value):
    """The same arrays by name, by another way: the last bytes of the file around each storage."""
    name = type(value).__name__
    if name == "_rebuild_parameter":
        return found(value.args[0])
    if name == "_rebuild_tensor_v2":
        storage, offset, shape, strides = value.args[:4]
        count = math.prod(shape)
        assert offset == 0 and strides == tuple(step // 4 for step in np.empty(shape, "f4").strides)
        return np.frombuffer(storage.args[0][-4 * count:], "<f4").reshape(shape)
    if name == "Network":
        parts = {f"{key}/{inner}": array for key, part in value.state.get("components", {}).items()
                 for inner, array in found(part).items()}
        return dict(value.state["variables"]) | parts
    state = value.args[0]["state"] if name == "_reconstruct_persistent_obj" else value.state
    own = {key: found(array) for field in ("_parameters", "_buffers")
           for key, array in state[field].items() if array is not None}
    return own | {f"{key}.{inner}": array for key, module in state["_modules"].items()
                  for inner, array in found(module).items()}


@pytest.mark.parametrize("name", HELD)
def test_values_are_those_that_python_finds(name):
    with open(FILES / f"{name}.pkl", "rb") as file:
        tree = Trusting(file).load()
    ordered = type(tree) is dict
    if not ordered:
        tree = dict(zip(("G", "D", "G_ema"), tree, strict=True))
    for key, value in tree.items():
        if isinstance(value, Stand):
            ours, theirs = held(name)[key], found(value)
            assert ours.tensors.keys() == theirs.keys()
            assert not ordered or [*ours.tensors] == [*theirs]
            for tensor_name, array in theirs.items():
                assert np.array_equal(ours.tensors[tensor_name], array)
                assert ours.tensors[tensor_name].dtype == np.float32
            if type(value).__name__ == "_reconstruct_persistent_obj":
                assert ours.arguments == value.args[0]["state"]["_init_kwargs"]


def test_arrays_are_read_only_views_that_jax_takes():
    for name in ("stylegan2ada-16-cond3", "tf-stylegan-32"):
        for array in held(name)["G"].tensors.values():
            assert not array.flags.writeable and not array.flags.owndata
            assert np.array_equal(jnp.asarray(array), array)


def test_networks_are_told_from_other_weight_files(tmp_path):
    assert all(is_network_pickle(FILES / f"{name}.pkl") for name in HELD)
    others = {
        "state_dict": pickle.dumps({"state_dict": {"a": np.zeros(3)}}), "empty": b"",
        "page": b"<html>", "legacy": storage_file(bytes(4), 1),
        "text": HEAD + text("torch_utils.persistence") + b".", "evil": HEAD + b"cos\nsystem\n)R.",
        "cut": (FILES / "tf-pggan-32.pkl").read_bytes()[:30]}
    for name, data in others.items():
        (tmp_path / name).write_bytes(data)
    paths = [*map(tmp_path.joinpath, others), tmp_path, tmp_path / "none", FILES / "zip.pt",
             FILES / "legacy.pt"]
    assert not any(map(is_network_pickle, paths))


def read(tmp_path, data):
    path = tmp_path / "network.pkl"
    path.write_bytes(data)
    return read_network_pickle(path).contents


def test_positional_arguments_shared_modules_and_gaps_are_read(tmp_path):
    one = tensor(storage_file(np.float32([1, 2, 3, 4, 5, 6]).tobytes(), 6), 1, (2, 2), (3, 1))
    inner = persistent("FullyConnectedLayer", mapping(_parameters=mapping(weight=one, bias=b"N")))
    state = mapping(_modules=mapping(a=inner + b"q\1", b=b"h\1", c=b"N"),
                    _init_args=text("x") + b"K\1\x86", _init_kwargs=mapping(z_dim=b"K\2"))
    value = read(tmp_path, network(state))["G"]
    assert value.arguments == {"z_dim": 2, "args": ("x", 1)}
    assert {name: array.tolist() for name, array in value.tensors.items()} == dict.fromkeys(
        ("a.weight", "b.weight"), [[2, 3], [5, 6]])
    assert value.tensors["a.weight"] is value.tensors["b.weight"]


def test_a_pickle_may_be_larger_than_those_of_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("ganlab.pretrained.pickle_machine.MOST_BYTES", 2**16)
    path = tmp_path / "weights.pt"
    path.write_bytes(pickle.dumps({"a": b"a" * 2**17}))
    with pytest.raises(WeightsError, match="more than 65,536 bytes"):
        read_weights(path)
    assert read_network_pickle(FILES / "tf-pggan-32.pkl").contents["G"].tensors  # 215,067 bytes.


OTHER_KINDS = {
    "a pickle without networks": (pickle.dumps({"a": 1}), "without networks such as G"),
    "a number": (pickle.dumps(5), "without networks such as G"),
    "a tuple": (pickle.dumps((1, 2, 3)), "not (G, D, Gs)"),
    "a zip file": (b"PK\3\4" + bytes(30), "begins with 'P'"),
    "a page": (b"<html>", "begins with '<'"), "nothing": (b"", "is empty"),
    "an ordered dict": (pickle.dumps(collections.OrderedDict(a=1)), "without networks"),
    "a network alone": (HEAD + persistent() + b".", "without networks"),
    "names with dots": (HEAD + b"}(" + text("G.a") + persistent() + b"u.",
                        "names that are not words")}


@pytest.mark.parametrize("case", OTHER_KINDS)
def test_another_kind_of_file_is_told(case, tmp_path):
    data, words = OTHER_KINDS[case]
    with pytest.raises(WeightsError) as error:
        read(tmp_path, data)
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(WeightsError, match="does not exist"):
        read_network_pickle(tmp_path / "none.pkl")
    with pytest.raises(WeightsError, match="is a folder"):
        read_network_pickle(tmp_path)
