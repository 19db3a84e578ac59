"""report.html: says what results.json says, keeps text text, needs no network, and works in a browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from functools import partial
from html import unescape
from html.parser import HTMLParser

import pytest

from nemo_ctcbias.evaluation import page_data, runner
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate
from nemo_ctcbias.evaluation.html_page import fill

pytest.importorskip("nemo.collections.asr")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NASTY = "</script><img src=x onerror=alert(1)> &amp; zelda"
NASTY_ID = "nasty </script><img src=x onerror=alert(1)>"  # texts are normalised, ids are not


@pytest.fixture
def page_of(write_manifest, distractors, tiny_model, tmp_path):
    """Evaluates with given systems; returns (HTML, rows of results.json)."""
    nasty = {"audio_filepath": "test-0.wav", "text": NASTY, "id": NASTY_ID, "rare_words": ["zelda"]}
    options = EvaluateOptions(
        manifest=write_manifest("test", extra=(nasty,)),
        out=tmp_path / "out",
        distractors=distractors,
        list_sizes=(5, 20),
        resamples=20,
        progress=False,
    )

    def evaluated(systems=("greedy", "nemo-boosting-greedy"), model=tiny_model):
        rows = evaluate(replace(options, systems=systems), model)
        return (tmp_path / "out" / "report.html").read_text(encoding="utf-8"), rows

    return evaluated


@pytest.fixture
def page(page_of):
    """(HTML, rows of results.json)."""
    return page_of()


def embedded(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S).group(1))


def test_the_page_holds_the_rows_and_texts(page):
    html, rows = page
    data = embedded(html)
    assert [(row["system"], row["list_size"], row["wer"]) for row in data["rows"]] == [
        (row["system"], row["list_size"], row["wer"]) for row in rows
    ]
    assert {one["id"] for one in data["utterances"]} == {"test0", "test1", "test2", "test3", NASTY_ID}


def test_text_stays_text_and_nothing_is_fetched(page):
    html, _ = page
    scripts, sources = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            scripts.extend([tag] if tag == "script" else [])
            sources.extend(value for name, value in attributes if name in ("src", "onerror", "onclick"))

    Reader().feed(html)
    assert len(scripts) == 2 and sources == []
    around = re.sub(r"(<script type=.application/json.*?>)(.*?)</script>", r"\1</script>", html, flags=re.S)
    assert not re.search(r"https?://|\bsrc=|@import|url\(", around) and NASTY_ID not in html
    assert "default-src 'none'" in html  # the browser refuses whatever would be fetched all the same


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
press(document.body, "/");
outcome.focused = document.activeElement === search;
press(search, "j");
outcome.typed = document.getElementById("detail").textContent;
search.value = "NASTY";
search.dispatchEvent(new Event("input", { bubbles: true }));
outcome.filtered = options();
outcome.nasty = document.getElementById("detail").textContent;
search.value = "";
const missed = document.getElementById("only-missed");
missed.click();
outcome.missed = [...document.querySelectorAll("#list .miss")].length === options() && options();
missed.click();
outcome.details = [...document.querySelectorAll("#list [role=option]")].map((one) => {
  one.click();
  const detail = document.getElementById("detail");
  return { text: detail.textContent, maps: detail.querySelectorAll("canvas").length };
});
const folded = document.querySelector("details");
outcome.folds = ["beforeprint", "afterprint"].map((name) => dispatchEvent(new Event(name)) && folded.open);
document.querySelectorAll("#list [role=option]")[2].click();
outcome.clicked = document.getElementById("detail").textContent;
outcome.notices = [...document.querySelectorAll("[role=status].notice")].map((one) => one.textContent);
const before = rowsOf("rows");
document.querySelectorAll("#rows th button")[1].click();
document.querySelectorAll("#rows th button")[1].click();
outcome.sorted = rowsOf("rows").join() !== before.join();
const root = document.documentElement;
outcome.widths = [root.clientWidth, root.scrollWidth, document.querySelector("#rows table").scrollWidth];
outcome.named = document.querySelector("#rows tbody th").offsetWidth;
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


def drive(html, tmp_path, width=1300):
    """What the driver saw in the page."""
    driven = tmp_path / "driven.html"
    driven.write_text(
        html.replace("<head>", f"<head>{WATCH}", 1).replace("</body>", f"{DRIVER}</body>"), encoding="utf-8"
    )
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    done = subprocess.run(
        [*command, f"--window-size={width},900", "--virtual-time-budget=5000", "--dump-dom", driven.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    match = re.search(r'<pre id="outcome">(.*?)</pre>', done.stdout, re.S)
    assert match, done.stderr[-2000:]
    return json.loads(unescape(match.group(1)))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_filter_keys_and_sorting_in_a_browser(page, tmp_path):
    found = drive(page[0], tmp_path)
    assert found["errors"] == [] and found["images"] == 0
    assert found["all"] == 5 and found["filtered"] == 1
    assert found["first"] != found["second"] and found["back"] == found["first"]
    assert found["nasty"].startswith(NASTY_ID) and "zelda" in found["nasty"] and found["sorted"]
    assert found["focused"] and found["typed"] == found["first"] and found["clicked"].startswith("test2")
    assert found["missed"] == 4  # all but the one without a listed word: noise is not heard as any
    assert found["notices"] == [] and found["folds"] == [True, False]
    assert not any("Attention" in one["text"] or one["maps"] for one in found["details"])


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_where_a_map_of_attention_is_missing_the_page_says_why(page_of, tiny_model, tmp_path, monkeypatch):
    from nemo_ctcbias.adapter import ContextualAdapterConfig
    from nemo_ctcbias.nemo.ctc_models import from_ctc

    monkeypatch.setattr(runner, "ATTENTION_UTTERANCES", 3)
    model = from_ctc(tiny_model)
    model.add_adapter("names", ContextualAdapterConfig(dim=16))
    data = embedded(page_of(("greedy", "adapter"), model.eval())[0])
    run = data["runs"][data["start"]]
    assert [run["attended"], *(one["attended"] for one in data["runs"] if one["system"] == "greedy")] == [3, 0, 0]
    kept = [outcome.get("attention") for outcome in run["outcomes"].values()]
    assert all(kept[:3]) and kept[3:] == [None, None]
    run["outcomes"]["1"]["attention"] = None  # as of a list that cannot be spelled
    details = drive(fill(data, ""), tmp_path)["details"]
    assert [one["maps"] for one in details] == [1, 0, 1, 0, 0]
    assert "could spell no phrase of this utterance's list" in details[1]["text"]
    assert all("only those of the first 3 utterances are kept" in one["text"] for one in details[3:])
    assert not any("No map here" in details[place]["text"] for place in (0, 2))


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_only_tables_are_wider_than_a_narrow_window(page, tmp_path):
    outcome = drive(page[0], tmp_path, width=500)
    window, whole, table = outcome["widths"]
    assert whole <= window <= 500 < table
    assert outcome["named"] < window / 2, "the column that stays leaves room for the numbers"


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_page_that_holds_less_than_was_measured_says_so(page, tmp_path):
    data = embedded(page[0])
    for run in data["runs"]:
        run["decoded"], run["phrase_count"] = 1234, 5678
        run["phrases"] = run["phrases"][:2]
    found = drive(fill(data, ""), tmp_path)
    assert len(found["notices"]) == 2 and found["errors"] == []
    assert "2 of the 2 most often wrong of 5,678; phrases.jsonl has all" in found["notices"][0]
    assert "this page holds 5 of the 1,234 that were decoded, utterances.jsonl has all" in found["notices"][1]


def test_limits_cut_utterances_and_phrases(page_of, monkeypatch):
    monkeypatch.setattr(page_data, "PHRASE_ROWS", 1)
    monkeypatch.setattr(page_data, "shown_positions", partial(page_data.shown_positions, most=8))
    data = embedded(page_of()[0])
    assert len(data["utterances"]) == 2 and all(len(run["outcomes"]) == 2 for run in data["runs"])
    assert all(run["decoded"] == 5 and len(run["phrases"]) == 1 < run["phrase_count"] for run in data["runs"])


def test_hits_and_word_differences_are_in_the_page(page_of):
    data = embedded(page_of(systems=("greedy", "hotword"))[0])
    run = data["runs"][data["start"]]
    assert (run["system"], run["list_size"], data["runs"][run["base"]]["system"]) == ("hotword", 5, "greedy")
    for outcome in run["outcomes"].values():
        written = sorted(outcome["hits"] + outcome["false_alarms"])
        assert sorted(hit["phrase"] for hit in outcome["details"]) == written
    assert run["outcomes"]["0"]["words"][0][3] in (0, 1, 2, 3)
    assert "details" not in data["runs"][run["base"]]["outcomes"]["0"]
