"""ganlab data COMMAND [arguments] [flags]

Data sets on a disk.
"""

# As in ganlab/cli/main.py: `ganlab data import` is ganlab/cli/data_import_command.py.
SUBCOMMANDS = {
    "import": "makes a data set of one size of a folder or zip file of images, or of a data set of TFDS",
}
