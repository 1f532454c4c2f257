"""Heads of critics: what each sows, what a sliced one learns, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import HeadedCritic

from ganlab.config import ConfigError
from ganlab.networks.biggan import BigGANCritic
from ganlab.networks.biggan_deep import BigGANDeepCritic
from ganlab.networks.critic_heads import HEADS, Direction
from ganlab.networks.deep_conv import DeepConvCritic, DeepConvGenerator
from ganlab.networks.sngan import SNGANCritic

CLASSES, EMBEDDING = 3, 5
SOWN = {"none": {}, "concatenation": {}, "projection": {}, "auxiliary": {"class_logits": (2, CLASSES)},
        "multi_hinge": {"class_logits": (2, CLASSES + 1)},
        "embedding": {"embedding": (2, EMBEDDING), "proxy": (2, EMBEDDING)}}
IMAGES, LABELS = jax.ShapeDtypeStruct((2, 32, 32, 1), jnp.float32), jax.ShapeDtypeStruct((2,), jnp.int32)


def shapes(module, images=IMAGES):
    """Shapes of params, and of logits with what is sown; compiles nothing."""
    def call(images, labels):
        (logits, state), variables = module.init_with_output(
            jax.random.key(0), images, labels if module.num_classes else None, mutable=True), None
        del variables
        return logits, state

    logits, state = jax.eval_shape(call, images, LABELS)
    return state["params"], logits, {name: value[0].shape for name, value in state["intermediates"].items()}


@pytest.mark.parametrize("head", HEADS)
def test_every_head_gives_a_logit_and_sows_what_its_loss_looks_at(head):
    critic = HeadedCritic((4,), CLASSES, head=head, embedding=EMBEDDING, codes=7)
    params, logits, sown = shapes(critic, jax.ShapeDtypeStruct((2, 4), jnp.float32))
    assert logits.shape == (2,)
    assert sown == {"features": (2, 8), "codes": (2, 7), **SOWN[head]}
    # Labels are at the beginning or at the end, never both.
    assert params["Dense_0"]["kernel"].shape == (4 + CLASSES * (head == "concatenation"), 8)


@pytest.mark.parametrize("critic", [SNGANCritic, BigGANCritic, BigGANDeepCritic, DeepConvCritic])
def test_critics_of_every_family_have_heads(critic):
    small = {"filters": (2, 2, 2, 2)} if critic is DeepConvCritic else {"width": 8, "attention": ()}
    params, _, sown = shapes(critic((32, 32, 1), CLASSES, head="auxiliary", sliced=True, **small))
    assert sown["class_logits"] == (2, CLASSES)
    assert sown["direction"] == (2,)
    params, _, _ = shapes(critic((32, 32, 1), CLASSES, head="concatenation", **small))
    assert any(leaf.shape[-2] == 1 + CLASSES for leaf in jax.tree.leaves(params) if leaf.ndim == 4)


@pytest.mark.parametrize(("fields", "words"), [
    ({"head": "project"}, "head 'project' is unknown .did you mean projection"),
    ({"head": "auxiliary", "num_classes": 0}, "head is 'auxiliary', which needs labels"),
    ({"head": "multi_hinge", "sliced": True}, "sliced is True: a direction has one logit")])
def test_heads_that_cannot_work_are_refused(fields, words):
    with pytest.raises(ConfigError, match=words):
        shapes(HeadedCritic(**{"image_shape": (4,), "num_classes": CLASSES, **fields}),
               jax.ShapeDtypeStruct((2, 4), jnp.float32))


def test_filters_that_do_not_make_the_images_are_refused():
    with pytest.raises(ConfigError, match="images have 32x32 pixels; .* side of 16, for 3 filters"):
        shapes(DeepConvCritic((32, 32, 1), filters=(2, 2, 2)))
    with pytest.raises(ConfigError, match="side of 16, for 3 filters"):
        jax.eval_shape(lambda: DeepConvGenerator((32, 32, 1), filters=(2, 2, 2)).init(
            jax.random.key(0), jnp.zeros((1, 4))))


def test_a_sliced_logit_is_a_plain_one_whose_direction_learns_apart(float64):
    rng = np.random.default_rng(0)
    features, rows, kernel = (jnp.asarray(rng.standard_normal(shape)) for shape in ((2, 6), (2, 6), (6, 1)))

    @jax.jit
    def gradients(features, rows, kernel):
        def part(number):
            return lambda *inputs: jnp.sum(Direction().apply(
                {"params": {"kernel": inputs[2]}}, inputs[0], inputs[1])[number])

        def plain(features, rows, kernel):
            return jnp.sum(features * (kernel[:, 0] + rows))

        return [(function(features, rows, kernel), *jax.grad(function, (0, 1, 2))(features, rows, kernel))
                for function in (part(0), part(1), plain)]

    function, direction, plain = gradients(features, rows, kernel)
    np.testing.assert_allclose([function[0], direction[0]], [plain[0]] * 2, rtol=1e-12)
    # Features learn by the function's part alone; weights by both, which together are the plain gradient.
    np.testing.assert_allclose(function[1], plain[1], rtol=1e-12)
    np.testing.assert_array_equal(direction[1], 0)
    for number in (2, 3):
        np.testing.assert_allclose(function[number] + direction[number], plain[number], rtol=1e-9)
    # Of each class's weights, the function learns their length and the direction what is across.
    weights = kernel[:, 0] + rows
    np.testing.assert_allclose(jnp.sum(direction[2] * weights, axis=1), 0, atol=1e-12)
    across = function[2] - weights * jnp.sum(function[2] * weights, axis=1, keepdims=True) / jnp.sum(
        weights**2, axis=1, keepdims=True)
    np.testing.assert_allclose(across, 0, atol=1e-12)
