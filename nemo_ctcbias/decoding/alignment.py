"""CTC forced alignment of one token sequence, and greedy paths: frames of tokens and words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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
    needed = len(tokens) + int((~skip[3::2]).sum())
    if frames < needed or not frames:
        if not len(tokens):
            return np.zeros(0, dtype=np.int64)
        raise ValueError(f"{len(tokens)} tokens need at least {needed} frames, got {frames}")
    came = np.zeros((frames, len(labels)), dtype=np.int8)  # how many states back the best path came from
    score = np.full(len(labels), -np.inf)
    score[:2] = emit[0, :2]
    options = np.full((3, len(labels)), -np.inf)
    for t in range(1, frames):
        options[0] = score
        options[1, 1:] = score[:-1]
        options[2, 2:] = np.where(skip[2:], score[:-2], -np.inf)
        came[t] = options.argmax(axis=0)
        score = options.max(axis=0) + emit[t]
    state = len(labels) - 1
    if len(tokens) and score[-2] > score[-1]:
        state -= 1
    path = np.empty(frames, dtype=np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = labels[state]
        state -= int(came[t, state])
    return path


def token_spans(path: np.ndarray, blank: int) -> list[tuple[int, int, int]]:
    """(token, first frame, last frame + 1) for each token of a frame path."""
    path = np.asarray(path)
    if not len(path):
        return []
    starts = np.flatnonzero(np.concatenate([[True], path[1:] != path[:-1]]))
    ends = np.concatenate([starts[1:], [len(path)]])
    return [(int(path[s]), int(s), int(e)) for s, e in zip(starts, ends, strict=True) if path[s] != blank]


def word_spans(spans: list[tuple[int, int, int]], pieces: Sequence[str]) -> list[tuple[str, int, int]]:
    """(word, first frame, last frame + 1): tokens joined up to the next word start (▁ or a space)."""
    words: list[list] = []
    fresh = True
    for token, start, end in spans:
        piece = pieces[token].replace("▁", " ")
        if piece.startswith(" "):
            fresh = True
        text = piece.strip(" ")
        if not text:
            continue
        if fresh:
            words.append([text, start, end])
        else:
            words[-1][0] += text
            words[-1][2] = end
        fresh = False
    return [(word, start, end) for word, start, end in words]


def greedy_path(log_probs: np.ndarray) -> np.ndarray:
    """The frame-wise best labels [T]: NeMo's greedy decoding before collapsing."""
    return np.asarray(log_probs).argmax(axis=1)
