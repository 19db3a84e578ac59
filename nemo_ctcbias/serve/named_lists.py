"""Lists that the server keeps by name, for any request to use: a file each, which is there whole or not at all."""

from __future__ import annotations

import re
import threading
from pathlib import Path

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.serve.problem import Problem
from nemo_ctcbias.whole_files import make_folder

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
SUFFIX = ".jsonl"
MOST = 10_000  # lists


class NamedLists:
    """The lists of a folder.  A name is no path: letters, digits, - and _.

    Args:
        folder: made if it is not there.

    Raises:
        OutputError: no file can be written there.
        BiasListError: a list that lies there cannot be read.
    """

    def __init__(self, folder: str | Path):
        self._folder = make_folder(folder)
        self._lock = threading.Lock()
        files = (path for path in sorted(self._folder.glob(f"*{SUFFIX}")) if NAME.fullmatch(path.stem))
        self._lists = {path.stem: BiasList.load(path) for path in files}

    def names(self) -> list[str]:
        """In the order of the alphabet."""
        with self._lock:
            return sorted(self._lists)

    def get(self, name: str) -> BiasList:
        """The list of that name.

        Raises:
            Problem: there is none.
        """
        with self._lock:
            found = self._lists.get(name)
        if found is None:
            raise Problem(404, f"there is no list {name[:64]!r}; PUT /v1/lists/NAME makes one", "list")
        return found

    def put(self, name: str, bias_list: BiasList) -> bool:
        """Keep a list, on disk first; whether it is new.

        Raises:
            Problem: no name, or too many lists.
            OutputError: it cannot be written.
        """
        if not NAME.fullmatch(name):
            raise Problem(400, f"{name[:64]!r} is no name of a list; take up to 64 letters, digits, - and _", "list")
        with self._lock:
            new = name not in self._lists
            if new and len(self._lists) >= MOST:
                raise Problem(400, f"there are {MOST} lists already; DELETE one first", "list")
            bias_list.save(self._path(name))
            self._lists[name] = bias_list
        return new

    def delete(self, name: str) -> None:
        """Forget a list.

        Raises:
            Problem: there is none.
        """
        self.get(name)
        with self._lock:
            self._path(name).unlink(missing_ok=True)
            self._lists.pop(name, None)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"
