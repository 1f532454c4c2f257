"""Losses of labels and terms beside an adversarial loss: official numbers, laws, values by hand, split batches."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ganlab.losses import (
    ADVERSARIAL_LOSSES,
    LABEL_LOSSES,
    continuous_code_loss,
    direction_loss,
    discrete_code_loss,
    lecam,
    mean_feature_distance,
    natural_step,
    squared_difference,
)

PARITY = Path(__file__).parents[1] / "parity"
HYPER = {"contrastive_temperature": 0.5, "data_to_data_temperature": 0.5, "data_to_data_margin": 0.9}
OFFICIAL = {"auxiliary": "ce", "multi_hinge": "crammer_singer", "contrastive": "2C_t0.5",
            "data_to_data": "D2DCE_t0.5_m0.9"}
NAMES = sorted(LABEL_LOSSES)
STEP = 1e-5


@pytest.fixture(scope="module")
def official():
    with np.load(PARITY / "studiogan_losses.npz") as numbers:
        return dict(numbers)


def sown_of(official):
    """What a critic sows, in the precision of the moment."""
    found = {"class_logits": official["in/mh"], "embedding": official["in/emb"], "proxy": official["in/prox"]}
    return {name: np.asarray(array, jnp.result_type(float)) for name, array in found.items()}


@jax.jit
def table(sown, labels):
    """Every loss [b] of labels with the gradients of its mean by what was sown, and the same of two halves."""
    def entry(name, sown, axis_name):
        def mean(sown):
            found = LABEL_LOSSES[name].of(name, sown, labels_of[axis_name], HYPER, axis_name)
            return jnp.mean(found), found

        (_, found), gradients = jax.value_and_grad(mean, has_aux=True)(sown)
        return found, gradients

    labels_of = {None: labels}
    whole = {name: entry(name, sown, None) for name in LABEL_LOSSES}

    def half(sown, labels):
        labels_of["halves"] = labels
        return {name: entry(name, sown, "halves") for name in LABEL_LOSSES}

    halves = jax.tree.map(lambda array: array.reshape(2, -1, *array.shape[1:]), (sown, labels))
    split = jax.vmap(half, axis_name="halves")(*halves)
    return whole, jax.tree.map(lambda array: array.reshape(-1, *array.shape[2:]), split)


def test_every_loss_of_labels_has_official_numbers():
    assert set(OFFICIAL) == set(LABEL_LOSSES)


@pytest.mark.parametrize("name", NAMES)
def test_means_are_those_of_studiogan(official, name):
    losses, _ = table(sown_of(official), official["in/lab"])[0][name]
    assert losses.shape == official["in/lab"].shape
    np.testing.assert_allclose(jnp.mean(losses), official[f"loss/{OFFICIAL[name]}"], rtol=2e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_match_finite_differences(official, name, float64):
    sown, labels, rng = sown_of(official), official["in/lab"], np.random.default_rng(0)
    gradients = table(sown, labels)[0][name][1]
    # The largest cosine of embeddings, by which D2DCE divides, has no gradient: finite differences see one.
    parts = ("proxy",) if name == "data_to_data" else LABEL_LOSSES[name].sown
    way = {part: rng.standard_normal(array.shape) * (part in parts) for part, array in sown.items()}
    moved = [{part: sown[part] + sign * STEP * way[part] for part in sown} for sign in (1, -1)]
    ahead, behind = (np.mean(table(sown, labels)[0][name][0]) for sown in moved)
    slope = sum(np.vdot(gradients[part], way[part]) for part in way)
    assert abs(slope) > 1e-3
    assert (ahead - behind) / (2 * STEP) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_split_batch_has_the_same_losses_and_gradients(official, name, float64):
    # What holds for two halves under vmap with a named axis holds for devices, whose gradients are averaged.
    whole, split = (found[name] for found in table(sown_of(official), official["in/lab"]))
    np.testing.assert_allclose(split[0], whole[0], rtol=1e-12)
    for part in LABEL_LOSSES[name].sown:
        np.testing.assert_allclose(split[1][part] / 2, whole[1][part], rtol=1e-9, atol=1e-12)


def test_contrastive_losses_are_smaller_for_images_by_their_proxies_and_classes(official):
    labels = np.array([0, 0, 1, 1, 2, 2])
    rows = np.eye(12, dtype=np.float32)[labels]
    right, wrong = ({**sown_of(official), "embedding": rows, "proxy": proxy} for proxy in (rows, rows[::-1]))
    for name in ("contrastive", "data_to_data"):
        best, worst = (table(sown, labels)[0][name][0] for sown in (right, wrong))
        assert np.all(np.asarray(best)[[0, 1, 4, 5]] < np.asarray(worst)[[0, 1, 4, 5]])
    # Beyond both margins nothing pulls.
    gradients = table(right, labels)[0]["data_to_data"][1]
    np.testing.assert_allclose(gradients["proxy"], 0, atol=1e-7)


def test_embeddings_of_length_zero_have_finite_losses_and_gradients(official):
    sown = {**sown_of(official), "embedding": np.zeros((6, 12), np.float32)}
    found = table(sown, official["in/lab"])[0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found))


def test_multi_hinge_by_hand_and_with_two_classes_is_the_hinge_of_their_difference():
    loss = LABEL_LOSSES["multi_hinge"].loss
    logits = np.array([[2.0, 0.5, -1.0], [0.0, 0.0, 0.0], [-1.0, 3.0, 2.5]], np.float32)
    np.testing.assert_allclose(loss(logits, np.array([0, 1, 2])), [0.0, 1.0, 1.5])
    differences = np.array([-2.0, 0.3, 1.5], np.float32)
    pair = np.stack([differences, np.zeros(3, np.float32)], axis=1)
    np.testing.assert_allclose(loss(pair, np.zeros(3, int)), np.maximum(0, 1 - differences))


def test_lecam_and_feature_matching_are_those_of_studiogan(official):
    # The averages with which the official number was made.
    found = lecam(official["in/dr"], official["in/df"], 0.3, -0.4)
    np.testing.assert_allclose(jnp.mean(found), official["loss/lecam"], rtol=2e-6)
    np.testing.assert_allclose(mean_feature_distance(official["in/emb"], official["in/prox"]), official["loss/fm"],
                               rtol=2e-6)


def test_a_split_batch_has_the_same_mean_features(official, float64):
    halves = [np.float64(official[name]).reshape(2, 3, -1) for name in ("in/emb", "in/prox")]
    split = jax.vmap(lambda one, other: mean_feature_distance(one, other, "halves"), axis_name="halves")(*halves)
    np.testing.assert_allclose(split, official["loss/fm"], rtol=1e-6)


def test_the_direction_of_a_sliced_critic_learns_by_the_generators_loss():
    real, fake = np.float32([0.5, -1.0]), np.float32([2.0, 0.25])
    hinge = direction_loss(ADVERSARIAL_LOSSES["hinge"], real, fake)
    np.testing.assert_allclose(hinge, fake - real)
    non_saturating = direction_loss(ADVERSARIAL_LOSSES["non_saturating"], real, fake)
    np.testing.assert_allclose(non_saturating, np.log1p(np.exp(-real)) - np.log1p(np.exp(-fake)), rtol=1e-6)


def test_codes_by_hand():
    logits = np.log(np.float32([[[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]]))
    codes = np.float32([[[1, 0, 0], [0, 0, 1]]])
    np.testing.assert_allclose(discrete_code_loss(logits, codes), [-np.log(0.5) - np.log(0.8)], rtol=1e-6)
    means, variances, value = np.float32([[0.5, -1.0]]), np.float32([[4.0, 0.25]]), np.float32([[1.5, 0.0]])
    density = np.exp(-(value - means) ** 2 / (2 * variances)) / np.sqrt(2 * np.pi * variances)
    np.testing.assert_allclose(continuous_code_loss(means, np.log(variances), value),
                               -np.sum(np.log(density), axis=1), rtol=1e-6)


def test_differences_and_steps_by_hand():
    np.testing.assert_allclose(squared_difference(np.float32([1, 2]), np.float32([3, 2])), [4, 0])
    np.testing.assert_allclose(squared_difference(np.float32([[1, 2]]), np.float32([[3, 3]])), [2.5])
    np.testing.assert_allclose(natural_step(np.float32([[3.0, 4.0]]), 0.9, 5.0), [[0.09, 0.12]], rtol=1e-6)
