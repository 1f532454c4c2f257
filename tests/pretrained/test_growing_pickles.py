"""TensorFlow's files of PGGAN and StyleGAN become the networks that they hold, or are refused in a sentence."""

from pathlib import Path

import jax
import numpy as np
import pytest
from official_growing import BUILDERS, CRITIC_BUILDERS, LAST, LODS, Official
from official_numbers import relative_error

from ganlab.convolutions.resized import block_means
from ganlab.pretrained import PickledNetwork, WeightsError, read_growing_pickle, read_network_pickle
from ganlab.pretrained.growing import stylegan1_tensors
from ganlab.pretrained.growing_pickles import growing_networks

FILES = Path(__file__).parent / "files"
FILE = {"pggan": str(FILES / "tf-pggan-32.pkl"), "stylegan1": str(FILES / "tf-stylegan-32.pkl")}


@pytest.fixture(scope="module")
def contents():
    return {system: read_network_pickle(path).contents for system, path in FILE.items()}


def modules(networks, **changes):
    """Modules of what was found, by role."""
    return {role: (CRITIC_BUILDERS if role == "critic" else BUILDERS)[network.network](
        network.image_shape, network.num_classes, **network.kwargs, **changes) for role, network in networks.items()}


def fitted(module, network, role="generator"):
    """Variables of a module, of a network's tensors."""
    x = np.zeros((1, *network.image_shape) if role == "critic" else (1, network.latent_size), np.float32)
    expected = jax.eval_shape(lambda: module.init(jax.random.key(0), x, np.zeros(1, np.int32)))
    return network.convert(network.tensors, expected, "the file")


@pytest.mark.parametrize(("system", "lod"), [("pggan", 0.3), ("stylegan1", 1.6)])
def test_a_file_gives_the_official_images_and_logits_of_its_lod(system, lod, contents):
    official, numbers = Official(system), Official(system).numbers
    assert read_growing_pickle(FILE[system])[0] == system and len(read_growing_pickle(FILE[system])[2]) == 64
    files = contents[system]
    for name in files:
        files = changed(files, name, {"lod": np.float32(lod)})
    found, networks = growing_networks(files, "a.pkl")
    level, share = LODS[lod]
    assert found == system and {(one.level, round(one.share, 6)) for one in networks.values()} == {(level, share)}
    sizes = {role: (one.latent_size, one.num_classes, one.image_shape) for role, one in networks.items()}
    made = 12, 3, (32, 32, 3)
    assert sizes == {"generator": made, "average": made, "critic": (0, *made[1:])}
    built, whole, times = modules(networks, level=level, fading=True), modules(networks), 2 ** (LAST - level)
    weights = {role: fitted(whole[role], network, role) for role, network in networks.items()}

    @jax.jit
    def every(average, critic):
        return (built["average"].apply(average, official.latents, official.labels), official.judge(
            built["critic"], critic, block_means(official.images, times), official.labels))

    images, (logits, classes) = every(weights["average"], weights["critic"])
    images = np.repeat(np.repeat(images[:2], times, axis=1), times, axis=2)
    assert relative_error(images, numbers.images(f"out/linear/img_lod{lod}")) < 2e-5
    assert relative_error(logits, numbers[f"out/linear/score_lod{lod}"][:, 0]) < 2e-5
    if classes is not None:
        assert relative_error(classes, numbers[f"out/linear/label_lod{lod}"]) < 2e-5
    # Styles are truncated by default, in the first layers.
    truncation = {"pggan": (1.0, 0), "stylegan1": (0.7, 8)}[system]
    assert (networks["average"].psi, networks["average"].cutoff) == truncation


def changed(contents, name, tensors=None, drop=(), **arguments):
    """A file with other tensors and arguments in one of its networks."""
    network = contents[name]
    kept = {key: value for key, value in network.tensors.items() if key not in drop}
    return {**contents, name: network._replace(tensors={**kept, **(tensors or {})},
                                               arguments={**network.arguments, **arguments})}


