"""The phone head: CTC heads over ARPAbet on inner layers of the encoder, in plain torch.

Inner layers are nearer to the sounds, outer ones to the spelling (Dingliwal et al. 2022 put their phone loss there).
Two heads mishear different things: a phrase that both of them hear was more likely said.
Import it from here: the rest of the package does without torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor, nn

from nemo_ctcbias.errors import ModelError, PhoneticsError, SettingError
from nemo_ctcbias.phones.phones import BLANK, PHONES, check_inventory

MOST = 4096  # of what memory depends on; beyond any sense
TRAIN = "train one for this model (examples/train_phone_head.py)"


@dataclass
class PhoneHeadConfig:
    """Shape of a phone head; the section `phone_head` of a model's config.

    Args:
        layers: encoder layers that are read (0 first, -1 last), each by a head of its own; None: the one at two thirds
            of the depth and, if it is as wide, the one before.
        upsampling: phone frames made of each encoder frame. English has up to 20 phones a second and CTC needs a
            frame for each: the 12.5 frames of an encoder with 80 ms steps are too few, twice as many are enough.
        hidden: width of the hidden layer.
        context: encoder frames that a phone frame is read off, an odd number.
        dropout: while training.
        base: written when the head is added, checked when it is loaded: width of those layers, layers of the encoder.
        phones: the inventory it was made for.
    """

    layers: list[int] | None = None
    upsampling: int = 2
    hidden: int = 256
    context: int = 5
    dropout: float = 0.1
    base: dict[str, int] = field(default_factory=dict)
    phones: list[str] = field(default_factory=lambda: list(PHONES))

    @classmethod
    def of(cls, given: Any, widths: list[int], where: str = "phone_head") -> PhoneHeadConfig:
        """Defaults overlaid by what was given (a mapping), for an encoder whose layers have these widths.

        Raises:
            SettingError: an unknown field or an impossible value.
            ModelError: a head of another inventory or another encoder.
        """
        given = {} if given is None else given
        if not isinstance(given, Mapping):
            raise SettingError(f"{where}: a config is a mapping of its fields, got {type(given).__name__}")
        known = [item.name for item in fields(cls)]
        unknown = [name for name in given if name not in known]
        if unknown:
            raise SettingError(f"{where}: unknown field {unknown[0]!r}; its fields are {', '.join(known)}")
        config = cls(**given)
        config.base = {} if config.base is None else config.base
        if not isinstance(config.phones, (list, tuple)) or not all(isinstance(one, str) for one in config.phones):
            raise SettingError(f"{where}.phones: must be a list of phones")
        if not isinstance(config.base, Mapping) or not all(isinstance(one, int) for one in config.base.values()):
            raise SettingError(f"{where}.base: must say 'width' and 'layers' of the encoder, in whole numbers")
        config.phones, config.base = list(config.phones), dict(config.base)
        for name in ("upsampling", "hidden", "context"):
            value = getattr(config, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST:
                raise SettingError(f"{where}.{name}: must be a whole number from 1 to {MOST}, got {value!r}")
        if config.context % 2 == 0:
            raise SettingError(f"{where}.context: must be odd, got {config.context}; frames to both sides count")
        if not isinstance(config.dropout, (int, float)) or not 0 <= config.dropout < 1:
            raise SettingError(f"{where}.dropout: must be from 0 to below 1, got {config.dropout!r}")
        try:
            check_inventory(config.phones, where)
        except PhoneticsError as error:
            raise ModelError(str(error)) from error
        config._settle(widths, where)
        return config

    def _settle(self, widths: list[int], where: str) -> None:
        """The layers counted from 0, and the encoder that the head belongs to."""
        count = len(widths)
        if self.base.get("layers", count) != count:
            made = f"made for an encoder with {self.base['layers']} layers, this one has {count}"
            raise ModelError(f"{where}: {made}; use it with its own base model, or {TRAIN}")
        self.layers = _usual(widths) if self.layers is None else _distinct(self.layers, count, f"{where}.layers")
        found = [widths[layer] for layer in self.layers]
        if len(set(found)) > 1:
            raise SettingError(f"{where}.layers: {self.layers} are {found} wide; choose layers of one width")
        if self.base.get("width", found[0]) != found[0]:
            made = f"made for layers of width {self.base['width']}, those of this encoder have {found[0]}"
            raise ModelError(f"{where}: {made}; use it with its own base model, or {TRAIN}")
        self.base = {"width": found[0], "layers": count}


def _usual(widths: list[int]) -> list[int]:
    """The layer at two thirds of the depth, and the one before if it is as wide."""
    deep = min(2 * len(widths) // 3, len(widths) - 1)
    return [layer for layer in (deep - 1, deep) if layer >= 0 and widths[layer] == widths[deep]]


def _distinct(layers: Any, count: int, where: str) -> list[int]:
    """Layers counted from 0, in order, each once."""
    if not isinstance(layers, (list, tuple)) or any(isinstance(k, bool) or not isinstance(k, int) for k in layers):
        raise SettingError(f"{where}: must be a list of whole numbers such as [5, 6], got {layers!r}")
    for layer in layers:
        if not -count <= layer < count:
            raise SettingError(f"{where}: no layer {layer}; the encoder has {count}, 0 to {count - 1}")
    if not layers:
        raise SettingError(f"{where}: name at least one layer; the encoder has {count}, 0 to {count - 1}")
    return sorted({layer % count for layer in layers})


class PhoneHead(nn.Module):
    """Phone log-probs of some encoder layers, a head for each; of a settled config, see `PhoneHeadConfig.of`."""

    def __init__(self, config: PhoneHeadConfig):
        super().__init__()
        self.config = config
        self.heads = nn.ModuleList(LayerHead(config) for _ in config.layers)

    def forward(self, layers: Sequence[Tensor], lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Natural log-probs [B, U * T, K, 40] (blank last) of K heads, and how many frames of each are valid [B].

        Args:
            layers: outputs of the layers of the config, in its order, each [B, T, C].
            lengths: valid frames of them, int [B].
        """
        heard = [head(layer, lengths) for head, layer in zip(self.heads, layers, strict=True)]
        return torch.stack(heard, dim=2), lengths * self.config.upsampling


class LayerHead(nn.Module):
    """Phone log-probs of one layer: normalise, look at some frames around, and say several frames for each."""

    def __init__(self, config: PhoneHeadConfig):
        super().__init__()
        self.upsampling = config.upsampling
        self.norm = nn.LayerNorm(config.base["width"])
        self.hidden = nn.Conv1d(config.base["width"], config.hidden, config.context, padding=config.context // 2)
        self.dropout = nn.Dropout(config.dropout)
        self.out = nn.Linear(config.hidden, config.upsampling * (BLANK + 1))

    def forward(self, layer: Tensor, lengths: Tensor) -> Tensor:
        """Natural log-probs [B, U * T, 40] of a layer's output [B, T, C] with `lengths` [B] valid frames."""
        valid = torch.arange(layer.shape[1], device=layer.device) < lengths[:, None]
        frames = self.norm(layer) * valid[:, :, None]  # what lies behind the end depends on the batch
        hidden = self.dropout(nn.functional.gelu(self.hidden(frames.transpose(1, 2)).transpose(1, 2)))
        scores = self.out(hidden).reshape(len(layer), layer.shape[1] * self.upsampling, BLANK + 1)
        return scores.float().log_softmax(dim=-1)
