"""The routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Annotated, Any, TypeVar

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from nemo_ctcbias import __version__
from nemo_ctcbias.bias_list import BiasList, summary
from nemo_ctcbias.errors import BiasingError, OutputError
from nemo_ctcbias.serve.access import Access
from nemo_ctcbias.serve.admission import Admission
from nemo_ctcbias.serve.answers import RESPONSE_FORMATS, Answer
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.serve.realtime import add_realtime
from nemo_ctcbias.serve.request_list import request_list
from nemo_ctcbias.serve.service import Service

logger = logging.getLogger("nemo_ctcbias.serve")
T = TypeVar("T")
HUNG_UP = 0.5  # seconds between looking whether somebody still waits for an answer
KNOWN = {"file", "model", "language", "prompt", "response_format", "hotwords", "keywords", "speech_contexts", "list"}
KNOWN |= {"timestamp_granularities", "include"}
IGNORED = {
    "temperature": "a CTC model does not sample",
    "stream": "the answer comes as a whole; /v1/realtime answers while somebody speaks",
    "language": "a model hears the language that it was trained on",
    "prompt": "prose is of no use to a CTC model, only names in quotation marks, behind a colon or in a bare list",
}
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
#: Files of the page that the report of an evaluation has, too; there the first has another name.
SHARED_WITH_REPORT = {"report.css": "page.css", "elements.js": "elements.js", "attention.js": "attention.js"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src blob:; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SAFE = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

Words = Annotated[list[str], Form()]


def make_app(service: Service, token: str | None = None) -> FastAPI:
    """The application of a service.

    Args:
        service: which it closes when it ends.
        token: that requests have to send; None on the loopback interface only.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(title="nemo-ctcbias", version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    _add_errors(app)
    _add_transcription(app, service)
    _add_lists(app, service)
    _add_state(app, service)
    _add_page(app)
    app.state.sessions = set()
    add_realtime(app, service, app.state.sessions)
    app.add_middleware(Admission, options=service.options, metrics=service.metrics)
    app.add_middleware(Access, token=token)
    return app


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> JSONResponse:
        return JSONResponse(error.body(), error.status, error.headers)

    @app.exception_handler(BiasingError)
    async def refused(request: Request, error: BiasingError) -> JSONResponse:
        if isinstance(error, OutputError):
            logger.error("%s", error)
            return await problem(request, Problem(507, "the server has no room to keep the list; tell who runs it"))
        return await problem(request, Problem.of(error))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = str(first["loc"][-1])
        return await problem(request, Problem(400, f"{field}: {first['msg']}", field))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        return await problem(request, Problem(error.status_code, str(error.detail), headers=dict(error.headers or {})))

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        return await problem(request, Problem(500, "the server failed; its log says why"))


def _add_transcription(app: FastAPI, service: Service) -> None:
    @app.post("/v1/audio/transcriptions", summary="A recording to text, listed phrases preferred")
    async def transcriptions(
        request: Request,
        file: Annotated[UploadFile, File(description="a recording: wav, flac, ogg, mp3, m4a, webm, ...")],
        model: Annotated[str, Form(description="any; the answer says which model it was")] = "",
        language: Annotated[str | None, Form()] = None,
        prompt: Annotated[str | None, Form(description="names in quotation marks, or behind a colon")] = None,
        response_format: Annotated[str, Form(description=", ".join(RESPONSE_FORMATS))] = "json",
        hotwords: Words = [],  # noqa: B006 (FastAPI copies it)
        hotwords_: Annotated[list[str], Form(alias="hotwords[]")] = [],  # noqa: B006
        keywords: Words = [],  # noqa: B006
        keywords_: Annotated[list[str], Form(alias="keywords[]")] = [],  # noqa: B006
        speech_contexts: Words = [],  # noqa: B006
        named: Annotated[list[str], Form(alias="list", description="names of lists that the server keeps")] = [],  # noqa: B006
        include: Annotated[list[str], Form(alias="include[]", description="attention")] = [],  # noqa: B006
    ) -> Response:
        if response_format not in RESPONSE_FORMATS:
            told = f"{response_format!r} is no format of answers; take one of {', '.join(RESPONSE_FORMATS)}"
            raise Problem(400, told, "response_format")
        if service.draining:
            raise Problem(503, "the server is about to end; ask another one", headers={"Retry-After": "5"})
        fields = named, [*hotwords, *hotwords_], [*keywords, *keywords_], speech_contexts, prompt
        asked = await run_in_threadpool(request_list, *fields, service.lists.get)
        use = await service.checked(asked.bias_list)
        recording = await service.decoded(file.file, file.filename or "file")
        transcript = await _while_waited_for(request, service.transcribed(recording, asked.bias_list))
        attention = await service.attended(recording, asked.bias_list) if "attention" in include else None
        service.metrics.add(use, len(transcript.hits), recording.seconds)
        form = await request.form()
        ignored = _ignored(form, asked.prose, include)
        return Answer(transcript, use, service.name, language, ignored, attention).response(response_format)


async def _while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What work comes to; it is given up when who asked for it has hung up."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait([task], timeout=HUNG_UP))[0]:
            if await request.is_disconnected():
                raise Problem(499, "nobody waits for the answer any more")
        return task.result()
    finally:
        task.cancel()


def _ignored(form: Any, prose: str, include: list[str]) -> dict[str, str]:
    """What of a request did nothing, and why; fields that nobody knows, too."""
    found = {}
    for name in form:
        plain = name.removesuffix("[]")
        if plain not in KNOWN:
            found[name[:60]] = IGNORED.get(plain, "this server does not know it")
    if form.get("language"):
        found["language"] = IGNORED["language"]
    if prose:
        found["prompt"] = f"{IGNORED['prompt']}: {prose[:200]}"
    if others := [one[:60] for one in include if one != "attention"]:
        found["include"] = f"only attention can be included, not {', '.join(others)}"
    return found


def _add_lists(app: FastAPI, service: Service) -> None:
    async def told(name: str, bias_list: BiasList) -> dict[str, Any]:
        use = await service.checked(bias_list)
        return {"name": name, "summary": summary(use.notes, len(bias_list)), **use.as_dict()}

    @app.get("/v1/lists", summary="The lists that the server keeps")
    async def names() -> dict[str, Any]:
        kept = [(name, service.lists.get(name)) for name in service.lists.names()]
        return {"data": [{"name": name, "phrases": len(one)} for name, one in kept]}

    @app.post("/v1/lists/check", summary="What the model makes of a list; as `nemo-ctcbias check-list` says it")
    async def check(request: Request) -> dict[str, Any]:
        return await told("list", await _sent_list(request, "list"))

    @app.put("/v1/lists/{name}", summary="Keep a list: text with a phrase a line, CSV, TSV or JSON")
    async def put(name: str, request: Request) -> Response:
        bias_list = await _sent_list(request, name)
        found = await told(name, bias_list)
        new = service.lists.put(name, bias_list)
        return JSONResponse(found, 201 if new else 200)

    @app.get("/v1/lists/{name}", summary="A list, and what the model makes of it")
    async def get(name: str) -> dict[str, Any]:
        bias_list = service.lists.get(name)
        return {**await told(name, bias_list), "entries": [_fields(phrase) for phrase in bias_list]}

    @app.delete("/v1/lists/{name}", status_code=204, summary="Forget a list")
    async def delete(name: str) -> None:
        service.lists.delete(name)


def _fields(phrase: Any) -> dict[str, Any]:
    found = {"text": phrase.text, "weight": phrase.weight, "spoken": list(phrase.spoken), "display": phrase.display}
    found |= {"pronunciations": list(phrase.pronunciations), "type": phrase.type}
    return {key: value for key, value in found.items() if value not in (None, [])}


SUFFIXES = {"application/json": ".json", "application/x-ndjson": ".jsonl", "text/csv": ".csv"}
SUFFIXES |= {"text/tab-separated-values": ".tsv"}


async def _sent_list(request: Request, name: str) -> BiasList:
    """The list in a request's body; its type says what it is, or how it begins."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = (await request.body()).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problem(400, "the list is not UTF-8; send it as UTF-8 text") from error
    if "\0" in text:
        raise Problem(400, "the list is a binary file; send text, CSV, TSV or JSON")
    return await run_in_threadpool(BiasList.read, text, f"{name}{SUFFIXES.get(kind, '')}")


def _add_state(app: FastAPI, service: Service) -> None:
    @app.get("/health", summary="Whether the server lives")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @app.get("/ready", summary="Whether the server takes requests")
    async def ready() -> dict[str, str]:
        if service.draining:
            raise Problem(503, "the server is about to end")
        return {"status": "ready"}

    @app.get("/metrics", summary="For Prometheus")
    async def metrics() -> Response:
        return Response(service.metrics.page(), media_type="text/plain; version=0.0.4")

    @app.get("/v1/models", summary="The model")
    async def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": service.name, "object": "model", "owned_by": "nemo-ctcbias"}]}


def _add_page(app: FastAPI) -> None:
    folder, report = files("nemo_ctcbias.serve") / "page", files("nemo_ctcbias.evaluation") / "page"
    contents = {one.name: one.read_bytes() for one in folder.iterdir() if one.name.rpartition(".")[2] in KINDS}
    for name, own in SHARED_WITH_REPORT.items():
        contents[name] = (report / own).read_bytes()

    def page(name: str) -> Response:
        if name not in contents:
            raise Problem(404, "there is no such file of the page")
        return Response(contents[name], media_type=KINDS[name.rpartition(".")[2]], headers=SAFE)

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return page("index.html")

    @app.get("/page/{name}", include_in_schema=False)
    async def part(name: str) -> Response:
        return page(name)
