"""`nemo-ctcbias serve`: an HTTP server with lists per request, and a page to try it."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

from nemo_ctcbias.commands.bias_options import add_bias_options, bias_list_of, set_list
from nemo_ctcbias.commands.model_options import add_model_options, check_model_options, model_of
from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.serve.options import ServeOptions
from nemo_ctcbias.shipped import checkpoint

DEFAULTS = ServeOptions()
TOKEN = "NEMO_CTCBIAS_TOKEN"
NEEDS = ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "websockets")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="where to listen (default 127.0.0.1: programs of this machine only)")
    add("--port", type=int, default=8000, help="port, 0 for any that is free (default 8000)")
    add("--token-file", metavar="FILE", help=f"holds the token that requests have to send (or ${TOKEN})")
    add("--lists", metavar="FOLDER", default="nemo-ctcbias-lists", help="where named lists are kept (default "
        "nemo-ctcbias-lists)")  # fmt: skip
    add_bias_options(parser)
    add_model_options(parser)
    add("--nbest", type=int, default=3, metavar="N", help="texts that an answer holds as `alternatives` (default 3)")
    for name, kind, told in (
        ("queue", int, "requests worked on or waiting at a time; more are refused"),
        ("megabytes", float, "largest upload"),
        ("seconds", float, "longest recording"),
        ("phrases", int, "longest list of a request"),
        ("timeout", float, "seconds that a request may take"),
        ("batch_size", int, "recordings a batch"),
        ("wait", float, "milliseconds that a recording waits for others to share its batch"),
        ("list_megabytes", float, "memory of lists that are kept ready; those used last stay"),
    ):
        value = getattr(DEFAULTS, name)
        add(f"--{name.replace('_', '-')}", type=kind, default=value, metavar="N", help=f"{told} (default {value:g})")


def run(args: argparse.Namespace) -> int:
    """Serve until SIGTERM or Ctrl-C."""
    if missing := [name for name in NEEDS if find_spec(name) is None]:
        raise MissingDependencyError(f"serve needs {', '.join(missing)}: pip install 'nemo-ctcbias[serve]'")
    from nemo_ctcbias.serve.access import checked_token
    from nemo_ctcbias.serve.app import make_app
    from nemo_ctcbias.serve.server import Server, listening
    from nemo_ctcbias.serve.service import Service

    options = ServeOptions(**{one.name: getattr(args, one.name) for one in fields(ServeOptions)})
    if args.nbest < 1:
        raise SettingError(f"--nbest must be 1 or more, got {args.nbest}")
    token = checked_token(_token(args), args.host)
    bias_list = bias_list_of(args)
    settings = check_model_options(args)
    with listening(args.host, args.port) as sock:
        model = model_of(args, settings)
        set_list(model, bias_list)
        service = Service(model, Path(checkpoint(args.model)).stem, args.lists, options)
        service.warm_up()
        host, port = sock.getsockname()[:2]
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        ready = f"{address} (lists in {args.lists}; Ctrl-C ends)"
        Server(make_app(service, token), service, lambda: print(ready, file=sys.stderr, flush=True)).run([sock])
    return 0


def _token(args: argparse.Namespace) -> str | None:
    if args.token_file is None:
        return os.environ.get(TOKEN)
    try:
        return Path(args.token_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"--token-file {args.token_file}: cannot be read; give a file with the token") from error
