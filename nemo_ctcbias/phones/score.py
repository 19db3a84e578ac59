"""The one score: how much likelier a phrase makes some frames than whatever could be there without the list.

    score(r, frames) = max over CTC paths of r of sum_t log p_t(path_t)  +  PHONE_PRIOR * |r|

of a pronunciation r, and of a phrase the best of its pronunciations.  It is the log-likelihood ratio
log P(frames | r) - log P(frames), which by Bayes is log P(r | frames) - log P(r): the phone head gives the former, all
phone strings together adding up to 1, and each phone of a string has the prior exp(-PHONE_PRIOR).  Where little is
heard clearly no path is likely, and so the score is low there of itself.  Without a place, the path may begin and end
anywhere, and the score is the maximum over all places.

Detection asks it of all listed phrases at once, without a place (`PhraseScores.best`); how sure it is that a phrase
stands somewhere follows from its score there (`PhraseScores.at`, `PhraseScores.place`); each against the prior of one
phrase among N (`nemo_ctcbias.bias_list.list_length`).  Of several witnesses the one counts that heard least, as they
mishear different things.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phone_search import PhoneSearch, best_place
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Pronouncer

PHONE_PRIOR = 3.0  # ln 20: of the 39 phones of English about so many may follow


class PhraseScores:
    """Scores of the phrases of a pronouncer's list; how they sound is searched for in all of them together.

    Phrases that suppress, or that nobody can pronounce, have no score (NaN).
    """

    def __init__(self, pronouncer: Pronouncer):
        self.bias_list, self.sounds = pronouncer.bias_list, pronouncer.phrases
        weights = np.array([phrase.weight for phrase in self.bias_list], dtype=np.float64)
        self._whole = self._part(np.flatnonzero((weights > 0) & (self.sounds.counts > 0)))

    def _part(self, phrases: np.ndarray) -> _Part:
        owner = np.repeat(np.arange(len(phrases), dtype=np.int32), self.sounds.counts[phrases])
        phones = self.sounds.phones.take(self.sounds.of_phrases(phrases))
        return _Part(phrases, owner, PhoneSearch(phones, PHONE_PRIOR))

    def best(self, heard: Sequence[Hearing], least: float = -np.inf) -> np.ndarray:
        """Of each phrase [N] at its best place; below `least` it may come as -inf.

        Args:
            heard: by each witness, at least one.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        part, found = self._whole, np.full(len(self._whole.phrases), np.inf)
        for one in heard:
            kept = found >= least
            if not kept.all():  # what one witness does not hear the next ones are not asked for
                part, found = self._part(part.phrases[kept]), found[kept]
            found = np.minimum(found, part.best(part.search.best(one, least)))
        return self._of_all(found, part.phrases)

    def _of_all(self, found: np.ndarray, phrases: np.ndarray) -> np.ndarray:
        scores = np.full(len(self.bias_list), np.nan)
        scores[self._whole.phrases] = -np.inf
        scores[phrases] = found
        return scores

    def at(self, phrase: int, heard: Sequence[Hearing]) -> float:
        """Of the phrase of this index in what was heard at its place; NaN if nobody can pronounce it.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        return score_of([pronunciation for pronunciation, _ in self.sounds[phrase]], heard)

    def place(self, phrase: int, heard: Sequence[Hearing]) -> tuple[float, int, int]:
        """Score of one phrase at its best place, and that place as the last witness heard it.

        Args:
            phrase: its index in the list; somebody can pronounce it.

        Returns:
            Score, and the encoder's first frame and last frame + 1.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        sounds = [pronunciation for pronunciation, _ in self.sounds[phrase]]
        places = [max(_places(sounds, witness)) for witness in heard]
        return min(score for score, _, _ in places), *places[-1][1:]

    def most(self) -> np.ndarray:
        """Of each phrase [N], said without a flaw and heard without a doubt."""
        part = self._whole
        phones = self.sounds.phones.lengths[self.sounds.of_phrases(part.phrases)]
        return self._of_all(part.best(PHONE_PRIOR * phones), part.phrases)

    def phones(self, phrase: int) -> int:
        """How many phones it has, in the longest of its pronunciations."""
        return max((len(pronunciation) for pronunciation, _ in self.sounds[phrase]), default=0)

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        part = self._whole
        return part.phrases.nbytes + part.owner.nbytes + part.search.nbytes


class _Part(NamedTuple):
    """P phrases that are searched for, and which of them each pronunciation is of [M]."""

    phrases: np.ndarray
    owner: np.ndarray
    search: PhoneSearch

    def best(self, scores: np.ndarray) -> np.ndarray:
        """Of each phrase the score of its best pronunciation [P]."""
        found = np.full(len(self.phrases), -np.inf)
        likely = np.flatnonzero(scores > -np.inf)  # of a long list only some
        np.maximum.at(found, self.owner[likely], scores[likely])
        return found


def score_of(pronunciations: Iterable[Pronunciation], heard: Sequence[Hearing]) -> float:
    """Of one word or phrase that may sound in several ways, in what each witness heard; NaN without any."""
    pronunciations = list(pronunciations)
    if not pronunciations:
        return np.nan
    return min(max(_places(pronunciations, one))[0] for one in heard)


def _places(pronunciations: Iterable[Pronunciation], witness: Hearing) -> Iterator[tuple[float, int, int]]:
    for pronunciation in pronunciations:
        score, start, end = best_place(witness, pronunciation)
        yield PHONE_PRIOR * len(pronunciation) + score, start, end