@pytest.mark.parametrize(("arguments", "expected"), [
    ({"truncation_psi": None}, (1.0, 0)), ({"truncation_cutoff": None}, (1.0, 0)), ({"truncation_cutoff": 0}, (1.0, 0)),
    ({"truncation_psi": 1}, (1.0, 8)), ({"truncation_psi": 0.4, "truncation_cutoff": 3}, (0.4, 3))])
def test_the_truncation_of_a_file_is_its_default(arguments, expected, contents):
    _, networks = growing_networks(changed(contents["stylegan1"], "G_ema", **arguments), "a.pkl")
    assert (networks["average"].psi, networks["average"].cutoff) == expected


@pytest.mark.parametrize(("given", "mixing"), [({}, 0.9), ({"style_mixing_prob": None}, 0.0), (
    {"style_mixing_prob": 0.5}, 0.5), ({"style_mixing_prob": 1.5}, 1.0), ({"style_mixing_prob": -1}, 0.0)])
def test_how_often_styles_are_mixed_is_that_of_a_file(given, mixing, contents):
    assert growing_networks(changed(contents["stylegan1"], "G", **given), "a.pkl")[1]["generator"].mixing == mixing


def test_arguments_that_networks_do_not_have_are_left_and_idle_ones_are_not(contents):
    given = {"truncation_psi_val": 0.5, "truncation_cutoff_val": None, "dtype": "float16", "fmap_decay": 1.0}
    networks = growing_networks(changed(contents["stylegan1"], "G_ema", randomize_noise=False, **given), "a.pkl")[1]
    assert networks["average"].left == {"truncation_psi_val": 0.5, "dtype": "float16"}
    assert networks["average"].constant_noise and not networks["generator"].constant_noise
    # PGGAN's critic takes no number of deviations.
    for dtype, left in (("float32", {}), ("float16", {"dtype": "float16"})):
        files = changed(contents["pggan"], "D", dtype=dtype, mbstd_num_features=2)
        assert growing_networks(files, "a.pkl")[1]["critic"].left == {"mbstd_num_features": 2, **left}


@pytest.mark.parametrize(("system", "name", "arguments", "kwargs"), [
    ("pggan", "G", {"use_pixelnorm": False, "use_leakyrelu": False}, {"pixel_norm": False, "leaky": False}),
    ("pggan", "G", {"use_wscale": False, "normalize_latents": False}, {"equalized": False, "normalize_latents": False}),
    ("pggan", "D", {"mbstd_group_size": 2, "use_wscale": False}, {"group": 2, "equalized": False}),
    ("pggan", "D", {"mbstd_group_size": 0}, {"group": 1}),
    ("stylegan1", "G", {"use_pixel_norm": True, "use_instance_norm": False}, {"normalization": "pixel"}),
    ("stylegan1", "G", {"use_instance_norm": False, "dlatent_avg_beta": None},
     {"normalization": "none", "average_rate": 1.0}),
    ("stylegan1", "G", {"use_noise": False, "use_styles": False, "const_input_layer": False},
     {"noisy": False, "styled": False, "constant": False}), ("stylegan1", "D", {"mbstd_group_size": 8}, {"group": 8})])
def test_options_of_a_file_are_those_of_its_networks(system, name, arguments, kwargs, contents):
    _, networks = growing_networks(changed(contents[system], name, **arguments), "a.pkl")
    found = networks["critic" if name == "D" else "generator"].kwargs
    assert {key: found[key] for key in kwargs} == kwargs


def test_sizes_are_those_of_the_tensors_without_labels_too(contents):
    network = contents["pggan"]["G"]
    # The latents of a network without labels, whose arguments name neither these nor channels.
    tensors = {**network.tensors, "4x4/Dense/weight": np.zeros((7, 256), np.float32)}
    bare = PickledNetwork("G_paper", "tfutil", {"resolution": 32}, tensors)
    _, networks = growing_networks({**contents["pggan"], "G_ema": bare}, "a.pkl")
    found = networks["average"]
    assert (found.latent_size, found.num_classes, found.kwargs["channels"]) == (7, 0, (16, 16, 16, 8))
    fitted(modules({"average": found})["average"], found)


