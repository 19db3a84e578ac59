"""KenLM files, ARPA or binary: opened with what goes wrong put plainly, and their words."""

from __future__ import annotations

import copy
import gzip
import logging
import mmap
import random
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.bias_list.report import quoted
from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm.kenlm_module import kenlm, needed_for
from nemo_ctcbias.lm.kenlm_trial import refuse_crashing
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.lm.word_model import WordModel

logger = logging.getLogger(__name__)

SPECIAL_WORDS = ("<unk>", "<s>", "</s>")
MOST_UNWRITABLE = 0.5  # share of an LM's words that another alphabet or letter case exceeds
SAMPLE = 1000


def load_language_model(
    path: str | Path,
    options: LanguageModelOptions = LanguageModelOptions(),
    vocabulary: Vocabulary | None = None,
    listed: Iterable[str] = (),
) -> WordModel:
    """The language model of a KenLM file, ARPA (gzipped or not) or binary, with the words it knows.

    Args:
        vocabulary: the CTC model's tokens; a warning is logged if the file's words cannot be written with them.
        listed: texts of a bias list; that warning tells how many of their words the file lacks.

    Raises:
        LanguageModelError: if the file is missing or KenLM cannot read it.
        MissingDependencyError: kenlm is not installed.
    """
    path = Path(path)
    stamp = path.stat().st_mtime_ns if path.is_file() else None
    model, words = _read(path, stamp)
    if words is None:
        logger.warning(f"{path}: holds no words (built with -v), so unfinished words are all scored as unknown ones")
    elif vocabulary is not None:
        note = mismatch(words, vocabulary, listed)
        if note:
            logger.warning(f"{path}: {note}")
    model = copy.copy(model)  # the weights are its own, all that takes time and memory is shared
    model.alpha, model.beta = options.alpha, options.beta
    return model


@lru_cache(maxsize=2)
def _read(path: Path, stamp: int | None) -> tuple[WordModel, list[str] | None]:
    """A file as it was at that time, and its words."""
    model, words = open_kenlm(path), words_of(path)
    return WordModel(model, words), words


def open_kenlm(path: str | Path, at_once: bool = True) -> kenlm.Model:
    """The KenLM model of a file.

    Args:
        at_once: whether a binary is read as a whole, or a page at a time as it is asked.

    Raises:
        LanguageModelError: missing, truncated, damaged, of order 1, of another KenLM version, or no language model.
        MissingDependencyError: kenlm is not installed.
    """
    needed_for(f"{path}: a language model")
    path = Path(path)
    if not path.is_file():
        raise LanguageModelError(f"{path}: no such language model; give a KenLM .arpa or binary file")
    if _is_binary(path):
        refuse_crashing(path, words_of(path) or ())
    config = kenlm.Config()
    config.show_progress = False
    if not at_once:
        config.load_method = kenlm.LoadMethod.LAZY
    try:
        return kenlm.Model(str(path), config)
    except (OSError, RuntimeError, UnicodeDecodeError) as error:  # its own message may hold the bytes that it met
        reason = str(error).rsplit("Exception.", 1)[-1].strip(" )\n")  # what precedes is C++
        reason = "it is no UTF-8" if isinstance(error, UnicodeDecodeError) else " ".join(reason.split())[:200]
        raise LanguageModelError(
            f"{path}: KenLM cannot read it ({reason}); rebuild it, with this KenLM version and order 2 or more"
        ) from error


def words_of(path: str | Path) -> list[str] | None:
    """The words of a KenLM file without <s>, </s> and <unk>; None where a binary was built without them."""
    path = Path(path)
    words = _words_of_binary(path) if _is_binary(path) else list(_unigrams_of_arpa(path))
    return None if words is None else [word for word in words if word not in SPECIAL_WORDS]


def most_common_of(path: str | Path, count: int) -> list[str]:
    """The likeliest words of a KenLM file, likeliest first; none where a binary was built without its words.

    Raises:
        LanguageModelError: KenLM cannot read it.
    """
    path = Path(path)
    if _is_binary(path):
        model = open_kenlm(path, at_once=False)
        chances = {word: model.score(word, bos=False, eos=False) for word in words_of(path) or ()}
    else:  # KenLM would read all of it for the few lines that hold the words
        chances = _unigrams_of_arpa(path)
    words = [word for word in chances if word not in SPECIAL_WORDS]
    return sorted(words, key=lambda word: (-chances[word], word))[:count]


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).startswith(b"mmap lm")


def _words_of_binary(path: Path) -> list[str] | None:
    # The words are the last thing in the file, by number, each ended by a NUL; <unk> has number 0.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.rfind(b"<unk>\0")
        if start < 0 or data[-1:] != b"\0":
            return None
        return data[start:-1].decode("utf-8", errors="replace").split("\0")


def _unigrams_of_arpa(path: Path) -> dict[str, float]:
    """Log10-probs of its words.

    Raises:
        LanguageModelError: it is none.
    """
    try:
        return _unigrams(path)
    except (OSError, EOFError, zlib.error) as error:
        raise LanguageModelError(f"{path}: cannot be read ({error}); replace the file") from error


def _unigrams(path: Path) -> dict[str, float]:
    found, inside = {}, False
    with path.open("rb") as file:
        opened = gzip.open if file.read(2) == b"\x1f\x8b" else open
    with opened(path, "rt", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("\\"):
                if inside:
                    break
                inside = line.startswith("\\1-grams:")
            elif inside and line.strip():
                try:
                    log_prob, word = (line.split("\t") if "\t" in line else line.split())[:2]
                    found[word.strip()] = float(log_prob)
                except ValueError as error:
                    raise LanguageModelError(f"{path}: no ARPA file ({quoted(line)} among its words)") from error
    return found


def mismatch(words: list[str], vocabulary: Vocabulary, listed: Iterable[str] = ()) -> str:
    """What to say if the CTC model never writes most of the language model's words (upper case, say); else nothing."""
    words = [word for word in words if not word.startswith("<")]
    sample = random.Random(0).sample(words, min(SAMPLE, len(words)))
    foreign = [word for word in sample if vocabulary.normalise(word) != word or vocabulary.unknown(word)]
    if len(foreign) <= MOST_UNWRITABLE * len(sample):
        return ""
    share = 100 * len(foreign) / len(sample)
    known, names = set(words), {word for text in listed for word in vocabulary.normalise(text).split()}
    lacking = f", nor does it know {len(names - known)} of the {len(names)} listed words" if names else ""
    return (
        f"{share:.0f}% of a sample of its words, such as {foreign[0]!r}, are never written by this model, which writes "
        f"{vocabulary.normalise(foreign[0])!r}{lacking}; build one for its letters with `nemo-ctcbias build-lm --model`"
    )
