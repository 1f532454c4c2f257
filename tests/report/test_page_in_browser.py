"""Chromium opens the pages from disk, at desktop and phone width: no script error, every picture loads, nothing sticks
out to the side, and a click sorts."""

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
  await Promise.all(pictures.map(each => each.decode().catch(() => {})));
  const head = document.querySelector("table.sortable thead button");
  const places = () => [...(head?.closest("table").tBodies[0].rows ?? [])].map(row => row.cells[0].textContent);
  head?.click();
  const rising = places();
  head?.click();
  parent.postMessage({
    name: window.name, errors, pictures: pictures.length,
    broken: pictures.filter(each => !each.complete || !each.naturalWidth).map(each => each.alt),
    unnamed: pictures.filter(each => !each.alt).length, inner: innerWidth,
    scroll: document.documentElement.scrollWidth, rising, falling: places(),
    smallest: Math.min(...pictures.map(each => each.getBoundingClientRect().width)),
  }, "*");
});
</script>"""
BAD = ('<html><head></head><body><p style="width:3000px">wide</p><img alt="x" src="data:image/png;base64,AAAA">'
       '<script>undefined_name()</script><img alt="y" src="http://127.0.0.1:9/x.png"></body></html>')


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the browser found, by page and width: one start of it for all."""
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
    (folder / "all.html").write_text(f"<html><body>{COLLECT}{frames}</body></html>")
    found = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000", "--dump-dom",
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
