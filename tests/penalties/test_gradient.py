"""Gradient penalties: their laws on critics of known slope, their own gradients, the numbers of official code."""

import functools
import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.penalties import PENALTIES
from ganlab.penalties.gradient import interpolates, slopes, surroundings

PARITY = Path(__file__).parents[1] / "parity"
NAMES = sorted(PENALTIES)
ON_ONE_SIDE = {"r1": "real", "r2": "fake", "dragan": "real"}
OF_THE_BATCH = {"maximum_gradient_penalty"}  # One number for all of its examples.
BATCH = 4
SHAPE = (2, 2, 1)
SIZE = 4
STEP = 1e-5  # Of finite differences: in double precision neither its rounding nor its curvature counts.


def images(seed):
    """Images in the precision of the moment; the halves of the batch differ in spread."""
    scale = np.array([0.5, 0.5, 2.0, 2.0]).reshape(BATCH, 1, 1, 1)
    return np.asarray(np.random.default_rng(seed).standard_normal((BATCH, *SHAPE)) * scale, jnp.result_type(float))


def batch_keys(batch=BATCH):
    return jax.random.split(jax.random.key(0), batch)


def critic(params, x):
    """A linear critic and a curved one in sum: softplus has no kink, so finite differences mean something."""
    x = x.reshape(x.shape[0], -1)
    return x @ params["linear"] + jax.nn.softplus(x @ params["in"]) @ params["out"]


def of_the_moment(params):
    return {name: np.asarray(leaf, jnp.result_type(float)) for name, leaf in params.items()}


def linear(slope):
    """Params of a critic whose gradient has norm `slope` everywhere."""
    direction = np.array([1.0, -2.0, 0.5, 3.0])
    return of_the_moment({"linear": slope * direction / np.linalg.norm(direction), "in": np.zeros((SIZE, 3)),
                          "out": np.zeros(3)})


def curved(scale=1.0):
    """Params of a critic whose slope differs everywhere, and grows with `scale`."""
    rng = np.random.default_rng(7)
    return of_the_moment({"linear": np.zeros(SIZE), "in": rng.standard_normal((SIZE, 3)),
                          "out": scale * rng.uniform(0.5, 1.0, 3)})


@jax.jit
def table(params, real, fake, keys):
    """Every penalty [b] by its name, with the gradient of its sum by the critic's params: all in one program."""
    def entry(penalty):
        def total(params):
            found = penalty(lambda x, _: critic(params, x), real, fake, keys)
            return jnp.sum(found), found

        (_, found), gradient = jax.value_and_grad(total, has_aux=True)(params)
        return found, gradient

    return {name: entry(penalty) for name, penalty in PENALTIES.items()}


def penalties(name, params, real, fake):
    """The penalty [b] called `name`."""
    return np.asarray(table(params, real, fake, batch_keys())[name][0])


@pytest.mark.parametrize("name", NAMES)
def test_penalty_gives_the_critic_a_key_for_every_example(name, float64):
    def logit_fn(x, keys):
        assert keys.shape == x.shape[:1]
        return jax.vmap(jax.random.uniform)(keys) * x.sum(axis=(1, 2, 3))

    penalty = jax.jit(functools.partial(PENALTIES[name], logit_fn))(images(0), images(1), batch_keys())
    assert penalty.shape == (BATCH,)
    assert len(np.unique(penalty)) == (1 if name in OF_THE_BATCH else BATCH)


# The slope at which a penalty is content; 1 where it is not named.
CONTENT = {"r1": 0.0, "r2": 0.0, "maximum_gradient_penalty": 0.0}


@pytest.mark.parametrize("name", NAMES)
def test_penalty_is_zero_for_a_critic_of_the_slope_it_wants(name, float64):
    penalty = penalties(name, linear(CONTENT.get(name, 1.0)), images(0), images(1))
    np.testing.assert_allclose(penalty, np.zeros(BATCH), atol=1e-20)


BY_HAND = {
    "gradient_penalty": {3.0: 4.0, 0.5: 0.25},
    "one_sided_gradient_penalty": {3.0: 4.0, 0.5: 0.0},
    "maximum_gradient_penalty": {3.0: 9.0, 0.5: 0.25},
    "dragan": {3.0: 4.0, 0.5: 0.25},
    "r1": {3.0: 4.5, 0.5: 0.125},
    "r2": {3.0: 4.5, 0.5: 0.125},
}


