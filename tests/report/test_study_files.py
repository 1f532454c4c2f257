"""The files of a study: every trial is in them, they agree, and LaTeX sets names as they stand."""

import csv
import dataclasses
import io
import json
import re

import numpy as np
import pyarrow.csv
import pyarrow.parquet
import pytest
from studies import VALUES, grid_study, one_at_a_time_study

from ganlab.config import ConfigError
from ganlab.evaluation import FINISHED
from ganlab.metrics import summarise
from ganlab.report.latex_width import cell_width
from ganlab.report.study_files import csv_content, escaped, latex_table, parquet_content, trials_table


@pytest.fixture(scope="module")
def study():
    return grid_study()


def test_every_trial_is_in_both_files_with_its_levels_values_and_cost(study):
    table = pyarrow.parquet.read_table(io.BytesIO(parquet_content(trials_table(study))))
    rows = table.to_pylist()
    variants = {variant.name: variant for variant in study.variants}
    assert [(row["variant"], row["seed"], row["status"]) for row in rows] == [
        (trial.variant, trial.seed, trial.status) for trial in study.trials]
    for row, trial in zip(rows, study.trials, strict=True):
        variant = variants[trial.variant]
        assert {axis: row[f"axis/{axis}"] for axis in study.axes} == dict(variant.levels)
        assert {value.name: row[f"value/{value.name}"] for value in study.values} == {
            value.name: trial.values.get(value.name) for value in study.values}
        assert json.loads(row["changes"]) == dict(variant.changes) and row["error"] == variant.error
        assert row["cost/memory"] == (variant.cost.memory if variant.cost else None)
        assert (row["kimg"], row["rounds"]) == (variant.kimg, variant.rounds)


@pytest.mark.parametrize("make", [grid_study, one_at_a_time_study])
def test_csv_and_parquet_agree(make):
    table = trials_table(make())
    kinds = {field.name: field.type for field in table.schema}
    options = pyarrow.csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, quoted_strings_can_be_null=False)
    found = pyarrow.csv.read_csv(io.BytesIO(csv_content(table)), convert_options=options)
    assert found.equals(pyarrow.parquet.read_table(io.BytesIO(parquet_content(table))))


def test_axes_of_names_are_text_and_axes_of_numbers_numbers():
    kinds = {field.name: str(field.type) for field in trials_table(one_at_a_time_study()).schema}
    assert (kinds["axis/loss"], kinds["axis/penalty weight"]) == ("string", "double")


def test_the_latex_table_has_each_mean_and_half_of_its_interval(study):
    lines = latex_table(study).splitlines()
    rows = [line for line in lines if line.endswith(r"\\")][1:]
    assert len(rows) == len(study.variants)
    for variant, row in zip(study.variants, rows, strict=True):
        name, fid, *_ = row.removesuffix(r"\\").split(" & ")
        assert name.removesuffix(" (base)") == variant.name
        values = [trial.values["fid"] for trial in study.trials
                  if trial.variant == variant.name and trial.status == FINISHED]
        if not values:
            assert fid == "--"
            continue
        found = summarise(np.array(values))
        mean, half = (float(part) for part in re.findall(r"[\d.]+", fid))
        assert mean == pytest.approx(found.mean, abs=0.006)
        assert half == pytest.approx((found.interval.high - found.interval.low) / 2, abs=0.006)
    assert sum(r"\mathbf" in row for row in rows) == 1 and all(row.count("&") == 4 for row in rows)


def test_the_latex_table_is_balanced_and_names_its_protocols(study):
    text = latex_table(study)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert text.count("{") == text.count("}") and text.count("$") % 2 == 0
    assert all(f"% {value.name}: {value.protocol}" in text for value in study.values if value.better != "neither")
    assert all(f"% {value.name}: {value.protocol}" in latex_table(study, ["all"]) for value in study.values)


def test_latex_sets_names_as_they_stand():
    assert escaped("a_b & 50% #1 $x$ {y} ~ ^ \\") == (
        r"a\_b \& 50\% \#1 \$x\$ \{y\} \textasciitilde{} \textasciicircum{} \textbackslash{}")


def test_no_name_ends_a_comment_or_a_row():
    study = one_at_a_time_study()
    torn = dataclasses.replace(study, question="one\n\\input{secret}", title="a\rb")
    assert all(line.startswith("%") for line in latex_table(torn).splitlines()[:4])
    assert "\\input" not in [line for line in latex_table(torn).splitlines() if not line.startswith("%")]


def test_tiny_numbers_keep_their_digits():
    study = one_at_a_time_study(seeds=1)
    small = [dataclasses.replace(trial, values={"fid": 1.5e-9, "prdc/coverage": 0.5}) for trial in study.trials]
    assert r"1.500 \cdot 10^{-9}" in latex_table(dataclasses.replace(study, trials=small))


