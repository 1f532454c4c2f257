"""The speed benchmark on one GPU: images a second in bfloat16, and the share of the chip's matrix rate.

    pip install "jax[cuda12]" && python scripts/step_speed.py --gpu       # W1 to W3 at 128 and 512, W6 at 64
    python scripts/step_speed.py --gpu --workloads=W3 --batches=256 --quick
    python scripts/step_speed.py --gpu --table                            # the last measurement in Markdown
    python scripts/step_speed.py --gpu_dry_run                            # the command, tried on the CPU

The rivals play one after another, each with the GPU to itself. Rounds of a turn are dispatched without a wait in all
frameworks; the clock is read when the last of them is finished. The matrix rate is that of a large product in
bfloat16, measured by ganlab; the operations of a round are counted from its layers by `workloads.operations`, the same
for every rival. A batch is of real images in a critic's update; the generator's batch is in proportion.
"""

import json
import os
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from absl import app
from rich.console import Console
from rich.table import Table

from speed.rivals import ENVIRONMENT, ROOT, Rival, install
from speed.workloads import WORKLOADS, images_a_round, of_batch, operations, thinned

GPU_ENVIRONMENT = ROOT / "build" / "rivals_gpu"  # Beside that of the CPU, whose PyTorch may be one without CUDA.
PACKAGES = ("torch==2.13.0",)
RIVALS = {"ganlab": ("rival_ganlab.py", "auto"), "PyTorch channels-last": ("rival_torch.py", "channels_last"),
          "torch.compile channels-last": ("rival_torch.py", "compile_channels_last")}
BATCHES = {"W1": (128, 512), "W2": (128, 512), "W3": (128, 512), "W6": (64,)}
ROUNDS = 20
TINY_BATCH, TINY_TURNS, TINY_ROUNDS, THIN = 1, 2, 1, 16
PRECISION = "bfloat16"
NO_GPU = ('JAX finds no GPU here, and nothing was installed: run pip install "jax[cuda12]" on a machine with an NVIDIA '
          "GPU, or try the command on the CPU by --gpu_dry_run.")
NO_TORCH_GPU = ("PyTorch in {} finds no GPU: install its CUDA build there, which plain torch from PyPI is on Linux.")
ASK_JAX = """
import json, jax
from ganlab.engine.profiling import matrix_rate
device = jax.devices()[0]
found = {"platform": device.platform, "name": device.device_kind}
if device.platform == "gpu" or %r:
    found["matrix_rate"] = matrix_rate(20, jax.numpy.bfloat16)
print(json.dumps(found))
"""
ASK_TORCH = """
import json, torch
there = torch.cuda.is_available()
print(json.dumps({"gpu": torch.cuda.get_device_name() if there else None, "torch": torch.__version__,
                  "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version() if there else None}))
"""


