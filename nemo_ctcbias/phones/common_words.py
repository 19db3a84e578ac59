"""Which words are ordinary ones of the language: sure ones are never replaced, and no name is listened for as one."""

from __future__ import annotations

from collections.abc import Container
from functools import lru_cache
from os import PathLike, fspath

from nemo_ctcbias.lm.kenlm_file import most_common_of, words_of


class CommonWords:
    """The words that a language model knows, else those of a lexicon.

    Language models of `nemo-ctcbias build-lm` do not know the rare words of their text; a lexicon has many names too.
    """

    def __init__(self, language_model: str | PathLike[str] | None = None, lexicon: Container[str] | None = None):
        self._language_model = None if language_model is None else fspath(language_model)
        self._modelled = None if language_model is None else _words(self._language_model)
        self._lexicon = lexicon

    def known(self, word: str) -> bool:
        """Whether a word is ordinary. Without any source every word is: then only unsure ones are ever replaced."""
        source = self._lexicon if self._modelled is None else self._modelled
        return source is None or word.lower() in source

    def unfit(self, spelling: str) -> bool:
        """Whether a spelling variant is an ordinary word. A lexicon cannot tell, for names stand in it too."""
        return self._modelled is not None and spelling.lower() in self._modelled

    def most_common(self, count: int) -> list[str]:
        """The words that are said most, the most common first; none without a language model, which knows."""
        return _most_common(self._language_model, count) if self._language_model else []


_most_common = lru_cache(maxsize=4)(most_common_of)


@lru_cache(maxsize=4)
def _words(path: str) -> frozenset[str] | None:
    """In lower case; None of a file that was built without its words."""
    words = words_of(path)
    return None if words is None else frozenset(word.lower() for word in words)
