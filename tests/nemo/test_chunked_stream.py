"""Adapters and phone head on what the encoder gives chunk by chunk: the same as on all of it at once."""

import copy
from itertools import pairwise

import numpy as np
import pytest
import torch

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.nemo.chunked_stream import ChunkedStream
from nemo_ctcbias.nemo.heard_window import HeardWindow, chunks_heard
from nemo_ctcbias.nemo.silence import NOTHING
from nemo_ctcbias.phones.phones import BLANK


@pytest.fixture(scope="module")
def model(with_all_parts):
    return with_all_parts()


@pytest.fixture(scope="module")
def encoded(model, audio):
    """Some seconds of speech, as the encoder gives them to a loop of NeMo's."""
    samples = torch.cat([audio[1], audio[3]])[None]
    with torch.inference_mode(), model.hearing() as chunks:
        model(input_signal=samples, input_signal_length=torch.tensor([samples.shape[1]]))
    return chunks[0]


class Spied(ChunkedStream):
    """A stream that keeps the phones and adapted frames that its search was given."""

    def begin(self):
        super().begin()
        self.phones, self.changed, advance, stream = [], {}, self._stream.advance, self._stream

        def spied(utterance, whole=False):
            if len(utterance.log_probs):
                self.phones.append(utterance.phones)
            return advance(utterance, whole)

        stream.advance = spied

    def _adapt(self, start, end, *listened):
        found = super()._adapt(start, end, *listened)
        self.changed.update(zip(range(start, end), () if found is None else found, strict=found is not None))
        return found


def heard_in_pieces(model, encoded, cuts, following=0):
    """A stream that was given the encoder's frames in pieces, each with some that follow."""
    stream = Spied(model, model.compiled(BiasList(["saoirse", "new york"])))
    frames = encoded.log_probs.shape[1]
    updates, edges = [], [0, *cuts, frames]
    for first, last in pairwise(edges):
        heard = HeardWindow.of(encoded, 0, 0).between(first, last + following)
        updates.append(stream.take(encoded.log_probs[0, first:last], first, heard))
    return stream, [*updates, stream.finish()]


@pytest.mark.parametrize("following", [0, 3, 20])
def test_phones_are_those_of_one_piece(model, encoded, following):
    """However it is cut, and whether some of what follows is known or not."""
    with torch.inference_mode():
        (whole,) = model.utterances(encoded, True)
    rng = np.random.default_rng(following)
    for _ in range(3):
        cuts = np.sort(rng.choice(np.arange(1, encoded.log_probs.shape[1]), 9, replace=False))
        stream, updates = heard_in_pieces(model, encoded, cuts, following)
        np.testing.assert_allclose(np.concatenate(stream.phones), whole.phones, atol=1e-4)
        assert stream.searched == len(whole.log_probs) and any(one.hits for one in updates)
        assert all("adapter" in hit.parts for one in updates for hit in one.hits)


def test_a_frame_waits_for_what_is_looked_at_behind_it_and_no_longer(model, encoded):
    """Adapted frames do not hang on the cuts, but for what lies further ahead than a stream waits."""
    assert model.looks_ahead() == 10, "evidence_context"
    stream, _ = heard_in_pieces(model, encoded, [20])
    assert set(stream.changed) == set(range(encoded.log_probs.shape[1]))
    waits = Spied(model, model.compiled(BiasList(["saoirse"])))
    waits.take(encoded.log_probs[0, :20], 0, HeardWindow.of(encoded, 0, 0).between(0, 20))
    assert waits.searched == 20 - 8, "0.64 s"
    model.context.adapter_layer["names"].evidence_context = 2
    try:
        pieces, _ = heard_in_pieces(model, encoded, range(7, encoded.log_probs.shape[1], 7))
        whole, _ = heard_in_pieces(model, encoded, [])
    finally:
        model.context.adapter_layer["names"].evidence_context = 10
    for frame, row in whole.changed.items():
        if frame > 20:  # until then the window begins where the stream does, in both
            np.testing.assert_allclose(pieces.changed[frame], row, atol=1e-3)


def test_without_the_encoder_the_spelling_is_listened_to(model, encoded):
    stream = Spied(model, model.compiled(BiasList(["saoirse", "new york"])))
    updates = [stream.take(encoded.log_probs[0], 0), stream.finish()]
    assert any(one.hits for one in updates) and not any("adapter" in hit.parts for one in updates for hit in one.hits)
    assert stream.phones[0] is None


def test_frames_that_are_not_numbers_are_silence_to_all_that_listens(model, encoded):
    stream = Spied(model, model.compiled(BiasList(["saoirse", "new york"])))
    one = copy.deepcopy(HeardWindow.of(encoded, 0, 0))
    log_probs = encoded.log_probs[0].clone()
    with torch.inference_mode():
        for values in (log_probs.T, one.encoded.output[0], *(layer[0].T for layer in one.encoded.layers.values())):
            values[:, 20:30] = torch.nan
    stream.take(log_probs[:25], 0, one.between(0, 25))
    stream.take(log_probs, 0, one)
    stream.finish()
    phones = np.concatenate(stream.phones)
    assert np.isfinite(phones).all() and all(np.isfinite(row).all() for row in stream.changed.values())
    assert (phones[40:60, :, BLANK] == 0).all() and (phones[40:60, :, :BLANK] == NOTHING).all()


def test_nothing_is_kept_where_layers_do_not_run_as_modules(model, audio):
    """As in a CUDA graph, which calls no hooks."""
    weight = torch.nn.Linear(2, 2)
    head = torch.nn.Module()
    head.forward = lambda encoder_output: encoder_output
    head.weight = weight.weight
    with chunks_heard(model.encoder, head, model.layers_read()) as chunks:
        head(encoder_output=torch.zeros(1, 2, 3))
    assert chunks == []
