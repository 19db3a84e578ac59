"""NeMo's inference pipelines with lists: `CacheAwareCTCPipeline` and `BufferedCTCPipeline`.

They call encoder and head and decode greedily by themselves, which says where an utterance ends; each stream of theirs
is recognised here beside that, with a list of its own, and where a list acts, what was recognised is told.  What the
encoder makes in a step is kept as it passes, for adapters and phone head.  Their builders make these classes in place
of NeMo's once a biased model was loaded (`pipeline_builders`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from nemo.collections.asr.inference.pipelines.buffered_ctc_pipeline import BufferedCTCPipeline
from nemo.collections.asr.inference.pipelines.cache_aware_ctc_pipeline import CacheAwareCTCPipeline
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.chunked_stream import ChunkedStream
from nemo_ctcbias.nemo.encoder import Encoded
from nemo_ctcbias.nemo.heard_window import HeardWindow
from nemo_ctcbias.nemo.internals import joined_marks
from nemo_ctcbias.nemo.pipeline_outputs import ToldDecoder
from nemo_ctcbias.nemo.streams import StreamMixin
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.streaming import Told, Update


class UtteranceOfStream:
    """What is said in a stream of a pipeline, from one end of an utterance to the next.

    Args:
        model: the biased model.
        listed: the stream's list.
    """

    def __init__(self, model: StreamMixin, listed: CompiledList) -> None:
        self._model, self._listed = model, listed
        self._stream = ChunkedStream(model, listed)
        self._begin()

    def _begin(self) -> None:
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

    def take(self, log_probs: Tensor, first: int, heard: HeardWindow | None) -> None:
        """As `ChunkedStream`'s."""
        self._add(self._stream.take(log_probs, first, heard))

    def end(self) -> tuple[list[Told], list[Hit]]:
        """The utterance is over: its words and hits, in seconds of the stream; the next one begins."""
        self._add(self._stream.finish())
        frame, start = self._stream.seconds_per_frame, self._stream.start
        words = [
            Told(word.text, round((word.start + start) * frame, 3), round((word.end + start) * frame, 3))
            for word in self._words
        ]
        hits = [replace(hit, start=hit.start + start, end=hit.end + start).in_seconds(frame) for hit in self._hits]
        self._stream.begin()
        self._begin()
        return words, hits

    def _add(self, update: Update) -> None:
        self._words += update.words
        self._hits += update.hits
        self._partial = update.partial


class BiasedPipelineMixin:
    """What lists add to a pipeline of NeMo's; with a model that is not biased it is NeMo's.

    A stream's list is that of its request (`options.biasing_cfg`, in NeMo's manifests `biasing_request`: phrases or
    file of its boosting tree), without one the model's stored list.

    Attributes:
        chunks: what passed through the model in this step.
        rows: of each stream of the step, its row of the batch, and how many frames before its first one there are.
    """

    chunks: Sequence[Encoded] = ()
    rows: dict[int, tuple[int, int]]

    @property
    def model(self) -> StreamMixin | None:
        """The biased model; None where the pipeline's is another."""
        model = self.asr_model.asr_model
        return model if isinstance(model, StreamMixin) and model.ctc_decodes else None

    @contextmanager
    def hearing(self, dropped: int = 0) -> Iterator[None]:
        """While this lasts, what passes through the model is kept, if anything looks at it.

        Args:
            dropped: frames of the encoder's output that NeMo drops at the beginning.
        """
        model = self.model
        self.chunks = ()
        if model is None or not (model.adapters_act() or model.hears()):
            yield
            return
        with model.hearing(dropped) as self.chunks:
            yield

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
            state.utterance.take(log_probs[:last], first, self._heard(request, first))
        return ended

    def _heard(self, request: Any, first: int) -> HeardWindow | None:
        """What the encoder made of a request's chunk or buffer, which begins with frame `first` of the stream."""
        if not self.chunks:
            return None
        row, silence = self.rows[request.stream_id]
        heard = HeardWindow.of(self.chunks[-1], row, first + silence)
        return heard.between(max(first + silence, 0), heard.end)

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

    def cache_aware_transcribe_step(self, requests: list, *args: Any, **kwargs: Any) -> None:
        """As NeMo's."""
        self.rows = {request.stream_id: (row, 0) for row, request in enumerate(requests)}
        with self.hearing(self.drop_left_context or 0):
            super().cache_aware_transcribe_step(requests, *args, **kwargs)


class BiasedBufferedCTCPipeline(BiasedPipelineMixin, BufferedCTCPipeline):
    """NeMo's, with lists."""

    def get_logprobs_given_raw_signals(self, frames: list, raw_signals: list, left_paddings: list[int]) -> Tensor:
        """As NeMo's."""
        seconds = [padding / self.sample_rate if self.right_padding else 0 for padding in left_paddings]
        self.rows = {
            frame.stream_id: (row, int(silence / self.model_stride_in_secs))
            for row, (frame, silence) in enumerate(zip(frames, seconds, strict=True))
        }
        with self.hearing():
            return super().get_logprobs_given_raw_signals(frames, raw_signals, left_paddings)

    def get_logprobs_given_processed_signals(self, fbuffers: list, processed_signals: list) -> Tensor:
        """As NeMo's."""
        self.rows = {
            buffer.stream_id: (row, int(buffer.roll_size / self.subsampling_factor) if self.right_padding else 0)
            for row, buffer in enumerate(fbuffers)
        }
        with self.hearing():
            return super().get_logprobs_given_processed_signals(fbuffers, processed_signals)
