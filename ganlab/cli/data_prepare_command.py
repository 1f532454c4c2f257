"""ganlab data prepare NAME [--data_dir=DIR] [--download_dir=DIR]

Downloads a data set of TFDS and prepares it in the format that ganlab reads without
TensorFlow. This is the one command that needs the network; training never downloads.
NAME is as TFDS writes it. TFDS needs TensorFlow to write most sets.

Examples:
  ganlab data prepare cifar10
  ganlab data prepare lsun/bedroom --data_dir=/data/tfds   then train with
                                                           --config.data.kwargs.data_dir=/data/tfds
"""

import shlex

from absl import flags

from ganlab.cli.data_show_command import format_kwargs
from ganlab.data import prepare
from ganlab.output import counted

ARGUMENTS = ("NAME",)


def define_flags(values: flags.FlagValues, argv: list[str]) -> None:
    """Defines the command's flags."""
    del argv
    flags.DEFINE_string("data_dir", "", "folder of prepared sets; by default $TFDS_DATA_DIR or "
                        "~/tensorflow_datasets", flag_values=values)
    flags.DEFINE_string("download_dir", "", "where downloads are kept; by default "
                        "`downloads` in that folder", flag_values=values)


def run(values: flags.FlagValues, name: str) -> int:
    """Prepares; prints what is there and how to look at it and train on it."""
    builder = prepare(name, values.data_dir, values.download_dir)
    sizes = ", ".join(f"{counted(info.num_examples, 'example')} in {split}"
                      for split, info in builder.info.splits.items())
    kwargs = [f"--kwargs={format_kwargs(data_dir=values.data_dir)}"] if values.data_dir else []
    command = shlex.join(["ganlab", "data", "show", name, *kwargs])
    print(f"{name} is prepared in {builder.data_path}: {sizes}\n"
          f"look at it by `{command}`, and train on it by an experiment's choice :data={name}")
    return 0