def wide_study(values=9):
    """As many values as an evaluation with all metrics has."""
    named = [dataclasses.replace(VALUES[0], name=f"metric{number}/value_{number}", better=better)
             for number in range(values) for better in [("lower", "higher", "neither")[number % 3]]]
    study = grid_study()
    trials = [dataclasses.replace(trial, values={value.name: 1.25 * trial.values["fid"] for value in named}
                                  if trial.values else trial.values) for trial in study.trials]
    return dataclasses.replace(study, values=named, trials=trials)


def width_of(table):
    """Points that a table takes: of each column its widest cell, and the gaps between."""
    rows = [line.removesuffix(r" \\").split(" & ") for line in table.splitlines() if line.endswith(r"\\")]
    columns = list(zip(*rows, strict=True))
    broken = re.search(r"p\{(\d+)pt\}", table)
    first = float(broken[1]) if broken else max(map(cell_width, columns[0]))
    return first + sum(12 + max(map(cell_width, column)) for column in columns[1:])


@pytest.mark.parametrize("make", [grid_study, one_at_a_time_study, wide_study])
def test_the_latex_table_fits_an_article_and_names_what_it_leaves_out(make):
    study = make()
    table = latex_table(study)
    heads = next(line for line in table.splitlines() if line.endswith(r"\\")).split(" & ")
    assert width_of(table) <= 345 and len(heads) >= 3
    left = [value.name for value in study.values if not any(head.startswith(escaped(value.name)) for head in heads)]
    assert all(value.better != "neither" for value in study.values if value.name not in left)
    assert (f"% left out: {', '.join(left)};" in table) == bool(left)


def test_long_names_are_broken_between_words_and_no_word_is_wider_than_their_column():
    for name_of in (lambda number, rate: f"/{'data/' * 8}{number}_{rate}", lambda *levels: f"some words of {levels}"):
        table = latex_table(grid_study(name_of=name_of))
        labels = [line.split(" & ")[0] for line in table.splitlines() if line.endswith(r"\\")]
        broken = re.search(r">\{\\raggedright\}p\{(\d+)pt\}", table)
        widest = max(cell_width(label) for label in labels) if not broken else float(broken[1])
        assert all(cell_width(word) <= widest for label in labels for word in label.split())
        assert ("array" in table) == bool(broken)


def test_columns_of_the_latex_table_are_chosen_by_their_names_in_any_order():
    study = wide_study()
    table = latex_table(study, ["seeds", "metric4/value_4", "metric2/value_2"])
    head = next(line for line in table.splitlines() if line.endswith(r"\\"))
    assert head == r"variant & seeds & metric4/value\_4 $\uparrow$ & metric2/value\_2 \\"
    everything = latex_table(study, ["all"])
    assert all(escaped(value.name) in everything for value in study.values) and "left out" not in everything
    assert f"% about {width_of(everything):.0f} pt wide, where an article has 345" in everything


@pytest.mark.parametrize(("columns", "words"), [
    (["fid", "kid"], "--columns=fid,kid names 'kid', which is not a column of results.tex; choose of fid, prdc/coverage, "),
    ([], "--columns is empty")])
def test_a_column_that_is_not_there_is_answered_with_those_that_are(columns, words, study):
    with pytest.raises(ConfigError, match=words):
        latex_table(study, columns)


def test_widths_are_those_of_computer_modern():
    # As TeX has them: an x is 5.28 pt wide, a digit 5, a space 3.33 and an arrow 5.
    assert cell_width("x") == pytest.approx(5.28, abs=0.02) and cell_width("12 3") == pytest.approx(18.33, abs=0.01)
    assert cell_width(r"a\_b") < cell_width(r"a\_bc") and cell_width(r"\$5") == pytest.approx(10, abs=0.01)
    assert cell_width(r"$12.34 \pm 0.56$") == pytest.approx(4 * 5 + 3 * 5 + 2 * 2.78 + 7.78 + 2 * 2.22, abs=1.5)


@pytest.mark.parametrize("make", [grid_study, one_at_a_time_study])
def test_every_number_of_the_table_stands_beside_its_protocol(make):
    details = {"metric": "fid", "settings": {"subsets": 5}}
    study = make()
    study = dataclasses.replace(study, values=[dataclasses.replace(value, details=details) for value in study.values])
    table = trials_table(study)
    found = pyarrow.parquet.read_table(io.BytesIO(parquet_content(table)))
    for row in (*found.to_pylist(), *csv.DictReader(io.StringIO(csv_content(table).decode()))):
        for value in study.values:
            there = row[f"value/{value.name}"] not in (None, "")
            assert (row[f"protocol/{value.name}"] or None) == (value.protocol if there else None)
    kept = json.loads(found.schema.metadata[b"ganlab.protocols"])
    assert kept == {value.name: {"better": value.better, "protocol": value.protocol, "details": details}
                    for value in study.values}
