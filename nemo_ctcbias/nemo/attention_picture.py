"""Where a contextual adapter looked in an utterance: its attention by phrase, and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nemo_ctcbias.adapter.attention_by_phrase import NO_BIAS, by_phrase, most_attended
from nemo_ctcbias.adapter.contextual_adapter import Attention
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.search.alignment import greedy_spans, word_spans
from nemo_ctcbias.whole_files import written_whole


def look(model: Any, name: str, samples: np.ndarray, bias_list: BiasList) -> dict[str, Any]:
    """Where an adapter looks in a recording, at the phrases that are heard there; see `seen`.

    Raises:
        SettingError: no phrase of the list can be spelled by this model, or heard in this recording.
    """
    signal = torch.from_numpy(np.asarray(samples, dtype=np.float32))[None]
    with torch.inference_mode():
        encoded = model.encode(input_signal=signal, input_signal_length=torch.tensor([signal.shape[1]]))
        log_probs, attention, rows = model.attended(encoded, model.lists.of(bias_list), name)
    if attention is None:
        raise SettingError(
            "attention: no phrase of the list can be spelled by this model or heard in this recording; see "
            "nemo-ctcbias check-list"
        )
    written = [phrase.written for phrase in bias_list]
    texts = model.lists.sources.vocabulary.texts
    return seen(log_probs, attention, rows.owners, written, texts, len(samples) / model.cfg.sample_rate)


def seen(
    log_probs: Tensor,
    attention: Attention,
    owners: Sequence[int],
    written: Sequence[str],
    texts: Sequence[str],
    seconds: float,
) -> dict[str, Any]:
    """Attention over the phrases that took part, of the first utterance of a batch.

    Args:
        log_probs: [B, T, V + 1], with the adapter.
        owners: for each row of its list the phrase that it spells.

    Returns:
        phrases: as shown, and `<no-bias>`; weights: [P + 1, T], mean of the heads, in that order; words: (word, first
        frame, last frame + 1) recognised; seconds_per_frame.
    """
    phrases, weights = by_phrase(attention, owners)
    found = log_probs[0].float().cpu().numpy()
    return {
        "phrases": [*(written[phrase] for phrase in phrases), NO_BIAS],
        "weights": weights,
        "words": word_spans(greedy_spans(found), texts),
        "seconds_per_frame": seconds / max(len(found), 1),
    }


def draw(found: dict[str, Any], path: str | Path, most: int) -> None:
    """Heat map of time against the `most` attended phrases and `<no-bias>`, recognised words along the top."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    weights, step = found["weights"], found["seconds_per_frame"]
    rows = most_attended(weights, most)
    duration = weights.shape[1] * step
    figure, axis = plt.subplots(
        figsize=(max(7.0, 1.1 * duration + 2.5), 1.8 + 0.28 * len(rows)), constrained_layout=True
    )
    image = axis.imshow(
        weights[rows], aspect="auto", cmap="magma_r", vmin=0, vmax=1, extent=(0, duration, len(rows) - 0.5, -0.5),
        interpolation="nearest",
    )  # fmt: skip
    axis.set_yticks(range(len(rows)), [found["phrases"][row] for row in rows])
    axis.set_xlabel("seconds")
    top = axis.secondary_xaxis("top")
    middles = [(first + last) / 2 * step for _, first, last in found["words"]]
    top.set_xticks(middles, [word for word, _, _ in found["words"]], rotation=40, ha="left", fontsize=8)
    for _, first, last in found["words"]:
        axis.axvspan(first * step, last * step, ymin=0.995, color="tab:blue", clip_on=False)
    figure.colorbar(image, label="attention", shrink=0.8)
    try:
        with written_whole(path) as partial:
            figure.savefig(partial, dpi=150)
    except ValueError as error:  # matplotlib's, for a suffix that it does not know
        raise SettingError(f"{path}: {str(error).splitlines()[0]}") from error
    finally:
        plt.close(figure)
