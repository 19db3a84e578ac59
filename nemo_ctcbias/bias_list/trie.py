"""Boosting trie: an Aho-Corasick automaton over token ids that knows where listed phrases begin and end.

Built in two phases (insert all phrases in the order of their tokens, a level at a time, then one breadth-first pass for
failure links), so that the result never depends on the order of the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.bias_list.word_ends import PLAIN
from nemo_ctcbias.compiled import compiled

ROOT = 0
NUMBER = np.int32  # of states, tokens and phrases: half the memory of a long list
SMALL = np.int16  # of rows, and lengths of endings


class Automaton(NamedTuple):
    """A trie's arrays, as compiled code takes them.

    token: [S] by which each state is entered.
    first_child: [S + 1] the children of state s are the states first_child[s] to first_child[s + 1] - 1, by token.
    from_root: [V] the root's next state for every token.
    row: [S] from which row of `word_ends.Following` is read what follows a phrase that ends in this state.
    earns: [S] whether the token that leads to it earns credit.
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
    earns: np.ndarray


class BoostingTrie:
    """Phrases as paths of tokens; state 0 is the root (no phrase begun).

    Args:
        phrases: of each spelling the phrase; several may belong to one.
        spellings: their token ids.
        weights: weight of each phrase; negative ones suppress, zero ones are left out.
        vocab_size: number of tokens without blank.
        costs: of each spelling, what it gives back of its credit when it is completed; nothing by default.
        rows: of each spelling, the row of `word_ends.Following` for what follows it; by default another word must.
        endings: of each spelling, how many of its last tokens are an ending that nobody listed; none by default.  Only
            the first of these earns anything: no audio tells whether there is an apostrophe, but it tells an s.

    `phrases` is the number of phrases that can act.

    Attributes (arrays over the S states, root first, shallow before deep):
        depth: tokens from the root.
        fail: longest proper suffix that is a state too.
        phrase: phrase that ends in this very state (the heaviest one), -1 for none; cost: its cost; ending: whether
            with an ending.
        earns: whether the token that leads here earns credit.
        report: nearest state on the suffix chain (itself included) in which a phrase ends, 0 for none.
        lend: weight at which a partial match is credited: the largest weight of the phrases that may
            still be completed from here, never below 0 (suppression acts on completed phrases alone).
    """

    def __init__(
        self,
        phrases: Sequence[int],
        spellings: Sequence[Sequence[int]],
        weights: Sequence[float],
        vocab_size: int,
        costs: Sequence[float] | None = None,
        rows: Sequence[int] | None = None,
        endings: Sequence[int] | None = None,
    ):
        self.vocab_size = vocab_size
        self.weights = np.array(weights, dtype=np.float64).reshape(-1)
        phrases, spellings = np.asarray(phrases, dtype=NUMBER), Rows.of(spellings)
        lengths, flat, count = spellings.lengths, spellings.flat, len(spellings)
        if len(flat) and not (0 <= flat.min() and flat.max() < self.vocab_size):
            raise ValueError(f"token ids must lie in [0, {self.vocab_size}), got {flat.min()}..{flat.max()}")
        used = np.flatnonzero((lengths > 0) & (self.weights[phrases] != 0.0))
        self.phrases = len(np.unique(phrases[used]))
        states = self._insert(flat, spellings.starts[used], lengths[used])
        ends = Ends(
            phrases[used],
            *(_column(given, default, count)[used] for given, default in ((costs, 0.0), (rows, PLAIN), (endings, 0))),
        )
        self._set_ends(states, ends)
        self._link()

    def _pack(self) -> None:
        """The arrays as compiled code takes them."""
        first_child = self._first_children()
        from_root = np.zeros(self.vocab_size, dtype=NUMBER)
        begin = np.arange(first_child[ROOT], first_child[ROOT + 1])
        from_root[self._token[begin]] = begin
        self.automaton = Automaton(
            *(self.depth, self.fail, self.phrase, self.cost, self.report, self.lend),
            *(self.weights, self._token, first_child, from_root, self.row, self.earns),
        )

    def _first_children(self) -> np.ndarray:
        children = np.bincount(self._parent[1:], minlength=len(self.depth))
        return np.concatenate([[1], 1 + np.cumsum(children)]).astype(NUMBER)

    def __len__(self) -> int:
        return len(self.depth)

    def _insert(self, flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Number the distinct prefixes level by level, by their tokens; the state in which each spelling ends."""
        order = _sorted(flat, starts, lengths)
        starts, lengths = starts[order], lengths[order]
        node = np.zeros(len(order), dtype=NUMBER)
        parents, tokens, depth = [], [], []
        count, level = 1, 0
        while len(alive := np.flatnonzero(lengths > level)):
            parent, token = node[alive], flat[starts[alive] + level]
            new = np.ones(len(alive), dtype=bool)  # neighbours have their first tokens in common
            new[1:] = (parent[1:] != parent[:-1]) | (token[1:] != token[:-1])
            node[alive] = count - 1 + np.cumsum(new)
            parents.append(parent[new])
            tokens.append(token[new])
            level += 1
            depth.append(np.full(len(parents[-1]), level, dtype=np.int32))
            count += len(parents[-1])
        self.depth = np.concatenate([np.zeros(1, dtype=np.int32), *depth])
        self._parent = np.concatenate([np.zeros(1, dtype=NUMBER), *parents])
        self._token = np.concatenate([np.zeros(1, dtype=NUMBER), *tokens])
        states = np.empty_like(node)
        states[order] = node
        return states

    def _set_ends(self, states: np.ndarray, ends: Ends) -> None:
        size = len(self.depth)
        self.phrase, self.cost = np.full(size, -1, dtype=NUMBER), np.zeros(size)
        self.row, self.ending = np.full(size, PLAIN, dtype=SMALL), np.zeros(size, dtype=np.bool_)
        # Lightest first, so that the heaviest phrase (the first listed among equals, its cheapest spelling) comes last.
        order = np.lexsort((-ends.cost, -ends.phrase, self.weights[ends.phrase]))
        last = states[order]
        self.phrase[last], self.cost[last] = ends.phrase[order], ends.cost[order]
        self.row[last], self.ending[last] = ends.row[order], ends.ending[order] > 0
        self.earns = np.ones(size, dtype=np.bool_)
        _earns(self.earns, self._parent, states, ends.ending)
        self._lend(states, ends.phrase)

    def _lend(self, states: np.ndarray, phrases: np.ndarray) -> None:
        self.lend = np.zeros(len(self.depth))
        _lend(self.lend, self._parent, states, self.weights[phrases])

    def _link(self) -> None:
        """Failure links: a state's chain only leads to shallower states."""
        self.fail = _fails(self._parent, self._token, self._first_children())
        self.report = _reports(self.phrase, self.fail)
        self._pack()

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


class Ends(NamedTuple):
    """Of each spelling [P] its phrase, its cost, its row and how many of its tokens are an ending."""

    phrase: np.ndarray
    cost: np.ndarray
    row: np.ndarray
    ending: np.ndarray


def _column(given: Sequence[float] | None, default: float, count: int) -> np.ndarray:
    kind = np.float64 if isinstance(default, float) else SMALL
    return np.full(count, default, kind) if given is None else np.array(given, dtype=kind).reshape(count)


def _sorted(flat: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The order of the spellings by their tokens; equal ones keep theirs."""
    order = np.arange(len(starts))
    small = np.uint16 if len(flat) and flat.max() < np.iinfo(np.uint16).max else NUMBER  # sorted by buckets
    for level in range(int(lengths.max(initial=0)) - 1, -1, -1):
        there = lengths[order] > level
        token = np.zeros(len(order), dtype=small)
        token[there] = flat[starts[order[there]] + level] + 1
        order = order[np.argsort(token, kind="stable")]
    return order


@compiled
def _fails(parent, token, first_child):
    """Of each state the longest proper suffix that is a state, too; shallow states come first."""
    fail = np.zeros(len(parent), np.int32)
    for state in range(first_child[ROOT + 1], len(parent)):
        suffix = fail[parent[state]]
        found = _child(token, first_child, suffix, token[state])
        while found < 0 and suffix != ROOT:
            suffix = fail[suffix]
            found = _child(token, first_child, suffix, token[state])
        fail[state] = max(found, ROOT)
    return fail


@compiled
def _child(token, first_child, state, wanted):
    low, last = first_child[state], first_child[state + 1]
    high = last
    while low < high:
        middle = (low + high) // 2
        if token[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < last and token[low] == wanted else -1


@compiled
def _reports(phrase, fail):
    """Of each state the nearest one on its suffix chain in which a phrase ends."""
    report = np.zeros(len(phrase), np.int32)
    for state in range(1, len(phrase)):
        report[state] = state if phrase[state] >= 0 else report[fail[state]]
    return report


@compiled
def _earns(earns, parent, states, endings):
    """Take from the later tokens of endings what they earn, but where a spelling without one goes the same way."""
    for place in range(len(states)):
        state = states[place]
        for _ in range(1, endings[place]):
            earns[state], state = False, parent[state]
    for place in range(len(states)):
        state = states[place]
        for _ in range(1, endings[place]):
            state = parent[state]
        while state > 0:
            earns[state], state = True, parent[state]


@compiled
def _lend(lend, parent, states, weights):
    """Raise each state, and those before it, to the largest of the weights; children stand behind their parents."""
    for place in range(len(states)):
        lend[states[place]] = max(lend[states[place]], weights[place])
    for state in range(len(parent) - 1, 0, -1):
        lend[parent[state]] = max(lend[parent[state]], lend[state])
