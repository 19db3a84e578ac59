"""The command: a process that is started, killed, started again, and ended."""

import os
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
from server_process import ServerProcess

from nemo_ctcbias.cli import main


@pytest.fixture
def start(biased_nemo, tmp_path):
    """Starts a server; gives it."""
    running = []

    def started(*options):
        running.append(ServerProcess(tmp_path, "--model", biased_nemo, *options))
        return running[-1]

    yield started
    for one in running:
        one.kill()


def test_killed_started_again_and_ended(start, noise_wavs, tmp_path):
    import httpx

    server = start("--lists", "kept")
    url = server.url
    assert httpx.put(f"{url}/v1/lists/names", content="daft\nquick\t2\n").status_code == 201
    sent = {"file": ("a.wav", noise_wavs[0].read_bytes())}
    first = httpx.post(f"{url}/v1/audio/transcriptions", files=sent, data={"list": "names"}, timeout=60).json()
    (folder,) = tmp_path.glob("nemo-ctcbias-serve-*")
    server.kill()
    assert folder.exists()
    server = start("--lists", "kept")
    url = server.url
    assert not folder.exists(), "what a killed server left is cleared away"
    again = httpx.post(f"{url}/v1/audio/transcriptions", files=sent, data={"list": "names"}, timeout=60).json()
    assert again == first and again["bias_list"]["used"] == ["daft", "quick"]
    answers = []
    post = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{url}/v1/audio/transcriptions", files=sent, timeout=60))
    )
    post.start()
    while "in_progress 1" not in httpx.get(f"{url}/metrics").text and not answers:
        time.sleep(0.005)
    server.process.send_signal(signal.SIGTERM)
    post.join(60)
    assert answers[0].status_code == 200 and server.process.wait(60) in (0, -signal.SIGTERM)
    assert not list(tmp_path.glob("nemo-ctcbias-serve-*"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--host", "0.0.0.0"], "NEMO_CTCBIAS_TOKEN"),
        (["--token-file", "nowhere"], "--token-file nowhere"),
        (["--queue", "0"], "--queue must be 1 or more"),
        (["--wait", "-1"], "--wait must be 0 or more"),
        (["--nbest", "0"], "--nbest must be 1 or more"),
        (["--model", "nowhere.nemo"], "no such file"),
        (["--host", "no.such.host.invalid", "--token-file", "token"], "cannot be listened on"),
        (["--port", "70000"], "cannot be listened on"),
        (["--bias-list", "nowhere.txt"], "no such bias list"),
    ],
)
def test_what_cannot_be_is_refused_before_a_model_is_loaded(options, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEMO_CTCBIAS_TOKEN", raising=False)
    Path("token").write_text("long-enough\n")
    before = set(Path(tempfile.gettempdir()).glob("nemo-ctcbias-serve-*"))
    assert main(["serve", *options]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    after = set(Path(tempfile.gettempdir()).glob(f"nemo-ctcbias-serve-*-{os.getpid()}-*"))
    assert after <= before


def test_without_the_extra_it_says_how_to_get_it(capsys, monkeypatch):
    from nemo_ctcbias.commands import serve

    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "fastapi" else object())
    assert main(["serve"]) == 2
    assert "pip install 'nemo-ctcbias[serve]'" in capsys.readouterr().err
