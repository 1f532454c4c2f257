"""The files of the tiny experiments, once for all tests of ablations."""

import pytest
from growing_ablation import write_growing
from tiny_ablation import write_experiment


@pytest.fixture(scope="session")
def experiment_file(tmp_path_factory):
    return write_experiment(tmp_path_factory.mktemp("experiment"))


@pytest.fixture(scope="session")
def growing_file(tmp_path_factory):
    return write_growing(tmp_path_factory.mktemp("growing"))
