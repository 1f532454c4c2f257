"""Times a round of the same game in ganlab, PyTorch (eager, channels-last, compiled) and Keras 3.

    python scripts/step_speed.py                       # all, 7 rounds of each
    python scripts/step_speed.py --quick --workloads=W2,W4
    python scripts/step_speed.py --workloads=W7,W7-64  # StyleGAN2, in turns of 16 rounds; W7a and W7a-64 augment
    python scripts/step_speed.py --workloads=W8        # BigGAN
    python scripts/step_speed.py --workloads=W9        # the last level of PGGAN
    python scripts/step_speed.py --workloads=W10,W10-64  # StyleGAN3-T, in turns of 16 rounds
    taskset -c 1 python scripts/step_speed.py          # one core
    python scripts/step_speed.py --table               # the last measurement, for docs/speed.md
    python scripts/step_speed.py --gpu                 # in bfloat16 on a GPU, see scripts/speed/gpu.py

Every rival is a process of its own, which trains a round, then waits for its turns: in each round of the benchmark
each plays once, in an order that rotates. On a machine that other work shares, seconds of processor time (which
threads that wait actively add to) say more than those of the clock. The first call installs the rivals into
`build/rivals`. Networks, batches, loss and optimizer are those of `scripts/speed/workloads.py` and
`style_workloads.py`, and the numbers of parameters have to agree.
"""

import json
import os
import platform
import statistics
from importlib.metadata import version
from pathlib import Path

from absl import app, flags
from rich.console import Console
from rich.table import Table

from ganlab.machine.backend import processor
from speed import gpu
from speed.rivals import ENVIRONMENT, ROOT, Rival, install, installed
from speed.style_workloads import PGGAN_WORKLOADS, STYLE_WORKLOADS, STYLEGAN3_WORKLOADS
from speed.workloads import BIGGAN_WORKLOADS, CPU_WORKLOADS, WORKLOADS

PACKAGES = ("torch==2.13.0", "keras", "tensorflow-cpu")
RIVALS = {
    "ganlab": ("rival_ganlab.py", "auto"), "PyTorch": ("rival_torch.py", "eager"),
    "PyTorch channels-last": ("rival_torch.py", "channels_last"),
    "torch.compile": ("rival_torch.py", "compile"), "Keras 3": ("rival_keras.py", "tensorflow"),
    "ganlab by lax": ("rival_ganlab.py", "lax"),
}
STYLE_RIVALS = {
    "ganlab": ("rival_ganlab.py", "auto"), "PyTorch": ("rival_torch_style.py", "eager"),
    "PyTorch by scaled images": ("rival_torch_style.py", "scaled"),
    "PyTorch channels-last": ("rival_torch_style.py", "channels_last"),
    "torch.compile": ("rival_torch_style.py", "compile"), "ganlab by lax": ("rival_ganlab.py", "lax"),
}


def beside(file: str) -> dict[str, tuple[str, str]]:
    """Who plays where a script of PyTorch has all its ways."""
    return {"ganlab": ("rival_ganlab.py", "auto"), "PyTorch": (file, "eager"),
            "PyTorch channels-last": (file, "channels_last"), "torch.compile": (file, "compile"),
            "ganlab by lax": ("rival_ganlab.py", "lax")}


ALL_RIVALS = STYLE_RIVALS | RIVALS
ALL_WORKLOADS = WORKLOADS | STYLE_WORKLOADS | STYLEGAN3_WORKLOADS | BIGGAN_WORKLOADS | PGGAN_WORKLOADS
PLAYERS = {
    **dict.fromkeys(WORKLOADS, RIVALS), **dict.fromkeys(STYLE_WORKLOADS | STYLEGAN3_WORKLOADS, STYLE_RIVALS),
    **dict.fromkeys(BIGGAN_WORKLOADS, beside("rival_torch_biggan.py")),
    **dict.fromkeys(PGGAN_WORKLOADS, beside("rival_torch_pggan.py")),
}
"""Who plays a workload; Keras plays neither StyleGAN2 and 3 nor BigGAN and PGGAN."""
BASE = "PyTorch"
KINDS = ("seconds", "processor_seconds")

WORKLOADS_FLAG = flags.DEFINE_list("workloads", None, "which games; all of their device by default")
RIVALS_FLAG = flags.DEFINE_list("rivals", None, "which rivals; all but ganlab by lax by default")
ROUNDS = flags.DEFINE_integer("rounds", 7, "turns of each rival")
QUICK = flags.DEFINE_bool("quick", False, "three turns")
TABLE = flags.DEFINE_bool("table", False, "prints the last measurement as a table of Markdown, and measures nothing")
OUTPUT = flags.DEFINE_string("output", None, "where the numbers go; a file in build/ by default")
GPU = flags.DEFINE_bool("gpu", False, "on a GPU in bfloat16, against PyTorch channels-last; images a second")
GPU_DRY_RUN = flags.DEFINE_bool("gpu_dry_run", False, "--gpu on the CPU, tiny, to try the command")
BATCHES = flags.DEFINE_list("batches", None, "with --gpu: batches of every workload; each workload's own by default")


