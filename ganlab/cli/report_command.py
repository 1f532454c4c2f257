"""ganlab report DIR [DIR ...] [--output=DIR]

Writes what a run, several runs or an ablation found: report.html, one page that opens from disk and
needs nothing else; results.csv and results.parquet, with a row for each trial; and results.tex, a
table for a paper. Runs of the same config but seed are summarised over their seeds; the first one
named is what others are compared with.

Examples:
  ganlab report runs/digits               training, values with their protocols, samples
  ganlab report runs/hinge-0 runs/hinge-1 runs/wgan-0 runs/wgan-1 --output=reports/losses
  ganlab report runs/critic_updates       an ablation, finished or not
  ganlab report runs/critic_updates --columns=fid,prdc/coverage,seeds     columns of results.tex

Values come from the results.json that `ganlab evaluate` or training wrote. Files go into the first
directory, or into --output, and replace those of an earlier report.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from ganlab.ablation import read_study
from ganlab.config import ConfigError, flat
from ganlab.engine import read_metrics
from ganlab.evaluation import Study, read_results
from ganlab.output import whole_file
from ganlab.report.run_page import run_page
from ganlab.report.run_study import Run, study_of_runs
from ganlab.report.study_files import (
    csv_content,
    latex_table,
    parquet_content,
    trials_table,
)
from ganlab.report.study_page import ablation_page
from ganlab.storage import RunDirectory, command_text

ARGUMENTS = ("DIR", "[DIR ...]")
PLAN = "plan.json"
SAMPLES = "[0-9]*.png"


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("output", None, "directory of the files; by default the first one "
                        "that is reported on", flag_values=values)
    flags.DEFINE_list("columns", None, "columns of results.tex: names of values, seeds, diverged, "
                      "or all; by default as many values as an article's width holds",
                      flag_values=values)


def run(values: flags.FlagValues, *directories: str) -> int:
    """Reads, writes the four files, and prints where they are."""
    names = list(dict.fromkeys(name.rstrip("/") or name for name in directories))
    for name in names:
        _check(Path(name), alone=len(names) == 1)
    output = Path(values.output or names[0])
    if output.exists() and not output.is_dir():
        raise ConfigError(f"--output={output} is a file; name a directory")
    if (Path(names[0]) / PLAN).exists():
        study = read_study(names[0])
        page = ablation_page(study)
    else:
        titles = short_names(names)
        runs = [dataclasses.replace(read_run(name), name=titles[name]) for name in names]
        study = study_of_runs(runs)
        page = run_page(runs)
    for path in write_report(output, study, page, values.columns):
        print(path)
    return 0


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Returns what to call each directory in a report: relative paths as they are, of absolute ones
    as few of their last parts as tell all apart."""
    resolved = {name: Path(name).resolve().parts[1:] for name in names}
    for number in range(1, max(map(len, resolved.values()), default=0) + 1):
        found = {name: "/".join(parts[-number:]) if Path(name).is_absolute() else name
                 for name, parts in resolved.items()}
        if len(set(found.values())) == len(names):
            return found
    return {name: name for name in names}


def _check(path: Path, alone: bool) -> None:
    """Refuses what holds neither a run nor an ablation, before anything is read."""
    if not path.exists():
        raise ConfigError(f"{path} does not exist; name the --workdir of a run or of an ablation")
    if not path.is_dir():
        raise ConfigError(f"{path} is a file; name the directory that it lies in")
    if (path / PLAN).exists() and not alone:
        raise ConfigError(f"{path} holds an ablation, which has a report of its own; name it alone")
    if not (path / PLAN).exists() and not RunDirectory(path).config_file.exists():
        raise ConfigError(f"{path} holds neither a run (config.json) nor an ablation ({PLAN}); "
                          "name the --workdir of one")


def read_run(name: str) -> Run:
    """Returns everything that the page of a run shows.

    Raises:
      ConfigError: for files that are something else than their names say.
    """
    place = RunDirectory(name)
    config = dict(_leaves(place.read_config()))
    versions = {}
    if place.versions_file.exists():
        versions = _read_json(place.versions_file, place.versions_file.read_text())
    metrics = read_metrics(place.metrics_file) if place.metrics_file.exists() else {}
    alarms = [_read_json(place.alarms_file, line) for line in
              (place.alarms_file.read_text().splitlines() if place.alarms_file.exists() else [])]
    pictures = sorted(place.samples.glob(SAMPLES))
    last = int(metrics["step"][-1]) if metrics else 0
    return Run(name, config, versions, command_text(versions.get("command", [])), metrics,
               read_results(place.results_file) if place.results_file.exists() else [],
               pictures[-1].read_bytes() if pictures else None,
               int(pictures[-1].stem) if pictures else 0, alarms,
               place.diverged_picture.exists() and last < config["train.total_rounds"],
               {option: read_results(place.sweep_file(option)) for option in place.sweeps})


def _leaves(config: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Returns paths and values, each keyword argument on its own."""
    for path, value in flat(config):
        if isinstance(value, Mapping):
            yield from ((f"{path}.{name}", item) for name, item in value.items())
        else:
            yield path, value


def _read_json(file: Path, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{file} does not read as JSON ({error}); move it away") from error
    if not isinstance(found, dict):
        raise ConfigError(f"{file} holds something else than ganlab writes there; move it away")
    return found


def write_report(output: Path, study: Study, page: str,
                 columns: Sequence[str] | None = None) -> list[Path]:
    """Writes the four files of a report, each whole or not at all; returns their paths.

    `columns` are those of results.tex; None for as many as an article holds.
    """
    table = trials_table(study)
    contents = {"report.html": page.encode(), "results.csv": csv_content(table),
                "results.parquet": parquet_content(table),
                "results.tex": latex_table(study, columns).encode()}
    for name, content in contents.items():
        with whole_file(output / name) as file:
            file.write(content)
    return [output / name for name in contents]
