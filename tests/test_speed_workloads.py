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

from ganlab.config import planned_stages, square_sizes
from ganlab.convolutions import WithConvolutions
from ganlab.losses import ADVERSARIAL_LOSSES, drift
from ganlab.networks import CRITICS, GENERATORS, STYLE_CRITICS, STYLE_GENERATORS
from ganlab.networks.biggan import BigGANCritic, BigGANGenerator
from ganlab.networks.style.pggan import PGGANCritic, PGGANGenerator
from ganlab.networks.style.stylegan3 import StyleGAN3Generator
from ganlab.penalties import PENALTIES, gradient
from ganlab.pretrained.biggan import biggan_critic_variables, biggan_generator_variables


ROOT = Path(__file__).parent.parent
RIVAL = ROOT / "tests/parity/rival_biggan.npz"
PGGAN_RIVAL = ROOT / "tests/parity/rival_pggan.npz"
STYLEGAN3_RIVAL = ROOT / "tests/parity/rival_stylegan3.npz"


def load(name):
    path = ROOT / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


workloads, style_workloads = load("scripts/speed/workloads.py"), load("scripts/speed/style_workloads.py")
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
    workload = style_workloads.STYLE_WORKLOADS[name]
    kwargs = {"image_shape": workload.image, "channel_base": workload.channel_base,
              "channel_max": workload.channel_max, "mapping_layers": workload.mapping}
    for shapes, module, size, number in (
            (style_workloads.style_generator(workload), STYLE_GENERATORS["stylegan2"](**kwargs), (workload.latent,), 0),
            (style_workloads.style_critic(workload), STYLE_CRITICS["stylegan2"](**kwargs), workload.image, 1)):
        x = jax.ShapeDtypeStruct((workload.group, *size), jnp.float32)
        params = jax.eval_shape(module.init, jax.random.key(0), x)["params"]
        ours = sorted(leaf.size for leaf in jax.tree.leaves(params))
        # PyTorch's networks hold exactly these shapes.
        theirs = sorted(math.prod(shape) for layer in shapes.values() for shape in layer.values())
        assert theirs == ours
        assert sum(ours) == OFFICIAL[name][number]


@pytest.mark.parametrize("name", style_workloads.STYLE_WORKLOADS)
def test_a_style_game_has_the_numbers_of_its_experiment_and_every_update_in_a_turn(name):
    workload = style_workloads.STYLE_WORKLOADS[name]
    file, _, argument = workload.experiment.partition(":")
    config = load(f"experiments/{file}").get_config(argument)
    system, hyper = config.system, config.hyper
    path_interval, path_share, path_weight, path_decay = workload.path
    assert (system.path_interval, system.path_share, system.penalty_interval, system.latent_size, system.augment) == (
        path_interval, path_share, workload.penalty_interval, workload.latent, workload.augment)
    # Without labels the critic has no mapping.
    assert config.networks.generator.kwargs.mapping_layers == workload.mapping
    for player in ("generator", "critic"):
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


def written(file, script, arguments):
    """Numbers of a script in PyTorch, which still is the one that wrote them."""
    numbers = dict(np.load(file))
    assert numbers.pop("script") == hashlib.sha256((ROOT / script).read_bytes()).hexdigest(), (
        f"{script} is not the one that wrote {file.name}: if it was meant to change, run "
        f"`build/rivals/bin/python {script} {arguments} tests/parity/{file.name}`")
    return numbers


def test_networks_of_biggan_in_pytorch_are_ganlabs():
    numbers = written(RIVAL, "scripts/speed/torch_biggan.py", "W8 4")
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


def pggan(workload):
    """Networks of a workload, which have the last level alone, with the shapes of their variables."""
    channels = {"channel_base": workload.channel_base, "channel_max": workload.channel_max}
    generator, critic = (PGGANGenerator(workload.image, **channels),
                         PGGANCritic(workload.image, group=workload.group, **channels))
    shapes = [jax.eval_shape(functools.partial(network.init, jax.random.key(0)), jnp.zeros((1, *size)))["params"]
              for network, size in ((generator, (workload.latent,)), (critic, workload.image))]
    return generator, critic, shapes


