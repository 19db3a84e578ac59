"""Token sequences of phrases that begin or end inside a token, as they may in scripts without spaces.

A piece of several characters (`我去青`) may hold the beginning of a phrase (青山公园) behind other text, another one
(`园看`) its end with other text behind it.
"""

from __future__ import annotations

from functools import cached_property
from itertools import combinations, combinations_with_replacement, islice, product

from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.vocabulary import WORD_START
from nemo_ctcbias.bias_list.word_ends import WordEnds

MOST = 500  # sequences of a phrase


class Overlaps:
    """Finds these sequences.

    Args:
        segmenter: of what lies between the first token and the last.
        ends: where a phrase may begin and end.
    """

    def __init__(self, segmenter: Segmenter, ends: WordEnds) -> None:
        self._segmenter, self._ends = segmenter, ends

    def of(self, phrase: str) -> list[Tokens]:
        """The sequences whose first or last token holds more than the phrase, by number of tokens, then by tokens."""
        if " " in phrase or not self._ends.ends_anywhere(phrase):
            return []
        size = len(phrase)
        heads = {end: self._holding(phrase[:end], before=True, after=False) for end in range(1, size + 1)}
        tails = {start: self._holding(phrase[start:], before=False, after=True) for start in range(size)}
        heads[0], tails[size] = [()], [()]
        found = set(self._holding(phrase, before=True, after=True))
        for start, end in combinations_with_replacement(range(size + 1), 2):
            if heads[start] and tails[end] and (start, end) != (0, size):
                parts = product(self._middles(phrase, start, end), heads[start], tails[end])
                found.update(head + middle + tail for middle, head, tail in islice(parts, MOST))
        return sorted(found, key=lambda tokens: (len(tokens), tokens))[:MOST]

    def _middles(self, phrase: str, start: int, end: int) -> list[Tokens]:
        """What lies between the first token and the last."""
        if start == end:
            return [()]
        inside = self._segmenter.phrase(phrase[start:end], inside=True)
        if start:
            return inside
        alone = self._segmenter.part.piece_ids.get(WORD_START)  # before what begins anywhere it tells nothing
        return [*inside, *(tokens for tokens in self._segmenter.phrase(phrase[:end]) if tokens[0] != alone)]

    def _holding(self, part: str, before: bool, after: bool) -> list[Tokens]:
        """Tokens that hold a part of a phrase and something else before it or after it."""
        return self._held.get((part, before, after), [])

    @cached_property
    def _held(self) -> dict[tuple[str, bool, bool], list[Tokens]]:
        held: dict[tuple[str, bool, bool], list[Tokens]] = {}
        for piece, token in self._segmenter.part.piece_ids.items():
            for start, end in combinations(range(len(piece) + 1), 2):
                # A word's usual beginning is no other text.
                usual = piece[:start] == WORD_START and end == len(piece)
                if self._ends.may_begin(piece, start) and not usual:
                    held.setdefault((piece[start:end], start > 0, end < len(piece)), []).append((token,))
        return held
