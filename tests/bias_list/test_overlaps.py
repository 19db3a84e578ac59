"""Phrases that begin or end inside a token, against all token sequences."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList, Phrase, Vocabulary, spell
from nemo_ctcbias.bias_list.overlaps import MOST, Overlaps
from nemo_ctcbias.bias_list.segmenter import Segmenter

LETTERS = "青山公"
PIECES = st.lists(st.text(LETTERS + "去", min_size=2, max_size=4), max_size=5, unique=True).flatmap(
    lambda longer: st.lists(st.sampled_from(longer or ["去"]), max_size=2, unique=True).map(
        lambda begin: ["▁", *LETTERS, "去", *longer, *("▁" + piece for piece in begin)]
    )
)


def holds(text: str, pieces: list[str], phrase: str) -> bool:
    """Whether the phrase begins in the first piece and ends in the last one, where more than it stands in these."""
    begins = [at for at in range(len(text)) if text.startswith(phrase, at)]
    inside = [at for at in begins if at < len(pieces[0]) and at + len(phrase) > len(text) - len(pieces[-1])]
    return any(text[:at] not in ("", "▁") or at + len(phrase) < len(text) for at in inside)


@given(pieces=PIECES, phrase=st.text(LETTERS, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_all_sequences_that_hold_more_than_the_phrase_are_found(pieces, phrase):
    vocabulary = Vocabulary(pieces)
    wanted = {
        tokens
        for count in range(1, len(phrase) + 2)
        for tokens in product(range(len(pieces)), repeat=count)
        if all("▁" not in pieces[token] for token in tokens[1:])
        if holds("".join(pieces[token] for token in tokens), [pieces[token] for token in tokens], phrase)
    }
    found = Overlaps(Segmenter(vocabulary, 10_000), vocabulary.word_ends).of(phrase)
    assert found == sorted(wanted, key=lambda tokens: (len(tokens), tokens))[:MOST]


def test_only_phrases_of_scripts_without_spaces_begin_inside_tokens():
    pieces = ["▁", *"青山iran", "▁i", "去青", "▁iran", "rani", "山i"]
    vocabulary = Vocabulary(pieces)
    overlaps = Overlaps(Segmenter(vocabulary, 4), vocabulary.word_ends)
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
