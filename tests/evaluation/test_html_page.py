"""report.html: says what results.json says, keeps text text, needs no network, and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate

pytest.importorskip("nemo.collections.asr")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NASTY = "</script><img src=x onerror=alert(1)> &amp; zelda"


@pytest.fixture
def page(write_manifest, distractors, tiny_model, tmp_path):
    """(HTML, rows of results.json)."""
    nasty = {"audio_filepath": "test-0.wav", "text": NASTY, "id": "nasty", "rare_words": ["zelda"]}
    options = EvaluateOptions(
        manifest=write_manifest("test", extra=(nasty,)),
        out=tmp_path / "out",
        distractors=distractors,
        list_sizes=(5, 20),
        systems=("greedy", "nemo-boosting-greedy"),
        resamples=20,
        progress=False,
    )
    rows = evaluate(options, tiny_model)
    return (tmp_path / "out" / "report.html").read_text(encoding="utf-8"), rows


def embedded(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def test_the_page_holds_the_rows_and_texts(page):
    html, rows = page
    data = embedded(html)
    assert [(row["system"], row["list_size"], row["wer"]) for row in data["rows"]] == [
        (row["system"], row["list_size"], row["wer"]) for row in rows
    ]
    assert {one["id"] for one in data["utterances"]} == {"test0", "test1", "test2", "test3", "nasty"}


def test_text_stays_text_and_nothing_is_fetched(page):
    html, _ = page
    scripts, sources = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            scripts.extend([tag] if tag == "script" else [])
            sources.extend(value for name, value in attributes if name in ("src", "onerror", "onclick"))

    Reader().feed(html)
    assert len(scripts) == 2 and sources == []
    assert "http://www.w3.org" not in html.replace("http://www.w3.org/2000/svg", "") and "https://" not in html


DRIVER = """
<script>
const outcome = { errors: window.problems };
addEventListener("error", () => tell());
const rowsOf = (id) => [...document.querySelectorAll(`#${id} tbody tr`)].map((row) => row.textContent);
const options = () => document.querySelectorAll("#list [role=option]").length;
const press = (target, key) => target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
outcome.all = options();
outcome.first = document.getElementById("detail").textContent;
press(document.body, "ArrowDown");
outcome.second = document.getElementById("detail").textContent;
press(document.body, "k");
outcome.back = document.getElementById("detail").textContent;
const search = document.getElementById("search");
search.value = "NASTY";
search.dispatchEvent(new Event("input", { bubbles: true }));
outcome.filtered = options();
outcome.nasty = document.getElementById("detail").textContent;
const before = rowsOf("rows");
document.querySelectorAll("#rows th button")[1].click();
document.querySelectorAll("#rows th button")[1].click();
outcome.sorted = rowsOf("rows").join() !== before.join();
outcome.images = document.querySelectorAll("img").length;
tell();

function tell() {
  const found = document.createElement("pre");
  found.id = "outcome";
  found.textContent = JSON.stringify(outcome);
  document.body.append(found);
}
</script>
"""
WATCH = (
    "<script>window.problems = []; addEventListener('error', (e) => problems.push(e.message));"
    "console.error = (...words) => problems.push(words.join(' '));</script>"
)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_filter_keys_and_sorting_in_a_browser(page, tmp_path):
    driven = tmp_path / "driven.html"
    driven.write_text(
        page[0].replace("<head>", f"<head>{WATCH}", 1).replace("</body>", f"{DRIVER}</body>"), encoding="utf-8"
    )
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, "--virtual-time-budget=5000", "--dump-dom", driven.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    match = re.search(r'<pre id="outcome">(.*?)</pre>', done.stdout, re.S)
    assert match, done.stderr[-2000:]
    found = json.loads(match.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    assert found["errors"] == [] and found["images"] == 0
    assert found["all"] == 5 and found["filtered"] == 1
    assert found["first"] != found["second"] and found["back"] == found["first"]
    assert "zelda" in found["nasty"] and found["sorted"]
