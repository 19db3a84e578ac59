"""KenLM's own estimator: find `lmplz` and `build_binary`, run them with bounded memory, say what went wrong.

The Python package `kenlm` only reads models; the programs that make them are built from its source distribution
(`BUILD_COMMAND` below; a minute, needs cmake, g++ and boost).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from nemo_ctcbias.errors import LanguageModelError, MissingDependencyError

FOLDER_VARIABLE = "KENLM_BIN"
MAX_ORDER = 6  # what KenLM is compiled for

BUILD_COMMAND = """\
sudo apt-get install -y g++ cmake libboost-program-options-dev libboost-system-dev libboost-thread-dev \\
    libboost-test-dev zlib1g-dev libbz2-dev liblzma-dev
pip download kenlm==0.3.0 --no-binary kenlm --no-deps && tar xzf kenlm-0.3.0.tar.gz
cmake -S kenlm-0.3.0 -B kenlm-build -DCMAKE_BUILD_TYPE=Release
cmake --build kenlm-build --target lmplz build_binary && export KENLM_BIN=$PWD/kenlm-build/bin"""


def find(program: str = "lmplz") -> Path:
    """Path of a KenLM program: in the folder that the variable KENLM_BIN names, else on the PATH.

    Raises:
        MissingDependencyError: it is in neither; the message tells how to build it.
    """
    folder = os.environ.get(FOLDER_VARIABLE)
    found = shutil.which(program, path=folder) if folder else shutil.which(program)
    if found is None:
        place = f"in {folder} (${FOLDER_VARIABLE})" if folder else f"on the PATH or in ${FOLDER_VARIABLE}"
        raise MissingDependencyError(
            f"{program}: KenLM's program is not {place}; build it from KenLM's source with\n{BUILD_COMMAND}"
        )
    return Path(found)


def estimate(
    text: Iterable[str] | Path,
    order: int,
    arpa: str | Path,
    *,
    prune: Sequence[int] = (),
    discount_fallback: bool = False,
    memory: str = "1G",
    vocab_estimate: int = 100_000,
) -> None:
    """Estimate an interpolated modified Kneser-Ney n-gram model and write it as an ARPA file.

    Args:
        text: sentences of space-separated words (one each, no line breaks within), or a file with one a line.
        order: length of the longest n-grams, 2 to 6 (KenLM reads no smaller ones).
        prune: n-grams seen at most so often are left out; a number for each order from 1 (never 1-grams: 0) up,
            the last one holding for the rest, as `lmplz --prune`.
        discount_fallback: use fixed discounts where counts of counts are too regular to estimate them
            (small or artificial text).
        memory: bound of lmplz's sorting memory, such as "500M"; more goes to temporary files beside `arpa`.
        vocab_estimate: distinct words to expect; only speed depends on it.

    Raises:
        MissingDependencyError: lmplz is not there.
        LanguageModelError: an order out of range, no text, or lmplz refuses the text; the message has its reason.
    """
    if not isinstance(order, int) or not 2 <= order <= MAX_ORDER:
        raise LanguageModelError(f"order {order}: KenLM reads models of order 2 to {MAX_ORDER}; give one of these")
    program, arpa = find("lmplz"), Path(arpa)
    with tempfile.TemporaryDirectory(dir=arpa.resolve().parent, prefix=".lmplz") as folder:
        command = [str(program), "-o", str(order), "-S", memory, "-T", f"{folder}/", "--arpa", str(arpa)]
        command += ["--vocab_estimate", str(vocab_estimate)]
        command += ["--prune", *map(str, prune)] if any(prune) else []
        command += ["--discount_fallback"] if discount_fallback else []
        source = text if isinstance(text, Path) else _write(text, Path(folder) / "text")
        with source.open("rb") as stream:
            _run(command, stream)


def to_binary(arpa: str | Path, binary: str | Path, bits: int | None = 8, memory: str = "1G") -> None:
    """KenLM's binary trie of an ARPA file; small, and read at once.

    Args:
        bits: quantise log-probs and back-offs to so many bits (2 to 25); None keeps them exact.

    Raises:
        MissingDependencyError, LanguageModelError: as `estimate`.
    """
    command = [str(find("build_binary")), "-S", memory, "-T", str(Path(binary).resolve().parent / ".trie")]
    command += ["-q", str(bits), "-b", str(bits)] if bits else []
    _run([*command, "-a", "255", "trie", str(arpa), str(binary)])


def _write(sentences: Iterable[str], path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(sentence + "\n" for sentence in sentences)
    return path


def _run(command: list[str], stdin=subprocess.DEVNULL) -> None:
    done = subprocess.run(command, stdin=stdin, capture_output=True, text=True, errors="replace")
    if done.returncode:
        name = Path(command[0]).name
        raise LanguageModelError(f"{name}: {_reason(done.stderr, done.returncode)}")


REMEDIES = {  # a sign in KenLM's message: what to do
    "BadDiscountException": "the text is too small or too regular to estimate discounts; give more text, or fixed "
    "discounts (discount_fallback, --discount-fallback)",
    "is not allowed in the corpus": "the text holds <s>, </s> or <unk>; remove them",
    "memory size": "a memory bound looks like 500M or 2G",
    "minimum block size": "so little memory is not enough; a memory bound looks like 500M or 2G",
    "No space left": "the disk is full; free some space beside the output file",
}


def _reason(stderr: str, code: int) -> str:
    """What to tell of a failed run: a known remedy, else KenLM's last words without their C++."""
    for sign, remedy in REMEDIES.items():
        if sign in stderr:
            return remedy
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    last = re.sub(r"^.*threw \w+( because `[^']*')?\.?", "", lines[-1]).strip() if lines else ""
    return f"failed with status {code} ({last or 'no message'}); see its --help"
