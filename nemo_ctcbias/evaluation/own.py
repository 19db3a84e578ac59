"""Our own systems, named by their parts: `hotword`, later `adapter+hotword` and so on. A part is one function here."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, Phrases, PlainSystem, Setting


@dataclass
class Recipe:
    """What the parts of a system agreed on before decoding.

    Attributes:
        decoder: keyword arguments of `HotwordBeamDecoder.from_vocabulary`.
        grid: values that tuning tries, by name of a `decode_beams` argument; the middle one is the default.
        lists: whether the decoder is given the bias list.
    """

    decoder: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, tuple[float, ...]] = field(default_factory=dict)
    lists: bool = False


Part = Callable[[Recipe, Context], None]


def hotword(recipe: Recipe, context: Context) -> None:
    """Adaptive boosting of the listed phrases in the beam search; 10 is the decoder's own strength."""
    recipe.lists = True
    recipe.grid["hotword_weight"] = (5.0, 7.5, 10.0, 12.5, 15.0)


#: The parts that exist, in the order in which they are applied. A part that the model lacks raises SettingError.
PARTS: dict[str, Part] = {"hotword": hotword}


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
        self._beam_width = context.beam_width
        self._decoder = HotwordBeamDecoder.from_vocabulary(vocabulary_of(context.model), **self._recipe.decoder)
        names = list(self._recipe.grid)
        self.grid = tuple(dict(zip(names, v, strict=True)) for v in itertools.product(*self._recipe.grid.values()))
        self.default = {name: values[len(values) // 2] for name, values in self._recipe.grid.items()}

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """The bias list, compiled for the vocabulary."""
        bias_list = self._bias_list(phrases if self._recipe.lists else ())
        # The decoder keeps its last lists; thousands of lists of 20,000 phrases would fill the memory.
        self._decoder.compile.cache_clear()
        self._decoder.compile(bias_list)
        return bias_list

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of the best hypothesis, display forms written."""
        return self._decoder.decode_beams(item.log_probs, beam_width=self._beam_width, hotwords=bias, **setting)[0].text
