"""A word's token sequences: the tokenizer's own segmentation, and those with the fewest pieces."""

from __future__ import annotations

from itertools import chain, product

from nemo_ctcbias.bias_list.fewest_pieces import fewest_pieces
from nemo_ctcbias.bias_list.vocabulary import WORD_START, Part, Vocabulary, readable

Tokens = tuple[int, ...]


class Segmenter:
    """Token sequences of normalised text, each distinct word segmented once.

    Args:
        alternatives: most sequences of a text; always 1 for a character vocabulary.
        part: the tokens to spell with; all if None.
    """

    def __init__(self, vocabulary: Vocabulary, alternatives: int, part: Part | None = None) -> None:
        self.vocabulary, self.part = vocabulary, part or vocabulary.parts[0]
        self.alternatives = alternatives if vocabulary.kind == "bpe" else 1
        self._lead = WORD_START if vocabulary.kind == "bpe" else ""
        self._separator = () if vocabulary.separator_id is None else (vocabulary.separator_id,)
        self._pieces = self.part.trie
        self._words: dict[tuple[str, bool], tuple[Tokens, list[Tokens]] | None] = {}
        self._own: dict[str, Tokens | None] = {}  # what the tokenizer makes of each word

    def phrase(self, text: str, inside: bool = False) -> list[Tokens]:
        """Best segmentation first, then others with the fewest pieces; empty if some word cannot be spelled.

        Args:
            text: words with single spaces between them.
            inside: whether it follows other letters without a space.
        """
        words = []
        for place, word in enumerate(text.split(" ")):
            key = (word, inside and place == 0)
            if key not in self._words:
                self._words[key] = self._word(*key)
            found = self._words[key]
            if found is None:
                return []
            words.append(found)
        best, fewest = words[0] if len(words) == 1 else self._join(words)
        others = [tokens for tokens in fewest if tokens != best]
        return [best, *others[: self.alternatives - 1]]

    def best(self, text: str) -> Tokens | None:
        """The first of `phrase`, for which the others need not be found where the tokenizer has one for each word."""
        words = [self._encoded(word) for word in text.split(" ")]
        if None in words:
            return next(iter(self.phrase(text)), None)
        return tuple(chain.from_iterable(words))

    def _join(self, words: list[tuple[Tokens, list[Tokens]]]) -> tuple[Tokens, list[Tokens]]:
        # A better choice for one word makes a better whole, so the best few of each beginning are enough.
        best = tuple(chain.from_iterable([tokens for tokens, _ in words]))
        fewest = words[0][1]
        for _, options in words[1:]:
            longer = [head + tail for head, tail in product(fewest, options)]
            longer.sort()
            longer.sort(key=len)  # stable: equally many pieces stay in the order of ids
            fewest = longer[: self.alternatives]
        return best, fewest

    def _word(self, word: str, inside: bool) -> tuple[Tokens, list[Tokens]] | None:
        """The tokenizer's segmentation of one word, and the `alternatives` with the fewest pieces."""
        surface = word if inside else self._lead + word
        fewest = self._fewest(surface)
        if not fewest:
            return None
        best = (None if inside else self._encoded(word)) or fewest[0]
        if self._separator and not inside:
            return self._separator + best, [self._separator + tokens for tokens in fewest]
        return best, fewest

    def _encoded(self, word: str) -> Tokens | None:
        """What the tokenizer makes of the word, if it spells exactly that with usable tokens."""
        if self.vocabulary.kind == "char" or self.part.encode is None:
            return None
        if word not in self._own:
            tokens = tuple(self.part.encode(word))
            self._own[word] = tokens if self._spells(tokens, self._lead + word) else None
        return self._own[word]

    def _spells(self, tokens: Tokens, surface: str) -> bool:
        vocabulary = self.vocabulary
        if not tokens or min(tokens) < 0 or max(tokens) >= vocabulary.size:
            return False
        if not vocabulary.unknown_ids.isdisjoint(tokens):
            return False
        return readable("".join([vocabulary.texts[t] for t in tokens])) == surface

    def _fewest(self, surface: str) -> list[Tokens]:
        """The segmentations of `surface` with the fewest pieces, by number of pieces, then by ids."""
        found = fewest_pieces(surface, self._pieces, self.alternatives, bool(self.vocabulary.byte_ids))
        if not self.vocabulary.byte_ids or all(min(tokens, default=0) >= 0 for tokens in found):
            return found
        parts = [[(token,) if token >= 0 else self._bytes(surface[-1 - token]) for token in one] for one in found]
        return [tuple(token for part in one for token in part) for one in parts]

    def _bytes(self, character: str) -> Tokens:
        return tuple(self.vocabulary.byte_ids[value] for value in character.encode())
