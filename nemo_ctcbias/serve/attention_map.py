"""Where a model's contextual adapter looked in a recording, cut down to what a page can show."""

from __future__ import annotations

from typing import Any

import numpy as np

from nemo_ctcbias.adapter.attention_by_phrase import most_attended
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.nemo.attention_picture import look

MOST = 8  # phrases; what stands for none of them comes on top
LEAST = 0.05  # of a phrase's attention at its peak


def attention_map(model: Any, recording: Recording, bias_list: BiasList) -> dict[str, Any]:
    """Attention over the most attended phrases, for JSON; or the `reason` why there is none.

    Returns:
        adapter: its name; phrases: by the time of their peak, the last stands for none; weights: of each phrase two
        digits a frame, from 00 to 99; seconds_per_frame.
    """
    names = model.context.get_enabled_adapters()
    if not names:
        return {"reason": "the model has no contextual adapter"}
    if len(recording.pieces) != 1:
        return {"reason": "the recording is too long to look at as a whole"}
    with model.lock:
        try:
            seen = look(model, names[0], recording.pieces[0][1], bias_list)
        except SettingError:
            return {"reason": "no phrase of the list can be spelled by this model, or heard in this recording"}
    weights = seen["weights"]
    rows = most_attended(weights, MOST, LEAST)
    percent = np.clip(np.round(99 * weights[rows]), 0, 99).astype(int)
    return {
        "adapter": names[0],
        "phrases": [seen["phrases"][row] for row in rows],
        "weights": ["".join(f"{value:02d}" for value in row) for row in percent.tolist()],
        "seconds_per_frame": seen["seconds_per_frame"],
    }
