"""Phones of a model that has no phone head: what it spells, pronounced.

Where the model writes a token, its likeliest tokens there are pronounced, each in the word that it would make, and
their sounds laid side by side.  What may have been said where these are heard is known (`confusions`).  So any CTC
model whose letters can be pronounced hears phones, without training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.vocabulary import WORD_START
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.confusions import NOTHING, Confusions, align, shipped_confusions
from nemo_ctcbias.phones.g2p import G2P, letters_of
from nemo_ctcbias.phones.hearing import Hearing
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.phones.pronouncer import shipped_g2p

PHONE_PRIOR = 3.0  # that of `score`: on its scale are the log-probs here
LEAST = 0.01  # probability of a token that is looked at
ALTERNATIVES = 6  # most tokens looked at in a place
UNWRITTEN = 0.1  # probability of all tokens together where none is written, from which on the place is looked at
CONTEXT = 12  # letters of a word to either side of a token that decide how it sounds
# Probability that a phrase begins (and that it ends) where the model sees no end of a word: seldom, "port" is not said
# in "support", but words are run together and torn apart where they are misheard.
TORN = 0.03
FLOOR = 1e-4  # share of its usual frequency that any phone keeps
UNSPELLED = 3  # sounds that a letter or digit may stand for that nobody can pronounce

Sounds = tuple[int, ...]  # columns of phones


@dataclass(frozen=True)
class Slot:
    """A place where tokens stand, or might.

    frame: of the encoder; written: the token that the model writes, None for none; tokens: those looked at, with their
    probabilities; silence: probability of none.
    """

    frame: int
    written: int | None
    tokens: tuple[tuple[int, float], ...]
    silence: float


class SpelledPhones:
    """Hears phones in the log-probs of one vocabulary.

    Args:
        vocabulary: of the model.
        g2p: pronounces words; the shipped model if None.
        confusions: what is said when something else is heard; the shipped ones if None.
    """

    def __init__(self, vocabulary: Vocabulary, g2p: G2P | None = None, confusions: Confusions | None = None):
        self._g2p = shipped_g2p() if g2p is None else g2p
        self._confusions = shipped_confusions() if confusions is None else confusions
        self._letters = [_letters(piece) for piece in vocabulary.pieces]
        marks = [not any(c.isalnum() for c in piece) for piece in vocabulary.pieces]
        self._opens = np.array(marks) | vocabulary.starts_word
        self._strange = [
            0 if letters or token in vocabulary.unknown_ids else UNSPELLED * sum(c.isalnum() for c in piece)
            for token, (piece, letters) in enumerate(zip(vocabulary.pieces, self._letters, strict=True))
        ]

    def hear(self, log_probs: np.ndarray) -> Hearing:
        """What is heard in log-probs [T, V + 1], blank last.

        The log-probs of the phones are log P(phone | heard) - log P(phone) - PHONE_PRIOR: likelihood ratios on the
        scale of the score, where a phone that nothing is known of is worth nothing.
        """
        weights, spelled, frames, opens = self.columns(log_probs)
        heard = self._likelihoods(weights, spelled)
        starts = np.searchsorted(frames, np.arange(len(log_probs) + 1))
        return Hearing(heard, starts, *_edges(spelled, opens))

    def columns(self, log_probs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Weights [C, 40] of the phones heard in each column (nothing last), whether a sound is spelled there or it
        lies between two [C], its frame [C], and the probability that a word begins with it [C].
        """
        slots = list(_slots(log_probs))
        written = [slot.written for slot in slots if slot.written is not None]
        found: list[_Column] = []
        before = 0
        for slot in slots:
            for column in self._heard(slot, written, before):
                last = found[-1] if found else None
                if last is not None and not (last.spelled or column.spelled):
                    last.join(column)
                else:
                    found.append(column)
            before += slot.written is not None
        weights = np.array([column.weights for column in found]).reshape(-1, BLANK + 1)
        spelled = np.array([column.spelled for column in found], dtype=bool)
        frames = np.array([column.frame for column in found], dtype=np.int64)
        return weights, spelled, frames, np.array([column.opens for column in found], dtype=np.float64)

    def _heard(self, slot: Slot, written: list[int], before: int) -> Iterator[_Column]:
        """The columns of a place: between its sounds, and before and after them, one where something may be missing."""
        after = before if slot.written is None else before + 1
        total = slot.silence + sum(p for _, p in slot.tokens)
        weights: dict[Sounds, float] = {(): slot.silence / total}
        for token, p in slot.tokens:
            sounds = self._sounds(token, written[:before], written[after:])
            weights[sounds] = weights.get(sounds, 0.0) + p / total
        best = slot.tokens[0][0] if slot.written is None else slot.written
        opens = sum(p for token, p in slot.tokens if self._opens[token]) / max(total - slot.silence, 1e-9)
        if self._strange[best]:
            yield _Column(slot.frame, False, opens)
            for _ in range(self._strange[best]):
                yield _Column(slot.frame, True, 0.0, np.zeros(BLANK + 1))
                yield _Column(slot.frame, False, 0.0)
            return
        pivot = self._sounds(best, written[:before], written[after:])
        between = [_Column(slot.frame, False, 0.0) for _ in range(len(pivot) + 1)]
        spelled = [_Column(slot.frame, True, 0.0, np.zeros(BLANK + 1)) for _ in pivot]
        between[0].opens = opens
        for sounds, p in weights.items():
            at = 0
            for here, there in _aligned(pivot, sounds):
                if here is None:
                    between[at].add(sounds[there], p)
                else:
                    spelled[here].weights[NOTHING if there is None else sounds[there]] += p
                    at = here + 1
        for gap, sound in zip(between, [*spelled, None], strict=True):
            yield gap
            if sound is not None:
                yield sound

    def _sounds(self, token: int, left: Sequence[int], right: Sequence[int]) -> Sounds:
        """Those of a token in its word, between the tokens to its left and right."""
        letters = self._letters[token]
        if not letters:
            return ()
        before, behind = "", ""
        if not self._opens[token]:
            for other in reversed(left):
                before = self._letters[other] + before
                if self._opens[other] or len(before) >= CONTEXT:
                    break
        for other in right:
            if self._opens[other] or len(behind) >= CONTEXT:
                break
            behind += self._letters[other]
        before, behind = before[-CONTEXT:], behind[:CONTEXT]
        sounds, starts = self._g2p.spelled_out(before + letters + behind)
        return sounds[starts[len(before)] : starts[len(before) + len(letters)]]

    def _likelihoods(self, weights: np.ndarray, spelled: np.ndarray) -> np.ndarray:
        """[C, 40] on the scale of the score; where no weights are given at all, every phone is worth nothing."""
        known = self._confusions
        said = weights @ known.said
        # Between two sounds a phone may have been dropped; what is heard there counts as heard.
        silent = weights[~spelled, NOTHING:]
        said[~spelled] = silent * known.dropped + weights[~spelled, :BLANK] @ known.said[:BLANK]
        said[~weights.any(axis=1)] = np.append(known.usual, 1.0)
        usual = np.append(known.usual, 1.0)
        found = np.log(np.maximum(said, FLOOR * usual))
        found[:, :BLANK] -= np.log(known.usual) + PHONE_PRIOR
        return np.minimum(found, 0.0)


