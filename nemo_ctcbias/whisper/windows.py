"""Long recordings for modules that see a few seconds at a time: overlapping windows, each giving its middle."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

AT_ONCE = 32  # windows in one pass: bounds the memory, not the result


def windows(length: int, size: int, margin: int) -> Iterator[tuple[int, int, int]]:
    """(start, first kept, end kept) of each window over `length` frames: all kept together, none twice.

    A window starts at a multiple of `margin`, and what it keeps has at least `margin` frames around it, but at the two
    ends of the recording; `size` is a multiple of `margin` and more than twice as long.

    >>> list(windows(25, size=12, margin=3))
    [(0, 0, 9), (6, 9, 15), (12, 15, 21), (15, 21, 25)]
    """
    start = kept = 0
    while start + size < length:
        yield start, kept, start + size - margin
        kept = start + size - margin
        # The last window is as long as the others: a short rest would be heard without what came before.
        start = min(start + size - 2 * margin, -(-(length - size) // margin) * margin)
    yield start, kept, length


def in_windows(
    module: Callable[[Tensor, Tensor], Tensor], x: Tensor, lengths: Tensor, size: int, margin: int, rate: int = 1
) -> Tensor:
    """`module` over all of `x`, however long.

    Args:
        module: ([B, T, C], lengths [B]) to [B, T / rate (rounded up), C'], each row independent of the others.
        x: [B, T, C], of which the first `lengths` [B] count.
        size, margin: frames of `x` in a window, and around what it keeps; multiples of `rate`.
        rate: frames of `x` to a frame of the output.

    Returns:
        [B, T / rate (rounded up), C'], zero behind the lengths of recordings in windows.
    """
    if x.shape[1] <= size:
        return module(x, lengths)
    cuts = [(row, *cut) for row, length in enumerate(lengths.tolist()) for cut in windows(length, size, margin)]
    parts = []
    for at in range(0, len(cuts), AT_ONCE):
        some = cuts[at : at + AT_ONCE]
        pieces = [x[row, start : start + size] for row, start, _, _ in some]
        inputs = torch.nn.utils.rnn.pad_sequence(pieces, batch_first=True)
        left = torch.tensor([min(size, int(lengths[row]) - start) for row, start, _, _ in some], device=x.device)
        parts += module(inputs, left)
    out = x.new_zeros(len(x), -(-x.shape[1] // rate), parts[0].shape[-1], dtype=parts[0].dtype)
    for (row, start, kept, end), part in zip(cuts, parts, strict=True):
        out[row, kept // rate : -(-end // rate)] = part[(kept - start) // rate : -(-(end - start) // rate)]
    return out
