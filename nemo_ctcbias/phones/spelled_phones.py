"""Phones of a model that has no phone head: what it spells, pronounced.

Where the model writes a token, its likeliest tokens there are pronounced, each in the word that it would make, and
their sounds laid side by side.  What may have been said where these are heard is known (`confusions`).  So any CTC
model whose letters can be pronounced hears phones, without training.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.vocabulary import WORD_START
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.confusions import NOTHING, Confusions, align, shipped_confusions
from nemo_ctcbias.phones.g2p import letters_of
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.pronouncer import shipped_g2p
from nemo_ctcbias.phones.score import PHONE_PRIOR
from nemo_ctcbias.phones.slots import Slot, slots_of

CONTEXT = 12  # letters of a word to either side of a token that decide how it sounds
# Probability that a phrase begins (and that it ends) where the model sees no end of a word: seldom, "port" is not said
# in "support", but words are run together and torn apart where they are misheard.
TORN = 0.03
FLOOR = 1e-4  # share of its usual frequency that any phone keeps
UNSPELLED = 3  # sounds that a letter or digit may stand for that nobody can pronounce

PhoneIds = tuple[int, ...]  # columns of phones


class SoundColumns(NamedTuple):
    """What is heard one after the other: sounds, and before, between and behind them what else may have been said.

    Every second column is a sound: 1, 3, 5 and so on.  Where no token is likely at all, there is none.

    weights: [C, 40] of the phones, nothing last; all 0 for a sound that nobody can name.
    frames: [C] of the encoder, where it is heard.
    enter, leave: [C] probability that a word begins with it, and that one ends with it.
    """

    weights: np.ndarray
    frames: np.ndarray
    enter: np.ndarray
    leave: np.ndarray


class SpelledPhones:
    """Hears phones in the log-probs of one vocabulary.

    Args:
        confusions: what is said when something else is heard; the shipped ones if None.

    Attributes:
        mute: whether nobody can pronounce anything that the model writes.
    """

    def __init__(self, vocabulary: Vocabulary, confusions: Confusions | None = None):
        self._g2p = shipped_g2p()
        self._confusions = shipped_confusions() if confusions is None else confusions
        signs = np.array([sum(c.isalnum() for c in piece) for piece in vocabulary.texts])
        self._opens = vocabulary.starts_word | (signs == 0)
        self._letters = ["" if i in vocabulary.unknown_ids else _letters(p) for i, p in enumerate(vocabulary.texts)]
        self._strange = np.where([letters != "" for letters in self._letters], 0, UNSPELLED * signs)
        self._strange[list(vocabulary.unknown_ids)] = 0
        self.mute = not any(self._letters)

    def hear(self, log_probs: np.ndarray) -> Hearing:
        """What is heard in log-probs [T, V + 1], blank last.

        The log-probs of the phones are log P(phone | heard) - log P(phone) - PHONE_PRIOR: likelihood ratios on the
        scale of the score, where a phone that nothing is known of is worth nothing.
        """
        weights, frames, enter, leave = self.columns(log_probs)
        starts = np.searchsorted(frames, np.arange(len(log_probs) + 1))
        enter, leave = (np.log(np.maximum(edge, TORN)) for edge in (enter, leave))
        return Hearing(self._likelihoods(weights), starts, enter, leave)

    def columns(self, log_probs: np.ndarray) -> SoundColumns:
        """How the tokens sound in log-probs [T, V + 1], blank last."""
        slots = list(slots_of(log_probs))
        if not slots:
            return SoundColumns(np.zeros((0, BLANK + 1)), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
        weights, frames = [_SILENT], [slots[0].frame]
        begins, ends = [0.0], [0.0]  # of each column between sounds: that a word begins behind it, or ends before it
        written = [slot.best for slot in slots if slot.written]
        before = 0
        for slot, begin, end in zip(slots, *self._word_edges(slots), strict=True):
            left, right = written[max(before - CONTEXT, 0) : before], written[before + slot.written :][:CONTEXT]
            first, *others = self._heard(slot, left, right)
            weights[-1] = _joined(weights[-1], first)  # nothing is spelled between the sounds of two slots
            begins[-1], ends[-1] = max(begins[-1], begin), max(ends[-1], end)
            weights += others
            frames += [slot.frame] * len(others)
            begins += [0.0] * (len(others) // 2)
            ends += [0.0] * (len(others) // 2)
            before += slot.written
        ends[-1] = 1.0
        at = np.arange(len(weights))
        return SoundColumns(
            np.array(weights), np.array(frames), np.array(begins)[at // 2], np.array(ends)[(at + 1) // 2]
        )

    def _word_edges(self, slots: Sequence[Slot]) -> tuple[list[float], list[float]]:
        """Of each slot the probability that a word begins with its token, and that one ends before it."""
        begins: list[float] = []
        written = False
        for slot in slots:
            opening = sum(p for token, p in slot.tokens if self._opens[token])
            begins.append(opening / (1 - slot.silence) if written else 1.0)
            written = written or slot.written
        ends, end = [], 1.0
        for slot, begin in zip(reversed(slots), reversed(begins), strict=True):
            end = (1 - slot.silence) * begin + slot.silence * end  # where nothing stands, what comes next decides
            ends.append(end)
        return begins, ends[::-1]

    def _heard(self, slot: Slot, left: Sequence[int], right: Sequence[int]) -> np.ndarray:
        """Weights [2 n + 1, 40] of the n sounds of the likeliest token, and of what others have before, between and
        behind them.
        """
        pivot = self._sounds(slot.best, left, right)
        strange = self._strange[slot.best]
        heard = np.zeros((2 * (strange or len(pivot)) + 1, BLANK + 1))
        if not strange:
            sounding: dict[PhoneIds, float] = {(): slot.silence}
            for token, p in slot.tokens:
                sounds = self._sounds(token, left, right)
                sounding[sounds] = sounding.get(sounds, 0.0) + p
            for sounds, p in sounding.items():
                rows, at = np.zeros_like(heard), 0
                for here, there in _aligned(pivot, sounds):
                    row, at = (2 * at, at) if here is None else (2 * here + 1, here + 1)
                    rows[row, NOTHING if there is None else sounds[there]] += 1
                heard += p * rows / np.maximum(rows.sum(axis=1, keepdims=True), 1)  # of several between, each a part
        heard[::2, NOTHING] = np.maximum(1 - heard[::2, :BLANK].sum(axis=1), 0.0)
        return heard

    def _sounds(self, token: int, left: Sequence[int], right: Sequence[int]) -> PhoneIds:
        """Those of a token in its word, between the tokens to its left and right."""
        letters = self._letters[token]
        if not letters:
            return ()
        before, behind = "", ""
        if not self._opens[token]:
            for other in reversed(left):
                before = self._letters[other] + before
                if self._opens[other]:
                    break
        for other in right:
            if self._opens[other]:
                break
            behind += self._letters[other]
        before, behind = before[-CONTEXT:], behind[:CONTEXT]
        sounds, starts = self._g2p.spelled_out(before + letters + behind)
        return sounds[starts[len(before)] : starts[len(before) + len(letters)]]

    def _likelihoods(self, weights: np.ndarray) -> np.ndarray:
        """[C, 40] on the scale of the score; where no weights are given at all, every phone is worth nothing."""
        known = self._confusions
        usual = np.append(known.usual, 1.0)
        said = weights @ known.said
        # Between two sounds a phone may have been dropped; what is heard there counts as heard.
        between = weights[::2]
        said[::2] = between[:, NOTHING:] * known.dropped + between[:, :BLANK] @ known.said[:BLANK]
        said[~weights.any(axis=1)] = usual
        found = np.log(np.maximum(said, FLOOR * usual))
        found[:, :BLANK] -= np.log(known.usual) + PHONE_PRIOR
        return np.minimum(found, 0.0)


_SILENT = np.append(np.zeros(BLANK), 1.0)


def _joined(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Weights [40] of two columns in which something may be heard, as one."""
    silence = one[NOTHING] * other[NOTHING]
    phones = one[:BLANK] + other[:BLANK]
    if phones.any():
        phones *= (1 - silence) / phones.sum()
    return np.append(phones, silence)


_aligned = lru_cache(maxsize=20_000)(align)


def _letters(piece: str) -> str:
    """What of a token can be pronounced."""
    try:
        return letters_of(piece.replace(WORD_START, ""))
    except PhoneticsError:
        return ""
