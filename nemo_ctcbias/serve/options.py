"""What a server takes on, and how long it works on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nemo_ctcbias.errors import SettingError


@dataclass(frozen=True)
class ServeOptions:
    """Bounds of a server.

    Attributes:
        queue: requests that are worked on or wait at a time; more are refused.
        megabytes: of an upload.
        seconds: of a recording.
        phrases: of the lists of a request together.
        timeout: seconds from a request's first byte to its answer.
        batch_size: recordings, or pieces of long ones, that the model hears at once.
        wait: milliseconds that the first of a batch waits for others.
        list_megabytes: of lists that are kept ready for requests to come; those used last stay.

    Raises:
        SettingError: a bound below 1 (of `wait`: below 0).
    """

    queue: int = 64
    megabytes: float = 100.0
    seconds: float = 7200.0
    phrases: int = 10_000
    timeout: float = 600.0
    batch_size: int = 8
    wait: float = 5.0
    list_megabytes: float = 256.0

    def __post_init__(self) -> None:
        for name in ("queue", "megabytes", "seconds", "phrases", "timeout", "batch_size", "list_megabytes"):
            value = getattr(self, name)
            if not 1 <= value < math.inf:
                raise SettingError(f"--{name.replace('_', '-')} must be 1 or more, got {value}")
        if not 0 <= self.wait < math.inf:
            raise SettingError(f"--wait must be 0 or more milliseconds, got {self.wait}")

    @property
    def bytes(self) -> int:
        """Of a request's body; its fields beside the recording have room, too."""
        return round(self.megabytes * 2**20) + 2**20
