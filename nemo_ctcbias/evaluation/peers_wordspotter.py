"""CTC-WS, NeMo's word spotter, run as in its script, with one defect of its merging worked around in its favour."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.cased_phrases import cased_forms, writes_capitals
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.peers_nemo import best_text, nemo_decoding
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.nemo.vocabulary import head_of

_START = "▁"


class WordSpotter(System):
    """Words spotted in the log-probs replace those of the greedy transcript (thresholds of NeMo's script)."""

    name = "nemo-ctc-ws"
    grid = tuple({"cb_weight": weight} for weight in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    slow_from = 10_000  # its graph of a long list takes seconds to build, for every utterance
    default: ClassVar[Setting] = {"cb_weight": 3.0}

    def prepare(self, context: Context) -> None:
        """Keep the model's tokenizer and the greedy decoding that spotted words are merged into."""
        if not hasattr(context.model, "tokenizer"):
            raise SettingError(f"system {self.name!r}: the word spotter needs a model with a tokenizer")
        self._model = context.model
        self._blank = len(head_of(context.model).vocabulary)
        self._capitals = writes_capitals(head_of(context.model).vocabulary)
        self._greedy = nemo_decoding(context.model, "greedy_batch")

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The context graph."""
        from nemo.collections.asr.parts.context_biasing import ContextGraphCTC

        graph = ContextGraphCTC(blank_id=self._blank)
        encode = self._model.tokenizer.text_to_ids
        spellings = {phrase: cased_forms(phrase, self._capitals) for phrase in phrases}
        graph.add_to_graph([(phrase, [encode(form) for form in forms]) for phrase, forms in spellings.items()])
        return graph

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Spot, then merge; the plain greedy text where nothing is spotted, as in NeMo's script."""
        from nemo.collections.asr.parts.context_biasing import merge_alignment_with_ws_hyps, run_word_spotter

        probs = item.log_probs
        spotted = run_word_spotter(
            probs, bias, self._model, self._blank, beam_threshold=7.0, ctc_ali_token_weight=0.5, **setting
        )
        if not spotted:
            return best_text(self._greedy, item)
        pieces = [str(piece) for piece in head_of(self._model).vocabulary]
        path, model = join_bare_starts(probs.argmax(axis=1), pieces)
        return merge_alignment_with_ws_hyps(path, model, spotted, decoder_type="ctc", blank_idx=self._blank)[0]


def join_bare_starts(path: npt.NDArray[np.int64], pieces: list[str]) -> tuple[npt.NDArray[np.int64], Any]:
    """Write a word start that is a token of its own together with the token after it.

    NeMo's merging drops the first letter of every word that begins with a bare "▁" ("very" as "▁ v er y"), in every
    utterance where something was spotted; that would count against the method, which is not to blame.

    Args:
        path: [T] best token of each frame, blank = number of pieces.

    Returns:
        The path with ids above the blank for joined tokens, and what the merging needs of a model to read it.
    """
    blank = len(pieces)
    joined = path.copy()
    pending: int | None = None  # frame of a bare start that waits for its token
    previous = blank
    for frame, token in enumerate(path.tolist()):
        if token != blank and token != previous:
            joins = pending is not None and not pieces[token].startswith(_START)
            if joins:
                joined[pending:frame] = blank
            pending = frame if pieces[token] == _START else None
            current = token + blank + 1 if joins else token
        if token != blank:
            joined[frame] = current
        previous = token

    def ids_to_tokens(ids: list[int]) -> list[str]:
        return [pieces[i] if i < blank else _START + pieces[i - blank - 1] for i in ids]

    return joined, SimpleNamespace(tokenizer=SimpleNamespace(ids_to_tokens=ids_to_tokens))
