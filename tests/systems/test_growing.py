"""A training that grows: the same bits wherever it stops, levels that stand for the full resolution, and what is refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from short_runs import PICTURE, SHARED, assert_same_bits
from tiny import IMAGES, QUICK, assert_losses_fit, tiny_growing_config

from ganlab.config import ConfigError
from ganlab.convolutions.resized import block_means
from ganlab.data import Dataset
from ganlab.engine import make_mesh, make_programs, read_metrics, stage_programs, train
from ganlab.game import stages_of
from ganlab.game.ema import moved_averages
from ganlab.penalties import PENALTIES
from ganlab.storage import Checkpoints, RunDirectory
from ganlab.storage.stored_weights import run_weights
from ganlab.systems import build_game
from ganlab.systems.critic import Critic
from ganlab.systems.growing import smoothed

SYSTEMS = ("pggan", "stylegan1")
# Rounds of the three stages: 4x4, 8x8 fading in, 8x8.
ENDS = (2, 6, 9)


def config_of(name="pggan", total=ENDS[-1], system=None, **sections):
    rounds = {"total_rounds": total, "log_every_rounds": 1, "sample_every_rounds": 3, "checkpoint_every_rounds": 1,
              "keep_checkpoints": 20}
    return tiny_growing_config(name, {"batch_sizes": (8, 4), **(system or {})}, batch_size=4, sample={"number": 2},
                               train=QUICK["train"] | rounds, **sections)


@functools.cache
def game_of(name="pggan", system=()):
    return build_game(config_of(name, system=dict(system)), IMAGES)


def go(path, total=ENDS[-1], devices=1, pictures=None, changes=(), name="pggan"):
    run, config = RunDirectory(path), config_of(name, total=total, system=dict(changes))
    run.check(config)
    run.write(config, [])

    def draw(step, samples):
        if pictures is not None:
            pictures[step] = samples.shape[1:3]
        return PICTURE

    with SHARED.used():
        return train(game_of(name, changes), IMAGES, config, run, draw, mesh=make_mesh(4, devices))


@functools.cache
def initial():
    return make_programs(game_of(), make_mesh(4, 1)).init(0)


def end_of(path, step=ENDS[-1]):
    checkpoints = Checkpoints(RunDirectory(path).checkpoints)
    state = checkpoints.restore(step, initial())
    checkpoints.close()
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path, pictures = tmp_path_factory.mktemp("growing") / "run", {}
    go(path, pictures=pictures)
    return path, pictures


def test_a_run_that_is_stopped_in_each_stage_and_between_them_ends_in_the_bits_of_the_whole(whole, tmp_path):
    for total in (1, *ENDS[:1], 4, *ENDS[1:2], 8, ENDS[-1]):
        go(tmp_path / "run", total)
    assert_same_bits(end_of(tmp_path / "run"), end_of(whole[0]))
    assert (tmp_path / "run/metrics.jsonl").read_bytes() == (whole[0] / "metrics.jsonl").read_bytes()


def test_a_stylegan_that_begins_in_a_transition_and_is_stopped_in_it_and_at_its_end_has_the_bits_of_the_whole(
        tmp_path, monkeypatch):
    # Both runs share programs, which compile at their first call.
    monkeypatch.setattr(stage_programs, "compiled_ahead", lambda programs, *others: programs)
    # Half of the second level's four rounds of transition are left, and one round follows. A penalty keeps nothing.
    half = (("first_level", 1), ("first_share", 0.5), ("batch_sizes", (4,)), ("training_kimg", (0.004,)),
            ("penalty", "none"), ("conditional", False))
    for path, totals in (("whole", (3,)), ("run", (1, 2, 3))):
        for total in totals:
            go(tmp_path / path, total, changes=half, name="stylegan1")
    # The last round's weights are those of all that the state holds before it.
    whole, stopped = (run_weights(str(tmp_path / path)).read() for path in ("whole", "run"))
    assert whole.trained.keys() == {"generator", "critic"} and whole.averaged.keys() == {"generator"}
    assert_same_bits((stopped.trained, stopped.averaged), (whole.trained, whole.averaged))
    metrics = [read_metrics(tmp_path / path / "metrics.jsonl") for path in ("whole", "run")]
    assert_same_bits(*metrics)
    assert list(metrics[0]["critic/fade"]) == [0.5, 0.75, 1]


def test_four_devices_train_what_one_does(whole, tmp_path):
    go(tmp_path / "run", total=4, devices=4)
    alone, together = end_of(whole[0], 4), end_of(tmp_path / "run", 4)
    # Adam turns a gradient that is rounding into a whole step: gradients are seen by their first moments.
    for one, other in zip(jax.tree.leaves(alone.opt_state), jax.tree.leaves(together.opt_state), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-3 * max(np.abs(one).max(), 1e-6))


def test_level_and_share_are_logged_and_pictures_are_of_the_full_resolution(whole):
    metrics = read_metrics(whole[0] / "metrics.jsonl")
    assert list(metrics["critic/resolution"]) == [4] * 2 + [8] * 7
    np.testing.assert_allclose(metrics["critic/fade"], [1, 1, 0, 0.25, 0.5, 0.75, 1, 1, 1])
    assert whole[1] == dict.fromkeys((0, 3, 6, 9), (8, 8))


def test_a_level_that_waits_stays_as_it_was_and_optimizers_start_again(whole):
    first = jax.device_get(initial().params)
    before, after = end_of(whole[0], ENDS[0]), end_of(whole[0], ENDS[0] + 1)
    for network in ("generator", "critic"):
        assert_same_bits(before.params[network]["level_1"], first[network]["level_1"])
    counts = [{int(leaf) for leaf in jax.tree.leaves(state.opt_state) if leaf.ndim == 0} for state in (before, after)]
    assert counts == [{2}, {1}]
    assert float(end_of(whole[0], 4).variables["critic"]["growth"]["fade"]) == 0.25


def test_another_schedule_does_not_resume(whole):
    with pytest.raises(ConfigError, match="training_kimg: .* there, .* now"):
        go(whole[0], changes=(("training_kimg", (0.032, 0.012)),))


def shapes_in(jaxpr):
    for equation in jaxpr.eqns:
        yield from (variable.aval.shape for variable in equation.outvars)
        for inner in jax.core.jaxprs_in_params(equation.params):
            yield from shapes_in(inner)


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_stage_computes_nothing_of_larger_levels(name):
    """Its memory is its own: no activation has more pixels than its level."""
    for stage in stages_of(game_of(name)):
        programs = make_programs(stage.game, make_mesh(stage.game.batch_size, 1), initial=game_of(name))
        side = 8 // stage.game.reduction
        raw = ({"image": jax.ShapeDtypeStruct((1, 1, stage.game.batch_size, side, side, 1), np.uint8),
                "label": jax.ShapeDtypeStruct((1, 1, stage.game.batch_size), np.int32)},)
        traced = jax.make_jaxpr(programs.rounds)(programs.init.eval_shape(0), raw)
        images = [shape for shape in shapes_in(traced.jaxpr) if len(shape) == 4 and shape[0] == stage.game.batch_size]
        assert images and max(shape[1] for shape in images) <= side + 3  # Some pad an image by its filter.


def test_samples_of_each_stage_are_its_levels_pixels_repeated():
    state = initial()
    weights = {name: (state.params[name], state.variables[name]) for name in state.params}
    first, _, last = (stage.game.sampler for stage in stages_of(game_of()))
    latents, labels = first.latents(jax.random.split(jax.random.key(1), 2), {}), jnp.zeros(2, jnp.int32)
    small, large = (sampler.images(weights, latents, labels, None, {}) for sampler in (first, last))
    assert small.shape == large.shape == (2, 8, 8, 1)
    np.testing.assert_array_equal(np.repeat(np.repeat(small[:, ::2, ::2], 2, 1), 2, 2), small)
    assert not np.array_equal(np.repeat(np.repeat(large[:, ::2, ::2], 2, 1), 2, 2), large)


def test_real_images_of_a_transition_are_smoothed_as_the_level_fades():
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 1)).astype(np.float32)
    np.testing.assert_allclose(smoothed(images, 1.0), images, atol=1e-6)
    coarse = smoothed(images, 0.0)
    np.testing.assert_allclose(coarse[:, 1, 1], images[:, :2, :2].mean((1, 2)), atol=1e-6)
    np.testing.assert_allclose(smoothed(images, 0.3), 0.3 * images + 0.7 * coarse, atol=1e-6)


@pytest.mark.parametrize("penalty", ["gradient_penalty", "r1"])
def test_slopes_are_by_pixels_of_the_full_resolution(penalty, float64):
    """A critic of small images has the penalty of one that averages images whose pixels are repeated."""
    draw = np.random.default_rng(0)
    real, fake = (jnp.asarray(draw.normal(size=(3, 4, 4, 1))) for _ in range(2))
    weights = jnp.asarray(draw.normal(size=(4, 4, 1)))

    class Smooth:
        def train(self, params, variables, images, labels, keys):
            return jnp.sum(jnp.tanh(images) * weights, axis=(1, 2, 3)), variables

    class OfLarge(Smooth):
        def train(self, params, variables, images, labels, keys):
            return super().train(params, variables, block_means(images, 4), labels, keys)

    keys = {penalty: jax.random.split(jax.random.key(0), 3)}
    hyper = {f"{penalty}_weight": 1.0}
    found = [critic.penalize(0.0, {}, {}, *images, keys, hyper)[0] for critic, images in (
        (Critic(Smooth(), None, {penalty: PENALTIES[penalty]}, reduction=4), (real, fake)),
        (Critic(OfLarge(), None, {penalty: PENALTIES[penalty]}),
         [jnp.repeat(jnp.repeat(part, 4, 1), 4, 2) for part in (real, fake)]))]
    np.testing.assert_allclose(*found, rtol=1e-9)


def test_batches_that_do_not_divide_are_named_together_before_anything_compiles(tmp_path):
    config = config_of(system={"batch_sizes": (6, 4)})
    game = build_game(config, IMAGES)
    with pytest.raises(ConfigError, match=r"6 of 4x4; use multiples of 4"):
        train(game, IMAGES, config, RunDirectory(tmp_path), lambda step, samples: PICTURE, mesh=make_mesh(4, 4))


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize(("shape", "changes", "words"), [
    ((6, 6, 1), {}, "grows: .* multiples of 8"),
    ((8, 8, 1), {"data": {"crop": 4}}, "data.crop is 4, but .* whole pictures"),
    ((8, 8, 1), {"system": {"first_level": 3}}, "first_level is 3"),
    ((8, 8, 1), {"system": {"batch_sizes": (5, 4)}}, "stage 4x4, whose batch is of config.system.batch_sizes: .* is 5"),
    ((16, 16, 1), {"system": {"training_kimg": (1.0, 1.0)}}, "the levels are those of the data's images")])
def test_what_cannot_grow_is_refused(name, shape, changes, words):
    data = Dataset("other", np.zeros((8, *shape), np.uint8), np.zeros(8, np.int32), ("a", "b"))
    with pytest.raises(ConfigError, match=words):
        build_game(config_of(name, **changes), data)


def test_a_share_is_never_averaged():
    game = build_game(config_of("stylegan1", system={"statistics": "average"}), IMAGES)
    ones = {"generator": {"styles": jnp.ones(2), "growth": {"fade": jnp.ones(())}}}
    zeros = jax.tree.map(jnp.zeros_like, ones)
    _, moved = moved_averages(game.ema, {"generator": {}}, ones, {"generator": {}}, zeros, {
        "ema_half_life_kimg": jnp.ones(()), "ema_warmup": jnp.zeros(())}, jnp.ones(()), 100)
    assert moved["generator"]["growth"]["fade"] == 0 and np.all(moved["generator"]["styles"] > 0.5)


@pytest.mark.parametrize("level", [1, -1])
def test_a_run_that_does_not_grow_is_one_stage(level):
    game = build_game(config_of(system={"first_level": level, "batch_sizes": (4,), "training_kimg": (1.0,)}), IMAGES)
    assert not game.stages and game.reduction == 1


def test_an_average_may_keep_one_share_whatever_the_batch():
    config = config_of(hyper={"average_decay": 0.999})
    for stage in stages_of(build_game(config, IMAGES)):
        numbers = stage.game.numbers(stage.game.hyper, jnp.zeros(()))
        kept = 0.5 ** (stage.game.images_per_round / 1000 / numbers["ema_half_life_kimg"])
        assert float(kept) == pytest.approx(0.999, abs=1e-6) and float(numbers["ema_warmup"]) == 0


@pytest.mark.parametrize(("network", "kwargs"), [("stylegan1", {}), ("pggan", {"reads_labels": False})])
def test_a_critic_of_one_logit_learns_to_read_no_labels(network, kwargs):
    config = config_of(system={"first_level": -1, "batch_sizes": (), "training_kimg": (1.0,)})
    config.networks.critic.network = network
    config.networks.critic.kwargs.update(kwargs)
    game = build_game(config, IMAGES)
    assert "class_logits" not in game.networks["critic"].sown()
    assert_losses_fit(game, IMAGES)


def test_samples_are_compared_with_real_images_at_the_size_that_has_faded_in():
    assert [stage.game.settled_reduction for stage in stages_of(game_of())] == [2, 2, 1]


def test_stages_are_named_by_what_they_train():
    assert [stage.name for stage in stages_of(game_of())] == ["4x4", "8x8 fading in", "8x8"]
