"""Ablations in Python: trained as by `ganlab ablate`, read back as a table."""

from pathlib import Path

import pyarrow

from ganlab.ablation import read_study
from ganlab.cli.main import main
from ganlab.report.study_files import trials_table


def ablate(ablation: str, workdir: str | Path) -> pyarrow.Table:
    """Trains every variant of an ablation from every seed, or resumes it, as `ganlab ablate` does.

    Args:
      ablation: the file and its choices, such as `experiments/ablations/penalties.py`.
      workdir: the ablation's directory, new or to be resumed.

    Returns:
      The table of `trials`.

    Raises:
      RuntimeError: if a stack did not come to its end; what was printed says why.
    """
    if status := main(["ablate", f"--ablation={ablation}", f"--workdir={workdir}"]):
        raise RuntimeError(f"the ablation in {workdir} ended with status {status}; what was "
                           "printed says why, and the same call resumes it")
    return trials(workdir)


def trials(workdir: str | Path) -> pyarrow.Table:
    """Reads an ablation's trials, finished or not: a row a trial, as in its results.parquet.

    Columns are `variant`, `seed`, `status`, `axis/NAME`, `value/NAME` and its `protocol/NAME`, and
    costs; `.to_pandas()` of the table gives a data frame if pandas is installed.

    Raises:
      ConfigError: for a directory that holds no ablation.
    """
    return trials_table(read_study(workdir))
