"""Phrases that begin or end inside a token, against all token sequences."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.bias_list.overlaps import LEAST, MOST, OF_A_LIST, Overlaps
from nemo_ctcbias.bias_list.segmenter import Segmenter

LETTERS = "青山公"
PIECES = st.lists(st.text(LETTERS + "去", min_size=2, max_size=4), max_size=5, unique=True).flatmap(
    lambda longer: st.lists(st.sampled_from(longer or ["去"]), max_size=2, unique=True).map(
        lambda begin: ["▁", *LETTERS, "去", *longer, *("▁" + piece for piece in begin)]
    )
)


def both_hold_more(text: str, pieces: list[str], phrase: str) -> bool | None:
    """Whether first and last piece, in which the phrase begins and ends, hold more than it; None if neither does."""
    begins = [at for at in range(len(text)) if text.startswith(phrase, at)]
    inside = [at for at in begins if at < len(pieces[0]) and at + len(phrase) > len(text) - len(pieces[-1])]
    sides = [(text[:at] not in ("", "▁"), at + len(phrase) < len(text)) for at in inside]
    return min((all(side) for side in sides if any(side)), default=None)


@given(pieces=PIECES, phrase=st.text(LETTERS, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_all_sequences_that_hold_more_than_the_phrase_are_found(pieces, phrase):
    vocabulary = Vocabulary(pieces)
    wanted = {
        tokens: both
        for count in range(1, len(phrase) + 2)
        for tokens in product(range(len(pieces)), repeat=count)
        if all("▁" not in pieces[token] for token in tokens[1:])
        for written in ["".join(pieces[token] for token in tokens)]
        if (both := both_hold_more(written, [pieces[token] for token in tokens], phrase)) is not None
    }
    inside = sorted(wanted, key=lambda tokens: (wanted[tokens], len(tokens), tokens))
    for most in (MOST, 3):
        assert Overlaps(Segmenter(vocabulary, 10_000), most).of(phrase) == inside[:most]


def test_only_phrases_of_scripts_without_spaces_begin_inside_tokens():
    pieces = ["▁", *"青山iran", "▁i", "去青", "▁iran", "rani", "山i"]
    vocabulary = Vocabulary(pieces)
    overlaps = Overlaps(Segmenter(vocabulary, 4))
    assert overlaps.of("ran") == [] == overlaps.of("青 山")
    assert [[pieces[token] for token in tokens] for tokens in overlaps.of("青山")] == [
        ["青", "山i"],
        ["去青", "山"],
        ["去青", "山i"],
    ]


def test_suppressed_phrases_are_known_by_them_too():
    vocabulary = Vocabulary(["▁", *"青山", "去青", "山去"])
    for weight in (1.0, -1.0):
        tokens = {one.tokens for one in spell(BiasList([Phrase("青山", weight)]), vocabulary).spellings}
        assert {(3, 2), (1, 4), (3, 4)} <= tokens


def test_in_long_lists_less_is_looked_for_of_each_phrase():
    """A character begins and ends hundreds of words, so that a phrase has more sequences than one would search."""
    others = [chr(ord("一") + place) for place in range(100)]
    pieces = ["▁", *"青山", *(other + "青" for other in others), *("山" + other for other in others)]
    vocabulary = Vocabulary(pieces)

    def sequences(phrases: int) -> list[str]:
        listed = BiasList(["青山", *(f"{one}青{other}" for one in others for other in others)][:phrases])
        spelled = (one for one in spell(listed, vocabulary).spellings if one.phrase == 0)
        return ["".join(pieces[token] for token in one.tokens) for one in spelled]

    whole, usual, long = (sequences(phrases) for phrases in (1, 500, 10_000))
    assert whole[: len(long)] == long and whole[: len(usual)] == usual
    own = len(whole) - MOST  # without what it shares with other text
    assert (len(usual) - own, len(long) - own) == (OF_A_LIST // 500, LEAST)
    assert {text.strip("▁") for text in whole[own : own + 2 * len(others)]} == {
        *(other + "青山" for other in others),
        *("青山" + other for other in others),
    }
