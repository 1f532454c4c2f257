"""Generators and critics: the laws of every family, and the layer table of DCGAN."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_networks import ALWAYS_CONDITIONAL, UNBOUNDED, side_of, tiny_kwargs

from ganlab.config import ConfigError
from ganlab.networks import CRITICS, ENCODERS, GENERATORS
from ganlab.networks.layers import CONDITIONINGS, NORMALIZATIONS

BATCH = 4
LATENT = 4
CLASSES = 3
GREY, COLOUR, POINT = (8, 8, 1), (16, 16, 3), (2,)
NETWORKS = {"generator": GENERATORS, "critic": CRITICS}
PLAYERS = [(player, family) for player, table in NETWORKS.items() for family in sorted(table)]


def of_family(family, image_shape):
    """The image shape at the size that the family is made for, if it is made for some."""
    side = side_of(family, 0)
    return (side, side, image_shape[-1]) if side else image_shape


def build(player, family, image_shape=GREY, num_classes=0, **kwargs):
    image_shape = of_family(family, image_shape)
    if player == "generator" and family in ALWAYS_CONDITIONAL:
        num_classes = CLASSES
    return NETWORKS[player][family](image_shape=image_shape, num_classes=num_classes,
                                    **tiny_kwargs(player, family, image_shape[0]) | kwargs)


def inputs(player, image_shape=GREY, seed=0):
    """What the player sees, [b, ...], and labels of which neighbours differ."""
    shape = (LATENT,) if player == "generator" else image_shape
    x = np.random.default_rng(seed).uniform(-1, 1, (BATCH, *shape)).astype(np.float32)
    return x, np.arange(BATCH, dtype=np.int32) % CLASSES


def shapes(player, module, x=None, labels=None, train=False, **mutable):
    """Shapes of the initial variables and of what a call returns: nothing is computed or compiled."""
    if x is None:
        x, labels = inputs(player, module.image_shape)
    variables = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), x, labels)
    return variables, jax.eval_shape(functools.partial(module.apply, train=train, **mutable), variables, x, labels)


def some_variables(player, module):
    """Random variables, biases too, without the time to compile the initialisation."""
    rng = np.random.default_rng(1)

    def draw(path, leaf):
        low = 0.5 if path[-1].key == "var" else -0.5
        return rng.uniform(low, low + 1.0, leaf.shape).astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, shapes(player, module)[0])


def families_with(field):
    """Families of two players whose networks have a field of this name."""
    return [family for family in sorted(CRITICS) if hasattr(GENERATORS[family], field) and hasattr(CRITICS[family], field)]


SHAPES = [("mlp", POINT), *((family, shape) for family in sorted(GENERATORS) for shape in (GREY, COLOUR))]


def test_every_generator_has_a_critic_or_an_encoder_of_its_family():
    # The critic of the published BigGAN-deep was not published.
    assert set(GENERATORS) - {"biggan_deep_published"} == set(CRITICS) | set(ENCODERS)


@pytest.mark.parametrize("num_classes", [0, CLASSES])
@pytest.mark.parametrize("family, image_shape", SHAPES)
def test_a_generator_makes_images_of_the_shape_of_the_data(family, image_shape, num_classes):
    _, output = shapes("generator", build("generator", family, image_shape, num_classes))
    assert (output.shape, output.dtype) == ((BATCH, *of_family(family, image_shape)), jnp.float32)


def ways_of(family):
    """How labels may enter a critic: keyword arguments; most published ones have one way of their own."""
    return [{"conditioning": word} for word in CONDITIONINGS] if hasattr(CRITICS[family], "conditioning") else [{}]


@pytest.mark.parametrize("num_classes", [0, CLASSES])
@pytest.mark.parametrize("family, image_shape, way", [
    (family, shape, way) for family, shape in SHAPES if family in CRITICS for way in ways_of(family)])
def test_a_critic_gives_each_image_one_logit(family, image_shape, way, num_classes):
    _, output = shapes("critic", build("critic", family, image_shape, num_classes, **way))
    assert (output.shape, output.dtype) == ((BATCH,), jnp.float32)


@pytest.mark.parametrize("player, family", [pair for pair in PLAYERS if pair[0] == "critic"
                                            or pair[1] not in ALWAYS_CONDITIONAL])
def test_without_classes_labels_are_not_needed(family, player):
    module = build(player, family)
    x, labels = inputs(player, module.image_shape)
    assert shapes(player, module, x, None) == shapes(player, module, x, labels)


@pytest.mark.parametrize("family", sorted(GENERATORS))
def test_generated_images_fill_their_range_and_follow_their_labels(family):
    module = build("generator", family, num_classes=CLASSES)
    variables = some_variables("generator", module)
    apply = jax.jit(module.apply)
    latents, labels = inputs("generator")
    image, relabelled = (np.asarray(apply(variables, 100 * latents, given)) for given in (
        labels, (labels + np.array([1, 0, 0, 0], np.int32)) % CLASSES))
    assert np.min(image) < -0.9
    assert np.max(image) > 0.9
    assert (np.max(np.abs(image)) <= 1) == (family not in UNBOUNDED)
    assert np.max(np.abs(relabelled[0] - image[0])) > 1e-3
    np.testing.assert_allclose(relabelled[1:], image[1:], atol=1e-6 * np.max(np.abs(image)))


def test_points_have_no_bounds():
    module = build("generator", "mlp", POINT, output_activation="identity")
    latents, _ = inputs("generator")
    assert np.max(np.abs(jax.jit(module.apply)(some_variables("generator", module), 100 * latents))) > 1


LABORATORY = [family for family in sorted(CRITICS) if hasattr(CRITICS[family], "conditioning")]
"""Families whose networks have a switch for each textbook trick."""


class Judged:
    """A critic of labels, with spectral normalization and dropout if these can be chosen, whose passes the laws below
    share.

    A program in training and one in evaluation for each conditioning serve them all: compiling takes longest.
    """

    def __init__(self, family, conditioning=""):
        tricks = dict(conditioning=conditioning, dropout=0.5, spectral_normalization=True) if conditioning else {}
        module = build("critic", family, num_classes=CLASSES, **tricks)
        self.variables = some_variables("critic", module)
        self.images, self.labels = inputs("critic", module.image_shape)
        self.keys, self.other_keys = jax.random.split(jax.random.key(0), (2, BATCH))
        self._apply = jax.jit(functools.partial(module.apply, mutable=["spectral"]), static_argnames="train")

    def __call__(self, train=False, **changes):
        """Logits [b] and spectral vectors after a pass, with `variables`, `labels` or `keys` in place of its own."""
        given = {"variables": self.variables, "labels": self.labels, "keys": self.keys} | changes
        logits, state = self._apply(given["variables"], self.images, given["labels"], given["keys"], train=train)
        return jax.device_get((logits, state.get("spectral", {})))


judged = functools.cache(Judged)


@pytest.mark.parametrize("family, way", [(family, way) for family in sorted(CRITICS) for way in ways_of(family)])
def test_a_critic_sees_the_label_of_its_own_image(family, way):
    critic = judged(family, **way)
    before, _ = critic()
    after, _ = critic(labels=(critic.labels + np.array([1, 0, 0, 0], np.int32)) % CLASSES)
    # An auxiliary classifier has to predict the label, so it must not see it.
    assert (np.abs(after[0] - before[0]) > 1e-3) == (way.get("conditioning") != "auxiliary")
    np.testing.assert_allclose(after[1:], before[1:], rtol=1e-5)


@pytest.mark.parametrize("family", [family for family in sorted(GENERATORS) if hasattr(GENERATORS[family], "label_input")])
def test_an_embedding_is_a_row_of_as_many_numbers_as_the_latents_for_each_class(family):
    module = build("generator", family, num_classes=CLASSES, label_input="embedding")
    params = shapes("generator", module)[0]["params"]
    assert params["label_embedding"]["embedding"].shape == (CLASSES, LATENT)
    first = next(layer["kernel"] for name, layer in params.items() if name in ("dense", "dense_0"))
    assert first.shape[0] == 2 * LATENT


@pytest.mark.parametrize("family, way", [(family, way) for family in sorted(CRITICS) for way in ways_of(family)])
def test_a_critic_tells_its_features_and_its_classifier_beside_the_logit(family, way):
    module = build("critic", family, num_classes=CLASSES, **way)
    _, (_, state) = shapes("critic", module, mutable=["intermediates"])
    sown = {name: values[0].shape for name, values in state["intermediates"].items()}
    assert sown.pop("features")[0] == BATCH
    assert sown == ({"class_logits": (BATCH, CLASSES)} if way.get("conditioning") == "auxiliary" else {})


@pytest.mark.parametrize("family", LABORATORY)
def test_spectral_normalization_bounds_the_slope_of_every_layer(family):
    critic = judged(family, "projection")
    variables = critic.variables
    scaled = {**variables, "params": jax.tree_util.tree_map_with_path(
        lambda path, leaf: 7 * leaf if path[-1].key in ("kernel", "embedding") else leaf, variables["params"])}
    # Only the direction of a kernel counts.
    np.testing.assert_allclose(critic(True, variables=scaled)[0], critic(True)[0], rtol=1e-3, atol=1e-4)
    for _ in range(50):
        variables = {**variables, "spectral": critic(True, variables=variables)[1]}
    kernels = {name: layer.get("kernel", layer.get("embedding")) for name, layer in variables["params"].items()}
    assert {f"spectral_{name}" for name in kernels} == set(variables["spectral"])
    for name, kernel in kernels.items():
        matrix = np.asarray(kernel).reshape(-1, kernel.shape[-1])
        singular = matrix @ variables["spectral"][f"spectral_{name}"]["u"][0]
        # Two nearly equal singular values separate slowly.
        np.testing.assert_allclose(np.linalg.norm(singular), np.linalg.norm(matrix, 2), rtol=1e-2, err_msg=name)


@pytest.mark.parametrize("family", LABORATORY)
def test_spectral_vectors_move_in_training_alone(family):
    critic = judged(family, "projection")
    for train in (False, True):
        same = jax.tree.map(np.array_equal, critic(train)[1], critic.variables["spectral"])
        assert any(jax.tree.leaves(same)) != train


@pytest.mark.parametrize("family", LABORATORY)
def test_dropout_of_any_critic_acts_in_training_alone(family):
    critic = judged(family, "projection")
    one, other = (critic(True, keys=keys)[0] for keys in (critic.keys, critic.other_keys))
    assert np.max(np.abs(one - other)) > 1e-3
    np.testing.assert_array_equal(critic(keys=critic.keys)[0], critic(keys=critic.other_keys)[0])


def test_a_unit_of_pieces_is_the_largest_of_its_linear_functions(float64):
    module = build("critic", "mlp", POINT, width=3, depth=1, pieces=2, activation="identity")
    variables, x = jax.tree.map(np.float64, (some_variables("critic", module), inputs("critic", POINT)[0]))
    params = variables["params"]
    hidden = (x @ params["dense_0"]["kernel"] + params["dense_0"]["bias"]).reshape(BATCH, 3, 2).max(axis=-1)
    expected = (hidden @ params["output"]["kernel"] + params["output"]["bias"])[:, 0]
    np.testing.assert_allclose(jax.jit(module.apply)(variables, x), expected, rtol=1e-9)


@pytest.mark.parametrize("player", NETWORKS)
@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("family", families_with("normalization"))
def test_examples_see_each_other_in_batch_normalization_alone(family, normalization, player):
    # The first stage of dcgan's critic is never normalised: it takes an image of two stages.
    module = build(player, family, COLOUR, normalization=normalization)
    variables = some_variables(player, module)
    apply = jax.jit(functools.partial(module.apply, train=True, mutable=["batch_stats"]))
    x, _ = inputs(player, COLOUR)
    changed = np.concatenate([-x[:1], x[1:]])
    before, after = (np.asarray(apply(variables, given)[0]) for given in (x, changed))
    assert np.max(np.abs(after[0] - before[0])) > 1e-3
    difference = np.max(np.abs(after[1:] - before[1:]))
    assert difference > 1e-3 if normalization == "batch" else difference < 1e-5


@pytest.mark.parametrize("player", NETWORKS)
@pytest.mark.parametrize("family", families_with("normalization"))
def test_every_parameter_has_a_gradient_under_batch_normalization(family, player, float64):
    # A bias before batch normalization would have none but rounding noise, which Adam amplifies.
    module = build(player, family, COLOUR, CLASSES, normalization="batch")
    variables = jax.tree.map(lambda leaf: leaf.astype(np.float64), some_variables(player, module))
    x, labels = inputs(player, COLOUR)
    weights = np.random.default_rng(2).standard_normal((BATCH, *([1] if player == "critic" else COLOUR))).squeeze()

    def weighted_sum(params):
        output, _ = module.apply(variables | {"params": params}, x.astype(np.float64), labels, train=True,
                                 mutable=["batch_stats"])
        return jnp.sum(weights * output)

    gradients = jax.tree_util.tree_leaves_with_path(jax.jit(jax.grad(weighted_sum))(variables["params"]))
    without = [jax.tree_util.keystr(path) for path, leaf in gradients if np.max(np.abs(leaf)) < 1e-6]
    assert without == []


@pytest.mark.parametrize("base, size, stages", [(4, 8, 1), (4, 64, 4), (7, 28, 2), (3, 48, 4)])
@pytest.mark.parametrize("player", NETWORKS)
@pytest.mark.parametrize("family", families_with("base"))
def test_an_image_of_base_times_a_power_of_two_gets_a_stage_for_each_power(family, player, base, size, stages):
    variables, _ = shapes(player, build(player, family, (size, size, 1), base=base))
    assert sum(name.startswith(("up_", "down_")) for name in variables["params"]) == stages


def test_channels_double_inward_up_to_the_largest_width():
    tree = {player: shapes(player, build(player, "dcgan", (64, 64, 1), width=3, max_width=10))[0]["params"]
            for player in NETWORKS}
    assert [tree["critic"][f"down_{stage}"]["kernel"].shape[-1] for stage in range(4)] == [3, 6, 10, 10]
    assert tree["generator"]["dense"]["kernel"].shape == (LATENT, 4 * 4 * 10)
    assert [tree["generator"][f"up_{stage}"]["kernel"].shape[-1] for stage in range(1, 5)] == [10, 6, 3, 1]


@pytest.mark.parametrize("image_shape", [GREY, COLOUR])
def test_refine_draws_the_image_from_features_of_its_size(image_shape):
    module = build("generator", "dcgan", image_shape, refine=True)
    variables, output = shapes("generator", module)
    assert variables["params"]["output"]["kernel"].shape == (3, 3, module.width, image_shape[-1])
    assert output.shape == (BATCH, *image_shape)


def parameters(variables):
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(variables["params"]))


def activation_shapes(intermediates, names):
    return [intermediates[name]["__call__"][0].shape[1:] for name in names]


def test_the_generator_of_dcgan_at_64_has_the_layers_of_the_paper():
    # Figure 1 of Radford et al. 2016: 100 latents, 4x4x1024, then 512, 256, 128, and 64x64x3.
    module = GENERATORS["dcgan"](image_shape=(64, 64, 3), width=128, max_width=1024)
    variables, (image, captured) = shapes(
        "generator", module, np.zeros((2, 100), np.float32), None, capture_intermediates=True,
        mutable=["intermediates"])
    assert image.shape == (2, 64, 64, 3)
    assert activation_shapes(captured["intermediates"], ["norm_0", "norm_1", "norm_2", "norm_3", "up_4"]) == [
        (4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)]
    dense = 100 * 4 * 4 * 1024
    convolutions = 4 * 4 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3)
    scales_and_biases = 2 * (1024 + 512 + 256 + 128)
    assert parameters(variables) == dense + convolutions + scales_and_biases + 3 == 12_658_435


def test_the_critic_of_dcgan_at_64_has_the_layers_of_the_paper():
    # Section 3: strided convolutions, no normalisation on the input layer, one logit from the flat features.
    module = CRITICS["dcgan"](image_shape=(64, 64, 3), width=64, max_width=512, normalization="batch")
    variables, (logits, captured) = shapes(
        "critic", module, np.zeros((2, 64, 64, 3), np.float32), None, capture_intermediates=True,
        mutable=["intermediates"])
    assert logits.shape == (2,)
    assert activation_shapes(captured["intermediates"], ["down_0", "down_1", "down_2", "down_3", "output"]) == [
        (32, 32, 64), (16, 16, 128), (8, 8, 256), (4, 4, 512), (1,)]
    assert sorted(variables["batch_stats"]) == ["norm_1", "norm_2", "norm_3"]
    convolutions = 4 * 4 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512)
    scales_and_biases = 2 * (128 + 256 + 512)
    assert parameters(variables) == convolutions + 64 + scales_and_biases + (4 * 4 * 512 + 1) == 2_765_633


@pytest.mark.parametrize("player", NETWORKS)
def test_dcgan_starts_from_normal_weights_of_deviation_two_hundredths(player):
    # Section 4 of the paper, and the default here.
    module = build(player, "dcgan", COLOUR, width=32, max_width=32)
    x, labels = inputs(player, COLOUR)
    kernels = [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(jax.jit(module.init)(
        jax.random.key(0), x, labels)["params"]) if path[-1].key == "kernel"]
    weights = np.concatenate([np.ravel(kernel) for kernel in kernels])
    # Above 10,000 draws, whose mean and deviation err by less than 2% of the deviation.
    assert weights.size > 10_000
    np.testing.assert_allclose([np.mean(weights), np.std(weights)], [0.0, 0.02], atol=1e-3)


@pytest.mark.parametrize("player, family", [pair for pair in PLAYERS if pair[1] != "mlp"])
def test_points_are_refused_by_networks_of_images(player, family):
    builder = NETWORKS[player][family]
    x = np.zeros((1, LATENT) if player == "generator" else (1, *POINT), np.float32)
    with pytest.raises((ValueError, ConfigError), match="use .*mlp"):
        module = builder(image_shape=POINT, num_classes=CLASSES, **tiny_kwargs(player, family))
        jax.eval_shape(module.init, jax.random.key(0), x, np.zeros(1, np.int32))


@pytest.mark.parametrize("player, family", PLAYERS)
def test_every_network_declares_what_it_sees_of_its_batch(player, family):
    module = build(player, family)
    assert module.batch_group in (0, 1) and isinstance(module.tracks_batch, bool)
    variables, _ = shapes(player, module)
    assert module.tracks_batch == ("batch_stats" in variables and module.batch_group == 0)


@pytest.mark.parametrize("image_shape, text", [
    ((12, 12, 1), "8, 16, 32"),
    ((4, 4, 1), "8, 16, 32"),
    ((28, 28, 1), "choose another base or resize"),
    ((16, 8, 1), "square"),
    (POINT, "use mlp"),
])
@pytest.mark.parametrize("player", NETWORKS)
@pytest.mark.parametrize("family", families_with("base"))
def test_an_image_that_no_stages_reach_is_refused_with_the_sizes_that_would_do(family, player, image_shape, text):
    with pytest.raises(ValueError, match=text):
        shapes(player, build(player, family, image_shape))


@pytest.mark.parametrize("player", NETWORKS)
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_kernel_that_draws_checkerboards_is_refused(player, kernel):
    with pytest.raises(ValueError, match=f"kernel {kernel} is not divisible by the stride 2; use 2, 4 or 6"):
        shapes(player, build(player, "dcgan", kernel=kernel))


MISSPELT = [
    ("activation", "leaky_rellu", "leaky_relu"),
    ("normalization", "bach", "batch"),
    ("initializer", "dcgn", "dcgan"),
]


@pytest.mark.parametrize("family, field, word, meant", [
    (family, *case) for case in MISSPELT for family in families_with(case[0])])
@pytest.mark.parametrize("player", NETWORKS)
def test_a_misspelt_word_is_refused_with_the_word_meant(family, player, field, word, meant):
    text = rf"{field} '{word}' is unknown \(did you mean {meant}\?\); allowed: .*{meant}"
    with pytest.raises(ConfigError, match=text):
        shapes(player, build(player, family, **{field: word}))


@pytest.mark.parametrize("family", LABORATORY)
def test_a_misspelt_conditioning_is_refused_with_the_word_meant(family):
    # With classes or without: a word that would only matter later is still wrong.
    for num_classes in (0, CLASSES):
        with pytest.raises(ConfigError, match=r"'project' is unknown \(did you mean projection\?\)"):
            shapes("critic", build("critic", family, num_classes=num_classes, conditioning="project"))


def test_a_misspelt_output_activation_is_refused_with_the_word_meant():
    with pytest.raises(ConfigError, match=r"output_activation 'tanch' is unknown \(did you mean tanh\?\)"):
        shapes("generator", build("generator", "mlp", output_activation="tanch"))
