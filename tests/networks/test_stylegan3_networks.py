"""StyleGAN3's generator is the official one, number for number, in both configurations, with every published filter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from official_numbers import assert_norms, relative_error
from official_stylegan3 import NUMBERS, Official, official_layers

from ganlab.convolutions.layers import convolutions
from ganlab.networks.style import filtered_activation
from ganlab.networks.style.alias_free import lowpass
from ganlab.networks.style.filtered_activation import FilteredActivation, Resampling, resampled
from ganlab.networks.style.stylegan3 import (
    StyleGAN3Generator,
    draw_frequencies,
    input_transform,
    modulated_convolution,
)

TOLERANCE = 2e-5
LATENTS = NUMBERS["in/z"]
TINY = {"styles": 4, "layers": 2, "critical_layers": 1, "channel_base": 64, "channel_max": 4, "margin": 2}
TABLES = NUMBERS.meta["tables"]


def published(name):
    """A generator of a published configuration, such as r-256."""
    kind, side = name.split("-")
    base = 16384 if side == "256" else 32768
    changes = {"channel_base": 2 * base, "channel_max": 1024, "kernel_size": 1, "radial_filters": True}
    return StyleGAN3Generator((int(side),) * 2 + (3,), **(changes if kind == "r" else {"channel_base": base}))


def assert_layers(module, table, filters):
    layers = official_layers(module)
    assert list(layers) == list(table)
    for name, expected in table.items():
        layer = layers[name]
        found = {"up": layer.up, "down": layer.down, "up_taps": len(layer.up_taps), "down_taps": len(layer.down_taps),
                 "padding": [*layer.padding] * 2}
        assert found == {key: expected[key] for key in found}, name
        for direction in ("up", "down"):
            taps, official = getattr(layer, f"{direction}_taps"), filters.get(f"{name}/{direction}_filter")
            if official is not None:
                assert relative_error(taps, official) < 1e-7, name
    return sum(name.endswith("_filter") for name in filters)


@pytest.mark.parametrize("name", TABLES)
def test_layers_and_filters_are_those_of_the_published_configurations(name):
    checked = assert_layers(published(name), TABLES[name], NUMBERS.within(f"filt/{name}"))
    assert checked == (0 if name.endswith("-512") else 28)


@pytest.mark.parametrize("name", ["T", "R", "Tclamp"])
def test_layers_of_small_networks_are_the_official_ones(name):
    official = Official(name)
    filters = {key.removeprefix("synthesis.").replace(".", "/"): value for key, value in official.tensors.items()
               if key.endswith("_filter")}
    assert assert_layers(official.module, NUMBERS.meta[f"layers_{name}"], filters) == 12


@pytest.mark.parametrize("name", ["T", "R", "Tclamp"])
def test_images_averages_and_gradients_are_the_official_ones(name):
    official, gw = Official(name), NUMBERS.images(f"in/gw_{name}")
    module, variables = official.module, official.variables()
    still = {key: tree for key, tree in variables.items() if key != "params"}

    # One program for a pass in training, with its gradient, and one for images in which everything is given.
    @jax.jit
    def trained(params, still):
        def loss(params):
            images, moved = module.apply({"params": params, **still}, LATENTS, official.labels, train=True,
                                         mutable=list(still))
            return jnp.sum(images * gw), (images, moved)

        return jax.grad(loss, has_aux=True)(params)

    @jax.jit
    def made(variables, transform):
        given = module.apply(variables, LATENTS, official.labels, only_styles=True)
        return given, module.apply(variables, None, None, given, transform=transform)

    gradients, (images, moved) = trained(variables["params"], still)
    assert relative_error(images, official.images("img_emas")) < TOLERANCE
    expected = official.variables(NUMBERS.within(f"out/emas_{name}"))
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7), moved,
                 {key: expected[key] for key in moved})
    # Norms were taken of the pass whose averages moved.
    assert_norms(gradients, NUMBERS.norms(f"G_{name}", official.variables), NUMBERS[f"gnorm/G_{name}/__total__"])
    styles, images = made(variables, np.eye(3, dtype=np.float32))
    assert relative_error(images, official.images("img")) < TOLERANCE
    assert relative_error(styles, NUMBERS[f"out/ws_{name}"]) < TOLERANCE
    _, images = made(variables, NUMBERS["in/transform"])
    assert relative_error(images[:2], official.images("img_transform")) < TOLERANCE


def test_each_example_may_have_a_transform_of_its_own():
    module = StyleGAN3Generator((8, 8, 1), **TINY)
    still, moved = np.eye(3, dtype=np.float32), np.asarray(input_transform(0.1, -0.2, 30.0))
    variables = jax.jit(module.init)(jax.random.key(0), LATENTS[:2])
    make = jax.jit(lambda transform: module.apply(variables, LATENTS[:2], transform=transform))
    of_one, of_other, each = make(still), make(moved), make(np.stack([still, moved]))
    np.testing.assert_allclose(each, np.stack([of_one[0], of_other[1]]), atol=1e-6)
    assert np.abs(of_one - of_other).max() > 1e-3


def test_a_turn_and_a_movement_of_images_are_undone_at_the_input():
    # The place (.3, 0) turns by 90 degrees and then moves; the input's transform takes it back.
    turned = np.asarray(input_transform(0.5, -0.25, 90.0)) @ np.array([0.5, -0.25 - 0.3, 1.0])
    np.testing.assert_allclose(turned, [0.3, 0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(input_transform(0.5, -0.25, 0.0), [[1, 0, -0.5], [0, 1, 0.25], [0, 0, 1]], atol=1e-7)
    np.testing.assert_array_equal(input_transform(), np.eye(3))


def test_scales_are_brought_to_one_over_the_whole_batch_at_any_size():
    x, kernel = NUMBERS.images("eps/in/x"), np.moveaxis(NUMBERS["eps/in/w"], (0, 1), (3, 2))
    convolve = jax.jit(lambda kernel, scales: modulated_convolution(x, kernel, scales, jnp.ones(())))
    first = np.arange(len(x))[:, None] == 0
    for factor in (1e-3, 1e-6):
        for case, scales in (("", factor), ("_zerosample", np.where(first, factor, 1))):
            # Where one example's styles are tiny, only its own epsilon shows.
            found = convolve(kernel, np.float32(NUMBERS["eps/in/s"] * scales))
            expected = NUMBERS.images(f"eps/out/sg3_modconv{case}_{'0.001' if factor == 1e-3 else '1e-06'}")
            assert relative_error(found, expected) < TOLERANCE


@pytest.mark.parametrize(("up", "down", "radial"), [(2, 2, False), (4, 2, True), (3, 1, False), (1, 1, False)])
def test_filtered_activations_and_their_gradients_equal_those_by_lax(up, down, radial, float64, monkeypatch):
    monkeypatch.setattr(filtered_activation, "LEAST_PART", 0.0)
    side, rng = 10, np.random.default_rng(0)
    enlarge = Resampling(lowpass(6 * up if up > 1 else 1, 2.0, 3.0, 16.0) * up, up, padding=(9, -2) if up > 1 else (3, 1))
    reduce = Resampling(lowpass(6 * down if down > 1 else 1, 2.0, 3.0, 16.0, radial), down=down)
    how = FilteredActivation(enlarge, reduce, side, clamp=1.0 if radial else None)
    x = rng.normal(size=(2, side, side, 3))

    def by_definition(x):
        fine = resampled(x, enlarge)
        fine = np.sqrt(2) * jnp.where(fine > 0, fine, 0.2 * fine)
        return resampled(fine if how.clamp is None else jnp.clip(fine, -how.clamp, how.clamp), reduce)

    @jax.jit
    def every(x, g):
        found = [jax.vjp(lambda x: filtered_activation.filtered_activation(x, how), x)]
        with convolutions("lax"):
            found.append(jax.vjp(by_definition, x))
            return [(value, *back(g)) for value, back in found]

    shape = jax.eval_shape(by_definition, x).shape
    ours, right = every(x, rng.normal(size=shape))
    jax.tree.map(lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9), ours, right)


@pytest.mark.parametrize(("taps", "cutoff", "width", "rate"), [
    (12, 2.0, 5.0, 32.0), (24, 8.3, 3.0, 128.0), (13, 3.0, 0.1, 20.0), (24, 9.0, 12.0, 64.0)])
def test_lowpass_filters_are_sincs_by_the_window_of_their_attenuation(taps, cutoff, width, rate):
    # Kaiser's formulas (Karras et al. 2021, appendix C.1).
    attenuation = 2.285 * (taps - 1) * np.pi * width / (rate / 2) + 7.95
    beta = (0.1102 * (attenuation - 8.7) if attenuation > 50 else 0 if attenuation <= 21 else
            0.5842 * (attenuation - 21) ** 0.4 + 0.07886 * (attenuation - 21))
    places = (np.arange(taps) - (taps - 1) / 2) / rate
    expected = np.sinc(2 * cutoff * places) * np.kaiser(taps, beta)
    np.testing.assert_allclose(lowpass(taps, cutoff, width, rate), expected / expected.sum(), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("taps", [11, 12])
def test_radial_filters_are_alike_in_all_directions(taps):
    found = lowpass(taps, 2.0, 4.0, 16.0, radial=True)
    np.testing.assert_allclose(found.sum(), 1.0, rtol=1e-12)
    for other in (found.T, found[::-1], found[:, ::-1]):
        np.testing.assert_allclose(other, found, atol=1e-15)


@pytest.mark.parametrize("side", [8, 16, 64, 256, 1024])
@pytest.mark.parametrize("changes", [{}, {"first_cutoff": 3.3, "margin": 3, "layers": 5, "critical_layers": 0},
                                     {"kernel_size": 1, "radial_filters": True, "layers": 9, "critical_layers": 3},
                                     {"lrelu_upsampling": 4, "filter_size": 3, "last_stopband": 1.5}])
def test_each_layer_makes_what_the_next_one_takes_and_the_last_the_image(side, changes):
    layers = StyleGAN3Generator((side, side, 4), channel_base=2048, channel_max=64, **changes).filtered_layers()
    for layer, after in zip(layers, [*layers[1:], None], strict=True):
        taken = layer.size_in + layer.kernel - 1
        fine = Resampling(layer.up_taps, layer.up, padding=layer.padding).side(taken)
        assert Resampling(layer.down_taps, down=layer.down).side(fine) == layer.size
        assert layer.to_image or (after.size_in, after.inputs) == (layer.size, layer.features)
        for taps in (layer.up_taps, layer.down_taps):
            np.testing.assert_allclose(taps.sum(), 1.0, rtol=1e-12)
    assert (layers[-1].size, layers[-1].features) == (side, 4)


def test_first_frequencies_are_uniform_in_the_disc_of_the_cutoff():
    found = np.asarray(draw_frequencies(jax.random.key(0), 20_000, 3.0))
    lengths, angles = np.hypot(*found.T), np.arctan2(*found.T)
    for share in (0.25, 0.5, 0.75):
        np.testing.assert_allclose(np.mean(lengths < 3 * np.sqrt(share)), share, atol=0.02)
        np.testing.assert_allclose(np.mean(angles < np.pi * (2 * share - 1)), share, atol=0.02)
    assert lengths.max() <= 3


@pytest.mark.parametrize(("shape", "changes", "words"), [
    ((24, 24, 3), {}, "power of 2.*resize or crop the data"), ((16, 32, 3), {}, "square"), ((4, 4, 3), {}, "from 8 on"),
    ((16, 16, 3), {"layers": 2}, "critical"), ((16, 16, 3), {"first_cutoff": 8.0, "first_stopband": 9.0}, "first_cutoff"),
    ((16, 16, 3), {"margin": -1}, "margin is -1"), ((16, 16, 3), {"kernel_size": 2}, "odd"),
    ((16, 16, 3), {"channel_base": 4}, "channel")])
def test_what_cannot_be_made_is_refused_with_what_to_do(shape, changes, words):
    with pytest.raises(ValueError, match=words):
        StyleGAN3Generator(shape, **changes).filtered_layers()


def test_averages_move_where_they_may_and_half_precision_is_near_the_single_one():
    single, half = (StyleGAN3Generator((8, 8, 3), half_levels=levels, **TINY) for levels in (0, 2))

    @jax.jit
    def every(key):
        variables = single.init(key, LATENTS)
        _, moved = single.apply(variables, LATENTS, train=True, mutable=["magnitudes", "styles"])
        return variables, moved, *(module.apply(variables, LATENTS, train=True) for module in (single, half))

    before, moved, one, other = every(jax.random.key(0))
    still = {name: before[name] for name in moved}
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: not np.array_equal(a, b), still, moved)))
    assert other.dtype == np.float32 and not np.array_equal(one, other)
    np.testing.assert_allclose(one, other, atol=0.05 * np.abs(one).max())
