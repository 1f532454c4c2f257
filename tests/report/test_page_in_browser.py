"""Chromium opens the pages from disk, at desktop and phone width, light and dark: no script error, every picture loads,
nothing sticks out to the side, letters can be read, and a click sorts."""

import json
import re
import shutil
import subprocess

import pytest
from runs_on_disk import runs
from studies import one_at_a_time_study
from test_study_page import hostile_study

from ganlab.report.run_page import run_page
from ganlab.report.study_page import ablation_page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync")
WIDTHS = (1280, 390)
# Chromium's windows are no narrower than some 500 pixels, so each page stands in a frame of the width that is meant.
FRAME = '<iframe src="{name}.html" name="{name} {width}" style="width:{width}px;height:2000px;border:0"></iframe>'
COLLECT = """<script>
const found = {};
addEventListener("message", event => {
  found[event.data.name] = event.data;
  document.getElementById("found").textContent = JSON.stringify(found);
});
</script><pre id="found"></pre>"""
WATCH = """<script>
const errors = [];
addEventListener("error", event => errors.push(event.message || `${event.target.tagName} did not load`), true);
addEventListener("unhandledrejection", event => errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", event => errors.push(`refused: ${event.blockedURI}`));
</script>
<meta http-equiv="Content-Security-Policy" content="default-src data: 'unsafe-inline'">"""
TELL = """<script>
addEventListener("load", async () => {
  const pictures = [...document.images];
  const figures = [...pictures, ...document.querySelectorAll("svg.plot")];
  const letters = which => Math.min(...[...document.querySelectorAll(which)].map(each => {
    const plot = each.closest("svg.plot");
    const size = parseFloat(getComputedStyle(each).fontSize);
    return plot ? size * plot.getBoundingClientRect().width / plot.viewBox.baseVal.width : size;
  }));
  await Promise.all(pictures.map(each => each.decode().catch(() => {})));
  const head = document.querySelector("table.sortable thead button");
  const places = () => [...(head?.closest("table").tBodies[0].rows ?? [])].map(row => row.cells[0].textContent);
  head?.click();
  const rising = places();
  head?.click();
  parent.postMessage({
    name: window.name, errors, pictures: figures.length, labels: letters(".plot text"), legend: letters(".keys li"),
    colours: figures.flatMap(each => [...each.querySelectorAll("path, text, use")]).flatMap(each => {
      const { stroke, fill } = getComputedStyle(each);
      return [stroke, fill];
    }).filter((each, place, all) => all.indexOf(each) === place),
    ground: figures.map(each => getComputedStyle(each.closest(".card") ?? document.body).backgroundColor)
      .filter((each, place, all) => all.indexOf(each) === place),
    signed: [...document.querySelectorAll(".scroll")].filter(each => each.scrollWidth > each.clientWidth)
      .map(each => getComputedStyle(each).backgroundAttachment),
    broken: pictures.filter(each => !each.complete || !each.naturalWidth).map(each => each.alt),
    unnamed: pictures.filter(each => !each.alt).length, inner: innerWidth,
    scroll: document.documentElement.scrollWidth, rising, falling: places(),
    smallest: Math.min(...figures.map(each => each.getBoundingClientRect().width)),
  }, "*");
});
</script>"""
BAD = ('<html><head></head><body><p style="width:3000px">wide</p><img alt="x" src="data:image/png;base64,AAAA">'
       '<script>undefined_name()</script><img alt="y" src="http://127.0.0.1:9/x.png"></body></html>')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The pages, each in frames of all widths of one page."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed: apt-get install -y chromium")
    folder = tmp_path_factory.mktemp("pages")
    pages = {"images": ablation_page(hostile_study()), "points": ablation_page(one_at_a_time_study()),
             "runs": run_page(runs()), "run": run_page(runs()[:1]), "bad": BAD}
    for name, page in pages.items():
        watched = page.replace("<head>", "<head>" + WATCH, 1).replace("</body>", TELL + "</body>", 1)
        assert watched.count("<script>") >= 3
        (folder / f"{name}.html").write_text(watched)
    frames = "".join(FRAME.format(name=name, width=width) for name in pages for width in WIDTHS)
    (folder / "all.html").write_text(f'<html><meta name="color-scheme" content="light dark"><body>{COLLECT}{frames}'
                                     "</body></html>")
    return folder


@pytest.fixture(scope="module")
def seen(folder):
    """What the browser found, by page and width."""
    return looked_at(folder)


def looked_at(folder, *flags):
    """What a browser with these flags finds, by page and width: one start of it for all."""
    found = subprocess.run(
        [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom",
         (folder / "all.html").as_uri()], capture_output=True, text=True, timeout=200, check=True).stdout
    told = json.loads(re.search(r'<pre id="found">(.*?)</pre>', found, re.DOTALL)[1].replace("&lt;", "<")
                      .replace("&gt;", ">").replace("&amp;", "&"))
    return {tuple(name.split()): facts for name, facts in told.items()}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("page", ["images", "points", "runs", "run"])
def test_a_page_opens_from_disk_without_an_error_and_fits_its_width(seen, page, width):
    found = seen[page, str(width)]
    assert found["errors"] == [] and found["broken"] == [] and found["unnamed"] == 0
    assert found["pictures"] >= 2 and found["smallest"] > 100
    assert found["inner"] == width and found["scroll"] <= width


def test_letters_of_plots_and_legends_can_be_read_on_a_phone(seen):
    for page in ("images", "points", "runs"):
        assert seen[page, "390"]["labels"] >= 10 and seen[page, "390"]["legend"] >= 13


def test_a_table_that_scrolls_has_a_shadow_at_its_edge(seen):
    signed = seen["images", "390"]["signed"]
    # Two layers that move with the table cover two that do not.
    assert signed and set(signed) == {"local, local, scroll, scroll, scroll"}


def test_on_a_dark_page_plots_are_dark(seen, folder):
    dark = looked_at(folder, "--blink-settings=preferredColorScheme=0")
    ink, paper = ({"light": "rgb(28, 32, 36)", "dark": "rgb(231, 233, 235)"},
                  {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 31, 35)"})
    for page in ("images", "points", "runs"):
        for form, found in (("light", seen), ("dark", dark)):
            assert found[page, "1280"]["ground"] == [paper[form]] and found[page, "1280"]["errors"] == []
            assert ink[form] in found[page, "1280"]["colours"]
        assert ink["light"] not in dark[page, "1280"]["colours"]


def test_a_click_on_a_head_sorts_and_another_turns_the_order(seen):
    rising = seen["points", "1280"]["rising"]
    assert len(rising) > 1 and rising == sorted(rising)
    assert seen["points", "1280"]["falling"] == rising[::-1]


@pytest.mark.parametrize("width", WIDTHS)
def test_what_is_wrong_with_a_page_is_seen(seen, width):
    found = seen["bad", str(width)]
    assert any("undefined_name" in error for error in found["errors"])
    assert any("refused: http://127.0.0.1" in error for error in found["errors"])
    assert found["broken"] == ["x", "y"] and found["scroll"] > width
