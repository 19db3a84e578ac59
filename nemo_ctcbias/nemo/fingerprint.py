"""Which weights an adapter or a phone head was trained with: a fingerprint that a change of precision leaves alone."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from nemo_ctcbias.errors import ModelError

COMPARED = 64  # matrices, spread over encoder and decoder
# Of the root mean square of its matrix: bfloat16 moves a weight by less than 0.01, other training or noise by more.
FAR = 0.02


def fingerprint(model: Any) -> str:
    """One weight of each of 64 matrices of the base, over the root mean square of its matrix, as text."""
    matrices = [
        weight.detach()
        for part in (model.encoder, model.ctc_head)
        for name, weight in sorted(part.named_parameters())
        if weight.dim() > 1 and "adapter_layer" not in name
    ]
    places = np.unique(np.linspace(0, len(matrices) - 1, COMPARED).round().astype(int)) if matrices else ()
    values = []
    for place in places:
        flat = matrices[place].reshape(-1).float()
        scale = float(flat.square().mean().sqrt())
        values.append(float(flat[len(flat) // 3]) / scale if scale else 0.0)
    return base64.b64encode(np.array(values, dtype="<f2").tobytes()).decode()


def check_fingerprint(model: Any, stored: str | None, what: str) -> None:
    """Refuse what was trained with other weights; files of before there were fingerprints (None) are taken.

    Args:
        what: begins the message: a file, and what is in it.

    Raises:
        ModelError: the weights differ; says how to take it all the same.
    """
    if stored is None:
        return
    theirs, ours = _values(stored), _values(fingerprint(model))
    if len(theirs) == len(ours) and np.abs(theirs - ours).max(initial=0.0) <= FAR:
        return
    raise ModelError(
        f"{what} was trained with other weights than this model's, although their shapes are the same; use it with its "
        "own base model, train one for this model, or take it all the same with other_base=True (--other-base)"
    )


def _values(text: Any) -> np.ndarray:
    """What a fingerprint holds; nothing if it is none."""
    try:
        return np.frombuffer(base64.b64decode(text), dtype="<f2").astype(float)
    except (ValueError, TypeError):
        return np.zeros(0)
