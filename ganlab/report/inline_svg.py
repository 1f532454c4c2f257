"""A matplotlib figure as part of a page: its colours are the page's, which has a light and
a dark form."""

import hashlib
import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

from ganlab.report.page import Key, Plot
from ganlab.report.plot_style import VARIABLES

_POINTS_PER_INCH = 72
# What matplotlib writes for other programs, and a style that would reach the whole page; the page's
# has it for plots.
_NOT_FOR_PAGES = re.compile(
    r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>|<!--.*?-->", re.DOTALL)
# Names and texts are escaped, so that angle brackets stand around tags alone.
_TAG = re.compile(r"<[^<>]*>")
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_REFERENCE = re.compile(r'(?:xlink:href="|url\()#([^")]+)')


def plot_of(figure: Figure, alternative: str, caption: str = "", keys: Sequence[Key] = ()) -> Plot:
    """Returns a figure that stands in the page itself, the same text for the same figure; sharp
    at every size.

    Args:
      figure: drawn under `plot_style.STYLE`; colours of `plot_style.VARIABLES` become those
        of the page.
      alternative: the words for those who do not see it.
      caption: below it; may be empty.
      keys: what its lines are; the page writes them as text, which can be read at every width.
    """
    buffer = io.BytesIO()
    # Texts stay texts: they are found by a search, and take the page's letters.
    with matplotlib.rc_context({"svg.hashsalt": "ganlab", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue().decode()
    start = text.index(">", text.index("<svg")) + 1
    content = _NOT_FOR_PAGES.sub("", text[start:text.rindex("</svg>")])
    # All plots of a page share one space of names, so each gets names of its own, and those that
    # nobody uses go.
    used, mark = (set(_REFERENCE.findall(content)),
                  f"p{hashlib.sha256(content.encode()).hexdigest()[:10]}")
    content = _TAG.sub(lambda tag: _of_page(tag[0], used, mark), content)
    width, height = figure.get_size_inches() * _POINTS_PER_INCH
    return Plot(content, float(width), float(height), alternative, caption, tuple(keys))


def _of_page(tag: str, used: set[str], mark: str) -> str:
    """Returns a tag with the page's colours, and names that begin with `mark`."""
    tag = _COLOUR.sub(lambda found: f"var({VARIABLES[found[0]]})" if found[0] in VARIABLES
                      else found[0], tag)
    tag = re.sub(r' id="([^"]*)"',
                 lambda found: f' id="{mark}-{found[1]}"' if found[1] in used else "", tag)
    tag = re.sub(r'xlink:href="#', f'href="#{mark}-', tag).replace("xlink:href=", "href=")
    return re.sub(r"url\(#", f"url(#{mark}-", tag)
