"""ganlab checkpoints --workdir=DIR [--verify] [--export=FILE.safetensors]
    [--export_sampler=FILE.zip]
ganlab checkpoints --renew=OLD.zip --export_sampler=NEW.zip

Lists the checkpoints of a run, verifies their files against the checksums that training
stored, and makes files of one checkpoint that others can use. An exported sampler is guaranteed
to run for half a year of JAX's versions; --renew makes a new one of it, without run or data.

Examples:
  ganlab checkpoints --workdir=runs/digits
  ganlab checkpoints --workdir=runs/digits --verify                       exit status 1 where a file
                                                                          is damaged
  ganlab checkpoints --workdir=runs/digits --export=digits.safetensors    averaged weights of the
                                                                          generator
  ganlab checkpoints --workdir=runs/digits --export=all.safetensors --network=generator+critic --noema
  ganlab checkpoints --workdir=runs/digits --export=half.safetensors --dtype=bfloat16     half the size
  ganlab checkpoints --workdir=runs/digits --export_sampler=digits.zip    samples without ganlab;
                                                                          README.txt in it
  ganlab checkpoints --renew=digits.zip --export_sampler=renewed.zip      the same sampler, for this
                                                                          JAX
"""

from pathlib import Path

import ml_collections
from absl import flags
from rich.console import Console
from rich.table import Table

from ganlab.cli.exporting import DTYPES, export_program, export_weights, renew_program
from ganlab.config import SAMPLING_OPTIONS, ConfigError
from ganlab.engine import read_metrics
from ganlab.evaluation import read_results
from ganlab.machine.backend import set_up_process
from ganlab.report.tables import byte_text
from ganlab.storage import (
    Best,
    RunDirectory,
    check_sampler_export,
    choose_step,
    damage,
    has_checksums,
    step_folders,
    stored_metrics,
)

EXIT_DAMAGED = 1


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("workdir", None, "the run's directory", flag_values=values)
    flags.DEFINE_integer("step", None, "the checkpoint after this many rounds; to list and verify "
                         "all by default, to export the newest", flag_values=values)
    flags.DEFINE_bool("verify", False, "compares every file with its stored checksum",
                      flag_values=values)
    flags.DEFINE_string("export", None, "file of safetensors to write weights to",
                        flag_values=values)
    flags.DEFINE_string("network", None, "networks to export, joined by +; by default those of "
                        "which an average is kept", flag_values=values)
    flags.DEFINE_bool("ema", None, "averaged weights, the default where there are any; --noema for "
                      "those that were last trained", flag_values=values)
    flags.DEFINE_enum("dtype", None, list(DTYPES), "format of the floats that --export writes; by "
                      "default as they are stored, float32", flag_values=values)
    flags.DEFINE_string("export_sampler", None, "file to write the sampler to, as a program",
                        flag_values=values)
    flags.DEFINE_integer("standing", 0, "of --export_sampler: "
                         f"{SAMPLING_OPTIONS['standing'].meaning}", lower_bound=0,
                         flag_values=values)
    flags.DEFINE_string("renew", None, "an exported sampler, to make a new one of instead of a run",
                        flag_values=values)
    flags.DEFINE_bool("trust", False, "imports the code outside ganlab (package.module:function) "
                      "that the config of --renew names", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Lists, verifies or exports, in this order where several are asked for; or renews."""
    _check(values)
    set_up_process()
    if values.renew:
        check_sampler_export()
        renew_program(values)
        return 0
    directory = RunDirectory(values.workdir)
    config = directory.read_config()
    if not directory.checkpoints.is_dir():
        raise ConfigError(f"{values.workdir} holds no checkpoint yet; train there first")
    if values.export_sampler:
        check_sampler_export()
    exporting = values.export or values.export_sampler
    if (values.verify or not exporting) and _show(directory, config, values.step, values.verify):
        return EXIT_DAMAGED
    if values.export:
        export_weights(values, config)
    if values.export_sampler:
        export_program(values, config)
    return 0


def _check(values: flags.FlagValues) -> None:
    """Raises ConfigError for flags that do not go together."""
    if values.renew:
        # Not all flags have None where they were not given.
        others = [f"--{name}" for name in ("workdir", "step", "verify", "export", "network", "ema",
                                           "dtype", "standing")
                  if values[name].present]
        if others:
            raise ConfigError(f"--renew takes all from its file, and {', '.join(others)} is of a "
                              "run; leave one out")
        if not values.export_sampler:
            raise ConfigError("--renew makes a new file of an old one; name it by --export_sampler")
    elif not values.workdir:
        raise ConfigError("--workdir is missing, or --renew; "
                          "`ganlab checkpoints --help` shows examples")
    elif values.dtype and not values.export:
        raise ConfigError(f"--dtype={values.dtype} is of the file that --export writes; name "
                          "that, or leave it out")
    elif values.standing and not values.export_sampler:
        raise ConfigError(f"--standing={values.standing} is of the sampler that --export_sampler "
                          "writes; name that, or leave it out")
    elif values.trust:
        raise ConfigError("--trust is of --renew; the code that a run's own config names "
                          "is imported anyway")


def _show(directory: RunDirectory, config: ml_collections.ConfigDict, step: int | None,
          verify: bool) -> bool:
    """Prints the table, and the files that are damaged; returns whether there are any."""
    # Not by way of Orbax, which opens no directory where one checkpoint is damaged in some of
    # its files.
    folders = step_folders(directory.checkpoints)
    chosen, newest = choose_step(list(folders), step, directory.path), max(folders)
    measured = {number: stored_metrics(folder) or {} for number, folder in folders.items()}
    # Only a run that keeps its best by a value has a column for it.
    name, best = config.evaluate.best, _best(directory, config.evaluate.best, measured)
    kimg_of_round = _kimg_of_round(directory)
    table = Table(title=f"checkpoints of {directory.path}", title_justify="left", box=None,
                  pad_edge=False)
    for heading in ("round", "kimg", "size", *([name] if name else [])):
        table.add_column(heading, justify="right")
    for heading in ("kept as", "files"):
        table.add_column(heading)
    # A row for each checkpoint, whose files are read again where they are to be verified.
    complaints = []
    for number, folder in folders.items() if step is None else [(chosen, folders[chosen])]:
        words = damage(folder) if verify else None
        complaints += [f"checkpoint {number}: {text}" for text in words or ()]
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        value = measured[number].get(name)
        table.add_row(f"{number:,}", f"{number * kimg_of_round:,.1f}" if kimg_of_round else "",
                      byte_text(size),
                      *([f"{value:.5g}" if value is not None else ""] if name else []),
                      ", ".join(text for text, here in (("newest", newest), ("best", best))
                                if number == here),
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
    """Returns the checkpoint of the best value of `config.evaluate.best`; None where
    none is known."""
    known = any(name in values for values in measured.values())
    if not name or not known or not directory.results_file.exists():
        return None
    records = read_results(directory.results_file)
    better = {record.result.name: record.result.better for record in records}.get(name)
    best = Best(name, better == "lower")
    return (min if best.lower else max)(measured, key=lambda step: best.of(measured[step]))


def _kimg_of_round(directory: RunDirectory) -> float | None:
    """Returns the thousands of images that a round shows, by the run's metrics; None where it has
    none."""
    metrics = read_metrics(directory.metrics_file) if directory.metrics_file.exists() else {}
    return float(metrics["kimg"][-1] / metrics["step"][-1]) if metrics else None
