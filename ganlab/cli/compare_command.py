"""ganlab compare --of=DIR,DIR [--values=fid,kid] [--across_protocols]

Puts the newest values of several runs (or of folders of images) side by side, from the results.json
that `ganlab evaluate` wrote. Numbers of different protocols are not comparable and are refused,
with what differs.

Examples:
  ganlab compare --of=runs/digits,runs/hinge
  ganlab compare --of=runs/digits,runs/hinge --values=fid,prdc/coverage
"""


from absl import flags

from ganlab.config import ConfigError, unknown
from ganlab.evaluation import Record, read_results, require_same
from ganlab.report.results import compare_results, wide_console
from ganlab.storage import RunDirectory


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_list("of", None, "directories with a results.json, joined by comma",
                      flag_values=values, required=True)
    flags.DEFINE_list("values", [], "values to show; all that every one has by default",
                      flag_values=values)
    flags.DEFINE_bool("across_protocols", False, "compare numbers of different "
                      "protocols all the same", flag_values=values)


def run(values: flags.FlagValues) -> int:
    """Prints the table, and the protocol of each value."""
    if len(values.of) < 2:
        raise ConfigError(f"--of={','.join(values.of)} names fewer than two directories; "
                          "join them by comma")
    runs = {path: newest(read_results(RunDirectory(path).results_file)) for path in values.of}
    first, *others = runs.values()
    # Only what every one has can be put side by side.
    shared = [name for name in first if all(name in other for other in others)]
    for name in values.values:
        if name not in shared:
            raise unknown("--values", name, shared)
    names = values.values or shared
    if not names:
        raise ConfigError(f"{', '.join(runs)} have no value in common; measure the same by "
                          "`ganlab evaluate`")
    # A difference between protocols must not be read as one between runs.
    if not values.across_protocols:
        for name in names:
            for other in others:
                require_same(first[name].result.protocol, other[name].result.protocol,
                             "measure both alike, or compare all the same by --across_protocols")
    console = wide_console()
    console.print(compare_results({run: list(records.values()) for run, records in runs.items()},
                                  names))
    protocols = dict.fromkeys(records[name].result.protocol.name for records in runs.values()
                              for name in names)
    console.print(*protocols, sep="\n")
    return 0


def newest(records: list[Record]) -> dict[str, Record]:
    """Returns by name the record of the latest round, and of these the one that
    was measured last."""
    found: dict[str, Record] = {}
    for record in records:
        name = record.result.name
        if name not in found or (record.step or 0) >= (found[name].step or 0):
            found[name] = record
    return found
