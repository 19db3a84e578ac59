"""Recordings over HTTP: OpenAI's client gets what it asks for, and nothing of a list is lost silently."""

import io
import json
import re
import shutil
import socket
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import soundfile
from places import ROOT

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.formats import FORMATS
from nemo_ctcbias.commands.recordings import Recording, loaded
from nemo_ctcbias.commands.transcripts import transcribe_all


@pytest.fixture(scope="module")
def alone(tiny_model, noise_wavs):
    """What `transcribe_all` makes of a recording by itself."""

    def transcript(phrases, index=0):
        (one,) = loaded([Recording(str(noise_wavs[index]), bias_list=BiasList.of(phrases))], 16000)
        return transcribe_all(tiny_model, [one], 1, timed=True)[0]

    return transcript


@pytest.mark.skipif(find_spec("openai") is None, reason="openai, of the extra `test`, is not there")
def test_the_openai_client(served, alone, noise_wavs):
    from openai import BadRequestError, OpenAI

    client = OpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0)
    create = client.audio.transcriptions.create
    listed = {"extra_body": {"hotwords": ["saoirse", "fremont"]}}
    expected = alone(["saoirse", "fremont"])
    assert expected.hits
    sent = {"model": "whisper-1", "file": noise_wavs[0]}
    answer = create(**sent, **listed)
    assert answer.text == expected.text and answer.bias_list["used"] == ["saoirse", "fremont"]
    assert answer.hits == [hit.as_dict() for hit in expected.hits]
    assert create(**sent, response_format="text", **listed) == f"{expected.text}\n"
    for form in ("srt", "vtt"):
        assert create(**sent, response_format=form, **listed) == FORMATS[form].header + FORMATS[form].write(
            expected, False
        )
    granular = {"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}
    verbose = create(**sent, **granular, **listed)
    assert [(one.word, one.start, one.end) for one in verbose.words] == list(map(tuple, expected.words))
    assert " ".join(one.text for one in verbose.segments) == " ".join(one.text for one in expected.words)
    assert verbose.duration == pytest.approx(2.0) and verbose.alternatives[0]["text"] == expected.text
    assert client.models.list().data[0].id == answer.model == "tiny"
    with pytest.raises(BadRequestError, match="convert it to wav"):
        create(model="any", file=("a.wav", b"no audio"))


def test_without_a_list_it_is_the_models_own(ask, alone):
    assert ask().json()["text"] == ask(hotwords="[]").json()["text"] == alone(None).text


def test_every_way_to_give_a_list(ask, http):
    http.put("/v1/lists/names", content="fremont\t1.5\n")
    answer = ask(
        list="names",
        hotwords=["saoirse", '[{"text": "zelenskyy", "weight": 2}]'],
        keywords="okonkwo:1.5",
        prompt='Please spell "siprot" right. Also: daft, vexingly',
        speech_contexts='[{"phrases": ["jugs"], "boost": 40}]',
    ).json()
    used = ["fremont", "saoirse", "zelenskyy", "okonkwo", "jugs", "siprot", "daft", "vexingly"]
    assert answer["bias_list"]["used"] == used and answer["bias_list"]["phrases"] == len(used)
    assert "Please spell right. Also:" in answer["ignored"]["prompt"]
    http.delete("/v1/lists/names")


def test_what_cannot_be_used_is_said(ask):
    answer = ask(hotwords='["saoirse", "東京", ["saoirse", 3]]', keywords="daft, quick", temperature="0.2", best_of="3")
    use = answer.json()["bias_list"]
    assert use["used"] == ["saoirse", "daft", "quick"]
    dropped = {one["phrase"]: one for one in use["dropped"]}
    assert set(dropped) == {"東京", "saoirse"} and dropped["東京"]["where"] == "hotwords[1]"
    assert dropped["東京"]["remedy"] and "already listed" in dropped["saoirse"]["reason"]
    assert any("2 phrases" in one["reason"] for one in use["changed"])
    assert set(answer.json()["ignored"]) == {"temperature", "best_of"}
    header = json.loads(ask(hotwords="東京", response_format="text").headers["x-bias-list"])
    assert (header["phrases"], header["used"], header["dropped"]) == (1, 0, 1)


def test_notes_are_about_the_list_of_the_request(ask):
    """The model keeps what it made of an equal list, which somebody else gave otherwise."""
    first = ask(hotwords='["東京", "daft", "", ["daft", 2]]').json()["bias_list"]
    assert len(first["dropped"]) == 3
    second = ask(keywords='["東京", "daft"]').json()["bias_list"]
    assert [(one["phrase"], one["where"]) for one in second["dropped"]] == [("東京", "keywords[0]")]


def test_a_hundred_lists_at_once_are_kept_apart(http, noise_wavs, alone, served):
    words = "saoirse fremont zelenskyy okonkwo siprot daft vexingly quartz sphinx jugs".split()
    lists = [[words[i % 10], f"{words[i // 10]} {words[(i + 3) % 10]}"] for i in range(100)]
    expected = [alone(one, i % 4) for i, one in enumerate(lists)]
    assert len({one.text for one in expected}) > 20

    def ask(i):
        files = {"file": ("a.wav", noise_wavs[i % 4].read_bytes())}
        return http.post("/v1/audio/transcriptions", files=files, data={"hotwords": json.dumps(lists[i])}).json()

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(100)))
    assert [one["text"] for one in answers] == [one.text for one in expected]
    told = [[(hit["phrase"], hit["start"], hit["end"]) for hit in one["hits"]] for one in answers]
    assert told == [[(hit.phrase, hit.start, hit.end) for hit in one.hits] for one in expected]
    sizes = dict(re.findall(r'batch_recordings_bucket{le="(\S+)"} (\S+)', http.get("/metrics").text))
    assert float(sizes["1.0"]) < float(sizes["8.0"]) == float(sizes["+Inf"]), "several are heard at once"
    assert served.service._model.settings.workers == 1, "and no process is forked for them"


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"response_format": "docx"}, 400, "verbose_json"),
        ({"hotwords": "[1]"}, 400, "hotwords[0]"),
        ({"hotwords": '{"a": }'}, 400, "not valid JSON"),
        ({"speech_contexts": '{"phrases": "a"}'}, 400, "boost"),
        ({"list": "nobodys"}, 404, "no list"),
        ({"list": "../../etc/passwd"}, 404, "no list"),
        ({"hotwords": json.dumps([f"a{i}" for i in range(10_001)])}, 400, "shorten the list"),
    ],
)
def test_wrong_requests_say_what_is_wrong(ask, fields, status, told):
    answer = ask(**fields)
    assert (answer.status_code, answer.json()["error"]["type"].split("_")[0]) == (
        status,
        {400: "invalid", 404: "not"}[status],
    )
    assert told in answer.json()["error"]["message"]


