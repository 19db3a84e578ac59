"""A server in this process, with a tiny model that hears listed phrases in noise."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

EXTRA = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "websockets")


def pytest_collection_modifyitems(items):
    from importlib.util import find_spec

    missing = [name for name in (*EXTRA, "httpx") if find_spec(name) is None]
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=f"{', '.join(missing)} of the extra `serve` is not there"))


@pytest.fixture(scope="session")
def tiny_model(base_nemo, eager):
    """A biased model with random weights, n-best lists on."""
    from nemo_ctcbias import from_ctc

    model = from_ctc(base_nemo).eval()
    model.set_biasing(**eager, nbest=3)
    model.ctc_config.decoding.beam.return_best_hypothesis = False
    model.renew_decoding()
    return model


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Starts a server in a thread; called with a model and maybe `ServeOptions` and a token, it gives its address."""
    from nemo_ctcbias.serve.app import make_app
    from nemo_ctcbias.serve.options import ServeOptions
    from nemo_ctcbias.serve.server import Server, listening
    from nemo_ctcbias.serve.service import Service

    running = []

    def start(model, options=None, token=None, lists=None):
        folder = lists or tmp_path_factory.mktemp("lists")
        service = Service(model, "tiny", folder, options or ServeOptions())
        sock = listening("127.0.0.1", 0)
        up = threading.Event()
        server = Server(make_app(service, token), service, up.set)
        thread = threading.Thread(target=server.run, args=([sock],), daemon=True)
        thread.start()
        assert up.wait(30)
        running.append((server, thread, sock))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        return SimpleNamespace(url=url, service=service, server=server, thread=thread, lists=folder)

    yield start
    for server, thread, sock in running:
        server.should_exit = True
        thread.join(20)
        sock.close()
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def served(serve, tiny_model):
    """The server that most tests ask."""
    one = serve(tiny_model)
    one.service.warm_up()  # what is compiled the first time takes long where it has never been
    return one


@pytest.fixture(scope="session")
def attending(serve, base_nemo, eager):
    """A server whose model has a contextual adapter, which looks at all phrases about alike: noise sounds like none."""
    import torch

    from nemo_ctcbias import from_ctc
    from nemo_ctcbias.adapter.contextual_adapter import PhraseEvidence

    model = from_ctc(base_nemo).eval()
    model.set_biasing(**eager)
    torch.manual_seed(0)
    model.add_adapter("names", {"dim": 16, "heads": 2})
    for part in model.modules():
        if isinstance(part, PhraseEvidence):
            part.scale.data.zero_(), part.offset.data.zero_()
    return serve(model.eval())


@pytest.fixture(scope="session")
def http(served):
    """A client of it."""
    import httpx

    with httpx.Client(base_url=served.url, timeout=60) as client:
        yield client


@pytest.fixture
def ask(http, noise_wavs):
    """Transcribe the first recording; fields as keywords."""

    def post(file=None, **fields):
        file = file or ("noise.wav", noise_wavs[0].read_bytes())
        return http.post("/v1/audio/transcriptions", files={"file": file}, data={"model": "any", **fields})

    return post


@pytest.fixture
def until():
    """Waits for something to become true."""

    def wait(condition, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end
            time.sleep(0.01)

    return wait
