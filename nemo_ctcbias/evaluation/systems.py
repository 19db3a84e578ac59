"""Systems under test: what they have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nemo_ctcbias.evaluation.logprobs import Item

Setting = dict[str, Any]  # what tuning chooses, for example {"hotword_weight": 10.0}
Phrases = tuple[str, ...]


@dataclass(frozen=True)
class Context:
    """What systems may use to get ready: the model, and files that some of them need."""

    model: Any
    beam_width: int | None = None  # of hotword and pyctcdecode; None: each its own default
    adapter: Path | None = None  # file of a contextual adapter for the model
    lm: Path | None = None  # KenLM file
    token_lm: Path | None = None  # ARPA file of a language model over the model's tokens
    phone_head: Path | None = None  # file of a phone head for the model
    pronunciations: Path | None = None  # lexicon in the format of the CMU dictionary
    variants: int = 5  # forms of each phrase that the part g2g listens for, the phrase itself included
    words: tuple[str, ...] = ()  # vocabulary of decoders that know only the words of a lexicon
    biasing: dict[str, Any] = field(default_factory=dict)  # settings of our own systems
    shared: dict[str, Any] = field(default_factory=dict)  # what several systems make once


class System(ABC):
    """Turns log-probs and a list into text: subclasses say how, and change what else is not usual.

    `build` makes whatever the list needs (its time is reported apart), `decode` recognises one utterance with it.
    """

    name = ""
    grid: tuple[Setting, ...] = ({},)  # settings tried on the tuning manifest
    default: ClassVar[Setting] = {}  # without tuning
    rebuild = False  # whether `build` depends on the setting
    slow_from: int | None = None  # list size from which only a stated subset is measured
    never_from: int | None = None  # list size from which it is left out
    tune_on_subset = False  # too slow for tuning on a whole manifest
    tuned_by: str | None = None  # a faster system that writes the same text with the same setting

    @abstractmethod
    def prepare(self, context: Context) -> None:
        """Load what is needed; MissingDependencyError or SettingError say why the system cannot run."""

    def ready(self, item: Item) -> None:  # noqa: B027 - most need nothing
        """Whatever an utterance needs that does not depend on its list, such as the encoder; not timed."""

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """Graph, tree or scorer of one list; the phrases themselves where there is none."""
        return phrases

    @abstractmethod
    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of one utterance, biased towards what `build` returned."""
