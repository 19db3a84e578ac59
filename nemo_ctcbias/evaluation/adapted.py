"""Log-probs that a contextual adapter makes for each utterance's list; the encoder runs once an utterance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item, LogProbs, read_audio


class AdaptedLogProbs:
    """Called with an utterance and a bias list, gives its log-probs [T, V + 1].

    What the encoder makes of an utterance is kept (a few MB a minute of audio) for the next list or setting.

    Args:
        model: a NeMo CTC model.
        adapter: file of an adapter to load into it; None for the model's own.

    Raises:
        SettingError: there is no adapter.
        ModelError: the file is no adapter of this model.
    """

    def __init__(self, model: Any, adapter: Path | None):
        from nemo_ctcbias.nemo.convert import from_ctc
        from nemo_ctcbias.nemo.vocabulary import vocabulary_of

        self.model = from_ctc(model).eval()
        if adapter is not None and not self.model.context.get_enabled_adapters():
            self.model.load_adapters(str(adapter))
            self.model.eval()
        if not self.model.context.get_enabled_adapters():
            raise SettingError(
                "part 'adapter': the model has no contextual adapter; give --adapter FILE, or train one "
                "(examples/train_contextual_adapter.py)"
            )
        self.vocabulary = vocabulary_of(self.model)
        self._kept: dict[str, Any] = {}

    def __call__(self, item: Item, bias_list: Any, strength: float = 1.0, heard: np.ndarray | None = None) -> LogProbs:
        """Log-probs for this list, the adapter acting with `strength` times its own; `heard` as in `decode_beams`."""
        import torch

        with torch.inference_mode():
            encoded = self.encode(item)
            changed = self.model.context.change(encoded, self.vocabulary, [bias_list], strength, [heard])
            log_probs = self.model.decoder(encoder_output=changed)[0, : int(encoded.lengths[0])]
        return np.ascontiguousarray(log_probs.float().cpu().numpy())

    def get_ready(self, bias_list: Any) -> None:
        """Spell a list, which is done once a list, not once a recording."""
        self.model.context.tokens_of(bias_list, self.vocabulary)

    def encode(self, item: Item) -> Any:
        """What the encoder makes of an utterance: `nemo_ctcbias.nemo.context.Encoded`."""
        import torch

        if item.id not in self._kept:
            rate = int(self.model.cfg.preprocessor.get("sample_rate", 16000))
            audio = torch.from_numpy(read_audio(item.row, rate))[None].to(next(self.model.parameters()).device)
            with torch.inference_mode(), self.model.context.recording(self.model) as kept:
                length = torch.tensor([audio.shape[1]], device=audio.device)
                self.model.unadapted_forward(input_signal=audio, input_signal_length=length)
            self._kept[item.id] = kept[0]
        return self._kept[item.id]


def best_tokens(log_probs: LogProbs) -> list[int]:
    """Greedy decoding: the best token of each frame, repetitions and blanks left out."""
    labels = log_probs.argmax(axis=1)
    first = np.concatenate([[True], labels[1:] != labels[:-1]])
    return labels[first & (labels != log_probs.shape[1] - 1)].tolist()
