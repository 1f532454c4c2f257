"""What leaves the program: files, whole or not at all, and text on a terminal, whatever became of that."""

from ganlab.output.files import FULL, REMEDY, WriteError, whole_file, whole_folder, write_atomically, writing
from ganlab.output.terminal import GONE, SteadyStream, open_descriptors, steady_output

__all__ = ["FULL", "GONE", "REMEDY", "SteadyStream", "WriteError", "open_descriptors", "steady_output", "whole_file",
           "whole_folder", "write_atomically", "writing"]