@pytest.mark.parametrize("slope", [3.0, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_each_example_has_the_penalty_of_a_linear_critic_by_hand(name, slope, float64):
    penalty = penalties(name, linear(slope), images(0), images(1))
    np.testing.assert_allclose(penalty, np.full(BATCH, BY_HAND[name][slope]), rtol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_penalty_has_a_finite_gradient_at_a_flat_critic(name):
    # The slope of a square root at 0 is infinite, and 0 times infinity is not a number. In single
    # precision, where the number that prevents it could round to 0.
    found = table(linear(0.0), images(0), images(1), batch_keys())[name]
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("name", sorted(ON_ONE_SIDE))
def test_a_penalty_on_one_side_looks_at_that_side_only(name, float64):
    sides = {"real": images(0), "fake": images(1)}
    mine = ON_ONE_SIDE[name]
    other = {"real": "fake", "fake": "real"}[mine]

    penalty = functools.partial(penalties, name, curved())
    expected = penalty(**sides)
    np.testing.assert_array_equal(penalty(**sides | {other: sides[other] * np.nan}), expected)
    assert np.all(penalty(**sides | {mine: sides[mine] + 1.0}) != expected)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(ON_ONE_SIDE)))
def test_a_penalty_between_the_sides_looks_at_both(name, float64):
    # Steep enough that no side of a one-sided penalty is flat.
    penalty = functools.partial(penalties, name, curved(10.0))
    expected = penalty(images(0), images(1))
    assert np.all(penalty(images(0) + 1.0, images(1)) != expected)
    assert np.all(penalty(images(0), images(1) + 1.0) != expected)


@pytest.mark.parametrize("name", NAMES)
def test_parameter_gradients_match_finite_differences(name, float64):
    real, fake, params = images(0), images(1), curved(10.0)
    # Far from the kink of the one-sided penalty, where its value is 0.
    assert np.all(penalties(name, params, real, fake) > 1.0)
    gradient, rng = table(params, real, fake, batch_keys())[name][1], np.random.default_rng(0)
    for _ in range(3):
        way = {leaf: rng.standard_normal(value.shape) for leaf, value in params.items()}
        moved = ({leaf: params[leaf] + sign * STEP * way[leaf] for leaf in params} for sign in (1, -1))
        ahead, behind = (np.sum(penalties(name, params, real, fake)) for params in moved)
        slope = sum(np.vdot(gradient[leaf], way[leaf]) for leaf in way)
        assert (ahead - behind) / (2 * STEP) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_split_batch_has_the_same_penalties(name, float64):
    # What holds for two halves under vmap with a named axis holds for devices.
    arrays = images(0), images(1), batch_keys()
    penalty = functools.partial(PENALTIES[name], lambda x, _: critic(curved(), x))
    if "axis_name" in inspect.signature(PENALTIES[name]).parameters:
        penalty = functools.partial(penalty, axis_name="halves")
    halves = [array.reshape(2, BATCH // 2, *array.shape[1:]) for array in arrays]
    split = jax.jit(jax.vmap(penalty, axis_name="halves"))(*halves)
    np.testing.assert_allclose(split.reshape(BATCH), penalties(name, curved(), *arrays[:2]), rtol=1e-12)


between = jax.jit(interpolates)


def test_surroundings_reach_as_far_as_the_batch_spreads(float64):
    around = jax.jit(functools.partial(surroundings, axis_name=None))
    real, keys = images(0), batch_keys()
    steps = np.asarray(around(real, keys)) - real
    for half in (slice(0, 2), slice(2, 4)):
        alone = np.asarray(around(real[half], keys[half])) - real[half]
        ratio = np.std(real[half]) / np.std(real)
        np.testing.assert_allclose(alone / steps[half], np.full((2, *SHAPE), ratio), rtol=1e-9)


def test_interpolates_lie_on_the_segments_and_each_example_has_its_place(float64):
    real, fake = images(0), images(1)
    mix = ((np.asarray(between(real, fake, batch_keys())) - fake) / (real - fake)).reshape(BATCH, -1)
    np.testing.assert_allclose(mix, np.broadcast_to(mix[:, :1], mix.shape), rtol=1e-9)
    assert np.all((mix > 0) & (mix < 1))
    assert len(np.unique(np.round(mix, 6))) == BATCH


def test_interpolates_are_drawn_by_the_key_of_the_example(float64):
    real, fake, keys = images(0), images(1), batch_keys()
    parts = [between(real[part], fake[part], keys[part]) for part in (slice(0, 2), slice(2, 4))]
    np.testing.assert_allclose(np.concatenate(parts), between(real, fake, keys), rtol=1e-12, atol=1e-12)


def assert_uniform(draws):
    """Kolmogorov-Smirnov against the uniform distribution on [0, 1]: p < 1e-4 above 2.23 / sqrt(n)."""
    draws = np.sort(np.ravel(draws))
    steps = np.arange(draws.size + 1) / draws.size
    assert max(np.max(steps[1:] - draws), np.max(draws - steps[:-1])) < 2.23 / np.sqrt(draws.size)


def test_interpolates_are_uniform_between_fake_and_real():
    assert_uniform(between(np.ones((1000, 1), np.float32), np.zeros((1000, 1), np.float32), batch_keys(1000)))


def test_surroundings_are_uniform_on_the_segment_to_uniform_noise():
    # Pixels of 1 and -1 deviate by 1. Of 500 pixels the largest noise is nearly 1, so that the
    # largest step of an example shows its place between the image and the noise.
    real = np.tile(np.array([1.0, -1.0], np.float32), (1000, 250))
    steps = (np.asarray(jax.jit(functools.partial(surroundings, axis_name=None))(real, batch_keys(1000))) - real) / 0.5
    places = steps.max(axis=1)
    assert np.all(steps >= 0)
    assert_uniform(places)
    # Near the image a step is a difference of nearly equal numbers, hence not all examples.
    assert_uniform(steps[places > 0.1, 0] / places[places > 0.1])


@pytest.fixture(scope="module")
def studiogan():
    with np.load(PARITY / "studiogan_penalties.npz") as numbers:
        return dict(numbers)


@pytest.fixture(scope="module")
def official_critic(studiogan):
    """StudioGAN's spectrally normalised deep convolutional critic, a function of images [b, c, h, w].

    Each weight is divided by its largest singular value u W v with the stored u and v: the
    official code ran in evaluation, where PyTorch does not iterate.
    """

    def normalized(name):
        weight, u, v = (studiogan[f"sd/penD/{name}.weight_{part}"] for part in ("orig", "u", "v"))
        return weight / (u @ weight.reshape(weight.shape[0], -1) @ v), studiogan[f"sd/penD/{name}.bias"]

    names = [(f"blocks.{block}.0.conv{conv}", stride) for block in range(3) for conv, stride in ((0, 1), (1, 2))]
    layers = [(*normalized(name), stride) for name, stride in [*names, ("conv1", 1)]]
    weight, bias = normalized("linear1")

    @jax.jit  # So that the penalties share one program for the gradient.
    def logit_fn(x, keys):
        del keys
        for kernel, offset, stride in layers:
            x = jax.lax.conv_general_dilated(x, kernel, (stride, stride), [(1, 1), (1, 1)])
            x = jax.nn.relu(x + offset[:, None, None])
        return jnp.sum(x, axis=(2, 3)) @ weight[0] + bias[0]

    return logit_fn


def replayed_interpolates(studiogan, case):
    mix = studiogan[f"rng/{case}/000_rand"].reshape(BATCH, 1, 1, 1)
    return mix * studiogan["in/x"] + (1 - mix) * studiogan["in/fake"]


def test_gradient_penalty_is_that_of_studiogan(studiogan, official_critic):
    # Between a point and itself lies that point, whatever the draw.
    points = replayed_interpolates(studiogan, "cal_grad_penalty")
    penalty = PENALTIES["gradient_penalty"](official_critic, points, points, batch_keys())
    np.testing.assert_allclose(jnp.mean(penalty), studiogan["loss/cal_grad_penalty"], rtol=2e-5)


def test_slopes_around_the_data_give_the_dragan_penalty_of_studiogan(studiogan, official_critic):
    # PyTorch's deviation divides by n - 1, ours by n: of 12,288 values that is within the tolerance.
    real, places, noise = (studiogan[name] for name in (
        "in/x", "rng/cal_dra_penalty/000_rand", "rng/cal_dra_penalty/001_rand"))
    points = real + places * 0.5 * np.std(real) * noise
    penalty = (slopes(official_critic, points, batch_keys()) - 1) ** 2
    np.testing.assert_allclose(jnp.mean(penalty), studiogan["loss/cal_dra_penalty"], rtol=2e-5)


def test_largest_squared_slope_is_that_of_studiogan(studiogan, official_critic):
    points = replayed_interpolates(studiogan, "cal_maxgrad_penalty")
    penalty = PENALTIES["maximum_gradient_penalty"](official_critic, points, points, batch_keys())
    np.testing.assert_allclose(penalty, np.full(BATCH, studiogan["loss/cal_maxgrad_penalty"]), rtol=2e-5)


@pytest.mark.parametrize("name, real, fake", [("r1", "in/x", "in/fake"), ("r2", "in/fake", "in/x")])
def test_r1_and_r2_are_r1_of_studiogan_on_their_side(studiogan, official_critic, name, real, fake):
    penalty = PENALTIES[name](official_critic, studiogan[real], studiogan[fake], batch_keys())
    np.testing.assert_allclose(jnp.mean(penalty), studiogan["loss/cal_r1_reg"], rtol=2e-5)