def test_wrong_audio_says_what_is_wrong_and_nothing_of_the_server(ask, tmp_path):
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{tmp_path}/a.ts\n#EXT-X-ENDLIST\n"
    empty = io.BytesIO()
    soundfile.write(empty, [], 16000, format="WAV")
    for name, content in (
        ("a.mp3", b"\0" * 99),
        ("a.m3u8", playlist.encode()),
        ("a.wav", empty.getvalue()),
        ("a.wav", b""),
    ):
        answer = ask(file=(name, content))
        message = answer.json()["error"]["message"]
        assert answer.status_code == 400 and message.startswith(f"{name}: ") and "/tmp" not in message


def test_uploads_are_gone(ask, served):
    assert ask(response_format="srt").status_code == 200
    assert list(served.service._uploads._folder.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="there is no /proc to see open files in")
def test_uploads_are_gone_where_it_fails_or_nobody_waits(ask, served, until):
    """Also the nameless files that Starlette receives large ones in."""

    def held():
        links = [str(one.readlink()) for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]
        nameless = sorted(one for one in links if one.startswith(tempfile.gettempdir()))
        return [*served.service._uploads._folder.iterdir(), *nameless]

    import httpx

    before = held()
    assert ask(file=("a.wav", bytes(3 << 20))).status_code == 400
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    end, length = b"\r\n--x--\r\n", len(head) + (3 << 20) + len(b"\r\n--x--\r\n")
    told = f"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
    told = f"{told}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
    for body in (head + bytes(2 << 20), head + bytes(3 << 20) + end):
        with socket.create_connection(("127.0.0.1", urlsplit(served.url).port)) as caller:
            caller.sendall(told + body)
            if len(body) < length:
                until(lambda: len(held()) > len(before))
    until(lambda: held() == before)
    until(lambda: "in_progress 0" in httpx.get(f"{served.url}/metrics").text)


