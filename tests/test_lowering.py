"""Programs for GPUs and TPUs that a CPU makes have what those are quick with, and nothing of the CPU's own ways."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export
from tiny import (
    BATCH,
    IMAGES,
    PAIRS,
    tiny_conditional_config,
    tiny_config,
    tiny_game,
    tiny_growing_config,
    tiny_r3gan_config,
    tiny_style_config,
    tiny_translation_config,
    tiny_vae_config,
)

from ganlab.engine import make_mesh, make_programs
from ganlab.machine import random_bits
from ganlab.storage import export_sampler
from ganlab.machine.made_for import made_for
from ganlab.convolutions.layers import convolutions, convolve, convolve_transposed
from ganlab.systems import SYSTEMS, build_game

ACCELERATORS = ("cuda", "tpu")
# Networks that convolve, of every system; a system without an entry fails.
CASES = {
    "gan": (IMAGES, functools.partial(tiny_config, {"network": "dcgan"}, {"network": "dcgan"})),
    "vae": (IMAGES, functools.partial(tiny_vae_config, {"network": "conv_vae", "kwargs": {"filters": (2, 2, 2, 2)}},
                                      {"network": "conv_vae", "kwargs": {"filters": (2, 2)}})),
    "pix2pix": (PAIRS, functools.partial(tiny_translation_config, "pix2pix")),
    "cyclegan": (PAIRS, functools.partial(tiny_translation_config, "cyclegan")),
    **{name: (IMAGES, functools.partial(tiny_growing_config, name)) for name in ("pggan", "stylegan1")},
    "stylegan2": (IMAGES, tiny_style_config),
    "class_conditional": (IMAGES, functools.partial(
        tiny_conditional_config, {"network": "dcgan", "kwargs": {"width": 4, "base": 4}},
        {"network": "dcgan", "kwargs": {"width": 4, "base": 4}})),
    "r3gan": (IMAGES, tiny_r3gan_config),
}


@pytest.fixture(autouse=True, scope="module")
def straight():
    """Draws on a CPU as commands do, so that nothing of it may be in what accelerators get."""
    random_bits.straighten_random_bits()


def programs_of(system, way):
    """The programs that a run of a tiny game has, by name, each with the shapes of its arguments."""
    dataset, config = CASES[system]
    game = build_game(config(train={"convolutions": way}), dataset)
    programs = make_programs(game, make_mesh(BATCH, devices=1))
    state = jax.eval_shape(programs.init, 0)
    data = tuple({name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in stream.items()}
                 for stream in dataset.streams())
    raw = jax.eval_shape(programs.gather, data, state.key, state.step)
    found = {"round": (programs.rounds, (state, raw))}
    labels, images = (jax.ShapeDtypeStruct((BATCH, *shape), dtype)
                      for shape, dtype in (((), jnp.int32), (dataset.image_shape, jnp.float32)))
    makers = {"sampler": (game.sampler, programs.sample, None), "encoder": (game.encoder, programs.encode, images)}
    makers |= {direction: (game.translators[direction], program, images)
               for direction, program in programs.translate.items()}
    for name, (maker, program, inputs) in makers.items():
        if maker is not None:
            if inputs is None:
                keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), BATCH))
                inputs = jax.eval_shape(maker.latents, keys)
            weights = {network: (state.params[network], state.variables[network]) for network in maker.networks}
            others = {"sampler": (labels, None, {}), "encoder": (labels,)}.get(name, ())
            found[name] = (program if name != "sampler" else jax.jit(program), (weights, inputs, *others))
    return found


def texts(function, arguments, made=ACCELERATORS[0], platforms=ACCELERATORS):
    """What a function that is traced for one platform is lowered to for others, whichever this process is on."""
    with made_for(made):
        traced = function.trace(*arguments)
    return {platform: traced.lower(lowering_platforms=(platform,)).as_text() for platform in platforms}


def text_for(platform, function, *arguments):
    return texts(jax.jit(function), arguments, platform, (platform,))[platform]


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_program_of_a_system_has_the_convolutions_of_lax_on_accelerators(system):
    by_lax = programs_of(system, "lax")
    for name, (program, arguments) in programs_of(system, "auto").items():
        found, expected = texts(program, arguments), texts(*by_lax[name])
        assert found == expected, name
        assert all("stablehlo.convolution" in text and "inlineable" not in text for text in found.values()), name


def test_a_function_is_traced_again_for_another_platform():
    x, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((2, 6, 6, 3), (3, 3, 3, 16)))

    @jax.jit
    def convolution(x, kernel):
        return convolve_transposed(x, kernel, (2, 2))

    default = convolution.lower(x, kernel).as_text()  # Of this process, which is on a CPU.
    found = [texts(convolution, (x, kernel), made, ("cpu",))["cpu"] for made in ("cpu", "cuda", "tpu", "cpu")]
    assert found[0] == found[3] == default
    assert found[1] == found[2] != default


@pytest.mark.parametrize("way", ["auto", "matmul"])
def test_calls_that_are_kept_apart_are_of_programs_for_a_cpu(way):
    x, kernel = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((8, 32, 32, 128), (4, 4, 128, 128)))

    @functools.partial(jax.grad, argnums=(0, 1))
    def gradients(x, kernel):
        with convolutions(way):
            return jnp.sum(jnp.tanh(convolve(x, kernel, (2, 2))))

    assert "inlineable" in text_for("cpu", gradients, x, kernel)
    for platform in ACCELERATORS:
        assert "inlineable" not in text_for(platform, gradients, x, kernel)


def test_random_bits_are_straight_code_on_a_cpu_alone(monkeypatch):
    def refuse(*words):
        raise AssertionError("the CPU's way")

    monkeypatch.setattr(random_bits, "threefry", refuse)
    key = jax.eval_shape(lambda: jax.random.key(0))
    for platform in ACCELERATORS:
        assert "threefry" in text_for(platform, lambda key: jax.random.bits(key, (7, 11)), key)
    with pytest.raises(AssertionError, match="the CPU's way"):
        text_for("cpu", lambda key: jax.random.bits(key, (7, 11)), key)


@pytest.mark.parametrize("way", ["auto", "matmul"])
def test_large_convolutions_are_exported_for_batches_of_any_size(way):
    batch, = export.symbolic_shape("b")

    def layers(x):
        with convolutions(way):
            x = convolve(x, jnp.ones((4, 4, 256, 256)), (2, 2))
            return convolve_transposed(x, jnp.ones((4, 4, 256, 512)), (2, 2))

    exported = export.export(jax.jit(layers), platforms=("cpu",))(
        jax.ShapeDtypeStruct((batch, 128, 128, 256), jnp.float32))
    assert [str(extent) for extent in exported.out_avals[0].shape] == ["b", "128", "128", "512"]


def test_an_exported_sampler_has_the_convolutions_of_every_platform_and_its_weights_once():
    game = tiny_game(IMAGES, generator={"network": "dcgan", "kwargs": {"width": 256}}, system={"conditional": False})
    sampler, network = game.sampler, game.networks["generator"]
    rng = np.random.default_rng(0)
    weights = {"generator": jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype),
                                         jax.eval_shape(network.init, jax.random.key(0)))}
    program = export_sampler(sampler, weights, conditional=False)["images"]

    def images(latents):
        return sampler.images(weights, latents, jnp.zeros(BATCH, jnp.int32), None, {})

    latents = jax.ShapeDtypeStruct((BATCH, 4), jnp.float32)
    # A transposed convolution of lax spreads its images; on a CPU it is a product of pixels here.
    marks = ("lhs_dilate = [2, 2]", "tensor<1x1x256x16xf32>")
    found = {platform: [mark in text_for(platform, images, latents) for mark in marks]
             for platform in ("cpu", *ACCELERATORS)}
    assert found == {"cpu": [False, True], "cuda": [True, False], "tpu": [True, False]}
    assert all(mark in program.mlir_module() for mark in marks)
    size = sum(leaf.nbytes for leaf in jax.tree.leaves(weights))
    assert size < len(program.serialize()) < 1.5 * size
