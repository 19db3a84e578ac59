import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.weights import GRID, Tuned, descend, objective

DEFAULT = {"weight": 10.0, "lm.alpha": 0.5, "lm.beta": 1.5}


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
    tuned = Tuned(DEFAULT, DEFAULT, perfect, perfect, 0)
    assert not tuned.better, "equal is not better"


def test_what_is_measured_is_f1_less_wer():
    class Rates:
        def rate(self, metric):
            return {"f1": 80.0, "wer": 30.0}[metric]

    assert objective(Rates()) == pytest.approx(50.0)
