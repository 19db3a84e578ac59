"""What phonetics makes of hypotheses: re-ranked by sound, listed phrases verified, misheard words replaced."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.bias_list.report import announce
from nemo_ctcbias.phones import G2P, LexiconLookup, PhoneticRescorer, Pronouncer, SpokenWord
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.lookup import Replacement
from nemo_ctcbias.phones.options import PhoneticsOptions
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.spotting import Spotting
from nemo_ctcbias.phones.verification import Place, Verification
from nemo_ctcbias.search.biased_beam import BiasedBeam
from nemo_ctcbias.search.compiled_bias import Barred
from nemo_ctcbias.search.hits import Hit

BAR_SLACK = 1  # frames of the search


class SecondPass:
    """Rescoring, then verification and lookup in the best hypothesis; called with the search of one recording.

    Args:
        options: which of the three, and their settings; `rescore`, `verify` and `look_up` of None count as yes.
        lexicon: pronunciations of words.
        common: which words are ordinary ones.
        g2p: says how other words sound; the shipped model if None.
        spotting: the one that is in use, which knows how lists sound; None makes one of its own.
    """

    def __init__(
        self,
        options: PhoneticsOptions,
        lexicon: Mapping[str, Sequence[Pronunciation]] | None = None,
        common: CommonWords | None = None,
        g2p: G2P | None = None,
        spotting: Spotting | None = None,
    ):
        self.options, self._lexicon, self._g2p = options, lexicon, g2p
        self._common = CommonWords(lexicon=lexicon) if common is None else common
        self.rescores, self.looks_up = options.rescore is not False, options.look_up is not False
        self.verifies = options.verify is not False
        spotting = spotting or Spotting(options.spotting, lexicon, g2p)
        self._verification = Verification(spotting, options.verification, self._common)
        self._rescorer = lru_cache(maxsize=32)(self._make_rescorer)
        self._lookup = lru_cache(maxsize=32)(self._make_lookup)

    @property
    def hypotheses(self) -> int:
        """How many of a search's hypotheses it looks at."""
        return self.options.rescoring.n_best if self.rescores else 1

    def __call__(
        self,
        search: Callable[..., Sequence[BiasedBeam]],
        phones: np.ndarray,
        bias_list: BiasList,
        heard: np.ndarray | None = None,
    ) -> list[BiasedBeam]:
        """The beams, best first.

        Args:
            search: gives the beams, best first, for what is `heard` of the list and where phrases are `barred` (by
                keyword, see `HotwordBeamDecoder.decode_beams`), as often as it is asked.
            phones: [T', 40] phone log-probs of the recording, blank last, or [T', K, 40] of K heads.
            bias_list: the user's; an empty one changes nothing.
            heard: [N], above 0 for phrases that are listened for in this recording; None: all.

        Raises:
            PhoneticsError: log-probs of another shape, or a pronunciation in the list that cannot be read.
        """
        beams = list(search(heard=heard))
        if not beams or not len(bias_list):
            return beams
        beams = self._rescored(beams, phones, bias_list)
        if self.verifies:
            beams, heard = self._verified(search, beams, phones, bias_list, heard)
        if self.looks_up:
            beams[0] = self._looked_up(beams[0], phones, bias_list, heard)
        return beams

    def _rescored(self, beams: Sequence[BiasedBeam], phones: np.ndarray, bias_list: BiasList) -> list[BiasedBeam]:
        if not self.rescores:
            return list(beams)
        # Only what users say themselves differs from list to list: other lists share one rescorer and its memory.
        rescorer = self._rescorer(BiasList([phrase for phrase in bias_list if phrase.pronunciations]))
        spans = [(start, end) for _, start, end in _spoken(beams[0], len(phones))]
        found = rescorer.rescore(phones, beams, spans)
        return [one.hypothesis.rescored(one.phone_score) for one in found]

    def _verified(
        self,
        search: Callable[..., Sequence[BiasedBeam]],
        beams: list[BiasedBeam],
        phones: np.ndarray,
        bias_list: BiasList,
        heard: np.ndarray | None,
    ) -> tuple[list[BiasedBeam], np.ndarray]:
        """Beams without what does not sound right, and what of the list is still listened for."""
        heard = np.ones(len(bias_list)) if heard is None else np.array(heard)
        scale, barred = len(phones) / max(len(beams[0].path), 1), set()
        while True:
            # What is written in a phrase's place may be doubtful, too; each time less of the list is left.
            places = [place for place in _places(beams[0], scale) if heard[place.phrase]]
            doubtful = self._verification.doubtful(phones, bias_list, places)
            standing = {place.phrase for place in places if place not in doubtful}
            dropped = {place.phrase for place in doubtful} - standing
            elsewhere = {_bar(place, scale) for place in doubtful if place.phrase in standing} - barred
            if not dropped and not elsewhere:
                return beams, heard
            heard[list(dropped)] = 0.0
            barred |= elsewhere
            beams = self._rescored(search(heard=heard, barred=sorted(barred)), phones, bias_list)

    def _looked_up(
        self, best: BiasedBeam, phones: np.ndarray, bias_list: BiasList, heard: np.ndarray | None
    ) -> BiasedBeam:
        spans = zip(_spoken(best, len(phones)), best.confidences, strict=True)
        words = [SpokenWord(word, start, end, sure) for (word, start, end), sure in spans]
        replacements = self._lookup(bias_list).find(phones, words, heard)
        if not replacements:
            return best
        frames = [frames for _, frames in best[2]]
        return best.with_lookups([_hit(one, bias_list, frames) for one in replacements])

    def get_ready(self, bias_list: BiasList) -> None:
        """Work out how the phrases of a list sound, where that is needed; else it is done with the first recording."""
        if self.looks_up and len(bias_list):
            self._lookup(bias_list)
        if self.verifies and len(bias_list):
            self._verification.get_ready(bias_list)

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


def _places(beam: BiasedBeam, scale: float) -> Iterator[Place]:
    """Where the search wrote listed phrases that the model would not have written anyway."""
    for phrase, hit in beam.listed():
        if hit.base_text != " ".join(beam.words[hit.first_word : hit.last_word]):
            yield Place(phrase, round(hit.start * scale), round(hit.end * scale), hit.parts.get("adapter"))


def _bar(place: Place, scale: float) -> Barred:
    """A place as the search counts frames, a little wider: it may time the same words otherwise."""
    return place.phrase, round(place.start / scale) - BAR_SLACK, round(place.end / scale) + BAR_SLACK


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
