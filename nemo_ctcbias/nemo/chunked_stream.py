"""A stream of which one of NeMo's loops gives log-probs chunk by chunk, and the encoder what adapters and phones need.

Adapters and phone head look at frames that follow the one they speak of: a frame is searched once these have come, or
`RIGHT` seconds of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.nemo.heard_window import HeardWindow
from nemo_ctcbias.nemo.silence import OrSilence, silenced, silenced_with
from nemo_ctcbias.nemo.streams import LAG, LEFT, RIGHT, STEP
from nemo_ctcbias.recognizer import Utterance
from nemo_ctcbias.streaming import RecognizedStream, Rhythm, Update
from nemo_ctcbias.streaming.updates import joined


class ChunkedStream:
    """What is said in one stream, from one end of an utterance to the next.

    Args:
        model: the biased model.
        listed: the stream's list.
        step: seconds that are searched at a time.
        whole: whether each chunk is a step of its own, so that nothing waits for the rest of a step.

    Attributes:
        start: frame of the stream in which the utterance begins, from which updates count.
        searched: frame of the stream up to which it was searched.
    """

    def __init__(self, model: Any, listed: CompiledList, step: float = STEP, whole: bool = False) -> None:
        self._model, self._listed, self._whole = model, listed, whole
        self.seconds_per_frame = model.subsampling * model.cfg.preprocessor.window_stride
        self._rhythm = Rhythm.of(self.seconds_per_frame, step, LAG)
        self._left, right = (round(seconds / self.seconds_per_frame) for seconds in (LEFT, RIGHT))
        self._ahead = min(model.looks_ahead(), right)
        self._or_silence = OrSilence(self.seconds_per_frame)
        self._window: HeardWindow | None = None
        self._waiting: list[np.ndarray] = []  # log-probs of each frame that was not searched
        self.searched = 0
        self.begin()

    def begin(self) -> None:
        """The next utterance begins."""
        self.start = self.searched
        self._stream = RecognizedStream(
            self._model.recognizer, self._listed, self._rhythm, self._model.acts, self._adapt
        )

    @property
    def known(self) -> int:
        """Frame of the stream up to which its log-probs came."""
        return self.searched + len(self._waiting)

    def relist(self, listed: CompiledList) -> None:
        """Listen for another list from now on."""
        self._listed = listed
        self._stream.relist(listed)

    def take(self, log_probs: Tensor, first: int, heard: HeardWindow | None = None) -> Update:
        """Frames [T, V + 1] of the stream from `first` on, of which those that are known are passed over.

        Frames that are not numbers are silence to this stream, as those of other streams must go on.

        Args:
            heard: what the encoder made of these frames and of some that follow them; None where that is not known.
        """
        new = log_probs[max(self.known - first, 0) :].detach().float().cpu().numpy()
        new = self._or_silence(new, self.known)
        if heard is not None and len(new):
            self._hear(heard.between(self.known, heard.end), new)
        self._waiting += list(new)
        ready = self.known if self._window is None else min(self.known, self._window.end - self._ahead)
        return self._search(max(ready - self.searched, 0))

    def rest(self) -> Update:
        """What waits for frames that follow is searched now."""
        return self._search(len(self._waiting))

    def finish(self) -> Update:
        """The utterance ends here."""
        return joined([self.rest(), self._stream.finish()])

    def _hear(self, heard: HeardWindow, log_probs: np.ndarray) -> None:
        """The window goes on with these frames, those behind the log-probs as the model has them."""
        following = silenced(heard.encoded.log_probs[0, len(log_probs) :].detach().cpu().numpy())
        heard = heard.with_log_probs(np.concatenate([log_probs, following]))
        before = self._window
        self._window = heard if before is None else before.followed_by(heard)
        self._window = self._window.between(self.searched - self._left, self._window.end)

    def _search(self, frames: int) -> Update:
        some, self._waiting = self._waiting[:frames], self._waiting[frames:]
        if not some:
            return self._stream.advance(Utterance(np.zeros((0, 0))))
        log_probs, phones = np.stack(some), None
        if self._window is not None:
            phones = self._window.heard(self._model, self.searched, self.searched + frames).phones
        if phones is not None:
            phones = silenced_with(phones, log_probs)
        self.searched += frames
        return self._stream.advance(Utterance(log_probs, phones), whole=self._whole)

    def _adapt(self, start: int, end: int, *listened: Any) -> np.ndarray | None:
        """As `AdaptStream`: frames are the utterance's."""
        if self._window is None:
            return None
        return self._window.adapted(self._model, self.start + start, self.start + end, *listened)
