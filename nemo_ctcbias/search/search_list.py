"""A bias list as the search knows it: spellings, the trie of what is listened for, what to look for in a transcript.

Of a long list most phrases are not heard in a recording, so what the search needs of a phrase is made of its spellings
when it is listened for: of a list of 200,000 a trie has millions of states, of what is heard of it some thousands.
"""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import SpelledList, Vocabulary
from nemo_ctcbias.bias_list.rows import Rows, ranges
from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.spoken_words import said_by
from nemo_ctcbias.search.hits import PhraseFinder

ENDED = 2  # token sequences tried for an ending: "'s" and "'", "s"


class SearchList:
    """A spelled bias list for the search; `heard` gives what is left of it in one recording.

    Attributes:
        bias_list: the phrases.
        weights: [N] of the phrases, as odds.
        strengths: [N] factors on the boost that they keep: 1, or the negative weight of those that are suppressed.
        finder: of phrases in transcripts.
        ends: what may follow a phrase within its word.
    """

    def __init__(self, spelled: SpelledList, vocabulary: Vocabulary):
        self.bias_list, self._spellings = spelled.bias_list, spelled.spellings
        self.weights = np.array([phrase.weight for phrase in spelled.bias_list], dtype=np.float64)
        self.strengths = np.where(self.weights > 0, 1.0, self.weights)
        # Twice the weight: the phrase is taken for twice as likely, here as in the language model's class.
        gains = np.log(np.where(self.weights > 0, self.weights, 1.0))
        self._usable = np.unique(self._spellings.phrase)
        self._costs = self._spellings.cost - gains[self._spellings.phrase]
        self._following, self.ends = vocabulary.following, vocabulary.word_ends
        self._segmenters = [Segmenter(vocabulary, ENDED, part) for part in vocabulary.parts]
        self._tokens_of: dict[str, list[Tokens]] = {}  # of endings
        self._known: dict[int, tuple[Ending, ...]] = {}  # endings of forms that were heard before
        self._last: dict[bytes, BoostingTrie] = {}  # for what was heard last, which is often asked for again
        self.finder = PhraseFinder(spelled, self.ends, vocabulary.cased)

    @cached_property
    def trie(self) -> BoostingTrie:
        """Of the spellings of what is listened for, with each ending that these may have."""
        heard = self.strengths.tobytes()
        known = self._last.get(heard)
        if known is None:
            known = self._trie()
            self._last.clear()
            self._last[heard] = known
        return known

    def _trie(self) -> BoostingTrie:
        places = self._spellings.of_phrases(np.flatnonzero(self.strengths))
        forms, form = np.unique(self._spellings.form[places], return_inverse=True)
        endings: dict[tuple[Ending, ...], int] = {}  # most forms have the same
        for number in forms.tolist():
            if number not in self._known:
                self._known[number] = self._endings(number)
        kind = [endings.setdefault(self._known[number], len(endings)) for number in forms.tolist()]
        each, count = [one for some in endings for one in some], np.array([*map(len, endings)], dtype=np.int64)
        first, kind = np.cumsum(count) - count, np.array(kind, dtype=np.int64)[form]
        ending, places = ranges(first[kind], count[kind]), np.repeat(places, count[kind])
        tails = Rows.of([tail for tail, _ in each]).take(ending)
        return BoostingTrie(
            self._spellings.phrase[places],
            self._following.symbols_of(self._spellings.tokens.take(places).followed_by(tails)),
            self.strengths,
            self._following.symbols,
            costs=self._costs[places],
            rows=np.array([row for _, row in each], dtype=np.int64)[ending],
            endings=tails.lengths,
        )

    def _endings(self, number: int) -> tuple[Ending, ...]:
        """How the search knows a form: as it is, and with each possessive ending.

        No audio tells Okonkwo's from Okonkwos: a model that has not learned the name writes either, and by itself
        hardly the one with an apostrophe.
        """
        ends, form = self.ends, self._spellings.forms[number]
        found: list[Ending] = [((), ends.row_of(form))]
        phrase = self._spellings.phrase[self._spellings.first[number]]
        for end in ends.endings.possessives_after(form) if self.weights[phrase] > 0 else ():
            if end not in self._tokens_of:
                self._tokens_of[end] = [tail for each in self._segmenters for tail in each.phrase(end, inside=True)]
            if form + end not in self._spellings.numbers:
                found += [(tail, ends.row_of(form + end)) for tail in self._tokens_of[end]]
        return tuple(found)

    def heard(self, factors: np.ndarray) -> SearchList:
        """The same list for one recording, in which only some of its phrases are listened for.

        Those written by the model all the same still get their written form.

        Args:
            factors: [N] on the phrases' weights, 0 for those that are not listened for.
        """
        part = copy.copy(self)
        for made in ("words", "trie"):
            part.__dict__.pop(made, None)
        part.weights, part.strengths = self.weights * factors, self.strengths * factors
        return part

    def cost(self, form: str) -> float:
        """What a spelled form gives back of its boost; below 0 where its weight is above 1."""
        number = self._spellings.numbers.get(form)
        return 0.0 if number is None else float(self._costs[self._spellings.first[number]])

    @cached_property
    def words(self) -> ListedWords:
        """The list as a language model sees it, each phrase with the endings that it takes, too: Okonkwo, Okonkwo's."""
        spellings = self._spellings
        places = spellings.of_phrases(np.flatnonzero(self.weights))
        said: dict[str, float] = {}  # most are said by several forms
        weights = self.weights[spellings.phrase[places]].tolist()
        for number, weight in dict.fromkeys(zip(spellings.form[places].tolist(), weights, strict=True)):
            for one in said_by(spellings.forms[number]):
                said[one] = max(weight, said.get(one, weight))
        endings = self.ends.endings
        shares = {end: endings.share(end) for end in ("", *endings)}
        return ListedWords(
            (one + end, weight * shares[end])
            for one, weight in said.items()
            for end in ("", *endings.spelled_after(one))
        )

    @property
    def nbytes(self) -> int:
        """Memory of what has been made so far besides the spellings, about."""
        return self._costs.nbytes + sum(part.nbytes for trie in [*self._last.values()] for part in trie.automaton)

    @property
    def active(self) -> bool:
        """Whether any phrase can act (usable tokens and a weight other than 0)."""
        return bool(self.strengths[self._usable].any())


Ending = tuple[Tokens, int]
"""The tokens of an ending, none of which for none, and the row of `word_ends.Following` for what may follow it."""
