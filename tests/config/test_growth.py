"""The schedule of a training that grows is the official one, and says what it cannot play."""

import numpy as np
import pytest

from ganlab.config import ConfigError, growth_keys, planned_stages, rounds_of, square_sizes

SIZES = square_sizes(32)
BATCHES = {4: 128, 8: 128, 16: 64}


def plan(sizes=SIZES, batch_size=16, **system):
    return planned_stages(system, sizes, batch_size)


def official_level(kimg, training, transition, first, last):
    """The official code's `lod` after `kimg`: how many levels, and parts of one, are still to come."""
    phase = training + transition
    number = int(np.floor(kimg / phase))
    within = kimg - number * phase
    away = last - first - number
    if transition > 0:
        away -= max(within - training, 0.0) / transition
    return max(away, 0.0)


@pytest.mark.parametrize(("training", "transition", "first"), [(600.0, 600.0, 0), (30.0, 50.0, 1), (20.0, 0.0, 0)])
def test_levels_follow_the_official_rule(training, transition, first):
    stages = plan(training_kimg=(training,), transition_kimg=(transition,), first_level=first)
    begin = 0.0
    for number, stage in enumerate(stages):
        length = stage.rounds * stage.images / 1000
        for share in (0.0, 0.37, 0.99):
            away = official_level(begin + share * length + 1e-6, training, transition, first, len(SIZES) - 1)
            own = len(SIZES) - 1 - stage.level + (1 - share if stage.fading else 0.0)
            assert own == pytest.approx(away, abs=1e-3)
        # The last level trains on.
        assert (stage.fading, stage.level) != (False, len(SIZES) - 1) or number == len(stages) - 1
        begin += length


def test_a_training_may_begin_within_a_transition_as_one_that_came_to_it():
    times = {"batch_sizes": (16, 16, 16), "training_kimg": (3.2,), "transition_kimg": (6.4,)}
    begun, = [stage for stage in plan(first_level=1, first_share=0.25, **times) if stage.share]
    whole = plan(first_level=1, first_share=0.0, **times)
    assert (begun.level, begun.fading, begun.rounds, begun.share) == (1, True, 300, 0.25)
    assert whole[0].fading and whole[0].rounds == 400 and plan(first_level=1, first_share=0.25, **times)[1:] == whole[1:]


def test_rounds_are_the_fewest_that_show_the_kimg_of_a_stage():
    stages = plan(batch_sizes=(48, 32, 24, 16), training_kimg=(1.0,), transition_kimg=(0.5,))
    for stage in stages:
        wanted = 500 if stage.fading else 1000
        assert 0 <= stage.rounds * stage.batch_size - wanted < stage.batch_size


def test_a_critic_that_plays_several_times_shows_as_many_images_a_round():
    once, thrice = (plan(critic_updates=updates, training_kimg=(9.6,)) for updates in (1, 3))
    assert [stage.rounds for stage in once] == [3 * stage.rounds for stage in thrice]


def test_values_are_of_all_levels_or_one_for_each():
    stages = plan(batch_sizes=(64, 32, 16, 16), rate_factors=(1.0, 1.0, 1.5, 2.0), training_kimg=(1.0, 2.0, 3.0, 4.0),
                  transition_kimg=(8.0, 4.0, 2.0))
    assert [(stage.level, stage.fading, stage.batch_size, stage.rate) for stage in stages] == [
        (0, False, 64, 1.0), (1, True, 32, 1.0), (1, False, 32, 1.0), (2, True, 16, 1.5), (2, False, 16, 1.5),
        (3, True, 16, 2.0), (3, False, 16, 2.0)]


def test_tables_by_side_become_values_by_level():
    keys = growth_keys(SIZES, BATCHES, 32, {16: 1.5e-3, 32: 2e-3}, 1e-3, training_kimg=(600.0,))
    assert keys == {"batch_sizes": (128, 128, 64, 32), "rate_factors": pytest.approx((1.0, 1.0, 1.5, 2.0)),
                    "training_kimg": (600.0,)}
    alone = growth_keys(SIZES, BATCHES, 32, {32: 2e-3}, 1e-3, growing=False, training_kimg=(1.0, 2.0, 3.0, 4.0))
    stage, = planned_stages(alone, SIZES, 32)
    assert (stage.level, stage.fading, stage.rate, stage.rounds) == (3, False, 2.0, 125)


def test_the_rounds_of_a_whole_training_reach_its_kimg_in_whatever_stage():
    stages = plan(batch_sizes=(64, 32, 16, 16), training_kimg=(1.0,), transition_kimg=(1.0,))
    images = np.cumsum([stage.images for stage in stages for _ in range(stage.rounds)])
    for kimg in (0.5, 1.0, 2.7, 6.9):
        assert rounds_of(stages, kimg) == 1 + np.searchsorted(images, 1000 * kimg)
    assert rounds_of(stages) == len(images)
    assert rounds_of(stages, 30.0) == len(images) + -(-(30_000 - images[-1]) // 16)


def test_times_of_other_levels_are_cut_or_continued():
    for side, training in {16: (1.0, 2.0, 3.0), 64: (1.0, 2.0, 3.0, 4.0, 4.0)}.items():
        keys = growth_keys(square_sizes(side), {}, 16, {}, 1e-3, training_kimg=(1.0, 2.0, 3.0, 4.0),
                           transition_kimg=(5.0, 6.0, 7.0))
        assert keys["training_kimg"] == training
        assert len(planned_stages(keys, square_sizes(side), 16)) == 2 * len(training) - 1


@pytest.mark.parametrize(("changes", "words"), [
    ({"first_level": 4}, "first_level is 4, but images of 32x32 have levels 0 to 3"),
    ({"batch_sizes": (8, 8)}, "batch_sizes has these 2, .* one for each of 4x4, 8x8, 16x16, 32x32"),
    ({"transition_kimg": (1.0, 2.0, 3.0, 4.0)}, "transition_kimg has these 4, .* 8x8, 16x16, 32x32, or one for all"),
    ({"batch_sizes": (8, 8, 8, 8)}, "batch_size is 16, but config.system.batch_sizes ends with 8"),
    ({"training_kimg": (1.0, 0.0, 1.0, 1.0), "transition_kimg": (0.0, 1.0, 1.0)},
     "level 1, 8x8, ends before it begins"),
    ({"first_share": 0.5}, "first_share is 0.5, but no level comes before 4x4"),
    ({"training_kimg": (float("nan"),)}, "has nan kimg"), ({"transition_kimg": (-1.0,)}, "has -1.0 kimg"),
    ({"training_kimg": (float("inf"),)}, "has inf kimg")])
def test_a_schedule_that_cannot_be_played_is_refused_with_the_key(changes, words):
    with pytest.raises(ConfigError, match=words):
        plan(**changes)


@pytest.mark.parametrize("side", [2, 4, 48, 0])
def test_sides_without_levels_are_refused(side):
    with pytest.raises(ConfigError, match=f"resolution is {side}, and levels are"):
        square_sizes(side)


@pytest.mark.parametrize("kimg", [-5.0, float("nan"), float("inf")])
def test_a_training_of_no_length_is_refused(kimg):
    with pytest.raises(ConfigError, match=f"a training of {kimg} kimg"):
        rounds_of(plan(), kimg)
