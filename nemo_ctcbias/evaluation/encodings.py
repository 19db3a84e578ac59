"""What a biased model makes of utterances before any list acts; the encoder runs once an utterance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item, LogProbs, read_audio
from nemo_ctcbias.recognizer import Adapt, Utterance

if TYPE_CHECKING:  # which imports NeMo
    from nemo_ctcbias.nemo.encoder import Encoded


class Encodings:
    """Utterances as a model with a contextual adapter and a phone head hears them.

    What the encoder makes of an utterance is kept (a few MB a minute of audio) for the next list or setting.

    Args:
        model: a NeMo CTC model, which stays as it is.
        adapter, phone_head: files to load beside it; the adapter where the model has none.

    Raises:
        ModelError: a file is none of this model.
    """

    def __init__(self, model: Any, adapter: Path | None = None, phone_head: Path | None = None):
        from nemo_ctcbias.nemo.ctc_models import from_ctc

        self.model = from_ctc(model).eval()
        if adapter is not None and not self.model.context.get_enabled_adapters():
            self.model.load_adapters(str(adapter))
        if phone_head is not None:
            self.model.load_phone_head(phone_head)
        self.model.eval()
        self._rate = int(self.model.cfg.preprocessor.get("sample_rate", 16000))
        self._kept: dict[str, Encoded] = {}

    def require_adapter(self) -> None:
        """Raise a SettingError if the model has none."""
        if not self.model.context.get_enabled_adapters():
            raise SettingError(
                "part 'adapter': the model has no contextual adapter; give --adapter FILE, or train one "
                "(examples/train_contextual_adapter.py)"
            )

    def require_phone_head(self, who: str) -> None:
        """Raise a SettingError, for `who` needs it, if the model has none."""
        if not self.model.has_phone_head:
            raise SettingError(
                f"{who}: the model has no phone head; give --phone-head FILE, or train one "
                "(examples/train_phone_head.py)"
            )

    def encoded(self, item: Item) -> Encoded:
        """What the encoder makes of an utterance, in a batch of one."""
        import torch

        if item.id not in self._kept:
            audio = torch.from_numpy(read_audio(item.row, self._rate))[None].to(next(self.model.parameters()).device)
            length = torch.tensor([audio.shape[1]], device=audio.device)
            with torch.inference_mode():
                self._kept[item.id] = self.model.encode(input_signal=audio, input_signal_length=length)
        return self._kept[item.id]

    def phones(self, item: Item) -> LogProbs:
        """Phone log-probs [T', K, 40] of the phone head's K heads, blank last."""
        return self.utterance(item, phones=True).phones

    def utterance(self, item: Item, phones: bool) -> Utterance:
        """As the recognizer takes it."""
        import torch

        with torch.inference_mode():
            return self.model.utterances(self.encoded(item), phones)[0]

    def adapting(self, item: Item) -> Adapt:
        """The model's adapters on an utterance."""
        import torch

        adapt = self.model.adapting(self.encoded(item))
        return torch.inference_mode()(adapt)
