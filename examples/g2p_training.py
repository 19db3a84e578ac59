"""Align letters with phones, estimate the joint n-gram, measure it on words that it has not seen; for train_g2p.py."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kaldialign import edit_distance

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.phones.g2p import G2P, NGRAM_FILE, TABLE_FILE
from nemo_ctcbias.phones.graphone_ngram import GraphoneNgram
from nemo_ctcbias.phones.graphones import LETTERS, SHAPES, Graphone, aligned, graphone_tables
from nemo_ctcbias.phones.phones import Pronunciation

STEP = 1 / 64  # to which log10-probs are rounded: a tenth of what they are sure of, and half the file
Pairs = list[tuple[str, Pronunciation]]


def pairs_of(lexicon: Mapping[str, Sequence[Pronunciation]]) -> Pairs:
    """Every word that is spelled in letters alone, with each of its pronunciations."""
    return [(word, phones) for word, known in lexicon.items() if set(word) <= set(LETTERS) for phones in known]


def is_held_out(word: str, every: int = 20) -> bool:
    """One word in `every` by its hash: the same words in every run, all pronunciations of a word together."""
    return zlib.crc32(word.encode("utf-8")) % every == 0


def train(pairs: Pairs, folder: Path, order: int = 5) -> int:
    """Align the pairs, estimate the joint n-gram, write the model to `folder`; returns how many pairs had no alignment.

    Raises:
        PhoneticsError: too few pairs to learn from.
        MissingDependencyError: KenLM's programs are not there.
    """
    lmplz.find()  # before minutes of alignment
    if not pairs:
        raise PhoneticsError("lexicon: no word is spelled in the letters a to z; give another lexicon")
    aligner = GraphoneAligner(pairs)
    aligned = [graphones for word, phones in pairs if (graphones := aligner.align(word, phones))]
    used = {graphone for graphones in aligned for graphone in graphones}
    if not used:
        raise PhoneticsError("lexicon: too few words to learn graphones from; give some thousand")
    folder.mkdir(parents=True, exist_ok=True)
    arpa = folder / "graphones.arpa"
    try:
        lmplz.estimate((" ".join(g.token for g in graphones) for graphones in aligned), order, arpa)
        ngram_of_arpa(arpa).save(folder / NGRAM_FILE)
    finally:
        arpa.unlink(missing_ok=True)
    table = {graphone.token: round(p, 8) for graphone, p in sorted(aligner.table().items()) if graphone in used}
    (folder / TABLE_FILE).write_text(json.dumps({"order": order, "graphones": table}, indent=0), encoding="utf-8")
    return len(pairs) - len(aligned)


def ngram_of_arpa(path: Path, step: float | None = STEP) -> GraphoneNgram:
    """That of a file in ARPA format; each part of an n-gram has to be one, as in any model without pruning.

    Args:
        step: log10-probs are rounded to; None keeps them.

    Raises:
        OSError, ValueError: no such file, or another content.
    """
    levels: list[dict[tuple[str, ...], tuple[float, float]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.endswith("-grams:"):
            levels.append({})
        elif levels and "\t" in line:
            prob, words, *backoff = line.split("\t")
            levels[-1][tuple(words.split(" "))] = float(prob), float(backoff[0]) if backoff else 0.0
    return GraphoneNgram.of(levels, step)


@dataclass(frozen=True)
class Accuracy:
    """Of the likeliest pronunciation against the nearest one listed: wrong phones, wrong words; and the n-best."""

    words: int
    phones: int
    phone_errors: int
    word_errors: int
    in_n_best: int
    n: int

    def __str__(self) -> str:
        return (
            f"{self.words} words: phone error rate {self.phone_errors / self.phones:.1%}, word error rate "
            f"{self.word_errors / self.words:.1%}, right one among the {self.n} best {self.in_n_best / self.words:.1%}"
        )


def measure(g2p: G2P, held_out: Mapping[str, Iterable[Pronunciation]], n: int = 5) -> Accuracy:
    """How well `g2p` pronounces the words; any listed pronunciation of a word counts as right."""
    phones = phone_errors = word_errors = in_n_best = 0
    for word, listed in held_out.items():
        listed = set(listed)
        found = [pronunciation for pronunciation, _ in g2p.pronounce(word, n)]
        errors, length = min((edit_distance(right, found[0])["total"], len(right)) for right in listed)
        phones, phone_errors = phones + length, phone_errors + errors
        word_errors += found[0] not in listed
        in_n_best += not listed.isdisjoint(found)
    return Accuracy(len(held_out), phones, phone_errors, word_errors, in_n_best, n)


class GraphoneAligner:
    """Learns the probabilities of graphones by expectation maximisation, and splits a pair into graphones.

    Words of as many letters and phones as each other are worked on together, a numpy operation a lattice cell.

    Args:
        pairs: (word of `LETTERS`, pronunciation).
        iterations: passes of expectation maximisation, from uniform probabilities.
        min_count: graphones expected less often than this are noise (a misspelt entry, an abbreviation); they are
            dropped, and pairs that need one have no alignment.
    """

    def __init__(self, pairs: Iterable[tuple[str, Pronunciation]], iterations: int = 8, min_count: float = 5.0):
        self._units: dict[Graphone, int] = {}
        self.probabilities = np.zeros(0)
        groups = [self._group(*group) for group in _by_length(pairs).values()]
        self.probabilities = np.full(len(self._units), 1 / len(self._units))
        for _ in range(iterations):
            counts = np.zeros(len(self._units))
            for units in groups:
                self._expect(units, counts)
            self.probabilities = counts / counts.sum()
        kept = np.where(counts < min_count, 0, counts)
        self.probabilities = kept / max(kept.sum(), 1e-9)  # nothing may be left of a few words
        self._tables = graphone_tables(self.table())

    def table(self) -> dict[Graphone, float]:
        """Each graphone kept and its probability; they add up to 1."""
        return {unit: float(self.probabilities[i]) for unit, i in self._units.items() if self.probabilities[i] > 0}

    def align(self, word: str, phones: Pronunciation) -> list[Graphone] | None:
        """The likeliest graphones whose letters make the word and whose phones make the pronunciation.

        None if there are none, for too many phones or a letter unlike all seen.
        """
        return aligned(word, phones, self._tables)

    def _group(self, words: Sequence[str], pronunciations: Sequence[Pronunciation]) -> list[np.ndarray]:
        """Numbers of the graphones that may start at each cell: [K, letters, phones] for each shape."""
        shaped = []
        for letters, sounds in SHAPES:
            rows, columns = len(words[0]) - letters + 1, len(pronunciations[0]) - sounds + 1
            numbers = np.zeros((len(words), max(rows, 0), max(columns, 0)), dtype=np.int64)
            for k, (word, phones) in enumerate(zip(words, pronunciations, strict=True)):
                for i in range(rows):
                    for j in range(columns):
                        unit = Graphone(word[i : i + letters], phones[j : j + sounds])
                        numbers[k, i, j] = self._units.setdefault(unit, len(self._units))
            shaped.append(numbers)
        return shaped

    def _expect(self, units: list[np.ndarray], counts: np.ndarray) -> None:
        """Add the expected counts of one group (the forward-backward algorithm on its lattice)."""
        probable = [self.probabilities[numbers] for numbers in units]
        words, rows, columns = units[0].shape  # of shape (1, 0): all letters, and one more than all phones
        forward = np.zeros((rows + 1, columns, words))
        backward = np.zeros((rows + 1, columns, words))
        forward[0, 0] = backward[-1, -1] = 1
        cells = [(i, j) for i in range(rows + 1) for j in range(columns)]
        for i, j in cells:
            for (letters, sounds), p in zip(SHAPES, probable, strict=True):
                if i >= letters and j >= sounds:
                    forward[i, j] += forward[i - letters, j - sounds] * p[:, i - letters, j - sounds]
        for i, j in reversed(cells):
            for (letters, sounds), p in zip(SHAPES, probable, strict=True):
                if i + letters <= rows and j + sounds < columns:
                    backward[i, j] += backward[i + letters, j + sounds] * p[:, i, j]
        total = np.where(forward[-1, -1] > 0, forward[-1, -1], np.inf)
        for (letters, sounds), p, numbers in zip(SHAPES, probable, units, strict=True):
            before = forward[: rows + 1 - letters, : columns - sounds]
            after = backward[letters:, sounds:]
            expected = (before * after / total).transpose(2, 0, 1) * p
            np.add.at(counts, numbers.ravel(), expected.ravel())


def _by_length(pairs: Iterable[tuple[str, Pronunciation]]) -> dict[tuple[int, int], tuple[list, list]]:
    groups: dict[tuple[int, int], tuple[list, list]] = defaultdict(lambda: ([], []))
    for word, phones in pairs:
        if word and phones and len(phones) <= 2 * len(word):  # else no sequence of shapes fits
            words, pronunciations = groups[len(word), len(phones)]
            words.append(word)
            pronunciations.append(phones)
    return groups
