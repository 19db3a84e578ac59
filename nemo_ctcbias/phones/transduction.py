"""The beam search of the G2P model: letters to phones, or phones to letters, a graphone at a time (compiled).

The same search with dictionaries is the oracle of the tests (tests/phones/reference_transduction.py).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.graphone_ngram import ROOT, NgramArrays

LN10 = 2.302585092994046
LONGEST = 2  # symbols that a graphone takes up of the source, and that it adds to the target
SILENT_ROUNDS = 2  # graphones in a row that take up none of the source ("gh" in "night")

# How one target was reached: its node among the targets, the n-gram's state, the log-prob of all its splits in the
# beam, and of the best one, whose state goes on.
PATH = np.dtype([("target", np.int64), ("state", np.int64), ("score", np.float64), ("best", np.float64)])


class Side(NamedTuple):
    """Graphones by what they take up of a source, whose symbols are numbers below K.

    first: [1 + K + K * K + 1] where those begin that take up nothing, symbol a (1 + a), symbols a and b
        (1 + K + a * K + b).
    token, added, length: [G] tokens of the n-gram, [G, 2] symbols that each adds to the target, [G] and how many.
    symbols: [1] K.
    """

    first: np.ndarray
    token: np.ndarray
    added: np.ndarray
    length: np.ndarray
    symbols: np.ndarray


class Targets(NamedTuple):
    """Sequences of symbols that share their beginnings: node 0 is the empty one, the others (parent, symbol)."""

    parent: np.ndarray
    symbol: np.ndarray
    place: np.ndarray  # hash table of the nodes, 0 where there is none; a power of two long
    used: np.ndarray  # [1] how many nodes there are


def transduce(
    source: np.ndarray, side: Side, ngram: NgramArrays, start: int, end: int, beam: int, threshold: float
) -> list[tuple[tuple[int, ...], float]]:
    """All targets in the beam with the log-prob of each and the source together, in no order.

    Args:
        source: [L] symbols.
        side: graphones by what they take up of it.
        start, end: the n-gram's first state, and the token of the end.
        beam, threshold: hypotheses kept at each symbol: so many, and so close to the best (natural log).
    """
    targets, paths = _transduce(source, side, ngram, start, end, beam, threshold)
    symbols, ends = _spelled(targets, paths)
    symbols, ends = symbols.tolist(), ends.tolist()
    spelled = [tuple(symbols[first:last]) for first, last in zip([0, *ends], ends, strict=False)]
    return list(zip(spelled, paths["score"].tolist(), strict=True))


@compiled
def _spelled(targets, paths):
    """The symbols of all targets behind each other, and where each ends."""
    ends, used = np.empty(len(paths), np.int64), 0
    for place in range(len(paths)):
        node = paths[place].target
        while node:
            node, used = targets.parent[node], used + 1
        ends[place] = used
    symbols = np.empty(used, np.int64)
    for place in range(len(paths)):
        node, at = paths[place].target, ends[place]
        while node:
            at -= 1
            node, symbols[at] = targets.parent[node], targets.symbol[node]
    return symbols, ends


# Rows of the table of paths: three positions of the source in turn, then what silent graphones add.
_ADDED, _FRESH, _FINAL, _ROWS = 3, 4, 5, 6


@compiled
def _transduce(source, side, ngram, start, end, beam, threshold):
    size, symbols = len(source), side.symbols[0]
    targets, tables = _new_targets(128), np.empty((_ROWS, 128), PATH)
    count, best = np.zeros(_ROWS, np.int64), np.full(_ROWS, -np.inf)
    seen = np.full((_ROWS, 128), -1)  # place of each target in each table
    whole = tables[0, 0]
    whole.target, whole.state, whole.score, whole.best, count[0] = 0, start, 0.0, 0.0, 1
    seen[0, 0] = 0
    for at in range(size + 1):
        row = at % 3
        if side.first[1] > 0:
            tables, seen, targets = _silent(row, tables, count, seen, best, targets, side, ngram, beam, threshold)
        kept = _kept(tables[row, : count[row]], beam, threshold)
        if at == size:
            tables, seen, targets = _ended(row, kept, tables, count, seen, best, targets, ngram, end, threshold)
            break
        for index in kept:
            for length in range(1, min(LONGEST, size - at) + 1):
                key = 1 + source[at] if length == 1 else 1 + symbols + source[at] * symbols + source[at + 1]
                first, last = side.first[key], side.first[key + 1]
                into = (at + length) % 3
                if _full(tables, targets, count[into], last - first):
                    tables, seen, targets = _room(tables, seen, targets, count[into], last - first)
                path = tables[row, index]
                _extend(into, tables, count, seen, best, targets, path, side, first, last, ngram, threshold)
        _clear(row, tables, count, seen, best)
    return targets, tables[_FINAL, : count[_FINAL]].copy()


@compiled
def _silent(row, tables, count, seen, best, targets, side, ngram, beam, threshold):
    """The tables, with what graphones that take up none of the source add to the paths of a row."""
    fresh = row
    for _ in range(SILENT_ROUNDS):
        _clear(_ADDED, tables, count, seen, best)
        best[_ADDED] = best[row]
        for index in _kept(tables[fresh, : count[fresh]], beam, threshold):
            tables, seen, targets = _room(tables, seen, targets, count[_ADDED], side.first[1])
            path = tables[fresh, index]
            _extend(_ADDED, tables, count, seen, best, targets, path, side, 0, side.first[1], ngram, threshold)
        added = tables[_ADDED, : count[_ADDED]].copy()
        _clear(_FRESH, tables, count, seen, best)
        for index in _kept(added, beam, threshold):
            if seen[row, added[index].target] < 0:
                tables, seen, targets = _room(tables, seen, targets, max(count[_FRESH], count[row]), 1)
                _put(_FRESH, tables, count, seen, added[index])
                _put(row, tables, count, seen, added[index])
        fresh = _FRESH
    return tables, seen, targets


@compiled
def _ended(row, kept, tables, count, seen, best, targets, ngram, end, threshold):
    """The tables, with the kept paths of a row as they are at the end of the source."""
    for index in kept:
        tables, seen, targets = _room(tables, seen, targets, count[_FINAL], 1)
        path = tables[row, index]
        step, _ = _score(ngram, path.state, end)
        if path.score + step >= best[_FINAL] - threshold:
            best[_FINAL] = max(best[_FINAL], path.score + step)
            place = _put(_FINAL, tables, count, seen, path)
            tables[_FINAL, place].score += step
    return tables, seen, targets


@compiled
def _extend(into, tables, count, seen, best, targets, path, side, first, last, ngram, threshold):
    """Put into a table what each of some graphones makes of a path, unless it is hopeless already."""
    for graphone in range(first, last):
        step, state = _score(ngram, path.state, side.token[graphone])
        score = path.score + step
        if score < best[into] - threshold:
            continue
        best[into] = max(best[into], score)
        target = path.target
        for place in range(side.length[graphone]):
            target = _child(targets, target, side.added[graphone, place])
        place = seen[into, target]
        if place < 0:
            place = seen[into, target] = count[into]
            count[into] += 1
            new = tables[into, place]
            new.target, new.state, new.score, new.best = target, state, score, path.best + step
        else:  # another split of the same letters and sounds; the future hangs on the likelier one
            known = tables[into, place]
            top = max(known.score, score)
            known.score = top + np.log1p(np.exp(min(known.score, score) - top))
            if path.best + step > known.best:
                known.best, known.state = path.best + step, state


@compiled
def _score(ngram, state, token):
    """Natural log of P(token | state), and the state behind it."""
    total = 0.0
    while state != ROOT:
        low, last = ngram.first_child[state], ngram.first_child[state + 1]
        high = last
        while low < high:
            middle = (low + high) // 2
            if ngram.token[middle] < token:
                low = middle + 1
            else:
                high = middle
        if low < last and ngram.token[low] == token:
            return LN10 * (total + ngram.prob[low]), ngram.onward[low]
        total += ngram.backoff[state]
        state = ngram.shorter[state]
    first = ngram.first_child[ROOT] + token  # all tokens stand there
    return LN10 * (total + ngram.prob[first]), ngram.onward[first]


@compiled
def _kept(paths, beam, threshold):
    """Places of the best paths, best first."""
    kept, count, least = np.empty(beam, np.int64), 0, -np.inf
    for index in range(len(paths)):
        least = max(least, paths[index].score - threshold)
    for index in range(len(paths)):
        score = paths[index].score
        if score < least or (count == beam and score <= paths[kept[beam - 1]].score):
            continue
        place = min(count, beam - 1)
        while place > 0 and paths[kept[place - 1]].score < score:
            kept[place], place = kept[place - 1], place - 1
        kept[place], count = index, min(count + 1, beam)
    return kept[:count]


@compiled
def _put(row, tables, count, seen, path):
    """Append a path to a table that does not have its target; its place."""
    place = count[row]
    tables[row, place] = path
    seen[row, path.target] = place
    count[row] += 1
    return place


@compiled
def _clear(row, tables, count, seen, best):
    for place in range(count[row]):
        seen[row, tables[row, place].target] = -1
    count[row], best[row] = 0, -np.inf


@compiled
def _full(tables, targets, count, more):
    return count + more > tables.shape[1] or targets.used[0] + LONGEST * more > len(targets.parent)


@compiled
def _room(tables, seen, targets, count, more):
    """The same with room for so many more paths in a table, and for their targets."""
    if count + more > tables.shape[1]:
        larger = np.empty((tables.shape[0], 2 * (count + more)), PATH)
        larger[:, : tables.shape[1]] = tables
        tables = larger
    if targets.used[0] + LONGEST * more > len(targets.parent):
        wider = _new_targets(2 * (targets.used[0] + LONGEST * more))
        for node in range(1, targets.used[0]):
            _child(wider, targets.parent[node], targets.symbol[node])
        targets = wider
        columns = np.full((seen.shape[0], len(wider.parent)), -1)
        columns[:, : seen.shape[1]] = seen
        seen = columns
    return tables, seen, targets


@compiled
def _new_targets(room):
    size = 1
    while size < 2 * room:
        size *= 2
    return Targets(np.zeros(room, np.int64), np.zeros(room, np.int64), np.zeros(size, np.int64), np.ones(1, np.int64))


@compiled
def _child(targets, parent, symbol):
    """Node of (parent, symbol), made if there is none; it needs room."""
    last = len(targets.place) - 1
    place = (parent * 0x9E3779B1 + symbol * 0x85EBCA6B) >> 7 & last  # spreads neighbours
    while targets.place[place]:
        node = targets.place[place]
        if targets.parent[node] == parent and targets.symbol[node] == symbol:
            return node
        place = place + 1 & last
    node = targets.place[place] = targets.used[0]
    targets.used[0] += 1
    targets.parent[node], targets.symbol[node] = parent, symbol
    return node
