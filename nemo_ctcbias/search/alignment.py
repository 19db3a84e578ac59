"""CTC forced alignment of one token sequence, and greedy paths: frames of tokens and words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nemo_ctcbias.bias_list.vocabulary import continues, readable
from nemo_ctcbias.compiled import compiled


def align(log_probs: np.ndarray, tokens: Sequence[int]) -> np.ndarray:
    """Most likely CTC path that collapses to `tokens` (Viterbi over blank-interleaved states).

    Args:
        log_probs: [T, V + 1], blank last.
        tokens: ids below V.

    Returns:
        Frame labels, int64 [T]: token ids and blanks.

    Raises:
        ValueError: if T frames are too few for the tokens.
    """
    frames, blank = len(log_probs), log_probs.shape[1] - 1
    labels = np.full(2 * len(tokens) + 1, blank, dtype=np.int64)
    labels[1::2] = tokens
    emit = np.asarray(log_probs, dtype=np.float64)[:, labels]
    # A blank may be skipped between two different tokens.
    skip = np.zeros(len(labels), dtype=bool)
    skip[3::2] = labels[3::2] != labels[1:-2:2]
    needed = frames_needed(tokens)
    if frames < needed or not frames:
        if not len(tokens):
            return np.zeros(0, dtype=np.int64)
        raise ValueError(f"{len(tokens)} tokens need at least {needed} frames, got {frames}")
    return _best_path(emit, labels, skip)


def frames_needed(tokens: Sequence[int]) -> int:
    """How many frames a path of these tokens takes at the least: a blank parts equal ones."""
    return len(tokens) + sum(one == other for one, other in pairwise(tokens))


@compiled
def _best_path(emit, labels, skip):
    """The best path, as labels of the frames; `emit` [T, states], `skip` [states]: whether two states back link."""
    frames, states = emit.shape
    came = np.zeros((frames, states), np.int8)  # how many states back the best path came from
    score, before = np.full(states, -np.inf), np.empty(states)
    score[:2] = emit[0, :2]
    for t in range(1, frames):
        before[:] = score
        for state in range(states):
            back = 1 if state and before[state - 1] > before[state] else 0
            if skip[state] and before[state - 2] > before[state - back]:
                back = 2
            came[t, state], score[state] = back, before[state - back] + emit[t, state]
    state = states - 1
    if state and score[state - 1] > score[state]:
        state -= 1
    path = np.empty(frames, np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = labels[state]
        state -= came[t, state]
    return path


def token_spans(path: np.ndarray, blank: int) -> list[tuple[int, int, int]]:
    """(token, first frame, last frame + 1) for each token of a frame path."""
    path = np.asarray(path)
    if not len(path):
        return []
    starts = np.flatnonzero(np.concatenate([[True], path[1:] != path[:-1]]))
    ends = np.concatenate([starts[1:], [len(path)]])
    return [(int(path[s]), int(s), int(e)) for s, e in zip(starts, ends, strict=True) if path[s] != blank]


def word_numbers(tokens: Sequence[int], pieces: Sequence[str]) -> list[int]:
    """Number of the word that each token belongs to, up to the next word start (▁ or a space), with what it opens."""
    numbers, word, fresh = [], -1, True
    for token in tokens:
        piece = pieces[token].replace("▁", " ")
        fresh = fresh or piece.startswith(" ")
        if piece.strip(" ") and fresh:
            word, fresh = word + 1, False
        numbers.append(word + 1 if fresh else word)
    return numbers


def word_spans(spans: list[tuple[int, int, int]], pieces: Sequence[str]) -> list[tuple[str, int, int]]:
    """(word, first frame, last frame + 1) of the words that tokens with their frames make; a bare start takes none."""
    words: list[list] = []
    for number, (token, start, end) in zip(word_numbers([token for token, _, _ in spans], pieces), spans, strict=True):
        text = pieces[token].replace("▁", " ").strip(" ")
        if text and number == len(words):
            words.append([text, start, end])
        elif text:
            words[-1][0], words[-1][2] = words[-1][0] + text, end
    return [(readable(word), start, end) for word, start, end in words]


def token_offsets(tokens: Sequence[int], pieces: Sequence[str]) -> list[tuple[int, int]]:
    """Characters [start, end) of each token in the text that they spell, words with single spaces between them.

    One that is nothing but a space has none, and stands where the next one begins.
    """
    offsets, length, space = [], 0, False
    for token in tokens:
        start = None
        for character in pieces[token].replace("▁", " "):
            if character.isspace():
                space = length > 0
                continue
            if continues(character) and length:
                start = length - 1 if start is None else start
                continue
            length, space = length + space, False
            start = length if start is None else start
            length += 1
        offsets.append((length + space,) * 2 if start is None else (start, length))
    return offsets


def greedy_spans(log_probs: np.ndarray) -> list[tuple[int, int, int]]:
    """(token, first frame, last frame + 1) of NeMo's greedy decoding: the best labels of log-probs [T, V + 1]."""
    return token_spans(np.asarray(log_probs).argmax(axis=1), log_probs.shape[1] - 1)
