"""Live speech: an utterance is told when it has ended, as it would be transcribed, with the list of the moment."""

import asyncio
import base64
import json
import threading
from contextlib import ExitStack
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.recordings import Recording
from nemo_ctcbias.commands.transcripts import Transcript, transcribe_all

RATE = 16000
SILENCE = np.zeros(RATE, dtype=np.float32)
COMPLETED = "conversation.item.input_audio_transcription.completed"


@pytest.fixture(scope="module")
def spoken(noise_wavs):
    """Two utterances with silence around them."""
    clips = [soundfile.read(path, dtype="float32")[0] for path in noise_wavs[:2]]
    return np.concatenate([SILENCE, clips[0], SILENCE, clips[1], SILENCE])


@pytest.fixture
def connect(served):
    """A websocket of the server."""
    from websockets.sync.client import connect

    with ExitStack() as sockets:

        def opened(url=served.url, **options):
            address = f"ws{url.removeprefix('http')}/v1/realtime"
            socket = sockets.enter_context(connect(address, open_timeout=60, **options))
            assert json.loads(socket.recv(30))["type"] == "session.created"
            return socket

        yield opened


def tell(socket, kind, **fields):
    socket.send(json.dumps({"type": kind, **fields}))


def hear(socket, kind, seconds=30):
    """The next event of a kind, and those before it."""
    before = []
    while (event := json.loads(socket.recv(seconds)))["type"] != kind:
        before.append(event)
    return event, before


def as_bytes(samples):
    return (32767 * samples).astype("<i2").tobytes()


def test_utterances_are_told_as_they_end(connect, spoken, tiny_model):
    socket = connect()
    tell(socket, "session.update", session={"sample_rate": RATE, "hotwords": ["saoirse", "東京"]})
    state, _ = hear(socket, "session.updated")
    assert state["session"]["bias_list"]["used"] == ["saoirse"] and state["session"]["bias_list"]["dropped"]
    finals, audio = [], as_bytes(spoken)
    for at in range(0, len(audio), 3200):
        socket.send(audio[at : at + 3200])
    for _ in range(2):
        finals.append(hear(socket, COMPLETED)[0])
    kept = np.frombuffer(audio, dtype="<i2").astype(np.float32) / 32768
    for final in finals:
        first, last = round(final["start"] * RATE), round(final["end"] * RATE)
        pieces = [(0, kept[first:last])]
        one = Recording("live", offset=first / RATE, bias_list=BiasList(["saoirse", "東京"]), pieces=pieces)
        expected = transcribe_all(tiny_model, [one], 1, timed=True)[0]
        assert final["transcript"] == expected.text and final["hits"] == [hit.as_dict() for hit in expected.hits]
    assert finals[0]["end"] <= finals[1]["start"] and finals[0]["item_id"] != finals[1]["item_id"]
    assert 0.6 < finals[0]["start"] < 1.0 < 3.0 <= finals[0]["end"] < 3.5


def test_the_list_changes_and_openais_events_are_taken(connect, spoken):
    socket = connect(subprotocols=["realtime"])
    texts = []
    for hotwords in (["saoirse"], [], ["vexingly", "daft"]):
        tell(socket, "transcription_session.update", session={"sample_rate": RATE, "hotwords": hotwords})
        hear(socket, "session.updated")
        tell(socket, "input_audio_buffer.append", audio=base64.b64encode(as_bytes(spoken[RATE : 3 * RATE])).decode())
        tell(socket, "input_audio_buffer.commit")
        final, before = hear(socket, COMPLETED)
        hear(socket, "input_audio_buffer.committed")
        assert {hit["phrase"] for hit in final["hits"]} <= set(hotwords)
        assert all(one["type"].endswith(".partial") for one in before)
        texts.append(final["transcript"])
    assert len(set(texts)) == 3
    tell(socket, "input_audio_buffer.append", audio=base64.b64encode(as_bytes(spoken[RATE : 2 * RATE])).decode())
    tell(socket, "input_audio_buffer.clear")
    hear(socket, "input_audio_buffer.cleared")
    tell(socket, "input_audio_buffer.commit")
    assert not any(one["type"] == COMPLETED for one in hear(socket, "input_audio_buffer.committed")[1])


