"""ganlab data COMMAND [arguments] [flags]

Data sets: made, prepared and looked at.
"""

# As in ganlab/cli/main.py: `ganlab data import` is ganlab/cli/data_import_command.py.
SUBCOMMANDS = {
    "import": "makes a data set of one size of a folder or zip file of images, or of a "
              "data set of TFDS",
    "prepare": "downloads a data set of TFDS and prepares it",
    "show": "shows what is in a data set and what is wrong with it, in tables and a picture",
}
