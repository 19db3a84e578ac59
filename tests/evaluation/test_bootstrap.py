"""Intervals and paired differences: against the binomial, reproducible, undefined where the metric is."""

from __future__ import annotations

import math

import pytest

from nemo_ctcbias.evaluation.bootstrap import intervals, paired_difference
from nemo_ctcbias.evaluation.counts import METRICS, Counts


def one_word(wrong: bool) -> Counts:
    return Counts(utterances=1, unbiased_words=1, unbiased_substitutions=int(wrong))


def test_interval_of_one_word_utterances_is_the_binomial_one():
    sample = [one_word(i < 80) for i in range(400)]  # 20% errors
    low, high = intervals(sample, seed=3, resamples=4000)["wer"]
    half = 1.96 * 100 * math.sqrt(0.2 * 0.8 / 400)
    assert low == pytest.approx(20 - half, abs=0.5)
    assert high == pytest.approx(20 + half, abs=0.5)


def test_same_seed_same_interval_and_every_metric_is_there():
    sample = [one_word(i % 3 == 0) for i in range(50)]
    assert intervals(sample, seed=1) == intervals(sample, seed=1)
    assert intervals(sample, seed=1)["wer"] != intervals(sample, seed=2)["wer"]
    assert set(intervals(sample)) == set(METRICS)


def test_undefined_metrics_have_no_interval():
    assert intervals([one_word(True)])["f1"] is None
    assert intervals([])["wer"] is None


def test_one_utterance_is_no_certainty():
    assert intervals([one_word(True)])["wer"] is None
    heard = Counts(utterances=1, milliseconds=9000, invented=2)
    assert intervals([heard, one_word(True), one_word(False)])["false_alarms_per_hour"] is None
    assert intervals([heard, heard])["false_alarms_per_hour"] is not None


def test_interval_holds_the_value():
    sample = [Counts(utterances=1, hits=i % 3, misses=i % 2, false_alarms=i % 5 == 0) for i in range(0, 60)]
    total = sum(sample, Counts())
    for metric in ("precision", "recall", "f1"):
        low, high = intervals(sample)[metric]
        assert low <= total.rate(metric) <= high


def test_paired_difference_of_equal_systems_is_certainly_nothing():
    sample = [one_word(i % 4 == 0) for i in range(40)]
    difference = paired_difference(sample, sample, "wer")
    assert (difference.value, difference.low, difference.high, difference.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_paired_difference_sees_what_unpaired_intervals_cannot():
    # The second system is wrong on the same utterances and on 12 more: intervals overlap, the difference is clear.
    first = [one_word(i < 100) for i in range(300)]
    second = [one_word(i < 112) for i in range(300)]
    assert intervals(first)["wer"][1] > intervals(second)["wer"][0]
    difference = paired_difference(first, second, "wer")
    assert difference.value == pytest.approx(-4.0)
    assert difference.high < 0
    assert difference.p_value < 0.01


def test_p_value_is_two_sided():
    # One of two utterances differs; a quarter of the resamples never draws it, and then nothing differs.
    difference = paired_difference([one_word(True), one_word(False)], [one_word(False)] * 2, "wer", resamples=4000)
    assert difference.p_value == pytest.approx(2 * 0.25, abs=0.04)


def test_paired_difference_refuses_different_utterances_and_undefined_metrics():
    with pytest.raises(ValueError, match="same utterances: 1 and 2"):
        paired_difference([one_word(True)], [one_word(True)] * 2, "wer")
    assert paired_difference([one_word(True)], [one_word(True)], "f1") is None


def test_one_utterance_tells_nothing_of_chance():
    right, wrong, silent = one_word(False), one_word(True), Counts()
    assert paired_difference([right], [wrong], "wer") is None and intervals([right])["wer"] is None
    assert paired_difference([right, silent], [wrong, silent], "wer") is None
    assert paired_difference([right, right], [wrong, right], "wer") is not None
