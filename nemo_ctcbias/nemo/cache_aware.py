"""NeMo's cache-aware streaming with lists: `conformer_stream_step`, which is handed what the step before gave.

NeMo joins the labels of all chunks and decodes them anew in each step, past any list.  Here the labels bring along the
streams of the batch, each with its own list and search.  The encoder keeps what it needs in caches of NeMo's; adapters
and phone head, which look at its inner layers, have no part in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from nemo.utils import logging
from torch import Tensor

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.nemo.internals import joined_marks
from nemo_ctcbias.nemo.silence import OrSilence
from nemo_ctcbias.nemo.streams import LAG
from nemo_ctcbias.recognizer import Utterance
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.streaming import RecognizedStream, Rhythm


class OneStream:
    """A stream of a batch: where it is, and what was told of it."""

    def __init__(self, stream: RecognizedStream, seconds_per_frame: float) -> None:
        self.stream, self.texts = stream, []
        self._or_silence = OrSilence(seconds_per_frame)
        self.hits: list[Hit] = []
        self.partial = ""

    def take(self, log_probs: np.ndarray) -> None:
        """The next frames [T, V + 1]; those that are not numbers are silence, as other streams of the batch go on."""
        frames = self._or_silence(log_probs, self.stream.frames)
        update = self.stream.advance(Utterance(frames), whole=True)
        self.texts += [word.text for word in update.words]
        self.hits += update.hits
        self.partial = update.partial

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
        labels, _, *caches, log_probs, lengths = step(
            processed_signal, *args, return_transcription=False, return_log_probs=True, **given
        )
        known = [0] * len(labels) if previous_pred_out is None else list(map(len, previous_pred_out))
        new = [len(row) - count for row, count in zip(labels, known, strict=True)]
        if before is None:
            before = self._begin(lists, max(new))
        elif lists is not None:
            for stream, listed in zip(before, lists, strict=True):
                stream.stream.relist(listed)
        for stream, row, count in zip(before, log_probs.detach().float().cpu().numpy(), new, strict=True):
            if count:
                stream.take(row[:count])
        streamed = StreamedLabels(labels)
        streamed.streams = before
        texts = [self._hypothesis(one, row) for one, row in zip(before, labels, strict=True)]
        result = (streamed, texts if return_transcription else None, *caches)
        return (*result, log_probs, lengths) if return_log_probs else result

    def _lists_of_streams(self, given: Sequence | None, count: int, begins: bool) -> list | None:
        """Compiled, one for each stream; None for those that they have."""
        if given is None:
            return [self.compiled(self.default_list)] * count if begins else None
        if len(given) != count:
            raise BiasListError(f"bias_lists: {len(given)} lists for {count} streams; give one for each")
        return [self.compiled(BiasList.of(one)) for one in given]

    def _begin(self, lists: Sequence, frames: int) -> list[OneStream]:
        if self.adapters_act() or self.has_phone_head:
            logging.warning(
                "conformer_stream_step: adapters and phone head have no part in cache-aware streaming; what the model "
                "spells tells what is heard, and the search boosts it"
            )
        seconds = self.subsampling * self.cfg.preprocessor.window_stride
        step = min(max(frames, 1) * seconds, LAG)  # NeMo's script hands over whole recordings, too, to compare
        rhythm = Rhythm.of(seconds, step, LAG)
        return [OneStream(RecognizedStream(self.recognizer, one, rhythm, self.acts), seconds) for one in lists]

    def _hypothesis(self, stream: OneStream, labels: Tensor) -> Hypothesis:
        seconds = self.subsampling * self.cfg.preprocessor.window_stride
        hypothesis = Hypothesis(score=0.0, y_sequence=labels, text=joined_marks(self.ctc_strategy, stream.text))
        hypothesis.hits = [hit.in_seconds(seconds) for hit in stream.hits]
        return hypothesis
