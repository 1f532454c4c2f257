"""Sweeps: what may be typed, and the curves that measured values make."""

import dataclasses
import math

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.evaluation import Protocol, Record, Result, Sweep, curves_of, levels_of, parse_sweep

OPTIONS = {"truncation": 0.0, "cutoff": 0, "noise": "random"}


@pytest.mark.parametrize(("text", "levels"), [
    ("truncation:0.2..1.0:9", [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
    ("truncation:1..-1:3", [1.0, 0.0, -1.0]), ("truncation:0.5,2", [0.5, 2.0]), ("cutoff:0..6:4", [0, 2, 4, 6]),
    ("noise:none,constant,random", ["none", "constant", "random"]), ("truncation:1e-3..1e-1:2", [0.001, 0.1])])
def test_a_sweep_is_of_the_values_that_one_would_type_in_the_type_of_the_option(text, levels):
    found = levels_of(parse_sweep(text), OPTIONS)
    assert found == levels and {type(level) for level in found} == {type(OPTIONS[text.partition(":")[0]])}


@pytest.mark.parametrize(("text", "said"), [
    ("truncation", "NAME:FIRST..LAST:NUMBER"), (":0..1:3", "NAME:FIRST..LAST:NUMBER"), ("truncation:", "it takes NAME"),
    ("truncation:0..1", "is not a range"), ("truncation:0..1:x", "is not a range"), ("truncation:a..1:3", "is not a range"),
    ("truncation:0..1:-3", "is not a range"), ("truncation:0..1:2.5", "is not a range"),
    ("truncation:0..1:1", "is of 1 values; take 2 to 200"), ("truncation:0..1:100000", "is of 100,000 values"),
    ("truncation:1..1:3", "begins where it ends"), ("truncation:0..inf:3", "not finite"), ("truncation:nan,1", "not finite"),
    ("truncation:0.5", "is of 1 values"), ("truncation:0.5,0.50", "names a value twice"), ("noise:none,", "has an empty value"),
    ("truncatoin:0..1:3", "did you mean truncation"), ("truncation:low,high", "takes numbers, and 'low' is none"),
    ("noise:0..1:3", "takes words, such as random"), ("cutoff:0..1:3", "takes whole numbers, and the sweep has 0.5")])
def test_what_cannot_be_swept_is_answered_in_a_sentence(text, said):
    with pytest.raises(ConfigError, match="--sweep") as error:
        levels_of(parse_sweep(text), OPTIONS)
    assert said in str(error.value)


def record(name, value, level, step=100, features="digits", number=64, option="truncation"):
    protocol = Protocol(name, {}, {"name": features}, {}, {
        "number": number, "seeds": [0], "weights": "averaged", option: level})
    return Record(Result(name, value, "lower", protocol, (value,)), "", step, 1.0)


def test_a_curve_rises_along_the_option_and_has_gaps_where_nothing_was_measured():
    records = [record("fid", 2.0, 0.8), record("fid", 3.0, 0.4), record("is", 9.0, 0.4), record("fid", 1.0, 0.4, step=200)]
    first, second = curves_of(records, "truncation")
    assert first.levels == [0.4, 0.8] and first.step == 100
    np.testing.assert_array_equal(first.numbers("fid"), [3.0, 2.0])
    np.testing.assert_array_equal(first.numbers("is"), [9.0, math.nan])
    assert second.levels == [0.4] and second.numbers("fid") == [1.0]


def test_numbers_of_different_protocols_are_never_on_one_curve():
    records = [record("fid", 2.0, 0.4), record("fid", 3.0, 0.8), record("fid", 7.0, 0.8, features="pixels"),
               record("is", 5.0, 0.8, number=32)]
    curve, = curves_of(records, "truncation")
    np.testing.assert_array_equal(curve.numbers("fid"), [7.0])  # Those that were measured last.
    assert curve.samples("fid") != curve.samples("is")
    curve, = curves_of([*records[2:3], *records[:2]], "truncation")
    np.testing.assert_array_equal(curve.numbers("fid"), [2.0, 3.0])


def test_words_stay_in_the_order_of_the_sweep():
    records = [record("fid", value, level, option="noise") for value, level in ((2.0, "none"), (1.0, "constant"))]
    assert curves_of(records, "noise")[0].levels == ["none", "constant"]
    again = [dataclasses.replace(each, result=dataclasses.replace(each.result, value=5.0)) for each in records[:1]]
    assert list(curves_of([*records, *again], "noise")[0].numbers("fid")) == [5.0, 1.0]


def test_a_sweep_holds_what_was_typed():
    assert parse_sweep("noise:none, random") == Sweep("noise", ("none", "random"))
