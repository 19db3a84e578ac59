"""Graphones, and which of them make a word and its pronunciation (Bisani & Ney 2008, section 3); the search compiled.

A graphone is one or two letters with the zero to two phones they stand for.  Its probability does not depend on its
neighbours here; the joint n-gram of `g2p` adds that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nemo_ctcbias.compiled import compiled
from nemo_ctcbias.phones.phones import PHONE_IDS, PHONES, Pronunciation, phone_ids

LETTERS = "abcdefghijklmnopqrstuvwxyz'"

# Letters and phones of a graphone. Every graphone has a letter: phones without one would make the search for a
# pronunciation endless. Two letters with two phones are two graphones.
SHAPES = ((1, 0), (1, 1), (1, 2), (2, 1))


@dataclass(frozen=True, slots=True, order=True)
class Graphone:
    """Letters and the phones they stand for; `token` is its name in the joint n-gram."""

    letters: str
    phones: Pronunciation

    @property
    def token(self) -> str:
        """For example "x:K_S", "ph:F", "e:"."""
        return f"{self.letters}:{'_'.join(self.phones)}"

    @classmethod
    def of(cls, token: str) -> Graphone:
        """The graphone of that name."""
        letters, _, phones = token.partition(":")
        return cls(letters, tuple(phones.split("_")) if phones else ())


Tables = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def graphone_tables(graphones: Mapping[Graphone, float]) -> Tables:
    """Probabilities of graphones by places of letters in `LETTERS` and columns of phones, one array for each of their
    shapes: [L], [L, P], [L, P, P] of one letter with no, one or two phones, [L, L, P] of two letters with one.
    """
    letters, phones = (len(LETTERS),), (len(PHONES),)
    tables = {(taken, sounds): np.zeros(taken * letters + sounds * phones) for taken, sounds in SHAPES}
    for one, p in graphones.items():
        place = (*map(LETTERS.index, one.letters), *(PHONE_IDS[phone] for phone in one.phones))
        tables[len(one.letters), len(one.phones)][place] = p
    return tuple(tables.values())


def aligned(word: str, phones: Pronunciation, tables: Tables) -> list[Graphone] | None:
    """The likeliest graphones whose letters make the word (of `LETTERS`) and whose phones make the pronunciation.

    None if there are none, for too many phones or a letter unlike all that are known.
    """
    shapes = _likeliest(word, phone_ids(phones), tables)
    if shapes is None:
        return None
    found, letter, phone = [], 0, 0
    for taken, sounds in shapes:
        found.append(Graphone(word[letter : letter + taken], tuple(phones[phone : phone + sounds])))
        letter, phone = letter + taken, phone + sounds
    return found


def phones_before(letters: str, phones: Sequence[int], tables: Tables) -> np.ndarray:
    """How many of a word's phones (columns) stand before each letter, and behind the last [L + 1], by its graphones.

    Where no graphones make the pair, the phones are shared out evenly.
    """
    shapes = _likeliest(letters, phones, tables)
    if shapes is None:
        return np.round(np.arange(len(letters) + 1) * (len(phones) / max(len(letters), 1))).astype(np.int64)
    taken, sounds = np.array(shapes, dtype=np.int64).reshape(-1, 2).T
    return np.append(np.repeat(np.cumsum(sounds) - sounds, taken), len(phones))


def _likeliest(letters: str, phones: Sequence[int], tables: Tables) -> list[tuple[int, int]] | None:
    """(letters, phones) of each of the likeliest graphones."""
    places = np.array([LETTERS.index(letter) for letter in letters], dtype=np.int64)
    found = _shapes(places, np.array(phones, dtype=np.int64), *tables)[::-1].tolist()
    return None if found == [-1] else [SHAPES[shape] for shape in found]


@compiled
def _shapes(letters, phones, none, one, two, pair):
    """Places in `SHAPES` of the likeliest graphones, last to first; a single -1 where there are none."""
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
    found, i, j = [], rows, columns
    if best[rows, columns] <= 0:
        return np.full(1, -1)
    while i > 0:
        shape = came[i, j]
        found.append(shape)
        i -= 2 if shape == 3 else 1
        j -= 1 if shape == 3 else shape
    return np.array(found, dtype=np.int64)