def test_layers_that_do_not_fuse_or_do_so_each_by_itself_are_read(contents):
    _, networks = growing_networks(contents["pggan"], "a.pkl")
    known = networks["generator"]
    # One layer of two is written as the code that does not fuse writes it: doubled first, then the turned kernel.
    name = "16x16/Conv0_up/weight"
    turned = contents["pggan"]["G"].tensors[name][::-1, ::-1].transpose(0, 1, 3, 2)
    bias = contents["pggan"]["G"].tensors["16x16/Conv0_up/bias"]
    mixed = changed(contents["pggan"], "G", {"16x16/Conv0/weight": turned, "16x16/Conv0/bias": bias},
                    (name, "16x16/Conv0_up/bias"))
    found = growing_networks(mixed, "a.pkl")[1]["generator"]
    module = modules({"generator": known})["generator"]
    jax.tree.map(np.testing.assert_array_equal, fitted(module, found), fitted(module, known))
    # A critic that halves after its activations has other names, and computes something else.
    apart = {key.replace("Conv1_down", "Conv1"): value for key, value in contents["pggan"]["D"].tensors.items()}
    critic = contents["pggan"]["D"]._replace(tensors=apart)
    assert not growing_networks({**contents["pggan"], "D": critic}, "a.pkl")[1]["critic"].kwargs["fused"]
    assert networks["critic"].kwargs["fused"]


@pytest.mark.parametrize(("fused", "turned"), [("auto", {128, 256}), (True, {8, 64, 128, 256}), (False, set())])
def test_fused_layers_of_stylegan_are_those_of_128_pixels_or_as_the_file_says(fused, turned):
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    names = {side: f"G_synthesis/{side}x{side}/Conv0_up/weight" for side in (8, 64, 128, 256)}
    found = stylegan1_tensors({name: kernel for name in names.values()}, fused)
    for side in names:
        expected = kernel[::-1, ::-1] if side in turned else kernel
        np.testing.assert_array_equal(found[f"synthesis/{side}x{side}/Conv0/weight"], expected)


def of_twelve_more(contents):
    return changed(contents, "G", {f"ToRGB_lod{number}/weight": np.zeros((1, 1, 2, 3)) for number in range(4, 16)})


REFUSED = {
    "two systems": (lambda files: {**files["pggan"], "G_ema": files["stylegan1"]["G_ema"]},
                    ["G_ema of G_style", "D of D_paper or D_basic", "name a .pkl of PGGAN"]),
    "another system": (lambda files: {**files["pggan"], "D": files["pggan"]["D"]._replace(class_name="D_main")},
                       ["D of D_main"]),
    "no networks": (lambda files: {}, ["holds no networks"]),
    "many levels": (lambda files: of_twelve_more(files["pggan"]), ["has ToRGB_lod12/weight"]),
    "one level": (lambda files: changed(files["pggan"], "G", drop=[f"ToRGB_lod{lod}/weight" for lod in (1, 2, 3)]),
                  ["1 of the layers ToRGB_lod0", "level by level"]),
    "no first layer": (lambda files: changed(files["pggan"], "G", drop=["4x4/Dense/weight"]),
                       ["lacks 4x4/Dense/weight"]),
    "another form": (lambda files: changed(files["pggan"], "D", {"4x4/Dense0/weight": np.zeros(3)}),
                     ["(3,)", "2 axes"]),
    "nothing": (lambda files: changed(files["stylegan1"], "G", {"dlatent_avg": np.zeros(0)}),
                ["dlatent_avg with (0,)"]),
    "another size": (lambda files: changed(files["stylegan1"], "G_ema", resolution=64), ["resolution=64", "of 32"]),
    "two kinds of halving": (lambda files: changed(files["pggan"], "D", {"8x8/Conv1/weight": np.zeros(3)}),
                             ["Conv1 and Conv1_down"])}
