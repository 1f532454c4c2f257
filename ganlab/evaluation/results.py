"""`results.json`: every value that was measured of a run or a folder, with its protocol."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganlab.config import ConfigError
from ganlab.evaluation.evaluate import Result, Uncertainty
from ganlab.evaluation.protocol import protocol_of
from ganlab.output import write_atomically

FILE = "results.json"


@dataclasses.dataclass(frozen=True)
class Record:
    """A value and what was measured.

    Attributes:
      result: the value.
      subject: the images that were measured; empty for samples of the run in whose directory the
        file is.
      step: rounds after which the run was measured; None for images.
      kimg: thousands of real images that it had seen by then.
    """

    result: Result
    subject: str = ""
    step: int | None = None
    kimg: float | None = None


def add_results(file: Path, records: Sequence[Record]) -> list[Record]:
    """Adds values to a file, in place of those of the same name, subject, step and protocol.

    Returns all of them; of one name and step, those that were added last come last.

    Raises:
      ConfigError: if the file is something else, which then stays as it is.
      WriteError: if it cannot be written; then it stays as well.
    """
    found: dict[tuple, Record] = {}
    for record in [*(read_results(file) if file.exists() else []), *records]:
        found.pop(_identity(record), None)
        found[_identity(record)] = record
    every = sorted(found.values(), key=lambda record: (record.step or 0, record.result.name))
    write_atomically(file, json.dumps([_as_dict(record) for record in every], indent=1) + "\n")
    return every


def read_results(file: Path) -> list[Record]:
    """Reads the values in a file.

    Raises:
      ConfigError: if it does not exist, or is something else.
    """
    try:
        return [_record(entry) for entry in json.loads(file.read_text())]
    except FileNotFoundError:
        raise ConfigError(f"{file} does not exist; measure by `ganlab evaluate` first") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(f"{file} holds no results ({error}); move it away") from error


def _identity(record: Record) -> tuple[str, str, int, str]:
    return record.result.name, record.subject, record.step or 0, record.result.protocol.hash


def _as_dict(record: Record) -> dict[str, Any]:
    result = record.result
    position = {} if record.step is None else {"step": record.step, "kimg": record.kimg}
    return {"name": result.name, "value": result.value, "subject": record.subject, **position,
            "better": result.better, "of_seeds": list(result.of_seeds),
            "intervals": [dataclasses.asdict(each) for each in result.intervals],
            "warning": result.warning,
            **({"by_class": dict(result.by_class)} if result.by_class else {}),
            "protocol": {"hash": result.protocol.hash, "name": result.protocol.name,
                         **result.protocol.as_dict()}}


def _record(entry: Mapping[str, Any]) -> Record:
    result = Result(entry["name"], float(entry["value"]), entry["better"],
                    protocol_of(entry["protocol"]), tuple(entry["of_seeds"]),
                    tuple(Uncertainty(**each) for each in entry["intervals"]), entry["warning"],
                    entry.get("by_class", {}))
    return Record(result, entry["subject"], entry.get("step"), entry.get("kimg"))
