"""Streams recognised with lists: the same however they come, what is heard late is listened for all the same."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recognizer import (  # noqa: F401
    CASED,
    LEXICON,
    SIPROT,
    VOCABULARY,
    by_sound,
    head_alone,
    listed,
    said,
    spelled,
    spread,
)

from nemo_ctcbias.bias_list import BiasList, Vocabulary
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.errors import AudioError, ModelError, SettingError
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.recognizer import Recognizer, Utterance
from nemo_ctcbias.settings import Settings
from nemo_ctcbias.streamed_audio import StreamedSamples, blocks_from
from nemo_ctcbias.streaming import RecognizedStream, Rhythm

RHYTHM = Rhythm(step=4, lag=16, pause=16, longest=200, window=60)
SHIP_ROW = said([("S", 0), ("IH", 2), ("P", 4), ("R", 6), ("AA", 8), ("T", 10)], 16)


def recognizer(parts, common=None, **section):
    phonetics = {"parts": parts.split(), **section.pop("phonetics", {})}
    return Recognizer(Settings.of({**section, "phonetics": phonetics}), VOCABULARY, common=common)


def silence(frames):
    log_probs = spelled("a" * frames)[: 2 * frames : 2].copy()
    log_probs[:] = np.log(1e-6)
    log_probs[:, -1] = np.log(1 - 27e-6)
    return log_probs


def heard(log_probs, phones):
    """Each frame of speech with its phones, and silence behind."""
    quiet = 2 * len(log_probs) - len(phones)
    return Utterance(log_probs, np.concatenate([phones, said([], quiet // 2)]))


def fed(stream, utterance, cuts=()):
    """All updates of a stream that comes in pieces."""
    edges = [0, *sorted({min(cut, len(utterance.log_probs)) for cut in cuts}), len(utterance.log_probs)]
    updates = []
    for first, last in pairwise(edges):
        phones = None if utterance.phones is None else utterance.phones[2 * first : 2 * last]
        updates.append(stream.advance(Utterance(utterance.log_probs[first:last], phones)))
    return [*updates, stream.finish()]


def text_of(updates):
    return " ".join(one.text for one in updates if one.text)


SHIP = heard(np.concatenate([spelled("ship rot", 0.6, "sxyprot "), silence(40)]), SHIP_ROW)


@pytest.mark.parametrize("parts", ["detection", "detection verification", "detection verification correction", ""])
@given(cuts=st.lists(st.integers(0, 56), max_size=8))
@settings(max_examples=10)
def test_however_it_comes_the_same_is_told(parts, cuts):
    """Also when the encoder gives a frame at a time; phrases, words and their frames."""
    ready = recognizer(parts)
    streams = [RecognizedStream(ready, listed(SIPROT, "cat"), RHYTHM) for _ in range(2)]
    pieces, whole = (fed(stream, SHIP, given) for stream, given in zip(streams, (cuts, ()), strict=True))
    told = [([word for one in updates for word in one.words], [hit for one in updates for hit in one.hits])
            for updates in (pieces, whole)]  # fmt: skip
    assert told[0] == told[1]
    assert text_of(whole)


def test_adapters_give_capitals_to_listed_words_only_in_streams_too():
    vocabulary = Vocabulary(CASED[:-1])
    ready = Recognizer(Settings.of({"phonetics": {"parts": []}}), vocabulary)
    compiled = CompiledList(BiasList(["Cat"]), Sources(vocabulary))
    log_probs, adapted = (spelled(text, labels=CASED) for text in ("lap of kat", "Lap oC Cat"))
    stream = RecognizedStream(ready, compiled, RHYTHM, adapt=lambda start, end, *_: adapted[start:end])
    assert text_of(fed(stream, Utterance(log_probs))) == "lap oC Cat"


def test_a_phrase_that_is_heard_at_its_end_is_listened_for_from_its_beginning(head_alone):  # noqa: F811
    """What the model writes of it is too faint for anybody who does not listen for it from its first letter on."""
    log_probs = np.concatenate([silence(3), spelled("siprot", 0.4, "xyzuvw"), silence(40)])
    phones = said([("S", 3), ("IH", 5), ("P", 7), ("R", 9), ("AA", 11), ("T", 13)], 20)
    updates = fed(RecognizedStream(recognizer("detection"), listed(SIPROT), RHYTHM), heard(log_probs, phones))
    assert text_of(updates) == "SIPROT"
    (hit,) = (hit for one in updates for hit in one.hits)
    assert (hit.phrase, hit.start, hit.end) == ("SIPROT", 3, 14)
    unheard = fed(RecognizedStream(recognizer("detection"), listed(SIPROT), RHYTHM), heard(log_probs, said([], 20)))
    assert text_of(unheard) == "xyzuvw" and not any(one.hits for one in unheard)


def test_what_does_not_sound_right_is_given_up_before_it_stands():
    log_probs = np.concatenate([spelled("siprot", 0.5, "xyprot"), silence(40)])
    wrong = said([("K", 0), ("AO", 2), ("M", 4), ("G", 6), ("UW", 8), ("N", 10)], 16)
    for parts, text in (("", "SIPROT"), ("verification", "xyprot")):
        updates = fed(RecognizedStream(recognizer(parts), listed(SIPROT), RHYTHM), heard(log_probs, wrong))
        assert text_of(updates) == text


def test_misheard_words_are_corrected_before_they_stand():
    phones = said([*spread("K AE T", 0, 6), *spread("S IH P R AA T", 8, 23)], 24)
    one = heard(np.concatenate([spelled("cat ship row"), silence(40)]), phones)
    ready = recognizer("correction", common=CommonWords(lexicon=()))
    compiled = listed({"text": "cat", "display": "Cat"}, SIPROT)
    for cuts in ((), range(3, 60, 3)):
        updates = fed(RecognizedStream(ready, compiled, RHYTHM), one, cuts)
        hits = [hit for update in updates for hit in update.hits]
        assert text_of(updates) == "Cat SIPROT" and [hit.phrase for hit in hits] == ["Cat", "SIPROT"]
        assert [(hit.first_word, hit.last_word) for hit in hits] == [(0, 1), (1, 3)]


def test_without_a_list_it_is_greedy_and_a_list_may_come_and_go():
    log_probs = np.concatenate(
        [spelled("met kat", 0.9), silence(20), spelled("a siprot", 0.5, "a xyprot"), silence(30)]
    )
    nothing = CompiledList(BiasList(), Sources(VOCABULARY, lexicon=LEXICON))
    stream = RecognizedStream(recognizer(""), nothing, RHYTHM)
    updates = [stream.advance(Utterance(log_probs[:34]))]
    stream.relist(listed(SIPROT))
    updates.append(stream.advance(Utterance(log_probs[34:])))
    stream.relist(nothing)
    assert text_of([*updates, stream.finish()]) == "met kat a SIPROT"
    greedy = fed(RecognizedStream(recognizer(""), nothing, RHYTHM), Utterance(log_probs))
    assert text_of(greedy) == "met kat a xyprot"


def test_hours_of_hiss_hold_no_memory_and_write_no_name():
    stream = RecognizedStream(recognizer("detection"), listed(SIPROT, "cat"), RHYTHM)
    hiss = np.log(np.random.default_rng(0).dirichlet(np.append(np.full(27, 0.02), 6.0), size=500))
    hiss = hiss[hiss.argmax(axis=1) == 27]
    updates = [stream.advance(Utterance(hiss)) for _ in range(20)]
    assert not any(one.hits for one in updates)
    assert len(stream._state.log_probs) <= RHYTHM.longest


def test_numbers_that_are_none_are_refused_and_the_stream_goes_on():
    stream = RecognizedStream(recognizer(""), listed(SIPROT), RHYTHM)
    log_probs = np.concatenate([spelled("met siprot", 0.9), silence(20)])
    stream.advance(Utterance(log_probs[:10]))
    with pytest.raises(ModelError, match="not numbers"):
        stream.advance(Utterance(np.full((3, 28), np.nan)))
    assert text_of([stream.advance(Utterance(log_probs[10:])), stream.finish()]) == "met SIPROT"
    with pytest.raises(SettingError, match=r"stream: step 2\.0 s and lag 1\.0 s"):
        Rhythm.of(0.08, 2.0, 1.0)


@given(cuts=st.lists(st.integers(0, 400), max_size=6), rate=st.sampled_from([8000, 16000, 44100]))
@settings(max_examples=25)
def test_samples_are_those_of_the_whole_whatever_their_rate(cuts, rate):
    samples = np.sin(np.arange(400) / 7).astype(np.float32)
    streams = StreamedSamples(16000), StreamedSamples(16000)
    for piece in np.split(samples, sorted(cuts)):
        streams[0].add(piece, rate)
    streams[1].add(samples, rate)
    for one in streams:
        one.end_of_stream()
    assert abs(streams[0].end - round(400 * 16000 / rate)) <= 1
    np.testing.assert_allclose(*(one.between(0, one.end) for one in streams), atol=1e-5)


def test_what_is_no_sound_is_refused_where_it_stands():
    samples = StreamedSamples(16000)
    samples.add(np.zeros(8000, dtype=np.int16))
    for wrong, rate, reason in (
        (np.full(10, np.nan), None, "not numbers"),
        (np.zeros((10, 2)), None, "mono"),
        (np.zeros(10, dtype=np.int64), None, "16-bit"),
        (np.full(10, 1e20), None, "no sound"),
        (np.zeros(10), 3, "3 samples a second"),
        (np.zeros(10), "x", "'x' samples a second"),
    ):
        with pytest.raises(AudioError, match=rf"stream at 0\.50 s: .*{reason}"):
            samples.add(wrong, rate)
    assert samples.end == 8000
    samples.forget(7000)
    assert len(samples.between(0, 8000)) == 1000


def test_raw_samples_come_in_blocks_and_an_odd_byte_is_left(tmp_path):
    (tmp_path / "raw").write_bytes(np.arange(100, dtype="<i2").tobytes() + b"\1")
    with (tmp_path / "raw").open("rb") as file:
        found = list(blocks_from(file, 100, 0.3))
    assert [len(samples) for samples, _ in found] == [30, 30, 30, 10]
    assert np.concatenate([samples for samples, _ in found]).tolist() == list(range(100))
