"""What a process and its backend need, so that numbers are the same whatever shell they were typed in."""

from ganlab.machine.numbers import FIXED, drop_from_shell, fix_numbers, numbers_in_force
from ganlab.machine.platforms import missing_platform

__all__ = ["FIXED", "drop_from_shell", "fix_numbers", "missing_platform", "numbers_in_force"]
