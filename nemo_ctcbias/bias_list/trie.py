"""Boosting trie: an Aho-Corasick automaton over token ids that knows where listed phrases begin and end.

Built in two phases (insert all phrases, then one breadth-first pass for failure links), a level at a time
with array operations, so that the result never depends on the order of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list.word_ends import PLAIN

ROOT = 0


class Automaton(NamedTuple):
    """A trie's arrays, as compiled code takes them.

    token: [S] by which each state is entered.
    first_child: [S + 1] the children of state s are the states first_child[s] to first_child[s + 1] - 1, by token.
    from_root: [V] the root's next state for every token.
    row: [S] from which row of `word_ends.Following` is read what follows a phrase that ends in this state.
    weights: [N] of the phrases; the other fields as in `BoostingTrie`.
    """

    depth: np.ndarray
    fail: np.ndarray
    phrase: np.ndarray
    cost: np.ndarray
    report: np.ndarray
    lend: np.ndarray
    weights: np.ndarray
    token: np.ndarray
    first_child: np.ndarray
    from_root: np.ndarray
    row: np.ndarray


class BoostingTrie:
    """Phrases as paths of tokens; state 0 is the root (no phrase begun).

    Args:
        spellings: (phrase index, token ids) pairs; several may belong to one phrase.
        weights: weight of each phrase; negative ones suppress, zero ones are left out.
        vocab_size: number of tokens without blank.
        costs: of each spelling, what it gives back of its credit when it is completed; nothing by default.
        rows: of each spelling, the row of `word_ends.Following` for what follows it; by default another word must.
        endings: of each spelling, how many of its last tokens are an ending that nobody listed; none by default.

    `phrases` is the number of phrases that can act.

    Attributes (arrays over the S states, root first, shallow before deep):
        depth: tokens from the root.
        fail: longest proper suffix that is a state too.
        phrase: phrase that ends in this very state (the heaviest one), -1 for none; cost: its cost; ending: how many
            of its tokens are an ending.
        report: nearest state on the suffix chain (itself included) in which a phrase ends, 0 for none.
        lend: weight at which a partial match is credited: the largest weight of the phrases that may
            still be completed from here, never below 0 (suppression acts on completed phrases alone).
    """

    def __init__(
        self,
        spellings: Sequence[tuple[int, Sequence[int]]],
        weights: Sequence[float],
        vocab_size: int,
        costs: Sequence[float] | None = None,
        rows: Sequence[int] | None = None,
        endings: Sequence[int] | None = None,
    ):
        self.vocab_size = vocab_size
        self.weights = np.array(weights, dtype=np.float64).reshape(-1)
        costs = [0.0] * len(spellings) if costs is None else costs
        rows = [PLAIN] * len(spellings) if rows is None else rows
        endings = [0] * len(spellings) if endings is None else endings
        given = zip(spellings, costs, rows, endings, strict=True)
        used = [(p, tokens, *rest) for (p, tokens), *rest in given if len(tokens) and self.weights[p] != 0.0]
        self.phrases = len({p for p, *_ in used})
        self._insert(used)
        self._link()
        self._pack()

    def restricted(self, weights: Sequence[float]) -> BoostingTrie:
        """The trie of the same spellings with these weights: phrases of weight 0 are gone, nothing is inserted anew.

        Its time is that of a look at each state, whatever is left; no two phrases may share a spelling.
        """
        part = object.__new__(BoostingTrie)
        part.vocab_size, part.weights = self.vocab_size, np.array(weights, dtype=np.float64).reshape(-1)
        ends = np.flatnonzero(self.phrase >= 0)
        ends = ends[part.weights[self.phrase[ends]] != 0.0]
        kept, states = np.arange(len(self.depth)) == ROOT, ends
        while len(states):  # up to the root
            kept[states] = True
            states = np.unique(self._parent[states])
            states = states[~kept[states]]
        old = np.flatnonzero(kept)
        fail = self.fail[old]
        while not kept[fail].all():  # a suffix that is gone leads on to the next one
            fail = np.where(kept[fail], fail, self.fail[fail])
        part.depth, part._token, part.cost = self.depth[old], self._token[old], self.cost[old]
        part.row, part.ending = self.row[old], self.ending[old]
        part._parent, part.fail = np.searchsorted(old, self._parent[old]), np.searchsorted(old, fail)
        part._keys = part._parent[1:] * self.vocab_size + part._token[1:]
        part.phrase = np.full(len(old), -1, dtype=np.int64)
        ending = np.searchsorted(old, ends)
        part.phrase[ending] = self.phrase[ends]
        part.cost[part.phrase < 0], part.ending[part.phrase < 0] = 0.0, 0
        part.phrases = len(np.unique(part.phrase[ending]))
        part._lend(ending, part.phrase[ending])
        part._report()
        part._pack()
        return part

    def _pack(self) -> None:
        """The arrays as compiled code takes them."""
        first_child = np.searchsorted(self._keys, np.arange(len(self.depth) + 1) * self.vocab_size) + 1
        from_root = np.zeros(self.vocab_size, dtype=np.int64)
        begin = np.arange(first_child[ROOT], first_child[ROOT + 1])
        from_root[self._token[begin]] = begin
        self.automaton = Automaton(
            *(self.depth, self.fail, self.phrase, self.cost, self.report, self.lend),
            *(self.weights, self._token, first_child, from_root, self.row),
        )

    def __len__(self) -> int:
        return len(self.depth)

    def _insert(self, spellings: list[tuple[int, Sequence[int], float, int, int]]) -> None:
        """Number the distinct prefixes level by level; `_keys[state - 1]` = parent * V + token stays sorted."""
        phrases, each, costs, rows, endings = map(list, zip(*spellings, strict=True)) if spellings else [[]] * 5
        lengths, phrases = np.array(list(map(len, each)), dtype=np.int64), np.array(phrases, dtype=np.int64)
        costs, rows = np.array(costs, dtype=np.float64), np.array(rows, dtype=np.int64)
        endings = np.array(endings, dtype=np.int64)
        flat = np.fromiter((t for tokens in each for t in tokens), dtype=np.int64, count=int(lengths.sum()))
        if len(flat) and not (0 <= flat.min() and flat.max() < self.vocab_size):
            raise ValueError(f"token ids must lie in [0, {self.vocab_size}), got {flat.min()}..{flat.max()}")
        starts = np.cumsum(lengths) - lengths
        node = np.zeros(len(spellings), dtype=np.int64)
        keys, depth, ends = [], [np.zeros(1, dtype=np.int32)], []
        count, level = 1, 0
        while True:
            ending = lengths == level
            ends.append((node[ending], phrases[ending], costs[ending], rows[ending], endings[ending]))
            alive = np.flatnonzero(lengths > level)
            if not len(alive):
                break
            key = node[alive] * self.vocab_size + flat[starts[alive] + level]
            distinct, inverse = np.unique(key, return_inverse=True)
            node[alive] = count + inverse.reshape(-1)
            keys.append(distinct)
            level += 1
            depth.append(np.full(len(distinct), level, dtype=np.int32))
            count += len(distinct)
        self._keys = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
        self.depth = np.concatenate(depth)
        self._parent = np.concatenate([[0], self._keys // self.vocab_size])
        self._token = np.concatenate([[0], self._keys % self.vocab_size])
        self._set_ends(*map(np.concatenate, zip(*ends, strict=True)))

    def _set_ends(
        self, states: np.ndarray, phrases: np.ndarray, costs: np.ndarray, rows: np.ndarray, endings: np.ndarray
    ) -> None:
        self.phrase, self.cost = np.full(len(self.depth), -1, dtype=np.int64), np.zeros(len(self.depth))
        # Lightest first, so that the heaviest phrase (the first listed among equals, its cheapest spelling) comes last.
        order = np.lexsort((-costs, -phrases, self.weights[phrases])) if len(phrases) else np.zeros(0, dtype=np.int64)
        self.phrase[states[order]], self.cost[states[order]] = phrases[order], costs[order]
        self.row, self.ending = np.full(len(self.depth), PLAIN), np.zeros(len(self.depth), dtype=np.int64)
        self.row[states[order]], self.ending[states[order]] = rows[order], endings[order]
        self._lend(states, phrases)

    def _lend(self, states: np.ndarray, phrases: np.ndarray) -> None:
        self.lend = np.zeros(len(self.depth))
        if len(states):
            np.maximum.at(self.lend, states, self.weights[phrases])
        for level in range(int(self.depth.max(initial=0)), 0, -1):  # children before parents
            nodes = np.flatnonzero(self.depth == level)
            np.maximum.at(self.lend, self._parent[nodes], self.lend[nodes])

    def _children(self, states: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Child of each state by each token, -1 where there is none."""
        if not len(self._keys):
            return np.full(len(states), -1, dtype=np.int64)
        wanted = states * self.vocab_size + tokens
        place = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        return np.where(self._keys[place] == wanted, place + 1, -1)

    def _link(self) -> None:
        """Breadth-first failure links: a state's chain only leads to shallower states."""
        self.fail = np.zeros(len(self.depth), dtype=np.int64)
        for level in range(2, int(self.depth.max(initial=0)) + 1):
            states = np.flatnonzero(self.depth == level)
            suffix = self.fail[self._parent[states]]
            found = self._children(suffix, self._token[states])
            while True:
                retry = np.flatnonzero((found < 0) & (suffix != ROOT))
                if not len(retry):
                    break
                suffix[retry] = self.fail[suffix[retry]]
                found[retry] = self._children(suffix[retry], self._token[states[retry]])
            self.fail[states] = np.maximum(found, ROOT)
        self._report()

    def _report(self) -> None:
        self.report = np.where(self.phrase >= 0, np.arange(len(self.depth)), 0)
        for level in range(2, int(self.depth.max(initial=0)) + 1):
            bare = np.flatnonzero((self.depth == level) & (self.phrase < 0))
            self.report[bare] = self.report[self.fail[bare]]

    def step(self, state: int, token: int) -> int:
        """Next state after one token."""
        trie = self.automaton
        while True:
            first, end = trie.first_child[state], trie.first_child[state + 1]
            place = first + int(np.searchsorted(trie.token[first:end], token))
            if place < end and trie.token[place] == token:
                return int(place)
            if state == ROOT:
                return ROOT
            state = int(trie.fail[state])
