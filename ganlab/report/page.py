"""The HTML page: sections of words, tables, figures and code, which the template puts
into one file.

Nothing on the page is fetched: pictures are data, plots, the style and the little script stand
inside. The template escapes every name, so parts hold plain text; only what `inline_svg` makes of a
plot is put in as it is.
"""

import base64
import dataclasses
import functools
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jinja2
import numpy as np
from PIL import Image

PLAIN, FINDING, WARNING = "plain", "finding", "warning"
BETTER, WORSE = "better", "worse"
WIDE = 320.0  # Points from which a plot is too wide for a phone and scrolls there.


class Span(NamedTuple):
    """An interval drawn in a cell: places as shares of the cell's width, the reference where
    others are judged."""

    low: float
    middle: float
    high: float
    reference: float | None


@dataclasses.dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
      text: what it shows.
      order: what a click on the column's head sorts by; the text where it is None.
      strong: whether it stands out.
      span: an interval to draw instead of the text, which then describes it.
      kind: a class of the style: `number`, `name`, `code`, or none.
      tone: `better` or `worse`, which have a colour; the text says so in words.
    """

    text: str
    order: float | None = None
    strong: bool = False
    span: Span | None = None
    kind: str = ""
    tone: str = ""


@dataclasses.dataclass(frozen=True)
class Words:
    """A paragraph: plain, a finding, or a warning; `head` stands out before its text."""

    text: str
    kind: str = PLAIN
    head: str = ""


@dataclasses.dataclass(frozen=True)
class Bullets:
    """A list of sentences."""

    texts: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of cells under heads; `notes` explain a head where it is pointed at. The caption
    may be empty."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    notes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture as a data URI, the words for those who do not see it, and a caption, which
    may be empty."""

    uri: str
    alternative: str
    caption: str = ""


class Key(NamedTuple):
    """A line of a plot in its legend: its name, and the variable of the page's style that
    has its colour."""

    name: str
    colour: str
    dashed: bool = False


@dataclasses.dataclass(frozen=True)
class Plot:
    """A plot that stands in the page, with the page's colours, light or dark.

    Attributes:
      content: what is inside the tag `svg`, as `inline_svg.plot_of` makes it.
      width: in points.
      height: in points.
      alternative: the words for those who do not see it.
      caption: below it; may be empty.
      keys: its legend.
    """

    content: str
    width: float
    height: float
    alternative: str
    caption: str = ""
    keys: Sequence[Key] = ()

    @property
    def wide(self) -> bool:
        """Whether it scrolls where there is little room, instead of shrinking until nobody
        can read it."""
        return self.width > WIDE


@dataclasses.dataclass(frozen=True)
class Gallery:
    """Pictures side by side, as many as fit; `small` where each needs little room."""

    pictures: Sequence[Picture | Plot]
    small: bool = False


@dataclasses.dataclass(frozen=True)
class Code:
    """Text to be copied as it is."""

    text: str


@dataclasses.dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclasses.dataclass(frozen=True)
class Folded:
    """Parts that are shown when their summary is clicked on."""

    summary: str
    parts: Sequence["Part"]


Part = Words | Bullets | Table | Gallery | Code | Heading | Folded


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of the page with a heading, and an entry in its contents."""

    title: str
    parts: Sequence[Part]

    @property
    def anchor(self) -> str:
        """What links point at."""
        return "".join(letter if letter.isalnum() else "-" for letter in self.title.lower())


def render(title: str, lead: str, facts: Sequence[tuple[str, str]], sections: Sequence[Section],
           version: str) -> str:
    """Returns the page as HTML.

    Args:
      title: a few words.
      lead: the sentence under it: what is asked.
      facts: numbers that stand out at the top, `(number, what it is)`.
      sections: in their order; those without parts are left out.
      version: of ganlab, which stands at the end.
    """
    shown = [section for section in sections if section.parts]
    return _templates().get_template("page.html").render(title=title, lead=lead, facts=facts,
                                                         sections=shown, version=version)


@functools.cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(loader=jinja2.PackageLoader("ganlab.report"), autoescape=True,
                                   trim_blocks=True,
                                   lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    templates.globals["kind_of"] = lambda part: type(part).__name__.lower()
    return templates


def pixels_picture(pixels: np.ndarray, alternative: str, caption: str = "") -> Picture:
    """Returns pixels uint8 [h, w, 3] as a picture, by PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="png")
    return png_picture(buffer.getvalue(), alternative, caption)


def png_picture(content: bytes, alternative: str, caption: str = "") -> Picture:
    """Returns the content of a PNG file as a picture."""
    return Picture(_uri("image/png", content), alternative, caption)


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
