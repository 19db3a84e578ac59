"""The last frames of a stream as the encoder made them, for what looks at its inner layers: adapters and phone head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nemo_ctcbias.compiled_list import CompiledList
from nemo_ctcbias.nemo.encoder import Encoded, hooked, layers_seen
from nemo_ctcbias.recognizer import Utterance


@dataclass(frozen=True)
class HeardWindow:
    """Some frames of one stream.

    start: frame of the stream with which they begin.
    encoded: what the encoder made of them, of one utterance.
    """

    start: int
    encoded: Encoded

    @classmethod
    def of(cls, chunk: Encoded, row: int, start: int) -> HeardWindow:
        """A stream's row of a batch, `start` the frame of the stream that it begins with."""
        return cls(start, chunk.take([row]))

    @property
    def end(self) -> int:
        """The frame behind the last one."""
        return self.start + self.encoded.output.shape[2]

    def followed_by(self, later: HeardWindow) -> HeardWindow:
        """This one up to where the other begins, and that."""
        before, after = self.between(self.start, later.start).encoded, later.encoded
        layers = {number: torch.cat([layer, after.layers[number]], dim=1) for number, layer in before.layers.items()}
        output = torch.cat([before.output, after.output], dim=2)
        log_probs = torch.cat([before.log_probs, after.log_probs], dim=1)
        return HeardWindow(self.start, Encoded(output, before.lengths + after.lengths, layers, log_probs))

    def between(self, first: int, last: int) -> HeardWindow:
        """Frames [first, last) of the stream, as far as they are there."""
        frames, encoded = self.encoded.output.shape[2], self.encoded
        first, last = (min(max(at - self.start, 0), frames) for at in (first, last))
        layers = {number: _part(layer, first, last, frames) for number, layer in encoded.layers.items()}
        output, log_probs = encoded.output[:, :, first:last], encoded.log_probs[:, first:last]
        return HeardWindow(
            self.start + first, Encoded(output, torch.full_like(encoded.lengths, last - first), layers, log_probs)
        )

    def with_log_probs(self, log_probs: np.ndarray) -> HeardWindow:
        """With these [T, V + 1] for its own, and nothing in layers where the encoder gave no numbers."""
        encoded = self.encoded
        layers = {number: torch.nan_to_num(layer) for number, layer in encoded.layers.items()}
        given = torch.nan_to_num(torch.from_numpy(log_probs)[None].to(encoded.log_probs))
        changed = replace(encoded, output=torch.nan_to_num(encoded.output), layers=layers, log_probs=given)
        return replace(self, encoded=changed)

    @torch.inference_mode()
    def heard(self, model: Any, first: int, last: int) -> Utterance:
        """Frames [first, last) as the recognizer takes them, with phones where the model hears any."""
        (utterance,) = model.utterances(self.encoded, model.hears())
        log_probs, phones = utterance.log_probs, utterance.phones
        first, last = first - self.start, last - self.start
        if phones is not None:
            each = len(phones) / max(len(log_probs), 1)
            phones = phones[round(first * each) : round(last * each)]
        return Utterance(log_probs[first:last], phones)

    @torch.inference_mode()
    def adapted(
        self, model: Any, start: int, end: int, listed: CompiledList, heard: np.ndarray | None, strength: float
    ) -> np.ndarray | None:
        """Log-probs [end - start, V + 1] of these frames of the stream with the adapters; None where none acts."""
        if not model.adapters_act():
            return None
        (changed,) = model.adapting(self.encoded)([listed], [heard], strength)
        changed = changed[start - self.start : end - self.start]
        return np.concatenate([changed, changed[-1:].repeat(end - start - len(changed), axis=0)])


def _part(layer: Tensor, first: int, last: int, frames: int) -> Tensor:
    """What a layer [B, T_i, C] has for frames [first, last) of the output's T."""
    each = layer.shape[1] / max(frames, 1)
    return layer[:, round(first * each) : round(last * each)]


@contextmanager
def chunks_heard(
    encoder: nn.Module, head: nn.Module, numbers: Iterable[int], dropped: int = 0
) -> Iterator[list[Encoded]]:
    """While this lasts: what passes through a model, the streams of a batch at a time.

    There is nothing in it where the encoder's layers are not run as modules (a CUDA graph).

    Args:
        numbers: of the layers that are kept.
        dropped: frames of the encoder's output that are dropped at the beginning before the head gets it.
    """
    chunks: list[Encoded] = []
    numbers = tuple(numbers)
    weight = next(head.parameters())
    with layers_seen(encoder, numbers) as (layers, outputs):

        def keep(_, inputs, named, log_probs):
            if not outputs or layers.keys() != set(numbers):
                return
            output, whole = named["encoder_output"], outputs[-1][0].shape[2]
            frames = output.shape[2]
            kept = {n: _at_rate(layer, whole, dropped, dropped + frames).to(weight) for n, layer in layers.items()}
            lengths = torch.full((len(output),), frames, device=output.device)
            chunks.append(Encoded(output.to(weight), lengths, kept, log_probs.float()))
            layers.clear()
            outputs.clear()

        with hooked(head, keep):
            yield chunks


def _at_rate(layer: Tensor, frames: int, first: int, last: int) -> Tensor:
    """Of a layer [B, T_i, C], what belongs to frames [first, last) of an encoder's T, the same number for each."""
    each = max(1, round(layer.shape[1] / frames))
    at = torch.arange(first * each, last * each, device=layer.device).clamp(max=layer.shape[1] - 1)
    return layer[:, at]
