"""A batch is divided into whole groups, whatever divides it, or not at all."""

from types import SimpleNamespace

import numpy as np
import pytest

from ganlab.config import ConfigError
from ganlab.game import check_division
from ganlab.networks.style.layers import with_deviation


def game(batch_size, group, accumulate=1):
    return SimpleNamespace(batch_size=batch_size, group=group, accumulate=accumulate)


@pytest.mark.parametrize(("batch_size", "group", "accumulate", "devices"), [
    (8, 4, 1, 1), (8, 4, 2, 1), (8, 4, 1, 2), (14, 14, 1, 1)])
def test_groups_that_stay_whole_are_played_and_so_is_a_batch_that_is_one_group(batch_size, group, accumulate, devices):
    check_division(game(batch_size, group, accumulate), devices)


@pytest.mark.parametrize(("batch_size", "group", "accumulate", "devices"), [
    (6, 4, 1, 1), (8, 4, 4, 1), (8, 4, 1, 4), (14, 14, 2, 1), (14, 14, 1, 2), (4, 6, 1, 1), (4, 8, 1, 1)])
def test_what_would_part_a_group_is_refused(batch_size, group, accumulate, devices):
    """The official code takes the smaller group of a device's share, whose numbers change with the devices."""
    with pytest.raises(ConfigError, match=f"groups of {group} images that are judged together"):
        check_division(game(batch_size, group, accumulate), devices)


def test_a_group_that_is_larger_than_the_batch_is_the_batch():
    x = np.random.default_rng(0).normal(size=(6, 2, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(with_deviation(x, 16), with_deviation(x, 6))
