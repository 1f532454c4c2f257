"""The class-conditional system: its losses are sums of weighted terms, the same over devices; what cannot work is
refused."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny import (
    BATCH,
    CLASSES,
    IMAGES,
    POINTS,
    assert_close,
    changing_parts,
    real_batches,
    start,
    tiny_conditional_config,
)

from ganlab.config import ConfigError
from ganlab.config.systems.class_conditional import REGULARIZATION_HYPER
from ganlab.data import Dataset
from ganlab.game import Scene, play_round
from ganlab.losses import LABEL_LOSSES
from ganlab.systems import build_game
from ganlab.systems.conditioning import HEAD_OF

DEVICES = 2
CODES = {"discrete_codes": 2, "discrete_values": 2, "continuous_codes": 1}
# Everything that can be joined, with numbers at which every term counts.
EVERYTHING = {
    "generator": {"kwargs": {"normalization": "batch"}},
    "critic": {"kwargs": {"head": "embedding", "sliced": True, "codes": 6}},
    "system": {"conditioning": "contrastive", "regularizations": "+".join(REGULARIZATION_HYPER), "critic_updates": 2,
               "penalty": "maximum_gradient_penalty", "latent_size": 9, **CODES},
    "hyper": {"lecam_start_rounds": 0.0, "generator_lr": 0.01, "critic_lr": 0.001, "ema_start_kimg": 0.01,
              "ema_half_life_kimg": 10.0, "ema_warmup": 0.0}}


def game_of(dataset=IMAGES, axis_name=None, **changes):
    return build_game(tiny_conditional_config(**changes), dataset, axis_name=axis_name)


class Everything:
    """The game of everything in one program, and two rounds of it, in double precision."""

    def __init__(self):
        self.game = game_of(**EVERYTHING)
        self.play = jax.jit(functools.partial(play_round, self.game))
        self.batches = [real_batches(self.game, IMAGES, number) for number in range(2)]
        self.start = start(self.game)
        self.states = [self.start]
        self.metrics = []
        for batch in self.batches:
            state, metrics = self.play(self.states[-1], batch)
            self.states.append(state)
            self.metrics.append(jax.device_get(metrics))

    def second(self, **hyper):
        """State and metrics of the second round by other numbers."""
        state = self.states[1]
        changed = {name: jnp.asarray(value, float) for name, value in hyper.items()}
        after, metrics = self.play(state.replace(hyper=state.hyper | changed), self.batches[1])
        return after, jax.device_get(metrics)


@pytest.fixture(scope="module")
def everything():
    with jax.enable_x64(True):
        yield Everything()


# By the weight of a term, the metrics that it multiplies; of the critic's second update a weight has also moved the
# params, so its learning rate is 0 below.
WEIGHTS = {
    "contrastive_weight": ("critic/label_loss", "generator/label_loss"), "lecam_weight": ("critic/lecam",),
    "latent_optimisation_weight": ("critic/latent_optimisation", "generator/latent_optimisation"),
    "discrete_code_weight": ("critic/discrete_code", "generator/discrete_code"),
    "continuous_code_weight": ("critic/continuous_code", "generator/continuous_code"),
    "consistency_weight": ("critic/consistency",), "balanced_real_weight": ("critic/balanced_real",),
    "balanced_fake_weight": ("critic/balanced_fake",),
    "latent_consistency_critic_weight": ("critic/latent_consistency_critic",),
    "latent_consistency_generator_weight": ("generator/latent_consistency_generator",),
    "feature_matching_weight": ("generator/feature_matching",), "direction_weight": ("critic/direction",),
    "maximum_gradient_penalty_weight": ("critic/maximum_gradient_penalty",)}


def test_every_weight_multiplies_its_terms(everything, float64):
    weights = {name for name in everything.game.hyper if name.endswith("_weight")}
    assert weights == set(WEIGHTS)
    still = {"critic_lr": 0.0, "generator_lr": 0.0}
    _, before = everything.second(**still, **dict.fromkeys(weights, 0.0))
    for name in weights:
        _, after = everything.second(**still, **dict.fromkeys(weights, 0.0) | {name: 2.0})
        for player in ("critic", "generator"):
            terms = [after[term] for term in WEIGHTS[name] if term.startswith(player)]
            assert all(abs(term) > 1e-6 for term in terms), name
            assert after[f"{player}/loss"] - before[f"{player}/loss"] == pytest.approx(2 * sum(terms), rel=1e-9)


def test_many_devices_play_the_same_round(everything, float64):
    game = game_of(axis_name="batch", **EVERYTHING)
    play = jax.pmap(functools.partial(play_round, game), axis_name="batch", devices=jax.devices()[:DEVICES])

    def split(array):
        return np.moveaxis(array.reshape(array.shape[0], DEVICES, -1, *array.shape[2:]), 1, 0)

    def stacked(state):
        many = jax.tree.map(lambda leaf: np.stack([leaf] * DEVICES), state.replace(key=0))
        return many.replace(key=jnp.stack([state.key] * DEVICES))

    state, metrics = jax.block_until_ready(play(stacked(everything.states[1]),
                                                jax.tree.map(split, everything.batches[1])))
    for device in range(DEVICES):
        assert_close(jax.tree.map(lambda leaf, device=device: leaf[device], (changing_parts(state), metrics)),
                     (changing_parts(everything.states[2]), everything.metrics[1]))


def test_lecam_follows_the_batch_up_to_its_start_and_then_keeps_its_averages(everything, float64):
    first, second = everything.metrics
    assert everything.states[1].memory["lecam"]["updates"] == 2
    # In the round of the start the averages begin, and the regularizer after it.
    assert first["critic/lecam"] == 0 < second["critic/lecam"]
    after, metrics = everything.second(lecam_start_rounds=100.0)
    assert metrics["critic/lecam"] == 0
    for kind in ("real", "fake"):
        assert after.memory["lecam"][kind] == pytest.approx(float(metrics[f"critic/{kind}_logits"]), rel=1e-6)


def test_latents_are_optimised_up_the_critics_logit(everything, float64):
    numbers = {"critic_lr": 0.0, "latent_optimisation_share": 1.0}
    logits = [everything.second(**numbers, latent_optimisation_rate=rate)[1]["generator/fake_logits"]
              for rate in (0.0, 0.01, 0.1)]
    assert logits[0] < logits[1] < logits[2]
    none_move = everything.second(critic_lr=0.0, latent_optimisation_share=0.0)[1]
    assert none_move["generator/fake_logits"] == pytest.approx(logits[0], rel=1e-12)
    # The length of the steps counts whether they are taken or not, as in the official code.
    assert none_move["generator/latent_optimisation"] > 0


def test_noise_of_no_size_changes_nothing(everything, float64):
    _, metrics = everything.second(latent_consistency_radius=0.0)
    assert metrics["critic/latent_consistency_critic"] == pytest.approx(0, abs=1e-20)
    assert metrics["generator/latent_consistency_generator"] == pytest.approx(0, abs=1e-20)


def test_averages_begin_at_their_start_and_statistics_are_averaged(everything, float64):
    # The second round begins after 16 images, and averages start at 10; before, they follow.
    before, after = everything.states[1], everything.states[2]
    assert_close(before.ema["generator"], before.params["generator"])
    keep = 0.5 ** (2 * BATCH / 10_000)
    for averages, name in (("ema", "params"), ("ema_variables", "variables")):
        old, new, found = (getattr(state, part)["generator"] for state, part in (
            (before, name), (after, name), (after, averages)))
        assert_close(found, jax.tree.map(lambda one, other: keep * one + (1 - keep) * other, old, new))


def test_codes_are_the_last_numbers_of_latents(everything):
    latents = everything.game.sampler.latents(jax.random.split(jax.random.key(0), 64), {"temperature": 0.5})
    assert latents.shape == (64, 9)
    codes = np.asarray(latents[:, -5:])
    np.testing.assert_array_equal(np.sort(codes[:, :4].reshape(-1, 2), axis=1), [[0, 1]] * 128)
    assert np.all(np.abs(codes[:, 4]) <= 1)
    assert len(np.unique(codes[:, :4], axis=0)) == 4


@pytest.mark.parametrize("conditioning", ["none", *LABEL_LOSSES])
def test_every_conditioning_has_a_round_with_labels_that_are_learned(conditioning):
    head = HEAD_OF.get(conditioning, "projection")
    game = game_of(critic={"kwargs": {"head": head}}, system={"conditioning": conditioning})
    batches = real_batches(game, IMAGES)
    state, metrics = jax.eval_shape(functools.partial(play_round, game), jax.eval_shape(lambda: start(game)), batches)
    assert ("generator/label_loss" in metrics) == (conditioning != "none")
    assert game.round[1].images == "none"


@pytest.mark.parametrize("labels", ["uniform", "data"])
def test_generated_images_have_labels_of_their_own_or_those_of_the_data(labels):
    game = game_of(critic={"kwargs": {"head": "auxiliary"}}, system={"fake_labels": labels})
    assert game.round[1].images == {"uniform": "none", "data": "same"}[labels]
    players, state, number = game.round[0].loss.__self__, start(game), 600
    given = np.zeros(number, np.int32)

    def drawn(given):
        batch = {"index": jnp.arange(number), "label": given}
        scene = Scene(state.params, state.variables, state.memory, batch, state.key, state.hyper)
        return players._fakes(scene, state.key).labels

    counts = np.bincount(jax.jit(drawn)(given), minlength=CLASSES)
    # Of 600 draws a third, to within five deviations.
    assert np.all(np.abs(counts - 200) < 58) if labels == "uniform" else counts[0] == number


UNLABELLED = Dataset("images", IMAGES.images, np.zeros(64, np.int32), ("all",))


@pytest.mark.parametrize(("dataset", "changes", "words"), [
    (UNLABELLED, {"system": {"conditioning": "auxiliary"}, "critic": {"kwargs": {"head": "auxiliary"}}},
     "conditioning is 'auxiliary', a loss that needs labels, but the data has one class; use conditioning=none"),
    (IMAGES, {"system": {"conditioning": "contrastive", "conditional": False}, "critic": {"kwargs": {"head": "none"}}},
     "needs labels, but config.system.conditional is False"),
    (IMAGES, {"system": {"conditioning": "contrastive"}},
     "looks at embedding and proxy, which config.networks.critic .* does not sow; .*kwargs.head=embedding"),
    (IMAGES, {"system": {"conditioning": "multi_hinge"}, "critic": {"kwargs": {"head": "auxiliary"}}},
     "looks at 4 class logits, but config.networks.critic sows 3"),
    (IMAGES, {"system": {"conditioning": "multi_hinge", "loss": "wasserstein"},
              "critic": {"kwargs": {"head": "multi_hinge"}}},
     "loss is 'wasserstein', but with conditioning multi_hinge"),
    (IMAGES, {"system": {"regularizations": "sliced"}}, "has sliced, but .* does not sow 'direction'"),
    (IMAGES, {"critic": {"kwargs": {"sliced": True}}}, "its direction would not learn; add sliced"),
    (IMAGES, {"system": {"regularizations": "sliced", "loss": "relativistic"}, "critic": {"kwargs": {"sliced": True}}},
     "compares real and fake logits, .* use hinge or non_saturating"),
    (POINTS, {"system": {"regularizations": "consistency"}},
     "has consistency, which moves images, but the data are points"),
    (IMAGES, {"system": {"regularizations": "infogan"}}, "has infogan; ask for a code"),
    (IMAGES, {"system": {"discrete_codes": 1}}, "has no infogan; add infogan"),
    (IMAGES, {"system": {"regularizations": "infogan", "discrete_codes": 1}},
     "leaves nothing beside 10 numbers of codes"),
    (IMAGES, {"system": {"regularizations": "infogan", **CODES}},
     "critic reads 0 numbers of codes, but .* asks for 6: .*kwargs.codes=6"),
    (IMAGES, {"system": {"regularizations": "lecan"}}, "config.system.regularizations 'lecan' is unknown .*lecam"),
    *((IMAGES, {"train": {"accumulate": 2}, "system": system, "critic": {"kwargs": {"head": "embedding"}}}, words)
      for system, words in (
          ({"conditioning": "contrastive"}, "accumulate is 2, but .*conditioning 'contrastive' looks across"),
          ({"regularizations": "lecam"}, "regularizations 'lecam' looks across"),
          ({"penalty": "maximum_gradient_penalty"}, "penalty 'maximum_gradient_penalty' looks across")))])
def test_what_cannot_work_is_refused_in_a_sentence(dataset, changes, words):
    with pytest.raises(ConfigError, match=words):
        game_of(dataset, **changes)
