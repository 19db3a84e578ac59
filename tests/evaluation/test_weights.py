import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.commands.tune import table, verdict_on
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.scoring import score
from nemo_ctcbias.evaluation.weights import GRID, Tuned, descend, objective

DEFAULT = {"weight": 10.0, "lm.alpha": 0.5, "lm.beta": 1.5}
OTHER = {**DEFAULT, "weight": 12.5}


@given(st.fixed_dictionaries({key: st.sampled_from(GRID[key]) for key in DEFAULT}))
def test_where_weights_do_not_depend_on_each_other_the_best_is_found(best):
    asked = []

    def measure(settings):
        asked.extend(settings)
        return [-sum(abs(setting[key] - best[key]) for key in best) for setting in settings]

    assert descend(measure, DEFAULT) == best
    assert len(asked) == sum(len(GRID[key]) for key in DEFAULT)
    assert all(set(setting) == set(DEFAULT) for setting in asked), "what the model lacks is not tuned"


def test_of_equals_the_default_stays():
    odd = {**DEFAULT, "weight": 9.0}
    assert descend(lambda settings: [0.0] * len(settings), odd) == odd


def test_names_found_do_not_pay_for_more_wrong_words():
    perfect = Counts()
    assert objective(perfect) == 0.0
    tuned = Tuned(DEFAULT, DEFAULT, [perfect], [perfect], 0)
    assert not tuned.better, "equal is not better"


def utterances(*wrong):
    """Counts of utterances of ten words and one listed one, with so many errors."""
    return [score("anna " + "word " * 9, "anna " + "word " * (9 - errors), ["anna"]) for errors in wrong]


def test_a_gain_counts_where_it_is_no_chance():
    few = Tuned(OTHER, DEFAULT, utterances(2, 0, 1), utterances(0, 1, 0), 3)
    assert few.gain().value > 0 > few.gain().low and not few.better
    assert verdict_on(few).startswith("too little speech to tell")
    many = Tuned(OTHER, DEFAULT, utterances(*[2, 1, 3] * 20), utterances(*[1, 1, 2] * 20), 60)
    assert many.better and many.gain("wer").high < 0 and verdict_on(many) == "tuned"
    worse = Tuned(OTHER, DEFAULT, many.after, many.before, 60)
    assert not worse.better and verdict_on(worse).startswith("the tuned weights are worse")
    same = Tuned(DEFAULT, DEFAULT, many.after, many.after, 60)
    assert not same.better and verdict_on(same).startswith("no other weight that was tried is better")
    rows = table(many).splitlines()
    assert rows[-1].startswith("| difference, 95% interval | -") and rows[-1].count("[") >= 3


def test_what_is_measured_is_f1_less_wer():
    class Rates:
        def rate(self, metric):
            return {"f1": 80.0, "wer": 30.0}[metric]

    assert objective(Rates()) == pytest.approx(50.0)
