"""CTC prefix beam search over token prefixes, with boosting and word language model, a frame at a time in arrays.

Reads top-down: `search` folds the frames; `_frame` = candidates, extend, merge, select.  The same search in
plain Python, a hypothesis at a time, is the oracle of the tests (tests/decoding/reference.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nemo_ctcbias.bias_list.trie import ROOT, BoostingTrie
from nemo_ctcbias.decoding.beams import Beams, Prefixes, combine
from nemo_ctcbias.decoding.boosting import BoostOptions
from nemo_ctcbias.decoding.word_scorer import WordScorer
from nemo_ctcbias.errors import SettingError


@dataclass(frozen=True)
class BeamOptions:
    """Width and pruning of the search (names and defaults as in pyctcdecode).

    Args:
        beam_width: hypotheses kept after each frame.
        beam_prune_logp: hypotheses further below the best one than this are dropped.
        token_min_logp: tokens less likely than this are not tried (unless they continue a listed phrase).
    """

    beam_width: int = 100
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
        trie: listed phrases, None for none.
        initial_state: trie state before the first token (a character model's start counts as a space).
        free_depth: depth up to which tokens earn only `first_token` of the credit.
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
    ):
        self.starts_word = np.asarray(starts_word, dtype=bool)
        self.options, self.boost = options, boost
        self.trie = trie if trie is not None and len(trie) > 1 and boost.weight > 0 else None
        self.allowed = np.ones(len(self.starts_word), dtype=bool)
        self.allowed[list(skipped)] = False
        self.initial_state, self.free_depth = initial_state, free_depth
        self.phrase_cost = boost.phrase_cost(trie.phrases) if trie is not None else 0.0

    def search(self, log_probs: np.ndarray, scorer: WordScorer | None = None) -> list[Hypothesis]:
        """Best hypotheses, best first; at most `beam_width`, distinct token sequences."""
        self.prefixes = Prefixes()
        self.scorer = scorer
        beams = Beams.start(self.initial_state)
        for frame in np.asarray(log_probs, dtype=np.float64):
            beams = self._frame(beams, frame)
        return self._finish(beams)

    def _frame(self, beams: Beams, frame: np.ndarray) -> Beams:
        tokens, top, blank = frame[:-1], frame.max(), frame[-1]
        stay = beams.stay(blank, tokens)
        open_ = self.trie is not None and np.exp(blank) <= self.boost.max_blank
        at, token = self._candidates(beams, tokens, top, open_)
        if not len(at):
            return stay  # only blank and repeats are possible: no hypothesis can overtake by a new token
        total = beams.total
        mass = np.where(token == beams.last[at], beams.blank[at], total[at]) + tokens[token]
        alive = mass > -np.inf
        at, token, mass = at[alive], token[alive], mass[alive]
        new = self._extend(beams, at, token, mass, top - tokens[token] if open_ else None)
        fresh = self._merge(beams, stay, new, at)
        return self._select(stay, new, at, fresh)

    def _candidates(self, beams: Beams, tokens: np.ndarray, top: float, open_: bool) -> tuple[np.ndarray, np.ndarray]:
        """(beam, token) pairs to try: likely tokens for all, unlikely ones where they continue a listed phrase."""
        likely = (tokens >= self.options.token_min_logp) & self.allowed
        best = int(tokens.argmax())
        if tokens[best] >= top and self.allowed[best]:
            likely[best] = True  # the frame's top-1 is never pruned
        plain = np.flatnonzero(likely)
        at = np.repeat(np.arange(len(beams)), len(plain))
        token = np.tile(plain, len(beams))
        if open_:
            # Where bias acts before pruning: a listed continuation survives though the audio ranks it low.
            inside = np.flatnonzero(beams.state != ROOT)
            owner, child = self.trie.continuations(beams.state[inside])
            revived = ~likely[child] & (tokens[child] >= top - self.boost.max_gap) & self.allowed[child]
            at = np.concatenate([at, inside[owner[revived]]])
            token = np.concatenate([token, child[revived]])
        return at, token

    def _extend(
        self, beams: Beams, at: np.ndarray, token: np.ndarray, mass: np.ndarray, gap: np.ndarray | None
    ) -> Beams:
        """Hypotheses `at` lengthened by `token`; `gap` [pairs] to the frame's top-1, None where no credit is open."""
        new = beams.take(at)
        new.parent, new.last, new.prefix = beams.prefix[at], token, np.full(len(at), -1)
        new.blank, new.token, new.best = np.full(len(at), -np.inf), mass, mass.copy()
        new.length = beams.length[at] + 1
        starts = self.starts_word[token]
        if self.trie is not None:
            self._advance_phrases(beams, new, at, token, starts, gap)
        if self.scorer is not None:
            if starts.any():
                ended = np.array([self.scorer.end_word(prefix)[0] for prefix in beams.prefix.tolist()])
                new.lm = beams.lm[at] + np.where(starts, ended[at], 0.0)
            new.lm_partial = np.zeros(len(at))  # filled in by _select, for those that may be kept
        return new

    def _advance_phrases(self, beams, new, at, token, starts, gap) -> None:
        """Move the trie states, commit phrases that end before a new word, credit tokens that continue one."""
        trie, depth = self.trie, self.trie.depth
        ends = trie.report[beams.state]
        ended = np.flatnonzero(ends != ROOT) if starts.any() else np.zeros(0, dtype=np.int64)
        gain, committed_to = np.zeros(len(beams)), beams.committed_to.copy()
        for beam in ended.tolist():
            gain[beam] = self._kept(beams, beam, int(ends[beam]))
            committed_to[beam] = beams.length[beam]
        new.state = trie.advance(beams.state, at, token)
        new.committed = beams.committed[at] + np.where(starts, gain[at], 0.0)
        new.committed_to = np.where(starts, committed_to[at], beams.committed_to[at])
        reached = depth[new.state]
        continues = reached == depth[beams.state][at] + 1
        new.pending = np.where(continues, beams.pending[at], 0.0)
        # Rare: the match fell back to a shorter phrase, or part of what is pending was just committed.
        odd = (reached > 1) & (~continues | (new.committed_to != beams.committed_to[at]))
        for pair in np.flatnonzero(odd).tolist():
            new.pending[pair] = self._sum_credits(
                int(new.parent[pair]), int(reached[pair]) - 1, int(new.length[pair] - 1 - new.committed_to[pair])
            )
        new.pending[continues & (reached == 1)] = 0.0
        if gap is None:
            new.credit = np.zeros(len(at))
        else:
            boost = self.boost
            raw = np.where(gap <= boost.max_gap, boost.gap_scale * gap + boost.token_bonus, 0.0)
            share = np.where(reached > self.free_depth, 1.0, np.where(reached > 0, boost.first_token, 0.0))
            new.credit = raw * share
        new.pending = new.pending + new.credit
        new.lent = self.boost.weight * trie.lend[new.state] * new.pending

    def _kept(self, beams: Beams, beam: int, end: int) -> float:
        """Weighted boost that beam `beam` keeps because the phrase of trie state `end` is complete."""
        weight = self.boost.weight * self.trie.weights[self.trie.phrase[end]]
        tokens = int(self.trie.depth[end])
        uncommitted = int(beams.length[beam] - beams.committed_to[beam])
        if weight < 0:
            return weight * self.boost.suppress * min(tokens, uncommitted)
        credits = self._sum_credits(int(beams.prefix[beam]), tokens, uncommitted)
        return weight * max(0.0, credits - self.phrase_cost - float(self.trie.cost[end]))

    def _sum_credits(self, prefix: int, tokens: int, uncommitted: int) -> float:
        """Raw credits of the last `tokens` tokens of a prefix, those committed before left out."""
        return self.prefixes.sum_credits(prefix, min(tokens, uncommitted))

    def _merge(self, beams: Beams, stay: Beams, new: Beams, at: np.ndarray) -> np.ndarray:
        """Add extensions that equal a prefix already in the beam to it; return which others are fresh."""
        slot = {prefix: index for index, prefix in enumerate(beams.prefix.tolist())}
        parents = np.array([slot.get(parent, -1) for parent in beams.parent.tolist()])
        size = len(self.starts_word)
        target = np.full(len(beams) * size, -1)
        mergeable = np.flatnonzero((parents >= 0) & (beams.last >= 0))
        target[parents[mergeable] * size + beams.last[mergeable]] = mergeable
        into = target[at * size + new.last]
        pairs = np.flatnonzero(into >= 0)
        goal = into[pairs]
        stay.token[goal] = np.logaddexp(stay.token[goal], new.token[pairs])
        # The likeliest emission of the last token decides its credit.
        better = pairs[new.best[pairs] > stay.best[goal]]
        goal = into[better]
        stay.best[goal] = new.best[better]
        if self.trie is not None:
            for field in ("pending", "credit", "lent"):
                getattr(stay, field)[goal] = getattr(new, field)[better]
        self.prefixes.update(stay, goal)
        return np.flatnonzero(into < 0)

    def _select(self, stay: Beams, new: Beams, at: np.ndarray, fresh: np.ndarray) -> Beams:
        """Keep the best `beam_width` within `beam_prune_logp` of the best, new prefixes numbered."""
        scores = np.concatenate([stay.score, new.score[fresh]])
        if self.scorer is not None:
            scores = self._with_partial_words(scores, len(stay), new, fresh)
        order = np.argsort(-scores, kind="stable")[: self.options.beam_width]
        order = order[scores[order] >= scores[order[0]] + self.options.beam_prune_logp]
        kept_stay, kept_new = order[order < len(stay)], fresh[order[order >= len(stay)] - len(stay)]
        chosen = new.take(kept_new)
        chosen.prefix = self.prefixes.add(chosen)
        if self.scorer is not None:
            for prefix, parent, token in zip(
                chosen.prefix.tolist(), chosen.parent.tolist(), chosen.last.tolist(), strict=True
            ):
                self.scorer.extend(parent, token, prefix)
        return combine(stay.take(kept_stay), chosen)

    def _with_partial_words(self, scores: np.ndarray, stays: int, new: Beams, fresh: np.ndarray) -> np.ndarray:
        """Scores with the penalty of unfinished words, computed best first until no other can enter the beam."""
        width = self.options.beam_width
        order = np.argsort(-scores, kind="stable")
        exact, done = np.full(len(scores), -np.inf), 0
        exact[:stays] = scores[:stays]
        while done < len(order):
            for index in order[done : done + width].tolist():
                if index >= stays:
                    pair = fresh[index - stays]
                    new.lm_partial[pair] = self.scorer.partial(int(new.parent[pair]), int(new.last[pair]))
                    exact[index] = scores[index] + new.lm_partial[pair]
            done += width
            if done < len(order) and len(scores) >= width:
                bar = np.partition(exact, -width)[-width]
                if scores[order[done]] <= bar:  # penalties only lower: the rest cannot enter
                    break
        return exact

    def _finish(self, beams: Beams) -> list[Hypothesis]:
        """End the last words: complete phrases keep their boost, incomplete ones give it back."""
        hypotheses = []
        total = beams.total
        for beam in range(len(beams)):
            prefix, boost, lm, state = (
                int(beams.prefix[beam]),
                float(beams.committed[beam]),
                float(beams.lm[beam]),
                None,
            )
            if self.trie is not None and (end := int(self.trie.report[beams.state[beam]])) != ROOT:
                boost += self._kept(beams, beam, end)
            if self.scorer is not None:
                ended, state = self.scorer.end_word(prefix, last=True)
                lm += ended
            tokens, credits = self.prefixes.read(prefix)
            hypotheses.append(Hypothesis(tokens, credits, float(total[beam]), lm, boost, state))
        return sorted(hypotheses, key=lambda h: (-h.score, h.tokens))
