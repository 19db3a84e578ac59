"""Utterances recognised in other processes: the same results, whatever their number; errors come through."""

import json
import multiprocessing
import os
import signal
import threading
import time

import pytest
from nemo.collections.asr.parts.mixins.transcription import TranscribeConfig

from nemo_ctcbias import recognizer, side_by_side
from nemo_ctcbias.errors import BiasListError, WorkerError

pytestmark = pytest.mark.skipif(not side_by_side.can_fork(), reason="processes are forked on Linux only")

LISTS = [["saoirse"], ["new york"], [], ["fox", "okonkwo"]]


@pytest.fixture(scope="module")
def model(with_all_parts):
    return with_all_parts()


@pytest.fixture(scope="module")
def rows(noise_wavs, tmp_path_factory):
    """A manifest of twelve recordings, four lists in turn."""
    path = tmp_path_factory.mktemp("rows") / "rows.json"
    lines = [
        {"audio_filepath": str(noise_wavs[k % len(noise_wavs)]), "duration": 1.0, "text": "", "bias_list": LISTS[k % 4]}
        for k in range(12)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def transcribed(model, rows, workers, **options):
    model.set_biasing(workers=workers)
    found = model.transcribe(str(rows), verbose=False, batch_size=5, return_hypotheses=True, **options)
    return [[told(one) for one in group] if isinstance(group, list) else told(group) for group in found]


def told(one):
    hits = [hit.as_dict() for hit in getattr(one, "hits", [])]
    return (
        one.text,
        float(one.score),
        hits,
        one.timestamp,
        one.y_sequence.tolist() if one.y_sequence.dim() < 2 else None,
    )


@pytest.mark.parametrize("adapter", [True, False])
@pytest.mark.parametrize("timestamps", [None, True])
def test_results_do_not_hang_on_the_number_of_processes(model, rows, adapter, timestamps):
    model.set_biasing(adapter=adapter, precision=0.0)  # whatever an untrained model writes
    alone = transcribed(model, rows, 1, timestamps=timestamps)
    assert any(hits for _, _, hits, _, _ in alone)
    for workers in (2, 3):
        assert transcribed(model, rows, workers, timestamps=timestamps) == alone
    assert not multiprocessing.active_children() or _gone()


def _gone(seconds=10.0):
    """Whether all processes end by themselves, before long."""
    end = time.monotonic() + seconds
    while multiprocessing.active_children() and time.monotonic() < end:
        time.sleep(0.05)
    return not multiprocessing.active_children()


def test_a_batch_is_recognised_while_the_next_one_is_encoded(model, rows, monkeypatch):
    """Hypotheses of a batch are asked for only when the next batch has been encoded, and come in order."""
    model.set_biasing(workers=2)
    order, encode = [], type(model)._transcribe_forward
    monkeypatch.setattr(type(model), "_transcribe_forward", lambda *args: order.append("encoded") or encode(*args))
    config = TranscribeConfig(batch_size=4, num_workers=0, verbose=False, return_hypotheses=True)
    texts = []
    for batch in model.transcribe_generator(str(rows), config):
        order.append("taken")
        texts += [one.text for one in batch]
    assert order == ["encoded", "encoded", "taken", "encoded", "taken", "taken"]
    assert texts == [text for text, *_ in transcribed(model, rows, 1)]


def test_errors_come_through_and_leave_the_model_as_it_was(model, rows, monkeypatch):
    before, attributes = transcribed(model, rows, 2), set(vars(model))

    def fail(self, utterance, *args):
        if os.getpid() != here:
            raise BiasListError("in another process")
        return listened(self, utterance, *args)

    def end(self, utterance, *args):
        if os.getpid() != here:
            os.kill(os.getpid(), signal.SIGKILL)
        return listened(self, utterance, *args)

    here, listened = os.getpid(), recognizer.Recognizer.listened
    for act, error, message in (
        (fail, BiasListError, "in another process"),
        (end, WorkerError, r"biasing\.workers: .* set fewer of them"),
    ):
        with monkeypatch.context() as broken:
            broken.setattr(recognizer.Recognizer, "listened", act)
            with pytest.raises(error, match=message):
                transcribed(model, rows, 2)
        assert set(vars(model)) == attributes and _gone()
        assert transcribed(model, rows, 2) == before


def test_a_generator_that_is_left_ends_its_processes(model, rows):
    model.set_biasing(workers=2)
    config = TranscribeConfig(batch_size=4, num_workers=0, verbose=False, return_hypotheses=True)
    batches = model.transcribe_generator(str(rows), config)
    next(batches)
    assert multiprocessing.active_children()
    batches.close()
    # A thread that is still closing its pool when Python ends makes that complain.
    assert not [one for one in threading.enumerate() if type(one).__module__ == "concurrent.futures.process"]
    assert _gone()


def test_one_recording_is_recognised_here(model, noise_wavs, monkeypatch):
    model.set_biasing(workers=4)
    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", None)
    assert model.transcribe([str(noise_wavs[0])], bias_list=["fox"], verbose=False)
