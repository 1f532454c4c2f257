"""A run that has its rounds is finished, whether it was measured or not."""

import dataclasses

from runs_on_disk import ROUNDS, runs

from ganlab.evaluation import FINISHED, MISSING
from ganlab.report.run_study import study_of_runs
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_findings import cautions


def test_a_run_that_was_not_measured_is_finished_and_the_page_says_how_to_measure_it():
    measured, other, *_ = runs()
    study = study_of_runs([measured, dataclasses.replace(other, records=[])])
    assert [trial.status for trial in study.trials] == [FINISHED, FINISHED]
    found = cautions(Analysis(study))
    assert any(text.startswith("1 trial finished and was not measured: `ganlab evaluate") for text in found)
    assert not any("unfinished" in text for text in found)


def test_a_run_that_has_rounds_left_is_missing():
    first, *_ = runs()
    longer = dataclasses.replace(first, records=[], config={**first.config, "train.total_rounds": ROUNDS + 1})
    assert [trial.status for trial in study_of_runs([longer]).trials] == [MISSING]
