"""Which words of an utterance belong on its list: its `rare_words`, or those that a word-count file calls rare."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.data_files import lines_of, read_text
from nemo_ctcbias.errors import BiasListError, ManifestError
from nemo_ctcbias.evaluation.manifest import Row
from nemo_ctcbias.evaluation.normalise import normalise

MOST_DIGITS = 18  # of a count


def read_phrases(path: str | Path) -> list[str]:
    """Phrases of a distractor file, one a line, normalised, duplicates removed, in the file's order.

    Raises:
        BiasListError: the file cannot be read, is not text, or holds no phrase.
    """
    lines = lines_of(read_text(path, "distractor file", BiasListError))
    phrases = list(dict.fromkeys(filter(None, map(normalise, lines))))
    if not phrases:
        raise BiasListError(f"{path}: holds no phrase; a distractor file has one word or phrase a line")
    return phrases


def read_words(path: str | Path | None) -> tuple[str, ...]:
    """Words of a lexicon file, one or more a line; empty without a file."""
    return tuple(dict.fromkeys(word for line in read_phrases(path) for word in line.split())) if path else ()


def read_word_counts(path: str | Path) -> dict[str, int]:
    """Occurrences of each word, from lines with a word and a whole number in either order.

    Raises:
        BiasListError: the file cannot be read, is not text, or a line has another form (named by its number).
    """
    counts: dict[str, int] = {}
    for number, line in enumerate(lines_of(read_text(path, "word-count file", BiasListError)), start=1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) == 2 and parts[0].isdecimal() and not parts[1].isdecimal():
            parts.reverse()
        word = normalise(parts[0])
        if len(parts) != 2 or not parts[1].isdecimal() or len(parts[1]) > MOST_DIGITS or not word:
            raise BiasListError(f"{path}:{number}: {quoted(line)} is not a word and its count")
        counts[word] = counts.get(word, 0) + int(parts[1])
    if not counts:
        raise BiasListError(f"{path}: holds no word counts; give one word and its count a line")
    return counts


def own_words(row: Row, counts: Mapping[str, int] | None = None, at_most: int = 2) -> tuple[str, ...]:
    """Normalised rare words of one utterance, sorted: from `counts` if given, else the row's `rare_words`.

    Words that the transcript does not hold are left out: a list that claims them would count misses nobody can avoid.

    Raises:
        ManifestError: the row has no `rare_words` and no counts are given.
    """
    text = normalise(row["text"])
    if counts is not None:
        return tuple(sorted({word for word in text.split() if counts.get(word, 0) <= at_most}))
    if row.get("rare_words") is None:
        raise ManifestError(
            f"utterance {row['id']!r} has no 'rare_words'; give your own list as --bias-list FILE, add the field, "
            "or give --word-counts FILE"
        )
    return tuple(sorted({word for word in map(normalise, row["rare_words"]) if word and is_spoken(word, text)}))


def is_spoken(phrase: str, text: str) -> bool:
    """Whether a normalised phrase stands in a normalised text as whole words."""
    return f" {phrase} " in f" {text} "
