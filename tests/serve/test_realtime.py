"""Live speech: an utterance is told when it has ended, as it would be transcribed, with the list of the moment."""

import base64
import json
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from hypothesis import example, given
from hypothesis import strategies as st

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.search.hits import Hit

RATE = 16000
SILENCE = np.zeros(RATE, dtype=np.float32)
COMPLETED = "conversation.item.input_audio_transcription.completed"
DELTA = COMPLETED.replace("completed", "delta")


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
            assert json.loads(socket.recv(120))["type"] == "session.created"
            return socket

        yield opened


def tell(socket, kind, **fields):
    socket.send(json.dumps({"type": kind, **fields}))


def hear(socket, kind, seconds=120):
    """The next event of a kind, and those before it."""
    before = []
    while (event := json.loads(socket.recv(seconds)))["type"] != kind:
        before.append(event)
    return event, before


def as_bytes(samples):
    return (32767 * samples).astype("<i2").tobytes()


def test_words_are_told_as_they_stand(connect, spoken, tiny_model):
    socket = connect()
    tell(socket, "session.update", session={"sample_rate": RATE, "hotwords": ["saoirse", "東京"]})
    state, _ = hear(socket, "session.updated")
    assert state["session"]["bias_list"]["used"] == ["saoirse"] and state["session"]["bias_list"]["dropped"]
    audio = as_bytes(spoken)
    for at in range(0, len(audio), 3200):
        socket.send(audio[at : at + 3200])
    tell(socket, "input_audio_buffer.commit")
    _, events = hear(socket, "input_audio_buffer.committed")
    stream = tiny_model.stream(BiasList(["saoirse", "東京"]))
    updates = [stream.feed(np.frombuffer(audio, dtype="<i2"), RATE), stream.finish()]
    words = [word for one in updates for word in one.words]
    assert "".join(one["delta"] for one in events if one["type"] == DELTA).split() == [
        w for o in words for w in o.text.split()
    ]
    finals = [one for one in events if one["type"] == COMPLETED]
    assert [(w["word"], w["start"], w["end"]) for one in finals for w in one["words"]] == [
        (o.text, o.start, o.end) for o in words
    ]
    assert [hit for one in finals for hit in one["hits"]] == [hit.as_dict() for one in updates for hit in one.hits]
    assert len({one["item_id"] for one in finals}) == len(finals) and any(one["hits"] for one in finals)
    assert any(one["type"].endswith(".partial") for one in events)


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
        assert {one["type"].rpartition(".")[2] for one in before} <= {"partial", "delta"}
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
        tell(socket, "input_audio_buffer.commit")
        texts.append(hear(socket, COMPLETED)[0])
    assert texts[0]["end"] == pytest.approx(texts[1]["end"], abs=0.5)


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
    update = {"sample_rate": RATE, "hotwords": ["saoirse"]}
    tell(socket, "session.update", session=update)
    socket.send(as_bytes(spoken[RATE : 3 * RATE]))
    tell(socket, "session.update", session=update)  # once this is answered, the audio was heard
    for _ in range(2):
        hear(socket, "session.updated")
    one.server.should_exit = True
    assert hear(socket, COMPLETED)[0]["transcript"]
    one.thread.join(20)
    assert not one.thread.is_alive()


class Scripted:
    """A stream that tells words at the times of a script, each when it has been over for half a second."""

    def __init__(self, words):
        self.words, self.seconds, self.told = words, 0.0, 0

    def feed(self, samples, rate):
        self.seconds += len(samples) / rate
        return self.update(lambda word: word[2] + 0.5 <= self.seconds)

    def finish(self):
        return self.update(lambda word: word[2] <= self.seconds)

    def update(self, stands):
        new = [one for one in self.words[self.told :] if stands(one)]
        self.told += len(new)
        open_ = [one[0] for one in self.words[self.told :] if one[1] < self.seconds]
        words = [SimpleNamespace(text=text, start=start, end=end) for text, start, end in new]
        hits = [Hit(t, 0, 1, start, end, 0.0, "base", "", 1.0, {}) for t, start, end in new if t.startswith("N")]
        return SimpleNamespace(words=words, hits=hits, partial=" ".join(open_))


@given(
    st.lists(st.tuples(st.floats(0.05, 1.5), st.floats(0.1, 0.6), st.booleans()), min_size=1, max_size=12),
    st.lists(st.integers(1, 30_000), min_size=1, max_size=5),
)
@example([(0.0546875, 0.5, False), (0.7, 0.5, False)], [1])  # 1.255 - 0.555 is a little less than 0.7
def test_utterances_end_at_pauses_however_the_audio_comes(spoken, sizes):
    from nemo_ctcbias.serve.live import PAUSE, LiveSpeech

    words, at = [], 0.0
    for gap, length, name in spoken:
        start = round(at + gap, 3)
        at = round(start + length, 3)
        words.append((f"{'N' if name else 'w'}{len(words)}", start, at))
    live, news, turn = LiveSpeech(lambda bias_list: Scripted(words), BiasList()), [], 0
    while live.seconds < at + 0.01:
        news.append(live.feed(np.zeros(sizes[turn % len(sizes)], dtype=np.int16), RATE))
        turn += 1
    news.append(live.commit())
    expected = []
    for word in words:
        if not expected or round(word[1] - expected[-1][-1][2], 3) >= PAUSE:
            expected.append([])
        expected[-1].append(word)
    ended = [one for each in news for one in each.ended]
    assert [[tuple(word) for word in one.words] for _, one in ended] == expected
    assert [number for number, _ in ended] == list(range(1, len(expected) + 1))
    told = [(number, text) for each in news for number, text in each.words]
    assert told == [(number, text) for number, each in enumerate(expected, 1) for text, _, _ in each]
    for _, one in ended:
        assert [(hit.phrase, hit.start) for hit in one.hits] == [(w[0], w[1]) for w in one.words if w[0][0] == "N"]
    assert live.commit().ended == ()


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
