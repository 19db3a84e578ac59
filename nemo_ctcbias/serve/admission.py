"""How many requests are taken, how large and for how long: what is beyond is refused before it costs anything."""

from __future__ import annotations

import time

import anyio
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nemo_ctcbias.serve.metrics import Metrics
from nemo_ctcbias.serve.options import ServeOptions
from nemo_ctcbias.serve.problem import Problem, refuse

LISTS = "/v1/lists"
LIST_BYTES = 4 << 20  # of a list that is sent
WORK = ("/v1/audio/transcriptions", LISTS)  # what takes memory and the model


class Admission:
    """ASGI middleware: a bounded queue, bounded bodies, bounded time; and the count of all answers.

    Attributes:
        busy: requests that are worked on or wait.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions, metrics: Metrics):
        self._app, self._options, self._metrics = app, options, metrics
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin, status = time.monotonic(), [0]

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = message["status"]
            await send(message)

        try:
            await self._admitted(scope, receive, counted, status)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.requests.labels(route, status[0]).inc()
            self._metrics.seconds.labels(route).observe(time.monotonic() - begin)

    async def _admitted(self, scope: Scope, receive: Receive, send: Send, status: list[int]) -> None:
        if not scope["path"].startswith(WORK):
            await self._app(scope, receive, send)
            return
        if problem := self._problem(scope):
            await refuse(problem, scope, receive, send)
            return
        self.busy += 1
        self._metrics.busy.set(self.busy)
        try:
            with anyio.move_on_after(self._options.timeout) as limit:
                await self._app(scope, self._bounded(scope, receive), send)
            if limit.cancelled_caught and not status[0]:
                told = f"took longer than {self._options.timeout:g} s; send a shorter recording, or try again later"
                await refuse(Problem(503, told, headers={"Retry-After": "10"}), scope, receive, send)
        finally:
            self.busy -= 1
            self._metrics.busy.set(self.busy)

    def _problem(self, scope: Scope) -> Problem | None:
        if self.busy >= self._options.queue:
            self._metrics.refused.inc()
            told = f"{self.busy} requests are waiting, and this server takes no more; try again in a second"
            return Problem(429, told, headers={"Retry-After": "1"})
        length = Headers(scope=scope).get("content-length", "0")
        return self._too_large(scope) if length.isdecimal() and int(length[:20]) > self._most(scope) else None

    def _most(self, scope: Scope) -> int:
        return LIST_BYTES if scope["path"].startswith(LISTS) else self._options.bytes

    def _too_large(self, scope: Scope) -> Problem:
        if scope["path"].startswith(LISTS):
            return Problem(413, f"the list is larger than {LIST_BYTES >> 20} MB; shorten it")
        told = f"the request is larger than {self._options.megabytes:g} MB; send a shorter or compressed recording"
        return Problem(413, told, "file")

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """A length is not believed, and need not be given."""
        seen, most = 0, self._most(scope)

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                problem = self._too_large(scope)
                raise HTTPException(problem.status, problem.message)  # FastAPI makes any other one a 400
            return message

        return counting
