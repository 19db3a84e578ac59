"""A bias list made ready for one vocabulary."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from nemo_ctcbias.bias_list import BiasList, SpelledList, Vocabulary, spell
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.lm.listed_words import ListedWords
from nemo_ctcbias.search.hits import PhraseFinder

Barred = tuple[int, int, int]  # phrase, first frame, last frame + 1


class CompiledBias:
    """A bias list made ready for one vocabulary: spellings, trie and phrase finder."""

    def __init__(self, bias_list: BiasList, vocabulary: Vocabulary, alternatives: int = 4):
        self.bias_list = bias_list
        self.spelled: SpelledList = spell(bias_list, vocabulary, alternatives=alternatives)
        self.weights = np.array([phrase.weight for phrase in bias_list])
        self._spellings, self._vocabulary = self.spelled.spellings, vocabulary
        self.trie = self._make_trie()
        self.finder = PhraseFinder(self.spelled)
        announce(self.spelled.notes)  # wherever a list comes from, no phrase is lost silently

    def heard(self, factors: np.ndarray) -> CompiledBias:
        """The same list for one recording, in which only some of its phrases are listened for.

        Those written by the model all the same still get their written form.

        Args:
            factors: [N] on the phrases' weights, 0 for those that are not listened for.
        """
        part = copy.copy(self)
        part.__dict__.pop("words", None)
        part.weights = self.weights * factors
        part._spellings = [one for one in self._spellings if part.weights[one.phrase]]
        part.trie = part._make_trie()
        return part

    def muted(self, barred: Sequence[Barred], frames: int) -> list[np.ndarray] | None:
        """For each frame the trie's states [S] that only barred phrases could complete there; None if none is barred.

        Args:
            barred: phrases, each with first frame and last frame + 1.
            frames: of the recording.
        """
        if not barred:
            return None
        quiet = [tuple(phrase for phrase, start, end in barred if start <= t < end) for t in range(frames)]
        states = {phrases: self.trie.only(phrases) for phrases in set(quiet)}
        return [states[phrases] for phrases in quiet]

    def _make_trie(self) -> BoostingTrie:
        sequences = [(one.phrase, one.tokens) for one in self._spellings]
        return BoostingTrie(sequences, self.weights, self._vocabulary.size, [one.cost for one in self._spellings])

    @cached_property
    def words(self) -> ListedWords:
        """The list as a language model sees it."""
        return ListedWords((one.form, self.weights[one.phrase]) for one in self._spellings)

    @property
    def active(self) -> bool:
        """Whether any phrase can act (usable tokens and a weight other than 0)."""
        return len(self.trie) > 1
