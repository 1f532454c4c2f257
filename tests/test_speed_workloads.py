"""The games of the speed benchmark: their layers are those of ganlab's networks, by weights and by operations."""

import functools
import hashlib
import importlib.util
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import relative_error

from ganlab.convolutions import WithConvolutions
from ganlab.networks import CRITICS, GENERATORS, STYLE_CRITICS, STYLE_GENERATORS
from ganlab.networks.biggan import BigGANCritic, BigGANGenerator
from ganlab.pretrained.biggan import biggan_critic_variables, biggan_generator_variables


ROOT = Path(__file__).parent.parent
RIVAL = ROOT / "tests/parity/rival_biggan.npz"


def load(name):
    path = ROOT / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


workloads = load("scripts/speed/workloads.py")
FAMILIES = {"W1": ("dcgan64", {}), "W2": ("dcgan32", {}), "W6": ("residual", {"normalization": "layer"})}


@pytest.mark.parametrize("name", FAMILIES)
def test_operations_counted_from_its_layers_are_those_that_the_compiler_counts(name):
    workload, (family, for_critic) = workloads.WORKLOADS[name], FAMILIES[name]
    counted = compilers = 0
    for table, rows, size, kwargs in ((GENERATORS, workload.generator, (workload.latent,), {}),
                                      (CRITICS, workload.critic, workload.image, for_critic)):
        module = WithConvolutions(table[family](image_shape=workload.image, **kwargs), "lax")
        x = jax.ShapeDtypeStruct((1, *size), jnp.float32)
        variables = jax.eval_shape(module.init, jax.random.key(0), x)
        lowered = jax.jit(functools.partial(module.apply, train=False)).lower(variables, x)
        compilers += lowered.cost_analysis()["flops"]
        total, features = workloads.products(rows, size)
        counted += 2 * (total + (math.prod(features) if table is CRITICS else 0))
    # The compiler's are without products with the zeros around images, and with activations and normalizations.
    assert counted == pytest.approx(compilers, rel=0.1)


def test_a_round_of_another_batch_needs_operations_in_proportion():
    for workload in workloads.WORKLOADS.values():
        larger = workloads.of_batch(workload, 4 * workload.batch)
        assert workloads.operations(larger) == 4 * workloads.operations(workload)
        assert workloads.images_a_round(larger) == 4 * workloads.images_a_round(workload)


def test_operations_of_a_round_of_perceptrons_by_hand():
    # W4: 2 to 3 times 128 to 2, and 2 to 3 times 128 to 1; real and fake through the critic with gradients.
    generator, critic = 2 * 128 + 2 * 128 * 128 + 128 * 2, 2 * 128 + 2 * 128 * 128 + 128
    expected = 2 * 256 * ((generator + 6 * critic) + (3 * generator + 2 * critic))
    assert workloads.operations(workloads.WORKLOADS["W4"]) == expected


# As PyTorch's code of StyleGAN2-ADA counts its parameters: noise strengths and the learned constant are among them,
# constant noise, the average style and the filter are not.
OFFICIAL = {"W7": (2_034_003, 1_153_473), "W7-64": (2_526_552, 1_465_025)}


@pytest.mark.parametrize("name", OFFICIAL)
def test_style_networks_of_every_rival_have_the_official_number_of_parameters(name):
    workload = workloads.STYLE_WORKLOADS[name]
    kwargs = {"image_shape": workload.image, "channel_base": workload.channel_base,
              "channel_max": workload.channel_max, "mapping_layers": workload.mapping}
    for shapes, module, size, number in (
            (workloads.style_generator(workload), STYLE_GENERATORS["stylegan2"](**kwargs), (workload.latent,), 0),
            (workloads.style_critic(workload), STYLE_CRITICS["stylegan2"](**kwargs), workload.image, 1)):
        x = jax.ShapeDtypeStruct((workload.group, *size), jnp.float32)
        params = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
        ours = sorted(leaf.size for leaf in jax.tree.leaves(params))
        # PyTorch's networks hold exactly these shapes.
        theirs = sorted(math.prod(shape) for layer in shapes.values() for shape in layer.values())
        assert theirs == ours
        assert sum(ours) == OFFICIAL[name][number]


