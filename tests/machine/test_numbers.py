"""Draws and precision are ganlab's, whatever the shell says, and are recorded."""

import json

import jax
import pytest
from processes import begin, end

from ganlab.storage import versions
from ganlab.machine import FIXED, drop_from_shell, fix_numbers, numbers_in_force

# Another value of each setting, as a shell would have it.
OTHERS = {"JAX_DEFAULT_PRNG_IMPL": "rbg", "JAX_THREEFRY_PARTITIONABLE": "0", "JAX_RANDOM_SEED_OFFSET": "7",
          "JAX_ENABLE_X64": "1", "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16", "JAX_NUMPY_DTYPE_PROMOTION": "strict"}
DRAW = """
import json, sys
{first}
import jax
from ganlab.machine.backend import set_up_process
from ganlab.machine import numbers_in_force
set_up_process()
draws = jax.random.normal(jax.random.key(3), (5,))
print(json.dumps([numbers_in_force(), str(draws.dtype), draws.tolist()]))
"""
BY_COMMAND = "from ganlab.cli.main import main; main(['list', '--only=losses'])"


def test_every_setting_has_another_value_to_be_tried():
    assert {name.lower() for name in OTHERS} == set(FIXED)


@pytest.mark.parametrize("name", OTHERS)
def test_a_setting_is_taken_out_of_the_shell_and_nothing_else_is(name):
    shell = {name: OTHERS[name], "JAX_PLATFORMS": "cpu"}
    assert drop_from_shell(shell) == [f"{name}={OTHERS[name]}"]
    assert shell == {"JAX_PLATFORMS": "cpu"}


@pytest.mark.parametrize("name", FIXED)
def test_a_setting_is_set_back_where_jax_has_read_another(name):
    try:
        jax.config.update(name, {"rbg": "rbg", "0": False, "7": 7, "1": True}.get(OTHERS[name.upper()],
                                                                                 OTHERS[name.upper()]))
        assert numbers_in_force()[name.removeprefix("jax_")] != FIXED[name]
    finally:
        fix_numbers()
    assert numbers_in_force() == {name.removeprefix("jax_"): value for name, value in FIXED.items()}


def test_draws_are_the_same_under_any_shell():
    nonsense = {name: "nonsense" for name in OTHERS}
    # A script that JAX has read the shell for, and a command, which starts even where JAX would not.
    tried = [("", {}), ("", OTHERS), (BY_COMMAND, OTHERS), (BY_COMMAND, nonsense)]
    found = end([begin(["-c", DRAW.format(first=first)], **shell) for first, shell in tried])
    assert [status for status, _, _ in found] == [0] * len(tried), found[-1][2]
    answers = [json.loads(output.splitlines()[-1]) for _, output, _ in found]
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][1] == "float32"
    for number in (2, 3):
        assert found[number][2].count("of the environment is left out") == len(OTHERS)


def test_a_run_records_them():
    assert versions(["ganlab"])["numbers"] == numbers_in_force()


@pytest.mark.parametrize("platform", ["cuda", "cdua", "tpu"])
def test_a_platform_that_is_not_there_is_answered_in_a_sentence(platform):
    (status, output, errors), = end([begin(["-m", "ganlab", "describe", "--config=experiments/mixtures.py"],
                                           JAX_PLATFORMS=platform)])
    assert (status, output) == (2, "")
    assert errors.startswith(f"ganlab: JAX_PLATFORMS={platform} asks for a platform that is not here: ")
    assert len(errors.strip().splitlines()) == 1
