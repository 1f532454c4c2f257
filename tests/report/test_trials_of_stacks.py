"""What a row of a trial says: how far it came and why it ended, and the cost of its own stack."""

import dataclasses

import pytest
from studies import one_at_a_time_study

from ganlab.ablation.directory import StackRecord, _together
from ganlab.evaluation import DIVERGED, Cost
from ganlab.report.study_files import trials_table

SLOW, QUICK = Cost(1000.0, 30.0, 8, 5 * 2**20, 17_000), Cost(4000.0, 10.0, 2, 7 * 2**20, 17_000)


def test_a_diverged_trial_was_trained_until_it_was_not_finite_and_says_what_was_not():
    study = one_at_a_time_study()
    variant, why = study.variants[0], "round 31, update critic: loss is not finite, or too large to square"
    first = dataclasses.replace(study.trials[0], status=DIVERGED, values={}, rounds=30, why=why)
    rows = trials_table(dataclasses.replace(study, trials=[first, *study.trials[1:]])).to_pylist()
    assert (rows[0]["rounds"], rows[0]["error"]) == (30, why)
    assert rows[0]["kimg"] == pytest.approx(variant.kimg * 30 / variant.rounds)
    assert (rows[1]["rounds"], rows[1]["kimg"], rows[1]["error"]) == (variant.rounds, variant.kimg, "")


def test_a_trial_that_diverged_in_a_stage_was_shown_the_images_of_its_rounds():
    study = one_at_a_time_study()
    first = dataclasses.replace(study.trials[0], status=DIVERGED, values={}, rounds=30, kimg=0.125)
    rows = trials_table(dataclasses.replace(study, trials=[first, *study.trials[1:]])).to_pylist()
    assert (rows[0]["rounds"], rows[0]["kimg"]) == (30, 0.125)


def test_trials_of_two_stacks_have_the_cost_of_their_own():
    study = one_at_a_time_study()
    trials = [dataclasses.replace(trial, cost=cost) for trial, cost in zip(study.trials, (SLOW, QUICK), strict=False)]
    rows = trials_table(dataclasses.replace(study, trials=[*trials, *study.trials[2:]])).to_pylist()
    assert [row["cost/images_per_second"] for row in rows[:2]] == [1000.0, 4000.0]


def test_a_variant_of_two_stacks_has_the_speed_over_both():
    assert _together([]) is None and _together([SLOW]) == SLOW
    assert _together([SLOW, QUICK]) == Cost((1000 * 30 + 4000 * 10) / 40, 40.0, 8, 7 * 2**20, 17_000)
    busy, quiet = dataclasses.replace(SLOW, load=2.0), dataclasses.replace(QUICK, load=0.4)
    assert _together([busy, quiet]).load == (2.0 * 30 + 0.4 * 10) / 40
    assert _together([busy, QUICK]).load == 2.0  # Where one is not known, that of the others.


def test_a_stack_knows_the_mean_load_over_its_seconds():
    record = StackRecord(0, 0, False, Cost(0.0, 0.0, 2, None, 10), [], [])
    for step, (seconds, load) in enumerate([(10.0, 1.0), (30.0, 2.0), (5.0, None)], start=1):
        record = record.later(step, seconds, load)
    # The load that is known stands for all seconds until then.
    assert (record.cost.seconds, record.cost.load, record.step) == (45.0, 1.75, 3)
