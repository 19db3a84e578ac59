"""Who may ask: on the loopback interface programs of this machine and the page, elsewhere who has the token.

A browser lets any page send requests to `localhost`, and to any name that its owner points there.  So without a token
the `Host` has to be this machine's, and an `Origin`, which browsers send, the server itself.
"""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.serve.problem import Problem, refuse

OPEN = ("/", "/health", "/ready")  # what tells nothing; and the files of the page
PAGE = "/page/"
PROTOCOL = "openai-insecure-api-key."  # how OpenAI's websockets carry a token from a browser, which can set no header


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a server that listens there.

    >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_token(token: str | None, host: str) -> str | None:
    """The token, if it may be used there.

    Raises:
        SettingError: there is none where others reach the server, or it is no token.
    """
    if token is None and not is_loopback(host):
        raise SettingError(
            f"--host {host}: others reach the server there; give a token that they have to send, in the environment "
            "variable NEMO_CTCBIAS_TOKEN or as --token-file FILE"
        )
    if token is not None and (len(token) < 8 or not token.isascii() or not token.isprintable() or " " in token):
        raise SettingError("the token must be 8 or more letters, digits and signs; for example: openssl rand -hex 16")
    return token


class Access:
    """ASGI middleware that refuses the others."""

    def __init__(self, app: ASGIApp, token: str | None):
        self._app, self._token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] in ("http", "websocket") and (problem := self._problem(scope)):
            await refuse(problem, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> Problem | None:
        path, headers = scope["path"], Headers(scope=scope)
        host = headers.get("host", "")
        origin = headers.get("origin")
        if origin is not None and _netloc(origin) != host:
            return Problem(403, "pages of other servers may not ask this one")
        if self._token is None:
            if not is_loopback(_name_of(host)):
                return Problem(403, f"this server answers on localhost only, not as {host[:100]!r}")
        elif path not in OPEN and not path.startswith(PAGE) and not self._has_token(headers):
            return Problem(401, "the token is missing or wrong; send it as 'Authorization: Bearer TOKEN'")
        return None

    def _has_token(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        candidates = [given] if scheme.lower() == "bearer" else []
        offered = headers.get("sec-websocket-protocol", "").split(",")
        candidates += [one.strip().removeprefix(PROTOCOL) for one in offered if one.strip().startswith(PROTOCOL)]
        return any(hmac.compare_digest(one.strip().encode(), str(self._token).encode()) for one in candidates)


def _netloc(origin: str) -> str:
    """Host and port of an `Origin`; empty where it is none ("null", of a file)."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _name_of(host: str) -> str:
    """A `Host` without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.rpartition(":")[0] or host
