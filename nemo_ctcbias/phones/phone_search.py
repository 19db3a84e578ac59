"""How well many pronunciations fit anywhere in a recording: one dynamic programme, shared prefixes computed once.

It is compiled: a list of 20,000 phrases has 60,000 pronunciations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.alignment import checked
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phones import BLANK, Pronunciation, phone_ids


class PhoneSearch:
    """Searches recordings for pronunciations.

    Args:
        pronunciations: M of them, none empty; any order.
    """

    def __init__(self, pronunciations: Sequence[Pronunciation]):
        # Sorted, so that neighbours share their first phones; for each, how many it shares with the one before.
        rows = [tuple(phone_ids(one)) for one in pronunciations]
        self._order = np.array(sorted(range(len(rows)), key=rows.__getitem__), dtype=np.int64)
        self._lengths = np.array([len(rows[row]) for row in self._order], dtype=np.int64)
        self._phones = np.zeros((len(rows), max(map(len, rows), default=0)), dtype=np.int64)
        for place, row in enumerate(self._order):
            self._phones[place, : len(rows[row])] = rows[row]
        same = np.zeros_like(self._phones, dtype=bool)
        same[1:] = self._phones[1:] == self._phones[:-1]
        shared = np.cumprod(same, axis=1).sum(axis=1)
        self._shared = np.minimum(shared, np.minimum(self._lengths, np.roll(self._lengths, 1)))

    @property
    def nbytes(self) -> int:
        """Memory, about."""
        return self._phones.nbytes + 3 * self._order.nbytes

    def best(self, heard: Hearing, least: np.ndarray | float = -np.inf) -> np.ndarray:
        """Log-prob of the likeliest CTC path of each pronunciation, where it fits best [M].

        In columns [a, b) that is enter_a + leave_b-1 + max over the CTC paths of the pronunciation of
        sum_c log p_c(path_c).

        Args:
            heard: by one witness.
            least: [M] or one for all; what is below matters to nobody and may come as -inf.

        Raises:
            PhoneticsError: log-probs of another shape.
        """
        log_probs = checked(heard.log_probs)
        found = np.full(len(self._order), -np.inf)
        if len(found) and len(log_probs):
            emitted = np.ascontiguousarray(log_probs.T)
            least = np.broadcast_to(np.asarray(least, dtype=np.float64), found.shape)[self._order]
            rows = self._phones, self._lengths, self._shared
            found[self._order] = _search(emitted, heard.enter, heard.leave, *rows, least)
        return found


@compiled
def _search(emitted, enter, leave, phones, lengths, shared, least):
    """The best path of each pronunciation; `emitted` [40, C] are log-probs, `phones` and what follows run in parallel
    [M].

    Row k holds, for each column, the best path that ends there in phone k (`inside`) or in the blank after it
    (`behind`); `best[k]` is the best of `inside`, which no longer pronunciation with the same beginning can exceed, and
    `ended[k]` the best that may end there.
    """
    frames = emitted.shape[1]
    inside = np.empty((phones.shape[1] + 1, frames))
    behind = np.empty((phones.shape[1] + 1, frames))
    best = np.zeros(phones.shape[1] + 1)
    ended = np.zeros(phones.shape[1] + 1)
    blank = emitted[BLANK]
    found = np.full(len(phones), -np.inf)
    ready = 0
    for row in range(len(phones)):
        depth = min(shared[row], ready)
        while depth < lengths[row] and best[depth] >= least[row]:
            phone = emitted[phones[row, depth]]
            repeats = depth > 0 and phones[row, depth] == phones[row, depth - 1]
            here, after, top, last = -np.inf, -np.inf, -np.inf, -np.inf
            for t in range(frames):
                if depth == 0:
                    before = enter[t]  # anywhere, what comes before is of no account
                elif t == 0:
                    before = -np.inf
                elif repeats:
                    before = behind[depth, t - 1]
                else:
                    before = max(behind[depth, t - 1], inside[depth, t - 1])
                after = max(after, here) + blank[t]
                here = max(here, before) + phone[t]
                inside[depth + 1, t], behind[depth + 1, t] = here, after
                top, last = max(top, here), max(last, here + leave[t])
            depth += 1
            best[depth], ended[depth] = top, last
        ready = depth
        if depth == lengths[row]:
            found[row] = ended[depth]
    return found


def best_place(heard: Hearing, pronunciation: Pronunciation) -> tuple[float, int, int]:
    """The likeliest CTC path of one pronunciation, as `PhoneSearch.best` finds it, and where it lies.

    Returns:
        Log-prob, and the encoder's first frame and last frame + 1; -inf where nothing at all was heard.
    """
    log_probs = checked(heard.log_probs)
    if not len(log_probs):
        return -np.inf, 0, 0
    emitted, phones = np.ascontiguousarray(log_probs.T), np.array(phone_ids(pronunciation), dtype=np.int64)
    score, first, last = _place(emitted, heard.enter, heard.leave, phones)
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
