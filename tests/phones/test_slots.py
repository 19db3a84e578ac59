import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.phones.slots import ALTERNATIVES, LEAST, UNWRITTEN, slots_of

A, B, BLANK = 0, 1, 2


def frames(*probs):
    return np.log(np.array(probs) + 1e-9)


def test_a_token_is_written_once_however_long_and_again_after_a_blank():
    slots = list(slots_of(frames([0.9, 0, 0.1], [0.8, 0.2, 0], [0, 0, 1], [0.6, 0, 0.4], [0, 1, 0])))
    assert [(slot.frame, slot.written, slot.best) for slot in slots] == [(0, True, A), (3, True, A), (4, True, B)]
    assert slots[0].tokens == ((A, pytest.approx(0.9 / 1.1)), (B, pytest.approx(0.2 / 1.1)))
    assert [slot.silence for slot in slots] == pytest.approx([0.0, 0.4, 0.0], abs=1e-6), "two frames say it is there"


def test_where_a_token_might_stand_is_looked_at():
    slots = list(slots_of(frames([0.05, 0.04, 0.91], [0.1, 0.2, 0.7], [0, 0, 1])))
    assert [(slot.frame, slot.written, slot.best) for slot in slots] == [(1, False, B)]
    assert slots[0].silence == pytest.approx(0.7)


@given(st.integers(0, 9), st.integers(1, 12), st.floats(0.02, 2), st.integers(0, 2**16))
def test_tokens_and_silence_are_all_there_can_be(length, tokens, spread, seed):
    probs = np.random.default_rng(seed).dirichlet(np.full(tokens + 1, spread), size=length).reshape(length, tokens + 1)
    log_probs = np.log(probs + 1e-9)
    slots = list(slots_of(log_probs))
    for slot in slots:
        assert sum(p for _, p in slot.tokens) + slot.silence == pytest.approx(1)
        assert 0 < len(slot.tokens) <= ALTERNATIVES and slot.silence < 1 - LEAST / 2
        assert [p for _, p in slot.tokens] == sorted((p for _, p in slot.tokens), reverse=True)
    assert [slot.frame for slot in slots] == sorted({slot.frame for slot in slots})
    greedy = probs.argmax(axis=1).tolist()
    collapsed = [a for a, before in zip(greedy, [tokens, *greedy], strict=False) if a != before and a != tokens]
    assert [slot.best for slot in slots if slot.written] == collapsed
    doubtful = {t for t in range(length) if greedy[t] == tokens and 1 - probs[t, -1] > UNWRITTEN + 1e-6}
    assert doubtful <= {slot.frame for slot in slots if not slot.written}
