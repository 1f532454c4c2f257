"""Plots stand in the page with its colours, light or dark, and keep out of each other's way."""

import re
from importlib import resources

import matplotlib
import pytest
from matplotlib.figure import Figure
from studies import grid_study

from ganlab.report.inline_svg import plot_of
from ganlab.report.page import Key
from ganlab.report.plot_style import COLOURS, FAINT, INK, STYLE, VARIABLES, keys_of, panel
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_maps import map_plots
from ganlab.report.study_plots import curve_plots, sensitivity_plots

HOSTILE = 'a id="x" #0072b2 url(#y) <b>--></svg> & $a_b$'
STYLESHEET = (resources.files("ganlab.report") / "templates" / "page.css").read_text()
LIGHT, DARK = (dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})\b", text))
               for text in STYLESHEET.split("@media (prefers-color-scheme: dark)", 1))


@matplotlib.rc_context(STYLE)
def drawn(title=""):
    figure, axes = panel(title, "x")
    for number, colour in enumerate((INK, FAINT, *COLOURS)):
        axes.plot([0, 1, 2], [number, 1, 2], color=colour, marker="o")
        axes.fill_between([0, 1], [0, 1], [number, 2], color=colour, alpha=0.1)
    return plot_of(figure, "lines")


@pytest.fixture(scope="module")
def plots():
    """Every kind of plot of a study, and all colours."""
    analysis = Analysis(grid_study())
    names = list(analysis.variants)
    return [drawn(), *curve_plots(analysis, names[:8]), *sensitivity_plots(analysis, "learning rate",
                                                                           analysis.study.values),
            *map_plots(analysis, "critic updates", "learning rate", analysis.study.values)]


def luminance(colour):
    shares = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """As WCAG 2 has it."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_a_plot_is_a_variable_of_the_page(plots):
    for plot in plots:
        assert not set(VARIABLES) & set(re.findall(r"#[0-9a-f]{6}", plot.content))
        assert "#ffffff" not in re.sub(r"<text.*?</text>", "", plot.content, flags=re.DOTALL)  # No white ground.
        assert set(re.findall(r"var\((--[\w-]+)\)", plot.content)) <= set(VARIABLES.values())
    assert set(re.findall(r"var\((--[\w-]+)\)", plots[0].content)) == set(VARIABLES.values())


def test_variables_stand_in_styles_where_alone_they_mean_something(plots):
    assert not any(re.search(r'(?<!style)="[^"]*var\(', re.sub(r'style="[^"]*"', "", plot.content)) for plot in plots)


@pytest.mark.parametrize("variable", sorted(VARIABLES.values()))
def test_every_colour_has_a_light_and_a_dark_form_which_can_be_told_from_the_ground(variable):
    assert LIGHT[variable] != DARK[variable]
    assert contrast(DARK[variable], DARK["--card"]) >= 3
    assert contrast(LIGHT[variable], LIGHT["--card"]) >= 2.2


@pytest.mark.parametrize("form", [LIGHT, DARK], ids=["light", "dark"])
def test_better_and_worse_are_read_on_paper_and_told_from_each_other(form):
    assert contrast(form["--good"], form["--paper"]) >= 4.5 and contrast(form["--bad"], form["--paper"]) >= 4.5
    assert form["--good"] != form["--bad"]


def test_names_within_a_plot_are_its_own(plots):
    everything = [re.findall(r' id="([^"]+)"', plot.content) for plot in plots]
    names = [name for found in everything for name in found]
    assert names and len(names) == len(set(names))
    for plot, found in zip(plots, everything, strict=True):
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', plot.content)) == set(found)


def test_nothing_that_reaches_beyond_a_plot_is_in_it(plots):
    for plot in plots:
        assert not re.search(r"<style|<metadata|<\?xml|<!|xlink|http", plot.content)


def test_texts_are_found_and_stay_what_they_are():
    assert HOSTILE.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in drawn(HOSTILE).content
    assert drawn().content == drawn().content != drawn("other").content


def test_a_legend_names_several_lines_by_their_colours():
    assert keys_of({"one": INK}) == []
    assert keys_of({"base": INK, "other": COLOURS[0]}, ["base"]) == [Key("base", "--ink", True), Key("other", "--plot-1")]


def test_a_plot_of_much_is_wide_and_one_of_little_fits_a_phone():
    with matplotlib.rc_context(STYLE):
        narrow, wide = (plot_of(Figure(figsize=(inches, 2)), "empty") for inches in (3.6, 6))
    assert not narrow.wide and wide.wide
    rates = tuple(1e-4 * 2**step for step in range(9))
    analysis = Analysis(grid_study(seeds=1, rates=rates, early=False))
    assert map_plots(analysis, "critic updates", "learning rate", analysis.study.values[:1])[0].wide
