"""The run that several of these tests look at, and the programs that their commands share."""

import pytest
from shared_programs import Shared
from tiny_digits import MEASURED, TINY

from ganlab.cli.main import main


@pytest.fixture(scope="module", autouse=True)
def shared():
    """Lets the commands of a file trace each program once."""
    with Shared().used():
        yield


@pytest.fixture(scope="module")
def run(shared, tmp_path_factory):
    """A run of 40 rounds on the digits, measured at every tenth; whoever changes it takes a copy."""
    folder = tmp_path_factory.mktemp("digits") / "run"
    assert main([*TINY, *MEASURED, f"--workdir={folder}"]) == 0
    return folder
