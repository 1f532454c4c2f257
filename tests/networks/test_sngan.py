"""The residual networks of SNGAN and SAGAN against PyTorch-StudioGAN."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import Numbers, relative_error

from ganlab.networks.sngan import SNGANCritic, SNGANGenerator
from ganlab.pretrained.studiogan import studiogan_critic_variables, studiogan_generator_variables

NUMBERS = Numbers("sngan.npz")
CASES = {"sngan_pd": ((), "none"), "sagan": ((16,), "studiogan")}


@pytest.mark.parametrize("case", CASES)
def test_networks_are_those_of_the_official_code(case):
    attention, rule = CASES[case]
    generator = SNGANGenerator((32, 32, 3), 4, width=8, attention=attention, spectral_normalization=rule)
    critic = SNGANCritic((32, 32, 3), 4, width=8, attention=attention)
    latents, labels, real = NUMBERS["in/z"], NUMBERS["in/y"], NUMBERS.images("in/x")
    shapes = [dict(jax.eval_shape(lambda module=module, x=x: module.init(jax.random.key(0), x, labels)))
              for module, x in ((generator, latents), (critic, real))]
    tensors = NUMBERS.within(f"sd/{case}_G")

    @jax.jit
    def play(variables, critic_variables):
        state = {name: tree for name, tree in variables.items() if name != "params"}
        return (generator.apply(variables, latents, labels), critic.apply(critic_variables, real, labels),
                *generator.apply(variables, latents, labels, train=True, mutable=list(state)))

    images, logits, trained, after = play(
        studiogan_generator_variables(tensors, shapes[0]),
        studiogan_critic_variables(NUMBERS.within(f"sd/{case}_D"), shapes[1]))
    # By stored statistics and vectors, without an iteration; and by those of the batch.
    assert relative_error(images, NUMBERS.images(f"out/{case}/img_eval")) < 2e-5
    assert relative_error(logits, NUMBERS[f"out/{case}/D_adv_output"]) < 2e-5
    assert relative_error(trained, NUMBERS.images(f"out/{case}/img_train")) < 2e-5
    expected = studiogan_generator_variables(tensors | NUMBERS.within(f"buf_after/{case}_G"), shapes[0])
    for collection, tree in after.items():
        jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5),
                     tree, expected[collection])


def test_without_classes_normalizations_learn_their_gains():
    module = SNGANGenerator((32, 32, 1), width=2)
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((1, 4))))["params"]
    assert params["block_0"]["norm1"]["gain"].shape == (8,)
    conditional = SNGANGenerator((32, 32, 1), 3, width=2)
    params = jax.eval_shape(lambda: conditional.init(jax.random.key(0), jnp.zeros((1, 4)), jnp.zeros((1,), int)))["params"]
    assert params["block_0"]["norm1"]["gain"]["kernel"].shape == (3, 8)
