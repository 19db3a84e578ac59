"""Calibration of a model on recordings that nobody has transcribed: its hits of a list beside those of decoys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.decision import TOLD
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.phones.calibration import Calibration, calibrated
from nemo_ctcbias.phones.confidence import shipped_confidence
from nemo_ctcbias.phones.decoys import DecoyMaker
from nemo_ctcbias.search.hits import Hit

A_PHRASE, MOST = 10, 1000  # decoys: so many for each phrase, together so many, or as many as the list is long


class Calibrator:
    """Counts how sure a model is of a list and of its decoys.

    Attributes:
        unsounded: phrases that nobody can pronounce, of which it is not asked how sure they are.

    Raises:
        SettingError: the model does not ask how sure its hits are, or there is nothing to make decoys of.
    """

    def __init__(self, model: Any, bias_list: BiasList, seed: int = 0):
        self._model, self.listed = model, bias_list
        recognizer, lists = model.recognizer, model.lists
        if not recognizer.decides(model.hears()):
            told = "the model does not tell how sure it is of listed phrases, so that there is nothing to calibrate"
            raise SettingError(f"{told}; it takes boosting, verification or correction, and sounds for its tokens")
        self._maker = DecoyMaker(bias_list, lists.sources.g2p, recognizer.common)
        self.decoys = self._maker.make(max(len(bias_list), min(A_PHRASE * len(bias_list), MOST)), seed)
        if not len(self.decoys):
            where = bias_list.source or "bias list"
            raise SettingError(f"{where}: too little to make decoys of; calibrate with phrases of more letters")
        self.decoys.counts_as = lists.of(bias_list).length
        self.unsounded = self._unsounded(bias_list)
        self._left_out = self.unsounded | self._unsounded(self.decoys)
        self._hits: list[Hit] = []
        self._by_chance: list[float] = []

    @contextmanager
    def listening(self):
        """While this lasts, the model writes all that it could have heard."""
        before = self._model.settings.least_confidence
        self._model.set_biasing(least_confidence=0.0)
        try:
            yield self
        finally:
            self._model.set_biasing(least_confidence=before)

    def add(self, audio: Sequence[str | np.ndarray], batch_size: int = 8) -> None:
        """Count hits in recordings, transcribed twice: with the list, and with its decoys; what is hardly sure is not.

        Args:
            audio: files, or samples at the model's rate; none longer than the model can take.
        """
        for hits, by_chance in zip(
            *(self._heard(audio, one, batch_size) for one in (self.listed, self.decoys)), strict=True
        ):
            self._hits += [hit for hit in hits if hit.confidence >= TOLD]
            self._by_chance += [sure for one in by_chance for sure in self._sure(one) if not _stronger(hits, one, sure)]

    def _sure(self, hit: Hit) -> Iterator[float]:
        """Confidences of the decoys in one place: of a list that is shorter each would have had it for itself."""
        for decoy, sure in ((hit.phrase, hit.confidence), *hit.alternatives):
            if sure >= TOLD and decoy not in self._left_out:
                yield sure

    def _heard(self, audio: Sequence[str | np.ndarray], bias_list: BiasList, batch_size: int) -> list[list[Hit]]:
        config = self._model.get_transcribe_config()
        config.batch_size, config.num_workers, config.verbose = batch_size, 0, False
        config.pad_min_duration = 0.0  # NeMo pads samples to a second but not files
        found = self._model.transcribe(list(audio), bias_list=bias_list, override_config=config)
        best = (one[0] if isinstance(one, list) else one for one in found)
        return [[hit for hit in getattr(one, "hits", []) if hit.phrase not in self._left_out] for one in best]

    def result(self, precision: float) -> Calibration:
        """What the hits so far say of a wanted precision."""
        listed = [hit.confidence for hit in self._hits]
        phrases = sum(phrase.weight > 0 for phrase in self.listed)
        return calibrated(listed, self._by_chance, phrases / len(self.decoys), precision, self.usual(precision))

    def usual(self, precision: float) -> float:
        """The confidence that is asked for a precision without a calibration."""
        witnesses = self._model.recognizer.heard_by(self._model.hears())
        return shipped_confidence(witnesses).threshold(precision)

    def surer(self, least: float) -> list[Hit]:
        """The list's hits so far that are so sure."""
        return [hit for hit in self._hits if hit.confidence >= least]

    def like_ordinary(self, phrases: Iterable[str]) -> list[str]:
        """Those that sound like an ordinary word, of which there are no decoys."""
        return [phrase for phrase in phrases if self._maker.like_ordinary(phrase)]

    def _unsounded(self, bias_list: BiasList) -> set[str]:
        sounds = self._model.lists.of(bias_list).scores.sounds
        return {phrase.written for phrase, known in zip(bias_list, sounds, strict=True) if not known}


def _stronger(hits: Sequence[Hit], place: Hit, sure: float) -> bool:
    """Whether a phrase of the list is at least so sure there: what is said leaves no place to others of the list."""
    return any(one.confidence >= sure and min(one.end, place.end) > max(one.start, place.start) for one in hits)
