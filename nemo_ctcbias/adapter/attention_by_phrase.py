"""Attention as people look at it: by phrase, however many spellings of it take part, and the most attended ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from nemo_ctcbias.adapter.contextual_adapter import Attention

NO_BIAS = "<no-bias>"  # stands for none of the phrases


def by_phrase(attention: Attention, owners: Sequence[int]) -> tuple[list[int], npt.NDArray[np.float32]]:
    """Of the first utterance, the mean of its heads.

    Args:
        owners: for each row of the bank the phrase that it spells, as `TokenList` has them.

    Returns:
        The P phrases that took part; weights [P + 1, T], the spellings of each phrase together, `<no-bias>` last.
    """
    spelled = [owners[row] for row in attention.phrases[0].tolist()]
    place = {phrase: number for number, phrase in enumerate(dict.fromkeys(spelled))}
    mean = attention.weights[0].mean(dim=0).float().cpu().T
    rows = torch.tensor([*(place[phrase] for phrase in spelled), len(place)])
    return list(place), mean.new_zeros(len(place) + 1, mean.shape[1]).index_add(0, rows, mean).numpy()


def most_attended(weights: npt.NDArray[np.float32], most: int, least: float = 0.0) -> list[int]:
    """Rows of such weights: up to `most` phrases by the time of their peak, and `<no-bias>`.

    Args:
        weights: [P + 1, T].
        least: of a phrase's attention at its peak.
    """
    peaks = weights[:-1].max(axis=1)
    best = [row for row in np.argsort(-peaks, kind="stable")[:most].tolist() if peaks[row] >= least]
    return [*sorted(best, key=lambda row: int(weights[row].argmax())), len(weights) - 1]
