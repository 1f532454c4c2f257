"""The tiny experiment's file, once for all tests of ablations."""

import pytest
from tiny_ablation import write_experiment


@pytest.fixture(scope="session")
def experiment_file(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp("experiment"))
