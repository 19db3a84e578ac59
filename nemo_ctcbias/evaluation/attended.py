"""Where a contextual adapter looked in an utterance, cut down to what a page can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.adapter.attention_by_phrase import NO_BIAS, by_phrase, most_attended
from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.evaluation.encodings import Encodings
from nemo_ctcbias.evaluation.logprobs import Item

ATTENDED_PHRASES = 8  # the most attended ones; `<no-bias>` comes on top


@dataclass(frozen=True)
class Attended:
    """Attention of an adapter, the mean of its heads.

    Attributes:
        adapter: its name.
        phrases: the most attended ones by the time of their peak, then `<no-bias>`.
        weights: [phrases, T] from 0 to 1.
        seconds_per_frame: of the T frames.
    """

    adapter: str
    phrases: tuple[str, ...]
    weights: npt.NDArray[np.float32]
    seconds_per_frame: float


def attended(encodings: Encodings, item: Item, listed: CompiledList) -> Attended | None:
    """What the first enabled adapter attended to; None where no phrase of the list can be spelled."""
    import torch

    name = encodings.model.context.get_enabled_adapters()[0]
    with torch.inference_mode():
        found = encodings.model.context.change(encodings.encoded(item), [listed.tokens]).attention.get(name)
    if found is None:
        return None
    frames = len(item.log_probs)
    phrases, weights = by_phrase(found, listed.tokens.owners)
    names, weights = [*(listed.bias_list[phrase].written for phrase in phrases), NO_BIAS], weights[:, :frames]
    rows = most_attended(weights, ATTENDED_PHRASES)
    return Attended(name, tuple(names[row] for row in rows), weights[rows], item.seconds / frames)