def answer(python: Path | str, code: str) -> dict:
    """What a Python of another environment prints as the last line, from JSON."""
    done = subprocess.run([str(python), "-c", code], check=True, text=True, stdout=subprocess.PIPE,
                          env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"})
    return json.loads(done.stdout.splitlines()[-1])


def look(dry_run: bool) -> tuple[dict, Path]:
    """The device with its rate and versions, and the rivals' environment; stops where there is no GPU."""
    found = answer(sys.executable, ASK_JAX % dry_run)
    if found["platform"] != "gpu" and not dry_run:
        raise SystemExit(NO_GPU)
    environment = ENVIRONMENT if dry_run else GPU_ENVIRONMENT
    if not dry_run or not environment.exists():
        install(environment, PACKAGES)
    torch = answer(environment / "bin" / "python", ASK_TORCH)
    if torch["gpu"] is None and not dry_run:
        raise SystemExit(NO_TORCH_GPU.format(environment))
    versions = {"jax": version("jax"), "flax": version("flax"), **torch}
    return found | {"versions": versions, "dry_run": dry_run}, environment


def measure(name: str, batch: int, rivals: list[str], turns: int, dry_run: bool, environment: Path) -> dict:
    """Seconds a round of each rival at a batch, in n turns; another turn before them warms up."""
    found, rounds, thin = {}, *((TINY_ROUNDS, THIN) if dry_run else (ROUNDS, 1))
    for rival in rivals:
        file, variant = RIVALS[rival]
        playing = Rival(rival, file, [name, variant, str(batch), PRECISION, str(thin)], environment)
        try:
            for _ in range(turns + 1 if playing.parameters else 0):
                playing.play(rounds)
        except (TypeError, BrokenPipeError):  # It ended in a turn, most likely for lack of memory.
            playing.parameters = None
        if playing.parameters is None:
            found[rival] = {"failed": " ".join(playing.error)}
            continue
        del playing.seconds[0], playing.processor[0]
        found[rival] = playing.found()
    if len(sizes := {numbers["parameters"] for numbers in found.values() if "parameters" in numbers}) > 1:
        raise RuntimeError(f"{name}: the rivals have networks of different sizes, {sizes}")
    return found


def rows(found: dict) -> list[list[str]]:
    """By workload, batch and rival: images a second with quartiles, share of the matrix rate, and the rest."""
    lines = []
    for entry in found["workloads"]:
        for rival, numbers in entry["rivals"].items():
            title = WORKLOADS[entry["workload"]].title.partition(", batch")[0]
            head = [f"{entry['workload']} {title}", str(entry["batch"]), rival]
            if "failed" in numbers:
                lines.append([*head, "failed", numbers["failed"][:60], *[""] * 5])
                continue
            middle = statistics.median(numbers["seconds"])
            # Between what was measured, where few turns are played, and so above 0.
            low, _, high = statistics.quantiles(numbers["seconds"], n=4, method="inclusive")
            images = entry["images_a_round"]
            lines.append([*head, f"{images / middle:,.4g}", f"{images / high:,.4g} to {images / low:,.4g}",
                          f"{entry['operations'] / middle / found['device']['matrix_rate']:.1%}", f"{middle * 1e3:.4g}",
                          f"{numbers['first_seconds']:.1f}", f"{numbers['memory_mb']:,.0f}",
                          f"{numbers['parameters']:,}"])
    return lines


HEADINGS = ("workload", "batch", "by", "images/s", "quartiles", "of matrix rate", "ms a round", "first round, s",
            "peak MB", "parameters")


def markdown(found: dict) -> str:
    """The table for docs/speed.md, under a sentence that says the device."""
    lines = [f"| {' | '.join(line)} |" for line in (HEADINGS, ["---"] * len(HEADINGS), *rows(found))]
    return f"{sentence(found['device'])}\n\n" + "\n".join(lines) + "\n"


def sentence(device: dict) -> str:
    """The device, its matrix rate and the versions, in a sentence."""
    versions = ", ".join(f"{name} {number}" for name, number in device["versions"].items() if number is not None)
    void = "A dry run on the CPU, whose numbers say nothing: " if device["dry_run"] else ""
    return f"{void}{device['name']}, {device['matrix_rate'] / 1e12:.4g} TFLOP/s in {PRECISION}; {versions}."


def show(found: dict) -> None:
    """Prints the table to the terminal."""
    console = Console(highlight=False, markup=False, width=160)
    table = Table(box=None)
    for heading in HEADINGS:
        table.add_column(heading, justify="left" if heading in ("workload", "by") else "right")
    for line in rows(found):
        table.add_row(*line)
    console.print(sentence(found["device"]), table)


def main(workloads: list[str] | None, rivals: list[str] | None, batches: list[str] | None, turns: int, dry_run: bool,
         output: str | None, only_table: bool) -> None:
    """Measures, prints the table and writes the numbers; what each argument is, its flag says."""
    path = Path(output or ROOT / "build" / ("step_speed_gpu_dry_run.json" if dry_run else "step_speed_gpu.json"))
    if only_table:
        print(markdown(json.loads(path.read_text(encoding="utf8"))), end="")
        return
    workloads, rivals = workloads or list(BATCHES), rivals or list(RIVALS)
    if unknown := [*set(rivals) - set(RIVALS), *set(workloads) - set(BATCHES)]:
        raise app.UsageError(f"{unknown} is not known on a GPU; rivals are {list(RIVALS)}, workloads {list(BATCHES)}.")
    device, environment = look(dry_run)
    found = {"device": device, "workloads": []}
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in workloads:
        for batch in [TINY_BATCH] if dry_run else map(int, batches or BATCHES[name]):
            workload = thinned(of_batch(WORKLOADS[name], batch), THIN if dry_run else 1)
            played = measure(name, batch, rivals, TINY_TURNS if dry_run else turns, dry_run, environment)
            found["workloads"].append({"workload": name, "batch": batch, "images_a_round": images_a_round(workload),
                                       "operations": operations(workload), "rivals": played})
            path.write_text(json.dumps(found, indent=1), encoding="utf8")
            show(found | {"workloads": found["workloads"][-1:]})
    show(found)
