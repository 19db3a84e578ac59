"""A KenLM binary tried in a process of its own: KenLM follows unchecked what stands in it, and may crash on damage."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from nemo_ctcbias.errors import LanguageModelError

MOST_WORDS = 50_000  # that are looked up, in lines of so many, so that longer n-grams are looked for as well
LINE = 10
CRASHES = {-getattr(signal, name, 0) for name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGFPE", "SIGILL")} - {0}
PROGRAM = """
import kenlm, sys
config = kenlm.Config()
config.show_progress, config.load_method = False, kenlm.LoadMethod.LAZY
model = kenlm.Model(sys.argv[1], config)
for line in sys.stdin.buffer:
    model.score(line.decode(errors="replace"))
"""


def refuse_crashing(path: Path, words: Sequence[str]) -> None:
    """Refuse a binary on which KenLM crashes, at once or when its words are looked up.

    Most damaged ones are found, not all: what is not looked up is not seen. Once for a file as it is.

    Raises:
        LanguageModelError: KenLM crashes.
    """
    stat = path.stat()
    if _crashes(path, tuple(words), stat.st_size, stat.st_mtime_ns):
        raise LanguageModelError(f"{path}: is damaged (KenLM crashes on it); replace the file")


@lru_cache(maxsize=8)
def _crashes(path: Path, words: tuple[str, ...], size: int, stamp: int) -> bool:
    chosen = random.Random(0).sample(words, min(MOST_WORDS, len(words)))
    lines = (" ".join(chosen[place : place + LINE]) for place in range(0, len(chosen), LINE))
    text = "\n".join(lines).encode("utf-8", errors="replace")
    try:
        ended = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], input=text, capture_output=True, check=False)
    except OSError:  # no process to be had: it has to do without
        return False
    return ended.returncode in CRASHES  # what KenLM refuses by itself is told by the one who opens it