def test_networks_of_pggan_have_the_number_of_parameters_that_pytorch_counts():
    workload = style_workloads.PGGAN_WORKLOADS["W9"]
    # By hand: convolutions of 3x3 and of single pixels with their biases, of levels 4x4 to 64x64.
    full, single = (lambda before, after, size=size: size * before * after + after for size in (9, 1))
    same = 3 * full(128, 128) + 2 * full(128, 128) + full(128, 64) + full(64, 64) + full(64, 32) + full(32, 32)
    layers = [single(channels, 3) for channels in (128, 128, 128, 64, 32)]
    generator = same + sum(layers) + workload.latent * 16 * 128 + 128
    backwards = full(32, 32) + full(32, 64) + full(64, 64) + full(64, 128) + 4 * full(128, 128)
    critic = (backwards + sum(single(3, channels) for channels in (128, 128, 128, 64, 32))
              + full(129, 128) + single(16 * 128, 128) + 128 + 1)
    found = [sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in pggan(workload)[2]]
    assert found == [generator, critic]
    assert sum(found) == 2_282_000


def test_a_pggan_game_has_the_numbers_of_its_experiment_and_one_level():
    workload = style_workloads.PGGAN_WORKLOADS["W9"]
    file, _, argument = workload.experiment.partition(":")
    config = load(f"experiments/{file}").get_config(argument)
    system, hyper = config.system, config.hyper
    sizes = square_sizes(workload.image[0])
    stage, = planned_stages(system, sizes, config.batch_size)
    assert (sizes[stage.level], stage.fading, stage.rate, stage.images) == (
        workload.image[:2], False, 1.0, workload.batch)
    assert (system.loss, system.penalty, system.critic_updates, system.conditional, config.batch_size) == (
        "wasserstein", "gradient_penalty", 1, False, workload.batch)
    for player in ("generator", "critic"):
        assert tuple(hyper[f"{player}_{number}"] for number in ("lr", "beta1", "beta2")) == workload.adam
    assert PGGANCritic.group == workload.group
    assert (hyper.gradient_penalty_weight, hyper.drift_weight, hyper.ema_half_life_kimg * 1000, hyper.ema_warmup) == (
        workload.penalty, workload.drift, workload.average, 0)


COLLECTIONS = ("params", "styles", "magnitudes", "fourier")


def from_pytorch(numbers, start, expected):
    """A network's tree from tensors of PyTorch, whose pixels lie in dense layers behind channels."""
    def turned(path, leaf):
        layer = [part.key for part in path if part.key not in COLLECTIONS]
        value = numbers[f"{start}/{'.'.join(layer)}"]
        if layer[-2:] == ["dense", "kernel"] and start.startswith("generator"):
            value = value.reshape(-1, 4, 4, value.shape[1]).transpose(1, 2, 0, 3).reshape(value.shape)
        elif layer[-2:] == ["dense", "kernel"]:
            value = value.reshape(len(value), -1, 4, 4).transpose(0, 2, 3, 1).reshape(value.shape)
        value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T if layer[-1] == "kernel" else value
        assert value.shape == leaf.shape
        return value

    assert sum(name.startswith(f"{start}/") for name in numbers) == len(jax.tree.leaves(expected))
    return jax.tree_util.tree_map_with_path(turned, expected)


def test_networks_and_losses_of_pggan_in_pytorch_are_ganlabs(monkeypatch):
    numbers = written(PGGAN_RIVAL, "scripts/speed/torch_pggan.py", "W9")
    workload = style_workloads.PGGAN_WORKLOADS["W9"].small
    generator, critic, shapes = pggan(workload)
    real, fake = (numbers[name].transpose(0, 2, 3, 1) for name in ("real", "fake"))
    monkeypatch.setattr(gradient, "interpolates", lambda real, fake, keys: fake + numbers["mix"] * (real - fake))

    def generator_loss(own, other):
        images = generator.apply({"params": own}, numbers["latents"])
        logits = critic.apply({"params": other}, images)
        return jnp.mean(ADVERSARIAL_LOSSES["wasserstein"].generator(None, logits)), images

    def critic_loss(own, _):
        def judge(images, keys=None):
            return critic.apply({"params": own}, images)

        logits, keys = judge(real), jax.random.split(jax.random.key(0), len(real))
        return jnp.mean(ADVERSARIAL_LOSSES["wasserstein"].critic(logits, judge(fake))
                        + workload.penalty * PENALTIES["gradient_penalty"](judge, real, fake, keys)
                        + workload.drift * drift(logits)), logits

    @jax.jit
    def losses(generator, critic):
        return (jax.value_and_grad(generator_loss, has_aux=True)(generator, critic),
                jax.value_and_grad(critic_loss, has_aux=True)(critic, generator))

    found = losses(*(from_pytorch(numbers, *pair) for pair in zip(("generator", "critic"), shapes)))
    for player, ((value, seen), slopes), expected, made in zip(
            ("generator", "critic"), found, shapes, (fake, numbers["real_logits"])):
        assert relative_error(seen, made) < 2e-5
        np.testing.assert_allclose(value, numbers[f"{player}_loss"], rtol=2e-5)
        jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max()),
                     slopes, from_pytorch(numbers, f"{player}_slopes", expected))