@pytest.mark.parametrize("name", workloads.STYLE_WORKLOADS)
def test_a_style_game_has_the_numbers_of_its_experiment_and_every_update_in_a_turn(name):
    workload = workloads.STYLE_WORKLOADS[name]
    file, _, argument = workload.experiment.partition(":")
    config = load(f"experiments/{file}").get_config(argument)
    system, hyper = config.system, config.hyper
    path_interval, path_share, path_weight, path_decay = workload.path
    assert (system.path_interval, system.path_share, system.penalty_interval, system.latent_size, system.augment) == (
        path_interval, path_share, workload.penalty_interval, workload.latent, workload.augment)
    for player in ("generator", "critic"):
        assert config.networks[player].kwargs.mapping_layers == workload.mapping
        assert tuple(hyper[f"{player}_{number}"] for number in ("lr", "beta1", "beta2")) == workload.adam
    assert config.networks.critic.kwargs.group == workload.group
    assert (hyper.path_weight, hyper.path_decay, hyper.style_mixing, hyper.r1_weight, config.batch_size) == (
        path_weight, path_decay, workload.style_mixing, workload.penalty_weight, workload.batch)
    assert (hyper.ema_half_life_kimg * 1000, hyper.ema_warmup) == workload.average
    assert workload.rounds % path_interval == 0 == workload.rounds % workload.penalty_interval


def biggan(width):
    """Networks of W8 in a width, with the shapes of their variables."""
    workload = workloads.BIGGAN_WORKLOADS["W8"].of_width(width)
    kwargs = {"image_shape": workload.image, "num_classes": workload.classes, "width": workload.width,
              "attention": (workload.attention,)}
    generator, critic = BigGANGenerator(shared=workload.shared, **kwargs), BigGANCritic(**kwargs)
    labels = jnp.zeros(1, int)
    shapes = [jax.eval_shape(functools.partial(network.init, jax.random.key(0)), jnp.zeros((1, *size)), labels)
              for network, size in ((generator, (workload.latent,)), (critic, workload.image))]
    return workload, generator, critic, *shapes


def test_networks_of_biggan_have_the_number_of_parameters_that_pytorch_counts():
    workload, _, _, *shapes = biggan(32)
    numbers = [sum(leaf.size for leaf in jax.tree.leaves(expected["params"])) for expected in shapes]
    # By hand: a convolution of 3x3 and its bias, one of single pixels and its bias, attention, and the rest.
    full, channels, condition = 9 * 128 * 128 + 128, 128, workload.shared + workload.latent // 4
    single, attention = channels**2 + channels, 2 * channels**2 // 8 + 2 * channels**2 // 2 + 1
    block = 2 * full + single + 4 * channels * condition
    assert numbers[0] == (3 * block + attention + workload.classes * workload.shared + 16 * channels * 21
                          + 2 * channels + 9 * channels * 3 + 3)
    first = 9 * 3 * channels + channels + full + 3 * channels + channels
    assert numbers[1] == (first + 2 * full + single + 2 * 2 * full + 4 * attention + channels + 1
                          + workload.classes * channels)


def test_networks_of_biggan_in_pytorch_are_ganlabs():
    numbers = dict(np.load(RIVAL))
    script = (ROOT / "scripts/speed/torch_biggan.py").read_bytes()
    assert numbers.pop("script") == hashlib.sha256(script).hexdigest(), (
        f"scripts/speed/torch_biggan.py is not the one that wrote {RIVAL.name}: if it was meant to change, run "
        f"`build/rivals/bin/python scripts/speed/torch_biggan.py W8 4 tests/parity/{RIVAL.name}`")
    _, generator, critic, *shapes = biggan(4)

    def converted(*kinds):
        """Variables of both networks from the tensors of these kinds, of which later ones replace earlier ones."""
        found = []
        for player, convert, expected in zip(("generator", "critic"),
                                             (biggan_generator_variables, biggan_critic_variables), shapes):
            tensors = {name.partition("/")[2]: value for kind in kinds for name, value in numbers.items()
                       if name.startswith(f"{player}{kind}/")}
            found.append(dict(convert(tensors, expected)))
        return found

    @jax.jit
    def passed(variables, latents, labels):
        def total(params):
            states = [{name: tree for name, tree in own.items() if name != "params"} for own in variables]
            images, after = generator.apply({"params": params[0], **states[0]}, latents, labels, train=True,
                                            mutable=list(states[0]))
            logits, last = critic.apply({"params": params[1], **states[1]}, images, labels, train=True,
                                        mutable=list(states[1]))
            return jnp.sum(logits), (images, logits, after, last)

        return jax.grad(total, has_aux=True)([own["params"] for own in variables])

    slopes, (images, logits, *after) = passed(converted(""), numbers["latents"], numbers["labels"])
    assert relative_error(images, numbers["images"].transpose(0, 2, 3, 1)) < 2e-5
    assert relative_error(logits, numbers["logits"]) < 2e-5
    for found, expected in zip(after, converted("", "_after")):
        for collection, tree in found.items():
            jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5), tree,
                         expected[collection])
    for found, expected in zip(slopes, converted("", "_slopes")):
        largest = max(float(np.max(np.abs(leaf))) for leaf in jax.tree.leaves(expected["params"]))
        jax.tree.map(lambda one, other, largest=largest: np.testing.assert_allclose(one, other, atol=1e-4 * largest),
                     found, expected["params"])
