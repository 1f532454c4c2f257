"""ganlab checkpoints --workdir=DIR [--verify] [--export=FILE.safetensors] [--export_sampler=FILE.zip]

Lists the checkpoints of a run, verifies their files against the checksums that training
stored, and makes files of one checkpoint that others can use.

Examples:
  ganlab checkpoints --workdir=runs/digits
  ganlab checkpoints --workdir=runs/digits --verify                        exit status 1 where a file is damaged
  ganlab checkpoints --workdir=runs/digits --export=digits.safetensors     averaged weights of the generator
  ganlab checkpoints --workdir=runs/digits --export=all.safetensors --network=generator+critic --noema
  ganlab checkpoints --workdir=runs/digits --export_sampler=digits.zip     samples without ganlab; README.txt in it
"""

import json
from pathlib import Path

import ml_collections
from absl import flags
from rich.console import Console
from rich.table import Table

import ganlab
from ganlab.cli.runs import open_run
from ganlab.config import ConfigError, unknown
from ganlab.engine import (
    Best,
    Checkpoints,
    RunDirectory,
    check_sampler_export,
    choose_step,
    damage,
    export_sampler,
    has_checksums,
    plain,
    read_metrics,
    run_weights,
    set_up_process,
    write_sampler,
)
from ganlab.evaluation import read_results
from ganlab.pretrained import write_safetensors
from ganlab.report.tables import byte_text

EXIT_DAMAGED = 1


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("workdir", None, "the run's directory", flag_values=values, required=True)
    flags.DEFINE_integer("step", None, "the checkpoint after so many rounds; to list and verify all by default, to "
                         "export the newest", flag_values=values)
    flags.DEFINE_bool("verify", False, "compares every file with its stored checksum", flag_values=values)
    flags.DEFINE_string("export", None, "file of safetensors to write weights to", flag_values=values)
    flags.DEFINE_string("network", None, "networks to export, joined by +; by default those of which an average is kept",
                        flag_values=values)
    flags.DEFINE_bool("ema", None, "averaged weights, the default where there are any; --noema for those that were last "
                      "trained", flag_values=values)
    flags.DEFINE_string("export_sampler", None, "file to write the sampler to, as a program", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Lists, or verifies, or exports; in this order where several are asked for."""
    set_up_process()
    directory = RunDirectory(values.workdir)
    config = directory.read_config()
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{values.workdir} holds no checkpoint yet; train there first")
    if values.export_sampler:
        check_sampler_export()
    exporting = values.export or values.export_sampler
    if values.verify or not exporting:
        if _show(directory, config, values.step, values.verify):
            return EXIT_DAMAGED
    if values.export:
        _export_weights(values, config)
    if values.export_sampler:
        _export_sampler(values, config)
    return 0


def _show(directory: RunDirectory, config: ml_collections.ConfigDict, step: int | None, verify: bool) -> bool:
    """Prints the table, and the files that are damaged; returns whether there are any."""
    checkpoints = Checkpoints(directory.checkpoints)
    checkpoints.close()
    chosen = choose_step(checkpoints, step, directory.path)
    newest, steps = checkpoints.latest, checkpoints.steps if step is None else [chosen]
    measured = {number: checkpoints.metrics(number) for number in checkpoints.steps}
    name, best = config.evaluate.best, _best(directory, config.evaluate.best, measured)
    kimg_of_round = _kimg_of_round(directory)
    table = Table(title=f"checkpoints of {directory.path}", title_justify="left", box=None, pad_edge=False)
    for heading, justify in (("round", "right"), ("kimg", "right"), ("size", "right"), *([(name, "right")] if name else []),
                             ("kept as", "left"), ("files", "left")):
        table.add_column(heading, justify=justify)
    complaints = []
    for number in steps:
        folder = checkpoints.folder(number)
        words = damage(folder) if verify else None
        complaints += [f"checkpoint {number}: {text}" for text in words or ()]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        value = measured[number].get(name)
        table.add_row(f"{number:,}", f"{number * kimg_of_round:,.1f}" if kimg_of_round else "", byte_text(size),
                      *([f"{value:.5g}" if value is not None else ""] if name else []),
                      ", ".join(text for text, here in (("newest", newest), ("best", best)) if number == here),
                      _state(folder, words, verify))
    console = Console(highlight=False, markup=False)
    console.print(table)
    for text in complaints:
        console.print(text, soft_wrap=True)
    return bool(complaints)


def _state(folder: Path, words: list[str] | None, verified: bool) -> str:
    if not has_checksums(folder):
        return "no checksums"
    if not verified:
        return "not verified"
    return "damaged" if words else "intact"


def _best(directory: RunDirectory, name: str, measured: dict[int, dict[str, float]]) -> int | None:
    """The checkpoint of the best value of `config.evaluate.best`; None where none is known."""
    if not name or not directory.results_file.exists() or not any(name in values for values in measured.values()):
        return None
    better = {record.result.name: record.result.better for record in read_results(directory.results_file)}.get(name)
    best = Best(name, better == "lower")
    return (min if best.lower else max)(measured, key=lambda step: best.of(measured[step]))


def _kimg_of_round(directory: RunDirectory) -> float | None:
    """Thousands of images that a round counts as shown, as the run's metrics tell; None where it has none."""
    metrics = read_metrics(directory.metrics_file) if directory.metrics_file.exists() else {}
    return float(metrics["kimg"][-1] / metrics["step"][-1]) if metrics else None


def _export_weights(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    weights = run_weights(values.workdir, values.step)
    names = values.network.split("+") if values.network else list(weights.averaged)
    if not names:
        raise ConfigError(f"{values.workdir} keeps no averages; name what to export by --network: "
                          f"{', '.join(weights.trained)}")
    for name in names:
        if name not in weights.trained:
            raise unknown("--network", name, weights.trained)
        if values.ema and name not in weights.averaged:
            raise ConfigError(f"--ema: no average of {name} is kept, only of {', '.join(weights.averaged) or 'none'}; "
                              "leave --ema out")
    kinds = {name: "averaged" if name in weights.averaged and values.ema is not False else "trained" for name in names}
    weights = weights.read()
    tensors = {f"{name}.{path}": array for name, kind in kinds.items()
               for path, array in getattr(weights, kind)[name].items()}
    texts = {"experiment": config.name, "round": str(weights.step), "ganlab": ganlab.__version__,
             "weights": json.dumps(kinds), "config": json.dumps(plain(config))}
    output = Path(values.export)
    output.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(output, tensors, texts)
    described = ", ".join(f"{name} ({kind})" for name, kind in kinds.items())
    print(f"{len(tensors)} arrays of {described}, round {weights.step:,}, in {output}")


def _export_sampler(values: flags.FlagValues, config: ml_collections.ConfigDict) -> None:
    trained = open_run(values.workdir, values.step, values.ema is not False)
    conditional = bool(config.system.get("conditional"))
    programs = export_sampler(trained.game.sampler, *trained.networks[trained.game.sampler.network], conditional)
    output = Path(values.export_sampler)
    output.parent.mkdir(parents=True, exist_ok=True)
    about = {"name": config.name, "round": trained.step, "ganlab": ganlab.__version__,
             "weights": "trained" if values.ema is False else "averaged", "config": plain(config)}
    write_sampler(output, programs, about, trained.dataset.class_names if conditional else ())
    print(f"sampler of round {trained.step:,} in {output}; its README.txt has the lines that use it")
