"""The inner layers of an encoder, read through hooks that last no longer than a call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from nemo_ctcbias.errors import ModelError


@contextmanager
def hooked(module: nn.Module, act: Callable):
    """While this lasts, `act(module, inputs, output)` is called after each forward of the module."""
    handle = module.register_forward_hook(act)
    try:
        yield
    finally:
        handle.remove()


def keep_frames(seen: dict[int, Tensor], number: int) -> Callable:
    """A hook that puts a layer's output [B, T, C] into `seen[number]`."""

    def act(module, inputs, output):
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
    seen: dict[int, Tensor] = {}
    modes = [(module, module.training) for module in encoder.modules()]
    weight = next(encoder.parameters())
    silence = torch.zeros(1, features, 128, device=weight.device, dtype=weight.dtype)
    length = torch.tensor([128], device=weight.device)
    encoder.eval()  # BatchNorm must not learn from it
    try:
        with torch.no_grad(), ExitStack() as stack:
            layers = layers_of(encoder)
            for number, layer in enumerate(layers):
                stack.enter_context(hooked(layer, keep_frames(seen, number)))
            output = encoder(audio_signal=silence, length=length)[0]
    finally:
        for module, training in modes:
            module.training = training
    return [seen[number].shape[-1] for number in range(len(layers))], output.shape[1]
