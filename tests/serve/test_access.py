"""Nobody gets in where they do not belong."""

import threading

import pytest

from nemo_ctcbias.errors import SettingError


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),  # whose owner points it at this machine
        ({"Host": "localhost"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_other_pages_may_not_ask(http, headers, status):
    assert http.get("/v1/lists", headers=headers).status_code == status


def test_the_page_may_ask(http, served):
    assert http.get("/v1/lists", headers={"Origin": served.url}).status_code == 200


def test_a_token(serve, tiny_model):
    import httpx

    url = serve(tiny_model, token="a-secret-of-ours").url
    with httpx.Client(base_url=url) as client:
        for path in ("/", "/health", "/ready", "/page/page.css"):
            assert client.get(path).status_code == 200
        for path in ("/v1/lists", "/metrics", "/v1/models", "/openapi.json", "/page", "/pagexyz"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer a-secret-of-your"}).status_code == 401
            assert client.get(path, headers={"Authorization": "Bearer a-secret-of-ours"}).status_code in (200, 404)
        assert client.put("/v1/lists/x", content="a").status_code == 401
        assert client.post("/v1/audio/transcriptions").json()["error"]["type"] == "authentication_error"


def test_a_token_is_needed_where_others_reach_the_server():
    from nemo_ctcbias.serve.access import checked_token

    for host in ("0.0.0.0", "::", "192.168.1.2", "example.com"):
        with pytest.raises(SettingError, match="token"):
            checked_token(None, host)
        assert checked_token("long-enough", host) == "long-enough"
    assert checked_token(None, "127.0.0.1") is checked_token(None, "::1") is checked_token(None, "localhost") is None
    for token in ("", "short", "with a space in it", "żółw-żółw-żółw"):
        with pytest.raises(SettingError):
            checked_token(token, "localhost")


def test_bounds(serve, tiny_model, noise_wavs, monkeypatch, until):
    import httpx

    from nemo_ctcbias.serve.options import ServeOptions

    options = ServeOptions(queue=2, megabytes=1, seconds=2.5, phrases=3, timeout=3, list_megabytes=2)
    one = serve(tiny_model, options)
    assert tiny_model.lists.most_bytes == 2 << 20
    path, sent = "/v1/audio/transcriptions", {"file": ("a.wav", noise_wavs[0].read_bytes())}
    with httpx.Client(base_url=one.url, timeout=30) as client:
        large = client.post(path, files={"file": ("a.wav", bytes(3 << 20))})
        assert (large.status_code, large.json()["error"]["param"]) == (413, "file")
        head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        body = (head if at == 0 else bytes(1 << 20) for at in range(4))  # of a length that is not told
        streamed = client.post(path, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert streamed.status_code == 413
        assert client.put("/v1/lists/x", content=b"a\n" * (3 << 20)).status_code == 413
        long = client.post(path, files={"file": ("b.wav", noise_wavs[1].read_bytes())})
        assert long.status_code == 400 and "longer than 2.5 s" in long.json()["error"]["message"]
        assert "shorten" in client.post(path, files=sent, data={"hotwords": "a,b,c,d"}).json()["error"]["message"]
        go = threading.Event()
        work = one.service._batcher._transcribe
        monkeypatch.setattr(one.service._batcher, "_transcribe", lambda batch: go.wait(20) and work(batch))
        answers = []
        threads = [
            threading.Thread(target=lambda: answers.append(httpx.post(one.url + path, files=sent, timeout=30)))
            for _ in range(2)
        ]
        for thread in threads:
            thread.start()
        until(lambda: "in_progress 2" in client.get("/metrics").text)
        full = client.post(path, files=sent)
        assert (
            full.status_code == 429
            and full.headers["retry-after"] == "1"
            and "try again" in full.json()["error"]["message"]
        )
        assert client.get("/health").status_code == 200
        for thread in threads:
            thread.join()
        assert [(each.status_code, each.json()["error"]["message"].split(";")[0]) for each in answers] == [
            (503, "took longer than 3 s")
        ] * 2
        go.set()
        until(lambda: client.post(path, files=sent).status_code == 200)


def test_who_hung_up_is_not_worked_for(serve, tiny_model, noise_wavs, monkeypatch, until):
    """What waits for the model behind others is given up with the caller."""
    import httpx

    one = serve(tiny_model)
    go, heard = threading.Event(), []
    work = one.service._batcher._transcribe

    def slow(batch):
        heard.append([next(iter(each.bias_list)).text for each in batch])
        assert go.wait(20)
        return work(batch)

    monkeypatch.setattr(one.service._batcher, "_transcribe", slow)

    def post(name, timeout=30):
        sent = {"file": ("a.wav", noise_wavs[0].read_bytes())}
        path = f"{one.url}/v1/audio/transcriptions"
        return httpx.post(path, files=sent, data={"hotwords": name}, timeout=timeout)

    answers = []
    first = threading.Thread(target=lambda: answers.append(post("first")))
    first.start()
    until(lambda: heard == [["first"]])
    with pytest.raises(httpx.ReadTimeout):
        post("gone", timeout=0.5)
    until(lambda: "in_progress 1" in httpx.get(f"{one.url}/metrics").text)
    go.set()
    first.join()
    assert answers[0].status_code == post("last").status_code == 200
    assert heard == [["first"], ["last"]]
    assert 'status="499"' in httpx.get(f"{one.url}/metrics").text


def test_what_was_taken_is_answered_before_the_end(serve, tiny_model, noise_wavs, monkeypatch, until):
    import httpx

    one = serve(tiny_model)
    go, answers = threading.Event(), []
    work = one.service._batcher._transcribe
    monkeypatch.setattr(one.service._batcher, "_transcribe", lambda batch: go.wait(20) and work(batch))
    sent = {"file": ("a.wav", noise_wavs[0].read_bytes())}
    post = threading.Thread(
        target=lambda: answers.append(httpx.post(f"{one.url}/v1/audio/transcriptions", files=sent, timeout=30))
    )
    post.start()
    until(lambda: "in_progress 1" in httpx.get(f"{one.url}/metrics").text)
    folder = one.service._uploads._folder
    one.server.should_exit = True
    until(lambda: one.service.draining)
    go.set()
    post.join(20)
    one.thread.join(20)
    assert answers[0].status_code == 200 and answers[0].json()["text"]
    assert not one.thread.is_alive() and not folder.exists()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{one.url}/health")
