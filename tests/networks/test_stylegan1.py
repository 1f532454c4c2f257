"""StyleGAN's networks, their losses and penalties are the official ones at every level and between two."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_growing import NEIGHBOURS, Official, double
from official_numbers import Numbers, assert_norms, relative_error

from ganlab.config import ConfigError
from ganlab.convolutions.layers import convolutions
from ganlab.losses import ADVERSARIAL_LOSSES, drift
from ganlab.networks.style import growing, stylegan1
from ganlab.networks.style.layers import normalize_vectors, with_deviation
from ganlab.networks.style.resampling import filtered
from ganlab.networks.style.stylegan1 import StyleGAN1Critic, StyleGAN1Generator
from ganlab.penalties import PENALTIES, gradient

TINY = {"channel_base": 64, "channel_max": 4, "styles": 4, "mapping_layers": 1}
NORMALIZATIONS = Numbers("style_normalizations.npz")
# By the names of the official codes.
LAYERS = {"pixel_norm": normalize_vectors, "instance_norm": stylegan1.normalize_channels,
          "minibatch_stddev_layer": functools.partial(with_deviation, group=4),
          "blur2d": lambda x: filtered(x, growing.BLUR)}


@pytest.fixture(scope="module")
def official():
    return Official("stylegan1")


@pytest.fixture
def simple():
    """Convolves as XLA does, which takes less time to trace and to compile."""
    with convolutions("lax"):
        yield


def test_images_and_logits_are_the_official_ones_at_every_lod(official):
    official.assert_same_at_every_lod()


def test_styles_truncated_styles_and_fused_layers_make_the_official_images(official):
    numbers, module = official.numbers, official.generator()
    weights = [official.to_generator(numbers.within("sd/G"), fused) for fused in ("auto", True, False)]

    @jax.jit
    def every(unfused, fused, psi, cutoff):
        styles = module.apply(unfused, official.latents, official.labels, only_styles=True)
        average, number = unfused["styles"]["mapping"]["average"], jnp.arange(module.layers)[:, None]
        moved = average + jnp.where(number < cutoff, psi, 1.0) * (styles - average)
        return styles, module.apply(unfused, None, None, moved), module.apply(fused, None, None, styles)

    # At 32x32 no layer is fused unless the file says so.
    jax.tree.map(np.testing.assert_array_equal, weights[0], weights[2])
    for psi, cutoff, case in ((0.7, 4, "psi0.7cut4"), (0.5, 8, "psi0.5all"), (1.0, 8, "unfused")):
        styles, images, fused = every(*weights[:2], psi, cutoff)
        assert relative_error(images[:2], numbers.images(f"out/img_{case}")) < 2e-5, case
    assert relative_error(styles, numbers["out/ws"]) < 2e-5
    assert relative_error(fused[:2], numbers.images("out/img_fused")) < 2e-5


@pytest.mark.parametrize("layer", LAYERS)
def test_normalizations_are_the_official_ones_at_any_scale(layer):
    codes = ("networks", "training.networks_stylegan") if "norm" not in layer or layer == "pixel_norm" else (
        "training.networks_stylegan",)
    compute, checked = jax.jit(LAYERS[layer]), 0
    order = NEIGHBOURS if layer == "minibatch_stddev_layer" else np.arange(8)
    for scale in ("1", "0.001", "0.0001"):
        found = compute(NORMALIZATIONS.images("in/x")[order] * np.float32(scale))
        for code in codes:
            if f"out/{code}/{layer}_{scale}" in NORMALIZATIONS.arrays:
                expected = NORMALIZATIONS.images(f"out/{code}/{layer}_{scale}")[order]
                assert relative_error(found, expected) < 2e-5, (code, scale)
                checked += 1
    assert checked >= 3


def test_the_generators_loss_and_gradients_are_the_official_ones(official, float64, simple):
    numbers, labels = official.numbers, official.labels[NEIGHBOURS]
    latents = double(numbers["rng/loss/000_normal"])[NEIGHBOURS]

    @jax.jit
    def play(generator, critic):
        def loss(generator):
            logits = official.critic().apply(critic, official.generator().apply(generator, latents, labels), labels)
            return jnp.mean(ADVERSARIAL_LOSSES["non_saturating"].generator(None, logits))

        return jax.value_and_grad(loss)(generator)

    # In double precision: instance normalizations make much of rounding.
    value, gradients = play(*double(official.weights()))
    np.testing.assert_allclose(value, numbers["loss/G_logistic_nonsaturating"], rtol=2e-5)
    assert_norms(gradients["params"], numbers.norms("G", official.to_generator, "_logistic_nonsaturating"),
                 numbers["gnorm/G_logistic_nonsaturating/__total__"])


# Loss, draws of latents and of places between images, weights of R1, of R2, of the gradient penalty and of the drift.
CRITICS = {"logistic_simplegp": ("non_saturating", "001", None, 10.0, 3.0, 0.0, 0.0),
           "hinge_gp": ("hinge", "002", "003", 0.0, 0.0, 10.0, 0.0),
           "wgan_gp": ("wasserstein", "004", "005", 0.0, 0.0, 10.0, 0.001)}


def test_the_critics_losses_and_gradients_are_the_official_ones(official, simple, monkeypatch):
    numbers, labels, real = official.numbers, official.labels[NEIGHBOURS], official.images[NEIGHBOURS]
    losses = [case[0] for case in CRITICS.values()]

    @jax.jit
    def play(generator, critic, latents, mix, chosen, weights):
        monkeypatch.setattr(gradient, "interpolates", lambda real, fake, keys: real + (fake - real) * mix)
        fake = official.generator().apply(generator, latents, labels)

        def loss(critic):
            def logits(images, keys=None):
                return official.critic().apply(critic, images, labels)

            found, keys = (logits(real), logits(fake)), jax.random.split(jax.random.key(0), len(labels))
            value = chosen @ jnp.stack([jnp.mean(ADVERSARIAL_LOSSES[name].critic(*found)) for name in losses])
            terms = [PENALTIES[name](logits, real, fake, keys) for name in ("r1", "r2", "gradient_penalty")]
            return value + weights @ jnp.mean(jnp.stack([*terms, drift(found[0])]), axis=1)

        return jax.value_and_grad(loss)(critic)

    for place, (name, (_, drawn, mixed, *weights)) in enumerate(CRITICS.items()):
        latents = numbers[f"rng/loss/{drawn}_normal"][NEIGHBOURS]
        mix = numbers[f"rng/loss/{mixed}_uniform"][NEIGHBOURS] if mixed else np.zeros((8, 1, 1, 1), np.float32)
        value, gradients = play(*official.weights(), latents, mix, np.eye(3, dtype=np.float32)[place],
                                np.float32(weights))
        np.testing.assert_allclose(value, numbers[f"loss/D_{name}"], rtol=2e-5)
        assert_norms(gradients["params"], numbers.norms("D", official.to_critic, f"_{name}"),
                     numbers[f"gnorm/D_{name}/__total__"])


def random(shapes, seed=0):
    """Random variables of these shapes."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)


