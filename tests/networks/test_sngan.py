"""The networks of SNGAN, SAGAN and DCGAN against PyTorch-StudioGAN, with every head of a critic."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import Numbers, assert_norms, relative_error

from ganlab.config import ConfigError
from ganlab.convolutions.layers import convolutions
from ganlab.networks.deep_conv import DeepConvCritic, DeepConvGenerator
from ganlab.networks.sngan import SNGANCritic, SNGANGenerator
from ganlab.pretrained.studiogan import studiogan_critic_variables, studiogan_generator_variables
from ganlab.pretrained.studiogan_deep_conv import (
    deep_conv_critic_variables,
    deep_conv_generator_variables,
)

NUMBERS = Numbers("sngan.npz")
SHAPE, CLASSES, EMBEDDING = (32, 32, 3), 4, 12
LATENTS, LABELS, REAL = NUMBERS["in/z"], NUMBERS["in/y"], NUMBERS.images("in/x")
READERS = {SNGANGenerator: studiogan_generator_variables, SNGANCritic: studiogan_critic_variables,
           DeepConvGenerator: deep_conv_generator_variables, DeepConvCritic: deep_conv_critic_variables}
# What each case's critic sows, by official names.
SOWN = {"sngan_pd": {}, "resnet_ac": {"class_logits": "D_cls_output"}, "resnet_mh": {"class_logits": "D_adv_output"},
        "resnet_2c": {"embedding": "D_embed", "proxy": "D_proxy"}, "sagan": {}, "dcgan": {}, "sngan_deepconv": {}}
RESIDUAL = {"sngan_pd": "projection", "resnet_ac": "auxiliary", "resnet_mh": "multi_hinge", "resnet_2c": "embedding"}


def networks(case):
    """Generator and critic of a case."""
    if case in RESIDUAL:
        return (SNGANGenerator(SHAPE, CLASSES, width=8),
                SNGANCritic(SHAPE, CLASSES, width=8, head=RESIDUAL[case], embedding=EMBEDDING))
    if case == "sagan":
        return (SNGANGenerator(SHAPE, CLASSES, width=8, attention=(16,), spectral_normalization="studiogan"),
                SNGANCritic(SHAPE, CLASSES, width=8, attention=(16,)))
    rule = "none" if case == "dcgan" else "studiogan"
    return (DeepConvGenerator(SHAPE, filters=(32, 16, 8, 4)),
            DeepConvCritic(SHAPE, filters=(8, 16, 24, 32), spectral_normalization=rule))


def reader(module, inputs):
    """A function from official tensors to variables of a module."""
    labels = (LABELS,) if module.num_classes else ()
    expected = dict(jax.eval_shape(lambda: module.init(jax.random.key(0), inputs, *labels)))
    return lambda tensors: READERS[type(module)](tensors, expected)


def split(variables):
    """Params, and all else."""
    return variables["params"], {name: tree for name, tree in variables.items() if name != "params"}


def trained(module, params, state, inputs):
    """A pass in training, with what is sown and the variables after it."""
    labels = (LABELS,) if module.num_classes else ()
    output, after = module.apply({"params": params, **state}, inputs, *labels, train=True,
                                 mutable=[*state, "intermediates"])
    after = dict(after)
    return output, after.pop("intermediates", {}), after


def mean_output(case, logits, sown):
    """The mean of an official critic's output, which has all logits of a multi-hinge."""
    return jnp.mean(sown["class_logits"][0] if case == "resnet_mh" else logits)


def play_critic(case, critic, params, state, fake):
    """Logits of real images with what is sown, by stored numbers, and the pass of fakes in training."""
    labels = (LABELS,) if critic.num_classes else ()
    logits, sown = critic.apply({"params": params, **state}, REAL, *labels, mutable=["intermediates"])

    def loss(fake):
        found, sown, after = trained(critic, params, state, fake)
        return -mean_output(case, found, sown), after

    slopes, after = jax.grad(loss, has_aux=True)(fake)
    return logits, sown["intermediates"], slopes, after


def assert_near(found, expected):
    """Statistics and vectors after a pass in training."""
    for collection, tree in found.items():
        jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5),
                     tree, expected[collection])


