"""Batches: each recording its own transcript, one's failure is nobody else's, and nobody waits for an hour."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript
from nemo_ctcbias.serve.batching import Batcher


def recording(name, pieces=1):
    return Recording(name, bias_list=BiasList([name]), pieces=[(at, np.full(1, at)) for at in range(pieces)])


def said(one):
    """A transcript that tells name, list and piece."""
    (start, _), name = one.pieces[0], one.bias_list[0].text
    assert name == one.path
    return Transcript(one, f"{name}{start}")


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(1, 4))
def test_each_gets_its_own(pieces, size):
    sizes = []
    batcher = Batcher(lambda batch: [said(one) for one in batch], size, 0.001, sizes.append)
    futures = [batcher.submit(recording(f"r{i}-", count)) for i, count in enumerate(pieces)]
    batcher.close()  # what was taken is finished
    for i, (count, future) in enumerate(zip(pieces, futures, strict=True)):
        assert future.result(5).text == " ".join(f"r{i}-{at}" for at in range(count))
    assert sum(sizes) == sum(pieces) and max(sizes) <= size
    with pytest.raises(RuntimeError):
        batcher.submit(recording("late"))


def test_a_failure_is_nobody_elses():
    def transcribe(batch):
        if any(one.path == "bad" for one in batch):
            raise ValueError("bad")
        return [said(one) for one in batch]

    batcher = Batcher(transcribe, 8, 0.05, lambda size: None)
    good, bad = batcher.submit(recording("good")), batcher.submit(recording("bad", 9))
    assert good.result(5).text == "good0"
    with pytest.raises(ValueError, match="bad"):
        bad.result(5)
    assert batcher.submit(recording("again")).result(5).text == "again0"
    batcher.close()


def test_a_short_one_does_not_wait_for_a_long_one():
    order, go = [], threading.Event()

    def transcribe(batch):
        go.wait(5)
        order.extend(one.path for one in batch)
        return [said(one) for one in batch]

    batcher = Batcher(transcribe, 2, 0.0, lambda size: None)
    long, short = batcher.submit(recording("long", 20)), batcher.submit(recording("short"))
    gone = batcher.submit(recording("gone"))
    assert gone.cancel()
    go.set()
    assert short.result(5) and long.result(5)
    batcher.close()
    assert order.index("short") <= 4 and "gone" not in order and order.count("long") == 20
