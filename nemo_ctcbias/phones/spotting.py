"""Which listed phrases can be heard in a recording at all, by the phone head; the others are not searched for.

The paper's techniques ask how a phrase sounds only after the search.  Asked before, the same phones make a long list
short: of a hundred phrases that are not spoken about ten are left, and what is left is believed the more, the better it
is heard.  The longer the list, the more of it sounds like something else by chance, so the more evidence is asked for;
of a few phrases, little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.number_settings import check_numbers
from nemo_ctcbias.phones.alignment import hearings
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.phone_search import PhoneSearch
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Pronouncer

WHERE = "biasing.phonetics"


@dataclass(frozen=True)
class SpottingOptions:
    """Settings of the spotting.  The evidence for a phrase of n phones with deficit d (`PhoneSearch.deficits`) is

        phone_credit * n + d - list_cost * ln(N / usual_list)    in a list of N phrases.

    phone_credit: evidence for a phrase that each of its phones adds.
    list_cost: evidence that a phrase of a list of N phrases loses, times ln(N / usual_list).
    usual_list: phrases of a list; longer ones ask for more evidence, shorter ones for less.
    threshold: phrases with less evidence are not listened for in this recording.
    usual, slope: a phrase with evidence e acts with 1 + slope * (e - usual) times its weight, ...
    least, most: ... within these bounds.
    adapter_strength: times its own, with which an adapter acts where no search boosts the list besides
        (`biasing.hotword=false`): what was heard can be raised more boldly.
    """

    phone_credit: float = 3.0
    list_cost: float = 1.3
    usual_list: float = 100.0
    threshold: float = 5.0
    usual: float = 10.0
    slope: float = 0.03
    least: float = 0.5
    most: float = 2.0
    adapter_strength: float = 1.5

    def __post_init__(self) -> None:
        check_numbers("spotting", self, lowest={"usual_list": 1, "threshold": -np.inf, "usual": -np.inf})
        if self.least > self.most:
            raise SettingError(f"spotting.least: {self.least} is above spotting.most, {self.most}; exchange them")

    def credit(self, lengths: np.ndarray, phrases: int) -> np.ndarray:
        """The evidence for pronunciations of `lengths` phones that lack nothing, in a list of so many phrases."""
        return self.phone_credit * lengths - self.chance(phrases)

    def chance(self, phrases: int) -> float:
        """The evidence that phrases lose for being of a list of so many."""
        return self.list_cost * math.log(max(phrases, 1) / self.usual_list)


class Spotting:
    """Spots the phrases of any list in any recording; called with the phones of one recording and its list.

    Args:
        options: see `SpottingOptions`.
        lexicon: pronunciations of words.
        g2p: says how other words sound; the shipped model if None.
    """

    def __init__(
        self,
        options: SpottingOptions = SpottingOptions(),
        lexicon: Mapping[str, Sequence[Pronunciation]] | None = None,
        g2p: G2P | None = None,
    ):
        self.options, self.lexicon, self.g2p = options, lexicon, g2p
        self.spotter = lru_cache(maxsize=32)(self._make)  # of a list: how its phrases sound is worked out once

    def __call__(self, phones: np.ndarray, bias_list: BiasList) -> np.ndarray:
        """Factor on each phrase's weight [N], see `PhraseSpotter.heard`."""
        return self.spotter(bias_list).heard(phones)

    def _make(self, bias_list: BiasList) -> PhraseSpotter:
        pronouncer = Pronouncer(bias_list, self.lexicon, self.g2p)
        spotter = PhraseSpotter(pronouncer, self.options)
        announce([*pronouncer.notes, *spotter.notes])  # no phrase is lost silently
        return spotter


