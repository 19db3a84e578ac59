"""Answers of the layers around the routes, which are ASGI applications themselves."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from nemo_ctcbias.serve.problem import Problem

POLICY = 1008  # a websocket's code for what is not allowed


async def refuse(problem: Problem, scope: Scope, receive: Receive, send: Send) -> None:
    """End a request, or a websocket before it is open, with a problem."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY, "reason": problem.message[:120]})
        return
    await JSONResponse(problem.body(), problem.status, problem.headers)(scope, receive, send)
