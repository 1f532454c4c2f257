"""How wide LaTeX sets a cell of a table, so that a table can be made to fit a page before
anyone compiles it."""

import functools
import os
import re

import matplotlib
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.mathtext import MathTextParser

TEXT_WIDTH = 345.0
"""Points between the margins of LaTeX's class `article`, in its usual size of 10 points."""

COLUMN_GAP = 12.0
"""Points between two columns."""

SIZE = 10
UNKNOWN = 10.0  # Of a letter that the font does not have: as wide as its widest.
_MATH = re.compile(r"(\$[^$]*\$)")
_COMMAND = re.compile(r"\\text([a-z]+)\{\}")


def cell_width(cell: str) -> float:
    """Returns the points that a cell takes, text and formulas between dollars, in Computer Modern
    at 10 points."""
    # An escaped dollar is a letter: it is put aside while formulas are looked for.
    parts = _MATH.split(cell.replace(r"\$", "\0"))
    return sum(_math_width(part) if part.startswith("$") else _text_width(part)
               for part in parts if part)


def _text_width(text: str) -> float:
    # What is written by a command is about as wide as an M; other letters that LaTeX escapes stand
    # after a backslash.
    plain = _COMMAND.sub("M", text).replace("\\", "")
    return sum(map(_letter_width, plain))


@functools.cache
def _letter_width(letter: str) -> float:
    font = get_font(os.path.join(matplotlib.get_data_path(), "fonts", "ttf", "cmr10.ttf"))
    if letter in " \0":
        return 5.0 if letter == "\0" else 10 / 3
    if not font.get_char_index(ord(letter)):
        return UNKNOWN
    font.set_size(SIZE, 72)
    return font.load_char(ord(letter), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 2**16


@functools.lru_cache(4096)
def _math_width(formula: str) -> float:
    return float(_parser().parse(formula, dpi=72, prop=FontProperties(
        size=SIZE, math_fontfamily="cm"))[0])


@functools.cache
def _parser() -> MathTextParser:
    return MathTextParser("path")
