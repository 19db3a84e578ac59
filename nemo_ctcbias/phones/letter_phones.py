"""Which letters of a word its phones belong to: `graphones.aligned` for many words, compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.graphones import LETTERS, Graphone
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES

Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def graphone_tables(graphones: Mapping[Graphone, float]) -> Tables:
    """Probabilities of graphones by places of letters in `LETTERS` and columns of phones, one array for each of their
    shapes: [L], [L, P], [L, P, P] of one letter with no, one or two phones, [L, L, P] of two letters with one.
    """
    letters, phones = len(LETTERS), len(PHONES)
    shapes = {(1, 0): (letters,), (1, 1): (letters, phones), (1, 2): (letters, phones, phones)}
    shapes[2, 1] = letters, letters, phones
    tables = {shape: np.zeros(size) for shape, size in shapes.items()}
    for one, p in graphones.items():
        place = (*map(LETTERS.index, one.letters), *(PHONE_IDS[phone] for phone in one.phones))
        tables[len(one.letters), len(one.phones)][place] = p
    return tables[1, 0], tables[1, 1], tables[1, 2], tables[2, 1]


def phones_before(letters: str, phones: Sequence[int], tables: Tables) -> np.ndarray:
    """How many of a word's phones stand before each letter, and behind the last [L + 1], by its likeliest graphones.

    Where no graphones make the pair, the phones are shared out evenly.

    Args:
        letters: of `LETTERS`.
        phones: columns.
        tables: of `graphone_tables`.
    """
    places = np.array([LETTERS.index(letter) for letter in letters], dtype=np.int64)
    found = _split(places, np.array(phones, dtype=np.int64), *tables)
    if found[-1] < 0:
        return np.round(np.arange(len(letters) + 1) * (len(phones) / max(len(letters), 1))).astype(np.int64)
    return found


@compiled
def _split(letters, phones, none, one, two, pair):
    """[L + 1] phones before each letter, the last -1 where there is no way; shapes as in `graphones.SHAPES`."""
    rows, columns = len(letters), len(phones)
    best, came = np.zeros((rows + 1, columns + 1)), np.zeros((rows + 1, columns + 1), np.int64)
    best[0, 0] = 1.0
    for i in range(rows):
        for j in range(columns + 1):
            before, a = best[i, j], letters[i]
            if before <= 0:
                continue
            for shape in range(4):
                taken = 2 if shape == 3 else 1
                sounds = 1 if shape == 3 else shape
                if i + taken > rows or j + sounds > columns:
                    continue
                if shape == 0:
                    p = none[a]
                elif shape == 1:
                    p = one[a, phones[j]]
                elif shape == 2:
                    p = two[a, phones[j], phones[j + 1]]
                else:
                    p = pair[a, letters[i + 1], phones[j]]
                if before * p > best[i + taken, j + sounds]:
                    best[i + taken, j + sounds], came[i + taken, j + sounds] = before * p, shape
    found = np.full(rows + 1, -1)
    if best[rows, columns] > 0:
        i, j = rows, columns
        found[rows] = columns
        while i > 0:
            shape = came[i, j]
            j -= 1 if shape == 3 else shape
            i -= 1
            found[i] = j
            if shape == 3:
                i -= 1
                found[i] = j
    return found
