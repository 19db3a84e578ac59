"""What a decoder is given, as log-probs with the blank last."""

from __future__ import annotations

import numpy as np

from nemo_ctcbias.errors import ModelError


def checked(logits: np.ndarray, blank: int = -1) -> np.ndarray:
    """Natural log-probs float64 [T, V + 1] with the blank last, of log-probs, logits or probabilities of that shape.

    Args:
        blank: its column.

    Raises:
        ModelError: values that are not numbers (NaN).
    """
    logits = np.asarray(logits, dtype=np.float64)
    if blank % logits.shape[1] != logits.shape[1] - 1:
        logits = np.concatenate([np.delete(logits, blank, axis=1), logits[:, [blank]]], axis=1)
    if len(logits) and (logits >= 0).all() and np.allclose(logits.sum(axis=1), 1, atol=1e-3):
        with np.errstate(divide="ignore"):
            return np.log(logits)
    with np.errstate(invalid="ignore"):
        log_probs = logits - logits.max(axis=1, keepdims=True)
        log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    return numbers(log_probs)


def numbers(log_probs: np.ndarray) -> np.ndarray:
    """Log-probs [T, V + 1] as they are.

    Raises:
        ModelError: some are not numbers (NaN).
    """
    broken = np.flatnonzero(np.isnan(log_probs).any(axis=1))
    if len(broken):
        raise ModelError(
            f"frame {broken[0]}: the model's log-probs are not numbers; run it in full precision, where nothing "
            "overflows, or check its weights"
        )
    return log_probs
