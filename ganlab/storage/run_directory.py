"""The directory of a run: what the run was made from, and the place of everything it writes."""

import importlib.metadata
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import ml_collections

import ganlab
from ganlab.config import ConfigError, all_keys, complete, flat
from ganlab.machine import numbers_in_force
from ganlab.machine.backend import devices_text
from ganlab.output import write_atomically
from ganlab.storage.lock import FILE as LOCK
from ganlab.storage.writing import writing

ROUNDS_SINCE = (0, 3)
"""Since this version of ganlab a round reads the data in the order in which it does now."""
PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "ml_collections")


class RunDirectory:
    """Paths of a run, and the config that it belongs to."""

    def __init__(self, path: str | os.PathLike, apart: str | os.PathLike | None = None):
        """Names the places of a run in the directory `path`.

        A process that writes only its part of checkpoints there has a place `apart` for everything
        else, which is not kept.
        """
        self.path = Path(path)
        self.config_file = self.path / "config.json"
        self.versions_file = self.path / "versions.json"
        self.checkpoints = self.path / "checkpoints"
        self.written = self.path if apart is None else Path(apart)
        self.metrics_file = self.written / "metrics.jsonl"
        self.alarms_file = self.written / "alarms.jsonl"
        self.diverged_picture = self.written / "diverged_batch.png"
        self.samples = self.written / "samples"
        self.animation = self.written / "samples.gif"
        self.losses_plot = self.written / "losses.png"
        self.results_file = self.written / "results.json"
        self.results_plot = self.written / "metrics.png"
        self.spectra_file = self.written / "spectra.npz"
        self.spectra_plot = self.written / "spectra.png"
        self.tensorboard = self.written / "tensorboard"

    def sweep_file(self, option: str, kind: str = "json") -> Path:
        """Returns the place of what was measured along an option of a sampler: `json`, `csv`, or
        the picture, `png`."""
        return self.written / f"sweep_{option}.{kind}"

    @property
    def sweeps(self) -> list[str]:
        """The options along which samples were measured."""
        return [path.stem.removeprefix("sweep_")
                for path in sorted(self.written.glob("sweep_*.json"))]

    def read_config(self) -> ml_collections.ConfigDict:
        """Reads the config of the run, with the defaults of keys that came after it.

        Raises:
          ConfigError: if the directory holds no run, or its config does not read.
        """
        if not self.config_file.is_file():
            raise ConfigError(f"{self.path} holds no run (no config.json); name the --workdir of a "
                              "trained run")
        try:
            return config_of(json.loads(self.config_file.read_text()))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.config_file} does not read as JSON ({error}); restore it, or "
                              "train in another --workdir") from error

    def check(self, config: Mapping[str, Any]) -> bool:
        """Returns whether the directory has a run to resume under `config`; changes nothing.

        Raises:
          ConfigError: if the directory holds something else, or a run whose config differs
            in more than keys that change no number.
        """
        # Whether it can be a run's directory at all.
        try:
            str(self.path.absolute()).encode()
        except UnicodeEncodeError:
            raise ConfigError(f"--workdir={str(self.path.absolute())!r} is not text in the "
                              f"encoding of this shell ({sys.getfilesystemencoding()}), and "
                              "checkpoints are not written there; set PYTHONUTF8=1, or name "
                              "another directory") from None
        if self.path.exists() and not self.path.is_dir():
            raise ConfigError(f"--workdir={self.path} is a file; name a new or a run's directory")
        # A new run wants a directory with nothing in it but what a crash or a lock left.
        if not self.config_file.exists():
            if self.path.is_dir() and any(not path.name.endswith(".partial") and path.name != LOCK
                                          for path in self.path.iterdir()):
                raise ConfigError(f"--workdir={self.path} is not empty and holds no run; name an "
                                  "empty or a new directory")
            return False
        # A run resumes under its own config, but for keys that change no number.
        old, new = dict(flat(self.read_config())), dict(flat(_tuples(plain(config))))
        keys = all_keys(config)
        changed = [path for path in sorted(old.keys() | new.keys())
                   if old.get(path) != new.get(path) and not (path in keys and keys[path].live)]
        if changed:
            lines = "".join(f"\n  config.{path}: {old.get(path)!r} there, {new.get(path)!r} now"
                            for path in changed)
            raise ConfigError(f"{self.path} holds a run of another config:{lines}\n"
                              "resuming would mix the two; use another --workdir, or the config "
                              "of the run")
        self._check_version()
        return True

    def _check_version(self) -> None:
        """Raises ConfigError for a run that a version began whose rounds were others."""
        try:
            began = str(json.loads(self.versions_file.read_text())["ganlab"])
            numbers = tuple(map(int, began.split(".")[:2]))
        except (OSError, ValueError, KeyError, TypeError):
            return  # It says nothing, and need not.
        if numbers < ROUNDS_SINCE:
            raise ConfigError(f"{self.path} holds a run that ganlab {began} began, which read the "
                              f"data in another order than ganlab {ganlab.__version__}: resuming "
                              "would mix the two; finish it by that version, or start from its "
                              f"weights in another --workdir (--config.init.source={self.path})")

    def write(self, config: Mapping[str, Any], command: list[str]) -> None:
        """Makes the directory and writes the config and the versions that the run starts with."""
        if self.written == self.path:
            self._write_origin(config, command)
        with writing(self.samples):
            self.samples.mkdir(exist_ok=True)

    def _write_origin(self, config: Mapping[str, Any], command: list[str]) -> None:
        # The config comes first: without it, a directory that a crash left is not seen as a run's.
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            write_atomically(self.config_file, json.dumps(plain(config), indent=2) + "\n")
            write_atomically(self.versions_file, json.dumps(versions(command), indent=2) + "\n")


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a config as nested dicts of JSON's types."""
    return ml_collections.ConfigDict(config).copy_and_resolve_references().to_dict()


def config_of(entries: Mapping[str, Any]) -> ml_collections.ConfigDict:
    """Makes a config of nested dicts of JSON's types, with the defaults of keys that came later."""
    config = ml_collections.ConfigDict(_tuples(entries))
    complete(config)
    return config


def _tuples(value: Any) -> Any:
    """Turns JSON's lists into the tuples that configs have."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(_tuples(item) for item in value) if isinstance(value, (list, tuple)) else value


def versions(command: list[str]) -> dict[str, Any]:
    """Returns what a run's numbers depend on besides its config."""
    return {
        "ganlab": ganlab.__version__, "git_commit": git_commit(), "python": sys.version.split()[0],
        "numbers": numbers_in_force(), "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "packages": {name: importlib.metadata.version(name) for name in PACKAGES},
        "devices": devices_text(jax.devices()), "cores": os.cpu_count(),
        "command": command,
    }


def command_text(arguments: Sequence[str]) -> str:
    """Returns a program's arguments as they are typed in a shell."""
    started_here = arguments and Path(arguments[0]).name in ("ganlab", "__main__.py")
    return shlex.join(["ganlab", *arguments[1:]] if started_here else arguments)


def git_commit() -> str | None:
    """Returns the commit of ganlab's checkout, with `-dirty` if files differ; None outside one."""
    folder = Path(ganlab.__file__).parent
    # An environment may lie in a checkout of something else.
    if not (folder.parent / "pyproject.toml").is_file():
        return None
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--match="], cwd=folder,
            capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None