for case, system, name, arguments, words in (
        ("other channels", "pggan", "D", {"num_channels": "x" * 300}, ["num_channels=x", "of 3"]),
        ("classes as text", "pggan", "G", {"label_size": "3"}, ["label_size=3", "whole number"]),
        ("too many classes", "pggan", "G", {"label_size": 15}, ["label_size=15", "none to latents"]),
        ("another filter", "stylegan1", "G", {"blur_filter": [1, 3, 3, 1]}, ["blur_filter=[1, 3, 3, 1]"]),
        ("another rate", "stylegan1", "G", {"mapping_lrmul": 0.1}, ["mapping_lrmul=0.1"]),
        ("another activation", "stylegan1", "D", {"nonlinearity": "relu"}, ["nonlinearity=relu"]),
        ("another structure", "stylegan1", "D", {"structure": "tree"}, ["structure=tree", "fixed"]),
        ("a structure of the later code", "pggan", "G", {"structure": "fixed"}, ["structure=fixed"]),
        ("other classes", "pggan", "D", {"label_size": 2}, ["4 outputs and label_size=2"]),
        ("uneven parts", "stylegan1", "D", {"mbstd_num_features": 3}, ["mbstd_num_features=3", "16 channels"]),
        ("another fusing", "stylegan1", "G", {"fused_scale": 1}, ["fused_scale=1"]),
        ("two normalizations", "stylegan1", "G", {"use_pixel_norm": True}, ["pixels and instances"]),
        ("a flag of a list", "pggan", "G", {"use_wscale": [True]}, ["use_wscale=[True]"]),
        ("an infinite psi", "stylegan1", "G", {"truncation_psi": float("inf")}, ["truncation_psi=inf"])):
    REFUSED[case] = (lambda files, system=system, name=name, arguments=arguments: changed(
        files[system], name, **arguments), words)


@pytest.mark.parametrize("case", REFUSED)
def test_what_networks_do_not_have_is_refused_in_a_sentence(case, contents):
    change, words = REFUSED[case]
    with pytest.raises(WeightsError) as error:
        growing_networks(change(contents), "a.pkl")
    said = str(error.value)
    assert said.startswith("a.pkl") and "\n" not in said and len(said) < 500, said
    assert all(word in said for word in words), said


@pytest.mark.parametrize(("system", "name", "tensor", "value", "words"), [
    ("pggan", "G", "8x8/Conv1/bias", np.full(16, np.nan, np.float32), "8x8/Conv1/bias with 16 of 16 numbers"),
    ("pggan", "D", "16x16/Conv0/weight", np.zeros((3, 3, 16, 15)), "16x16/Conv0/weight with (3, 3, 16, 15)"),
    ("pggan", "G", "64x64/Conv0/weight", np.zeros((3, 3, 8, 4)), "besides 64x64/Conv0/weight"),
    ("stylegan1", "G", "synthesis/noise5", np.zeros((1, 1, 16, 8)), "synthesis/noise5 with (1, 1, 16, 8)"),
    ("stylegan1", "G", "mapping/Dense1/weight", np.zeros(4), "mapping/Dense1/weight with (4,)"),
    ("stylegan1", "G", "synthesis/8x8/Conv0_up/weight", np.zeros(4), "synthesis/8x8/Conv0/weight with (4,)")])
def test_tensors_that_do_not_fit_or_are_not_finite_are_named(system, name, tensor, value, words, contents):
    role = "critic" if name == "D" else "generator"
    found = growing_networks(changed(contents[system], name, {tensor: value}), "a.pkl")[1][role]
    with pytest.raises(WeightsError) as error:
        fitted(modules({role: found})[role], found, role)
    assert words in str(error.value)


