"""A bias list as the search knows it: spellings, their trie, the phrases to look for in a transcript."""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import SpelledList, Vocabulary
from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.lm.spoken_words import said_by
from nemo_ctcbias.search.hits import PhraseFinder

ENDED = 2  # token sequences tried for an ending: "'s" and "'", "s"


class SearchList:
    """A spelled bias list with its trie, made once; `heard` gives what is left of it in one recording.

    Attributes:
        bias_list: the phrases.
        weights: [N] of the phrases, as odds.
        strengths: [N] factors on the boost that they keep: 1, or the negative weight of those that are suppressed.
        trie: of all spellings.
        finder: of phrases in transcripts.
        ends: what may follow a phrase within its word.
    """

    def __init__(self, spelled: SpelledList, vocabulary: Vocabulary):
        self.bias_list = spelled.bias_list
        self.weights = np.array([phrase.weight for phrase in spelled.bias_list], dtype=np.float64)
        self.strengths = np.where(self.weights > 0, 1.0, self.weights)
        # Twice the weight: the phrase is taken for twice as likely, here as in the language model's class.
        gains = np.log(np.where(self.weights > 0, self.weights, 1.0)).tolist()
        spellings, following = spelled.spellings, vocabulary.following
        self.ends = vocabulary.word_ends
        self._costs = {one.form: one.cost - gains[one.phrase] for one in spellings}
        self._forms: dict[int, dict[str, None]] = {}
        for one in spellings:
            self._forms.setdefault(one.phrase, {})[one.form] = None
        endings = self._endings(vocabulary)
        each = [endings[one.form] for one in spellings]
        symbols_of = following.symbols_of if following.joins.any() else tuple
        costs = np.array([one.cost - gains[one.phrase] for one in spellings], dtype=np.float64)
        self.trie = BoostingTrie(
            (
                (one.phrase, symbols_of(one.tokens + tail))
                for one, some in zip(spellings, each, strict=True)
                for tail, _ in some
            ),
            self.strengths,
            following.symbols,
            costs=np.repeat(costs, list(map(len, each))),
            rows=[row for some in each for _, row in some],
            endings=[len(tail) for some in each for tail, _ in some],
        )
        self.finder = PhraseFinder(spelled, self.ends, vocabulary.cased)

    def _endings(self, vocabulary: Vocabulary) -> dict[str, list[tuple[Tokens, int]]]:
        """How the search knows each form: as it is, and with each possessive ending; tokens of the ending, and the row
        of what may follow.

        No audio tells Okonkwo's from Okonkwos: a model that has not learned the name writes either, and by itself
        hardly the one with an apostrophe.
        """
        segmenters = [Segmenter(vocabulary, ENDED, part) for part in vocabulary.parts]
        ends = self.ends
        tails: dict[str, list[Tokens]] = {}
        found = {}
        for phrase, forms in self._forms.items():
            for form in forms:
                found[form] = [((), ends.row_of(form))]
                for end in ends.possessives_after(form) if self.weights[phrase] > 0 else ():
                    if end not in tails:
                        tails[end] = [tail for each in segmenters for tail in each.phrase(end, inside=True)]
                    if form + end not in self._costs:
                        row = ends.row_of(form + end)
                        found[form] += [(tail, row) for tail in tails[end]]
        return found

    def heard(self, factors: np.ndarray) -> SearchList:
        """The same list for one recording, in which only some of its phrases are listened for.

        Those written by the model all the same still get their written form.

        Args:
            factors: [N] on the phrases' weights, 0 for those that are not listened for.
        """
        part = copy.copy(self)
        part.__dict__.pop("words", None)
        part.weights, part.strengths = self.weights * factors, self.strengths * factors
        part.trie = self.trie.restricted(part.strengths)
        return part

    def cost(self, form: str) -> float:
        """What a spelled form gives back of its boost; below 0 where its weight is above 1."""
        return self._costs.get(form, 0.0)

    @cached_property
    def words(self) -> ListedWords:
        """The list as a language model sees it, each phrase with the endings that it takes, too: Okonkwo, Okonkwo's."""
        acting = np.flatnonzero(self.weights).tolist()
        said: dict[str, float] = {}  # most are said by several forms
        for index in acting:
            weight = float(self.weights[index])
            for one in (one for form in self._forms.get(index, ()) for one in said_by(form)):
                said[one] = max(weight, said.get(one, weight))
        ends = self.ends
        shares = {end: ends.share(end) for end in ("", *ends.endings)}
        return ListedWords(
            (one + end, weight * shares[end]) for one, weight in said.items() for end in ("", *ends.spelled_after(one))
        )

    @property
    def active(self) -> bool:
        """Whether any phrase can act (usable tokens and a weight other than 0)."""
        return len(self.trie) > 1
