"""flashlight's lexicon decoder with NeMo's word boosting, as NeMo ships it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.evaluation.cased_phrases import cased_phrases
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.nemo.vocabulary import head_of


class Flashlight(System):
    """NeMo's flashlight decoder in lexicon mode with its boost file, over a language model that is always 0.

    It writes only words of the lexicon (`--lexicon`) and of the list.
    """

    name = "flashlight"
    grid = tuple({"boost": boost} for boost in (0.5, 1.0, 2.0, 5.0, 20.0, 100.0))
    default: ClassVar[Setting] = {"boost": 20.0}  # the least that NeMo's documentation advises
    rebuild = True  # the boost is written into the trie
    tune_on_subset = True  # for the same reason: a trie of the whole lexicon for each utterance and setting
    slow_from = 1000

    def prepare(self, context: Context) -> None:
        """Check the bindings, then write the lexicon and a uniform unigram model."""
        try:
            from flashlight.lib.text.decoder.kenlm import KenLM  # noqa: F401
        except ImportError as error:
            raise MissingDependencyError(
                f"flashlight's bindings are not usable ({error}): pip install --no-deps flashlight-text, and kenlm"
            ) from error
        if not hasattr(context.model, "tokenizer"):
            raise SettingError("system 'flashlight': needs a model with a tokenizer")
        if not context.words:
            raise SettingError("system 'flashlight' decodes only words of a lexicon; give --lexicon FILE (one a line)")
        self._model = context.model
        self._folder = tempfile.TemporaryDirectory(prefix="nemo-ctcbias-flashlight-")
        folder = Path(self._folder.name)
        tokenizer = context.model.tokenizer
        lines = (f"{word}\t{' '.join(tokenizer.text_to_tokens(word))}\n" for word in context.words)
        (folder / "lexicon.txt").write_text("<unk>\t<unk>\n" + "".join(lines), encoding="utf-8")
        (folder / "uniform.arpa").write_text(_uniform_arpa(context.words), encoding="utf-8")

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The decoder with every word of the list boosted (flashlight boosts words, so phrases are split)."""
        from nemo.collections.asr.modules.flashlight_decoder import FlashLightKenLMBeamSearchDecoder

        folder = Path(self._folder.name)
        forms = cased_phrases(phrases, head_of(self._model).vocabulary)
        words = sorted({word for phrase in forms for word in phrase.split()})
        boosts = "".join(f"{word}\t{setting['boost']}\n" for word in words)
        (folder / "boost.tsv").write_text(boosts, encoding="utf-8")
        with _quiet_stderr(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # NeMo imports flashlight's KenLM by its older path
            return FlashLightKenLMBeamSearchDecoder(
                lm_path=str(folder / "uniform.arpa"),
                vocabulary=list(head_of(self._model).vocabulary),
                tokenizer=self._model.tokenizer,
                lexicon_path=str(folder / "lexicon.txt"),
                boost_path=str(folder / "boost.tsv"),
                lm_weight=1.0,
                word_score=0.0,
            )

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Words of the best hypothesis; empty where the search finds no complete word."""
        hypotheses = bias.decoder.decode(item.log_probs.ctypes.data, *item.log_probs.shape)
        if not hypotheses:
            return ""
        return " ".join(bias.word_dict.get_entry(index) for index in hypotheses[0].words if index >= 0)


def _uniform_arpa(words: Phrases) -> str:
    """Model in ARPA form that scores every word, known or not, with 0 (KenLM wants a bigram to exist)."""
    entries = ["<unk>", "<s>", "</s>", *words]
    unigrams = "".join(f"0.0\t{word}\t0.0\n" for word in entries)
    counts = f"ngram 1={len(entries)}\nngram 2=1\n"
    return f"\\data\\\n{counts}\n\\1-grams:\n{unigrams}\n\\2-grams:\n0.0\t<s>\t</s>\n\n\\end\\\n"


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Keep KenLM, which draws a progress bar from C++ at each loading, off the terminal."""
    sys.stderr.flush()
    kept = os.dup(2)
    with Path(os.devnull).open("wb") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
