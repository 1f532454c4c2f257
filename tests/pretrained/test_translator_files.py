"""Weight files of pix2pix, CycleGAN and CUT: what they show decides the network, and what they do not is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_cut import cut_image, cut_tensors
from official_translation import shaped, tensors

from ganlab.networks import TRANSLATORS
from ganlab.networks.translation.torch_layers import blurred_double, blurred_half
from ganlab.pretrained import (
    WeightsError,
    check_finite,
    patch_critic_variables,
    translator_architecture,
    translator_tensors,
    translator_variables,
)


def under(prefix, weights):
    return {f"{prefix}.{name}": array for name, array in weights.items()}


def module_and_variables(weights, **choices):
    found = translator_architecture(weights, **choices)
    module = TRANSLATORS[found.network](image_shape=(8, 8, found.channels), **found.kwargs)
    return module, translator_variables(weights, shaped(module, found.source_channels), found)


PREFIXES = ("state_dict", "model", "netG", "netG_A", "module", "generator", "state_dict.netG.module", "a.b.c.d")


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("network", ["cyc_G_A", "p2p_G"])
def test_a_network_is_found_under_any_prefix(network, prefix):
    weights = under(prefix, tensors(network)) | {"optimizer.0.exp_avg": np.zeros(3), "netD.model.0.weight": np.zeros(3)}
    assert translator_architecture(weights) == translator_architecture(tensors(network))
    found, plain = (dict(translator_tensors(part)) for part in (weights, tensors(network)))
    assert found.keys() == plain.keys() and all(found[name] is not None for name in plain)


def test_a_critic_is_found_under_a_prefix():
    expected = {"params": {"conv_0": {"kernel": np.zeros((4, 4, 3, 8)), "bias": np.zeros(8)}}}
    weights = {name: array for name, array in tensors("cyc_D_A").items() if name.startswith("model.0.")}
    other = {"model.2.weight": np.zeros((1, 1, 1, 1))}
    with pytest.raises(WeightsError, match="has besides model.2.weight"):
        patch_critic_variables(under("netD_A", weights | other), expected)
    with pytest.raises(WeightsError, match="several networks: netD_A, netD_B"):
        patch_critic_variables(under("netD_A", weights | other) | under("netD_B", weights | other), expected)


CHOICES = {
    ("netG_A", "netG_B"): (["netG_A", "netG_B"], "netG_B"),
    ("state_dict.netG_A.module", "state_dict.netG_B.module"): (["netG_A", "netG_B"], "netG_B"),
    ("params", "params_ema"): (["params", "params_ema"], "params_ema"),
    ("g.one", "other"): (["g.one", "other"], "other"),
}


@pytest.mark.parametrize("prefixes", CHOICES, ids=str)
def test_of_several_networks_the_choices_are_listed_and_one_is_taken(prefixes):
    labels, chosen = CHOICES[prefixes]
    weights = under(prefixes[0], tensors("cyc_G_A")) | under(prefixes[1], tensors("cyc_G_B"))
    with pytest.raises(WeightsError) as error:
        translator_architecture(weights, "the file")
    assert f"the file holds several networks: {', '.join(labels)}; choose one, as --network={labels[0]}" == str(
        error.value)
    for name in (chosen, prefixes[1]):  # By what it is called in the message, and by its whole prefix.
        found = translator_tensors(weights, "the file", name)
        assert all(np.array_equal(found[key], array) for key, array in tensors("cyc_G_B").items())
    with pytest.raises(WeightsError, match=f"--network=x is not a network of the file, which holds {', '.join(labels)}"):
        translator_tensors(weights, "the file", "x")


def test_a_network_without_a_prefix_beside_another_is_called_by_a_dot():
    weights = tensors("cyc_G_A") | under("ema", tensors("cyc_G_B"))
    with pytest.raises(WeightsError, match="several networks: ., ema"):
        translator_architecture(weights)
    assert set(translator_tensors(weights, chosen="ema")) == set(tensors("cyc_G_B"))


def bare(weights):
    """Weights as the official code has them of norm=none: no normalization, and a bias in the last layer alone."""
    last = "model.model.3.bias" if "model.model.0.weight" in weights else "model.23.bias"
    return {name: array for name, array in weights.items() if array.ndim == 4 or name == last}


NORMALIZATIONS = {
    "official instance": (lambda: tensors("cyc_G_A"), None, ("instance", None)),
    "official batch": (lambda: tensors("p2p_G"), None, ("batch", None)),
    "official none, ResNet": (lambda: bare(tensors("cyc_G_A")), None, ("none", False)),
    "official none, U-Net": (lambda: bare(tensors("p2p_G")), None, ("none", False)),
    "instance without biases": (lambda: bare(tensors("cyc_G_A")), "instance", ("instance", False)),
    "none with biases": (lambda: tensors("cyc_G_A"), "none", ("none", None)),
}


@pytest.mark.parametrize("case", NORMALIZATIONS)
def test_the_normalization_is_that_of_the_official_code_or_the_one_that_is_named(case):
    weights, chosen, expected = NORMALIZATIONS[case]
    kwargs = translator_architecture(weights(), normalization=chosen).kwargs
    assert (kwargs["normalization"], kwargs.get("use_bias")) == expected


@pytest.mark.parametrize("normalized", [True, False])
def test_the_generator_of_cut_makes_what_the_official_layers_make_with_and_without_normalization(normalized):
    weights = cut_tensors(bias=normalized)
    module, variables = module_and_variables(weights)
    assert ("bias" in variables["params"]["first"]) == normalized and "bias" in variables["params"]["output"]
    x = np.random.default_rng(1).uniform(-1, 1, (3, 8, 12))
    made = jax.jit(module.apply)(variables, jnp.asarray(x.transpose(1, 2, 0)[None], jnp.float32))
    official = cut_image(weights, x, normalized=normalized)
    assert np.abs(np.asarray(made[0]).transpose(2, 0, 1) - official).max() < 2e-5


UNTOLD = {
    "scales without statistics": (lambda: {name: array for name, array in tensors("resnet9_bn").items()
                                           if "running" not in name}, None, "without model.2.running_mean"),
    "statistics without scales": (lambda: {name: array for name, array in tensors("resnet9_bn").items()
                                           if "running" in name or array.ndim == 4 or "26" in name}, None,
                                  "its normalization is unclear; --normalization=instance"),
    "batch that has no scales": (lambda: tensors("cyc_G_A"), "batch", "no scales model.2.weight"),
    "none that has scales": (lambda: tensors("resnet9_bn"), "none", "has the scales model.2.weight"),
    "instance that has scales": (lambda: tensors("p2p_G"), "instance", "leave it out"),
}


@pytest.mark.parametrize("case", UNTOLD)
def test_a_normalization_that_cannot_be_told_is_refused(case):
    weights, chosen, words = UNTOLD[case]
    with pytest.raises(WeightsError, match=words):
        translator_architecture(weights(), normalization=chosen)


@pytest.mark.parametrize(("down", "up"), [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("blocks", [1, 9])
def test_the_layers_of_cut_go_where_they_belong(down, up, blocks):
    weights = cut_tensors(blocks=blocks, antialias_down=down, antialias_up=up)
    found = translator_architecture(weights)
    assert found.kwargs["blocks"] == blocks
    assert (found.kwargs.get("antialias_down", False), found.kwargs.get("antialias_up", False)) == (down, up)
    module, variables = module_and_variables(weights)  # Which raises where tensors are left over.
    assert module.antialias_down == down and variables["params"]["first"]["bias"].shape == (2,)


def test_half_the_size_and_twice_the_size_are_by_the_filters_of_cut():
    x = np.random.default_rng(0).normal(size=(2, 6, 4, 3)).astype(np.float32)
    near = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    by_hand = sum(a * b * near[:, i:i + 6:2, j:j + 4:2] for i, a in enumerate((1, 2, 1))
                  for j, b in enumerate((1, 2, 1))) / 16
    np.testing.assert_allclose(blurred_half(jnp.asarray(x)), by_hand, atol=1e-6)
    twice = blurred_double(jnp.asarray(x))
    assert twice.shape == (2, 12, 8, 3)
    np.testing.assert_allclose(twice, jax.image.resize(x, twice.shape, "bilinear"), atol=1e-6)


def wrong_filter():
    weights = cut_tensors()
    weights["model.7.filt"] = weights["model.7.filt"] * 0 + 1 / 9
    return weights


REFUSED = {
    "another filter": (wrong_filter, "no model.7.filt of the filter that CUT uses"),
    "three steps down": (lambda: tensors("cyc_G_A") | {"model.10.weight": np.zeros((2, 2, 3, 3))}, "pix2pixHD"),
    "no last layer": (lambda: {name: array for name, array in tensors("cyc_G_A").items() if "23" not in name},
                      "of 6 blocks, but lacks model.23.weight"),
    "U-Net without its last": (lambda: {name: array for name, array in tensors("p2p_G").items()
                                        if name != "model.model.3.weight"}, "begins as a U-Net"),
    "a critic in a dict": (lambda: under("netD", tensors("cyc_D_A")), "holds the weights of a critic"),
    "a critic under model": (lambda: under("model", tensors("p2p_D")), "holds the weights of a critic"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_whole_weights_of_another_network_are_not_told_to_be_copied(case):
    weights, words = REFUSED[case]
    with pytest.raises(WeightsError, match=words) as error:
        translator_architecture(weights(), "the file")
    assert "copy" not in str(error.value) and str(error.value).startswith("the file ")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e39])
def test_one_number_that_is_not_finite_in_float32_is_refused_by_the_name_of_its_tensor(value):
    weights = {name: array.astype(np.float64) for name, array in cut_tensors().items()}
    weights["model.8.weight"][0, 1, 2, 0] = value
    with pytest.raises(WeightsError, match=r"has model\.8\.weight with 1 of 288 numbers that are not finite in float"):
        module_and_variables(weights)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64", "float8_e5m2"])
def test_what_is_not_finite_is_found_in_every_type(dtype):
    good = np.ones(3).astype(jnp.dtype(dtype))
    check_finite("a", good, "file")
    bad = np.array([1, np.inf, 2], np.float32).astype(jnp.dtype(dtype))
    with pytest.raises(WeightsError, match="file has a with 1 of 3 numbers"):
        check_finite("a", bad, "file")
    check_finite("a", np.arange(3), "file")
