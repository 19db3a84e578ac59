"""How the confidences are learned: what to ask for is read off recordings that were not learned from."""

import importlib
import sys

import numpy as np
import pytest
from places import ROOT

from nemo_ctcbias.phones.confidence import NAMES

sys.path.append(str(ROOT / "examples"))
train_confidence = importlib.import_module("train_confidence")


def examples(size, model="strong", alike=False, seed=0, count=400):
    """Candidates of which the better their score is the more are right."""
    rng = np.random.default_rng([seed, size])
    evidence = rng.standard_normal((count, len(NAMES)))
    right = rng.random(count) < 1 / (1 + np.exp(-3 * evidence[:, NAMES.index("score")]))
    recording, written = rng.integers(0, 30, count), rng.random(count) < 0.5
    return train_confidence.Examples(model, size, alike, f"{model} {size}", recording, evidence, written, right)


def test_each_half_of_the_recordings_is_judged_by_what_the_other_says():
    one = examples(100)
    first, second = one.half(0), one.half(1)
    assert not set(first.recording) & set(second.recording) and len(first.right) + len(second.right) == len(one.right)
    halves = [train_confidence.fitted([half]) for half in (first, second)]
    probabilities, right = train_confidence.unseen(one, halves)
    np.testing.assert_array_equal(right, [*first.right, *second.right])
    np.testing.assert_allclose(probabilities[: len(first.right)], first.probabilities(halves[1]))
    np.testing.assert_allclose(probabilities[len(first.right) :], second.probabilities(halves[0]))


def test_what_is_asked_for_gives_the_precision_in_the_mean_of_the_sets():
    judged = [train_confidence.unseen(one, [train_confidence.fitted([one])] * 2) for one in map(examples, (100, 1000))]
    for wanted, asked in train_confidence.thresholds(judged)[1:]:
        reached, less = (np.mean([right[p >= least].mean() for p, right in judged]) for least in (asked, asked - 0.005))
        assert reached >= wanted > less or asked == 0.02, (wanted, asked)


def test_it_is_read_off_the_first_models_two_longest_usual_lists(monkeypatch):
    some = [examples(5), examples(100), examples(1000), examples(100, alike=True), examples(1000, "small")]
    seen = []
    monkeypatch.setattr(train_confidence, "unseen", lambda one, halves: seen.append(one) or (np.ones(1), np.ones(1)))
    found = train_confidence.learned(some)
    assert [one.name for one in seen] == ["strong 100", "strong 1000"] and not any(one.alike for one in seen)
    score = found.written.weights["score"]
    assert score == max(found.written.weights.values()) == pytest.approx(3, abs=0.5)
