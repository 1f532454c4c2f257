"""What critics see is augmented: every picture by its draws, within penalties, by a chance that follows the logits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import BATCH, IMAGES, tiny_game

from ganlab.augment import choose_augmentation
from ganlab.config import ConfigError
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.penalties import PENALTIES
from ganlab.systems.critic import ADAPTATION, NOT_MOVED, Critic, adaptations, controlled

KEYS = jax.random.split(jax.random.key(0), 4)
ADAPTING = {"augment_p": 0.25, "augment_target": 0.6, "augment_speed_kimg": 0.1}


def moved(images, keys, p):
    """Adds the chance and a number of the example's own to an image."""
    return images + p + jax.vmap(jax.random.normal)(keys).reshape(-1, 1, 1, 1)


def critic_of(*pictures, network=None, penalties=None, augment=moved, **fields):
    return Critic(network, ADVERSARIAL_LOSSES["hinge"], penalties or {}, augment=augment, pictures=pictures, **fields)


def test_each_image_of_a_pack_has_draws_of_its_own_and_a_pair_the_same():
    images = np.random.default_rng(0).uniform(-1, 1, (4, 2, 2, 4)).astype(np.float32)
    for pairs in (False, True):
        added = critic_of(2, 2, pairs=pairs).seen(images, KEYS, 0.5) - images
        # One number an image, two for those of a pack.
        assert max(np.ptp(added[..., part], axis=(1, 2, 3)).max() for part in (slice(2), slice(2, 4))) < 1e-6
        assert np.allclose(added[..., 0], added[..., 2], atol=1e-6) == pairs
        assert len(np.unique(np.round(added, 4))) == (4 if pairs else 8)


@pytest.mark.parametrize("name", ["ada:color", "diffaugment:color"])
def test_a_source_and_its_image_are_augmented_alike_whatever_their_channels(name):
    # A coloured picture of greys beside the same in one channel: they stay the same picture.
    grey = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1)).astype(np.float32)
    critic = critic_of(1, 3, pairs=True, augment=choose_augmentation(name))
    seen = np.asarray(jax.jit(critic.seen)(np.repeat(grey, 4, axis=3), KEYS, 1.0))
    assert np.abs(seen - grey).max() > 0.1
    np.testing.assert_allclose(seen[..., :1] * np.ones(3), seen[..., 1:], atol=1e-5)


class Linear:
    """A critic whose logit is the sum of all channels."""

    def train(self, params, variables, images, labels, keys):
        return jnp.sum(images, axis=(1, 2, 3)) * params, variables


@pytest.mark.parametrize("name", PENALTIES)
def test_the_gradient_of_a_penalty_is_by_images_before_augmentation(name):
    # A critic that sees three times the images has three times the slope by them.
    images = np.ones((4, 2, 2, 1), np.float32)
    critic = critic_of(network=Linear(), penalties={name: PENALTIES[name]}, augment=lambda images, keys, p: 3 * images)
    _, metrics = critic.penalize(0.0, 1.0, {}, images, images, {name: KEYS}, {f"{name}_weight": 1.0}, chance=0.5)
    slope = 3 * np.sqrt(4)
    expected = {"r1": slope**2 / 2, "r2": slope**2 / 2, "maximum_gradient_penalty": slope**2}.get(name, (slope - 1) ** 2)
    np.testing.assert_allclose(metrics[name], expected, rtol=1e-5)


def test_the_chance_starts_at_the_number_of_its_trial_and_moves_as_real_logits_say():
    critics = [critic_of(suffix="_a"), critic_of(suffix="_b")]
    control, memory = controlled(critics, ADAPTING, images=BATCH), adaptations(critics, ADAPTING)
    signs = {"real_signs_a": np.float32(1.0), "real_signs_b": np.float32(0.0)}
    # The memory is the same for all trials of a stack, whatever their numbers.
    assert {float(critic.chance(memory, {**ADAPTING, "augment_p": p})) for critic in critics for p in (0.1, 0.7)} == {
        float(np.float32(0.1)), float(np.float32(0.7))}
    for _ in range(4):
        assert [float(critic.chance(memory, ADAPTING)) for critic in critics] == [0.25, 0.25]
        memory = control(memory, signs, ADAPTING)
    # All logits of a's real images were positive, half of b's.
    step = 4 * BATCH / 100
    np.testing.assert_allclose([critic.chance(memory, ADAPTING) for critic in critics], [0.25 + step, 0.0])
    # A fixed chance is a number like others.
    assert {float(critic.chance(memory, {**ADAPTING, "augment_target": 0.0})) for critic in critics} == {0.25}


def test_an_update_without_real_images_cannot_adapt_the_chance():
    critics = [critic_of()]
    with pytest.raises(ConfigError, match="has no metric 'real_signs'; use an update that shows real images"):
        controlled(critics, ADAPTING, 4)(adaptations(critics, ADAPTING), {"fake_logits": 0.0}, ADAPTING)


def test_only_augmentations_with_a_chance_have_one_to_remember_and_to_log():
    for augment, remembered in (("none", False), ("diffaugment:cutout", False), ("ada:cutout", True)):
        game = tiny_game(IMAGES, system={"augment": augment})
        assert (ADAPTATION in game.memory) == (game.round[0].control is not None) == remembered
    assert game.memory[ADAPTATION]["p"] == NOT_MOVED
    # Of two updates the one that sees real images adapts it.
    steps = tiny_game(IMAGES, system={"augment": "ada:cutout", "critic_step": "two_steps", "loss": "minimax",
                                      "penalty": "none", "critic_updates": 1}).round
    assert [update.control is not None for update in steps] == [True, False, False]
