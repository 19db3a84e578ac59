"""Whisper's trunk, stacked to 80 ms a frame, and Conformer layers: an encoder for NeMo's CTC models."""

from __future__ import annotations

import torch
from nemo.collections.asr.parts.submodules.conformer_modules import ConformerLayer
from nemo.collections.asr.parts.submodules.multi_head_attention import RelPositionalEncoding
from nemo.core.classes import NeuralModule
from nemo.core.classes.mixins import AccessMixin
from torch import Tensor, nn
from torch.nn import functional

from nemo_ctcbias.whisper.trunk import WhisperTrunk
from nemo_ctcbias.whisper.windows import in_windows

SECONDS, MARGIN = 30, 3.2  # of a window, and around what is kept of it


class WindowedLayer(ConformerLayer):
    """NeMo's Conformer layer, for recordings of any length: it attends within windows of 30 s."""

    def __init__(self, positions: RelPositionalEncoding, frame: float, **shape):
        super().__init__(self_attention_model="rel_pos", conv_norm_type="layer_norm", **shape)
        # Not a submodule: all layers share it, and it has no weights.
        self.__dict__["positions"] = positions
        self.size, self.margin = round(SECONDS / frame), round(MARGIN / frame)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """[B, T, D], of which the first `lengths` [B] count, to [B, T, D]."""
        return in_windows(self._window, x, lengths, self.size // self.margin * self.margin, self.margin)

    def _window(self, x: Tensor, lengths: Tensor) -> Tensor:
        behind = torch.arange(x.shape[1], device=x.device) >= lengths[:, None]
        _, positions = self.positions(x)
        return super().forward(
            x, att_mask=behind[:, None, :] | behind[:, :, None], pos_emb=positions.to(x.dtype), pad_mask=behind
        )


class WhisperConformerEncoder(NeuralModule, AccessMixin):
    """Features [B, 80, T] to [B, D, T / 8], 80 ms a frame, as NeMo's FastConformer; for recordings of any length.

    The layers are open to InterCTC (`interctc.apply_at_layers`) and to hooks, as a ConformerEncoder's are.

    Args:
        feat_in: mel bands.
        d_model, n_layers, n_heads, conv_kernel_size: of the Conformer layers.
        stack: frames of the trunk (20 ms) to one of the output.
        dropout: in the Conformer layers and before them.
        trunk: arguments of `WhisperTrunk`, Whisper-base by default.

    Attributes:
        entry: 0 for features as input; k > 0 if what is put in is already that which the trunk's block k takes
            [B, width, T], 20 ms a frame, so that frozen lower blocks need not run again and again in training.
    """

    def __init__(
        self,
        feat_in: int = 80,
        d_model: int = 384,
        n_layers: int = 3,
        n_heads: int = 6,
        stack: int = 4,
        dropout: float = 0.1,
        conv_kernel_size: int = 9,
        trunk: dict | None = None,
    ):
        super().__init__()
        self._feat_in, self._feat_out, self.d_model, self.stack = feat_in, d_model, d_model, stack
        self.subsampling_factor = 2 * stack
        self.entry = 0
        self.trunk = WhisperTrunk(features=feat_in, **(trunk or {}))
        width = self.trunk.width * stack
        self.pre = nn.Sequential(nn.Linear(width, d_model), nn.LayerNorm(d_model), nn.Dropout(dropout))
        self.pos_enc = RelPositionalEncoding(d_model=d_model, dropout_rate=0.0, xscale=None)
        frame = 0.02 * stack
        self.pos_enc.extend_pe(round(SECONDS / frame), torch.device("cpu"), torch.float32)
        shape = {"d_model": d_model, "d_ff": 4 * d_model, "n_heads": n_heads, "conv_kernel_size": conv_kernel_size}
        self.layers = nn.ModuleList(
            WindowedLayer(self.pos_enc, frame, dropout=dropout, dropout_att=dropout, **shape) for _ in range(n_layers)
        )

    def forward(self, audio_signal: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """[B, 80, T] (or what `entry` says) and lengths [B] to [B, D, T'] and the lengths [B] of that."""
        x, length = self._heard(audio_signal.transpose(1, 2), length)
        x, length = self._stacked(x, length)
        x = self.pre(x)
        for number, layer in enumerate(self.layers):
            x = layer(x, length)
            self._give_to_interctc(number, x, length)
        return x.transpose(1, 2), length

    def _heard(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """The trunk's output [B, T, width], 20 ms a frame."""
        if self.entry:
            return self.trunk.go_on(x, lengths, self.entry), lengths
        size, margin = SECONDS * 100, round(MARGIN * 100)
        x = in_windows(
            lambda part, left: self.trunk(part.transpose(1, 2), left)[0],
            *(x, lengths, size // margin * margin, margin),
            rate=2,
        )
        return x, torch.div(lengths + 1, 2, rounding_mode="floor")

    def _stacked(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """`stack` frames side by side in one, silence behind the end: [B, T / stack, stack * width]."""
        x = x * (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
        x = functional.pad(x, (0, 0, 0, -x.shape[1] % self.stack))
        x = x.reshape(len(x), -1, self.stack * x.shape[2])
        return x, torch.div(lengths + self.stack - 1, self.stack, rounding_mode="floor")

    def _give_to_interctc(self, number: int, x: Tensor, lengths: Tensor) -> None:
        """Hand a layer's output to NeMo's InterCTC, as its ConformerEncoder does."""
        if not self.is_access_enabled(getattr(self, "model_guid", None)):
            return
        if number in self.access_cfg.get("interctc", {}).get("capture_layers", []):
            self.register_accessible_tensor(name=f"interctc/layer_output_{number}", tensor=x.transpose(1, 2))
            self.register_accessible_tensor(name=f"interctc/layer_length_{number}", tensor=lengths)
