"""Whatever is sent to a server, it answers: never a 500, nothing in the log, and still alive.

A hundred thousand requests: python -m pytest -n 0 tests/fuzz/test_service.py --fuzz-cases 500
"""

import json
import logging
from importlib.util import find_spec

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_readers import LISTS

pytestmark = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("fastapi", "httpx", "prometheus_client", "python_multipart")),
    reason="the extra `serve` is not there",
)
fuzz = settings.get_profile("fuzz")


@pytest.fixture(scope="module")
def service(base_nemo, eager, tmp_path_factory):
    """A server without a network: its application, and clips that it is sent."""
    from fastapi.testclient import TestClient

    from nemo_ctcbias import from_ctc
    from nemo_ctcbias.serve.app import make_app
    from nemo_ctcbias.serve.options import ServeOptions
    from nemo_ctcbias.serve.service import Service

    model = from_ctc(base_nemo).eval()
    model.set_biasing(**eager)
    one = Service(model, "tiny", tmp_path_factory.mktemp("lists"), ServeOptions(wait=0, seconds=2))
    with TestClient(make_app(one), base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    import numpy as np
    import soundfile

    path = tmp_path_factory.mktemp("clip") / "a.flac"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 8000), 16000)
    return path.read_bytes()


def cut(data):
    """A file with a hole, an end or other bytes."""
    place = st.integers(0, len(data))
    return st.tuples(place, place, st.binary(max_size=8)).map(lambda one: data[: one[0]] + one[2] + data[one[1] :])


TEXT = LISTS.map(lambda one: one.decode("utf-8", "replace"))
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda one: (
        st.lists(one, max_size=3) | st.dictionaries(st.sampled_from(["text", "weight", "phrases", "boost"]), one)
    ),
    max_leaves=8,
).map(json.dumps)
VALUE = TEXT | JSON | st.sampled_from(["json", "verbose_json", "srt", "vtt", "text", "a", "../../etc/passwd"])
FIELDS = "model language prompt response_format hotwords hotwords[] keywords speech_contexts list include[] temperature"
FIELD = st.sampled_from(FIELDS.split()) | st.text(max_size=5)
NAME = st.sampled_from(["a.wav", "a.m4a", "../a", "a\0b", "", "ä.mp3"]) | st.text(max_size=8)


@pytest.fixture
def answered(service, caplog, counted):
    def check(answer):
        counted()
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            message = answer.json()["error"]["message"]
            assert message and "\n" not in message and "Traceback" not in message
        assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
        return answer

    return check


@settings(fuzz)
@given(st.data())
def test_transcriptions(service, clip, answered, near, data):
    fields = data.draw(st.dictionaries(FIELD, VALUE | st.lists(VALUE, max_size=2), max_size=4))
    content = data.draw(st.just(clip) | cut(clip) | st.binary(max_size=60))
    try:
        sent = {"files": {"file": (data.draw(NAME), content)}, "data": fields}
        request = service.build_request("POST", "/v1/audio/transcriptions", **sent)
        body, kind = request.read(), request.headers["Content-Type"]
    except (UnicodeError, ValueError, TypeError):  # what a client cannot send
        return
    for one in near(body):
        answered(service.post("/v1/audio/transcriptions", content=one, headers={"Content-Type": kind}))


@settings(fuzz)
@given(
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD"]),
    st.sampled_from(["a", "A-1", "..", "%2e%2e", "check", "a/b", "%00", "", "ä"]) | st.text(max_size=6),
    LISTS,
    st.sampled_from(["text/plain", "application/json", "text/csv", "text/tab-separated-values", "x", ""]),
)
def test_lists(service, answered, near, method, name, content, kind):
    from urllib.parse import quote

    for one in near(content):
        path = f"/v1/lists/{quote(name, safe='%')}"
        answer = service.request(method, path, content=one, headers={"Content-Type": kind})
        if method != "HEAD":
            answered(answer)


@settings(fuzz)
@given(LISTS, st.sampled_from(["multipart/form-data; boundary=x", "multipart/form-data", "application/json", "x/y"]))
def test_bodies(service, answered, near, content, kind):
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' if len(content) % 2 else b""
    for one in near(head + content):
        answered(service.post("/v1/audio/transcriptions", content=one, headers={"Content-Type": kind}))


@settings(fuzz)
@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    st.text(max_size=10),
    st.sampled_from(["/", "/page/", "/v1/", "/v1/lists/"]),
)
def test_paths(service, answered, near, method, path, before):
    from urllib.parse import quote

    for one in near(path.encode()):
        path = before + quote(one, safe="/.%")
        if not path.startswith("//"):  # which a client takes for a host
            answered(service.request(method, path, follow_redirects=False))


EVENT = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["session.update", *(f"input_audio_buffer.{one}" for one in ("append", "commit", "clear"))]
        ),
        "session": st.dictionaries(st.sampled_from(["sample_rate", "hotwords", "list", "x"]), JSON.map(json.loads)),
        "audio": st.sampled_from(["", "AAAA", "A", "????"]) | st.integers(),
    },
).map(json.dumps)


@settings(fuzz)
@given(st.lists(EVENT | TEXT | st.binary(max_size=400), max_size=6))
def test_realtime(service, counted, near, caplog, messages):
    with service.websocket_connect("/v1/realtime", headers={"Host": "localhost"}) as socket:
        assert socket.receive_json()["type"] == "session.created"
        sent = 0
        for message in messages:
            for one in near(message if isinstance(message, bytes) else message.encode()):
                if isinstance(message, bytes):
                    socket.send_bytes(one)
                else:
                    socket.send_text(one.decode("utf-8", "replace"))
                sent += 1
        socket.send_text('{"type": "that was all"}')
        counted(sent)
        while "that was all" not in (event := socket.receive_json()).get("error", {}).get("message", ""):
            assert event["type"] != "error" or event["error"]["type"] != "server_error"
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]
