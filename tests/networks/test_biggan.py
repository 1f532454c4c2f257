"""BigGAN and BigGAN-deep against the official code, and the published BigGAN-deep against its own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import Numbers, assert_norms, relative_error

from ganlab.config import ConfigError
from ganlab.networks.biggan import BigGANCritic, BigGANGenerator
from ganlab.networks.biggan_deep import BigGANDeepCritic, BigGANDeepGenerator
from ganlab.networks.biggan_deep_published import PublishedBigGANDeep, place_at, statistics_at
from ganlab.networks.spectral import SpectralDense, SpectralRule
from ganlab.penalties import REGULARIZERS
from ganlab.pretrained.biggan import biggan_critic_variables, biggan_generator_variables
from ganlab.pretrained.biggan_deep_published import published_biggan_variables

NUMBERS = Numbers("biggan.npz")
CLASSES, ORTHOGONAL = 10, 1e-2


def networks(case):
    """Generator and critic of a case, by its official settings."""
    found = NUMBERS.meta[case]
    shape = (found["G"]["resolution"],) * 2 + (3,)
    generator = dict(width=found["G"]["G_ch"], shared=found["G"]["shared_dim"], attention=(int(found["G"]["G_attn"]),))
    critic = dict(width=found["D"]["D_ch"], attention=(int(found["D"]["D_attn"]),))
    if case == "deep32":
        return BigGANDeepGenerator(shape, CLASSES, **generator), BigGANDeepCritic(shape, CLASSES, **critic)
    return (BigGANGenerator(shape, CLASSES, hierarchical=found["G"]["hier"], **generator),
            BigGANCritic(shape, CLASSES, wide=found["D"].get("D_wide", True), **critic))


def converter(convert, module, *inputs):
    """A function from official tensors to variables of a module."""
    expected = dict(jax.eval_shape(lambda: module.init(jax.random.key(0), *inputs)))
    return lambda tensors: convert(tensors, expected)


def split(variables):
    """Params, and all else."""
    return variables["params"], {name: tree for name, tree in variables.items() if name != "params"}


def official(case):
    """Networks of a case, their inputs, and converters of official tensors."""
    generator, critic = networks(case)
    latents, labels, real_labels = (NUMBERS[f"in/{case}/{name}"] for name in ("z", "y", "dy"))
    real = NUMBERS.images(f"in/{case}/x")
    return (generator, critic, latents, labels, real, real_labels,
            converter(biggan_generator_variables, generator, latents, labels),
            converter(biggan_critic_variables, critic, real, real_labels))


@pytest.mark.parametrize("case", ["hier32", "flat64", "deep32"])
def test_images_and_logits_are_those_of_the_official_code(case):
    # By stored statistics; an evaluation iterates too.
    generator, critic, latents, labels, real, real_labels, to_generator, to_critic = official(case)
    images, logits = jax.jit(lambda variables, critic_variables: (
        generator.apply(variables, latents, labels), critic.apply(critic_variables, real, real_labels)))(
            to_generator(NUMBERS.within(f"sd/{case}_G")), to_critic(NUMBERS.within(f"sd/{case}_D")))
    assert relative_error(images, NUMBERS.images(f"out/{case}/img_eval")) < 2e-5
    assert relative_error(logits, NUMBERS[f"out/{case}/logits_eval"][:, 0]) < 2e-5


@pytest.mark.parametrize("case", ["hier32", "deep32"])
def test_losses_gradients_and_variables_of_both_updates_are_those_of_the_official_code(case):
    generator, critic, latents, labels, real, real_labels, to_generator, to_critic = official(case)

    def passed(module, params, state, *inputs):
        return module.apply({"params": params, **state}, *inputs, train=True, mutable=list(state))

    # Compiling is what this costs: both updates pass through one program a network.
    @jax.jit
    def generate(params, state, slopes):
        fake, back, state = jax.vjp(lambda params: passed(generator, params, state, latents, labels), params,
                                    has_aux=True)
        return fake, state, back(slopes)[0]

    @jax.jit
    def judge(params, state, fake, of_generator):
        def loss(params, fake):
            # Both kinds are one batch, as in the official code; the generator's update looks at fakes alone.
            logits, after = passed(critic, params, state, jnp.concatenate([fake, real]),
                                   jnp.concatenate([labels, real_labels]))
            fake_logits, real_logits = jnp.split(logits, [len(fake)])
            losses = jnp.mean(jax.nn.relu(1 - real_logits)), jnp.mean(jax.nn.relu(1 + fake_logits))
            chosen = jnp.where(of_generator, -jnp.mean(fake_logits), sum(losses))
            return chosen, (losses, fake_logits, real_logits, after)

        return jax.value_and_grad(loss, (0, 1), has_aux=True)(params, fake)

    (params, state), (critic_params, critic_state) = (split(to_generator(NUMBERS.within(f"sd/{case}_G"))),
                                                      split(to_critic(NUMBERS.within(f"sd/{case}_D"))))
    fake, after, _ = generate(params, state, np.zeros((len(latents), *generator.image_shape), np.float32))
    (_, found), (slopes, _) = judge(critic_params, critic_state, fake, False)
    again = generate(params, after, np.zeros_like(fake))[0]
    (loss, _), (_, towards) = judge(critic_params, found[-1], again, True)
    own = generate(params, after, towards)[-1]
    pulled = jax.jit(lambda params, own: jax.tree.map(
        lambda one, other: one + ORTHOGONAL * other, own, jax.grad(REGULARIZERS["orthogonal"])(params)))(params, own)
    # The critic's update, and what both networks' variables are after it.
    losses, fake_logits, real_logits, critic_after = found
    np.testing.assert_allclose(losses, [NUMBERS[f"loss/{case}/D_real"], NUMBERS[f"loss/{case}/D_fake"]], rtol=2e-5)
    assert relative_error(fake_logits, NUMBERS[f"out/{case}/D_fake_logits"][:, 0]) < 2e-5
    assert relative_error(real_logits, NUMBERS[f"out/{case}/D_real_logits"][:, 0]) < 2e-5
    for network, convert, state in (("G", to_generator, after), ("D", to_critic, critic_after)):
        expected = convert(NUMBERS.within(f"sd/{case}_{network}")
                           | NUMBERS.within(f"buf_after_Dstep/{case}_{network}"))
        for collection, tree in state.items():
            jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5),
                         tree, expected[collection])
    assert_norms(slopes, NUMBERS.norms(f"{case}_D", to_critic), NUMBERS[f"gnorm/{case}_D/__total__"])
    # The generator's, by the critic as it was, with the pull to orthogonal filters and without.
    np.testing.assert_allclose(loss, NUMBERS[f"loss/{case}/G"], rtol=2e-5)
    assert relative_error(again, NUMBERS.images(f"out/{case}/img_train2")) < 5e-5
    for name, gradients in (("", own), ("_ortho", pulled)):
        total = NUMBERS[f"gnorm/{case}_G{name}/__total__"]
        assert_norms(gradients, NUMBERS.norms(f"{case}_G", to_generator, name), total)


def test_several_singular_vectors_are_those_of_the_official_code():
    layer = SpectralDense(7, SpectralRule(1e-12, iterates=True, vectors=2, iterations=2))
    variables = {"params": {"kernel": NUMBERS["sd/sn2/weight"].T, "bias": NUMBERS["sd/sn2/bias"]},
                 "spectral": {"u": np.concatenate([NUMBERS[f"sd/sn2/u{number}"] for number in range(2)])}}
    y, state = layer.apply(variables, NUMBERS["in/sn2_x"], True, mutable=["spectral"])
    assert relative_error(y, NUMBERS["out/sn2_train"]) < 2e-5
    after = np.concatenate([NUMBERS[f"buf_after/sn2/u{number}"] for number in range(2)])
    assert relative_error(state["spectral"]["u"], after) < 2e-5
    y = layer.apply({**variables, **state}, NUMBERS["in/sn2_x"], False)
    assert relative_error(y, NUMBERS["out/sn2_eval"]) < 2e-5


def published():
    numbers = Numbers("biggan_deep_published.npz")
    settings = numbers.meta["cfg"]
    module = PublishedBigGANDeep(
        (32, 32, 3), settings["num_classes"], width=settings["channel_width"],
        layers=tuple(map(tuple, settings["layers"])), attention=settings["attention_layer_position"])
    inputs = numbers["in/z"], numbers["in/y"].argmax(axis=1)
    convert = converter(lambda tensors, expected: published_biggan_variables(tensors, module.attention, expected),
                        module, *inputs)
    return numbers, module, convert(numbers.within("sd/G")), inputs


def test_the_published_network_interpolates_statistics_by_truncation_as_its_code_does():
    numbers, module, variables, inputs = published()
    images = jax.jit(lambda truncation: module.apply(variables, *inputs, truncation=truncation))
    for truncation in (1.0, 0.4, 0.5, 0.437):
        assert relative_error(images(truncation), numbers.images(f"out/img_trunc{truncation}")) < 2e-5


def test_beyond_the_table_the_nearest_statistics_are_taken():
    table = np.arange(51.0)[:, None]
    for truncation, expected in ((0.0, 0), (-1.0, 0), (1.0, 50), (3.0, 50), (0.02, 1), (0.025, 1 * 0.25 + 2 * 0.75)):
        np.testing.assert_allclose(statistics_at(table, place_at(truncation, 51)), [expected], atol=1e-4)


@pytest.mark.parametrize("kwargs,classes,side,words", [
    (dict(attention=(24,)), 3, 32, "attention '24' is unknown; allowed: 16, 32, 8"), (dict(attention=()), 0, 32, "needs labels"),
    (dict(attention=()), 3, 48, "48x48 pixels; BigGAN's are square, with a side of 32, 64"),
    (dict(attention=(16,), width=1, hierarchical=False), 3, 32, "attention at 16x16 has 4 channels.*makes it 8"),
    (dict(attention=()), 3, 32, "latent_size is 10, which 4 pieces.*use 8 or 12"),
])
def test_what_cannot_be_built_is_refused(kwargs, classes, side, words):
    module = BigGANGenerator((side, side, 3), classes, **dict(width=4) | kwargs)
    with pytest.raises(ConfigError, match=words):
        jax.eval_shape(lambda: module.init(jax.random.key(0), jnp.zeros((1, 10)), jnp.zeros((1,), int)))
