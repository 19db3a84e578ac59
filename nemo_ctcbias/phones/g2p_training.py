"""Train a G2P model from a lexicon and measure it on words it has not seen."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.phones.g2p import G2P, NGRAM_FILE, TABLE_FILE
from nemo_ctcbias.phones.graphone_ngram import GraphoneNgram
from nemo_ctcbias.phones.graphones import LETTERS, GraphoneAligner
from nemo_ctcbias.phones.phones import Pronunciation

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
        GraphoneNgram.of_arpa(arpa).save(folder / NGRAM_FILE)
    finally:
        arpa.unlink(missing_ok=True)
    table = {graphone.token: round(p, 8) for graphone, p in sorted(aligner.table().items()) if graphone in used}
    (folder / TABLE_FILE).write_text(json.dumps({"order": order, "graphones": table}, indent=0), encoding="utf-8")
    return len(pairs) - len(aligned)


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
        errors, length = min((_levenshtein(found[0], right), len(right)) for right in listed)
        phones, phone_errors = phones + length, phone_errors + errors
        word_errors += found[0] not in listed
        in_n_best += not listed.isdisjoint(found)
    return Accuracy(len(held_out), phones, phone_errors, word_errors, in_n_best, n)


def _levenshtein(a: Pronunciation, b: Pronunciation) -> int:
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        above, row = row, [i]
        for j, y in enumerate(b, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (x != y)))
    return row[-1]
