"""CTC prefix beam search over token prefixes, with boosting and word language model.

`start`, then `advance` with some frames as often as one likes, then `finish`; a recording that is there as a whole is
one piece of it (`search`), and however it is cut the result is the same.  What happens in a frame is compiled
(`extension`, `selection`, `settling`), the language model is asked in between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT, BoostingTrie
from nemo_ctcbias.bias_list.word_ends import Following
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.search.beams import EXTENSION, Tree, first_beam, new_tree
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.extension import Rules, extend, kept_boosts
from nemo_ctcbias.search.search_state import SearchState
from nemo_ctcbias.search.selection import owed_by, rank, read, scores_of, settle, with_room
from nemo_ctcbias.search.settling import anchors, next_tokens
from nemo_ctcbias.search.word_scorer import WordScorer

NO_EXTENSION = np.empty(0, EXTENSION)
NEARBY = 12  # frames, about a second: further from the next token that a frame hears, there is no speech to boost


@dataclass(frozen=True)
class BeamOptions:
    """Width and pruning of the search (names as in pyctcdecode, and defaults, but for twice its width).

    Args:
        beam_width: hypotheses kept after each frame.
        beam_prune_logp: hypotheses further below the best one than this are dropped (below the best with what
            unfinished phrases and words owe, and below the best without).
        token_min_logp: tokens less likely than this are not tried (unless they continue a listed phrase).
    """

    beam_width: int = 200
    beam_prune_logp: float = -10.0
    token_min_logp: float = -5.0

    def __post_init__(self) -> None:
        if not isinstance(self.beam_width, int) or self.beam_width < 1:
            raise SettingError(f"beam_width must be a whole number from 1 up, got {self.beam_width!r}")
        for name in ("beam_prune_logp", "token_min_logp"):
            if not getattr(self, name) <= 0:
                raise SettingError(f"{name} is a log-prob and must be 0 or below, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Hypothesis:
    """A finished token sequence; `score` is the sum of its parts.

    tokens, credits run in parallel: token id and its raw credit (before the weights; kept or given back).
    """

    tokens: tuple[int, ...]
    credits: tuple[float, ...]
    acoustic: float
    lm: float
    boost: float
    lm_state: Any = None

    @property
    def score(self) -> float:
        """Sum of the parts: what hypotheses are ranked by."""
        return self.acoustic + self.lm + self.boost


class BeamSearch:
    """Searches log-probs [T, V + 1] (blank last) for the best token sequences.

    Args:
        starts_word: bool [V], whether a token begins a word.
        skipped: token ids never emitted (unknown and control pieces).
        trie: listed phrases by the symbols of their tokens (`Following.symbols_of`), None for none.
        initial_state: trie state before the first token (a character model's start counts as a space).
        free_depth: depth up to which tokens earn only `first_token` of the credit.
        phrase_cost: what a completed phrase gives back of its credit (never more than it has), before the weights.
        following: what may follow a phrase within its word; None: nothing.
        lag: frames behind which the best hypothesis decides, and those that differ from it there are given up; None:
            none are.
    """

    def __init__(
        self,
        starts_word: np.ndarray,
        options: BeamOptions = BeamOptions(),
        boost: BoostOptions = BoostOptions(),
        trie: BoostingTrie | None = None,
        skipped: tuple[int, ...] = (),
        initial_state: int = ROOT,
        free_depth: int = 1,
        phrase_cost: float = 0.0,
        following: Following | None = None,
        lag: int | None = None,
    ):
        self.starts_word = np.asarray(starts_word, dtype=bool)
        self.following = Following.by_words(self.starts_word) if following is None else following
        self.options, self.max_blank, self.lag = options, boost.max_blank, lag
        size = len(self.starts_word)
        self.active = trie is not None and len(trie) > 1 and boost.weight > 0
        trie = trie if self.active else BoostingTrie([], [], [], self.following.symbols)
        # What nobody listed earns no bonus; what its first token lacks is made up for as for any other.
        self.trie = trie.automaton._replace(cost=trie.cost + boost.token_bonus * trie.ending)
        self.allowed = np.ones(size, dtype=bool)
        self.allowed[list(skipped)] = False
        self.initial_state = initial_state if self.active else ROOT
        names = ("weight", "gap_scale", "token_bonus", "max_gap", "first_token", "suppress")
        self.rules = Rules(
            **{name: float(getattr(boost, name)) for name in names},
            phrase_cost=float(phrase_cost) if self.active else 0.0,
            free_depth=free_depth,
        )

    def search(self, log_probs: np.ndarray, scorer: WordScorer | None = None) -> list[Hypothesis]:
        """Best hypotheses, best first; at most `beam_width`, distinct token sequences.

        Args:
            log_probs: [T, V + 1], blank last.
        """
        state = self.start(scorer)
        self.advance(state, log_probs)
        return self.finish(state)

    def start(self, scorer: WordScorer | None = None) -> SearchState:
        """The state before the first frame."""
        return SearchState(first_beam(self.initial_state, 0.0 if scorer is None else np.nan), new_tree(), scorer)

    def advance(self, state: SearchState, log_probs: np.ndarray, last: bool = False) -> None:
        """Search on with some frames, which changes the state.

        Args:
            log_probs: [T, V + 1], blank last.
            last: whether no frame follows, so that none has to wait.
        """
        frames = np.asarray(log_probs, dtype=np.float64)
        if state.waiting is not None and len(state.waiting):
            frames = np.concatenate([state.waiting, frames])
        first, state.frames = state.searched, state.searched + len(frames)
        opens = self._credited(frames, first, state, last)
        state.waiting = frames[len(opens) :] if len(opens) < len(frames) else None
        for at, (frame, open_) in enumerate(zip(frames, opens, strict=False), start=first):
            self._frame(state, frame, bool(open_), at)

    def finish(self, state: SearchState) -> list[Hypothesis]:
        """Hypotheses if the recording ends here, best first; at most `beam_width`, distinct token sequences."""
        state = state.copy()
        self.advance(state, np.zeros((0, len(self.starts_word) + 1)), last=True)
        return self._finish(state)

    @staticmethod
    def best(state: SearchState) -> int:
        """Which of the beams is ranked first."""
        return int(scores_of(state.beams, NO_EXTENSION).argmax())

    def _credited(self, frames: np.ndarray, first: int, state: SearchState, last: bool) -> np.ndarray:
        """Whether tokens of phrases earn credit in each of the frames, as far as it can be told, [at most T].

        They do where the blank leaves room and something is heard nearby.  However faint, hiss leaves every token some
        probability in each of its frames, and in many frames together a name finds enough of it.

        Args:
            first: number of the first frame.
        """
        at = np.arange(first, first + len(frames), dtype=np.float64)
        heard = frames[:, :-1].max(axis=1, initial=-np.inf) >= frames[:, -1]
        before = np.maximum.accumulate(np.concatenate([[state.heard_at], np.where(heard, at, -np.inf)]))[1:]
        state.heard_at = before[-1] if len(before) else state.heard_at
        if not self.active:
            return np.zeros(len(frames), dtype=bool)
        after = np.minimum.accumulate(np.where(heard, at, np.inf)[::-1])[::-1]
        near = (at - before <= NEARBY) | (after - at <= NEARBY)
        room = np.exp(frames[:, -1]) <= self.max_blank
        open_ended = room & ~near & (at + NEARBY >= first + len(frames))
        known = len(frames) if last or not open_ended.any() else int(open_ended.argmax())
        return (near & room)[:known]

    def _frame(self, state: SearchState, frame: np.ndarray, open_: bool, at: int) -> None:
        likely, starts, trie, scorer = self._likely(frame), self.starts_word, self.trie, state.scorer
        if scorer is not None:
            scorer.end_words(state.beams)
        state.prefixes.used[1] = at
        stay, found = extend(
            state.beams, frame, likely, self.allowed, open_, starts, self.following, trie, state.prefixes, self.rules
        )
        if state.ended >= 0:  # what has ended does not go on: else nothing could be left but what is given up then
            found = found[(state.beams["prefix"][found["at"]] != state.ended) | starts[found["token"]]]
        chosen, words = self._choose(scores_of(stay, found), owed_by(stay, found, starts), found, state)
        prefixes = state.prefixes = with_room(state.prefixes, len(chosen))
        state.beams = settle(stay, found, chosen, state.beams, starts, trie, prefixes, words, scorer is not None)
        if self.lag is not None:
            self._settle(state, at - self.lag)

    def _settle(self, state: SearchState, horizon: int) -> None:
        """Give up the hypotheses that differ from the best one in what it says up to a frame.

        Its last word there has ended once the best one goes on with another, and then it has in all of them.

        A phrase that nobody goes on with for so long is none: its boost does not count for the best.
        """
        beams = state.beams
        ends, scores = anchors(beams, state.prefixes, horizon), scores_of(beams, NO_EXTENSION)
        if self.active and (stale := (beams["lent"] > 0) & (ends == beams["prefix"])).any():
            kept = kept_boosts(beams[stale], self.trie, state.prefixes, self.following, self.rules)
            scores[stale] += kept - beams["committed"][stale] - beams["lent"][stale]
        best = int(scores.argmax())
        same = ends == ends[best]
        state.settled = max(state.settled, int(ends[best]))  # more may be, of a search that went back
        after = next_tokens(beams, state.prefixes, state.settled)
        another = (after >= 0) & self.starts_word[after]
        if another[best] and (state.settled or state.forgotten):  # before the first word none has ended
            state.ended = state.settled
        if state.settled == state.ended:
            same &= another | (after < 0)
        if not same.all():
            state.beams = beams[same]

    def _likely(self, frame: np.ndarray) -> np.ndarray:
        """Tokens [V] to try on every beam."""
        tokens = frame[:-1]
        likely = (tokens >= self.options.token_min_logp) & self.allowed
        best = int(tokens.argmax())
        if tokens[best] >= frame[-1] and self.allowed[best]:
            likely[best] = True  # the frame's top-1 is never pruned
        return likely

    def _choose(
        self, scores: np.ndarray, owed: np.ndarray, found: np.ndarray, state: SearchState
    ) -> tuple[np.ndarray, Tree]:
        """Indices of the hypotheses to keep, tree of the unfinished words."""
        limits = self.options.beam_width, float(self.options.beam_prune_logp)
        exact = np.full(len(scores), state.scorer is None)
        while True:
            words = state.prefixes if state.scorer is None else state.scorer.with_room(len(found))
            chosen, new = rank(scores, owed, exact, found, words, *limits)
            if not len(new):
                return chosen, words
            state.scorer.price(new)

    def _finish(self, state: SearchState) -> list[Hypothesis]:
        """End the last words: complete phrases keep their boost, incomplete ones give it back."""
        hypotheses, beams, scorer = [], state.beams, state.scorer
        acoustic = np.logaddexp(beams["blank"], beams["token"]).tolist()
        boosts = kept_boosts(beams, self.trie, state.prefixes, self.following, self.rules).tolist()
        all_tokens, all_credits = read(state.prefixes, beams["prefix"], beams["length"])
        for row, beam in enumerate(beams):
            tokens = tuple(all_tokens[row, : beam["length"]].tolist())
            credits = tuple(all_credits[row, : beam["length"]].tolist())
            lm, behind = float(beam["lm"]), None
            if scorer is not None:
                ended, behind = scorer.end_text(int(beam["before"]), int(beam["word"]))
                lm += ended
            hypotheses.append(Hypothesis(tokens, credits, acoustic[row], lm, boosts[row], behind))
        return sorted(hypotheses, key=lambda h: (-h.score, h.tokens))
