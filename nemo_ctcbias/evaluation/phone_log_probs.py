"""Phone log-probs of utterances; encoder and phone head run once an utterance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item, LogProbs, read_audio


class PhoneLogProbs:
    """Called with an utterance, gives its phone log-probs [T', K, 40] of K heads, blank last, and keeps them.

    Args:
        model: a NeMo CTC model.
        head: file of a phone head to load into it; None for the model's own.
        who: what needs the head, for the message.

    Raises:
        SettingError: there is no phone head.
        ModelError: the file is no phone head of this model.
    """

    def __init__(self, model: Any, head: Path | None, who: str = "parts spot, rescore and lookup"):
        from nemo_ctcbias.nemo.convert import from_ctc

        self.model = from_ctc(model).eval()
        if head is not None:
            self.model.load_phone_head(head)
            self.model.eval()
        if not self.model.has_phone_head:
            raise SettingError(
                f"{who}: the model has no phone head; give --phone-head FILE, or train one "
                "(examples/train_phone_head.py)"
            )
        self._rate = int(self.model.cfg.preprocessor.get("sample_rate", 16000))
        self._kept: dict[str, LogProbs] = {}

    def __call__(self, item: Item) -> LogProbs:
        """Phone log-probs of the utterance's recording."""
        import torch

        if item.id not in self._kept:
            audio = torch.from_numpy(read_audio(item.row, self._rate))[None].to(next(self.model.parameters()).device)
            length = torch.tensor([audio.shape[1]], device=audio.device)
            with torch.inference_mode():
                log_probs, frames = self.model.phone_log_probs(input_signal=audio, input_signal_length=length)
            self._kept[item.id] = np.ascontiguousarray(log_probs[0, : int(frames[0])].float().cpu().numpy())
        return self._kept[item.id]
