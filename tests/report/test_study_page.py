"""The page of a study: its numbers are the summaries, it needs nothing but itself, and it says what is missing."""

import base64
import dataclasses
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from studies import grid_study, one_at_a_time_study

from ganlab.evaluation import DIVERGED, FINISHED, MISSING
from ganlab.metrics import improvement, paired_difference, summarise
from ganlab.report.study_page import ablation_page
from ganlab.report.study_analysis import Analysis
from ganlab.report.study_findings import cautions, findings
from ganlab.report.study_maps import map_plots
from ganlab.report.study_plots import curve_plots, sample_pictures, sensitivity_plots

HOSTILE = '<script>alert("x")</script> & $a_b$ {{ 7 * 7 }}'


class Page(HTMLParser):
    """Tags with their attributes, the text, and every table as rows of texts."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.tables, self.text, self._in_cell = [], [], "", False
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag):
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data):
        self.text += data
        if self._in_cell:
            self.tables[-1][-1][-1] += data

    def table(self, *heads):
        """The tables that begin with these heads, as dicts by row name of dicts by head."""
        return [{row[0].strip(): dict(zip(rows[0], row, strict=True)) for row in rows[1:]} for rows in self.tables
                if rows and tuple(rows[0][:len(heads)]) == heads]


@pytest.fixture(scope="module")
def study():
    return grid_study()


@pytest.fixture(scope="module")
def page(study):
    return ablation_page(study)


@pytest.fixture(scope="module")
def parsed(page):
    return Page(page)


def number(text):
    return float(text.replace("−", "-").replace(",", ""))


def test_numbers_in_the_table_are_the_summaries_of_the_finished_trials(study, parsed):
    tables = parsed.table("variant", "mean")
    assert len(tables) == len(study.values)
    for value, table in zip(study.values, tables, strict=True):
        assert len(table) == len(study.variants)
        for variant in study.variants:
            row = table.get(variant.name) or table[f"{variant.name} (base)"]
            trials = [trial for trial in study.trials if trial.variant == variant.name]
            values = [trial.values[value.name] for trial in trials if trial.status == FINISHED]
            assert int(row["seeds"]) == len(values)
            assert int(row["diverged"]) == sum(trial.status == DIVERGED for trial in trials)
            if values:
                found = summarise(np.array(values))
                shown = [number(row[head]) for head in ("mean", "median", "IQM")]
                np.testing.assert_allclose(shown, found[1:4], atol=0.006)
                np.testing.assert_allclose([number(end) for end in row["95% interval"].split(" to ")],
                                           found.interval[:2], atol=0.006)
            else:
                assert row["mean"] == "–"


def test_differences_are_paired_by_seed_and_leave_out_seeds_that_one_side_lacks(study, parsed):
    table = parsed.table("variant", "difference")[0]
    base = {trial.seed: trial.values["fid"] for trial in study.trials if trial.variant == study.base}
    for variant, row in table.items():
        own = {trial.seed: trial.values["fid"] for trial in study.trials
               if trial.variant == variant and trial.status == FINISHED}
        assert int(row["pairs"]) == len(own)
        if own:
            expected = paired_difference(np.array(list(own.values())), np.array([base[seed] for seed in own]))
            assert number(row["difference"]) == pytest.approx(expected.mean, abs=0.001)
            better = improvement(np.array(list(own.values())), np.array(list(base.values())), "lower")
            assert row["P(better)"] == f"{better.probability:.0%}"
            assert row["verdict"] == "worse"
        else:
            assert row["verdict"] == "too few"


def test_the_page_refers_to_nothing_outside_it(page, parsed):
    for _, attributes in parsed.tags:
        for name in ("src", "href", "srcset", "data", "action", "poster"):
            assert re.match(r"data:|#", attributes.get(name) or "#"), attributes
    # A plot's parts refer to each other, by names that begin with #.
    assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(|http:|https:", page)


def test_every_picture_reads_and_has_words_for_those_who_do_not_see_it(parsed):
    pictures = [attributes for tag, attributes in parsed.tags if tag == "img"]
    plots = [attributes for tag, attributes in parsed.tags if tag == "svg" and attributes.get("class") == "plot"]
    # Three values: curves, two axes and a map each; samples of all variants but the failed one.
    assert len(plots) == 3 * 4 and len(pictures) == 11
    assert all(len(attributes["aria-label"]) > 5 and attributes["role"] == "img" for attributes in plots)
    for attributes in pictures:
        assert len(attributes["alt"]) > 5
        content = base64.b64decode(attributes["src"].removeprefix("data:image/png;base64,"))
        assert Image.open(io.BytesIO(content)).size[0] > 100


def test_every_table_that_scrolls_is_named_by_its_section_and_its_caption(parsed):
    names = [attributes["aria-label"] for _, attributes in parsed.tags if attributes.get("role") == "region"]
    assert len(names) == len(set(names)) and "table" not in names
    assert {"Plan", "Cost", "Results: fid, lower is better", "Protocols"} <= set(names)
    assert any(name.startswith("Differences from the base: prdc/coverage less that of the base") for name in names)


def test_a_verdict_has_its_colour_and_its_word(study):
    opposite = dataclasses.replace(study, values=[dataclasses.replace(value, better="higher")
                                                  for value in study.values[:1]])
    for shown, word in ((study, "worse"), (opposite, "better")):
        cells = re.findall(r'<td class="name ?(\w*)">(better|worse|too few|not told apart)</td>', ablation_page(shown))
        assert word in [text for _, text in cells]
        assert all(tone == (text if text in ("better", "worse") else "") for tone, text in cells)


def test_a_speed_stands_beside_the_load_of_the_machine(study):
    variants = [dataclasses.replace(variant, cost=variant.cost and dataclasses.replace(variant.cost, load=load))
                for variant, load in zip(study.variants, [1.234, None] * 6, strict=True)]
    table, = Page(ablation_page(dataclasses.replace(study, variants=variants))).table("variant", "images/s", "load")
    assert [row["load"] for row in table.values()][:2] == ["1.23", "–"]


def test_an_unfinished_study_says_what_is_missing_and_a_finished_one_does_not(study, parsed):
    assert "This study is unfinished: 2 of 60 trials are missing" in parsed.text
    finished = dataclasses.replace(study, trials=[trial for trial in study.trials if trial.status != MISSING])
    assert not any("unfinished" in text for text in cautions(Analysis(finished)))


def test_what_ended_early_is_told_with_its_reason(parsed):
    assert "Diverged: 2 of 60 trials" in parsed.text and "XlaRuntimeError: out of memory" in parsed.text
    assert "7 trials that diverged or failed are counted, and left out of means" in parsed.text


def test_few_seeds_and_many_comparisons_are_warned_of(parsed):
    assert "Some numbers are of 3 seeds: an interval called 95% holds the true mean in only about 75%" in parsed.text
    assert "With 11 variants compared with the base, about 0.6 intervals for each value would exclude 0" in parsed.text


def test_the_page_has_the_command_the_versions_the_protocols_and_the_config(study, parsed):
    for text in (study.command, *study.versions.values(), *(value.protocol for value in study.values),
                 *study.config, study.question, "768.0 MiB", "104,321"):
        assert text in parsed.text


def test_the_best_variant_is_named_with_its_difference():
    study = one_at_a_time_study()
    worst = dataclasses.replace(study, base="penalty weight 100.0")
    head, text = findings(Analysis(worst))[0]
    assert head == "fid (lower is better):" and text.startswith("base has the best mean")
    assert ", which excludes 0;" in text and "with probability 100%" in text
    assert findings(Analysis(study))[0][1].startswith("no variant has a better mean than the base, ")


def hostile_study():
    study = grid_study(seeds=2, rates=(1e-4, 1e-3), updates=(1, 5),
                       name_of=lambda updates, rate: f"_{HOSTILE} {updates} {rate}")
    return dataclasses.replace(
        study, title=HOSTILE, question=HOSTILE, command=HOSTILE, design=HOSTILE, config={HOSTILE: HOSTILE},
        versions={HOSTILE: HOSTILE},
        values=[dataclasses.replace(value, protocol=HOSTILE) for value in study.values],
        variants=[dataclasses.replace(variant, error=HOSTILE, changes={HOSTILE: HOSTILE})
                  for variant in study.variants])


def test_every_name_is_escaped():
    page = ablation_page(hostile_study())
    assert sum(tag == "script" for tag, _ in Page(page).tags) == 1
    assert HOSTILE not in page and "&lt;script&gt;" in page and "{{ 7 * 7 }}" in page


def test_a_page_is_a_pure_function_of_its_study():
    assert ablation_page(hostile_study()) == ablation_page(hostile_study())


def test_studies_without_values_seeds_or_trials_have_a_page():
    study = one_at_a_time_study(seeds=1)
    page = ablation_page(study)
    assert "1 seed: nothing shows" in page and "one pair tells nothing" not in page
    missing = [dataclasses.replace(trial, status=MISSING, values={}, curve=()) for trial in study.trials]
    bare = [dataclasses.replace(variant, samples=None, cost=None) for variant in study.variants]
    page = ablation_page(dataclasses.replace(study, trials=missing, variants=bare))
    assert "6 of 6 trials are missing" in page and "<img" not in page and 'class="plot"' not in page
    page = ablation_page(dataclasses.replace(study, trials=missing[:1], variants=bare[:1], values=[], axes={}))
    assert "Nothing was measured yet" in page


def test_of_many_variants_the_page_shows_the_base_the_best_and_some_of_the_worst():
    rates, updates = tuple(1e-4 * (1 + step) for step in range(30)), tuple(range(1, 21))
    study = grid_study(seeds=1, rates=rates, updates=updates, early=False, samples="points")
    study = dataclasses.replace(study, values=study.values[:1])
    page = Page(ablation_page(study))
    table, = page.table("variant", "mean")
    assert len(table) == 100 and f"{study.base} (base)" in table
    assert "100 of 600 variants are shown" in page.text and "12 of 600 variants are shown" in page.text
    ranked = Analysis(study).ranked(study.values[0])
    assert ranked[0] in str(table) and ranked[-1] in table
    assert sum(tag == "figure" for tag, _ in page.tags) < 30


def test_telling_variants_keep_the_base_and_their_rank(study):
    analysis = Analysis(study)
    found = analysis.telling(5)
    ranked = analysis.ranked(study.values[0])
    assert len(found) == 5 and study.base in found
    assert found[:4] == ranked[:4] and found[4] not in ranked
    assert analysis.telling(100) == [variant.name for variant in study.variants]


def test_equal_latents_stand_in_equal_places():
    study = one_at_a_time_study(samples="images")
    same = [dataclasses.replace(variant, samples=study.variants[0].samples) for variant in study.variants]
    pictures = sample_pictures(Analysis(dataclasses.replace(study, variants=same)), [each.name for each in same])
    assert len({picture.uri for picture in pictures}) == 1 and len({picture.caption for picture in pictures}) == 6


def test_curves_need_two_points_axes_two_levels_and_maps_variants_that_leave_the_base_on_both(study):
    analysis = Analysis(study)
    names = list(analysis.variants)
    assert len(curve_plots(analysis, names[:3])) == 3
    ends = [dataclasses.replace(trial, curve=trial.curve[7:]) for trial in study.trials]
    assert curve_plots(Analysis(dataclasses.replace(study, trials=ends)), names[:3]) == []
    once = Analysis(one_at_a_time_study())
    assert len(sensitivity_plots(once, "penalty weight", once.study.values)) == 2
    assert map_plots(once, "loss", "penalty weight", once.study.values) == []


def test_a_random_search_is_drawn_as_points_over_its_axes():
    study = one_at_a_time_study()
    draw = np.random.default_rng(0)
    levels = [{"rate": float(10**draw.uniform(-5, -2)), "weight": float(draw.uniform(0, 10))} for _ in study.variants]
    variants = [dataclasses.replace(variant, levels=each) for variant, each in zip(study.variants, levels, strict=True)]
    axes = {axis: sorted(each[axis] for each in levels) for axis in ("rate", "weight")}
    analysis = Analysis(dataclasses.replace(study, variants=variants, axes=axes))
    assert len(sensitivity_plots(analysis, "rate", study.values)) == 2
    plot, *_ = map_plots(analysis, "rate", "weight", study.values)
    assert plot.caption == "Each point is a variant."


def test_effects_that_add_up_have_no_interaction():
    study = grid_study(seeds=1, early=False)
    sums = [dataclasses.replace(trial, values={"fid": 3.0 * variant.levels["critic updates"]
                                               + 1e4 * variant.levels["learning rate"]})
            for variant, trial in zip(study.variants, study.trials, strict=True)]
    plot, = map_plots(Analysis(dataclasses.replace(study, trials=sums)), "critic updates", "learning rate",
                      study.values[:1])
    assert plot.caption.startswith("100% of the variance") and "the other 0% is interaction" in plot.caption
