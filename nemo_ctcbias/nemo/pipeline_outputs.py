"""What NeMo's pipelines give out as final, with the listed phrases in it, and what puts that into a stream's state."""

from __future__ import annotations

import copy
from typing import Any

from nemo.collections.asr.inference.utils.text_segment import TextSegment, Word

from nemo_ctcbias.search.hits import Hit


class _WithHits:
    """What NeMo's pipelines give out as final, with its hits: times in seconds of the stream, words of the segment."""

    hits: tuple[Hit, ...] = ()

    def copy(self) -> _WithHits:
        """As NeMo's."""
        return copy.copy(self)

    def to_dict(self) -> dict:
        """As NeMo's, with the hits."""
        return super().to_dict() | {"hits": [hit.as_dict() for hit in self.hits]}


class BiasedSegment(_WithHits, TextSegment):
    """A segment with `hits`."""


class BiasedWord(_WithHits, Word):
    """A word, or a listed phrase in its written form, with `hits`."""


class ToldDecoder:
    """Stands where a pipeline's decoder of tokens stands: what was recognised where a list acts, else NeMo's own.

    Args:
        nemos: the pipeline's own.
        pipeline: whose streams they are.
    """

    def __init__(self, nemos: Any, pipeline: Any) -> None:
        self._nemos, self._pipeline = nemos, pipeline

    def decode_bpe_tokens(self, state: Any) -> None:
        """As NeMo's: at the end of an utterance, its words or its segment for the state."""
        utterance = getattr(state, "utterance", None)
        if utterance is None or not utterance.acts:
            self._nemos.decode_bpe_tokens(state)
            if utterance is not None:
                utterance.end()
            return
        told, hits = utterance.end()
        if not told:
            return
        if state.options.is_word_level_output():
            words = [self._as(BiasedWord, state, word.text, word.start, word.end) for word in told]
            for hit in hits:
                min(words, key=lambda word, hit=hit: abs(word.start - hit.start)).hits += (hit,)
            state.push_back_words(words, conf_aggregator=self._pipeline.confidence_aggregator)
        else:
            text = self._pipeline.written(" ".join(word.text for word in told))
            segment = self._as(BiasedSegment, state, text, told[0].start, told[-1].end)
            segment.hits = tuple(hits)
            state.push_back_segment(segment, False, self._pipeline.confidence_aggregator)

    def _as(self, kind: type, state: Any, text: str, start: float, end: float) -> Any:
        """With NeMo's confidence in what it decodes greedily there, 0 where that is nothing."""
        frame = self._pipeline.model_stride_in_secs
        here = [sure for at, sure in zip(state.timesteps, state.confidences, strict=True) if start <= at * frame < end]
        confidence = float(self._pipeline.confidence_aggregator(here)) if here else 0.0
        return kind(text, start, max(end, start + frame), min(max(confidence, 0.0), 1.0))
