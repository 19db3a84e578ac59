"""How well many pronunciations fit anywhere in a recording: one dynamic programme, shared prefixes computed once.

It is compiled: a list of 20,000 phrases has 60,000 pronunciations.  Of a long list most are ruled out before by their
pairs of phones: a path can be no better than the best places of its pairs, wherever these are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phones import BLANK, Pronunciation, phone_ids
from nemo_ctcbias.phones.phrase_sounds import PhoneRows

MANY = 1000  # pronunciations from which on it pays to look at all pairs of phones first
ROUNDING = 1e-6  # sums in another order
SMALL = np.int16  # lengths: all rows are read for each recording


class PhoneSearch:
    """Searches recordings for pronunciations.

    Args:
        pronunciations: M of them, none empty; any order.
        credit: added to the score of each for each of its phones.
    """

    def __init__(self, pronunciations: Sequence[Pronunciation], credit: float = 0.0):
        self._credit = credit
        # Sorted, so that neighbours share their first phones; for each, how many it shares with the one before.
        rows = PhoneRows.of(pronunciations)
        written = rows.flat.tobytes()
        keys = [written[start:end] for start, end in zip(rows.starts.tolist(), rows.ends.tolist(), strict=True)]
        self._order = np.array(sorted(range(len(keys)), key=keys.__getitem__), dtype=np.int64)
        rows = rows.take(self._order)
        self._lengths = rows.lengths.astype(SMALL)
        longest = int(self._lengths.max(initial=0))
        self._phones = np.zeros((len(rows), longest), dtype=np.int8)
        self._phones[np.arange(longest) < self._lengths[:, None]] = rows.flat
        same = np.zeros((len(rows), longest + 1), dtype=bool)
        same[1:, :longest] = self._phones[1:] == self._phones[:-1]
        shared = np.minimum(same.argmin(axis=1), np.minimum(self._lengths, np.roll(self._lengths, 1)))
        self._shared = shared.astype(SMALL)

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        return self._phones.nbytes + self._shared.nbytes + self._lengths.nbytes + self._order.nbytes

    def best(self, heard: Hearing, least: np.ndarray | float = -np.inf) -> np.ndarray:
        """Log-prob of the likeliest CTC path of each pronunciation, where it fits best, and its credit [M].

        In columns [a, b) that is enter_a + leave_b-1 + max over the CTC paths of the pronunciation of
        sum_c log p_c(path_c).

        Args:
            least: [M] or one for all; what is below matters to nobody and may come as -inf.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        emitted, found = heard.emitted, np.full(len(self._order), -np.inf)
        if len(found) and emitted.size:
            least = np.asarray(least, dtype=np.float64)
            least = least[self._order] if least.ndim else least[None]
            rows = self._phones, self._lengths, self._shared, self._credit
            places = _best_places(emitted, heard.enter, heard.leave) if len(found) >= MANY else _ANYWHERE
            scores = _search(emitted, heard.enter, heard.leave, *rows, least, *places)
            likely = np.flatnonzero(scores > -np.inf)  # of a long list only some
            found[self._order[likely]] = scores[likely]
        return found


_ANYWHERE = np.zeros((3, BLANK)), np.zeros((3, BLANK, BLANK))  # nothing is known of the best places


@compiled
def _search(emitted, enter, leave, phones, lengths, shared, credit, least, singles, pairs):
    """The best path of each pronunciation; `emitted` [40, C] are log-probs, `phones`, `lengths` and `shared` run in
    parallel [M], `least` too or is one for all, `singles` and `pairs` are those of `_best_places`.

    Nothing on a path adds to it (all are log-probs), so each phone, or pair of phones with the blanks between, costs at
    least what it costs at its own best place: `most[k]` is what the first k phones have at best, others behind them,
    which neighbours have in common; `rest[k]` is what is left to the phones from k on.

    Row k holds, for each column, the best path that ends there in phone k (`inside`) or in the blank after it
    (`behind`); `best[k]` is the best of `inside`, which no longer pronunciation with the same beginning can exceed, and
    `ended[k]` the best that may end there.
    """
    frames, deepest = emitted.shape[1], phones.shape[1] + 1
    inside, behind = np.empty((deepest, frames)), np.empty((deepest, frames))
    best, ended, most, rest = np.zeros(deepest), np.zeros(deepest), np.zeros(deepest), np.zeros(deepest)
    found = np.full(len(phones), -np.inf)
    blank = emitted[BLANK]
    ready, known = 0, 0
    for row in range(len(phones)):
        ready, known = min(shared[row], ready), min(shared[row], known)
        length = lengths[row]
        needed = least[row if len(least) > 1 else 0] - credit * length - ROUNDING
        at_best, known = _at_best(most, known, phones, row, length, singles, pairs), max(known, length - 1)
        if at_best < needed:
            continue
        _set_rest(rest, ready, phones, row, length, singles, pairs)
        while ready < length and best[ready] + rest[ready] >= needed:  # as a function this takes a fifth longer
            phone = emitted[phones[row, ready]]
            repeats = ready > 0 and phones[row, ready] == phones[row, ready - 1]
            here, after, top, last = -np.inf, -np.inf, -np.inf, -np.inf
            for t in range(frames):
                if ready == 0:
                    before = enter[t]  # anywhere, what comes before is of no account
                elif t == 0:
                    before = -np.inf
                elif repeats:
                    before = behind[ready, t - 1]
                else:
                    before = max(behind[ready, t - 1], inside[ready, t - 1])
                after = max(after, here) + blank[t]
                here = max(here, before) + phone[t]
                inside[ready + 1, t], behind[ready + 1, t] = here, after
                top, last = max(top, here), max(last, here + leave[t])
            ready += 1
            best[ready], ended[ready] = top, last
        if ready == length:
            found[row] = credit * length + ended[length]
    return found


