"""A bias list made ready for one vocabulary."""

from __future__ import annotations

from functools import cached_property

from nemo_ctcbias.bias_list import BiasList, SpelledList, Vocabulary, spell
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.bias_list.trie import BoostingTrie
from nemo_ctcbias.decoding.hits import PhraseFinder
from nemo_ctcbias.lm.listed_words import ListedWords


class CompiledBias:
    """A bias list made ready for one vocabulary: spellings, trie and phrase finder."""

    def __init__(self, bias_list: BiasList, vocabulary: Vocabulary, alternatives: int = 4):
        self.bias_list = bias_list
        self.spelled: SpelledList = spell(bias_list, vocabulary, alternatives=alternatives)
        self.trie = BoostingTrie(
            [(s.phrase, s.tokens) for s in self.spelled.spellings],
            [p.weight for p in bias_list],
            vocabulary.size,
            [s.cost for s in self.spelled.spellings],
        )
        self.finder = PhraseFinder(self.spelled)
        announce(self.spelled.notes)  # wherever a list comes from, no phrase is lost silently

    @cached_property
    def words(self) -> ListedWords:
        """The list as a language model sees it."""
        return ListedWords((s.form, self.bias_list[s.phrase].weight) for s in self.spelled.spellings)

    @property
    def active(self) -> bool:
        """Whether any phrase can act (usable tokens and a weight other than 0)."""
        return len(self.trie) > 1
