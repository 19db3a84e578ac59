"""A bias list as the search knows it: spellings, their trie, the phrases to look for in a transcript."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import SpelledList, Vocabulary
from nemo_ctcbias.bias_list.segmenter import Segmenter, Tokens
from nemo_ctcbias.bias_list.spelling import Spelling
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
        gains = np.log(np.where(self.weights > 0, self.weights, 1.0))
        spellings = spelled.spellings
        ends, following = vocabulary.word_ends, vocabulary.following
        self.ends = ends
        self._costs = {one.form: one.cost - gains[one.phrase] for one in spellings}
        paths = [(one, "", ()) for one in spellings] + list(self._with_possessives(spellings, vocabulary))
        rows = {form: ends.row_of(form) for form in {one.form + end for one, end, _ in paths}}
        self.trie = BoostingTrie(
            [(one.phrase, following.symbols_of((*one.tokens, *tail))) for one, _, tail in paths],
            self.strengths,
            following.symbols,
            costs=[one.cost - gains[one.phrase] for one, _, _ in paths],
            rows=[rows[one.form + end] for one, end, _ in paths],
            endings=[len(tail) for _, _, tail in paths],
        )
        self.finder = PhraseFinder(spelled, ends, vocabulary.cased)
        self._forms: dict[int, dict[str, None]] = {}
        for one in spellings:
            self._forms.setdefault(one.phrase, {})[one.form] = None

    def _with_possessives(
        self, spellings: Sequence[Spelling], vocabulary: Vocabulary
    ) -> Iterator[tuple[Spelling, str, Tokens]]:
        """Spellings that go on with a possessive ending, as the search has to know it; its text and its tokens.

        No audio tells Okonkwo's from Okonkwos: a model that has not learned the name writes either, and by itself
        hardly the one with an apostrophe.
        """
        segmenters = [Segmenter(vocabulary, ENDED, part) for part in vocabulary.parts]
        tails: dict[str, list[Tokens]] = {}
        for one in spellings:
            for ending in self.ends.possessives_after(one.form) if self.weights[one.phrase] > 0 else ():
                if ending not in tails:
                    tails[ending] = [tail for each in segmenters for tail in each.phrase(ending, inside=True)]
                if one.form + ending not in self._costs:
                    yield from ((one, ending, tail) for tail in tails[ending])

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
        spelled = ((form, self.weights[index]) for index in acting for form in self._forms.get(index, ()))
        said = ((one, weight) for form, weight in spelled for one in said_by(form))
        return ListedWords(
            (one + end, weight * self.ends.share(end))
            for one, weight in said
            for end in ("", *self.ends.spelled_after(one))
        )

    @property
    def active(self) -> bool:
        """Whether any phrase can act (usable tokens and a weight other than 0)."""
        return len(self.trie) > 1