def test_other_rates(connect, spoken):
    import soxr

    texts = []
    for rate in (16_000, 24_000):
        socket = connect()
        tell(socket, "session.update", session={"sample_rate": rate, "hotwords": ["saoirse"]})
        samples = spoken[: 4 * RATE] if rate == RATE else soxr.resample(spoken[: 4 * RATE], RATE, rate)
        audio = as_bytes(np.clip(samples, -1, 1))
        for at in range(0, len(audio), 4800):
            socket.send(audio[at : at + 4800])
        texts.append(hear(socket, COMPLETED)[0])
    assert texts[0]["end"] == pytest.approx(texts[1]["end"], abs=0.1)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("nonsense", "no JSON"),
        ("[]", "is no event"),
        ('{"type": "response.create"}', "there are session.update"),
        ('{"type": "session.update"}', "needs a session"),
        ('{"type": "session.update", "session": {"sample_rate": 1e9}}', "sample_rate"),
        ('{"type": "session.update", "session": {"hotwords": [1]}}', "hotwords[0]"),
        ('{"type": "session.update", "session": {"hotwords": "a"}}', "array"),
        ('{"type": "session.update", "session": {"list": "../x"}}', "no list"),
        ('{"type": "session.update", "session": {"voice": "alloy"}}', "voice"),
        ('{"type": "input_audio_buffer.append", "audio": "%"}', "base64"),
        ('{"type": "input_audio_buffer.append"}', "base64"),
        (b"odd", "16 bits"),
        (bytes(480_000), "5 s"),
    ],
)
def test_what_is_wrong_is_said_and_the_session_goes_on(connect, message, told):
    socket = connect()
    socket.send(message)
    assert told in hear(socket, "error")[0]["error"]["message"]
    tell(socket, "input_audio_buffer.commit")
    hear(socket, "input_audio_buffer.committed")


def test_nobody_else_gets_in(serve, tiny_model, connect, served):
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect as plain

    one = serve(tiny_model, token="a-secret-of-ours")
    address = f"ws{one.url.removeprefix('http')}/v1/realtime"
    with pytest.raises(InvalidStatus):
        plain(address)
    with pytest.raises(InvalidStatus):
        plain(f"ws{served.url.removeprefix('http')}/v1/realtime", origin="http://evil.example")
    connect(one.url, additional_headers={"Authorization": "Bearer a-secret-of-ours"})
    connect(one.url, subprotocols=["realtime", "openai-insecure-api-key.a-secret-of-ours"])


def test_what_was_said_is_told_before_the_end(serve, tiny_model, connect, spoken):
    one = serve(tiny_model)
    socket = connect(one.url)
    tell(socket, "session.update", session={"sample_rate": RATE})
    socket.send(as_bytes(spoken[RATE : 2 * RATE]))
    hear(socket, "session.updated")
    hear(socket, "conversation.item.input_audio_transcription.partial")
    one.server.should_exit = True
    assert hear(socket, COMPLETED)[0]["transcript"]
    one.thread.join(20)
    assert not one.thread.is_alive()


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(0.1, 3), st.floats(1, 2)), min_size=1, max_size=4),
    st.lists(st.integers(1, 30_000), min_size=1, max_size=5),
)
def test_utterances_are_the_same_however_the_audio_comes(bursts, sizes):
    """Each burst of sound is one utterance with all of its samples, and nothing is heard twice."""
    from nemo_ctcbias.serve.live import LiveSpeech

    chosen = np.random.default_rng(0)
    parts, places = [], []
    for sound, silence in bursts:
        begin = sum(map(len, parts))
        places.append((begin, begin + round(sound * RATE)))
        parts += [chosen.uniform(-0.5, 0.5, round(sound * RATE)), np.zeros(round(silence * RATE))]
    audio = np.concatenate(parts).astype(np.float32)

    async def transcribe(recording, bias_list):
        return Transcript(recording, "heard")

    async def run():
        live, found, at, turn = LiveSpeech(transcribe, RATE), [], 0, 0
        while at < len(audio):
            update = await live.add(audio[at : at + sizes[turn % len(sizes)]], partials=turn % 2 == 0)
            found += update.final
            at, turn = at + sizes[turn % len(sizes)], turn + 1
        return [*found, *(await live.commit()).final]

    found = [one.recording for one in asyncio.run(run())]
    spans = [(round(one.offset * RATE), round(one.offset * RATE) + len(one.pieces[0][1])) for one in found]
    assert len(spans) == len(places)
    for (start, end), (first, last) in zip(spans, places, strict=True):
        assert start <= first and last <= end
        assert np.array_equal(found[spans.index((start, end))].pieces[0][1], audio[start:end])
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


def test_many_at_once(connect, spoken):
    """Each with a list of its own."""
    found = {}

    def speak(name):
        socket = connect()
        tell(socket, "session.update", session={"sample_rate": RATE, "hotwords": [name]})
        socket.send(as_bytes(spoken[RATE : 3 * RATE]))
        tell(socket, "input_audio_buffer.commit")
        found[name] = hear(socket, COMPLETED)[0]

    names = ["saoirse", "fremont", "daft", "vexingly", "quartz", "jugs"]
    threads = [threading.Thread(target=speak, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(found) == set(names)
    assert all({hit["phrase"] for hit in one["hits"]} <= {name} for name, one in found.items())
    assert sum(bool(one["hits"]) for one in found.values()) > 2
