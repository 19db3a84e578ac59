"""Where a contextual adapter looked in an utterance, cut down to what a page can show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.evaluation.encodings import Encodings
from nemo_ctcbias.evaluation.logprobs import Item

NO_BIAS = "<no-bias>"
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
    """What the first enabled adapter attended to; None where no phrase of the list can be spelled.

    Args:
        encodings: which have heard the utterance already.
        item: the utterance.
        listed: what is listened for.
    """
    import torch

    name = encodings.model.context.get_enabled_adapters()[0]
    with torch.inference_mode():
        found = encodings.model.context.change(encodings.encoded(item), [listed.tokens]).attention.get(name)
    if found is None:
        return None
    frames = len(item.log_probs)
    weights = found.weights[0].mean(dim=0)[:frames].float().cpu().numpy().T
    names = [listed.bias_list[listed.tokens.owners[row]].written for row in found.phrases[0].tolist()]
    best = np.argsort(-weights[:-1].max(axis=1), kind="stable")[:ATTENDED_PHRASES].tolist()
    rows = sorted(best, key=lambda row: int(weights[row].argmax()))
    return Attended(
        name, (*(names[row] for row in rows), NO_BIAS), weights[[*rows, len(weights) - 1]], item.seconds / frames
    )