class _Column:
    """Weights of phones in one place."""

    def __init__(self, frame: int, spelled: bool, opens: float, weights: np.ndarray | None = None):
        self.frame, self.spelled, self.opens = frame, spelled, opens
        self.weights = np.append(np.zeros(BLANK), 1.0) if weights is None else weights

    def add(self, phone: int, weight: float) -> None:
        """Something heard between two sounds."""
        self.weights[phone] += weight
        self.weights[NOTHING] = max(0.0, self.weights[NOTHING] - weight)

    def join(self, other: _Column) -> None:
        """Take in what was heard in the next column, where nothing is spelled between the two."""
        silence = self.weights[NOTHING] * other.weights[NOTHING]
        phones = self.weights[:BLANK] + other.weights[:BLANK]
        if phones.any():
            phones *= (1 - silence) / phones.sum()
        self.weights, self.opens = np.append(phones, silence), max(self.opens, other.opens)


def _slots(log_probs: np.ndarray) -> Iterator[Slot]:
    """Where tokens are written or likely, in order."""
    p = np.exp(log_probs.astype(np.float32))
    blank, best = p.shape[1] - 1, p.argmax(axis=1)
    at = 0
    while at < len(p):
        end = at + 1
        while best[at] != blank and end < len(p) and best[end] == best[at]:
            end += 1
        written = None if best[at] == blank else int(best[at])
        if written is not None or 1 - p[at, blank] > UNWRITTEN:
            weights = p[at:end].max(axis=0)
            silence = float(p[at:end, blank].min()) if end == at + 1 or written is None else 0.0
            weights[blank] = 0
            likely = np.argsort(-weights, kind="stable")[:ALTERNATIVES]
            tokens = tuple((int(token), float(weights[token])) for token in likely if weights[token] >= LEAST)
            if tokens:
                yield Slot(at, written, tokens, silence)
        at = end


def _edges(spelled: np.ndarray, opens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What it costs a phrase to begin and to end with each column [C], for where words begin."""
    columns = len(spelled)
    if not columns:
        return np.zeros(0), np.zeros(0)
    # Sounds stand between columns where nothing is spelled: the one before decides, and the one behind.
    at = np.arange(columns)
    before, behind = np.where(spelled, at - 1, at), np.where(spelled, at + 1, at)
    open_behind = np.append(opens, 1.0)
    open_behind[at[at > np.flatnonzero(spelled).max(initial=-1)]] = 1.0  # behind the last sound
    enter = np.where(before < 0, 1.0, opens[before])
    return np.log(np.maximum(enter, TORN)), np.log(np.maximum(open_behind[behind], TORN))


@lru_cache(maxsize=20_000)
def _aligned(pivot: Sounds, sounds: Sounds) -> list[tuple[int | None, int | None]]:
    return align(pivot, sounds)


def _letters(piece: str) -> str:
    """What of a token can be pronounced."""
    try:
        return letters_of(piece.replace(WORD_START, "").removeprefix("##"))
    except PhoneticsError:
        return ""
