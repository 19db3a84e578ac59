"""Token sequences of phrases that begin or end inside a token, as they may in scripts without spaces.

A piece of several characters (`我去青`) may hold the beginning of a phrase (青山公园) behind other text, another one
(`园看`) its end with other text behind it.  In a vocabulary of words a character begins and ends hundreds of pieces, so
that both at once are their product: what only begins or only ends inside a token goes first, and in long lists less is
looked for of each phrase.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from heapq import merge
from itertools import combinations_with_replacement, product

from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.vocabulary import WORD_START, Held

MOST = 500  # sequences of a phrase
LEAST = 16  # of a phrase of a long list
OF_A_LIST = 50_000

NOTHING: list[Tokens] = [()]


def most_in(phrases: int) -> int:
    """Sequences of each phrase of a list."""
    return max(LEAST, min(MOST, OF_A_LIST // max(phrases, 1)))


class Overlaps:
    """Finds these sequences.

    Args:
        segmenter: of what lies between the first token and the last.
        most: sequences of a phrase.
    """

    def __init__(self, segmenter: Segmenter, most: int = MOST) -> None:
        self._segmenter, self._most = segmenter, most

    def of(self, phrase: str) -> list[Tokens]:
        """The sequences whose first or last token holds more than the phrase.

        Those whose first and last token both do come last; then by number of tokens, then by tokens.
        """
        if " " in phrase or not self._segmenter.vocabulary.word_ends.ends_anywhere(phrase):
            return []
        groups: dict[tuple[bool, int], list[Iterator[Tokens]]] = defaultdict(list)
        size = len(phrase)
        heads = [self._holding(phrase[:end], before=True, after=False) if end else NOTHING for end in range(size + 1)]
        tails = [self._holding(phrase[at:], before=False, after=True) if at < size else NOTHING for at in range(size)]
        tails.append(NOTHING)
        for start, end in combinations_with_replacement(range(size + 1), 2):
            if heads[start] and tails[end] and (start, end) != (0, size):
                for middle in self._middles(phrase, start, end):
                    tokens = (start > 0) + len(middle) + (end < size)
                    groups[start > 0 and end < size, tokens].append(_joined(heads[start], middle, tails[end]))
        begins = WORD_START + phrase  # with other text behind it alone
        for (token,) in self._holding(phrase, before=True, after=True):
            groups[not self._segmenter.vocabulary.pieces[token].startswith(begins), 1].append(iter([(token,)]))
        found: dict[Tokens, None] = {}
        for _, several in sorted(groups.items(), key=lambda one: one[0]):
            for tokens in merge(*several):
                found[tokens] = None
                if len(found) == self._most:
                    return list(found)
        return list(found)

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
        """Tokens that hold a part of a phrase and something else before it or after it, ascending."""
        return self._held.get((part, before, after), [])

    @cached_property
    def _held(self) -> Held:
        vocabulary = self._segmenter.vocabulary
        return vocabulary.held[vocabulary.parts.index(self._segmenter.part)]


def _joined(heads: list[Tokens], middle: Tokens, tails: list[Tokens]) -> Iterator[Tokens]:
    """Each head with each tail, ascending."""
    return (head + middle + tail for head, tail in product(heads, tails))
