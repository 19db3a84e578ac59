"""Scoring of one utterance against brute force, jiwer, kaldialign and NeMo's own key-word F-score."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

import kaldialign
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.evaluation.scoring import compare, phrase_table, score

# Few different words, so that alignments have matches; two-word phrases included.
WORDS = st.lists(st.sampled_from("abcde"), max_size=7).map(" ".join)
LISTED = st.lists(st.sampled_from(["a", "b", "c", "x", "a b", "b c", "a b c", "e e"]), max_size=4)
DRESSED = st.lists(st.sampled_from(["a", "A", "b,", "B.", "b-c", "«c»", "e", "E!", "—", "’"]), max_size=7).map(" ".join)
LISTED_WORDS = st.lists(st.sampled_from("abcx"), max_size=4)


def brute_force_errors(reference: list[str], hypothesis: list[str]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if i == 0 or j == 0:
            return i + j
        same = reference[i - 1] == hypothesis[j - 1]
        return min(distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (not same))

    return distance(len(reference), len(hypothesis))


@given(WORDS, WORDS, LISTED)
def test_errors_equal_a_brute_force_alignment_and_split_without_rest(reference, hypothesis, listed):
    counts = score(reference, hypothesis, listed)
    assert counts.errors == brute_force_errors(reference.split(), hypothesis.split())
    assert counts.biased_errors + counts.unbiased_errors == counts.errors
    assert counts.words == len(reference.split())
    assert counts.distractor_insertions <= counts.biased_insertions


@given(WORDS, WORDS, LISTED)
def test_insertions_deletions_substitutions_agree_with_kaldialign(reference, hypothesis, listed):
    counts = score(reference, hypothesis, listed)
    expected = kaldialign.edit_distance(reference.split(), hypothesis.split())
    kinds = {
        kind: getattr(counts, f"biased_{name}") + getattr(counts, f"unbiased_{name}")
        for kind, name in (("ins", "insertions"), ("del", "deletions"), ("sub", "substitutions"))
    }
    assert kinds == {kind: expected[kind] for kind in kinds}


@given(st.lists(st.tuples(WORDS.filter(bool), WORDS), min_size=1, max_size=4))
def test_corpus_wer_agrees_with_jiwer(pairs):
    jiwer = pytest.importorskip("jiwer")
    references, hypotheses = map(list, zip(*pairs, strict=True))
    total = sum((score(*pair, []) for pair in pairs), Counts())
    assert total.wer == pytest.approx(100 * jiwer.wer(references, hypotheses))


@given(WORDS, WORDS, LISTED)
def test_spoken_and_written_phrases_are_all_accounted_for(reference, hypothesis, listed):
    outcome = compare(reference, hypothesis, listed)
    phrases = set(listed)

    def occurrences(text: str) -> int:
        words = text.split()
        return sum(words[i : i + len(p.split())] == p.split() for p in phrases for i in range(len(words)))

    assert outcome.counts.hits + outcome.counts.misses == occurrences(reference)
    assert outcome.counts.hits + outcome.counts.false_alarms == occurrences(hypothesis)
    assert len(outcome.hits) == outcome.counts.hits
    assert len(outcome.misses) == outcome.counts.misses
    assert len(outcome.false_alarms) == outcome.counts.false_alarms


@given(WORDS, LISTED)
def test_a_perfect_hypothesis_has_only_hits(text, listed):
    counts = score(text, text.upper(), listed)
    assert (counts.errors, counts.misses, counts.false_alarms) == (0, 0, 0)


@given(DRESSED, DRESSED, LISTED)
def test_with_case_and_punctuation_words_are_what_stands_between_spaces(reference, hypothesis, listed):
    plain, counts = score(reference, hypothesis, listed), compare(reference, hypothesis, listed, cased=True).counts
    words = [text.replace("’", "'").split() for text in (reference, hypothesis)]
    assert counts.errors == brute_force_errors(*words)
    assert (counts.words, counts.biased_errors + counts.unbiased_errors) == (len(words[0]), counts.errors)
    for count in ("hits", "misses", "false_alarms", "invented"):
        assert getattr(counts, count) == getattr(plain, count)
    assert bool(counts.biased_words) == bool(plain.biased_words)


@given(WORDS, WORDS, LISTED)
def test_without_case_and_punctuation_in_the_texts_their_errors_make_no_difference(reference, hypothesis, listed):
    assert compare(reference, hypothesis, listed, cased=True).counts == score(reference, hypothesis, listed)


def test_errors_of_case_and_punctuation():
    told = "Call Anna-Lena, now."
    assert score(told, "call anna lena now", ["Anna-Lena"]).errors == 0
    counts = compare(told, "call Anna Lena, now.", ["Anna-Lena"], cased=True).counts
    assert (counts.biased_words, counts.biased_substitutions, counts.biased_insertions) == (1, 1, 1)
    assert (counts.unbiased_words, counts.unbiased_substitutions, counts.hits) == (2, 1, 1)
    assert compare(told, "Call now.", [], cased=True).reference == told


@given(WORDS, WORDS, LISTED)
def test_list_order_and_repeats_change_nothing(reference, hypothesis, listed):
    assert score(reference, hypothesis, listed) == score(reference, hypothesis, [*reversed(listed), *listed])


@given(st.lists(st.tuples(WORDS, WORDS, LISTED, st.floats(0, 30)), min_size=3, max_size=5))
def test_sums_are_associative_and_commutative(utterances):
    counts = [score(*utterance) for utterance in utterances]
    left = (counts[0] + counts[1]) + counts[2]
    assert left == counts[0] + (counts[1] + counts[2]) == counts[2] + counts[1] + counts[0]
    assert sum(counts, Counts()) == sum(reversed(counts), Counts())


def test_listed_word_recognised_as_another_listed_word_is_a_miss_and_a_false_alarm():
    outcome = compare("to dover now", "to deryck now", ["dover", "deryck"])
    assert (outcome.counts.hits, outcome.misses, outcome.false_alarms) == (0, ("dover",), ("deryck",))
    assert (outcome.counts.precision, outcome.counts.recall, outcome.counts.f1) == (0.0, 0.0, 0.0)


def test_an_inserted_distractor_is_biased_and_on_its_own_line():
    counts = score("we went home", "we went dover home", ["dover"])
    assert (counts.biased_insertions, counts.distractor_insertions, counts.unbiased_errors) == (1, 1, 0)
    assert score("we went home", "we went old home", ["dover"]).unbiased_insertions == 1


def test_an_inserted_word_that_is_also_spoken_is_no_distractor():
    counts = score("to dover", "dover to dover", ["dover"])
    assert (counts.biased_insertions, counts.distractor_insertions, counts.false_alarms) == (1, 0, 1)


def test_a_distractor_in_place_of_an_unlisted_word_is_an_unbiased_error_and_reported():
    counts = score("we went over", "we went dover", ["dover"])
    assert (counts.unbiased_substitutions, counts.distractor_substitutions, counts.false_alarms) == (1, 1, 1)


def test_a_right_word_in_the_wrong_place_is_no_hit():
    counts = score("dover is a town by the sea", "a town by the sea is dover", ["dover"])
    assert (counts.hits, counts.misses, counts.false_alarms) == (0, 1, 1)


def test_phrases_match_as_a_whole_and_overlapping_ones_count_each():
    listed = ["New York", "York"]
    assert compare("in new york today", "in New York today", listed).hits == ("new york", "york")
    assert compare("in new york today", "in newark today", listed).misses == ("new york", "york")
    broken = compare("in new york today", "in new uh york today", listed)
    assert (broken.hits, broken.misses, broken.false_alarms) == (("york",), ("new york",), ())


def test_false_alarms_per_hour_are_those_that_the_list_alone_made_up():
    clean = compare("we went home", "we dover home", ["dover"], seconds=1800, unlisted="we went home").counts
    spoken = compare("to dover", "dover dover", ["dover"], seconds=1800, unlisted="to over").counts
    assert (clean + spoken).false_alarms_per_hour == 2.0
    assert compare("to dover", "to dover", ["dover"], 1800, unlisted="to over").counts.false_alarms_per_hour == 0.0
    assert score("we", "dover", ["dover"]).false_alarms_per_hour is None, "of no audio"
    by_itself = compare("we went over", "dover and dover", ["Dover"], 1800, unlisted="we went Dover")
    assert (by_itself.false_alarms, by_itself.invented) == (("dover", "dover"), ("dover",))
    assert compare("to dover", "dover", ["dover"], unlisted="dover").invented == ()


@given(WORDS, WORDS, WORDS, LISTED)
def test_invented_are_among_the_false_alarms_and_what_the_model_writes_anyway_is_not(text, written, plain, listed):
    outcome = compare(text, written, listed, unlisted=plain)
    alarms = Counter(outcome.false_alarms)
    assert Counter(outcome.invented) == alarms - Counter(compare(text, plain, listed).false_alarms)
    assert outcome.counts.invented <= outcome.counts.false_alarms
    assert compare(text, written, listed, unlisted=written).invented == ()


def test_rates_without_anything_to_count_are_undefined_not_zero():
    counts = score("we went home", "we went home", [])
    assert counts.wer == 0.0
    assert (counts.b_wer, counts.precision, counts.recall, counts.f1) == (None, None, None, None)
    assert Counts().wer is None


def test_counts_refuse_what_is_no_count():
    with pytest.raises(ValueError, match=r"Counts\.hits is -1"):
        Counts(hits=-1)


def test_phrase_table_lists_the_worst_first():
    outcomes = [compare("dover deryck", "dover derek", ["dover", "deryck"]), compare("hello", "dover", ["dover"])]
    assert phrase_table(outcomes) == {"deryck": (0, 1, 0), "dover": (1, 0, 1)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Deryck’s  Café!", "deryck's café"),
        ("Anna-Lena", "anna lena"),
        ("cafe\u0301", "café"),
        ("' 'tis '", "'tis"),
        ("Zürich 2024…", "zürich 2024"),
        ("…", ""),
    ],
)
def test_normaliser(text, expected):
    assert normalise(text) == expected


@given(st.text(max_size=30))
def test_normaliser_is_idempotent(text):
    assert normalise(normalise(text)) == normalise(text)


@settings(max_examples=60)
@given(st.lists(st.tuples(WORDS.filter(bool), WORDS.filter(bool)), min_size=1, max_size=4), LISTED_WORDS)
def test_agrees_with_nemo_where_defined_alike(pairs, listed):
    """NeMo's `compute_fscore`: one global list, and no listed word recognised as another (it then misses the alarm)."""
    nemo = pytest.importorskip("nemo.collections.asr.parts.context_biasing.context_biasing_utils")
    outcomes = [compare(*pair, listed) for pair in pairs]
    confused = any(
        ref in listed and hyp in listed and ref != hyp
        for ref_text, hyp_text in pairs
        for ref, hyp in kaldialign.align(ref_text.split(), hyp_text.split(), "*")
    )
    total = sum((outcome.counts for outcome in outcomes), Counts())
    if confused or not (total.hits + total.misses + total.false_alarms):
        return
    with pytest.MonkeyPatch.context() as patch:
        rows = [{"text": reference, "pred_text": hypothesis} for reference, hypothesis in pairs]
        patch.setattr(nemo, "read_manifest", lambda path: rows)
        precision, recall, f1 = nemo.compute_fscore(__file__, sorted(set(listed)))
    assert 100 * precision == pytest.approx(total.precision or 0.0, abs=1e-4)
    assert 100 * recall == pytest.approx(total.recall or 0.0, abs=1e-4)
    assert 100 * f1 == pytest.approx(total.f1 or 0.0, abs=1e-4)


def test_outcome_is_json_ready():
    outcome = compare("to dover", "to Dover", ["dover"])
    assert json.loads(json.dumps([outcome.reference, outcome.hypothesis, outcome.hits])) == [
        "to dover",
        "to dover",
        ["dover"],
    ]