def shapes_of(module, *inputs):
    return dict(jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs)))


def test_noise_is_constant_or_of_the_keys_or_none_and_styles_leave_out_the_mapping():
    module, latents = StyleGAN1Generator((8, 24, 1), **TINY), np.zeros((2, 3), np.float32)
    variables = random(shapes_of(module, latents))

    @jax.jit
    def every(variables, amount, keys):
        styles = module.apply(variables, latents, only_styles=True)
        return (styles, *(module.apply(variables, *given, amount, keys=drawn)
                          for given in ((latents, None, None), (None, None, styles)) for drawn in (None, keys)))

    keys = jax.random.split(jax.random.key(0), 2)
    styles, constant, drawn, *others = every(variables, 1.0, keys)
    assert styles.shape == (2, module.layers, 4) and module.layers == 4
    for one, other in zip((constant, drawn), others, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    # The same latents: constant noise makes the same images, drawn noise does not.
    np.testing.assert_allclose(constant[0], constant[1], rtol=1e-5, atol=1e-5)
    assert np.abs(drawn[0] - drawn[1]).max() > 0.01 and np.abs(drawn - constant).max() > 0.01
    _, without, neither, *_ = every(variables, 0.0, keys)
    np.testing.assert_allclose(without, neither, rtol=1e-5, atol=1e-5)
    # Without its factor noise is none: it is as if the constants were zero.
    silent = {**variables, "noise": jax.tree.map(np.zeros_like, variables["noise"])}
    np.testing.assert_allclose(without, every(silent, 1.0, keys)[1], rtol=1e-5, atol=1e-5)


def test_a_pass_in_training_at_any_level_moves_the_average_style_and_leaves_the_rest_as_it_is():
    latents, rate = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32), 0.9
    last, first = (StyleGAN1Generator((16, 16, 1), level=level, average_rate=rate, **TINY) for level in (None, 0))
    variables = random(shapes_of(last, latents))
    collections = ["styles", "noise"]

    @jax.jit
    def play(variables):
        _, state = first.apply(variables, latents, train=True, mutable=collections)
        return first.apply(variables, latents, only_styles=True), state

    styles, state = play(variables)
    before = variables["styles"]["mapping"]["average"]
    np.testing.assert_allclose(state["styles"]["mapping"]["average"],
                               rate * before + (1 - rate) * np.mean(styles[:, 0], axis=0), rtol=1e-4, atol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, dict(state)["noise"], variables["noise"])


