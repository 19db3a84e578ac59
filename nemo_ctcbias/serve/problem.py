"""A request that is refused: one line that says what is wrong, in the form of OpenAI's errors."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from nemo_ctcbias.errors import AudioError, BiasingError, BiasListError

KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
KINDS |= {413: "invalid_request_error", 429: "rate_limit_error"}
POLICY = 1008  # a websocket's code for what is not allowed
SHOWN = 1000  # characters of a message: what it quotes may be as long as a request


class Problem(Exception):  # noqa: N818 (an answer like others)
    """Ends a request.

    Args:
        message: what is wrong, and what to do.
        param: the field that it is about.
    """

    def __init__(self, status: int, message: str, param: str | None = None, headers: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.message, self.param, self.headers = status, message, param, headers or {}

    @classmethod
    def of(cls, error: BiasingError) -> Problem:
        """A request that cannot be used, for what this package says of it."""
        param = "file" if isinstance(error, AudioError) else "hotwords" if isinstance(error, BiasListError) else None
        return cls(400, str(error), param)

    def body(self) -> dict[str, Any]:
        """As JSON; a message is one line of valid text."""
        message = " ".join(self.message.encode("utf-8", "replace").decode("utf-8").split())
        message = message if len(message) <= SHOWN else message[: SHOWN - 1] + "…"
        kind = KINDS.get(self.status, "server_error")
        return {"error": {"message": message, "type": kind, "param": self.param, "code": None}}


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """End a request, or a websocket before it is open, with a problem."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY, "reason": problem.message[:120]})
        return
    await JSONResponse(problem.body(), problem.status, problem.headers)(scope, receive, send)
