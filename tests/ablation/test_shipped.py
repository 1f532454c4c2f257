"""Every shipped ablation makes a valid plan."""

from pathlib import Path

import pytest

from ganlab.ablation import load_ablation, make_plan

FILES = sorted(Path("experiments/ablations").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_ablation_is_a_plan_of_ten_seeds(file):
    ablation = load_ablation(str(file))
    plan = make_plan(ablation)
    assert len(plan.seeds) == 10 and len(plan.variants) > 1
    assert f"--ablation={file}" in file.read_text(), "its docstring gives the command"
    # At equal real images, to within a call of the program.
    for variant in plan.variants:
        train, config = variant.config.train, variant.config
        per_round = config.batch_size * config.system.get("critic_updates", 1)
        assert 0 <= train.total_rounds * per_round - 1000 * plan.kimg < train.rounds_per_call * per_round
