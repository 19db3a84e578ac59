"""The search over speech without an end: what is settled is written segment by segment, and then forgotten.

Behind the last `lag` frames the best hypothesis decides (`BeamSearch`), so that a word stands that long after it was
said.  A segment ends where nobody has said anything for `pause` frames, or else, once it is `longest` frames long,
between two words that stand.  All of this is looked at frame by frame: however the frames are cut, the result is the
same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from nemo_ctcbias.search.alignment import frames_needed
from nemo_ctcbias.search.beam_search import Hypothesis
from nemo_ctcbias.search.extension import kept_boosts
from nemo_ctcbias.search.list_search import ListSearch
from nemo_ctcbias.search.relisting import trimmed
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.search_state import SearchState
from nemo_ctcbias.search.selection import read
from nemo_ctcbias.search.settling import below, count, next_tokens

MOST_NODES = 1 << 12  # of the tree of prefixes, before those are forgotten that are not needed any more


@dataclass(frozen=True)
class Segment:
    """What was said between two cuts.

    beam: its best hypothesis, frames counted from `start`.
    start: frame of the stream in which it begins.
    final: how many of its words stand, whatever follows.
    """

    beam: BiasedBeam
    start: int
    final: int


@dataclass
class StreamState:
    """A stream between two frames.

    Attributes:
        core: where the search stands.
        start: frame in which the segment begins.
        first: tokens of `core` that were written before.
        log_probs, base: frames of the segment [T, V + 1], and those without adapters where these act.
    """

    core: SearchState
    start: int = 0
    first: int = 0
    log_probs: list[np.ndarray] = field(default_factory=list)
    base: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class StreamSearch:
    """Searches streams; the list may change between two frames.

    pause: frames without a new word that end a segment; no fewer than the search's `lag`.
    longest: frames of a segment.
    """

    pause: int
    longest: int

    def start(self, search: ListSearch) -> StreamState:
        """The state before the first frame."""
        return StreamState(search.start())

    def advance(
        self, search: ListSearch, state: StreamState, log_probs: np.ndarray, base: np.ndarray | None = None
    ) -> list[Segment]:
        """Search on with frames [T, V + 1], which changes the state.

        Args:
            search: for the list that is listened for; with a `lag`.
            base: the frames without adapters, None where none act.

        Returns:
            The segments that ended meanwhile.

        Raises:
            ModelError: the frames are not numbers (NaN).
        """
        ended = []
        for at in range(len(log_probs)):
            search.advance(state.core, log_probs[at : at + 1])
            state.log_probs.append(log_probs[at])
            state.base.append(state.log_probs[-1] if base is None else base[at])
            if (segment := self._ended(search, state)) is not None and segment.beam.text:
                ended.append(segment)
        return ended

    def partial(self, search: ListSearch, state: StreamState) -> Segment:
        """The segment as far as it is known; all but its final words may still change."""
        hypothesis, settled, begun = self._best(search, state)
        beam = search.written(hypothesis, *self._frames(search, state))
        return Segment(beam, state.start, self._standing(search, state, hypothesis.tokens, settled, begun))

    def finish(self, search: ListSearch, state: StreamState) -> Segment:
        """The last segment, if the stream ends here."""
        (best,) = search.finish(state.core, *self._frames(search, state), limit=1, first=state.first)
        return Segment(best, state.start, len(best.words))

    def rewound(self, search: ListSearch, state: StreamState, earlier: SearchState) -> StreamState | None:
        """The stream at an earlier frame, what stands now included; None if that was not known then.

        Args:
            earlier: a copy of `state.core` of that time.
        """
        core, settled = earlier.copy(), state.core.settled
        if settled >= core.prefixes.used[0] or core.trimmed != state.core.trimmed:
            return None
        same = below(core.beams, core.prefixes, settled)
        if settled == state.core.ended:
            after = next_tokens(core.beams, core.prefixes, settled)
            same &= (after < 0) | search.tokens.starts_word[after]
        if not same.any():
            return None
        core.beams, core.settled, core.ended = core.beams[same], settled, state.core.ended
        frames = core.frames - state.start
        return replace(state, core=core, log_probs=state.log_probs[:frames], base=state.base[:frames])

    # --- what stands

    def _best(self, search: ListSearch, state: StreamState) -> tuple[Hypothesis, int, int]:
        """What the segment says if it ends here; how many of its tokens are settled, how many may begin a phrase."""
        core, tokens = state.core, search.tokens
        if core.scorer is not None:
            core.scorer.end_words(core.beams)
        kept = kept_boosts(core.beams, tokens.trie, core.prefixes, tokens.following, tokens.rules)
        acoustic, lm = np.logaddexp(core.beams["blank"], core.beams["token"]), core.beams["lm"] + core.beams["ended"]
        row = int((acoustic + lm + kept).argmax())
        (said,), (credits,) = read(core.prefixes, core.beams["prefix"][[row]], core.beams["length"][[row]])
        said, credits = (tuple(values[state.first :].tolist()) for values in (said, credits))
        hypothesis = Hypothesis(said, credits, float(acoustic[row]), float(lm[row]), float(kept[row]))
        begun = max(self._begun(search, core, one) for one in (row, tokens.best(core)))
        return hypothesis, int(count(core.prefixes, core.settled)) - state.first, begun

    def _begun(self, search: ListSearch, core: SearchState, row: int) -> int:
        """How many of a hypothesis' last tokens begin a phrase that may go on."""
        trie, at = search.tokens.trie, core.beams["state"][row]
        return int(trie.depth[at]) if trie.first_child[at + 1] > trie.first_child[at] else 0

    def _standing(
        self, search: ListSearch, state: StreamState, tokens: tuple[int, ...], settled: int, begun: int
    ) -> int:
        """Of a segment's words, how many no frame to come can change: the last one may go on, unless it has ended."""
        starts, last = search.tokens.starts_word, min(settled - 1, len(tokens) - max(begun, 1))
        end = next((at for at in range(last, 0, -1) if starts[tokens[at]]), 0)
        if state.core.settled == state.core.ended and settled <= len(tokens) - begun:
            end = max(end, settled)
        return len(search.vocabulary.decode(tokens[:end]).split())

    # --- cuts

    def _ended(self, search: ListSearch, state: StreamState) -> Segment | None:
        """The segment, if it ends with the last frame that was searched; the state is then that of the next one."""
        core = state.core
        frames = core.searched - state.start
        if frames <= search.tokens.lag:
            return None
        settled = int(count(core.prefixes, core.settled)) - state.first
        quiet = core.searched - 1 - int(core.prefixes.born[core.settled])
        best = core.beams[search.tokens.best(core)]
        done = settled > 0 and best["prefix"] == core.settled and quiet >= self.pause
        if not done and frames < self.longest:
            return None
        hypothesis, _, begun = self._best(search, state)
        beam = search.written(hypothesis, *self._frames(search, state))
        ways = [(settled, frames - search.tokens.lag)] if done or not settled else self._between(search, beam, begun)
        for tokens, end in ways:
            fits = frames_needed(hypothesis.tokens[:tokens]) <= end  # what the last cut left may crowd its first frames
            if tokens <= settled and fits and self._leaves_room(state, tokens, end):
                return self._cut(search, state, hypothesis, tokens, end)
        return None

    def _between(self, search: ListSearch, beam: BiasedBeam, begun: int) -> Iterator[tuple[int, int]]:
        """(tokens, frames) of a long segment before each of its words, the last first, but not within phrases."""
        starts, spans, hits = search.tokens.starts_word, beam.spans, beam.hits
        for at in range(len(beam.tokens) - begun, 0, -1):
            if at < len(beam.tokens) and starts[beam.tokens[at]]:
                words = len(search.vocabulary.decode(beam.tokens[:at]).split())
                if not any(hit.first_word < words < hit.last_word for hit in hits):
                    yield at, spans[at][1]

    def _leaves_room(self, state: StreamState, tokens: int, end: int) -> bool:
        """Whether all hypotheses can be said in the frames that are left, with one to spare for a repeated token."""
        core = state.core
        left = core.searched - state.start - end - 1
        all_tokens = read(core.prefixes, core.beams["prefix"], core.beams["length"])[0][:, state.first + tokens :]
        lengths = core.beams["length"] - state.first - tokens
        repeats = np.arange(1, max(all_tokens.shape[1], 1)) < lengths[:, None]
        repeats = (repeats & (all_tokens[:, 1:] == all_tokens[:, :-1])).sum(axis=1) if all_tokens.shape[1] else 0
        return bool((lengths + repeats <= left).all())

    def _cut(self, search: ListSearch, state: StreamState, hypothesis: Hypothesis, tokens: int, end: int) -> Segment:
        """The first tokens and frames of the segment as one; what is left is the next."""
        said = replace(hypothesis, tokens=hypothesis.tokens[:tokens], credits=hypothesis.credits[:tokens])
        log_probs, base = self._frames(search, state)
        beam = search.written(said, log_probs[:end], None if base is None else base[:end])
        segment = Segment(beam, state.start, len(beam.words))
        state.start, state.first = state.start + end, state.first + tokens
        del state.log_probs[:end], state.base[:end]
        if state.core.prefixes.used[0] > MOST_NODES:
            state.core, forgotten = trimmed(state.core, search.tokens, state.first)
            state.first -= forgotten
        return segment

    def _frames(self, search: ListSearch, state: StreamState) -> tuple[np.ndarray, np.ndarray | None]:
        """The segment's log-probs, and those without adapters."""
        if not state.log_probs:
            return np.zeros((0, len(search.tokens.starts_word) + 1)), None
        acting = any(one is not other for one, other in zip(state.log_probs, state.base, strict=True))
        return np.stack(state.log_probs), np.stack(state.base) if acting else None
