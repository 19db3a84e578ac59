"""The rule by which a setting is chosen."""

from __future__ import annotations

from nemo_ctcbias.evaluation.tuning import Trial, choose


def trials(*pairs):
    return [Trial({"weight": float(i)}, f1, u_wer, None) for i, (f1, u_wer) in enumerate(pairs)]


def test_best_f1_within_the_guard():
    assert choose(trials((50.0, 20.0), (60.0, 20.3), (70.0, 20.4)), 20.0)[0] == 1


def test_the_end_of_the_grid_is_pointed_out():
    assert "strongest of its grid" in choose(trials((50.0, 20.0), (60.0, 20.0)), 20.0)[1]
    assert "strongest" not in choose(trials((60.0, 20.0), (50.0, 20.0)), 20.0)[1]


def test_of_equals_the_weakest():
    assert choose(trials((50.0, 20.0), (60.0, 20.1), (60.0, 20.0)), 20.0)[0] == 1


def test_when_all_do_damage_the_least():
    index, note = choose(trials((50.0, 22.0), (60.0, 21.0)), 20.0)
    assert index == 1
    assert "lowest U-WER" in note


def test_undefined_metrics():
    assert choose(trials((None, 20.0), (0.0, 20.0)), 20.0)[0] == 1
    assert choose(trials((50.0, None)), None)[0] == 0
