"""PGGAN's networks, their losses and penalties are the official ones at every level and between two."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_growing import CLASSES, NEIGHBOURS, Official, at
from official_numbers import assert_norms, relative_error

from ganlab.convolutions.layers import convolutions
from ganlab.losses import ADVERSARIAL_LOSSES, LABEL_LOSSES, drift
from ganlab.networks.style.growing import PlainConvolution
from ganlab.networks.style.pggan import PGGANCritic, PGGANGenerator
from ganlab.penalties import PENALTIES, gradient

TINY = {"channel_base": 64, "channel_max": 4}


@pytest.fixture
def simple():
    """Convolves as XLA does, which takes less time to trace and to compile."""
    with convolutions("lax"):
        yield


@pytest.fixture(scope="module")
def official():
    return Official("pggan")


def test_images_logits_and_class_logits_are_the_official_ones_at_every_lod(official):
    official.assert_same_at_every_lod()


def test_networks_that_resize_and_convolve_apart_are_the_official_ones(official):
    numbers = official.numbers
    weights = (official.to_generator(numbers.within("sd/G_unfused")),
               official.to_critic(numbers.within("sd/D_unfused")), official.weights()[1])

    @jax.jit
    def every(generator, critic, fused):
        return (official.generator().apply(generator, official.latents, official.labels),
                official.judge(official.critic(fused=False), critic, official.images, official.labels)[0],
                official.judge(official.critic(), fused, official.images[:4], official.labels[:4])[0])

    images, logits, few = every(*weights)
    assert relative_error(images[:2], numbers.images("out/unfused_img")) < 2e-5
    assert relative_error(logits, numbers["out/unfused_score"][:, 0]) < 2e-5
    assert relative_error(few, numbers["out/score_b4"][:, 0]) < 2e-5


def test_losses_and_gradients_are_the_official_ones_in_a_transition(official, simple, monkeypatch):
    numbers, labels, real = official.numbers, official.labels[NEIGHBOURS], official.images[NEIGHBOURS]
    fade = 1 - numbers.meta["lod_at_loss"]
    monkeypatch.setattr(gradient, "interpolates", lambda real, fake, keys: (
        real + (fake - real) * numbers["rng/loss/002_uniform"][NEIGHBOURS]))
    loss, of_labels = ADVERSARIAL_LOSSES["wasserstein"], LABEL_LOSSES["auxiliary"].loss

    def fake(params, name):
        return official.generator(fading=True).apply(
            at(params, fade), numbers[f"rng/loss/{name}_normal"][NEIGHBOURS], labels)

    def judge(params, images):
        logits, state = official.critic(fading=True).apply(at(params, fade), images, mutable=["intermediates"])
        return logits, state["intermediates"]["class_logits"][0]

    def generator_loss(generator, critic):
        logits, classes = judge(critic, fake(generator, "000"))
        return jnp.mean(loss.generator(None, logits) + of_labels(classes, labels))

    def critic_loss(critic, images):
        found = {"real": judge(critic, real), "fake": judge(critic, images)}
        penalty = PENALTIES["gradient_penalty"](
            lambda images, keys: judge(critic, images)[0], real, images, jax.random.split(jax.random.key(0), 8))
        logits, classes = ({kind: pair[place] for kind, pair in found.items()} for place in (0, 1))
        return jnp.mean(loss.critic(logits["real"], logits["fake"]) + 10 * penalty + 0.001 * drift(logits["real"])
                        + of_labels(classes["real"], labels) + of_labels(classes["fake"], labels))

    @jax.jit
    def play(generator, critic):
        return (jax.value_and_grad(generator_loss)(generator, critic),
                jax.value_and_grad(critic_loss)(critic, fake(generator, "001")))

    for network, case, convert, (value, gradients) in zip(
            "GD", ("wgan_acgan", "wgangp_acgan"), (official.to_generator, official.to_critic),
            play(*official.weights()), strict=True):
        np.testing.assert_allclose(value, numbers[f"loss/{network}_{case}"], rtol=2e-5)
        assert_norms(gradients["params"], numbers.norms(network, convert, f"_{case}"),
                     numbers[f"gnorm/{network}_{case}/__total__"])


@pytest.mark.parametrize("shape", [(16, 16, 1), (8, 24, 4), (48, 32, 3)])
def test_a_network_of_an_earlier_level_uses_a_part_of_the_last_ones_params(shape):
    def params(builder, level, x):
        return jax.eval_shape(lambda: builder(shape, 2, level=level, **TINY).init(jax.random.key(0), *x))["params"]

    def shapes(tree):
        return {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}

    *_, last = sides = [(shape[0] // 2**n, shape[1] // 2**n) for n in range(5) if shape[0] % (4 * 2**n) == 0
                        and shape[1] % (4 * 2**n) == 0][::-1]
    latents = jnp.zeros((2, 5)), jnp.zeros(2, int)
    whole = [shapes(params(PGGANGenerator, None, latents)),
             shapes(params(PGGANCritic, None, (jnp.zeros((2, *last, shape[2])),)))]
    for level, side in enumerate(sides):
        parts = (shapes(params(PGGANGenerator, level, latents)),
                 shapes(params(PGGANCritic, level, (jnp.zeros((2, *side, shape[2])),))))
        for part, everything in zip(parts, whole, strict=True):
            assert part.items() <= everything.items()
            assert len(part) == sum(f"['level_{number}']" in name for name in everything for number in range(level + 1))
        images = jax.eval_shape(lambda level=level: PGGANGenerator(shape, 2, level=level, **TINY).init_with_output(
            jax.random.key(0), *latents)[0])
        assert images.shape == (2, *side, shape[2])


def test_a_level_without_a_say_is_the_one_before_and_one_that_is_faded_in_needs_no_fade(simple):
    rng = np.random.default_rng(0)
    latents, images = (rng.normal(size=size).astype(np.float32) for size in ((4, 6), (4, 16, 16, 1)))
    halves = images.reshape(4, 8, 2, 8, 2, 1).mean((2, 4))

    def networks(level, fading=False):
        return [builder((16, 16, 1), level=level, fading=fading, **TINY) for builder in (PGGANGenerator, PGGANCritic)]

    last, before, fading = networks(None), networks(1), networks(None, fading=True)
    weights = [jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), jax.eval_shape(
        lambda module=module, x=x: module.init(jax.random.key(0), x))) for module, x in zip(
            last, (latents, images), strict=True)]

    @jax.jit
    def every(weights, fade):
        of, by = weights
        return [(fading[0].apply(at(of, fade), latents), fading[1].apply(at(by, fade), images)),
                (last[0].apply(of, latents), last[1].apply(by, images)),
                (before[0].apply(of, latents), before[1].apply(by, halves))]

    def assert_same(pairs, others):
        for one, other in zip(pairs, others, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)

    faded, alone, _ = every(weights, 1.0)
    assert_same(faded, alone)
    faded, _, (small, logits) = every(weights, 0.0)
    assert_same(faded, (np.repeat(np.repeat(small, 2, axis=1), 2, axis=2), logits))


def test_equalized_rates_scale_weights_where_they_are_used_by_the_deviation_that_they_would_be_drawn_with(simple):
    rng, latents = np.random.default_rng(0), np.zeros((2, 6), np.float32)
    latents += rng.normal(size=latents.shape)

    def deviation(path, shape):
        if path[-1].key != "kernel":
            return 1
        # The first dense layer sees latents; no activation follows the last one, and images.
        gains = {"to_image": 1, "output": 1, "dense": np.sqrt(2) / (4 if shape[0] == latents.shape[1] else 1)}
        return gains.get(path[-2].key, np.sqrt(2)) / np.sqrt(np.prod(shape[:-1]))

    def pair(builder, x):
        one, other = (builder((8, 8, 3), equalized=equalized, **TINY) for equalized in (True, False))
        shapes = jax.eval_shape(lambda: one.init(jax.random.key(0), x))["params"]
        drawn = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)
        scaled = jax.tree_util.tree_map_with_path(lambda path, leaf: leaf * deviation(path, leaf.shape), drawn)
        return jax.jit(lambda drawn, scaled: [module.apply({"params": params}, x) for module, params in (
            (one, drawn), (other, scaled))])(drawn, scaled)

    images, expected = pair(PGGANGenerator, latents)
    np.testing.assert_allclose(images, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(*pair(PGGANCritic, np.asarray(images)), rtol=1e-4, atol=1e-5)


def test_weights_rest_at_a_deviation_of_one_or_at_that_of_he():
    x, draws = jnp.zeros((1, 4, 4, 32)), {}
    for equalized in (True, False):
        layer = PlainConvolution(64, 3, equalized=equalized)
        draws[equalized] = np.std(layer.init(jax.random.key(0), x)["params"]["kernel"])
    np.testing.assert_allclose([draws[True], draws[False]], [1, np.sqrt(2 / (9 * 32))], rtol=0.02)


@pytest.mark.parametrize("level", [-1, 2])
def test_a_level_that_images_do_not_have_is_refused(level):
    with pytest.raises(ValueError, match=f"level is {level}, and levels are 0 to 1, of 4x4, 8x8 pixels"):
        PGGANGenerator((8, 8, 1), level=level).init(jax.random.key(0), np.zeros((1, 4)))


def test_images_of_another_level_are_refused():
    with pytest.raises(ValueError, match="images are of 4x4 pixels, and this level's are of 8x8"):
        PGGANCritic((8, 8, 1), CLASSES).init(jax.random.key(0), np.zeros((1, 4, 4, 1)))