class PhraseSpotter:
    """Finds out which phrases of one list can be heard.

    Phrases that suppress, or that nobody can pronounce, are none of its business: they are always listened for.

    Args:
        pronouncer: made with the bias list.
        options: see `SpottingOptions`.

    Attributes:
        notes: a note for each phrase that is too short to reach the threshold, however clearly it is said.
    """

    def __init__(self, pronouncer: Pronouncer, options: SpottingOptions = SpottingOptions()):
        self.bias_list, self.options = pronouncer.bias_list, options
        sounding = [
            (index, pronunciation)
            for index, alternatives in enumerate(pronouncer.phrases)
            if self.bias_list[index].weight > 0
            for pronunciation, _ in alternatives
        ]
        self._sounds = pronouncer.phrases
        self._owner = np.array([index for index, _ in sounding], dtype=np.int64)
        self._search = PhoneSearch([pronunciation for _, pronunciation in sounding])
        lengths = np.array([len(pronunciation) for _, pronunciation in sounding], dtype=np.float64)
        self._credit = options.credit(lengths, len(self.bias_list))
        self.notes = list(self._too_short())

    def _too_short(self) -> Iterator[Note]:
        within_reach = set(self._owner[self._credit >= self.options.threshold].tolist())
        for index in dict.fromkeys(self._owner.tolist()):
            if index not in within_reach:
                phones = max(len(pronunciation) for pronunciation, _ in self._sounds[index])
                reason = f"is never heard: {phones} phones are too few in a list of {len(self.bias_list)}"
                remedy = f"list a longer phrase, or lower {WHERE}.spotting.threshold"
                yield Note(self.bias_list.where(index), self.bias_list[index].text, "dropped", reason, remedy)

    def evidence(self, log_probs: np.ndarray, least: float | None = None) -> np.ndarray:
        """Of each phrase [N], by its best pronunciation at its best place; below `least` it may come as -inf.

        Of several heads the one counts that heard least of it.  NaN for phrases that are always listened for.

        Args:
            log_probs: [T, 40] phone log-probs, blank last, or [T, K, 40] of K heads.
            least: the threshold if None.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        least = self.options.threshold if least is None else least
        found = np.full(len(self.bias_list), np.nan)
        found[self._owner] = np.inf
        for heard in hearings(log_probs):
            # What one head does not hear the next ones are not asked for.
            lack = np.where(found[self._owner] >= least, least - self._credit, np.inf)
            evidence = np.full(len(found), -np.inf)
            np.maximum.at(evidence, self._owner, self._credit + self._search.deficits(heard, lack))
            found = np.minimum(found, evidence)  # NaN stays
        return found

    def evidence_of(self, phrase: int, log_probs: np.ndarray) -> float:
        """The evidence for one phrase in these frames alone; NaN if nobody can pronounce it.

        Args:
            phrase: its index in the list.
            log_probs: some frames of those of `evidence`.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        pronunciations = [pronunciation for pronunciation, _ in self._sounds[phrase]]
        if not pronunciations:
            return np.nan
        credit, search = self._credit_of(phrase), PhoneSearch(pronunciations)
        return min(float((credit + search.deficits(heard)).max()) for heard in hearings(log_probs))

    def most(self, phrase: int) -> float:
        """The evidence for a phrase that was said without a flaw; NaN if nobody can pronounce it."""
        return float(self._credit_of(phrase).max()) if self._sounds[phrase] else np.nan

    def _credit_of(self, phrase: int) -> np.ndarray:
        lengths = np.array([len(pronunciation) for pronunciation, _ in self._sounds[phrase]], dtype=np.float64)
        return self.options.credit(lengths, len(self.bias_list))

    def heard(self, log_probs: np.ndarray) -> np.ndarray:
        """Factor on each phrase's weight in this recording [N]: 0 for those that are not listened for.

        Args:
            log_probs: as in `evidence`.
        """
        options, evidence = self.options, self.evidence(log_probs)
        factors = np.clip(1 + options.slope * (evidence - options.usual), options.least, options.most)
        return np.where(np.isnan(evidence), 1.0, np.where(evidence >= options.threshold, factors, 0.0))
