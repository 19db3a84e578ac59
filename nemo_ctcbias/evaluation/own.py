"""Our own systems, named by their parts: `hotword`, later `adapter+hotword` and so on. A part is one function here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.adapted import AdaptedLogProbs, best_tokens
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, Phrases, PlainSystem, Setting


@dataclass
class Recipe:
    """What the parts of a system agreed on before decoding.

    Attributes:
        decoder: keyword arguments of `HotwordBeamDecoder.from_vocabulary`.
        grid: values that tuning tries, by name of a `decode_beams` argument; the middle one is the default.
        lists: whether the decoder is given the bias list.
        adapted: whether the log-probs are those of the contextual adapter for the list.
        beam: whether there is a search; else the best token of each frame is taken.
    """

    decoder: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, tuple[float, ...]] = field(default_factory=dict)
    lists: bool = False
    adapted: AdaptedLogProbs | None = None
    beam: bool = False


STRENGTH = "adapter_strength"  # in settings: times the adapter's own

Part = Callable[[Recipe, Context], None]


def adapter(recipe: Recipe, context: Context) -> None:
    """The contextual adapter of the model, or the one of `--adapter`; alone it is decoded greedily."""
    if "adapted" not in context.shared:  # several systems may have this part, and the encoder takes its time
        context.shared["adapted"] = AdaptedLogProbs(context.model, context.adapter)
    recipe.adapted = context.shared["adapted"]
    recipe.grid[STRENGTH] = (0.5, 1.0, 1.5)


def hotword(recipe: Recipe, context: Context) -> None:
    """Adaptive boosting of the listed phrases in the beam search; 10 is the decoder's own strength."""
    recipe.lists = recipe.beam = True
    recipe.grid["hotword_weight"] = (5.0, 7.5, 10.0, 12.5, 15.0)


def lm(recipe: Recipe, context: Context) -> None:
    """A word language model that does not know the list."""
    from nemo_ctcbias.lm.kenlm_file import load_language_model
    from nemo_ctcbias.models.vocabulary import vocabulary_of

    if context.lm is None:
        raise SettingError("parts lm and boost-lm need a language model: give --lm FILE (KenLM ARPA or binary)")
    recipe.beam = True
    recipe.decoder["language_model"] = load_language_model(context.lm, vocabulary=vocabulary_of(context.model))
    recipe.decoder["class_weight"] = None


def boost_lm(recipe: Recipe, context: Context) -> None:
    """The language model with listed words in its BOOST class; alone, the search itself boosts nothing."""
    from nemo_ctcbias.decoding.boosting import BoostOptions
    from nemo_ctcbias.lm.options import LanguageModelOptions

    lm(recipe, context)
    recipe.decoder["class_weight"] = LanguageModelOptions().class_weight
    if not recipe.lists:
        recipe.decoder["boost"] = BoostOptions(gap_scale=0.0, token_bonus=0.0)
    recipe.lists = True


#: The parts that exist, in the order in which they are applied. A part that the model lacks raises SettingError.
PARTS: dict[str, Part] = {"adapter": adapter, "hotword": hotword, "lm": lm, "boost-lm": boost_lm}


class OwnSystem(PlainSystem):
    """The biased beam search of this package with the parts of its name."""

    KNOWN_PARTS = ("adapter", "hotword", "lm", "boost-lm", "g2g", "rescore", "lookup", "joint")

    def __init__(self, name: str) -> None:
        self.name = name
        self.parts = name.split("+")
        for part in self.parts:
            if part not in PARTS:
                state = "is not available in this version" if part in self.KNOWN_PARTS else "does not exist"
                raise SettingError(f"system {name!r}: part {part!r} {state}; available: {', '.join(PARTS)}")
        if len(set(self.parts)) < len(self.parts):
            raise SettingError(f"system {name!r}: a part is named twice; name each part once")

    def prepare(self, context: Context) -> None:
        """Build the decoder for the model's vocabulary with all parts applied."""
        from nemo_ctcbias.bias_list import BiasList
        from nemo_ctcbias.decoding.hotword_decoder import HotwordBeamDecoder
        from nemo_ctcbias.models.vocabulary import vocabulary_of

        self._recipe = Recipe()
        for part in PARTS:
            if part in self.parts:
                PARTS[part](self._recipe, context)
        self._bias_list = BiasList
        self._vocabulary = vocabulary_of(context.model)
        self._beam_width = context.beam_width
        self._decoder = HotwordBeamDecoder.from_vocabulary(vocabulary_of(context.model), **self._recipe.decoder)
        names = list(self._recipe.grid)
        self.grid = tuple(dict(zip(names, v, strict=True)) for v in itertools.product(*self._recipe.grid.values()))
        self.default = {name: values[len(values) // 2] for name, values in self._recipe.grid.items()}

    def ready(self, item: Item) -> None:
        """Run the encoder, where its inner layers are needed."""
        if self._recipe.adapted:
            self._recipe.adapted.encode(item)

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The bias list, compiled for the vocabulary."""
        bias_list = self._bias_list(phrases)
        if not self._recipe.beam:
            return bias_list
        # The decoder keeps its last lists; thousands of lists of 20,000 phrases would fill the memory.
        self._decoder.compile.cache_clear()
        self._decoder.compile(bias_list)
        return bias_list

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of the best hypothesis, display forms written."""
        log_probs = item.log_probs
        if self._recipe.adapted:
            setting = dict(setting)
            log_probs = self._recipe.adapted(item, bias, setting.pop(STRENGTH))
        if not self._recipe.beam:
            return self._vocabulary.decode(best_tokens(log_probs))
        if not self._recipe.lists:
            bias = None
        return self._decoder.decode_beams(log_probs, beam_width=self._beam_width, hotwords=bias, **setting)[0].text
