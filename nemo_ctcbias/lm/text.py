"""Training text of a language model: read, fitted to a model's vocabulary, counted."""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.data_files import parse_json
from nemo_ctcbias.errors import LanguageModelError

MANIFEST_SUFFIXES = (".json", ".jsonl", ".ndjson")
RESERVED = re.compile(r"</?[^<>\s]+>")  # <s>, <unk>, class tokens: never words of a text


def read_lines(path: str | Path) -> Iterator[str]:
    """Lines of a text file, gzipped (.gz) or not; of a NeMo manifest (.json, .jsonl) the `text` fields.

    Raises:
        LanguageModelError: a file that is missing, damaged, not UTF-8 or no manifest.
    """
    path = Path(path)
    manifest = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
    opener = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if manifest in MANIFEST_SUFFIXES:
                    line = _text_of_row(line, f"{path}:{number}")
                if line.strip():
                    yield line
    except FileNotFoundError as error:
        raise LanguageModelError(f"{path}: no such text; check the path") from error
    except UnicodeDecodeError as error:
        raise LanguageModelError(f"{path}: is not UTF-8 after line {number}; save the text as UTF-8") from error
    except (OSError, EOFError, zlib.error) as error:
        raise LanguageModelError(f"{path}: cannot be read after line {number} ({error}); replace the file") from error


def _text_of_row(line: str, where: str) -> str:
    if not line.strip():
        return ""
    try:
        row = parse_json(line)
    except ValueError as error:
        raise LanguageModelError(f"{where}: is not valid JSON; a manifest has an object with 'text' a line") from error
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(text, str):
        raise LanguageModelError(f"{where}: has no 'text'; a manifest has an object with 'text' a line")
    return text


@dataclass
class TextCounts:
    """What was read.

    Attributes:
        words: word -> occurrences.
        sentences: lines kept.
        skipped: lines left out because the model cannot write some word of them (a number in figures, say).
        example: the first such word.
    """

    words: Counter[str] = field(default_factory=Counter)
    sentences: int = 0
    skipped: int = 0
    example: str = ""

    @property
    def tokens(self) -> int:
        """Words of the text, repeats counted."""
        return self.words.total()


def fit(lines: Iterable[str], vocabulary: Vocabulary, counts: TextCounts) -> Iterator[str]:
    """Lines as the model would write them, words separated by single spaces; counts them on the way.

    A line with a word that the model cannot write is left out whole: what is said there is not known.
    """
    for line in lines:
        text = vocabulary.normalise(line)
        bad = vocabulary.unknown(text)
        reserved = RESERVED.search(line)
        if bad or reserved:
            counts.skipped += 1
            counts.example = counts.example or (
                reserved.group() if reserved else next(word for word in text.split() if set(bad) & set(word))
            )
        elif text:
            counts.sentences += 1
            counts.words.update(text.split(" "))
            yield text


def rare_words(words: Counter[str], min_count: int, class_share: float | None = None) -> frozenset[str]:
    """Words that the class stands for: those seen less often than a threshold.

    Args:
        words: word -> occurrences.
        min_count: words seen at least so often are kept.
        class_share: instead, the lowest threshold at which the class makes up this share of the text (0 to 1).
    """
    if class_share is not None:
        by_count = Counter()
        for count in words.values():
            by_count[count] += count
        total, share, min_count = words.total(), 0, 0
        for count in sorted(by_count):
            if share >= class_share * total:
                break
            share, min_count = share + by_count[count], count + 1
    return frozenset(word for word, count in words.items() if count < min_count)
