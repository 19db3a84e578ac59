"""What an encoder makes of a batch, its inner layers included, read through hooks that last no longer than a call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nemo_ctcbias.errors import ModelError

SILENCE = 128  # feature frames, about a second


@dataclass
class Encoded:
    """What an encoder made of a batch.

    Attributes:
        output: [B, C, T] as the head of the CTC branch gets it.
        lengths: int [B], valid frames.
        layers: [B, T_i, C_i] of the layers that somebody looks at, by number.
        log_probs: [B, T, V + 1] that the head makes of it.
    """

    output: Tensor
    lengths: Tensor
    layers: dict[int, Tensor]
    log_probs: Tensor

    def take(self, places: Sequence[int]) -> Encoded:
        """Some of its utterances."""
        if len(places) == len(self.output):
            return self
        rows, layers = list(places), {number: layer[list(places)] for number, layer in self.layers.items()}
        return Encoded(self.output[rows], self.lengths[rows], layers, self.log_probs[rows])

    def heard_nearby(self, frames: int) -> Tensor:
        """Bool [B, T]: whether within so many frames there is one whose likeliest label is a token."""
        blank = self.log_probs.shape[-1] - 1
        inside = torch.arange(self.log_probs.shape[1], device=self.lengths.device) < self.lengths[:, None]
        heard = ((self.log_probs.argmax(dim=-1) != blank) & inside.to(self.log_probs.device)).float()
        return nn.functional.max_pool1d(heard[:, None], 2 * frames + 1, stride=1, padding=frames)[:, 0] > 0


def encode(encoder: nn.Module, head: nn.Module, numbers: Iterable[int], run: Callable[[], Any]) -> Encoded:
    """What passes through a model while it runs.

    Args:
        head: makes log-probs of what the encoder, or something behind it, puts out.
        numbers: of the layers to be kept.
    """
    ends: list[tuple[Tensor, Tensor]] = []
    with layers_seen(encoder, numbers) as (layers, outputs):
        with hooked(head, lambda _, inputs, named, output: ends.append((named["encoder_output"], output))):
            run()
    output, log_probs = ends[0]
    return Encoded(output, outputs[0][1], layers, log_probs)


@contextmanager
def layers_seen(encoder: nn.Module, numbers: Iterable[int]):
    """While this lasts: [B, T, C] of these layers by number, and a list of what the encoder puts out."""
    layers: dict[int, Tensor] = {}
    outputs: list[tuple] = []
    with ExitStack() as stack:
        for number in numbers:
            stack.enter_context(hooked(layers_of(encoder)[number], keep_frames(layers, number)))
        stack.enter_context(hooked(encoder, lambda _, inputs, named, output: outputs.append(output)))
        yield layers, outputs


def rows_of(values: Tensor, lengths: Tensor) -> list[np.ndarray]:
    """Each utterance's valid frames, as float arrays."""
    values = values.detach().float().cpu()
    return [np.ascontiguousarray(row[:length].numpy()) for row, length in zip(values, lengths.tolist(), strict=True)]


@contextmanager
def hooked(module: nn.Module, act: Callable):
    """While this lasts, `act(module, inputs, named inputs, output)` is called after each forward of the module."""
    handle = module.register_forward_hook(act, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


def keep_frames(seen: dict[int, Tensor], number: int) -> Callable:
    """A hook that puts a layer's output [B, T, C] into `seen[number]`."""

    def act(module, inputs, named, output):
        seen[number] = _as_frames(output)

    return act


def _as_frames(output: Any) -> Tensor:
    """[B, T, C] of what a layer puts out: a Conformer layer that tensor (or first), a Jasper block [B, C, T]."""
    if isinstance(output, (tuple, list)) and isinstance(output[0], (tuple, list)):
        return output[0][-1].transpose(1, 2)
    return output[0] if isinstance(output, (tuple, list)) else output


def layers_of(encoder: nn.Module) -> Sequence[nn.Module]:
    """The layers that can be looked at.

    Raises:
        ModelError: for an encoder whose layers are not known.
    """
    for name in ("layers", "encoder"):  # Conformer and FastConformer; convolutional encoders (Jasper, Citrinet)
        found = getattr(encoder, name, None)
        if isinstance(found, (nn.ModuleList, nn.Sequential)):
            return found
    raise ModelError(
        f"{type(encoder).__name__}: its layers are not known; contextual adapters need a Conformer or ConvASR"
    )


def widths_of(encoder: nn.Module, features: int) -> tuple[list[int], int]:
    """Widths of all layers and of the output, found by running a second of silence."""
    numbers = range(len(layers_of(encoder)))
    layers, (output, _) = _hearing_silence(encoder, features, numbers)
    return [layers[number].shape[-1] for number in numbers], output.shape[1]


def subsampling_of(encoder: nn.Module, features: int) -> float:
    """Feature frames to an output frame; of an encoder that does not say, found by running a second of silence."""
    if hasattr(encoder, "subsampling_factor"):
        return encoder.subsampling_factor
    _, (output, _) = _hearing_silence(encoder, features)
    return round(SILENCE / output.shape[2])


def _hearing_silence(encoder: nn.Module, features: int, numbers: Iterable[int] = ()) -> tuple[dict[int, Tensor], tuple]:
    modes = [(module, module.training) for module in encoder.modules()]
    weight = next(encoder.parameters())
    silence = torch.zeros(1, features, SILENCE, device=weight.device, dtype=weight.dtype)
    length = torch.tensor([SILENCE], device=weight.device)
    encoder.eval()  # BatchNorm must not learn from it
    try:
        with torch.no_grad(), layers_seen(encoder, numbers) as (layers, outputs):
            encoder(audio_signal=silence, length=length)
    finally:
        for module, training in modes:
            module.training = training
    return layers, outputs[0]
