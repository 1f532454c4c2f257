"""StyleGAN2's networks are the official ones, number for number, for any architecture and image that is allowed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_stylegan2 import LABELS, NEIGHBOURS, NUMBERS, critic, generator, pictures, relative_error

from ganlab.config import ConfigError
from ganlab.networks.style import layers, resampling, stylegan2
from ganlab.networks.style.freezing import first_layers
from ganlab.networks.style.levels import level_channels
from ganlab.networks.style.stylegan2 import StyleGAN2Critic, StyleGAN2Generator, level_sizes

TOLERANCE = 2e-5
LATENTS = NUMBERS["in/z"]
FILTERS = {"f": "in/op_f", "fa": "in/op_fa", "f1": "in/op_f1"}


@pytest.mark.parametrize("multiplied", [0, 64])
@pytest.mark.parametrize("taps", FILTERS)
def test_resampling_by_any_filter_is_the_official_one(taps, multiplied, monkeypatch):
    monkeypatch.setattr(resampling, "MOST_MULTIPLIED", multiplied)
    taps, images = NUMBERS[FILTERS[taps]], pictures("in/op_x")
    kernels = {side: np.moveaxis(NUMBERS[f"in/op_w{side}"], (0, 1), (3, 2)) for side in (1, 3)}
    name = next(key for key, value in FILTERS.items() if NUMBERS[value] is taps)

    @jax.jit
    def every(images):
        found = {f"up2_{name}": resampling.upsampled(images, taps), f"down2_{name}": resampling.downsampled(images, taps),
                 f"filt_{name}": resampling.filtered(images, taps)}
        for side, kernel in kernels.items():
            for up, down in ((2, 1), (1, 2), (1, 1)):
                # The official code turns a kernel that enlarges.
                found[f"c2r_{name}_w{side}_u{up}d{down}"] = resampling.resampling_convolution(
                    images, kernel, taps, up, down, flip=up == 1 or side == 1)
        return found

    for case, made in every(images).items():
        assert relative_error(made, pictures(f"out/op_{case}")) < TOLERANCE, case


@pytest.mark.parametrize("multiplied", [0, 64])
def test_a_filter_of_one_axis_is_that_of_two_whose_taps_are_its_products(multiplied, float64, monkeypatch):
    monkeypatch.setattr(resampling, "MOST_MULTIPLIED", multiplied)
    images, taps = np.random.default_rng(0).normal(size=(2, 5, 7, 3)), np.array([1.0, 2.0, 4.0, 3.0, 5.0])
    for up, down, pads in ((1, 1, ((2, 2), (1, 3))), (2, 1, ((3, 1), (0, 4))), (1, 2, ((2, 2), (3, 1))),
                           (3, 2, ((4, 1), (2, 3))), (2, 1, ((-1, 2), (3, -2)))):
        one, two = (resampling.up_fir_down(images, filter_, up, down, pads, gain=2.0)
                    for filter_ in (taps, np.outer(taps, taps)))
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-9)


def test_the_generator_makes_the_official_images_of_the_official_styles(monkeypatch):
    module, variables = generator()
    noises = [pictures(name) for name in sorted(NUMBERS) if name.startswith("rng/img_random/")]
    monkeypatch.setattr(stylegan2, "draw_noise", lambda keys, sizes: noises)

    @jax.jit
    def every(variables, latents):
        styles = module.apply(variables, latents, LABELS, only_styles=True)
        return {"ws": styles, "img_const": module.apply(variables, latents, LABELS),
                "img_none": module.apply(variables, None, None, styles, 0.0),
                "img_random": module.apply(variables, None, None, styles, keys=jnp.zeros(8))}

    for case, made in every(variables, LATENTS).items():
        expected = NUMBERS["out/ws"] if case == "ws" else pictures(f"out/{case}")
        assert relative_error(made, expected) < TOLERANCE, case


@pytest.mark.parametrize(("case", "order"), [("real", NEIGHBOURS), ("real_b4", np.arange(4))])
def test_the_critic_gives_the_official_logits(case, order):
    module, variables = critic()
    logits = jax.jit(module.apply)(variables, pictures("in/real")[order], LABELS[order])
    assert relative_error(logits, NUMBERS[f"out/logits_{case}"][order, 0]) < TOLERANCE


def test_clamped_networks_of_other_architectures_are_the_official_ones():
    # The critics saw every second pixel of the real images.
    small = pictures("in/real")[:4, ::2, ::2]
    for name, other in (("resnet", "residual"), ("orig", "original")):
        module, variables = generator(f"G_{name}", 16, 0, channel_max=16, architecture=other, clamp=1.0)
        images = jax.jit(module.apply)(variables, LATENTS[:4])
        assert relative_error(images, pictures(f"out/img_{name}")) < TOLERANCE
    for name, other in (("skip", "skip"), ("orig", "original")):
        module, variables = critic(f"D_{name}", 16, 0, channel_max=16, architecture=other, clamp=1.0)
        logits = jax.jit(module.apply)(variables, small)
        assert relative_error(logits, NUMBERS[f"out/logits_{name}"][:, 0]) < TOLERANCE


@pytest.mark.parametrize(("shape", "sizes"), [
    ((16, 16, 1), [(4, 4), (8, 8), (16, 16)]), ((8, 24, 4), [(4, 12), (8, 24)]),
    ((48, 32, 3), [(12, 8), (24, 16), (48, 32)]), ((1024, 1024, 3), [(4 * 2**n, 4 * 2**n) for n in range(9)])])
def test_an_image_starts_from_rows_by_columns_of_four(shape, sizes):
    assert level_sizes(shape) == sizes


@pytest.mark.parametrize("architecture", ["skip", "residual", "original"])
@pytest.mark.parametrize("shape", [(16, 16, 1), (8, 24, 4), (48, 32, 3)])
def test_any_image_of_whole_fours_is_made_and_judged(shape, architecture):
    small = {"channel_base": 64, "channel_max": 4, "mapping_layers": 1, "architecture": architecture}
    networks = StyleGAN2Generator(shape, 0, styles=4, **small), StyleGAN2Critic(shape, 0, **small)

    def both(key):
        images, _ = networks[0].init_with_output(key, jnp.zeros((2, 4)))
        logits, _ = networks[1].init_with_output(key, images)
        return images, logits

    images, logits = jax.eval_shape(both, jax.random.key(0))
    assert images.shape == (2, *shape) and logits.shape == (2,)


@pytest.mark.parametrize("shape", [(20, 20, 3), (4, 4, 3), (2,)])
def test_other_images_are_refused_with_what_to_do(shape):
    with pytest.raises(ValueError, match="multiples of 8.*resize or crop the data"):
        level_sizes(shape)


def test_an_unknown_architecture_is_refused():
    with pytest.raises(ConfigError, match="architecture .resnet. is unknown; allowed: original, residual, skip"):
        StyleGAN2Critic((8, 8, 1), architecture="resnet").init(jax.random.key(0), jnp.zeros((1, 8, 8, 1)))


def test_half_precision_is_of_the_largest_levels_and_near_the_single_one():
    small = {"channel_base": 64, "channel_max": 4, "mapping_layers": 1, "styles": 4}
    latents = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    single, half = (StyleGAN2Generator((16, 16, 3), half_levels=levels, **small) for levels in (0, 2))
    variables = jax.jit(single.init)(jax.random.key(0), latents)
    one, other = (jax.jit(module.apply)(variables, latents) for module in (single, half))
    assert other.dtype == jnp.float32 and not np.array_equal(one, other)
    np.testing.assert_allclose(one, other, atol=0.05 * np.abs(one).max())


def test_deviation_is_of_neighbours_and_refuses_what_they_do_not_divide():
    x = np.random.default_rng(0).normal(size=(4, 2, 2, 3)).astype(np.float32)
    found = layers.with_deviation(x, 2)
    np.testing.assert_allclose(found[:2, 0, 0, 3], np.mean(np.sqrt(np.var(x[:2], axis=0) + 1e-8)), rtol=1e-5)
    np.testing.assert_array_equal(found[..., :3], x)
    # Of parts of the features, each by itself.
    for part, channel in enumerate(np.moveaxis(layers.with_deviation(x, 2, parts=3)[..., 3:], -1, 0)):
        np.testing.assert_allclose(channel, layers.with_deviation(x[..., part:part + 1], 2)[..., 1], rtol=1e-5)
    with pytest.raises(ValueError, match="of 2 parts, into which 3 channels do not divide"):
        layers.with_deviation(x, 2, parts=2)
    with pytest.raises(ValueError, match="groups of 3, which do not divide a batch of 4"):
        layers.with_deviation(x, 3)


def test_channels_of_levels_go_by_the_longer_side_or_are_named_one_by_one():
    sizes = level_sizes((16, 32, 3))
    assert level_channels(sizes, 128, 12) == [12, 8, 4] and level_channels(sizes, 20, 12) == [2, 1, 1]
    assert level_channels(sizes, 128, 12, (5, 7, 3)) == [5, 7, 3]
    for wrong in ((5, 7), (5, 7, 0)):
        with pytest.raises(ValueError, match="there are 3 levels, of sides 8, 16, 32"):
            level_channels(sizes, 128, 12, wrong)


# Of the official code: the layers that it counts at the first level from the image on, and at each further one.
COUNTED = {"residual": (["from_image", "conv0", "conv1", "skip"], ["conv0", "conv1", "skip"]),
           "skip": (["from_image", "conv0", "conv1"], ["from_image", "conv0", "conv1"]),
           "original": (["from_image", "conv0", "conv1"], ["conv0", "conv1"])}


@pytest.mark.parametrize("architecture", COUNTED)
def test_first_layers_are_in_the_official_order_all_above_the_smallest_level(architecture):
    first, further = COUNTED[architecture]
    module = StyleGAN2Critic((16, 32, 3), channel_base=16, architecture=architecture)
    params = jax.eval_shape(module.init, jax.random.key(0), jnp.zeros((4, 16, 32, 3)))["params"]
    assert first_layers(params) == tuple(
        f"level_{level}/{layer}" for level, layers in ((2, first), (1, further)) for layer in layers)
    assert len(first_layers(params)) == sum(len(params[level]) for level in params if level.startswith("level_"))
