"""Many requests at once, one model: those of a few milliseconds are heard as one batch, each with its own list.

Long recordings come in pieces, and every batch takes a piece of each request before a second one of any, so that nobody
waits for somebody else's hour.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace

from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript

Transcribe = Callable[[list[Recording]], list[Transcript]]


class Batcher:
    """One thread that hands batches to the model.

    Args:
        transcribe: transcripts of recordings, in their order; called by that thread alone.
        size: pieces of recordings a batch.
        wait: seconds that the first of a batch waits for others.
    """

    def __init__(self, transcribe: Transcribe, size: int, wait: float, observe: Callable[[int], object]):
        self._transcribe, self._size, self._wait, self._observe = transcribe, size, wait, observe
        self._jobs: deque[_Job] = deque()
        self._changed, self._closed = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="batches", daemon=True)
        self._thread.start()

    def submit(self, recording: Recording) -> Future[Transcript]:
        """The transcript to come of a recording with its pieces.  One that is cancelled is not worked on any more."""
        job = _Job(recording)
        with self._changed:
            if self._closed:
                raise RuntimeError("the server has ended")
            self._jobs.append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Finish what was taken, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._next():
            self._observe(len(batch))
            self._work(batch)

    def _next(self) -> list[tuple[_Job, Recording]]:
        """The next batch; none when all is done and closed."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._jobs or self._closed)
                end = time.monotonic() + self._wait
                while not self._closed and self._waiting() < self._size and (left := end - time.monotonic()) > 0:
                    self._changed.wait(left)
                batch = self._taken()
                if batch or self._closed:
                    return batch

    def _waiting(self) -> int:
        return sum(len(job.left) for job in self._jobs)

    def _taken(self) -> list[tuple[_Job, Recording]]:
        batch: list[tuple[_Job, Recording]] = []
        while self._jobs and len(batch) < self._size:
            job = self._jobs.popleft()
            if job.future.done():  # cancelled, or a piece of it has failed
                continue
            batch.append((job, job.left.popleft()))
            if job.left:
                self._jobs.append(job)
        return batch

    def _work(self, batch: Sequence[tuple[_Job, Recording]]) -> None:
        try:
            found = self._transcribe([piece for _, piece in batch])
        except Exception as error:
            if len(batch) == 1:
                batch[0][0].fail(error)
                return
            for one in batch:  # one of them may be to blame, and the others are not to suffer
                self._work([one])
            return
        for (job, _), transcript in zip(batch, found, strict=True):
            job.add(transcript)


class _Job:
    def __init__(self, recording: Recording):
        self.recording = recording
        self.left = deque(replace(recording, pieces=[piece]) for piece in recording.pieces)
        self.future: Future[Transcript] = Future()
        self._found: list[Transcript] = []
        self._count = len(self.left)

    def add(self, transcript: Transcript) -> None:
        """Of the next piece."""
        self._found.append(transcript)
        if len(self._found) == self._count and self.future.set_running_or_notify_cancel():
            self.future.set_result(joined(self._found))

    def fail(self, error: Exception) -> None:
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


def joined(parts: Sequence[Transcript]) -> Transcript:
    """One transcript of the pieces of a recording; other hypotheses only where it is a single piece."""
    if len(parts) == 1:
        return parts[0]
    return Transcript(
        parts[0].recording,
        " ".join(one.text for one in parts if one.text),
        tuple(hit for one in parts for hit in one.hits),
        tuple(word for one in parts for word in one.words),
    )
