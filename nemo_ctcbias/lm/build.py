"""Estimate a word n-gram model whose rare words are one class, so that words of any later list have a place in it.

Text is fitted to the model's vocabulary, words seen seldom become the class token, and KenLM estimates a modified
Kneser-Ney model of what is left: P(<boost> | history) is then the probability that some rare word, any one, comes
next (the class of unigram boosting in Dingliwal et al., SLT 2022).  `<unk>` stays what it is in every KenLM model,
a word that nothing is known of; the class name cannot collide with a word, for no text may hold it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from nemo_ctcbias.bias_list import Vocabulary
from nemo_ctcbias.errors import LanguageModelError
from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.lm.options import CLASS_TOKEN
from nemo_ctcbias.lm.text import TextCounts, fit, rare_words, read_lines


@dataclass(frozen=True)
class BuildOptions:
    """How a language model is built.

    Args:
        order: length of the longest n-grams.
        min_count: words seen less often become the class; 1 or less makes no class.
        class_share: instead of `min_count`, the share of the text that the class should make up (0 to 1).
        prune: as `lmplz.estimate`; (0, 0, 1) drops trigrams seen once.
        discount_fallback: as `lmplz.estimate`.
        memory: bound of lmplz's memory.
        bits: of a binary model's numbers; None keeps them exact.
    """

    order: int = 3
    min_count: int = 3
    class_share: float | None = None
    prune: Sequence[int] = ()
    discount_fallback: bool = False
    memory: str = "1G"
    bits: int | None = 8

    def __post_init__(self) -> None:
        if not 2 <= self.order <= lmplz.MAX_ORDER:
            raise LanguageModelError(f"--order {self.order}: KenLM reads models of order 2 to {lmplz.MAX_ORDER}")
        if self.class_share is not None and not 0 <= self.class_share < 1:
            raise LanguageModelError(f"--class-share {self.class_share}: give a share from 0 up to below 1, as 0.03")
        falls = any(a > b for a, b in zip(self.prune, self.prune[1:], strict=False))
        if len(self.prune) > self.order or falls or (self.prune and self.prune[0]) or min(self.prune, default=0) < 0:
            raise LanguageModelError(
                f"--prune {' '.join(map(str, self.prune))}: give a number for each order, 0 first, none falling, "
                "as 0 0 1"
            )
        if self.bits is not None and not 2 <= self.bits <= 25:
            raise LanguageModelError(f"--bits {self.bits}: give 2 to 25, or 0 for exact numbers")


@dataclass(frozen=True)
class BuildReport:
    """What became of the text."""

    counts: TextCounts
    class_words: int  # distinct words behind the class
    class_tokens: int  # their occurrences

    def __str__(self) -> str:
        counts = self.counts
        share = 100 * self.class_tokens / counts.tokens
        lines = [
            f"{counts.sentences:,} sentences of {counts.tokens:,} words; "
            f"{len(counts.words) - self.class_words:,} words known",
            f"{self.class_words:,} rare words became {CLASS_TOKEN}: {share:.2f}% of the text"
            if self.class_words
            else f"no word is rare enough for {CLASS_TOKEN}: <unk> will stand in for it",
        ]
        if counts.skipped:
            lines.append(
                f"{counts.skipped:,} lines left out: the model cannot write words such as {counts.example!r} "
                "(write numbers as they are said)"
            )
        return "\n".join(lines)


def build(
    texts: Iterable[str | Path],
    vocabulary: Vocabulary,
    out: str | Path,
    options: BuildOptions = BuildOptions(),
    binary: bool = False,
    progress: bool = False,
) -> BuildReport:
    """Build a model from text files (see `read_lines`) and write it as ARPA, or as a KenLM binary.

    Args:
        vocabulary: the model's tokens; the text is written as they would.
        binary: quantised trie instead of ARPA.

    Raises:
        MissingDependencyError: KenLM's programs are not there; the message tells how to build them.
        LanguageModelError: text that cannot be read, holds no words, or is refused by KenLM.
    """
    lmplz.find("lmplz")  # missing programs stop here, not after minutes of text
    if binary:
        lmplz.find("build_binary")
    out, counts = Path(out), TextCounts()
    if not out.resolve().parent.is_dir() or out.is_dir():
        raise LanguageModelError(f"{out}: cannot be written; name a file in a folder that exists")
    with tempfile.TemporaryDirectory(dir=out.resolve().parent, prefix=".build-lm") as folder:
        fitted, arpa = Path(folder) / "text", Path(folder) / "model.arpa"
        lines = (line for path in texts for line in read_lines(path))
        lines = tqdm(lines, desc="reading", unit=" lines", disable=None if progress else True, mininterval=1.0)
        _write_fitted(fit(lines, vocabulary, counts), fitted, counts)
        rare = rare_words(counts.words, options.min_count, options.class_share)
        lmplz.estimate(
            _with_class(fitted, rare),
            options.order,
            arpa,
            prune=options.prune,
            discount_fallback=options.discount_fallback,
            memory=options.memory,
            vocab_estimate=len(counts.words) + 10,
        )
        if binary:
            lmplz.to_binary(arpa, Path(folder) / "model.bin", options.bits, options.memory)
            arpa = Path(folder) / "model.bin"
        arpa.replace(out)
    return BuildReport(counts, len(rare), sum(counts.words[word] for word in rare))


def _write_fitted(sentences: Iterable[str], path: Path, counts: TextCounts) -> None:
    """Write sentences, one a line; `counts` tells afterwards whether they hold any word."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(sentence + "\n" for sentence in sentences)
    if not counts.tokens:
        left_out = f" ({counts.skipped} lines held words that the model cannot write)" if counts.skipped else ""
        raise LanguageModelError(f"the text holds no words{left_out}; give text with sentences, one a line")


def _with_class(fitted: Path, rare: frozenset[str]) -> Iterator[str]:
    """Fitted sentences, rare words replaced."""
    with fitted.open(encoding="utf-8") as file:
        for line in file:
            yield " ".join([CLASS_TOKEN if word in rare else word for word in line.split()])
