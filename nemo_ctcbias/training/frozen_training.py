"""Training a small part of a model whose rest is frozen: what the parts have in common."""

from __future__ import annotations

from typing import Any, Protocol

import lightning.pytorch as pl
import torch
from nemo.collections.asr.data.audio_to_text_dali import DALIOutputs


class Schedule(Protocol):
    """Settings of optimiser and learning rate."""

    lr: float
    warmup: int
    weight_decay: float


class FrozenBaseTraining(pl.LightningModule):
    """A Lightning module around a model in which everything but one part is frozen.

    Args:
        options: with `lr` (the highest rate, reached after `warmup` steps, then falling to 0) and `weight_decay`.
        kept: what the names of the part's weights contain; checkpoints hold these alone.
    """

    strict_loading = False  # the frozen base is not in the checkpoint

    def __init__(self, model: Any, options: Schedule, kept: str):
        super().__init__()
        self.model, self.options, self._kept = model, options, kept

    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW on the part, linear warm-up and decay."""
        weights = [parameter for parameter in self.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=self.options.lr, weight_decay=self.options.weight_decay)
        total, warmup = int(self.trainer.estimated_stepping_batches), self.options.warmup

        def rate(step: int) -> float:
            return max(0.0, min((step + 1) / max(warmup, 1), (total - step) / max(total - warmup, 1)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    @staticmethod
    def inputs(batch: Any) -> dict[str, torch.Tensor]:
        """Arguments of the model's `forward` for a batch of NeMo's, of recordings or ready features."""
        ready = isinstance(batch, DALIOutputs) and batch.has_processed_signal
        names = ("processed_signal", "processed_signal_length") if ready else ("input_signal", "input_signal_length")
        return dict(zip(names, (batch[0], batch[1]), strict=True))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Only the part: the base is frozen."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {key: value for key, value in state.items() if self._kept in key}