def test_model_names_open_nothing(http, noise_wavs):
    sent = {"file": ("../../x.wav", noise_wavs[0].read_bytes())}
    answer = http.post("/v1/audio/transcriptions", files=sent, data={"model": "/etc/passwd"})
    assert answer.json()["model"] == "tiny"


def test_a_long_recording_is_joined(ask, tiny_model, tmp_path, noise_wavs):
    samples, rate = soundfile.read(noise_wavs[1])
    soundfile.write(tmp_path / "long.wav", list(samples) * 14, rate)
    fields = {"hotwords": "saoirse, daft", "response_format": "verbose_json"}
    answer = ask(file=("long.wav", Path(tmp_path / "long.wav").read_bytes()), **fields).json()
    (one,) = loaded([Recording(str(tmp_path / "long.wav"), bias_list=BiasList(["saoirse", "daft"]))], 16000)
    assert len(one.pieces) == 2
    expected = transcribe_all(tiny_model, [one], 1, timed=True)[0]
    assert answer["text"] == expected.text and answer["hits"] == [hit.as_dict() for hit in expected.hits]
    assert [one["start"] for one in answer["words"]] == [word.start for word in expected.words]


def test_attention_is_told_or_why_not(ask):
    answer = ask(**{"include[]": ["attention", "logprobs"]}).json()
    assert "adapter" in answer["attention"]["reason"] and "logprobs" in answer["ignored"]["include"]


def test_attention_of_an_adapter(attending, noise_wavs):
    import httpx

    sent = {"file": ("a.wav", noise_wavs[0].read_bytes())}
    listed = {"hotwords": "saoirse\nnew york\n東京", "include[]": "attention"}
    answer = httpx.post(f"{attending.url}/v1/audio/transcriptions", files=sent, data=listed, timeout=60).json()
    seen = answer["attention"]
    assert sorted(seen["phrases"]) == ["<no-bias>", "new york", "saoirse"] and seen["phrases"][-1] == "<no-bias>"
    rows = [[int(row[at : at + 2]) for at in range(0, len(row), 2)] for row in seen["weights"]]
    assert all(98 <= sum(frame) <= 101 for frame in zip(*rows, strict=True)) and max(map(max, rows[:-1])) >= 5
    assert len(rows[0]) * seen["seconds_per_frame"] == pytest.approx(2.0)
    unheard = {"hotwords": "東京", "include[]": "attention"}
    answer = httpx.post(f"{attending.url}/v1/audio/transcriptions", files=sent, data=unheard, timeout=60).json()
    assert "no phrase" in answer["attention"]["reason"]


def test_state(http):
    assert http.get("/health").json()["status"] == "ok" and http.get("/ready").status_code == 200
    for name in ("requests_total", "request_seconds", "audio_seconds_total", "phrases_total", "hits_total"):
        assert f"nemo_ctcbias_{name}" in http.get("/metrics").text
    assert http.get("/openapi.json").json()["paths"]["/v1/audio/transcriptions"]
    assert http.get("/v1/nothing").json()["error"]["type"] == "not_found_error"


def test_the_documentation(served, http, noise_wavs, tmp_path, capsys, monkeypatch):
    """Its blocks run as they are, but for the address and the recordings."""
    pytest.importorskip("openai", reason="of the extra `test`")
    (tmp_path / "call.flac").write_bytes(noise_wavs[0].read_bytes())
    (tmp_path / "names.txt").write_text("saoirse\nOkonkwo\n")
    monkeypatch.chdir(tmp_path)
    if shutil.which("ffmpeg"):
        meeting = "ffmpeg -loglevel error -f lavfi -i testsrc=d=2:s=64x64 -i call.flac -shortest meeting.mkv"
        subprocess.run(meeting.split(), check=True)
    http.put("/v1/lists/team", content="saoirse\n")
    page = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8").replace("http://127.0.0.1:8000", served.url)
    blocks = re.findall(r"^```text\n(.*?)^```", page, flags=re.S | re.M)
    (client,) = (one for one in blocks if one.startswith("from openai"))
    exec(compile(client, "serving.md", "exec"), {})
    assert "technique" in capsys.readouterr().out
    commands = [line for one in blocks for line in one.splitlines() if "curl" in line and not line.startswith("NEMO")]
    assert len(commands) == 3
    for line in commands:
        if any(not shutil.which(name) for name in re.findall(r"\b(?:curl|ffmpeg)\b", line)):
            continue
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
        assert done.returncode == 0 and ('"used"' in done.stdout or "-->" in done.stdout), line
    http.delete("/v1/lists/team")