def stylegan3(workload):
    """The generator of a workload, with the shapes of its variables."""
    generator = StyleGAN3Generator(
        workload.image, styles=workload.latent, mapping_layers=workload.mapping, layers=workload.layers,
        channel_base=workload.channel_base, channel_max=workload.generator_max, margin=workload.margin,
        magnitude_rate=workload.magnitude_rate)
    return generator, jax.eval_shape(generator.init, jax.random.key(0), jnp.zeros((1, workload.latent)))


@pytest.mark.parametrize(("name", "numbers"), {"W10": (983_047, 1_153_473), "W10-64": (983_047, 1_465_025)}.items())
def test_networks_of_stylegan3_have_the_official_number_of_parameters(name, numbers):
    workload = style_workloads.STYLEGAN3_WORKLOADS[name]
    _, expected = stylegan3(workload)
    shapes = style_workloads.style_critic(workload)
    assert (sum(leaf.size for leaf in jax.tree.leaves(expected["params"])),
            sum(math.prod(shape) for layer in shapes.values() for shape in layer.values())) == numbers


@pytest.mark.parametrize("name", style_workloads.STYLEGAN3_WORKLOADS)
def test_a_stylegan3_game_has_the_numbers_of_its_experiment_and_every_update_in_a_turn(name):
    workload = style_workloads.STYLEGAN3_WORKLOADS[name]
    file, _, argument = workload.experiment.partition(":")
    config = load(f"experiments/{file}").get_config(argument)
    system, hyper = config.system, config.hyper
    assert (system.path_interval, system.penalty_interval, system.augment, system.follow, system.conditional) == (
        workload.path[0], workload.penalty_interval, workload.augment, "critic", False)
    for player, rate in (("generator", workload.adam[0]), ("critic", workload.critic_rate)):
        assert tuple(hyper[f"{player}_{number}"] for number in ("lr", "beta1", "beta2")) == (rate, *workload.adam[1:])
    assert config.networks.generator.kwargs.magnitude_rate == workload.magnitude_rate
    assert config.networks.critic.kwargs.group == workload.group
    assert (StyleGAN3Generator.mapping_layers, StyleGAN3Generator.average_rate) == (workload.mapping, 0.998)
    assert (hyper.style_mixing, hyper.r1_weight, config.batch_size) == (
        workload.style_mixing, workload.penalty_weight, workload.batch)
    assert (hyper.ema_half_life_kimg * 1000, hyper.ema_warmup) == workload.average
    assert workload.rounds % workload.penalty_interval == 0


def test_the_generator_of_stylegan3_in_pytorch_is_ganlabs():
    numbers = written(STYLEGAN3_RIVAL, "scripts/speed/torch_stylegan3.py", "W10")
    generator, expected = stylegan3(style_workloads.STYLEGAN3_WORKLOADS["W10"].small)
    state = dict(from_pytorch(numbers, "generator", expected))
    params = state.pop("params")

    @jax.jit
    def passed(params, state):
        def total(params):
            images, after = generator.apply({"params": params, **state}, numbers["latents"], train=True,
                                            mutable=["styles", "magnitudes"])
            return jnp.sum(images * numbers["direction"].transpose(0, 2, 3, 1)), (images, after)

        return jax.grad(total, has_aux=True)(params)

    slopes, (images, after) = passed(params, state)
    for images_of_pytorch in (numbers["images"], numbers["scaled_images"]):
        assert relative_error(images, images_of_pytorch.transpose(0, 2, 3, 1)) < 2e-5
    averages = {name: expected[name] for name in after}
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6), after,
                 from_pytorch(numbers, "after", averages))
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max()),
                 slopes, from_pytorch(numbers, "slopes", {"params": expected["params"]})["params"])
