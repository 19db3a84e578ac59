"""What the report is made of: word differences, recordings, charts, attention, and the limits of a page."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.adapter.attention_by_phrase import NO_BIAS
from nemo_ctcbias.evaluation.attended import Attended
from nemo_ctcbias.evaluation.counts import METRICS
from nemo_ctcbias.evaluation.page_charts import charts, scale
from nemo_ctcbias.evaluation.page_clips import clips
from nemo_ctcbias.evaluation.page_data import as_json, finite, quantised, shown_positions
from nemo_ctcbias.evaluation.page_words import LISTED_SPOKEN, LISTED_WRITTEN, differences
from nemo_ctcbias.evaluation.scoring import compare

texts = st.lists(st.sampled_from("a b c d new york".split()), max_size=8).map(" ".join)
LISTED = ("a", "new york", "york")


@given(texts, texts)
def test_differences_hold_both_texts_and_as_many_errors_as_the_score(reference, written):
    outcome = compare(reference, written, LISTED)
    spoken, wrote = outcome.hits + outcome.misses, outcome.hits + outcome.false_alarms
    parts = differences(reference, written, spoken, wrote)
    assert " ".join(part[1] for part in parts if part[1]) == reference
    assert " ".join(part[2] for part in parts if part[2]) == written
    kinds = [part[0] for part in parts]
    assert len(kinds) - kinds.count("same") == outcome.counts.errors
    assert all(part[1] == part[2] for part in parts if part[0] == "same")
    assert kinds.count("ins") == sum(not part[1] for part in parts)
    assert kinds.count("del") == sum(not part[2] for part in parts)
    listed = [word for part in parts if part[3] & LISTED_SPOKEN for word in part[1].split()]
    assert len(listed) == outcome.counts.biased_words
    assert any(part[3] & LISTED_WRITTEN for part in parts) == bool(wrote)


@given(st.recursive(st.text() | st.floats(allow_nan=False, allow_infinity=False) | st.none(), st.lists))
def test_json_comes_back_and_never_holds_an_opening_tag(value):
    text = as_json(value)
    assert json.loads(text) == value and "<" not in text


def test_numbers_that_json_lacks_become_none():
    hit = {"score": float("-inf"), "phrase": "dover", "parts": {"lm": float("nan"), "hotword": 1.5}}
    assert finite(hit) == {"score": None, "phrase": "dover", "parts": {"lm": None, "hotword": 1.5}}


def test_recordings_are_those_that_fit(tmp_path):
    for name, size in (("a.wav", 30), ("long.flac", 60), ("b.mp3", 40), ("c.ogg", 31), ("d.sph", 5), ("e.opus", 30)):
        (tmp_path / name).write_bytes(bytes(range(size)))
    rows = [{"audio_filepath": str(tmp_path / name)} for name in ("a.wav", "long.flac", "b.mp3", "c.ogg", "d.sph")]
    rows += [{**rows[0], "offset": 1.5}, {"audio_filepath": str(tmp_path / "gone.wav")}]
    rows += [{"audio_filepath": str(tmp_path / "e.opus"), "offset": 0}]
    found = clips(rows, clip_bytes=50, page_bytes=100)
    reasons = [reason for _, reason in found]
    assert [reason == "" for reason in reasons] == [bool(uri) for uri, _ in found]
    assert [bool(uri) for uri, _ in found] == [True, False, True, False, False, False, False, True]
    words = ("larger than 0.05 kB", "recordings already", ".sph", "part of a longer", "no longer there")
    assert all(word in reasons[at] for word, at in zip(words, (1, 3, 4, 5, 6), strict=True))
    assert found[2][0].startswith("data:audio/mpeg;base64,")
    assert base64.b64decode(found[0][0].split(",")[1]) == bytes(range(30))


def test_utterances_that_all_systems_decoded_come_first_on_a_page():
    runs = [SimpleNamespace(positions=range(10)), SimpleNamespace(positions=[7, 9])]
    assert shown_positions(runs, 10, most=8) == [0, 1, 7, 9]
    assert shown_positions(runs, 10, most=1) == [7]
    assert shown_positions(runs, 10) == list(range(10))


def test_attention_is_kept_in_hundredths():
    weights = np.array([[0.0, 0.055, 1.0], [1.0, 0.945, 0.004]], dtype=np.float32)
    kept = quantised(Attended("names", ("dover", NO_BIAS), weights, 0.08))
    read = [[int(row[at : at + 2]) for at in range(0, len(row), 2)] for row in kept["weights"]]
    assert np.abs(np.array(read) / 100 - weights).max() <= 0.011
    assert kept["phrases"] == ("dover", NO_BIAS)


def row(system, size, f1, spread=1.0, utterances=9):
    values = {}
    for metric in METRICS:
        values[metric] = f1
        for end, sign in (("low", -1), ("high", 1)):
            values[f"{metric}_{end}"] = None if f1 is None or spread is None else f1 + sign * spread
    return {"system": system, "list_size": size, "utterances": utterances, **values}


def test_charts_mark_subsets_and_bear_what_is_undefined():
    rows = [row("a<b>", 5, 50.0), row("a<b>", 100, 40.0), row("slow", 5, 30.0, utterances=3)]
    rows += [row("slow", 100, None), row("bare", 5, 20.0, spread=None)]
    tree = ET.fromstring(f"<div>{charts(rows)}</div>")
    figures = tree.findall("figure")
    assert len(figures) == 2
    for figure in figures:
        titles = [one.text for one in figure.iter("title")]
        assert len(titles) == 4 and "a<b>, 5 distractors: " in titles[0] and "50.0 (49.0–51.0)" in titles[0]
        assert titles[2].endswith("3 utterances, a subset") and "(" not in titles[3]
        assert sum(one.get("class") == "mark hollow" for one in figure.iter()) == 1
        assert sum(one.get("class") == "bar" for one in figure.iter()) == 3 * 3
    assert [one.text for one in tree.findall("ul/li/span")] == ["a<b>", "slow", "bare"]
    assert "Nothing to draw" in charts([row("a", 5, None)])


def test_where_nothing_listed_is_spoken_false_alarms_are_drawn_in_place_of_f1():
    spoken, unspoken = row("a", 5, 50.0), {**row("b", 5, 50.0), "recall": None}
    for rows, first in (([spoken, unspoken], "F1 of listed words (%)"), ([unspoken], "False alarms an hour")):
        titles = [one.text for one in ET.fromstring(f"<div>{charts(rows)}</div>").iter("figcaption")]
        assert titles == [first, "U-WER: all other words (%)"]


@given(st.lists(st.floats(0, 1e4), min_size=1))
def test_ticks_enclose_the_values_and_are_few(values):
    ticks = scale(values)
    assert ticks[0] <= min(values) + 1e-6 and ticks[-1] >= max(values) - 1e-6
    assert 2 <= len(ticks) <= 8 and ticks == sorted(set(ticks))


def test_an_adapter_tells_its_hits_and_where_it_looked(tiny_model, write_manifest):
    """A fresh adapter adds nothing, so what greedy decoding writes is there to be found, and looked at."""
    from nemo_ctcbias.adapter import ContextualAdapterConfig
    from nemo_ctcbias.evaluation.logprobs import encode
    from nemo_ctcbias.evaluation.manifest import read_manifest
    from nemo_ctcbias.evaluation.registry import make_system
    from nemo_ctcbias.evaluation.runner import run_system
    from nemo_ctcbias.evaluation.systems import Context
    from nemo_ctcbias.nemo.ctc_models import from_ctc

    model = from_ctc(tiny_model)
    model.add_adapter("names", ContextualAdapterConfig(dim=16))
    items, _ = encode(model, read_manifest(write_manifest("test", 2))[0], progress=False)
    greedy, system = make_system("greedy"), make_system("adapter")
    for one in (greedy, system):
        one.prepare(Context(model.eval()))
    written = run_system(greedy, items, [()] * 2, [{}], progress=False)[0].hypotheses
    lists = [tuple(sorted({"dover", text.split()[0]})) for text in written]
    run = run_system(system, items, lists, [{"weight": 10.0}], progress=False)[0]
    assert run.hypotheses == written
    assert sorted(run.attention) == [0, 1]
    for number, (item, hits) in enumerate(zip(items, run.hits, strict=True)):
        assert {hit["phrase"] for hit in hits} == set(lists[number]) & set(written[number].split())
        assert all(0 <= hit["start"] < hit["end"] <= item.seconds + 1e-3 for hit in hits)
        attention = run.attention[number]
        assert set(attention.phrases) == {*lists[number], NO_BIAS} and attention.phrases[-1] == NO_BIAS
        assert attention.weights.shape[1] == len(item.log_probs)
        np.testing.assert_allclose(attention.weights.sum(axis=0), 1, atol=1e-4)
    tried = run_system(system, items, lists, [{"weight": 10.0}, {"weight": 20.0}], progress=False)
    assert all(run.hits == [] and run.attention == {} for run in tried)
