"""NeMo's cache-aware streaming with lists: `conformer_stream_step`, which is handed what the step before gave.

NeMo joins the labels of all chunks and decodes them anew in each step, past any list.  Here the labels bring along the
streams of the batch, each with its own list and search.  The encoder keeps what it needs in caches of NeMo's; what
adapters and phone head look at is kept as it passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import torch
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.chunked_stream import ChunkedStream
from nemo_ctcbias.nemo.encoder import Encoded
from nemo_ctcbias.nemo.heard_window import HeardWindow
from nemo_ctcbias.nemo.internals import joined_marks
from nemo_ctcbias.nemo.streams import LAG
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.streaming import Update


class OneStream(ChunkedStream):
    """A stream of a batch: where it is, and what was told of it."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args, whole=True)
        self.texts: list[str] = []
        self.partial = ""
        self._hits: list[Hit] = []
        self._before = 0

    def goes_on(self, frames: int, text: str) -> None:
        """So many frames with this text were there before it."""
        self.start = self.searched = frames
        self.texts = text.split()
        self._before = len(self.texts)

    def add(self, update: Update) -> None:
        """Keep what is new."""
        self.texts += [word.text for word in update.words]
        self._hits += update.hits
        self.partial = update.partial

    @property
    def hits(self) -> list[Hit]:
        """Those that stand, in seconds and words of all of it."""
        start, before = self.start, self._before
        return [
            replace(
                hit,
                first_word=hit.first_word + before,
                last_word=hit.last_word + before,
                start=hit.start + start,
                end=hit.end + start,
            ).in_seconds(self.seconds_per_frame)
            for hit in self._hits
        ]

    @property
    def text(self) -> str:
        """All of it, as far as it is known."""
        return " ".join([*self.texts, *self.partial.split()])


class StreamedLabels(list):
    """Labels of all chunks so far, as NeMo gives them, and the streams that they are of."""

    streams: list[OneStream]


class CacheAwareMixin:
    """Lists in NeMo's own loop over chunks."""

    def conformer_stream_step(
        self,
        processed_signal: Tensor,
        *args: Any,
        previous_pred_out: Any = None,
        return_transcription: bool = True,
        return_log_probs: bool = False,
        bias_lists: Sequence | None = None,
        **kwargs: Any,
    ) -> tuple:
        """As NeMo's; the transcriptions are `Hypothesis` objects with `text` and `hits`, where a list acts.

        Args:
            bias_lists: one for each stream of the batch, from this step on; None keeps those of the step before, at the
                beginning the model's own.

        Raises:
            BiasListError: a list that cannot be read, or more or fewer than streams.
        """
        step = super().conformer_stream_step
        given = {"previous_pred_out": previous_pred_out, **kwargs}
        before = getattr(previous_pred_out, "streams", None)
        lists = self._lists_of_streams(bias_lists, len(processed_signal), before is None)
        if not self.ctc_decodes or (before is None and not any(self.acts(one) for one in lists or ())):
            return step(
                processed_signal,
                *args,
                return_transcription=return_transcription,
                return_log_probs=return_log_probs,
                **given,
            )
        with self._hearing() as chunks:
            labels, _, *caches, log_probs, lengths = step(
                processed_signal, *args, return_transcription=False, return_log_probs=True, **given
            )
        known = [0] * len(labels) if previous_pred_out is None else list(map(len, previous_pred_out))
        if before is None:
            before = self._begin(lists, previous_pred_out, max(map(len, labels)) - max(known))
        elif lists is not None:
            for stream, listed in zip(before, lists, strict=True):
                stream.relist(listed)
        last = kwargs.get("keep_all_outputs", args[4] if len(args) > 4 else True)
        for row, (stream, first) in enumerate(zip(before, known, strict=True)):
            count = len(labels[row]) - first
            heard = HeardWindow.of(chunks[-1], row, first).between(first, first + count) if chunks else None
            stream.add(stream.take(log_probs[row][:count], first, heard))
            if last:
                stream.add(stream.rest())
        streamed = StreamedLabels(labels)
        streamed.streams = before
        texts = [self._hypothesis(one, row) for one, row in zip(before, labels, strict=True)]
        result = (streamed, texts if return_transcription else None, *caches)
        return (*result, log_probs, lengths) if return_log_probs else result

    def _hearing(self) -> AbstractContextManager[list[Encoded]]:
        """What passes through the model meanwhile, if anything looks at it."""
        return self.hearing() if self.adapters_act() or self.hears() else nullcontext([])

    def _lists_of_streams(self, given: Sequence | None, count: int, begins: bool) -> list | None:
        """Compiled, one for each stream; None for those that they have."""
        if given is None:
            return [self.compiled(self.default_list)] * count if begins else None
        if len(given) != count:
            raise BiasListError(f"bias_lists: {len(given)} lists for {count} streams; give one for each")
        return [self.compiled(BiasList.of(one)) for one in given]

    def _begin(self, lists: Sequence, before: Sequence[Tensor] | None, frames: int) -> list[OneStream]:
        """Streams with these lists, behind the labels that NeMo has decoded before without one."""
        seconds = self.subsampling * self.cfg.preprocessor.window_stride
        step = min(max(frames, 1) * seconds, LAG)  # NeMo's script hands over whole recordings, too, to compare
        streams = [OneStream(self, one, step) for one in lists]
        for stream, labels in zip(streams, before or (), strict=before is not None):
            (decoded,) = self.ctc_strategy.ctc_decoder_predictions_tensor(labels[None], torch.tensor([len(labels)]))
            stream.goes_on(len(labels), decoded.text)
        return streams

    def _hypothesis(self, stream: OneStream, labels: Tensor) -> Hypothesis:
        hypothesis = Hypothesis(score=0.0, y_sequence=labels, text=joined_marks(self.ctc_strategy, stream.text))
        hypothesis.hits = stream.hits
        return hypothesis
