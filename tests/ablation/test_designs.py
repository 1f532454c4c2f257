"""Designs choose the combinations that they name."""

import numpy as np
import pytest

from ganlab.ablation import Range, Search
from ganlab.ablation.designs import base_levels, points_of
from ganlab.config import ConfigError

AXES = {"loss": {"a": {}, "b": {}, "c": {}}, "width": {8: {}, 16: {}}}
BASE = {"loss": "a", "width": 8}
RANGES = {"rate": Range("config.hyper.critic_lr", 1e-4, 1e-2, log=True), "noise": Range("config.hyper.n", 0.0, 1.0)}
MIDDLE = {"rate": 1e-3, "noise": 0.5}


def test_a_grid_has_every_combination_once_and_the_base_first():
    found = points_of("grid", AXES, {"loss": "b", "width": 16})
    assert found[0] == {"loss": "b", "width": 16}
    assert sorted(map(str, found)) == sorted(str({"loss": a, "width": b}) for a in "abc" for b in (8, 16))


def test_one_at_a_time_leaves_the_base_in_one_axis_alone():
    found = points_of("one_at_a_time", AXES, BASE)
    assert found == [BASE, {"loss": "b", "width": 8}, {"loss": "c", "width": 8}, {"loss": "a", "width": 16}]


def test_a_list_takes_the_base_where_it_names_no_level():
    assert points_of([{"loss": "c"}, {}], AXES, BASE) == [BASE, {"loss": "c", "width": 8}]


@pytest.mark.parametrize("kind", ["random", "sobol"])
def test_a_search_draws_the_same_points_within_the_ranges(kind):
    found, again = (points_of(Search(50, kind, 3), RANGES, MIDDLE) for _ in range(2))
    assert found == again and len(found) == 51 and found[0] == MIDDLE
    assert found != points_of(Search(50, kind, 4), RANGES, MIDDLE)
    rates, noises = ([point[axis] for point in found[1:]] for axis in RANGES)
    assert min(rates) >= 1e-4 and max(rates) <= 1e-2 and min(noises) >= 0 and max(noises) <= 1
    # Equal ratios are equally likely: about half lie below the geometric middle.
    assert 15 <= sum(rate < 1e-3 for rate in rates) <= 35


def test_a_sobol_search_has_one_point_in_every_stratum():
    found = points_of(Search(16), RANGES, MIDDLE)[1:]
    noises = np.array([point["noise"] for point in found])
    assert sorted((noises * 16).astype(int)) == list(range(16))


def test_a_search_over_named_levels_takes_each_of_them():
    assert {point["loss"] for point in points_of(Search(32), AXES, BASE)} == {"a", "b", "c"}


def test_the_base_of_a_range_is_what_the_experiment_has():
    assert base_levels(RANGES, {"noise": 0.25}, {"rate": 1e-3, "noise": 0.5}) == {"rate": 1e-3, "noise": 0.25}


@pytest.mark.parametrize("design, axes, words", [
    ("gird", AXES, "did you mean grid"),
    ("grid", RANGES, "takes axes of levels"),
    ([{"los": "a"}], AXES, "axis 'los' is unknown (did you mean loss?)"),
    ([{"loss": "d"}], AXES, "level of axis loss 'd' is unknown"),
    ([{"rate": 1.0}], RANGES, "lies outside 0.0001 to 0.01"),
    (Search(4, "sobel"), AXES, "did you mean sobol"),
    (Search(0), AXES, "at least 1"),
    (Search(4), {"rate": Range("x", 0.0, 1.0, log=True)}, "not above 0"),
])
def test_a_design_that_does_not_fit_says_why(design, axes, words):
    with pytest.raises(ConfigError) as error:
        points_of(design, axes, {name: 0 for name in axes})
    assert words in str(error.value)