def test_a_network_of_an_earlier_level_uses_a_part_of_the_last_ones_variables():
    def names(module, *inputs):
        return {jax.tree_util.keystr(path): leaf.shape for path, leaf in
                jax.tree_util.tree_flatten_with_path(shapes_of(module, *inputs))[0]}

    latents, labels = jnp.zeros((2, 5)), jnp.zeros(2, int)
    critic = {name: TINY[name] for name in ("channel_base", "channel_max")}
    whole = (names(StyleGAN1Generator((16, 32, 3), 2, **TINY), latents, labels),
             names(StyleGAN1Critic((16, 32, 3), 2, **critic), jnp.zeros((2, 16, 32, 3)), labels))
    for level in range(3):
        images = jnp.zeros((2, 4 * 2**level, 8 * 2**level, 3))
        module = StyleGAN1Generator((16, 32, 3), 2, level=level, **TINY)
        parts = (names(module, latents, labels),
                 names(StyleGAN1Critic((16, 32, 3), 2, level=level, **critic), images, labels))
        assert all(part.items() <= everything.items() for part, everything in zip(parts, whole, strict=True))
        for part, layer in zip(parts, ("to_image", "from_image"), strict=True):
            assert sum(layer in name for name in part) == 2 * (level + 1)
        made = jax.eval_shape(lambda module=module: module.init_with_output(jax.random.key(0), latents, labels)[0])
        assert made.shape == images.shape


@pytest.mark.parametrize(("changes", "layer"), [
    ({}, {"bias", "noise_strength", "constant", "affine"}),
    ({"constant": False}, {"bias", "noise_strength", "dense", "affine"}),
    ({"noisy": False}, {"bias", "constant", "affine"}),
    ({"styled": False, "normalization": "pixel"}, {"bias", "noise_strength", "constant"})])
def test_parts_of_the_paper_that_are_left_out_have_no_weights(changes, layer):
    variables = shapes_of(StyleGAN1Generator((8, 8, 1), **TINY | changes), jnp.zeros((2, 5)))
    assert variables["params"]["level_0"]["conv0"].keys() == layer
    assert ("noise" in variables) == ("noise_strength" in layer)


def test_a_mapping_without_layers_gives_normalized_latents_as_styles(simple):
    module = StyleGAN1Generator((8, 8, 1), **TINY | {"mapping_layers": 0})
    latents = np.random.default_rng(0).normal(size=(2, 4)).astype(np.float32)
    styles = module.apply(random(shapes_of(module, latents)), latents, only_styles=True)
    np.testing.assert_allclose(styles[:, 1], latents / np.sqrt(np.mean(latents**2, axis=1, keepdims=True)), rtol=1e-5)


def test_an_unknown_normalization_is_refused():
    with pytest.raises(ConfigError, match="normalization 'batch' is unknown; allowed: instance, none, pixel"):
        shapes_of(StyleGAN1Generator((8, 8, 1), normalization="batch"), jnp.zeros((2, 5)))
