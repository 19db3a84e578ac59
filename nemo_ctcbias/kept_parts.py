"""Parts of long lists kept on disk from one process to the next: how the phrases are spelled, and how they sound.

They lie in the user's cache folder rather than beside the list, whose folder may be read-only, shared or under version
control. Only lists read from a file are kept: what stands in a request or in a program's memory goes to no disk. A file
is named by a hash of all that its part follows from, this package's code included, so that it is never out of date; one
that cannot be read is made anew, and where nothing can be written nothing is kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from platformdirs import user_cache_dir

from nemo_ctcbias.bias_list import BiasList, Note, SpelledList, Spellings, Vocabulary
from nemo_ctcbias.bias_list.rows import Rows
from nemo_ctcbias.errors import OutputError
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.phrase_sounds import PhoneRows, PhraseSounds
from nemo_ctcbias.phones.pronouncer import Pronouncer, Sounds, shipped_g2p
from nemo_ctcbias.whole_files import written_whole

FOLDER_VARIABLE = "NEMO_CTCBIAS_CACHE"  # names another folder; where it is empty nothing is kept
KEPT_FROM = 2000  # phrases; shorter lists are made in less than a second
MOST_BYTES = 1 << 30  # of all files together; those used last stay
OURS = re.compile(r"(spelled|sounds)-[0-9a-f]{32}\.npz")  # in a folder that may hold other files
TRIED = 500  # phrases by whose spellings tokenizers of the same pieces are told apart

Arrays = Mapping[str, np.ndarray]
T = TypeVar("T")


def kept_spelling(
    bias_list: BiasList, vocabulary: Vocabulary, alternatives: int, spell: Callable[[], SpelledList]
) -> SpelledList:
    """How a list is spelled in a vocabulary: as it is kept, or as `spell` says."""
    if not _is_kept(bias_list):
        return spell()
    key = _digest(*_of_list(bias_list), *_of_vocabulary(vocabulary, bias_list), alternatives)

    def unpacked(arrays: Arrays) -> SpelledList:
        return _spelled(arrays, bias_list)

    return _kept("spelled", key, spell, _of_spelled, unpacked)


def kept_pronouncer(
    bias_list: BiasList,
    languages: Sequence[str],
    lexicon: Mapping[str, Sequence[Pronunciation]] | None,
    g2p: G2P | None,
    pronounce: Callable[[Sounds | None], Pronouncer],
) -> Pronouncer:
    """How a list sounds by these sources (see `Pronouncer`): as it is kept, or as `pronounce` finds out.

    Args:
        pronounce: makes the pronouncer, of the sounds that are known.
    """
    if not _is_kept(bias_list):
        return pronounce(None)
    words = () if lexicon is None else lexicon.items()
    key = _digest(*_of_list(bias_list), *languages, *words, (g2p or shipped_g2p()).digest)
    return _kept(
        *("sounds", key, lambda: pronounce(None)),
        lambda pronouncer: _of_sounds(pronouncer.sounds),
        lambda arrays: pronounce(_sounds(arrays)),
    )


# --- files


def _is_kept(bias_list: BiasList) -> bool:
    return len(bias_list) >= KEPT_FROM and bias_list.source is not None and os.path.isfile(bias_list.source)  # noqa: PTH113


def _folder() -> Path | None:
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen is None:
        return Path(user_cache_dir("nemo-ctcbias", appauthor=False))
    return Path(chosen) if chosen else None


def _kept(part: str, key: str, make: Callable[[], T], pack: Callable[[T], Arrays], unpack: Callable[[Arrays], T]) -> T:
    folder = _folder()
    if folder is None:
        return make()
    path = folder / f"{part}-{key}.npz"
    with suppress(Exception):  # whatever is wrong with a file: it is made anew
        found = unpack(_read(path, key))
        with suppress(OSError):  # of somebody else
            os.utime(path)
        return found
    made = make()
    with suppress(OSError, OutputError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, {"key": _texts([key]), **pack(made)})
    return made


def _read(path: Path, key: str) -> Arrays:
    with np.load(path, allow_pickle=False) as file:
        found = {name: file[name] for name in file.files}
    if _texts_of(found["key"]) != [key]:
        raise ValueError("another list's")
    return found


def _write(path: Path, arrays: Arrays) -> None:
    """Put a file into the folder, and take the oldest ones out if there is too much."""
    if sum(each.nbytes for each in arrays.values()) > MOST_BYTES:
        return
    with written_whole(path) as file:
        np.savez(file, **arrays)
    ours = [(one.stat(), one) for one in path.parent.iterdir() if OURS.fullmatch(one.name)]
    total = 0
    for stat, one in sorted(ours, key=lambda item: -item[0].st_mtime_ns):
        total += stat.st_size
        if total > MOST_BYTES and one != path:
            one.unlink(missing_ok=True)


# --- keys


def _digest(*parts: object) -> str:
    found = hashlib.blake2b(_code().encode(), digest_size=16)
    for part in parts:
        found.update(repr(part).encode("utf-8", "surrogatepass") + b"\n")
    return found.hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    """What the parts are made by: this package, of which not every change is a version, and what others know of numbers
    and letters.
    """
    package, found = Path(__file__).parent, hashlib.blake2b(digest_size=16)
    for path in sorted(
        [*package.glob("kept_parts.py"), *(package / "bias_list").glob("*.py"), *(package / "phones").glob("*.py")]
    ):
        found.update(path.read_bytes())
    for name in ("nemo-ctcbias", "num2words", "babel", "anyascii", "numpy"):
        with suppress(PackageNotFoundError):
            found.update(f"{name} {version(name)}".encode())
    return found.hexdigest()


def _of_list(bias_list: BiasList) -> Iterator[object]:
    """The phrases, and where each stands, as the notes say."""
    for index, one in enumerate(bias_list):
        more = one.spoken, one.display, one.pronunciations, one.type, one.spoken_costs
        yield bias_list.where(index), one.text, one.weight, more


def _of_vocabulary(vocabulary: Vocabulary, bias_list: BiasList) -> Iterator[object]:
    """The pieces, and how the tokenizer puts them together, which only it knows: tried on some of the list's words."""
    yield vocabulary.pieces, vocabulary.languages, vocabulary.marks_apart
    texts = [vocabulary.normalise(bias_list[k].text) for k in range(0, len(bias_list), -(-len(bias_list) // TRIED))]
    words = sorted({word for text in texts if not vocabulary.unknown(text) for word in text.split()})
    for part in vocabulary.parts:
        yield tuple(part.piece_ids.values())
        if part.encode is not None:
            yield [list(part.encode(word)) for word in words]


# --- parts as arrays


def _of_spelled(spelled: SpelledList) -> Arrays:
    spellings, notes = spelled.spellings, spelled.notes[len(spelled.bias_list.notes) :]
    return {
        **{"phrase": spellings.phrase, "form": spellings.form, "cost": spellings.cost},
        **{"forms": _texts(spellings.forms), "notes": _of_notes(notes)},
        **{"length": spellings.tokens.lengths, "flat": spellings.tokens.flat},
    }


def _spelled(arrays: Arrays, bias_list: BiasList) -> SpelledList:
    columns = arrays["phrase"], arrays["form"], arrays["cost"], Rows(arrays["flat"], arrays["length"])
    spellings = Spellings(*columns, _texts_of(arrays["forms"]))
    return SpelledList(bias_list, spellings, (*bias_list.notes, *_notes(arrays)))


def _of_sounds(sounds: Sounds) -> Arrays:
    given = {f"given_{name}": column for name, column in _columns(PhraseSounds.of(sounds.given.values())).items()}
    words = _texts([list(words) for words in sounds.given])
    return {**_columns(sounds.phrases), **given, "given": words, "notes": _of_notes(sounds.notes)}


def _sounds(arrays: Arrays) -> Sounds:
    words = [tuple(words) for words in _texts_of(arrays["given"])]
    given = dict(zip(words, _phrase_sounds(arrays, "given_"), strict=True))
    return Sounds(_phrase_sounds(arrays), given, _notes(arrays))


def _columns(sounds: PhraseSounds) -> Arrays:
    phones, log_probs = sounds.phones, sounds.log_probs
    return {"count": sounds.counts, "log_prob": log_probs, "length": phones.lengths, "flat": phones.flat}


def _phrase_sounds(arrays: Arrays, part: str = "") -> PhraseSounds:
    count, log_probs, lengths, flat = (arrays[part + name] for name in ("count", "log_prob", "length", "flat"))
    return PhraseSounds(count, PhoneRows(flat, lengths), log_probs)


def _of_notes(notes: Sequence[Note]) -> np.ndarray:
    return _texts([[note.where, note.phrase, note.level, note.reason, note.remedy] for note in notes])


def _notes(arrays: Arrays) -> list[Note]:
    return [Note(*note) for note in _texts_of(arrays["notes"])]


def _texts(value: Any) -> np.ndarray:
    return np.frombuffer(json.dumps(value).encode(), dtype=np.uint8)


def _texts_of(array: np.ndarray) -> Any:
    return json.loads(array.tobytes())
