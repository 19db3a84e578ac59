"""The server process: listening, and ending without losing what was taken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import anyio
import uvicorn
from fastapi import FastAPI

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.serve.service import Service

LAST = 10.0  # seconds that live sessions have to hear what was said
NOTICE = 0.2  # seconds in which /ready tells that the end is near, before connections are refused


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Raises:
        SettingError: it cannot be had.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(128)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SettingError(f"--host {host} --port {port}: cannot be listened on ({reason}); take others") from error
    return sock


class Server(uvicorn.Server):
    """Ends as asked by SIGTERM or Ctrl-C: says that it is not ready, and answers what was taken.

    Args:
        ready: called when requests are taken.
    """

    def __init__(self, app: FastAPI, service: Service, ready: Callable[[], object] = lambda: None):
        super().__init__(
            uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, ws_max_size=1 << 20)
        )
        self._app, self._service, self._ready = app, service, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's."""
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's, which waits for the requests that it has; live sessions finish before."""
        self._service.draining = True
        sessions = list(self._app.state.sessions)
        for session in sessions:
            session.end()
        with anyio.move_on_after(LAST):
            for session in sessions:
                await session.ended.wait()
        await asyncio.sleep(NOTICE)
        await super().shutdown(sockets)
