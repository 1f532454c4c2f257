"""What a process and its backend need, so that numbers do not depend on the shell."""

from ganlab.machine.allowance import allowed_cores, allowed_memory, load_per_core
from ganlab.machine.numbers import FIXED, drop_from_shell, fix_numbers, numbers_in_force
from ganlab.machine.platforms import missing_platform

__all__ = ["FIXED", "allowed_cores", "allowed_memory", "drop_from_shell", "fix_numbers",
           "load_per_core", "missing_platform", "numbers_in_force"]
