"""NeMo's inference pipelines with lists: `CacheAwareCTCPipeline` and `BufferedCTCPipeline`.

They call encoder and head and decode greedily by themselves, which says where an utterance ends; each stream of theirs
is recognised here beside that, with a list of its own, and where a list acts, what was recognised is told.  Their
builders make these classes in place of NeMo's once a biased model was loaded (`pipeline_builders`).
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

from nemo.collections.asr.inference.pipelines.buffered_ctc_pipeline import BufferedCTCPipeline
from nemo.collections.asr.inference.pipelines.cache_aware_ctc_pipeline import CacheAwareCTCPipeline
from nemo.collections.asr.inference.utils.text_segment import TextSegment, Word
from nemo.utils import logging
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.internals import joined_marks
from nemo_ctcbias.nemo.silence import OrSilence
from nemo_ctcbias.nemo.streams import LAG, STEP, StreamMixin
from nemo_ctcbias.recognizer import Utterance
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.streaming import RecognizedStream, Rhythm, Told, Update


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


class UtteranceOfStream:
    """What is said in a stream of a pipeline, from one end of an utterance to the next.

    Args:
        model: the biased model.
        listed: the stream's list.
    """

    def __init__(self, model: StreamMixin, listed: CompiledList) -> None:
        self._model, self._listed = model, listed
        self.seconds_per_frame = model.subsampling * model.cfg.preprocessor.window_stride
        self._rhythm = Rhythm.of(self.seconds_per_frame, STEP, LAG)
        self._taken = 0  # frames of the stream
        self._or_silence = OrSilence(self.seconds_per_frame)
        self._begin()

    def _begin(self) -> None:
        self._start = self._taken
        self._stream = RecognizedStream(self._model.recognizer, self._listed, self._rhythm, self._model.acts)
        self.acts = self._model.acts(self._listed)  # or has acted in this utterance
        self._words: list[Told] = []
        self._hits: list[Hit] = []
        self._partial = ""

    @property
    def text(self) -> str:
        """As far as it is known."""
        return " ".join([*(word.text for word in self._words), *self._partial.split()])

    def relist(self, listed: CompiledList) -> None:
        """Listen for another list from now on."""
        self._listed = listed
        self._stream.relist(listed)
        self.acts = self.acts or self._model.acts(listed)

    def take(self, log_probs: Tensor, first: int) -> None:
        """Frames [T, V + 1] of the stream from `first` on, of which those that are known are passed over.

        Frames that are not numbers are silence to this stream, as those of other streams must go on.
        """
        new = log_probs[max(self._taken - first, 0) :].detach().float().cpu().numpy()
        if not len(new):
            return
        self._add(self._stream.advance(Utterance(self._or_silence(new, self._taken))))
        self._taken += len(new)

    def end(self) -> tuple[list[Told], list[Hit]]:
        """The utterance is over: its words and hits, in seconds of the stream; the next one begins."""
        self._add(self._stream.finish())
        frame, start = self.seconds_per_frame, self._start
        words = [
            Told(word.text, round((word.start + start) * frame, 3), round((word.end + start) * frame, 3))
            for word in self._words
        ]
        hits = [replace(hit, start=hit.start + start, end=hit.end + start).in_seconds(frame) for hit in self._hits]
        self._begin()
        return words, hits

    def _add(self, update: Update) -> None:
        self._words += update.words
        self._hits += update.hits
        self._partial = update.partial


class ToldDecoder:
    """Stands where a pipeline's decoder of tokens stands: what was recognised where a list acts, else NeMo's own.

    Args:
        nemos: the pipeline's own.
        pipeline: whose streams they are.
    """

    def __init__(self, nemos: Any, pipeline: BiasedPipelineMixin) -> None:
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


class BiasedPipelineMixin:
    """What lists add to a pipeline of NeMo's; with a model that is not biased it is NeMo's.

    A stream's list is that of its request (`options.biasing_cfg`, in NeMo's manifests `biasing_request`: phrases or
    file of its boosting tree), without one the model's stored list.
    """

    @property
    def model(self) -> StreamMixin | None:
        """The biased model; None where the pipeline's is another."""
        model = self.asr_model.asr_model
        return model if isinstance(model, StreamMixin) and model.ctc_decodes else None

    def set_bias_list(self, stream_id: int, bias_list: Any) -> None:
        """Another list (phrases, a file, or None for none) for a stream from now on.

        Raises:
            BiasListError: no such stream is going on, or the list cannot be read; the old one stays.
        """
        utterance = getattr(self.get_state(stream_id), "utterance", None)
        if utterance is None:
            raise BiasListError(f"no stream {stream_id} with lists is going on; it begins with its first request")
        utterance.relist(self.model.compiled(BiasList.of(bias_list)))

    def written(self, text: str) -> str:
        """As NeMo writes it."""
        return joined_marks(self.model.ctc_strategy, text)

    def init_bpe_decoder(self) -> None:
        """As NeMo's, which is asked where no list acts."""
        super().init_bpe_decoder()
        self.bpe_decoder = ToldDecoder(self.bpe_decoder, self)
        model = self.model
        if model is not None and (model.adapters_act() or model.has_phone_head):
            logging.warning(
                "NeMo's pipelines: adapters and phone head have no part in them; what the model spells tells what is "
                "heard, and the search boosts it"
            )

    def create_state(self, options: Any) -> Any:
        """As NeMo's, with what is said in the stream.

        Raises:
            BiasListError: the request's list cannot be read.
        """
        state = super().create_state(options)
        if self.model is not None:
            state.utterance = UtteranceOfStream(self.model, self.model.compiled(self._list_of(options)))
        return state

    def _list_of(self, options: Any) -> BiasList:
        asked = getattr(options, "biasing_cfg", None)
        if asked is None:
            return self.model.default_list
        tree = asked.boosting_model_cfg
        if tree.model_path is not None:
            raise BiasListError(
                f"biasing_request: {tree.model_path}: no list; give key_phrases_list or key_phrases_file"
            )
        phrases = [*(tree.key_phrases_list or ()), *(item.phrase for item in tree.key_phrase_items_list or ())]
        if tree.key_phrases_file is not None and phrases:
            raise BiasListError("biasing_request: phrases and key_phrases_file; give one of them")
        return BiasList.of(phrases if tree.key_phrases_file is None else tree.key_phrases_file)

    def run_greedy_decoder(self, state: Any, request: Any, log_probs: Tensor, *clip: int) -> bool:
        """As NeMo's, which says where an utterance ends.

        Args:
            log_probs: [T, V + 1] of the chunk, or of the buffer.
            clip: first and last frame of the buffer that this step is for.
        """
        first = round(state.global_offset)
        ended = super().run_greedy_decoder(state, request, log_probs, *clip)
        if getattr(state, "utterance", None) is not None:
            last = len(log_probs)
            if clip:  # NeMo may find the end of an utterance in what follows the clip
                last = max(clip[1], state.decoder_end_idx) if ended else clip[1]
            state.utterance.take(log_probs[:last], first)
        return ended

    def update_partial_transcript(self, requests: list, *args: Any) -> None:
        """As NeMo's, where a list acts what is recognised so far."""
        super().update_partial_transcript(requests, *args)
        for request in requests:
            state = self.get_state(request.stream_id)
            utterance = getattr(state, "utterance", None)
            if utterance is not None and utterance.acts:
                state.partial_transcript = self.written(utterance.text)


class BiasedCacheAwareCTCPipeline(BiasedPipelineMixin, CacheAwareCTCPipeline):
    """NeMo's, with lists."""


class BiasedBufferedCTCPipeline(BiasedPipelineMixin, BufferedCTCPipeline):
    """NeMo's, with lists."""
