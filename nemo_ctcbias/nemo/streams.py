"""Streams of speech on a model: samples in, words with their hits out, each stream with a list of its own.

An encoder that has to see what follows is given a window that slides: what came before (`left`), the step, and what
follows (`right`), of which the step is kept.  `right` is the encoder's own delay.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.errors import AudioError, SettingError
from nemo_ctcbias.nemo.branch import check_branch
from nemo_ctcbias.nemo.encoder import Encoded
from nemo_ctcbias.nemo.heard_window import HeardWindow
from nemo_ctcbias.streamed_audio import StreamedSamples
from nemo_ctcbias.streaming import RecognizedStream, Rhythm, Update

# Seconds: of a step, behind which what was written stands, and that the encoder hears before and after a step.
STEP, LAG, LEFT, RIGHT = 0.32, 1.0, 6.0, 0.64
MOST = 30.0  # seconds of either side of the window


class SpeechStream:
    """One stream of speech; `model.stream(...)` makes one.  Many may go on side by side with one model.

    Args:
        model: the biased model.
        listed: the list.
        step, lag, left, right: seconds, see `StreamMixin.stream`.
    """

    def __init__(self, model: Any, listed: CompiledList, step: float, lag: float, left: float, right: float) -> None:
        if not (0 <= left <= MOST and 0 <= right <= MOST):
            raise SettingError(f"stream: left {left} s and right {right} s must be from 0 to {MOST:g}")
        self._model = model
        self.seconds_per_frame = model.subsampling * model.cfg.preprocessor.window_stride
        self._rhythm = Rhythm.of(self.seconds_per_frame, step, lag)
        self._left, self._right = (round(seconds / self.seconds_per_frame) for seconds in (left, right))
        self._left = max(self._left, self._rhythm.lag + self._rhythm.step)
        self._rate = model.cfg.sample_rate
        self._frame = round(self.seconds_per_frame * self._rate)
        self._samples = StreamedSamples(self._rate)
        self._window: HeardWindow | None = None
        self._recognized = RecognizedStream(model.recognizer, listed, self._rhythm, model.acts, self._adapt)
        self._done, self._ended, self._partial = 0, False, ""

    @property
    def seconds(self) -> float:
        """How much came, of what was taken."""
        return self._samples.end / self._rate

    def set_bias_list(self, bias_list: Any) -> None:
        """Listen for other phrases from now on (phrases, a file, or None for none).

        Raises:
            BiasListError: if the list cannot be read; the old one stays.
        """
        self._recognized.relist(self._model.compiled(BiasList.of(bias_list)))

    @torch.inference_mode()
    def feed(self, samples: Any, sample_rate: int | None = None) -> Update:
        """The next samples of the stream, as many as there are; what is new, times in seconds of the stream.

        Args:
            samples: mono, floats from -1 to 1 or 16-bit integers.
            sample_rate: theirs, the model's if None; may change within a stream.

        Raises:
            AudioError: they are no sound (NaN, several channels) or the stream has ended; none of them is taken, and
                the stream goes on as if they had not come.
        """
        if self._ended:
            raise AudioError("the stream has ended; model.stream() begins another")
        self._samples.add(samples, sample_rate)
        updates, needed = [], (self._rhythm.step + self._right) * self._frame
        while self._samples.end - self._done * self._frame >= needed:
            updates.append(self._step(self._rhythm.step))
        return self._in_seconds(updates)

    @torch.inference_mode()
    def finish(self) -> Update:
        """No more comes: what was said last, all of which stands."""
        if self._ended:
            return Update()
        self._ended = True
        self._samples.end_of_stream()
        updates = []
        while self._samples.end > self._done * self._frame:
            updates.append(self._step(min(self._rhythm.step, -(-self._samples.end // self._frame) - self._done)))
        return self._in_seconds([*updates, self._recognized.finish()])

    def _step(self, frames: int) -> Update:
        """Recognise so many frames."""
        first = max(0, self._done - self._left)
        self._samples.forget(first * self._frame)
        last = (self._done + frames + self._right) * self._frame
        self._window = HeardWindow(first, self._encode(self._samples.between(first * self._frame, last)))
        update = self._recognized.advance(self._window.heard(self._model, self._done, self._done + frames))
        self._done += frames
        return update

    def _encode(self, samples: np.ndarray) -> Encoded:
        device = next(self._model.encoder.parameters()).device
        signal = torch.from_numpy(samples)[None].to(device)
        return self._model.encode(input_signal=signal, input_signal_length=torch.tensor([len(samples)], device=device))

    def _adapt(self, *asked: Any) -> np.ndarray | None:
        """As `AdaptStream`, on the last window."""
        return self._window.adapted(self._model, *asked)

    def _in_seconds(self, updates: list[Update]) -> Update:
        """One update of several, frames as seconds of the stream."""
        frame = self.seconds_per_frame
        words = [
            replace(one, start=round(one.start * frame, 3), end=round(one.end * frame, 3))
            for update in updates
            for one in update.words
        ]
        hits = [hit.in_seconds(frame) for update in updates for hit in update.hits]
        if updates:
            self._partial = updates[-1].partial
        return Update(tuple(words), tuple(hits), self._partial)


class StreamMixin:
    """Streams of speech on a biased model."""

    def stream(
        self,
        bias_list: Any = ...,
        *,
        step: float = STEP,
        lag: float = LAG,
        left: float = LEFT,
        right: float = RIGHT,
    ) -> SpeechStream:
        """A stream with a list of its own; the model, which is put into eval mode, may serve many.

        Args:
            bias_list: in place of the stored list (None: no bias).
            step: seconds that are recognised at a time.
            lag: seconds behind which what was written stands.
            left, right: seconds that the encoder hears before and after a step; `right` is a delay.

        Raises:
            BiasListError: a list that cannot be read.
            SettingError: seconds that cannot be, or a list that no branch of the model listens to.
        """
        chosen = self.default_list if bias_list is ... else BiasList.of(bias_list)
        check_branch(self, bias_list is not ... and len(chosen) > 0)
        self.eval()
        return SpeechStream(self, self.compiled(chosen), step, lag, left, right)

    def compiled(self, bias_list: BiasList) -> CompiledList:
        """A list made ready; what cannot be used of it is logged once."""
        listed = self.lists.of(bias_list)
        listed.tell(lambda: self.report_on(listed))
        return listed