def play(cases, generators, critics):
    """Cases whose generators have one structure, which are a stack: everything in one program."""
    generator = networks(cases[0])[0]
    labels = (LABELS,) if generator.num_classes else ()
    params, state = split(generators)

    def forward(params):
        images, _, after = jax.vmap(lambda params, state: trained(generator, params, state, LATENTS))(params, state)
        return images, after

    stored = jax.vmap(lambda variables: generator.apply(variables, LATENTS, *labels))(generators)
    images, pull, after = jax.vjp(forward, params, has_aux=True)
    found = {case: play_critic(case, networks(case)[1], *split(critics[case]), images[number])
             for number, case in enumerate(cases)}
    gradients, = pull(jnp.stack([slopes for _, _, slopes, _ in found.values()]))
    return stored, images, after, found, gradients


@pytest.mark.parametrize("cases", [tuple(RESIDUAL), ("sagan",), ("dcgan", "sngan_deepconv")],
                         ids=lambda cases: cases[0])
def test_networks_are_those_of_the_official_code(cases):
    to_generator = reader(networks(cases[0])[0], LATENTS)
    to_critic = {case: reader(networks(case)[1], REAL) for case in cases}
    generators = [NUMBERS.within(f"sd/{case}_G") for case in cases]
    critics = [NUMBERS.within(f"sd/{case}_D") for case in cases]
    # Other ways of convolving compute the same, and take longer to compile.
    with convolutions("lax"):
        found = jax.jit(play, static_argnums=0)(
            cases, jax.tree.map(lambda *leaves: np.stack(leaves), *map(to_generator, generators)),
            {case: to_critic[case](tensors) for case, tensors in zip(cases, critics, strict=True)})
    for number, case in enumerate(cases):
        stored, images, after, gradients = (jax.tree.map(lambda leaf, number=number: leaf[number], found[part])
                                            for part in (0, 1, 2, 4))
        logits, sown, _, critic_after = found[3][case]
        # By stored statistics and vectors, without an iteration; and by those of the batch.
        assert relative_error(stored, NUMBERS.images(f"out/{case}/img_eval")) < 2e-5
        assert relative_error(images, NUMBERS.images(f"out/{case}/img_train")) < 2e-5
        assert relative_error(sown["features"][0], NUMBERS[f"out/{case}/D_h"]) < 2e-5
        for name, official in SOWN[case].items():
            assert relative_error(sown[name][0], NUMBERS[f"out/{case}/{official}"]) < 2e-5
        expected = NUMBERS[f"out/{case}/D_adv_output"]
        if case == "resnet_mh":
            expected = expected[np.arange(len(LABELS)), LABELS] - expected[:, -1]
        assert relative_error(logits, expected) < 2e-5
        assert_near(after, to_generator(generators[number] | NUMBERS.within(f"buf_after/{case}_G")))
        assert_near(critic_after, to_critic[case](critics[number] | NUMBERS.within(f"buf_after/{case}_D")))
        # Of the generator's loss -D(G(z)), with both networks in training.
        norms = NUMBERS.norms(f"{case}_G", to_generator)
        assert_norms(gradients, norms, NUMBERS[f"gnorm/{case}_G/__total__"])


def test_without_classes_normalizations_learn_their_gains():
    module = SNGANGenerator((32, 32, 1), width=2)
    params = jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((1, 4))))["params"]
    assert params["block_0"]["norm1"]["gain"].shape == (8,)
    labels = jnp.zeros((1,), int)

    def shapes(**changes):
        conditional = SNGANGenerator((32, 32, 1), 3, width=2, **changes)
        return jax.eval_shape(lambda: conditional.init(jax.random.key(0), jnp.zeros((1, 4)), labels))["params"]

    assert shapes()["block_0"]["norm1"]["gain"]["kernel"].shape == (3, 8)
    # Labels beside the latents, and gains of all classes alike.
    appended = shapes(conditioning="concatenation")
    assert appended["dense"]["kernel"].shape == (4 + 3, 128)
    assert appended["block_0"]["norm1"]["gain"].shape == (8,)
    with pytest.raises(ConfigError, match="conditioning 'concat' is unknown"):
        shapes(conditioning="concat")

