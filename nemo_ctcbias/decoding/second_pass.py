"""What phonetics makes of a search's hypotheses: re-ranked by their sound, misheard words replaced."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.decoding.biased_beam import BiasedBeam
from nemo_ctcbias.decoding.hits import Hit
from nemo_ctcbias.phonetics import G2P, LexiconLookup, PhoneticRescorer, Pronouncer, SpokenWord
from nemo_ctcbias.phonetics.common_words import CommonWords
from nemo_ctcbias.phonetics.lookup import Replacement
from nemo_ctcbias.phonetics.options import PhoneticsOptions
from nemo_ctcbias.phonetics.phones import Pronunciation


class SecondPass:
    """Rescoring, then lookup in the best hypothesis; called with the beams of one recording.

    Args:
        options: which of the two, and their settings; `rescore` and `look_up` of None count as yes.
        lexicon: pronunciations of words.
        common: which words are ordinary ones.
        g2p: says how other words sound; the shipped model if None.
    """

    def __init__(
        self,
        options: PhoneticsOptions,
        lexicon: Mapping[str, Sequence[Pronunciation]] | None = None,
        common: CommonWords | None = None,
        g2p: G2P | None = None,
    ):
        self.options, self._lexicon, self._g2p = options, lexicon, g2p
        self._common = CommonWords(lexicon=lexicon) if common is None else common
        self.rescores, self.looks_up = options.rescore is not False, options.look_up is not False
        self._rescorer = lru_cache(maxsize=32)(self._make_rescorer)
        self._lookup = lru_cache(maxsize=32)(self._make_lookup)

    @property
    def hypotheses(self) -> int:
        """How many of a search's hypotheses it looks at."""
        return self.options.rescoring.n_best if self.rescores else 1

    def __call__(
        self,
        beams: Sequence[BiasedBeam],
        phones: np.ndarray,
        bias_list: BiasList,
        heard: np.ndarray | None = None,
    ) -> list[BiasedBeam]:
        """The beams, best first.

        Args:
            beams: best first, as the search found them.
            phones: [T', 40] phone log-probs of the recording, blank last.
            bias_list: the user's; an empty one changes nothing.
            heard: [N], above 0 for phrases that may be looked up in this recording; None: all.

        Raises:
            PhoneticsError: log-probs of another shape, or a pronunciation in the list that cannot be read.
        """
        beams = list(beams)
        if not beams or not len(bias_list):
            return beams
        if self.rescores:
            # Only what users say themselves differs from list to list: other lists share one rescorer and its memory.
            rescorer = self._rescorer(BiasList([phrase for phrase in bias_list if phrase.pronunciations]))
            spans = [(start, end) for _, start, end in _spoken(beams[0], len(phones))]
            found = rescorer.rescore(phones, beams, spans)
            beams = [one.hypothesis.rescored(one.phone_score) for one in found]
        if self.looks_up:
            best = beams[0]
            spans = zip(_spoken(best, len(phones)), best.confidences, strict=True)
            words = [SpokenWord(word, start, end, sure) for (word, start, end), sure in spans]
            replacements = self._lookup(bias_list).find(phones, words, heard)
            if replacements:
                frames = [frames for _, frames in best[2]]
                beams[0] = best.with_lookups([_hit(one, bias_list, frames) for one in replacements])
        return beams

    def get_ready(self, bias_list: BiasList) -> None:
        """Work out how the phrases of a list sound, where that is needed; else it is done with the first recording."""
        if self.looks_up and len(bias_list):
            self._lookup(bias_list)

    def _make_rescorer(self, pronounced: BiasList) -> PhoneticRescorer:
        return PhoneticRescorer(Pronouncer(pronounced, self._lexicon, self._g2p), self.options.rescoring)

    def _make_lookup(self, bias_list: BiasList) -> LexiconLookup:
        pronouncer = Pronouncer(bias_list, self._lexicon, self._g2p)
        announce(pronouncer.notes)  # no phrase is lost silently
        return LexiconLookup(pronouncer, self._common.known, self.options.lookup)


def _spoken(beam: BiasedBeam, phone_frames: int) -> list[tuple[str, int, int]]:
    """(word, first frame, last frame + 1) in frames of the phone head, of which there are several an encoder frame."""
    scale = phone_frames / max(len(beam.path), 1)
    return [(word, round(start * scale), round(end * scale)) for word, (start, end) in beam[2]]


def _hit(found: Replacement, bias_list: BiasList, frames: Sequence[tuple[int, int]]) -> Hit:
    return Hit(
        phrase=bias_list[found.phrase].written,
        first_word=found.first,
        last_word=found.last,
        start=frames[found.first][0],
        end=frames[found.last - 1][1],
        score=found.gain,
        technique="lookup",
        base_text=" ".join(found.old),
        confidence=math.exp(found.score / len(found.heard)),
        parts={"phones": found.gain},
    )
