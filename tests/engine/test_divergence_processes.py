"""A round that is not finite, in a run of two processes: both find it, and answer it alike."""

import json

import numpy as np
from processes import begin, end, free_address
from test_divergence import poisoned

# Several runs one after another in processes that have joined once; each save is told with a digest of this process's
# state.
POLICIES = """
import hashlib, sys
import jax, numpy as np
from ganlab.cli.main import main
from ganlab.engine import loop
from ganlab.machine import distributed
join, save = distributed.join, loop.Checkpoints.save

def told(self, step, state, metrics=None):
    data = [np.asarray(leaf.addressable_data(0)) for leaf in jax.tree.leaves(state.replace(
        key=jax.random.key_data(state.key)))]
    digest = hashlib.sha256(b"".join(leaf.tobytes() for leaf in data)).hexdigest()
    print("saves", step, digest, file=sys.stderr)
    save(self, step, state, metrics)

loop.Checkpoints.save = told
for policy in ("roll_back", "skip", "stop"):
    print("policy", policy, file=sys.stderr)
    status = main([*sys.argv[2:], f"--workdir={sys.argv[1]}/{policy}", f"--config.train.on_divergence={policy}"])
    print("status", status, file=sys.stderr, flush=True)
    distributed.join = lambda *arguments: None
"""
DIVERGING = """
from tiny import tiny_config


def get_config(argument=None):
    return tiny_config(
        system=dict(loss="hinge", penalty="none"),
        data=dict(source="tiny:poisoned_points", kwargs=dict(example=EXAMPLE)), sample=dict(number=6),
        train=dict(total_rounds=6, log_every_rounds=3, sample_every_rounds=4, checkpoint_every_rounds=2,
                   keep_checkpoints=9))
"""


def test_each_answer_to_a_divergence_is_the_same_in_all_processes(tmp_path):
    data = poisoned(lambda first, second: first == [(5, 1)] and not second)
    example = int(np.argwhere(np.isnan(data.images))[0, 0])
    (tmp_path / "experiment.py").write_text(DIVERGING.replace("EXAMPLE", str(example)))
    address = free_address()
    found = end([begin(["-c", POLICIES, tmp_path, "train", f"--config={tmp_path}/experiment.py",
                        f"--coordinator={address}", "--processes=2", f"--process={process}"]) for process in range(2)])
    said = []
    for status, _, errors in found:
        assert status == 0, errors
        said.append([line for line in errors.splitlines() if line.startswith(("policy", "saves", "status", "ganlab:"))])
    assert said[0] == said[1]
    assert [line.split()[:2] for line in said[0] if not line.startswith("ganlab:")] == [
        ["policy", "roll_back"], ["saves", "2"], ["saves", "4"], ["saves", "6"], ["status", "0"],
        ["policy", "skip"], ["saves", "2"], ["saves", "4"], ["saves", "6"], ["status", "0"],
        ["policy", "stop"], ["saves", "2"], ["saves", "4"], ["saves", "4"], ["status", "1"]]
    assert [line for line in said[0] if "round 5, update critic: loss is not finite" in line] == [
        line for line in said[0] if line.startswith("ganlab:")] != []
    for policy, steps in (("roll_back", [2, 4, 6]), ("skip", [2, 4, 6]), ("stop", [2, 4])):
        assert sorted(int(path.name) for path in (tmp_path / policy / "checkpoints").iterdir()) == steps
    retries = [json.loads(line) for line in (tmp_path / "roll_back/alarms.jsonl").read_text().splitlines()]
    assert [(line["step"], line["retry"], line["round"]) for line in retries if "retry" in line] == [(4, 1, 5)]
    lines = (tmp_path / "skip/metrics.jsonl").read_text().splitlines()
    skipped = [json.loads(line)["skipped_updates"] for line in lines]
    assert skipped == [0, 1]
