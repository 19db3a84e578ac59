import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from train_confusions import guessed, learned, save

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.confusions import NOTHING, PENALTY, Confusions, align, shipped_confusions
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS, PHONES, SUBSTITUTION_COSTS

S, SH, AH = (PHONE_IDS[phone] for phone in ("S", "SH", "AH"))
SOUNDS = st.lists(st.integers(0, BLANK - 1), max_size=6)


def pair_cost(pair, heard, said):
    here, there = pair
    return 1.0 if here is None or there is None else PENALTY * SUBSTITUTION_COSTS[heard[here], said[there]]


def cheapest(heard, said):
    """By the definition: over all alignments."""

    @cache
    def from_here(i, j):
        if i == len(heard) and j == len(said):
            return 0.0
        ways = []
        if i < len(heard):
            ways.append(1 + from_here(i + 1, j))
        if j < len(said):
            ways.append(1 + from_here(i, j + 1))
        if i < len(heard) and j < len(said):
            ways.append(pair_cost((i, j), heard, said) + from_here(i + 1, j + 1))
        return min(ways)

    return from_here(0, 0)


@given(SOUNDS, SOUNDS)
def test_an_alignment_is_a_cheapest_one(heard, said):
    pairs = align(heard, said)
    assert [here for here, _ in pairs if here is not None] == list(range(len(heard)))
    assert [there for _, there in pairs if there is not None] == list(range(len(said)))
    assert sum(pair_cost(pair, heard, said) for pair in pairs) == pytest.approx(cheapest(tuple(heard), tuple(said)))


def one_hot(phones):
    return np.eye(BLANK + 1)[list(phones)].reshape(-1, BLANK + 1)


def recordings(count=60, length=40, seed=0):
    """What was said, and what was heard: every third S as SH, and every fourth AH not at all."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        said = rng.integers(0, BLANK, length).tolist()
        heard = []
        for phone in said:
            if phone == AH and rng.random() < 0.25:
                continue
            heard.append(SH if phone == S and rng.random() < 0.33 else phone)
        yield one_hot(heard), said


def test_substitutions_and_what_is_dropped_are_found():
    found = learned(recordings())
    assert found.said[SH, S] == pytest.approx(0.25, abs=0.08), "of four heard one was said to be another"
    assert np.argsort(found.said[SH])[::-1][:2].tolist() == [SH, S]
    assert (np.delete(found.said[S], S) < 0.05).all(), "never the other way round"
    assert found.dropped[:BLANK].argmax() == AH and found.dropped[AH] > 5 * np.delete(found.dropped[:BLANK], AH).max()
    assert found.usual == pytest.approx(np.full(BLANK, 1 / BLANK), abs=0.01)


def test_of_alternatives_the_likelier_one_learns():
    """Half heard as one and half as the other: who is right elsewhere is believed here."""
    sure = [(one_hot([S, SH, AH] * 9), [S, SH, AH] * 9)] * 9
    half = np.zeros((1, BLANK + 1))
    half[0, [S, AH]] = 0.5
    found = learned([*sure, *[(half, [S])] * 9])
    start = guessed()
    assert found.said[AH, S] < 0.02 < 0.9 < found.said[S, S] and found.said[S, S] > start.said[S, S]


def test_nothing_learned_is_what_is_guessed():
    start = guessed()
    silent = (np.zeros((0, BLANK + 1)), [S])
    for found in (learned([]), learned([silent, (one_hot([S]), [])]), learned(recordings(2), rounds=0)):
        assert np.array_equal(found.said, start.said) and np.array_equal(found.usual, start.usual)
    unknown = learned([(np.zeros((3, BLANK + 1)), [S, SH, AH])])
    assert unknown.said == pytest.approx(start.said), "what nobody can name teaches nothing"


@pytest.mark.parametrize("table", [guessed(), shipped_confusions(), learned(recordings(5))])
def test_all_are_probabilities(table):
    assert table.said.sum(axis=1) == pytest.approx(1, abs=1e-4) and table.said.min() >= 0
    assert table.dropped.sum() == pytest.approx(1, abs=1e-4) and table.usual.sum() == pytest.approx(1, abs=1e-4)


def test_the_shipped_table_mostly_hears_what_was_said():
    table = shipped_confusions()
    right = [PHONES[phone] for phone in range(BLANK) if table.said[phone].argmax() == phone]
    assert len(right) > 30 and table.said[NOTHING].argmax() == NOTHING and table.dropped.argmax() == NOTHING
    assert table.usual.min() > 0, "each may be said"


def test_written_and_read_again(tmp_path):
    file = tmp_path / "confusions.json"
    table = learned(recordings(5))
    save(table, file)
    again = Confusions.load(file)
    for name in ("said", "dropped", "usual"):
        assert getattr(again, name) == pytest.approx(getattr(table, name), abs=1e-6)


@pytest.mark.parametrize("content", [None, "no JSON", "{}", "[1, 2]", json.dumps({"said": [[1]]})])
def test_what_is_no_table_is_named(tmp_path, content):
    file = tmp_path / "confusions.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(PhoneticsError, match=r"confusions\.json: is no table of confusions .*train it again"):
        Confusions.load(file)


def test_tables_of_other_phones(tmp_path):
    file = tmp_path / "confusions.json"
    file.write_text(json.dumps({"said": [[1.0]], "dropped": [1.0], "usual": []}))
    with pytest.raises(PhoneticsError, match="shapes"):
        Confusions.load(file)