@compiled
def _at_best(most, known, phones, row, length, singles, pairs):
    """Fill in `most[known + 1]` to `most[length - 1]`; what no path of the whole pronunciation can exceed."""
    for k in range(known + 1, length):
        phone = phones[row, k - 1]
        most[k] = most[k - 1] + singles[0 if k == 1 else 1, phone]
        if k > 1:
            most[k] = min(most[k], most[k - 2] + pairs[0 if k == 2 else 1, phones[row, k - 2], phone])
    phone = phones[row, length - 1]
    found = most[length - 1] + singles[0 if length == 1 else 2, phone]
    if length > 1:
        found = min(found, most[length - 2] + pairs[0 if length == 2 else 2, phones[row, length - 2], phone])
    return found


@compiled
def _set_rest(rest, first, phones, row, length, singles, pairs):
    """Fill in `rest[first]` to `rest[length]`."""
    rest[length] = 0.0
    for at in range(length - 1, first - 1, -1):
        rest[at] = singles[0 if at == 0 else 2 if at + 1 == length else 1, phones[row, at]] + rest[at + 1]
        if at + 1 < length:
            part = 0 if at == 0 else 2 if at + 2 == length else 1
            rest[at] = min(rest[at], pairs[part, phones[row, at], phones[row, at + 1]] + rest[at + 2])


def best_place(heard: Hearing, pronunciation: Pronunciation) -> tuple[float, int, int]:
    """The likeliest CTC path of one pronunciation, as `PhoneSearch.best` finds it, and where it lies.

    Returns:
        Log-prob, and the encoder's first frame and last frame + 1; -inf where nothing at all was heard.
    """
    if not heard.emitted.size:
        return -np.inf, 0, 0
    phones = np.array(phone_ids(pronunciation), dtype=np.int64)
    score, first, last = _place(heard.emitted, heard.enter, heard.leave, phones)
    frame_of = np.searchsorted(heard.starts, (first, last), side="right") - 1
    return score, int(frame_of[0]), int(frame_of[1]) + 1


@compiled
def _place(emitted, enter, leave, phones):
    """Score of the best path, its first and its last column; `inside` and `behind` as in `_search`, each with the
    column that its path begins in.
    """
    frames, found, first, last = emitted.shape[1], -np.inf, 0, 0
    inside, behind = np.full(frames, -np.inf), np.full(frames, -np.inf)
    begun, begun_behind = np.zeros(frames, np.int64), np.zeros(frames, np.int64)
    blank = emitted[BLANK]
    for depth in range(len(phones)):
        phone, repeats = emitted[phones[depth]], depth > 0 and phones[depth] == phones[depth - 1]
        before_inside, before_behind = inside.copy(), behind.copy()
        from_inside, from_behind = begun.copy(), begun_behind.copy()
        here, after, start, start_after = -np.inf, -np.inf, 0, 0
        for t in range(frames):
            if here > after:
                after, start_after = here, start
            after += blank[t]
            before, source = -np.inf, 0
            if depth == 0:
                before, source = enter[t], t
            elif t > 0:
                before, source = before_behind[t - 1], from_behind[t - 1]
                if not repeats and before_inside[t - 1] > before:
                    before, source = before_inside[t - 1], from_inside[t - 1]
            if before > here:
                here, start = before, source
            here += phone[t]
            inside[t], begun[t], behind[t], begun_behind[t] = here, start, after, start_after
    for t in range(frames):
        if inside[t] + leave[t] > found:
            found, first, last = inside[t] + leave[t], begun[t], t
    return found, first, last


@compiled
def _best_places(emitted, enter, leave):
    """Log-probs of phones [3, 39] and of pairs of phones [3, 39, 39] where they fit best: a phrase beginning with them,
    inside one, ending one.
    """
    frames = emitted.shape[1]
    singles, pairs = np.full((3, BLANK), -np.inf), np.full((3, BLANK, BLANK), -np.inf)
    blank = emitted[BLANK]
    before, apart = np.empty((2, frames)), np.empty((2, frames))  # best path so far in a phone or behind it; behind it
    for a in range(BLANK):
        here, behind = np.full(2, -np.inf), np.full(2, -np.inf)
        for t in range(frames):
            for begins in range(2):
                behind[begins] = max(behind[begins], here[begins]) + blank[t]
                here[begins] = max(here[begins], enter[t] if begins else 0.0) + emitted[a, t]
                before[begins, t], apart[begins, t] = max(here[begins], behind[begins]), behind[begins]
            singles[0, a] = max(singles[0, a], here[1])
            singles[1, a] = max(singles[1, a], here[0])
            singles[2, a] = max(singles[2, a], here[0] + leave[t])
        for b in range(BLANK):
            inner, first = (apart[0], apart[1]) if a == b else (before[0], before[1])
            best, begun, ended, last = -np.inf, -np.inf, -np.inf, -np.inf
            for t in range(1, frames):
                here_b = emitted[b, t]
                begun = max(begun, first[t - 1] + here_b)  # to stay in a phone costs more
                best = max(best, inner[t - 1] + here_b)
                last = max(last, inner[t - 1]) + here_b
                ended = max(ended, last + leave[t])
            pairs[0, a, b], pairs[1, a, b], pairs[2, a, b] = begun, best, ended
    return singles, pairs
