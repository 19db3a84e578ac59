"""What a server does, apart from how it is asked: check lists, transcribe, count."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from starlette.concurrency import run_in_threadpool

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript, transcribe_all
from nemo_ctcbias.serve.attention_map import attention_map
from nemo_ctcbias.serve.batching import Batcher
from nemo_ctcbias.serve.list_use import ListUse, use_of
from nemo_ctcbias.serve.metrics import Metrics
from nemo_ctcbias.serve.named_lists import NamedLists
from nemo_ctcbias.serve.options import ServeOptions
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.serve.uploads import Uploads


class Service:
    """A model, its batches, the lists that are kept, and what is counted.

    Args:
        name: that answers call it by.

    Attributes:
        draining: whether it is about to end, and takes nothing new.
    """

    def __init__(self, model: Any, name: str, lists: str | Path, options: ServeOptions):
        self.name, self.options, self.metrics = name, options, Metrics()
        self.lists = NamedLists(lists)
        model.set_biasing(workers=1)  # a process with threads and connections is not to be forked, once a batch
        model.lists.most_bytes = round(options.list_megabytes * 2**20)
        self._model = model
        self._uploads = Uploads(options.seconds)
        self._batcher = Batcher(
            self._transcribe_batch, options.batch_size, options.wait / 1000, self.metrics.batch.observe
        )
        self.draining = False

    @property
    def sample_rate(self) -> int:
        """Of the model, Hz."""
        return self._model.cfg.sample_rate

    def warm_up(self) -> None:
        """Hear something once, so that nobody waits for what is loaded and compiled the first time."""
        noise = np.random.default_rng(0).normal(0, 0.05, self.sample_rate).astype(np.float32)
        for listed in (BiasList(), BiasList(["warm up"])):
            use_of(self._model, listed)
            self._batcher.submit(Recording("noise", bias_list=listed, pieces=[(0, noise)])).result()
            stream = self.stream(listed)
            stream.feed(noise)
            stream.finish()

    def close(self) -> None:
        """Finish what was taken; nothing is left behind."""
        self._batcher.close()
        self._uploads.close()

    async def decoded(self, sent: BinaryIO, name: str) -> Recording:
        """A recording that was sent.

        Raises:
            AudioError: it is none, or too long.
        """
        return await run_in_threadpool(self._uploads.recording, sent, name, self.sample_rate)

    async def checked(self, bias_list: BiasList | None) -> ListUse:
        """What the model makes of a list; None stands for its own.

        Raises:
            Problem: it is too long.
        """
        bias_list = self.listed(bias_list)
        if len(bias_list) > self.options.phrases:
            told = f"{len(bias_list)} phrases are more than this server's {self.options.phrases}; shorten the list"
            raise Problem(400, told, "hotwords")
        return await run_in_threadpool(use_of, self._model, bias_list)

    def listed(self, bias_list: BiasList | None) -> BiasList:
        """The list that acts: the model's own in place of None."""
        return self._model.bias_list if bias_list is None else bias_list

    def stream(self, bias_list: BiasList) -> Any:
        """A stream of live speech with a list; see `model.stream`."""
        return self._model.stream(bias_list)

    async def transcribed(self, recording: Recording, bias_list: BiasList | None) -> Transcript:
        """A recording's transcript with a list; None stands for the model's own."""
        recording.bias_list = bias_list
        return await asyncio.wrap_future(self._batcher.submit(recording))

    async def attended(self, recording: Recording, bias_list: BiasList | None) -> dict[str, Any]:
        """Where the adapter looked; see `attention_map`."""
        return await run_in_threadpool(attention_map, self._model, recording, self.listed(bias_list))

    def _transcribe_batch(self, recordings: list[Recording]) -> list[Transcript]:
        return transcribe_all(self._model, recordings, len(recordings), timed=True)
