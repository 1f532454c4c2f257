"""`ganlab train` as several processes: found, in agreement, writing once, and ending together."""

import json
import signal
import time

import pytest
from processes import begin, end, free_address

from ganlab.cli.main import main
from ganlab.config import ConfigError
from ganlab.engine import make_mesh
from ganlab.machine.distributed import join, launcher

SLURM = {"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_STEP_NODELIST": "node[1-4]", "SLURM_PROCID": "0"}
OPEN_MPI = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911"}
ROUNDS = 160
"""Enough that a run is still under way when it is met."""
EXPERIMENT = """
from ganlab.config import experiment


def get_config(argument=None):
    small = dict(network="mlp", kwargs=dict(width=8, depth=1))
    return experiment(
        data=dict(source="ring8"), system=dict(name="gan", latent_size=4), batch_size=8, sample=dict(number=6),
        networks={"generator": small, "critic": small},
        train=dict(total_rounds=ROUNDS, log_every_rounds=5, sample_every_rounds=10**6, checkpoint_every_rounds=40,
                   keep_checkpoints=2))
""".replace("ROUNDS", str(ROUNDS))


@pytest.mark.parametrize(("environment", "found"), [
    ({}, None), (SLURM, "slurm"), (SLURM | {"SLURM_NTASKS": "1"}, None),
    # In `salloc` or `sbatch`, outside `srun`.
    ({"SLURM_NTASKS": "4", "SLURM_JOB_ID": "7", "SLURM_PROCID": "0"}, None),
    (OPEN_MPI, "ompi"), (OPEN_MPI | {"OMPI_COMM_WORLD_SIZE": "1"}, None),
    ({"TPU_WORKER_HOSTNAMES": "10.0.0.1,10.0.0.2"}, "tpu"), ({"TPU_WORKER_HOSTNAMES": "localhost"}, None)])
def test_what_started_the_processes_is_read_from_the_environment(environment, found):
    assert launcher(environment) == found


def test_an_open_mpi_that_does_not_say_where_to_meet_is_answered_with_the_flags():
    with pytest.raises(ConfigError, match="--coordinator=HOST:PORT --processes=.OMPI_COMM_WORLD_SIZE"):
        launcher({"OMPI_COMM_WORLD_SIZE": "2"})


@pytest.mark.parametrize(("flags", "message"), [
    (("node1:1", 2, None), "--process is missing"), (("node1:1", None, None), "--processes and --process is missing"),
    ((None, 2, 0), "need --coordinator"), (("node1", 2, 0), "is not HOST:PORT"), (("node1:1", 2, 2), "from 0 to 1")])
def test_flags_that_do_not_go_together_are_answered(flags, message):
    with pytest.raises(ConfigError, match=message):
        join(*flags)


@pytest.mark.parametrize(("devices", "message"), [(9, "use 1 to 4"), (0, "use 1 to 4"), (3, "use 6 or 9")])
def test_devices_that_there_are_not_or_that_do_not_divide_are_answered(devices, message):
    with pytest.raises(ConfigError, match=message):
        make_mesh(8, devices)


def test_pmap_with_a_sharded_state_is_refused(tmp_path, capsys):
    assert main(["train", "--config=experiments/mixtures.py", f"--workdir={tmp_path}/run", "--engine=pmap",
                 "--config.train.shard_state=True"]) == 2
    assert "--engine=pmap holds the whole state on every device" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def pair(folder, workdir="run", *others):
    """Two processes of one run, the second of which may have other flags."""
    (folder / "experiment.py").write_text(EXPERIMENT)
    address = free_address()
    return [begin(["-m", "ganlab", "train", f"--config={folder}/experiment.py", f"--workdir={folder}/{workdir}",
                   f"--coordinator={address}", "--processes=2", f"--process={process}", *(others if process else ())])
            for process in range(2)]


def rounds_of(run):
    """Rounds of the lines of metrics.jsonl; a line that is being written is left out."""
    file = run / "metrics.jsonl"
    return [json.loads(line)["step"] for line in file.read_text().split("\n")[:-1]] if file.exists() else []


def wait_for_round(run, wanted, processes):
    deadline = time.monotonic() + 200
    while max(rounds_of(run), default=0) < wanted:
        assert time.monotonic() < deadline and all(process.poll() is None for process in processes), end(processes)
        time.sleep(0.02)


def test_a_mistake_of_one_process_ends_all_with_one_sentence(tmp_path):
    starts = {"another": pair(tmp_path, "another", "--config.seed=1"),
              "wrong": pair(tmp_path, "wrong", "--config.system.loss=hing"),
              "mistyped": pair(tmp_path, "mistyped", "--mesh.dta=1")}
    said = {"another": "process 1 of 2 has another config", "wrong": "process 1 of 2: config.system.loss 'hing'",
            "mistyped": "process 1 of 2: Unknown command line flag 'mesh.dta'"}
    ended = {name: end(processes) for name, processes in starts.items()}
    for name, (first, second) in ended.items():
        assert (first[0], second[0]) == (2, 2), (name, first, second)
        assert said[name] in first[2] and "Traceback" not in first[2] + second[2] and "ganlab:" not in second[2]
        assert not (tmp_path / name).exists()


def newest(run):
    """Rounds of the newest checkpoint of a run."""
    return max(int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit())


def test_after_a_signal_and_after_the_death_of_one_process_all_end_and_go_on_to_the_bits_of_a_run_left_alone(tmp_path):
    run, processes = tmp_path / "run", pair(tmp_path)
    wait_for_round(run, 10, processes)
    processes[1].send_signal(signal.SIGTERM)
    first, second = end(processes)
    assert (first[0], second[0]) == (128 + signal.SIGTERM,) * 2, (first, second)
    stopped = newest(run)
    assert rounds_of(run) == list(range(5, stopped + 1, 5))
    assert "saved; the same command resumes" in first[1] and "ganlab" not in second[1] and "saved" not in second[1]

    processes = pair(tmp_path)
    wait_for_round(run, stopped + 50, processes)
    processes[1].kill()
    first, second = end(processes)
    assert first[0] not in (0, None) and second[0] == -signal.SIGKILL
    assert "another process of this run is gone" in first[2]
    assert f"resuming {run} after round {stopped:,}" in first[1] and "resuming" not in second[1]
    lines = rounds_of(run)
    assert lines == list(range(5, max(lines) + 1, 5))

    saved = newest(run)
    assert stopped < saved < ROUNDS
    # The run left alone comes last, when its programs are compiled.
    resumed, alone = end(pair(tmp_path)), end(pair(tmp_path, "alone"))
    assert [status for status, _, _ in resumed + alone] == [0] * 4, resumed + alone
    assert f"resuming {run} after round {saved:,}" in resumed[0][1]
    assert (run / "metrics.jsonl").read_bytes() == (tmp_path / "alone/metrics.jsonl").read_bytes()
    for part in ("state", "ema"):
        file = f"checkpoints/{ROUNDS}/small/{part}.safetensors"
        assert (run / file).read_bytes() == (tmp_path / "alone" / file).read_bytes()
