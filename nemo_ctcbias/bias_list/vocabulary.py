"""What biasing needs to know of a model's tokens: their texts, where words begin, which characters they cover."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.bias_list.endings import ANY, APOSTROPHES, ENDINGS
from nemo_ctcbias.bias_list.fewest_pieces import PieceTrie
from nemo_ctcbias.bias_list.language import language_of
from nemo_ctcbias.bias_list.normaliser import Normaliser
from nemo_ctcbias.bias_list.word_ends import Following, WordEnds, is_spaceless
from nemo_ctcbias.errors import ModelError

WORD_START = "\u2581"  # ▁, SentencePiece's mark for a space
SPECIAL = re.compile(r"<[^<>\s]+>|\[[A-Z]+\]|\s*\u2047\s*")  # <unk>, <s>, [PAD], ⁇
BYTE = re.compile(r"<0x([0-9A-F]{2})>")  # SentencePiece's pieces for what no other piece covers
#: (part of a piece, whether something stands before it, whether something stands behind it) -> tokens, ascending
Held = dict[tuple[str, bool, bool], list[tuple[int]]]
LONE_BYTE = re.compile("[\udc80-\udcff]")  # as `Vocabulary.texts` has them


@dataclass(frozen=True)
class Part:
    """Tokens that spell words together: all of a vocabulary, or those of one language of an aggregate.

    Attributes:
        piece_ids: usable piece -> token; the first of equal pieces, as both decode alike.
        encode: the tokenizer's own best segmentation of one word, if there is a tokenizer.
    """

    piece_ids: Mapping[str, int]
    encode: Callable[[str], list[int]] | None = None

    @cached_property
    def trie(self) -> PieceTrie:
        """The pieces by their characters."""
        return PieceTrie.of(self.piece_ids)


class Vocabulary:
    """The tokens of a CTC model, blank left out: SentencePiece pieces (BPE or unigram) or characters.

    >>> Vocabulary(["<unk>", "▁", "▁jo", "e", "s"]).normalise("José!")
    'jose'

    Args:
        pieces: text of each of the V tokens, in the order of the model's outputs.
        encode: the tokenizer's own best segmentation of one word; without it the fewest pieces are the best.
        languages: in which numbers and signs such as & are said and words take endings, by their ISO codes; what the
            letters tell if none are given.
        aggregated: of an aggregate of several tokenizers, the tokens of each and its `encode`.
        marks_apart: whether punctuation stands apart, as words of its own (WordPiece).

    Attributes:
        pieces, marks_apart: as given.
        texts: [V] what the pieces write; bytes of characters that no piece covers as lone surrogates (`readable`).
        byte_ids: the tokens of all 256 bytes, where there are such.
        parts: what spells words together.
        kind: "bpe" if any piece starts with ▁, else "char" (a ' ' piece, if there is one, stands between words).
        unknown_ids: tokens that spell nothing: <unk>, <s> and the like.
        separator_id: token of the ' ' piece of a character vocabulary, else None.
        starts_word: [V] bool, the tokens that begin a word (the separator in a character vocabulary).
        piece_ids: as of a `Part`, of all pieces.
        cased: whether it has letters of both cases.
        turkish: whether it tells i with and without a dot apart.
        spaceless: whether it marks the beginnings of words, and has characters that are words without such a mark.
        word_ends: where in a text phrases may begin and end.

    Raises:
        ModelError: no pieces, or WordPiece tokens.
    """

    def __init__(
        self,
        pieces: Sequence[str],
        encode: Callable[[str], list[int]] | None = None,
        languages: Sequence[str] = (),
        aggregated: Sequence[tuple[range, Callable[[str], list[int]]]] = (),
        marks_apart: bool = False,
    ) -> None:
        self.marks_apart = marks_apart
        self.pieces: tuple[str, ...] = tuple(pieces)
        self.kind: Literal["bpe", "char"] = "bpe" if any(p.startswith(WORD_START) for p in self.pieces) else "char"
        self._check()
        self.byte_ids = _bytes_in(self.pieces)
        self.texts = self._texts()
        self.unknown_ids: frozenset[int] = frozenset(
            i for i, piece in enumerate(self.texts) if not piece or SPECIAL.fullmatch(piece)
        )
        whole = Part(self._piece_ids(range(self.size)), encode)
        self.piece_ids = whole.piece_ids
        self.parts = tuple(Part(self._piece_ids(tokens), encode) for tokens, encode in aggregated) or (whole,)
        self.separator_id: int | None = self.piece_ids.get(" ") if self.kind == "char" else None
        self.starts_word: npt.NDArray[np.bool_] = np.array(
            [piece.startswith(WORD_START) if self.kind == "bpe" else piece == " " for piece in self.pieces], dtype=bool
        )
        self._characters = frozenset("".join(self.piece_ids)) - {WORD_START, " "}
        joins_words = self.kind == "char" and self.separator_id is None
        self.spaceless = not joins_words and any(map(is_spaceless, self._characters))
        self.languages = tuple(languages) or (language_of(self._characters),)
        self._normaliser = Normaliser(self._characters, self.languages[0], marks_apart, joins_words)
        self.cased, self.turkish = self._normaliser.case == "mixed", self._normaliser.turkish
        endings = dict.fromkeys(one for language in self.languages for one in ENDINGS.get(language, ()))
        self.word_ends = WordEnds(tuple(endings), anywhere=joins_words)

    @cached_property
    def following(self) -> Following:
        """What tokens do behind a phrase."""
        return self.word_ends.following(self.texts, self.starts_word)

    @cached_property
    def held(self) -> tuple[Held, ...]:
        """Of each of `parts`, the tokens that hold a part of a phrase, where one may begin and end inside a token."""
        return tuple(self._held(part.piece_ids) for part in self.parts)

    def _held(self, piece_ids: Mapping[str, int]) -> Held:
        held: Held = {}
        for piece, token in sorted(piece_ids.items(), key=lambda one: one[1]):
            for start in range(len(piece)):
                if not self.word_ends.may_begin(piece, start):
                    continue
                for end in range(start + 1, len(piece) + 1):
                    # A word's usual beginning is no other text.
                    if piece[:start] != WORD_START or end < len(piece):
                        held.setdefault((piece[start:end], start > 0, end < len(piece)), []).append((token,))
        return held

    @cached_property
    def apostrophe_ids(self) -> tuple[int, ...]:
        """Tokens by which an ending with an apostrophe begins; none where the language has no such endings."""
        if not any(ending.startswith("'") for ending in self.word_ends.endings):
            return ()
        begin = [text[:1] in APOSTROPHES for text in self.texts]
        return tuple(np.flatnonzero(begin & ~self.starts_word).tolist())

    @cached_property
    def possessive_ids(self) -> tuple[int, ...]:
        """Tokens that such an ending ends with behind its apostrophe."""
        rests = {ending[1:] for ending in self.word_ends.endings if ending.startswith("'") and ANY not in ending}
        return tuple(token for token, text in enumerate(self.texts) if text in rests and not self.starts_word[token])

    def _texts(self) -> tuple[str, ...]:
        texts = list(self.pieces)
        for value, token in enumerate(self.byte_ids):
            texts[token] = bytes([value]).decode("utf-8", "surrogateescape")
        return tuple(texts)

    def _piece_ids(self, tokens: Iterable[int]) -> dict[str, int]:
        ids: dict[str, int] = {}
        apart = self.unknown_ids.union(self.byte_ids)
        for token in tokens:
            if token not in apart:
                ids.setdefault(self.pieces[token], token)
        return ids

    def _check(self) -> None:
        if not self.pieces:
            raise ModelError("the model's vocabulary is empty; biasing needs a CTC model with its tokenizer")
        wordpiece = next((p for p in self.pieces if len(p) > 2 and p.startswith("##")), None)
        if self.kind == "char" and wordpiece:
            raise ModelError(
                f"the vocabulary holds WordPiece tokens such as {wordpiece!r}; "
                "only SentencePiece and character vocabularies can be biased"
            )

    @property
    def size(self) -> int:
        """Number of tokens V, blank not counted."""
        return len(self.pieces)

    def decode(self, ids: Iterable[int]) -> str:
        """The text that a token sequence spells, words separated by single spaces."""
        text = readable("".join([self.texts[i] for i in ids]))
        return " ".join(text.replace(WORD_START, " ").split() if self.kind == "bpe" else text.split())

    def normalise(self, text: str) -> str:
        """`text` as the model would spell it: its case, apostrophes, punctuation and accents follow the vocabulary.

        Characters that no piece covers and that have no harmless substitute stay; `unknown` names them.
        """
        return self.explain(text)[0]

    def explain(self, text: str) -> tuple[str, tuple[str, ...]]:
        """The normalised text, and what became of its characters ("removed '.'"); a change of case goes unsaid."""
        return self._normaliser.explain(text)

    def unknown(self, text: str) -> tuple[str, ...]:
        """Characters of a normalised text that cannot be written, each once, in order of appearance."""
        if self.byte_ids:
            return ()
        return tuple(c for c in dict.fromkeys(text) if c not in self._characters and not c.isspace())


def readable(text: str) -> str:
    """A text of `Vocabulary.texts`, bytes in it put together to characters; what is none becomes �."""
    if text.isascii() or not LONE_BYTE.search(text):
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def continues(character: str) -> bool:
    """Whether a character of `Vocabulary.texts` is a byte that belongs to the character before it."""
    return "\udc80" <= character <= "\udcbf"


def _bytes_in(pieces: Sequence[str]) -> tuple[int, ...]:
    """Tokens of the bytes from 0 to 255; none unless all are there."""
    tokens = {int(found[1], 16): token for token, piece in enumerate(pieces) if (found := BYTE.fullmatch(piece))}
    return tuple(tokens[value] for value in range(256)) if len(tokens) == 256 else ()