def measure(workload: str, names: list[str], rounds: int) -> dict:
    """Seconds a round of each rival, in turns."""
    found, rivals = {}, []
    for name in names:
        if name not in PLAYERS[workload]:
            continue
        file, variant = PLAYERS[workload][name]
        Rival(name, file, [workload, variant]).found()  # It leaves compiled programs in the caches, for the next.
        rival = Rival(name, file, [workload, variant])
        if rival.parameters is None:
            found[name] = {"failed": " ".join(rival.error)}
        else:
            rivals.append(rival)
    if len(sizes := {rival.parameters for rival in rivals}) > 1:
        raise RuntimeError(f"{workload}: the rivals have networks of different sizes, {sizes}")
    for turn in range(rounds + 1):
        for place in range(len(rivals)):
            rivals[(place + turn) % len(rivals)].play(ALL_WORKLOADS[workload].rounds)
    for rival in rivals:
        del rival.seconds[0], rival.processor[0]  # The first turn warms up.
        found[rival.name] = rival.found()
    return found


def device() -> dict:
    """What it was measured on."""
    rivals = installed(ENVIRONMENT, ("torch", "keras", "tensorflow_cpu", "tensorflow-cpu"))
    return {"processor": processor(), "load": os.getloadavg(),
            "versions": {"python": platform.python_version(), "jax": version("jax"), "flax": version("flax"), **rivals}}


def table(workload: str, found: dict) -> Table:
    """Medians and quartiles, in milliseconds, and ratios to PyTorch eager."""
    shown = Table(title=f"{workload}: {ALL_WORKLOADS[workload].title}", title_justify="left", box=None)
    for heading in ("by", "ms a round", "quartiles", f"to {BASE}", "processor ms", f"to {BASE}", "first round, s",
                    "peak MB", "parameters"):
        shown.add_column(heading, justify="left" if heading == "by" else "right")
    base = {kind: statistics.median(found[BASE][kind]) for kind in KINDS} if "seconds" in found.get(BASE, {}) else {}
    for name, numbers in found.items():
        if "failed" in numbers:
            shown.add_row(name, "failed", numbers["failed"][:60], *[""] * 6)
            continue
        middle, used = (statistics.median(numbers[kind]) for kind in KINDS)
        low, _, high = statistics.quantiles(numbers["seconds"], n=4)
        shown.add_row(name, f"{middle * 1e3:.4g}", f"{low * 1e3:.4g} to {high * 1e3:.4g}",
                      f"{middle / base['seconds']:.2f}" if base else "", f"{used * 1e3:.4g}",
                      f"{used / base['processor_seconds']:.2f}" if base else "", f"{numbers['first_seconds']:.1f}",
                      f"{numbers['memory_mb']:,.0f}", f"{numbers['parameters']:,}")
    return shown


def markdown(found: dict) -> str:
    """The table of docs/speed.md: a row a workload, milliseconds a round with quartiles, ratios."""
    names = [name for name in ALL_RIVALS if any(name in rows for rows in found["workloads"].values())]
    headings = ["workload", *names, f"to {BASE}", "to the best", f"peak MB (of {BASE})"]
    lines = [f"| {' | '.join(headings)} |", "|---|" + "---:|" * (len(headings) - 1)]
    for workload, rows in found["workloads"].items():
        played = {name: numbers for name, numbers in rows.items() if "seconds" in numbers}
        middle = {name: statistics.median(numbers["seconds"]) for name, numbers in played.items()}
        cells = [f"{workload} {ALL_WORKLOADS[workload].title}", *(_milliseconds(rows.get(name)) for name in names)]
        rivals = [middle[name] for name in middle if not name.startswith("ganlab")]
        for other in (middle.get(BASE), min(rivals, default=None)):
            cells.append(f"{middle['ganlab'] / other:.2f}" if other and "ganlab" in middle else "")
        memory, other = (f"{played[name]['memory_mb']:,.0f}" if name in played else "" for name in ("ganlab", BASE))
        cells.append(f"{memory} ({other})")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _milliseconds(numbers: dict | None) -> str:
    """A median with its quartiles, or the word for a rival that cannot play, or nothing for one that is not there."""
    if numbers is None:
        return ""
    if "failed" in numbers:
        return "cannot"
    low, middle, high = (1e3 * value for value in statistics.quantiles(numbers["seconds"], n=4))
    return f"{middle:.4g} ({low:.4g}-{high:.4g})"


def main(_: list[str]) -> None:
    if GPU.value or GPU_DRY_RUN.value:
        gpu.main(workloads=WORKLOADS_FLAG.value, rivals=RIVALS_FLAG.value, batches=BATCHES.value,
                 turns=3 if QUICK.value else ROUNDS.value, dry_run=GPU_DRY_RUN.value, output=OUTPUT.value,
                 only_table=TABLE.value)
        return
    output = Path(OUTPUT.value or ROOT / "build" / "step_speed.json")
    if TABLE.value:
        found = json.loads(output.read_text(encoding="utf8"))
        print(f"{markdown(found)}\nOn {found['device']['processor']}.")
        return
    install(ENVIRONMENT, PACKAGES)
    names = RIVALS_FLAG.value or [name for name in ALL_RIVALS if name != "ganlab by lax"]
    workloads = WORKLOADS_FLAG.value or CPU_WORKLOADS
    if unknown := [*set(names) - set(ALL_RIVALS), *set(workloads) - set(ALL_WORKLOADS)]:
        raise app.UsageError(f"{unknown} is not known; rivals are {list(ALL_RIVALS)}, workloads {list(ALL_WORKLOADS)}.")
    found = {"device": device(), "workloads": {}}
    console = Console(highlight=False, markup=False, width=140)
    console.print(f"on {found['device']['processor']}, jax {found['device']['versions']['jax']}")
    for workload in workloads:
        found["workloads"][workload] = measure(workload, names, 3 if QUICK.value else ROUNDS.value)
        console.print(table(workload, found["workloads"][workload]))
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(found, indent=1), encoding="utf8")
    console.print_json(data=found["device"])


if __name__ == "__main__":
    app.run(main)
