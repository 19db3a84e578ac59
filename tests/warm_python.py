"""`python` and `nemo-ctcbias` for tests that run commands, as processes that need not wait for NeMo to load.

NeMo takes most of the time of a short command.  One process loads it (nothing of ours), and forks for each command that
comes over a socket: with the command's own arguments, folder, environment, input and output.  The README's own commands
and what a new user does first are tested by processes of their own.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LOADED = ("nemo.collections.asr.models", "lightning.pytorch", "hydra", "numba")
SIZE = 8  # bytes of the length of a request
WAIT = 0.02  # seconds between looking whether a command has ended
CLIENT = """#!{python} -IS
import json, os, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect({address!r})
name = os.path.basename(sys.argv[0])
asked = json.dumps([name, sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
socket.send_fds(server, [len(asked).to_bytes({size}, "big")], [0, 1, 2])
server.sendall(asked)
sys.exit(int.from_bytes(server.recv(1) or b"\\xff", "big"))
"""


def warm(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment whose `python` and `nemo-ctcbias` are warm ones, before all others."""
    return {**environment, "PATH": f"{_programs()}{os.pathsep}{environment['PATH']}"}


@cache
def _programs() -> Path:
    """The folder with the two, and the process behind them, as long as this one lives."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    address = str(folder / "socket")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen()
    number = listening.fileno()
    server = subprocess.Popen([sys.executable, __file__, str(number)], pass_fds=[number], stdin=subprocess.DEVNULL)
    atexit.register(server.kill)
    for name in ("python", "nemo-ctcbias"):
        program = folder / name
        program.write_text(CLIENT.format(python=sys.executable, address=address, size=SIZE))
        program.chmod(0o755)
    return folder


# --- the process behind them


def serve(listening: socket.socket) -> None:
    """Load NeMo, and fork for each command that comes."""
    for module in LOADED:
        __import__(module)
    sys.stdout.flush()  # or each command would say it again
    while True:
        command, _ = listening.accept()
        if not os.fork():  # waits for the command's own process
            listening.close()
            code = _child(command)
            with contextlib.suppress(OSError):  # nobody may be there any more
                command.sendall(code.to_bytes(1, "big"))
            os._exit(0)
        command.close()
        _reap()


def _reap() -> None:
    """Let go of children that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _child(command: socket.socket) -> int:
    """Exit status of a command, run in a process of its own."""
    size, descriptors, _, _ = socket.recv_fds(command, SIZE, 3)
    asked = b""
    while len(asked) < int.from_bytes(size, "big"):
        asked += command.recv(1 << 16)
    child = os.fork()
    if child:
        for descriptor in descriptors:
            os.close(descriptor)
        return _status(child, command)
    for descriptor, place in zip(descriptors, (0, 1, 2), strict=True):
        os.dup2(descriptor, place)
        os.close(descriptor)
    command.close()
    _exit(*json.loads(asked))


def _status(child: int, command: socket.socket) -> int:
    """Exit status of a process; it is told to end when whoever asked for it was killed."""
    told = False
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if told:
            time.sleep(WAIT)
        elif select.select([command], [], [], WAIT)[0]:
            os.kill(child, signal.SIGTERM)
            told = True


def _exit(name: str, arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    """Become the command."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # multiprocessing, and so a forked one, may have none
    code = 0
    try:
        _run(name, arguments)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code and not isinstance(end.code, int):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        code = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(name: str, arguments: list[str]) -> None:
    if name == "nemo-ctcbias":
        from nemo_ctcbias.cli import main

        sys.argv = [name, *arguments]
        sys.exit(main())
    kind, *rest = arguments
    if kind == "-c":
        sys.argv = ["-c", *rest[1:]]
        sys.path[0] = ""
        exec(compile(rest[0], "<string>", "exec"), {"__name__": "__main__"})
    elif kind == "-m":
        sys.argv = rest
        sys.path[0] = ""
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = str(Path(kind).resolve().parent)
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
