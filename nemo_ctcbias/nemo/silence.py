"""Streams of a batch in NeMo's loops: one whose model output is not a number must not stop the others."""

from __future__ import annotations

import numpy as np
from nemo.utils import logging

from nemo_ctcbias.phones.phones import BLANK

NOTHING = -1e4  # natural log of what is not heard


class OrSilence:
    """Frames of one stream, silence in place of those that are not numbers; a warning says once from when on.

    NeMo's caches keep what came once: a stream that sent NaN stays silent until it begins anew.
    """

    def __init__(self, seconds_per_frame: float) -> None:
        self._seconds, self._told = seconds_per_frame, False

    def __call__(self, log_probs: np.ndarray, first: int) -> np.ndarray:
        """Log-probs [T, V + 1] to search, of frames from `first` on."""
        broken = np.isnan(log_probs).any(axis=1)
        if broken.any() and not self._told:
            at = (first + int(broken.argmax())) * self._seconds
            logging.warning(
                f"stream at {at:.2f} s: the model's log-probs are not numbers; taken for silence, also what follows of "
                "this kind. Look for NaN in the samples, and begin the stream anew"
            )
            self._told = True
        return silenced(log_probs)


def silenced(log_probs: np.ndarray) -> np.ndarray:
    """Log-probs [T, V + 1] with silence in place of frames that are not numbers."""
    broken = np.isnan(log_probs).any(axis=1)
    if not broken.any():
        return log_probs
    silent = log_probs.copy()
    silent[broken] = -np.inf
    silent[broken, -1] = 0.0
    return silent


def silenced_with(phones: np.ndarray, log_probs: np.ndarray) -> np.ndarray:
    """Phone log-probs [T', K, 40] with silence where `silenced` put it into these log-probs [T, V + 1]."""
    silent = np.isneginf(log_probs[:, :-1]).all(axis=1)
    if not silent.any():
        return phones
    quiet, changed = np.arange(len(phones)) * len(silent) // len(phones), phones.copy()
    changed[silent[quiet]] = NOTHING
    changed[silent[quiet], :, BLANK] = 0.0
    return changed
