"""Bias lists whose phrases are also listened for in other spellings of the same sound (G2G, Dingliwal et al. 2022)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.g2g import G2G

LEAST_LETTERS = 4  # shorter spellings sound like a part of too many words to be guessed


class SpokenVariants:
    """Called with a list, gives it with other spellings of its phrases as spoken forms; what is written stays.

    Spellings that another phrase of the list has are left out, and common words are by `G2G(excluded=...)`: they would
    be heard wherever they are said.  Phrases that are suppressed, or that cannot be pronounced, stay as they are.

    Args:
        count: forms of each phrase that are listened for, its own included.
    """

    def __init__(self, g2g: G2G, count: int):
        self._g2g, self._count = g2g, count
        self._extended = lru_cache(maxsize=64)(self._extend)

    def __call__(self, bias_list: BiasList) -> BiasList:
        """The list itself if there is nothing to add."""
        return self._extended(bias_list) if self._count > 1 and len(bias_list) else bias_list

    def _extend(self, bias_list: BiasList) -> BiasList:
        taken = {form.lower() for phrase in bias_list for form in phrase.forms}
        return bias_list.with_phrases([self._with_variants(phrase, taken) for phrase in bias_list])

    def _with_variants(self, phrase: Phrase, taken: Collection[str]) -> Phrase:
        wanted = self._count - len(phrase.forms)
        if phrase.weight <= 0 or wanted < 1:
            return phrase
        try:
            found = self._g2g.spellings(phrase, 2 * self._count)[1:]  # more than needed, as some may be taken
        except PhoneticsError:
            return phrase
        long = [variant for variant in found if len(variant.spelling) >= LEAST_LETTERS]
        others = [variant for variant in long if variant.spelling not in taken][:wanted]
        if not others:
            return phrase
        spoken = (*phrase.forms, *(variant.spelling for variant in others))
        costs = (*phrase.form_costs, *(variant.cost for variant in others))
        return replace(phrase, spoken=spoken, spoken_costs=costs)
