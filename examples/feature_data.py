"""Stored features (extract_features.py) as batches that NeMo's CTC models train on.

A batch is a `DALIOutputs` of NeMo's with `processed_signal`, which `EncDecCTCModel.training_step` accepts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.data.audio_to_text_dali import DALIOutputs
from torch.utils.data import DataLoader, Dataset, Sampler


class FeatureDataset(Dataset):
    """Utterances of several feature folders: item = (features [T, D] float16, token ids)."""

    def __init__(self, folders: list[str], tokenize: Callable[[str], list[int]]):
        self.stores, self.items, self.folder_of, self.texts = [], [], [], []
        for number, folder in enumerate(map(Path, folders)):
            header = json.loads((folder / "index.json").read_text(encoding="utf-8"))
            self.frames_per_second = header["frames_per_second"]
            self.blocks = header.get("blocks", 0)  # of the trunk that these features have been through
            store = np.memmap(folder / "features.f16", dtype=np.float16, mode="r").reshape(-1, header["mels"])
            self.stores.append(store)
            for start, frames, text, *_ in header["utterances"]:
                self.items.append((start, frames, tokenize(text)))
                self.folder_of.append(number)
                self.texts.append(text)
        self.seconds = np.array([frames / self.frames_per_second for _, frames, _ in self.items])
        self.folder_of = np.array(self.folder_of)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> tuple[np.ndarray, list[int]]:
        start, frames, tokens = self.items[index]
        return self.stores[self.folder_of[index]][start : start + frames], tokens


class FeatureBatch(DALIOutputs):
    """NeMo's batch of ready features, made iterable and movable, as Lightning's own code wants it."""

    def __iter__(self) -> Iterator[torch.Tensor]:
        return iter(self._outs)

    def to(self, *args, **kwargs) -> FeatureBatch:
        self._outs = tuple(tensor.to(*args, **kwargs) for tensor in self._outs)
        return self


def collate(items: list[tuple[np.ndarray, list[int]]], pad_frames: int = 64) -> FeatureBatch:
    """Pad to a multiple of `pad_frames`: few distinct shapes keep the CPU's compiled kernels cached."""
    frames = torch.tensor([len(features) for features, _ in items])
    length = -(-int(frames.max()) // pad_frames) * pad_frames
    signal = torch.zeros(len(items), items[0][0].shape[1], length)
    tokens = torch.zeros(len(items), max(1, max(len(t) for _, t in items)), dtype=torch.long)
    for row, (features, ids) in enumerate(items):
        signal[row, :, : len(features)] = torch.from_numpy(features.astype(np.float32).T)
        tokens[row, : len(ids)] = torch.tensor(ids)
    counts = torch.tensor([len(ids) for _, ids in items])
    return FeatureBatch(
        {"processed_signal": signal, "processed_signal_len": frames, "transcript": tokens, "transcript_len": counts}
    )


class BucketSampler(Sampler[list[int]]):
    """Batches of utterances of like length, at most `batch_seconds` padded; one share for each process.

    `weights` says how often each folder is read in an epoch (0.5: a random half of it).  `limit()` gives the
    longest utterance allowed now, so that a curriculum can start with short ones.
    """

    def __init__(
        self,
        data: FeatureDataset,
        batch_seconds: float,
        limit: Callable[[], float],
        weights: list[float] | None = None,
        rank: int = 0,
        world_size: int = 1,
        seed: int = 1,
    ):
        self.data, self.batch_seconds, self.limit = data, batch_seconds, limit
        self.weights = weights or [1.0] * len(data.stores)
        self.rank, self.world_size, self.seed, self.epoch = rank, world_size, seed, 0

    def _draw(self, rng: random.Random) -> list[int]:
        chosen = []
        for folder, weight in enumerate(self.weights):
            mine = np.flatnonzero((self.data.folder_of == folder) & (self.data.seconds <= self.limit())).tolist()
            whole, rest = int(weight), weight - int(weight)
            chosen += mine * whole + rng.sample(mine, round(rest * len(mine)))
        return chosen

    def _batches(self) -> list[list[int]]:
        rng = random.Random(f"{self.seed} {self.epoch}")
        # Jittered lengths: batches differ from epoch to epoch, yet hold utterances of like length.
        order = sorted(self._draw(rng), key=lambda i: self.data.seconds[i] * rng.uniform(0.95, 1.05))
        batches, batch, longest = [], [], 0.0
        for index in order:
            longest = max(longest, self.data.seconds[index])
            if batch and longest * (len(batch) + 1) > self.batch_seconds:
                batches.append(batch)
                batch, longest = [], self.data.seconds[index]
            batch.append(index)
        batches.append(batch)
        rng.shuffle(batches)
        usable = len(batches) - len(batches) % self.world_size
        return batches[self.rank : usable : self.world_size]

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        self.epoch += 1
        return iter(batches)

    def __len__(self) -> int:
        return len(self._batches())


def feature_loader(data: FeatureDataset, sampler: BucketSampler) -> DataLoader:
    """A loader for Lightning; features come from the page cache, so no worker processes are needed."""
    return DataLoader(data, batch_sampler=sampler, collate_fn=collate, num_workers=0)
