"""Words to pronunciations and back with a joint n-gram over graphones (Bisani & Ney, Speech Communication 50, 2008).

The n-gram gives the probability of a word and its pronunciation together; a beam search over the graphones
that fit one of the two finds the likeliest others.  `data/README.md` says how the shipped model was trained and how
often it is right.
"""

from __future__ import annotations

import hashlib
import json
import math
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from os import PathLike
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import PhoneticsError
from nemo_ctcbias.phones.graphone_ngram import END, GraphoneNgram
from nemo_ctcbias.phones.graphones import LETTERS, Graphone, aligned, graphone_tables, phones_before
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES, Pronunciation, phone_ids
from nemo_ctcbias.phones.transduction import Side, transduce

SHIPPED = Path(__file__).parent / "data"
NGRAM_FILE, TABLE_FILE = "graphones.npz", "graphones.json"

LONGEST = 40  # letters of a word; longer ones are no words, and would take long
FOLDED = str.maketrans({"ł": "l", "ø": "o", "ð": "d", "đ": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i"})

LEAST = 0.0005  # share of what its letters (or phones) stand for that a graphone needs to be looked at
SORTED_LETTERS = "".join(sorted(LETTERS))  # by whose places letters are numbered


def letters_of(word: str) -> str:
    """The word in the letters that have a sound here: lower case, no accents, no punctuation but the apostrophe.

    >>> letters_of("Łódź.")
    'lodz'

    Raises:
        PhoneticsError: digits, another script or symbols, or nothing left.
    """
    if word.isascii() and word.isalpha() and len(word) <= LONGEST:
        return word.lower()  # as nearly all words are
    folded = unicodedata.normalize("NFKD", word.lower().replace("’", "'").translate(FOLDED))
    kept = "".join(c for c in folded if c == "'" or unicodedata.category(c)[0] not in "MPZ")
    strange = sorted(set(kept) - set(LETTERS))
    if strange or not kept.strip("'"):
        reason = f"has no known sound for {', '.join(map(quoted, strange))}" if strange else "has no letters"
        raise PhoneticsError(f"{quoted(word)} {reason}; give its pronunciation, or spell it in words")
    if len(kept) > LONGEST:
        raise PhoneticsError(f"{quoted(word)} is longer than {LONGEST} letters; give its pronunciation")
    return kept


class G2P:
    """Pronunciations of words and spellings of pronunciations, each with its log-probability.

    Args:
        graphones: all graphones of the n-gram and their probabilities.
        ngram: over the graphones' tokens.
        beam, threshold: hypotheses kept at each letter or phone: so many, and so close to the best (natural log).
        kept: words whose pronunciations are remembered.
    """

    def __init__(
        self,
        graphones: dict[Graphone, float],
        ngram: GraphoneNgram,
        beam: int = 12,
        threshold: float = 7.0,
        kept: int = 50_000,
    ):
        self.graphones, self.ngram = graphones, ngram
        self._beam, self._threshold = beam, threshold
        self._tables = graphone_tables(graphones)
        self._sounds = self._side(_letters_in, _phones_in)
        self._spellings = self._side(_phones_in, _letters_in)
        self._pronounce = lru_cache(maxsize=kept)(self._pronunciations)
        self.spelled_out = lru_cache(maxsize=kept)(self._spelled_out)
        self._spell = lru_cache(maxsize=10_000)(self._spellings_of)

    @classmethod
    def load(cls, folder: str | PathLike[str] | None = None, **settings: float) -> G2P:
        """The model in `folder`, by default the shipped one.

        Raises:
            PhoneticsError: no model there, or a broken one.
        """
        folder = SHIPPED if folder is None else Path(folder)
        for name in (NGRAM_FILE, TABLE_FILE):
            if not (folder / name).is_file():
                raise PhoneticsError(
                    f"{folder}: holds no G2P model ({name} is missing); examples/train_g2p.py makes one"
                )
        try:
            table = json.loads((folder / TABLE_FILE).read_text(encoding="utf-8"))
            graphones = {Graphone.of(token): float(p) for token, p in table["graphones"].items()}
            return cls(graphones, GraphoneNgram.load(folder / NGRAM_FILE), **settings)
        except (OSError, ValueError, KeyError, AttributeError, BadZipFile) as error:
            raise PhoneticsError(
                f"{folder}: is no G2P model ({error}); train it again (examples/train_g2p.py)"
            ) from error

    @cached_property
    def digest(self) -> str:
        """A hash of all that its pronunciations follow from."""
        found = hashlib.blake2b(repr((self.graphones, self.ngram.names, self._beam, self._threshold)).encode())
        for part in self.ngram.arrays:
            found.update(part.tobytes())
        return found.hexdigest()

    def pronounce(self, word: str, n: int = 5) -> list[tuple[Pronunciation, float]]:
        """The n likeliest pronunciations and their log P(pronunciation | word), best first.

        Raises:
            PhoneticsError: the word cannot be pronounced (digits, another script).
        """
        return list(self._pronounce(letters_of(word))[:n])

    def graphones_of(self, letters: str) -> list[Graphone]:
        """Those of the likeliest pronunciation of letters as `letters_of` gives them; none where there is no sound."""
        phones = next((phones for phones, _ in self._pronounce(letters)), ())
        return aligned(letters, phones, self._tables) or []

    def _spelled_out(self, letters: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Columns of the phones of the likeliest pronunciation, and how many of them stand before each letter and
        behind the last.

        Args:
            letters: as `letters_of` gives them; without a sound there are no phones.
        """
        phones = next((phones for phones, _ in self._pronounce(letters)), ())
        columns = phone_ids(phones)
        return tuple(columns.tolist()), tuple(phones_before(letters, columns, self._tables).tolist())

    def spell(self, pronunciation: Pronunciation, n: int = 20) -> list[tuple[str, float]]:
        """The n likeliest spellings and their log P(spelling | pronunciation), best first."""
        return list(self._spell(tuple(pronunciation))[:n])

    def _pronunciations(self, letters: str) -> tuple[tuple[Pronunciation, float], ...]:
        found = self._transduce(self._sounds, [SORTED_LETTERS.index(letter) for letter in letters])
        return tuple([(tuple([PHONES[phone] for phone in phones]), score) for phones, score in found])

    def _spellings_of(self, pronunciation: Pronunciation) -> tuple[tuple[str, float], ...]:
        found = self._transduce(self._spellings, [PHONE_IDS[phone] for phone in pronunciation])
        return tuple(("".join(SORTED_LETTERS[letter] for letter in letters), score) for letters, score in found)

    def _transduce(self, side: Side, source: Sequence[int]) -> list[tuple[tuple[int, ...], float]]:
        """All targets in the beam but the empty one, and their log-probs given the source, best first."""
        ngram = self.ngram
        numbers = np.array(source, dtype=np.int64)
        found = transduce(numbers, side, ngram.arrays, ngram.start, ngram.numbers[END], self._beam, self._threshold)
        total = _log_sum(score for _, score in found)
        targets = [(target, score - total) for target, score in found if target]
        return sorted(targets, key=lambda item: (-item[1], item[0]))

    def _side(self, source: Callable[[Graphone], Sequence[int]], target: Callable[[Graphone], Sequence[int]]) -> Side:
        """Graphones by what they take up of the source: its symbols and those that each adds to the target.

        What a part of the source stands for less often than once in two thousand times costs time and is never right.
        """
        totals: dict[tuple[int, ...], float] = defaultdict(float)
        for graphone, p in self.graphones.items():
            totals[tuple(source(graphone))] += p
        kept = [one for one, p in self.graphones.items() if p >= LEAST * totals[tuple(source(one))]]
        symbols = max(max(key, default=0) for key in totals) + 1
        places = np.array([_place_of(source(one), symbols) for one in kept])
        order = np.argsort(places, kind="stable")
        first = np.searchsorted(places[order], np.arange(symbols * (symbols + 1) + 2))
        added = np.zeros((len(kept), 2), dtype=np.int64)
        for row, place in enumerate(order):
            more = target(kept[place])
            added[row, : len(more)] = more
        token = np.array([self.ngram.numbers[kept[place].token] for place in order])
        return Side(first, token, added, np.array([len(target(kept[place])) for place in order]), np.array([symbols]))


def _letters_in(graphone: Graphone) -> tuple[int, ...]:
    return tuple(SORTED_LETTERS.index(letter) for letter in graphone.letters)


def _phones_in(graphone: Graphone) -> tuple[int, ...]:
    return tuple(PHONE_IDS[phone] for phone in graphone.phones)


def _place_of(source: Sequence[int], symbols: int) -> int:
    """Where graphones that take this up stand in a `Side`."""
    number = 0
    for symbol in source:
        number = number * symbols + symbol + 1
    return number


def _log_sum(scores: Iterable[float]) -> float:
    scores = list(scores)
    top = max(scores)
    return top + math.log(sum([math.exp(score - top) for score in scores]))
