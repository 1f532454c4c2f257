"""The networks of pix2pix and CycleGAN: the official numbers, and the sizes that they take."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_translation import NUMBERS, critic, pictures, relative_error, translator

from ganlab.config import ConfigError
from ganlab.game import Network
from ganlab.networks import PATCH_CRITICS, TRANSLATORS
from ganlab.networks.translation.torch_layers import NORMALIZATIONS
from ganlab.penalties.gradient import slopes

TINY = {"unet": {"width": 2, "depth": 3}, "resnet": {"width": 2, "blocks": 1},
        "patch": {"width": 2, "layers": 2}, "pixel": {"width": 2}}
TOLERANCE = 2e-5


def apply(made, images, **kwargs):
    module, variables = made
    return jax.jit(functools.partial(module.apply, **kwargs))(variables, images)


def test_a_unet_by_stored_statistics_makes_the_official_images():
    made = apply(translator("p2p_G"), pictures("in/p2p_A"))
    assert relative_error(made, pictures("out/p2p_img_eval")) < TOLERANCE


def test_a_unet_by_the_statistics_of_its_batch_makes_the_official_image():
    module, variables = translator("p2p_G")
    made, _ = apply((module.clone(dropout=0.0), variables), pictures("in/p2p_A")[:1], train=True,
                    mutable=["batch_stats"])
    assert relative_error(made, pictures("out/p2p_img_trainbn_nodrop_b1")) < TOLERANCE


def test_a_resnet_of_six_blocks_and_instance_normalization_makes_the_official_images():
    for network, source, made in (("cyc_G_A", "in/cyc_A", "out/cyc_fake_B"), ("cyc_G_B", "in/cyc_B", "out/cyc_fake_A")):
        assert relative_error(apply(translator(network), pictures(source)), pictures(made)) < TOLERANCE


def test_a_resnet_of_nine_blocks_and_batch_normalization_makes_the_official_image():
    made = apply(translator("resnet9_bn"), pictures("in/cyc_A"))
    assert made.shape[-1] == 2
    assert relative_error(made, pictures("out/resnet9_bn")) < TOLERANCE


CRITIC_CASES = {"nlayers2": {"layers": 2, "width": 4}, "nlayers4_in": {"layers": 4, "width": 4,
                "normalization": "instance"}, "pixelD": {"kind": "pixel", "width": 4, "normalization": "instance"}}


@pytest.mark.parametrize("case", CRITIC_CASES)
def test_critics_give_patches_the_official_logits(case):
    logits = apply(critic(case, **CRITIC_CASES[case]), pictures("in/p2p_A"))
    assert relative_error(logits, NUMBERS[f"out/{case}"][:, 0]) < TOLERANCE


def test_the_critic_of_pairs_gives_the_official_logits():
    pairs = np.concatenate([pictures("in/p2p_A"), pictures("in/p2p_B")], axis=-1)
    logits = apply(critic("p2p_D", width=8), pairs)
    assert relative_error(logits, NUMBERS["out/p2p_D_eval"][:, 0]) < TOLERANCE


def test_the_slope_of_a_critic_of_patches_is_that_of_the_sum_of_its_logits():
    module, variables = critic("gpD", width=4, normalization="instance")
    mix = NUMBERS["rng/gp/000_rand"].reshape(2, 1, 1, 1)
    between = mix * pictures("in/p2p_A") + (1 - mix) * pictures("in/p2p_B")
    found = jax.jit(lambda x: slopes(lambda images, keys: module.apply(variables, images), x, None))(between)
    assert 10 * np.mean((found - 1) ** 2) == pytest.approx(float(NUMBERS["loss/gp"]), rel=1e-4)


def shapes_of(module, shape, train=False):
    x = jnp.zeros((2, *shape))
    variables = jax.eval_shape(module.init, jax.random.key(0), x)
    keys = jax.random.split(jax.random.key(1), 2)
    return variables, jax.eval_shape(functools.partial(module.apply, train=train, mutable=["batch_stats"]), variables,
                                     x, None, keys)[0]


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("family", TRANSLATORS)
def test_a_translator_keeps_height_and_width_and_changes_channels(family, normalization):
    module = TRANSLATORS[family](image_shape=(16, 24, 1), normalization=normalization, **TINY[family])
    for train in (False, True):
        variables, output = shapes_of(module, (16, 24, 3), train)
        assert output.shape == (2, 16, 24, 1)
    assert ("batch_stats" in variables) == (normalization == "batch")
    # A bias that a normalization takes away again has no place beside one that is learned after it.
    assert ("bias" in variables["params"]["down_1"]) == (normalization != "batch")


@pytest.mark.parametrize("family", TRANSLATORS)
def test_a_translator_takes_multiples_of_what_it_says_from_its_least_side_on_and_no_others(family):
    module = TRANSLATORS[family](image_shape=(8, 8, 3), **TINY[family])
    for height, width in ((module.least, module.least), (module.least, module.least + module.multiple)):
        assert shapes_of(module, (height, width, 3))[1].shape == (2, height, width, 3)
    for height, width in ((module.least - module.multiple, 16), (16, module.least + 1)):
        if height:
            with pytest.raises(ValueError, match=rf"multiples of {module.multiple} from {module.least} on"):
                shapes_of(module, (height, width, 3))


def test_a_critic_refuses_images_that_leave_no_patch():
    critic = PATCH_CRITICS["patch"](image_shape=(12, 12, 3), **TINY["patch"])
    assert shapes_of(critic, (12, 12, 3))[1].shape == (2, 1, 1)
    with pytest.raises(ValueError, match="from 12 pixels on; these have 11x40"):
        shapes_of(critic, (11, 40, 3))


@pytest.mark.parametrize(("table", "family"), [(table, family) for table in (TRANSLATORS, PATCH_CRITICS)
                                               for family in table])
def test_an_unknown_normalization_is_answered_with_those_that_there_are(table, family):
    with pytest.raises(ConfigError, match="did you mean instance"):
        shapes_of(table[family](image_shape=(16, 16, 3), normalization="instanse", **TINY[family]), (16, 16, 3))


@pytest.mark.parametrize(("table", "family"), [(table, family) for table in (TRANSLATORS, PATCH_CRITICS)
                                               for family in table])
def test_weights_start_from_a_narrow_normal_distribution_and_gains_around_one(table, family):
    module = table[family](image_shape=(16, 16, 3), normalization="batch", **TINY[family] | {"width": 16})
    params = jax.jit(module.init)(jax.random.key(0), np.zeros((1, 16, 16, 3), np.float32))["params"]
    leaves = jax.tree_util.tree_leaves_with_path(params)
    for name, mean in (("kernel", 0.0), ("scale", 1.0)):
        drawn = np.concatenate([np.ravel(leaf) for path, leaf in leaves if path[-1].key == name])
        assert abs(drawn.mean() - mean) < 0.02 / np.sqrt(len(drawn)) * 5
        assert abs(drawn.std() / 0.02 - 1) < 5 / np.sqrt(2 * len(drawn))
    assert all(not np.any(leaf) for path, leaf in leaves if path[-1].key == "bias")


@pytest.mark.parametrize(("table", "family"), [(table, family) for table in (TRANSLATORS, PATCH_CRITICS)
                                               for family in table])
def test_in_halves_outputs_and_statistics_stay_whole(table, family):
    module = table[family](image_shape=(16, 16, 3), normalization="batch", **TINY[family])
    network = Network(module, (jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32),), "bfloat16")
    params, variables = jax.eval_shape(network.init, jax.random.key(0))
    images = jax.ShapeDtypeStruct((2, 16, 16, 3), jnp.float32)
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), 2))
    output, state = jax.eval_shape(lambda *args: network.train(*args[:3], keys=args[3]),
                                   params, variables, images, keys)
    assert {leaf.dtype for leaf in jax.tree.leaves((output, state))} == {jnp.dtype(jnp.float32)}
