"""What a copied model has for itself: its lock, and what it makes when it is first asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Lock:
    """One thread at a time where NeMo changes itself (modes, hooks, loggers); a copied model has a lock of its own."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def __deepcopy__(self, memo: dict[int, Any]) -> Lock:
        return Lock()

    def __reduce__(self) -> tuple:
        return Lock, ()


class Once:
    """A value that is made when first asked for; a copied model makes its own."""

    def __init__(self) -> None:
        self.value: Any = None

    def get(self, make: Callable[[], Any]) -> Any:
        """The value, made now if there is none."""
        if self.value is None:
            self.value = make()
        return self.value

    def __deepcopy__(self, memo: dict[int, Any]) -> Once:
        return Once()

    def __reduce__(self) -> tuple:
        return Once, ()