@pytest.mark.parametrize(("lod", "level", "share"), [
    (0.0, 3, 1.0), (-0.5, 3, 1.0), (0.25, 3, 0.75), (1.0, 2, 1.0), (2.75, 1, 0.25), (3.0, 0, 1.0), (3.5, 0, 1.0)])
def test_a_lod_is_a_level_and_the_share_of_it_that_has_faded_in(lod, level, share, contents):
    """Its whole levels are yet to come; the official code clips what is beyond the smallest and the last one."""
    found = growing_networks(changed(contents["pggan"], "G_ema", {"lod": np.float32(lod)}), "a.pkl")[1]
    assert (found["average"].level, found["average"].share) == (level, share) and found["generator"].level == 3


def test_the_lod_of_a_synthesis_counts_only_where_its_generator_has_none(contents):
    files = changed(contents["stylegan1"], "G_ema", {"synthesis/lod": np.float32(2)})
    assert growing_networks(files, "a.pkl")[1]["average"].level == 3
    assert growing_networks(changed(files, "G_ema", drop=["lod"]), "a.pkl")[1]["average"].level == 1


@pytest.mark.parametrize(("name", "role"), [("G_ema", "average"), ("D", "critic")])
def test_a_network_that_was_built_without_growing_is_the_whole_one_without_layers_of_smaller_images(
        name, role, contents):
    known = growing_networks(contents["stylegan1"], "a.pkl")[1][role]
    layer = "FromRGB" if name == "D" else "synthesis/ToRGB"
    smaller = [f"{layer}_lod{lod}/{leaf}" for lod in (1, 2, 3) for leaf in ("weight", "bias")]
    # It has a lod, which changes nothing.
    files = changed(contents["stylegan1"], name, {"lod": np.float32(1.5)}, smaller, structure="fixed")
    found = growing_networks(files, "a.pkl")[1][role]
    assert (found.kwargs, found.level, found.share, found.grows) == (known.kwargs, 3, 1.0, False)
    module = modules({role: known})[role]
    expected, variables = (fitted(module, network, role) for network in (known, found))
    for number in range(3):
        zeroed = expected["params"][f"level_{number}"]["from_image" if name == "D" else "to_image"]
        zeroed.update({leaf: np.zeros_like(value) for leaf, value in zeroed.items()})
    jax.tree.map(np.testing.assert_array_equal, variables, expected)


def test_critics_of_both_codes_are_told_by_their_outputs_and_play_with_either_generator(contents):
    files = contents["pggan"]
    output = {name: files["D"].tensors[name][..., :1] for name in ("4x4/Dense1/weight", "4x4/Dense1/bias")}
    # That of StyleGAN's repository has no logits of classes.
    for critic, name, sown in (({}, "pggan", ["class_logits"]), (output, "pggan", []), (None, "stylegan1", [])):
        mixed = changed(files, "D", critic) if critic is not None else {**files, "D": contents["stylegan1"]["D"]}
        system, networks = growing_networks(mixed, "a.pkl")
        found = networks["critic"]
        assert (system, found.network, found.num_classes) == ("pggan", name, 3)
        module = modules({"critic": found})["critic"]
        variables = fitted(module, found, "critic")
        logits, state = jax.eval_shape(lambda module=module, variables=variables: module.apply(
            variables, np.zeros((4, 32, 32, 3)), np.zeros(4, int), mutable=["intermediates"]))
        assert logits.shape == (4,) and [*{"class_logits": 0}.keys() & state["intermediates"].keys()] == sown
    assert growing_networks({**contents["stylegan1"], "D": files["D"]}, "a.pkl")[0] == "stylegan1"


def test_a_critic_may_see_deviations_of_several_parts_of_the_features(contents):
    wider = {"4x4/Conv/weight": np.zeros((3, 3, 18, 16), np.float32)}
    files = changed(contents["stylegan1"], "D", wider, mbstd_num_features=2)
    found = growing_networks(files, "a.pkl")[1]["critic"]
    fitted(modules({"critic": found})["critic"], found, "critic")
