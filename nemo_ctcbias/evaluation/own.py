"""Our own systems, named by their parts: `hotword`, `adapter+hotword` and so on; `joint` stands for all of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from typing import Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.ablation import joint_parts
from nemo_ctcbias.evaluation.adapted import best_tokens
from nemo_ctcbias.evaluation.attended import Attended, attended
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.parts import AFTERWARDS, PARTS, STRENGTH, Recipe
from nemo_ctcbias.evaluation.systems import Context, Phrases, PlainSystem, Setting
from nemo_ctcbias.nemo.config import beam_options, boost_options
from nemo_ctcbias.search.greedy import GreedyDecoder
from nemo_ctcbias.search.hits import Hit

JOINT_SYSTEM = "joint"  # all parts that the model has


class OwnSystem(PlainSystem):
    """The biased beam search of this package with the parts of its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts = name.split("+")
        for part in self.parts:
            if part not in (*PARTS, JOINT_SYSTEM):
                raise SettingError(f"system {name!r}: part {part!r} does not exist; available: {', '.join(PARTS)}")
        if len(set(self.parts)) < len(self.parts):
            raise SettingError(f"system {name!r}: a part is named twice; name each part once")

    def prepare(self, context: Context) -> None:
        """Build the decoder for the model's vocabulary with all parts applied."""
        from nemo_ctcbias.bias_list import BiasList
        from nemo_ctcbias.nemo.vocabulary import vocabulary_of
        from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder

        if JOINT_SYSTEM in self.parts:
            more = [part for part in self.parts if part != JOINT_SYSTEM]
            self.parts = list(dict.fromkeys([*joint_parts(context), *more]))
        biasing = context.biasing
        self._recipe = Recipe(
            decoder={
                "boost": boost_options(biasing),
                "beam": beam_options(biasing),
                "alternatives": biasing.alternatives,
            }
        )
        for part in PARTS:
            if part in self.parts:
                PARTS[part](self._recipe, context)
        self._bias_list = BiasList
        self._vocabulary = vocabulary_of(context.model)
        self._beam_width = context.beam_width
        self._decoder = HotwordBeamDecoder.from_vocabulary(vocabulary_of(context.model), **self._recipe.decoder)
        self.slow_from = self._recipe.slow_from
        names = list(self._recipe.grid)
        self.grid = tuple(dict(zip(names, v, strict=True)) for v in itertools.product(*self._recipe.grid.values()))
        self.default = {name: values[len(values) // 2] for name, values in self._recipe.grid.items()}

    def ready(self, item: Item) -> None:
        """Run the encoder, where its inner layers are needed."""
        if self._recipe.adapted:
            self._recipe.adapted.encode(item)
        if self._recipe.phones:
            self._recipe.phones(item)

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The bias list, and what is listened for in its place, compiled for the vocabulary."""
        bias_list = self._bias_list(phrases)
        listened = self._recipe.variants(bias_list) if self._recipe.variants else bias_list
        if self._recipe.beam:
            # The decoder keeps its last lists; thousands of lists of 20,000 phrases would fill the memory.
            self._decoder.compile.cache_clear()
            self._decoder.compile(listened)
        if self._recipe.adapted:
            self._recipe.adapted.get_ready(listened)
        if self._recipe.spotting:
            self._recipe.spotting.spotter(bias_list)
        if self._recipe.second_pass:
            self._second_pass(setting).get_ready(bias_list)
        return bias_list, listened

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of the best hypothesis, display forms written."""
        log_probs, setting = item.log_probs, dict(setting)
        bias_list, listened = bias
        heard = None
        if self._recipe.spotting and len(bias_list):
            heard = self._recipe.spotting(self._recipe.phones(item), bias_list)
        if self._recipe.adapted:
            strength = setting.pop(STRENGTH)
            if heard is not None and not self._recipe.lists:
                strength *= self._recipe.spotting.options.adapter_strength
            log_probs = self._recipe.adapted(item, listened, strength, heard)
        self._heard, self._best = log_probs, None
        if not self._recipe.beam:
            return self._vocabulary.decode(best_tokens(log_probs))
        second_pass = self._second_pass(setting) if self._recipe.second_pass else None
        search = partial(
            self._decoder.decode_beams,
            log_probs,
            beam_width=self._beam_width,
            hotwords=listened if self._recipe.lists else None,
            base_log_probs=item.log_probs if self._recipe.adapted else None,
            limit=second_pass.hypotheses if second_pass else 1,
            **{name: value for name, value in setting.items() if name not in AFTERWARDS},
        )
        if second_pass:
            beams = second_pass(search, self._recipe.phones(item), bias_list, heard)
        else:
            beams = search(heard=heard)
        self._best = beams[0]
        return self._best.text

    def _second_pass(self, setting: Setting) -> Any:
        return self._recipe.second_pass(*(setting.get(name) for name in AFTERWARDS))

    def hits(self, item: Item, written: Sequence[str]) -> list[Hit]:
        """Listed phrases in the text of the last `decode`, times in seconds.

        Args:
            item: the utterance that was decoded.
            written: the phrases that the text holds; without a search they are looked for in it.
        """
        best = self._best
        if best is None:
            greedy = GreedyDecoder(self._vocabulary)
            best = greedy.decode_beams(
                self._heard, self._bias_list(list(dict.fromkeys(written))), base_log_probs=item.log_probs
            )[0]
        return [hit.in_seconds(item.seconds / len(self._heard)) for hit in best.hits]

    def attention(self, item: Item, bias: Any) -> Attended | None:
        """Where the contextual adapter looked for what `build` returned; None without one."""
        return attended(self._recipe.adapted, item, bias[1]) if self._recipe.adapted else None
