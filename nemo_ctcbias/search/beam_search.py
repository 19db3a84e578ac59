"""CTC prefix beam search over token prefixes, with boosting and word language model.

`search` folds the frames; what happens in one is compiled (`extension`, `selection`), the language model is asked in
between.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT, BoostingTrie
from nemo_ctcbias.bias_list.word_ends import Following
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.search.beams import Tree, first_beam, new_tree
from nemo_ctcbias.search.boosting import BoostOptions
from nemo_ctcbias.search.extension import Rules, extend, kept_boosts
from nemo_ctcbias.search.selection import rank, read, scores_of, settle, with_room
from nemo_ctcbias.search.word_scorer import WordScorer

NEARBY = 12  # frames, about a second: further from the next token that a frame hears, there is no speech to boost


@dataclass(frozen=True)
class BeamOptions:
    """Width and pruning of the search (names as in pyctcdecode, and defaults, but for twice its width).

    Args:
        beam_width: hypotheses kept after each frame.
        beam_prune_logp: hypotheses further below the best one than this are dropped.
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
    ):
        self.starts_word = np.asarray(starts_word, dtype=bool)
        self.following = Following.by_words(self.starts_word) if following is None else following
        self.options, self.max_blank = options, boost.max_blank
        size = len(self.starts_word)
        self.active = trie is not None and len(trie) > 1 and boost.weight > 0
        self.trie = (trie if self.active else BoostingTrie([], [], self.following.symbols)).automaton
        self.allowed = np.ones(size, dtype=bool)
        self.allowed[list(skipped)] = False
        self.initial_state = initial_state if self.active else ROOT
        self._phrases_go_on = bool(self.starts_word[self.trie.token[self.trie.depth > 1] % size].any())
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
            scorer: of words, None for none.
        """
        self.prefixes, self.scorer = new_tree(), scorer
        beams = first_beam(self.initial_state, 0.0 if scorer is None else np.nan)
        frames = np.asarray(log_probs, dtype=np.float64)
        for frame, open_ in zip(frames, self._credited(frames), strict=True):
            beams = self._frame(beams, frame, bool(open_))
        return self._finish(beams)

    def _credited(self, frames: np.ndarray) -> np.ndarray:
        """Frames [T] in which tokens of phrases earn credit: the blank leaves room, and something is heard nearby.

        However faint, hiss leaves every token some probability in each of its frames, and in many frames together a
        name finds enough of it.
        """
        if not self.active or not len(frames):
            return np.zeros(len(frames), dtype=bool)
        heard = np.concatenate([[0], np.cumsum(frames[:, :-1].max(axis=1) >= frames[:, -1])])
        at = np.arange(len(frames))
        nearby = heard[np.minimum(at + NEARBY + 1, len(frames))] > heard[np.maximum(at - NEARBY, 0)]
        return nearby & (np.exp(frames[:, -1]) <= self.max_blank)

    def _frame(self, beams: np.ndarray, frame: np.ndarray, open_: bool) -> np.ndarray:
        likely, starts, trie = self._likely(frame), self.starts_word, self.trie
        if self.scorer is not None and ((likely & starts).any() or (open_ and self._phrases_go_on)):
            self.scorer.end_words(beams)
        stay, found = extend(
            beams, frame, likely, self.allowed, open_, starts, self.following, trie, self.prefixes, self.rules
        )
        chosen, words = self._choose(scores_of(stay, found), found)
        self.prefixes = with_room(self.prefixes, len(chosen))
        return settle(stay, found, chosen, beams, starts, trie, self.prefixes, words, self.scorer is not None)

    def _likely(self, frame: np.ndarray) -> np.ndarray:
        """Tokens [V] to try on every beam."""
        tokens = frame[:-1]
        likely = (tokens >= self.options.token_min_logp) & self.allowed
        best = int(tokens.argmax())
        if tokens[best] >= frame[-1] and self.allowed[best]:
            likely[best] = True  # the frame's top-1 is never pruned
        return likely

    def _choose(self, scores: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, Tree]:
        """Indices of the hypotheses to keep, tree of the unfinished words."""
        limits = self.options.beam_width, float(self.options.beam_prune_logp)
        exact = np.full(len(scores), self.scorer is None)
        while True:
            words = self.prefixes if self.scorer is None else self.scorer.with_room(len(found))
            chosen, new = rank(scores, exact, found, words, *limits)
            if not len(new):
                return chosen, words
            self.scorer.price(new)

    def _finish(self, beams: np.ndarray) -> list[Hypothesis]:
        """End the last words: complete phrases keep their boost, incomplete ones give it back."""
        hypotheses = []
        acoustic = np.logaddexp(beams["blank"], beams["token"]).tolist()
        boosts = kept_boosts(beams, self.trie, self.prefixes, self.following, self.rules).tolist()
        all_tokens, all_credits = read(self.prefixes, beams["prefix"], beams["length"])
        for row, beam in enumerate(beams):
            tokens = tuple(all_tokens[row, : beam["length"]].tolist())
            credits = tuple(all_credits[row, : beam["length"]].tolist())
            lm, state = float(beam["lm"]), None
            if self.scorer is not None:
                ended, state = self.scorer.end_text(int(beam["before"]), int(beam["word"]), tokens)
                lm += ended
            hypotheses.append(Hypothesis(tokens, credits, acoustic[row], lm, boosts[row], state))
        return sorted(hypotheses, key=lambda h: (-h.score, h.tokens))
