"""What leaves the program: files, whole or not at all, text on any terminal, and words."""

from ganlab.output.files import (
    FULL,
    REMEDY,
    WriteError,
    whole_file,
    whole_folder,
    write_atomically,
    writing,
)
from ganlab.output.terminal import GONE, SteadyStream, open_descriptors, steady_output
from ganlab.output.wording import agreeing, counted, ordinal, span

__all__ = ["FULL", "GONE", "REMEDY", "SteadyStream", "WriteError", "agreeing", "counted",
           "open_descriptors", "ordinal", "span", "steady_output", "whole_file", "whole_folder",
           "write_atomically", "writing"]
