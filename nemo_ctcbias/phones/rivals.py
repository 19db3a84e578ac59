"""Which ordinary word may have been said where a listed phrase was written, and how well it can be heard there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.phones.pronouncer import Pronouncer, split_words
from nemo_ctcbias.phones.spotting import PhraseSpotter, Spotting


class Rivals:
    """Ordinary words, searched for as the phrases of a list are, but without a cost for being many.

    Args:
        words: ordinary ones; those that nobody can pronounce are left out.
        spotting: what evidence is, and how words sound.
    """

    def __init__(self, words: Iterable[str], spotting: Spotting):
        listed = BiasList(words)
        self._index = {phrase.text.lower(): index for index, phrase in enumerate(listed)}
        pronouncer = Pronouncer(listed, spotting.lexicon, spotting.g2p)
        self._spotter = PhraseSpotter(pronouncer, replace(spotting.options, list_cost=0.0))

    def evidence(self, log_probs: np.ndarray, besides: Iterable[str], least: float = -np.inf) -> float:
        """That of the word which is heard best; -inf if none is.

        Args:
            log_probs: [T, 40] phone log-probs, blank last, or [T, K, 40] of K heads.
            besides: texts whose words are none.
            least: less evidence matters to nobody and may come as -inf.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        found = self._spotter.evidence(log_probs, least)
        own = {word for text in besides for word in split_words(text)}
        found[[self._index[word] for word in own if word in self._index]] = -np.inf
        return float(np.nanmax(found, initial=-np.inf))
