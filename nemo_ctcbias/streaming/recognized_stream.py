"""Recognition of a stream: the same techniques as in `recognizer`, on what was heard last.

A step is `Rhythm.step` frames.  In each:

    what is listened for    keyword detection in the last `window` frames
    log-probs               contextual adapter, on the same
    beam search             goes on with what came; if something is heard that was not listened for (or more clearly),
                            from where it was `lag` frames ago, with the new list
    what was written        verification by its sound: what does not sound right is searched for again without it
    what stands             phonetic correction, and then it is told

Behind `lag` frames what was told stands.  However the frames come, the result is the same, as everything happens at
multiples of a step.  Nothing grows with the stream.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.decision import SLACK, confidences, corrected, doubtful
from nemo_ctcbias.phones.hearing import Heard
from nemo_ctcbias.recognizer import Recognizer, Task, Utterance
from nemo_ctcbias.search.list_search import ListSearch
from nemo_ctcbias.search.log_probs import numbers
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_state import SearchState
from nemo_ctcbias.search.stream_search import Segment, StreamSearch
from nemo_ctcbias.search.temperature import RunningTemperature, tempered
from nemo_ctcbias.streaming.rhythm import Rhythm
from nemo_ctcbias.streaming.updates import Update, joined, news

#: Contextual adapters on the frames [start, end) of a stream, `start` no further back than a `window`: (start, end,
#: list, which of its phrases are listened for, strength) to log-probs [end - start, V + 1], None where none act.
AdaptStream = Callable[[int, int, CompiledList, "np.ndarray | None", float], "np.ndarray | None"]

#: Log-probs [V + 1] at a temperature, that temperature, and what the phone head heard in the frame [U, K, 40].
Frame = tuple[np.ndarray, float, "np.ndarray | None"]

CLEARER = 0.1  # by how much the factor on a phrase's weight has to change for the search to go back


class RecognizedStream:
    """One stream, recognised with a list that may change.

    Args:
        recognizer: of the model; may serve many streams.
        listed: the list.
        rhythm: how the stream is cut.
        acts: whether a list makes any difference; without, the stream is decoded greedily, as NeMo does.
        adapt: contextual adapters, None without.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        listed: CompiledList,
        rhythm: Rhythm,
        acts: Callable[[CompiledList], bool] = len,
        adapt: AdaptStream | None = None,
    ) -> None:
        self.recognizer, self.rhythm = recognizer, rhythm
        self._acts, self._adapt = acts, adapt
        self._streams = StreamSearch(rhythm.pause, rhythm.longest)
        self._listed, self._factors = listed, None
        self._search = self._searching()
        self._state = self._streams.start(self._search)
        self._temperature = RunningTemperature()
        self._base: deque[np.ndarray] = deque(maxlen=rhythm.window)
        self._temperatures: deque[float] = deque(maxlen=rhythm.window)
        self._phones: deque[np.ndarray] = deque(maxlen=rhythm.window)
        self._due: list[Frame] = []
        self._earlier: deque[tuple[SearchState, ListSearch]] = deque(maxlen=rhythm.lag // rhythm.step + 1)
        self._doubted: dict[int, int] = {}  # phrases that did not sound right, and until which frame
        self._partial = ""
        self._segment, self._told, self._words = 0, 0, 0  # what was told: words of this segment, and of all

    @property
    def frames(self) -> int:
        """How many were searched, or wait for the rest of their step."""
        return self._state.core.frames + len(self._due)

    def relist(self, listed: CompiledList) -> None:
        """Listen for another list from the next step on."""
        self._listed, self._doubted = listed, {}
        self._earlier.clear()
        self._take(None)

    def advance(self, utterance: Utterance, whole: bool = False) -> Update:
        """The next frames, as many as there are.

        Args:
            utterance: as the model gives it.
            whole: whether they are steps of their own, so that none waits for the rest of a step.

        Raises:
            ModelError: they are not numbers (NaN); none of them was taken.
        """
        numbers(utterance.log_probs)
        self._due += _frame_by_frame(utterance, self._temperature.after(utterance.log_probs))
        updates, step = [Update(partial=self._partial)], self.rhythm.step
        while len(self._due) >= (1 if whole else step):
            now, self._due = self._due[:step], self._due[step:]
            updates.append(self._step(now))
        self._partial = updates[-1].partial
        return joined(updates)

    def finish(self) -> Update:
        """The stream ends."""
        updates = [self._step(self._due)] if self._due else []
        self._due = []
        heard = self._witnesses() if self._base else {}
        return joined([*updates, self._tell(self._streams.finish(self._search, self._state), heard)])

    # --- a step

    def _step(self, frames: list[Frame]) -> Update:
        for log_probs, temperature, phones in frames:
            self._base.append(log_probs)
            self._temperatures.append(temperature)
            if phones is not None:
                self._phones.append(phones)
        start = self._state.core.frames
        end = start + len(frames)
        heard = self._witnesses()
        factors = self._heard(heard, end)
        if _differ(factors, self._factors):
            start = self._go_back(factors)
        ended = self._go_on(start, end)
        while self._doubts(heard, end):
            ended += self._go_on(self._go_back(self._heard(heard, end)), end)
        told = [self._tell(segment, heard) for segment in ended]
        return joined([*told, self._tell(self._streams.partial(self._search, self._state), heard)])

    @property
    def _window(self) -> Utterance:
        return Utterance(np.stack(self._base), np.concatenate(self._phones) if self._phones else None)

    def _witnesses(self) -> Heard:
        return self.recognizer.witnesses(self._window, self._listed) if self._acts(self._listed) else {}

    def _heard(self, heard: Heard, now: int) -> np.ndarray | None:
        """Factors on the phrases' weights [N], 0 for what is not listened for; None: all are."""
        factors = self.recognizer.detected(heard, self._listed) if heard else None
        self._doubted = {phrase: until for phrase, until in self._doubted.items() if until > now}
        if self._doubted:
            factors = np.ones(len(self._listed)) if factors is None else factors
            factors[list(self._doubted)] = 0.0
        return factors

    def _searching(self) -> ListSearch:
        """The search for what is listened for."""
        settings, listed, factors = self.recognizer.settings, self._listed, self._factors
        search = listed.search if factors is None else listed.search.heard(factors)
        if not self._acts(listed) or not settings.boost.enabled:
            return self.recognizer.search.of(search, lag=self.rhythm.lag, greedy=True)
        prior = settings.prior(listed.length) if factors is None else 0.0
        return self.recognizer.search.of(search, settings.strength, prior, lag=self.rhythm.lag)

    def _take(self, factors: np.ndarray | None) -> None:
        """Listen for this from now on."""
        before, self._factors = self._search, factors
        self._search = self._searching()
        self._state.core = self._search.take_over(self._state.core, before)

    def _go_back(self, factors: np.ndarray | None) -> int:
        """Listen for this from as far back as nothing stands; the frame."""
        for at, (core, search) in enumerate(self._earlier):
            state = self._streams.rewound(search, self._state, core)
            if state is not None:
                self._state, self._search = state, search
                for _ in range(len(self._earlier) - at - 1):
                    self._earlier.pop()
                break
        self._take(factors)
        return self._state.core.frames

    def _go_on(self, start: int, end: int) -> list[Segment]:
        """Search frames [start, end); the segments that ended meanwhile."""
        first, ended = end - len(self._base), []
        base = np.stack(list(self._base)[start - first :])
        changed, adapt = None, self._adapt if self._acts(self._listed) else None
        if adapt is not None:
            strength = self.recognizer.adapter_strength([self._factors])
            changed = adapt(start, end, self._listed, self._factors, strength)
            if changed is not None:
                changed = tempered(changed, np.array(list(self._temperatures)[start - first :]))
        for at in range(0, end - start, self.rhythm.step):
            here = slice(at, at + self.rhythm.step)
            given = (base[here], None) if changed is None else (changed[here], base[here])
            ended += self._streams.advance(self._search, self._state, *given)
            self._earlier.append((self._state.core.copy(), self._search))
        return ended

    # --- what was written

    def _task(self, heard: Heard, segment: Segment) -> Task:
        """What was heard, frames counted from the segment's first."""
        shift = segment.start - (self._state.core.frames - len(self._base))
        heard = {name: [one.counted_from(shift) for one in witness] for name, witness in heard.items()}
        return Task(self._window, None, self._listed, 0.0, heard, 1)

    def _doubts(self, heard: Heard, now: int) -> bool:
        """Whether something was written that does not sound right; it is not listened for as long as it is heard."""
        segment = self._streams.partial(self._search, self._state)
        task = self._task(heard, segment)
        if not self.recognizer.asks("verification", task):
            return False
        candidates, threshold = self.recognizer.candidates(task)
        told, end = self._told_of(segment), now - segment.start - SLACK
        written = candidates.written(segment.beam)
        gone = doubtful([one for one in written if one.first >= told and one.end <= end], threshold)
        gone -= self._doubted.keys()
        self._doubted.update(dict.fromkeys(gone, now + self.rhythm.window))
        return bool(gone)

    def _told_of(self, segment: Segment) -> int:
        """How many of a segment's words were told."""
        return self._told if segment.start == self._segment else 0

    def _tell(self, segment: Segment, heard: Heard) -> Update:
        """What of a segment stands and was not told, and what follows."""
        told = self._told_of(segment)
        beam = self._decided(segment, heard, told) if segment.final > told else segment.beam
        update, self._told = news(segment, beam.with_base_case(), told, self._words)
        self._segment, self._words = segment.start, self._words + self._told - told
        return update

    def _decided(self, segment: Segment, heard: Heard, told: int) -> BiasedBeam:
        """The segment with what is sure and was not written in the place of words that were not told before."""
        task, beam = self._task(heard, segment), segment.beam
        verifies, corrects = (self.recognizer.asks(part, task) for part in ("verification", "correction"))
        if not (verifies or corrects):
            return beam
        candidates, threshold = self.recognizer.candidates(task)
        acting = np.ones(len(self._listed)) if self._factors is None else self._factors
        found = [one for one in self.recognizer.found(candidates, beam, acting) if one.first >= told]
        beam = beam.with_confidences(confidences(found, self._listed))
        return corrected(beam, found, threshold, self._listed) if corrects else beam


def _frame_by_frame(utterance: Utterance, temperatures: np.ndarray) -> Iterator[Frame]:
    log_probs, phones = tempered(utterance.log_probs, temperatures), utterance.phones
    if phones is None or not len(log_probs):
        yield from ((*pair, None) for pair in zip(log_probs, temperatures, strict=True))
        return
    cuts = np.round(np.arange(1, len(log_probs)) * (len(phones) / max(len(log_probs), 1))).astype(int)
    yield from zip(log_probs, temperatures, np.split(phones, cuts), strict=True)


def _differ(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    """Whether something else is listened for, or something much more or less."""
    if one is None or other is None:
        return one is not other
    return bool((((one > 0) != (other > 0)) | (np.abs(one - other) > CLEARER)).any())
