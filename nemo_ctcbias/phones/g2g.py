"""Other pronunciations and other spellings of a listed phrase ("grapheme to grapheme", Dingliwal et al. 2022).

A model that does not know a name writes what it hears: "catharine" for "Kathryn".  A word's other spellings are found
through its pronunciations, in the joint n-gram over graphones, and are the likelier the more usual they are.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from nemo_ctcbias.bias_list import Phrase
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Alternatives, Pronouncer, shipped_g2p, split_words

SPELT = 2  # pronunciations of a word, the likeliest ones
UNLIKELY = math.log(0.05)  # a pronunciation as improbable as this lends no spellings


@dataclass(frozen=True)
class Variant:
    """A spelling that sounds like the phrase, the pronunciation it was found by, and its cost.

    cost: 0 for the phrase itself, else -log of the probability that its sound is spelt so. (It is not taken relative
    to the probability of the listed spelling: of an unusual name that one is small, and it must still come first.)
    """

    spelling: str
    cost: float
    pronunciation: Pronunciation


class G2G:
    """Finds the variants of phrases; each word is worked out once.

    Args:
        pronouncer: says how words sound; the shipped model's if None.
        g2p: spells pronunciations; the shipped model if None.
        excluded: words that are no variant of any other word, such as the common words of the language.
    """

    def __init__(
        self,
        pronouncer: Pronouncer | None = None,
        g2p: G2P | None = None,
        excluded: Callable[[str], bool] = lambda word: False,
    ):
        self._pronouncer = Pronouncer(g2p=g2p) if pronouncer is None else pronouncer
        self._g2p = shipped_g2p() if g2p is None else g2p
        self._excluded = excluded
        self._words: dict[tuple[str, Alternatives], list[Variant]] = {}

    def spellings(self, phrase: Phrase | str, n: int = 5) -> list[Variant]:
        """The phrase's text, then up to n - 1 other spellings (in lower case), cheapest first.

        Raises:
            PhoneticsError: no pronunciation can be found.
        """
        phrase = Phrase.of(phrase)
        words = split_words(phrase.text)
        if not words:
            raise PhoneticsError(f"{quoted(phrase.text)} holds no word; give a name or phrase")
        if phrase.pronunciations or phrase.spoken or len(words) < 2:
            found = self._of_word(" ".join(words), self._sounds(phrase))
        else:
            found = _combined([self._of_word(word, self._pronouncer.word(word)) for word in words], n)
        return [replace(found[0], spelling=phrase.text), *found[1:n]]

    def _sounds(self, phrase: Phrase) -> Alternatives:
        if phrase.pronunciations or phrase.spoken:
            own = Pronouncer([phrase], self._pronouncer.lexicon, self._g2p)
            if own.notes:
                raise PhoneticsError(str(own.notes[0]))
            return own.phrases[0]
        return self._pronouncer.text(phrase.text)

    def _of_word(self, word: str, sounds: Alternatives) -> list[Variant]:
        """The word itself, then the other spellings of its sounds."""
        if (word, sounds) not in self._words:
            found: dict[str, tuple[float, float, Pronunciation]] = {}  # sum, largest part, and that part's sounds
            for pronunciation, log_prob in sounds[:SPELT]:
                if log_prob < UNLIKELY:
                    continue
                for spelling, given in self._g2p.spell(pronunciation):
                    p = math.exp(log_prob + given)
                    total, largest, by = found.get(spelling, (0.0, 0.0, pronunciation))
                    found[spelling] = total + p, max(largest, p), pronunciation if p > largest else by
            others = [
                Variant(spelling, max(0.0, -math.log(p)), by)
                for spelling, (p, _, by) in found.items()
                if spelling != word and ("'" not in spelling or "'" in word) and not self._excluded(spelling)
            ]
            others.sort(key=lambda variant: (variant.cost, variant.spelling))
            self._words[word, sounds] = [Variant(word, 0.0, sounds[0][0]), *others]
        return self._words[word, sounds]


def _combined(words: list[list[Variant]], n: int) -> list[Variant]:
    """The n cheapest ways to take a variant of each word, best first."""
    start = (0,) * len(words)
    queue, seen, found = [(0.0, start)], {start}, []
    while queue and len(found) < n:
        cost, chosen = heapq.heappop(queue)
        parts = [variants[i] for variants, i in zip(words, chosen, strict=True)]
        sounds = tuple(phone for part in parts for phone in part.pronunciation)
        found.append(Variant(" ".join(part.spelling for part in parts), cost, sounds))
        for k, variants in enumerate(words):
            following = (*chosen[:k], chosen[k] + 1, *chosen[k + 1 :])
            if following[k] < len(variants) and following not in seen:
                seen.add(following)
                heapq.heappush(queue, (cost - variants[chosen[k]].cost + variants[following[k]].cost, following))
    return found
