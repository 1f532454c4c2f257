"""R3GAN's networks and losses against the official code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import Numbers, assert_norms, relative_error

from ganlab.config import ConfigError
from ganlab.losses import ADVERSARIAL_LOSSES
from ganlab.networks.r3gan import R3GANCritic, R3GANGenerator
from ganlab.penalties import PENALTIES
from ganlab.pretrained.r3gan import r3gan_critic_variables, r3gan_generator_variables

NUMBERS = Numbers("r3gan.npz")
KWARGS = dict(widths=(32, 24, 16), groups=(4, 4, 4), blocks=(2, 1, 1), embedding=8)
GAMMA = 0.5


@pytest.mark.parametrize("case,classes", [("uncond", 0), ("cond", 5)])
def test_networks_losses_and_gradients_are_those_of_the_official_code(case, classes):
    generator, critic = R3GANGenerator((16, 16, 3), classes, **KWARGS), R3GANCritic((16, 16, 3), classes, **KWARGS)
    latents, real = NUMBERS[f"in/{case}/z"], NUMBERS.images(f"in/{case}/x")
    labels = NUMBERS[f"in/{case}/y"].argmax(axis=1) if classes else None
    shapes = [dict(jax.eval_shape(lambda module=module, x=x: module.init(jax.random.key(0), x, labels)))
              for module, x in ((generator, latents), (critic, real))]

    def to_generator(tensors):
        return r3gan_generator_variables(tensors, shapes[0])

    def to_critic(tensors):
        return r3gan_critic_variables(tensors, shapes[1])

    def critic_loss(params, fake):
        def logits(images, keys=None):
            return critic.apply(params, images, labels)

        found = {"real": logits(real), "fake": logits(fake)}
        penalties = {name: PENALTIES[name](logits, real, fake, None) for name in ("r1", "r2")}
        loss = ADVERSARIAL_LOSSES["relativistic"].critic(found["real"], found["fake"])
        return jnp.mean(loss + GAMMA * (penalties["r1"] + penalties["r2"])), (found, penalties)

    def generator_loss(params, critic_params, real_logits):
        fake = generator.apply(params, latents, labels)
        return jnp.mean(ADVERSARIAL_LOSSES["relativistic"].generator(
            real_logits, critic.apply(critic_params, fake, labels)))

    @jax.jit
    def play(params, critic_params):
        fake = generator.apply(params, latents, labels)
        (_, (logits, penalties)), slopes = jax.value_and_grad(critic_loss, has_aux=True)(critic_params, fake)
        return fake, logits, penalties, slopes, jax.grad(generator_loss)(params, critic_params, logits["real"])

    fake, logits, penalties, slopes, own = play(
        to_generator(NUMBERS.within(f"sd/{case}_G")), to_critic(NUMBERS.within(f"sd/{case}_D")))
    assert relative_error(fake, NUMBERS.images(f"out/{case}/img")) < 2e-5
    for kind, found in logits.items():
        assert relative_error(found, NUMBERS[f"out/{case}/D_{kind}"]) < 2e-5
    # Ours are half of the squared norm, which the official code halves with its weight.
    for name, found in penalties.items():
        assert relative_error(2 * found, NUMBERS[f"loss/{case}/D_{name}"]) < 1e-4
    for network, convert, gradients in (("D", to_critic, slopes), ("G", to_generator, own)):
        assert_norms(gradients["params"], NUMBERS.norms(f"{case}_{network}", convert),
                     NUMBERS[f"gnorm/{case}_{network}/__total__"])


@pytest.mark.parametrize("shape,words", [
    ((16, 16, 3), "widths has 4 numbers, but images of 16x16 have 3 stages"), ((24, 24, 3), "24x24 pixels; R3GAN's are"),
    ((32, 16, 3), "32x16 pixels"), ((2, 2, 3), "2x2 pixels")])
def test_stages_that_do_not_fit_the_images_are_refused(shape, words):
    for module, x in ((R3GANGenerator(shape), np.zeros((1, 8))), (R3GANCritic(shape), np.zeros((1, *shape)))):
        with pytest.raises(ConfigError, match=words):
            jax.eval_shape(lambda module=module, x=x: module.init(jax.random.key(0), x))
