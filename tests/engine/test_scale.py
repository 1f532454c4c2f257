"""One experiment on 1, 2 and 8 devices, in 2 processes, sharded or whole, under jit or pmap: the same numbers.

In double precision to 1e-9 after 20 rounds of WGAN-GP with a batch-normalized generator. The work is done by
`scale_worker`, in three processes for all tests, because a process has one number of devices.
"""

import numpy as np
import pytest
from processes import begin, end, free_address

PATHS = 44  # Params, statistics, moments, averages and metrics.
WAYS = ("2", "8", "8 sharded", "8 pmap, streamed", "8 sharded, then 2", "2 processes")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Arrays by task and way, then by path."""
    folder = tmp_path_factory.mktemp("scale")
    address = free_address()
    alone = begin(["-m", "scale_worker", folder / "alone.npz", "float64+float32+arithmetic", 8])
    pair = [begin(["-m", "scale_worker", folder / f"{process}.npz", "processes", 1, address, 2, process])
            for process in range(2)]
    for status, _, errors in end([alone, *pair]):
        assert status == 0, errors
    trees = {}
    for name in ("alone", "0", "1"):
        for path, value in np.load(folder / f"{name}.npz").items():
            *way, leaf = path.split("|")
            trees.setdefault((name, *way), {})[leaf] = value
    return trees


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_running_gives_the_numbers_of_one_device(found, way):
    expected = found["alone", "float64", "1"]
    given = found["0", "processes", way] if way == "2 processes" else found["alone", "float64", way]
    assert len(given) == PATHS and given.keys() == expected.keys()
    for path, value in given.items():
        np.testing.assert_allclose(value, expected[path], rtol=1e-9, atol=1e-12, err_msg=path)
        assert value.dtype in (np.float64, np.int32)


def test_every_process_ends_with_the_same_bits(found):
    one, other = (found[name, "processes", "2 processes"] for name in "01")
    assert len(one) == PATHS
    for path, value in one.items():
        np.testing.assert_array_equal(value, other[path], err_msg=path)


@pytest.mark.parametrize("way", ["8 sharded", "8 pmap"])
def test_gradients_agree_in_single_precision(found, way):
    given, expected = found["alone", "float32", way], found["alone", "float32", "1"]
    for player in ("generator", "critic"):
        paths = [path for path in expected if player in path]
        one, other = (np.concatenate([tree[path].ravel() for path in paths]) for tree in (given, expected))
        assert one.dtype == np.float32 and np.linalg.norm(other) > 1e-2
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


def test_a_device_holds_its_part_of_a_sharded_state_before_and_after_rounds(found):
    whole = found["alone", "float64"]
    np.testing.assert_array_equal(whole["parts held"], np.full(3, 1 / 8))
    np.testing.assert_array_equal(whole["parts held by 2"], np.full(3, 1 / 2))


def test_eight_devices_share_the_arithmetic_of_a_round_whose_generator_sees_no_data(found):
    alone, each = found["alone", "arithmetic"]["flops"]
    assert alone / 8 < each < alone / 5
