"""Adversarial losses: the laws that hold for every pair, the formulas by hand, the numbers of official code."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.losses import ADVERSARIAL_LOSSES

PARITY = Path(__file__).parents[1] / "parity"
NAMES = sorted(ADVERSARIAL_LOSSES)
RELATIVISTIC = [name for name in NAMES if "relativistic" in name]
PLAYERS = ("critic", "generator")
BOUNDED_BY_A_LINE = [name for name in NAMES if name != "least_squares"]

# Away from the kinks of the hinge at 1 and -1, and from the optima of least squares at 0 and 1.
REAL = np.array([-2.5, -0.4, 0.3, 0.7, 2.2])
FAKE = np.array([1.7, 0.6, -2.1, 0.2, -0.5])
HUGE = 1e4
STEP = 1e-5  # Of finite differences: in double precision neither its rounding nor its curvature counts.


@jax.jit
def table(real, fake):
    """Losses [b] by name and player, and their gradients by real and by fake logits [b] each: all in one program.

    The player "targets" is the critic of a loss with targets, written by these.
    """
    def entry(loss):
        losses, pullback = jax.vjp(loss, real, fake)
        return losses, *pullback(jnp.ones_like(losses))

    def by_targets(targeted):
        return lambda real, fake: targeted(real, jnp.ones_like(real)) + targeted(fake, jnp.zeros_like(fake))

    return {(name, player): entry(loss) for name, pair in ADVERSARIAL_LOSSES.items() for player, loss in {
        "critic": pair.critic, "generator": pair.generator,
        **({"targets": by_targets(pair.targeted)} if pair.targeted else {})}.items()}


def losses(name, player, real, fake):
    """Losses [b] of logits in the precision of the moment."""
    return np.asarray(table(np.asarray(real, jnp.result_type(float)), np.asarray(fake, jnp.result_type(float)))[
        name, player][0])


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("batch", [1, 5])
def test_each_example_has_a_loss(name, player, batch):
    logits = jax.ShapeDtypeStruct((batch,), jnp.float32)
    loss = jax.eval_shape(getattr(ADVERSARIAL_LOSSES[name], player), logits, logits)
    assert loss.shape == (batch,)
    assert loss.dtype == jnp.float32


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_match_finite_differences(name, player, float64):
    _, by_real, by_fake = table(REAL, FAKE)[name, player]
    for gradient, real, fake in ((by_real, STEP, 0.0), (by_fake, 0.0, STEP)):
        ahead, behind = (losses(name, player, REAL + sign * real, FAKE + sign * fake) for sign in (1, -1))
        np.testing.assert_allclose((ahead - behind) / (2 * STEP), gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", NAMES)
def test_loss_and_gradient_are_finite_at_huge_logits(name, player):
    real = np.float32(HUGE) * np.array([1, 1, -1, -1], np.float32)
    fake = np.float32(HUGE) * np.array([1, -1, 1, -1], np.float32)
    found = table(real, fake)[name, player]
    assert np.all(np.isfinite(found))
    if name in BOUNDED_BY_A_LINE:
        assert np.all(np.abs(found[0]) <= 2 * HUGE + 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_critic_that_is_utterly_wrong_still_learns(name):
    # A logarithm of a clipped sigmoid would be finite here too, but flat.
    wrong = np.full(4, HUGE, np.float32)
    _, by_real, by_fake = table(-wrong, wrong)[name, "critic"]
    assert np.all(np.asarray(by_real) <= -0.5)
    assert np.all(np.asarray(by_fake) >= 0.5)


@pytest.mark.parametrize("name", NAMES)
def test_critic_loss_falls_when_real_logits_rise_and_when_fake_logits_fall(name):
    # Least squares wants real logits of 1 and fake ones of 0, the hinge of 1 and -1: nobody is there yet.
    real, fake = np.array([-3.0, -1.0, 0.0, 0.9]), np.array([3.0, 1.0, 0.5, 0.1])
    before = losses(name, "critic", real, fake)
    assert np.all(losses(name, "critic", real + 0.05, fake) < before)
    assert np.all(losses(name, "critic", real, fake - 0.05) < before)


@pytest.mark.parametrize("name", NAMES)
def test_generator_loss_falls_when_fake_logits_rise(name):
    real, fake = np.array([-2.0, 2.0, 0.5, -0.5]), np.array([-3.0, -1.0, 0.1, 0.9])
    assert np.all(losses(name, "generator", real, fake + 0.05) < losses(name, "generator", real, fake))


@pytest.mark.parametrize("name", RELATIVISTIC)
def test_a_relativistic_loss_swapped_is_the_other_players(name, float64):
    swapped = losses(name, "critic", FAKE, REAL)
    np.testing.assert_allclose(losses(name, "generator", REAL, FAKE), swapped, rtol=1e-14)
    assert np.all(np.abs(losses(name, "critic", REAL, FAKE) - swapped) > 0.1)


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("name", RELATIVISTIC)
def test_a_relativistic_loss_sees_only_differences(name, player, float64):
    np.testing.assert_allclose(losses(name, player, REAL + 5.0, FAKE + 5.0), losses(name, player, REAL, FAKE),
                               rtol=1e-12)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# Each written as its paper writes it.
FORMULAS = {
    "minimax": (lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)), lambda r, f: np.log(1 - sigmoid(f))),
    "non_saturating": (lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)), lambda r, f: -np.log(sigmoid(f))),
    "least_squares": (lambda r, f: (r - 1) ** 2 / 2 + f**2 / 2, lambda r, f: (f - 1) ** 2 / 2),
    "wasserstein": (lambda r, f: f - r, lambda r, f: -f),
    "hinge": (lambda r, f: np.maximum(0, 1 - r) + np.maximum(0, 1 + f), lambda r, f: -f),
    "relativistic": (lambda r, f: -np.log(sigmoid(r - f)), lambda r, f: -np.log(sigmoid(f - r))),
}


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_published_formula(name, float64):
    for player, formula in zip(PLAYERS, FORMULAS[name], strict=True):
        np.testing.assert_allclose(losses(name, player, REAL, FAKE), formula(REAL, FAKE), rtol=1e-12)


# (name, real logit, fake logit, critic's loss, generator's loss), worked out on paper.
BY_HAND = [
    ("minimax", 0.0, 0.0, 2 * np.log(2), -np.log(2)),
    ("non_saturating", 0.0, 0.0, 2 * np.log(2), np.log(2)),
    ("least_squares", 3.0, 2.0, 4.0, 0.5),
    ("wasserstein", 3.0, 2.0, -1.0, -2.0),
    ("hinge", 0.5, 0.5, 2.0, -0.5),  # Without a factor 1/2.
    ("hinge", 1.5, -1.5, 0.0, 1.5),
    ("relativistic", 1.0, 1.0, np.log(2), np.log(2)),
]


@pytest.mark.parametrize("name, real, fake, critic, generator", BY_HAND)
def test_values_worked_out_by_hand(name, real, fake, critic, generator):
    logits = np.full(4, real), np.full(4, fake)
    np.testing.assert_allclose(losses(name, "critic", *logits), critic, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(losses(name, "generator", *logits), generator, rtol=1e-6)


# StudioGAN returns means over the batch. Its least squares have the factor 1/2 of the paper, as
# ours, and its hinge has none. "vanilla" and "logistic" are two spellings of one loss. It has no
# saturating generator: minimax is tied to these numbers by sharing the non-saturating critic.
STUDIOGAN = [
    ("minimax", "critic", "d_vanilla"),
    ("non_saturating", "critic", "d_vanilla"),
    ("non_saturating", "critic", "d_logistic"),
    ("non_saturating", "generator", "g_vanilla"),
    ("non_saturating", "generator", "g_logistic"),
    ("least_squares", "critic", "d_ls"),
    ("least_squares", "generator", "g_ls"),
    ("wasserstein", "critic", "d_wasserstein"),
    ("wasserstein", "generator", "g_wasserstein"),
    ("hinge", "critic", "d_hinge"),
    ("hinge", "generator", "g_hinge"),
]


@pytest.mark.parametrize("name, player, official", STUDIOGAN)
def test_means_are_those_of_studiogan(name, player, official):
    with np.load(PARITY / "studiogan_losses.npz") as numbers:
        loss = losses(name, player, numbers["in/dr"], numbers["in/df"])
        np.testing.assert_allclose(np.mean(loss), numbers[f"loss/{official}"], rtol=2e-5)


@pytest.mark.parametrize("case", ["uncond", "cond"])
def test_relativistic_losses_are_those_of_r3gan(case):
    with np.load(PARITY / "r3gan_losses.npz") as numbers:
        real, fake = numbers[f"out/{case}/D_real"], numbers[f"out/{case}/D_fake"]
        # R3GAN calls the argument of the softplus the relativistic logit of that player.
        np.testing.assert_allclose(real - fake, numbers[f"loss/{case}/D_rel"], rtol=2e-5)
        np.testing.assert_allclose(fake - real, numbers[f"loss/{case}/G_rel"], rtol=2e-5)
        for player, official in (("critic", "D_adv"), ("generator", "G_adv")):
            np.testing.assert_allclose(losses("relativistic", player, real, fake), numbers[f"loss/{case}/{official}"],
                                       rtol=2e-5)


@pytest.mark.parametrize("name", [name for name, loss in sorted(ADVERSARIAL_LOSSES.items()) if loss.targeted])
def test_a_critic_with_targets_pulls_real_logits_to_one_and_fake_logits_to_zero(name, float64):
    np.testing.assert_allclose(losses(name, "targets", REAL, FAKE), losses(name, "critic", REAL, FAKE), rtol=1e-12)


def test_losses_with_targets_are_cross_entropy_and_least_squares():
    assert {name for name, loss in ADVERSARIAL_LOSSES.items() if loss.targeted} == {
        "minimax", "non_saturating", "least_squares"}


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_says_whether_its_generator_compares_with_real_logits(name):
    _, by_real, _ = table(np.float32(REAL), np.float32(FAKE))[name, "generator"]
    assert ADVERSARIAL_LOSSES[name].compares == bool(np.any(by_real))
