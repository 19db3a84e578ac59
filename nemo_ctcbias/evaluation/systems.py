"""Systems under test: what they have in common, and a registry from names to systems."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nemo_ctcbias.errors import SettingError
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


class System:
    """Turns log-probs and a list into text: a base whose subclasses change what is not usual.

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

    def prepare(self, context: Context) -> None:
        """Load what is needed; MissingDependencyError or SettingError say why the system cannot run."""

    def ready(self, item: Item) -> None:
        """Whatever an utterance needs that does not depend on its list, such as the encoder; not timed."""

    def build(self, phrases: Phrases, setting: Setting) -> Any:
        """Graph, tree or scorer of one list; the phrases themselves where there is none."""
        return phrases

    def decode(self, item: Item, bias: Any, setting: Setting) -> str:
        """Text of one utterance, biased towards what `build` returned."""
        raise NotImplementedError


_PEERS = {
    "greedy": "nemo_ctcbias.evaluation.peers_nemo:Greedy",
    "nemo-boosting-greedy": "nemo_ctcbias.evaluation.peers_nemo:BoostingGreedy",
    "nemo-boosting-beam": "nemo_ctcbias.evaluation.peers_nemo:BoostingBeam",
    "nemo-boosting-beam+lm": "nemo_ctcbias.evaluation.peers_nemo:BoostingBeamWithLM",
    "nemo-ctc-ws": "nemo_ctcbias.evaluation.peers_wordspotter:WordSpotter",
    "pyctcdecode": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeHotwords",
    "pyctcdecode-cached": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeCached",
    "pyctcdecode-cached+lm": "nemo_ctcbias.evaluation.peers_pyctcdecode:PyctcdecodeWithLM",
    "flashlight": "nemo_ctcbias.evaluation.peers_flashlight:Flashlight",
}


def make_system(name: str) -> System:
    """The system of a name: a peer, or our own parts joined with '+'.

    Raises:
        SettingError: no such system, or one of its parts does not exist or is not there yet.
    """
    from nemo_ctcbias.evaluation.own import JOINT_SYSTEM, UNTRAINED, OwnSystem
    from nemo_ctcbias.evaluation.parts import PARTS

    if name in _PEERS:
        module, kind = _PEERS[name].split(":")
        return getattr(importlib.import_module(module), kind)()
    if "+" in name or name.startswith(f"{JOINT_SYSTEM}-") or name in (*PARTS, JOINT_SYSTEM, *UNTRAINED):
        return OwnSystem(name)
    raise SettingError(
        f"unknown system {name!r}; choose from {', '.join(_PEERS)}, or own parts joined with '+': "
        f"{', '.join(PARTS)}; joint for all of them, joint-PART without one, untrained and untrained+lm for what needs "
        "no training, ablation for each part alone and added one by one"
    )


def is_own(name: str) -> bool:
    """Whether a name is one of our own systems rather than a peer."""
    return name not in _PEERS


def read_words(path: str | Path | None) -> tuple[str, ...]:
    """Words of a lexicon file, one or more a line; empty without a file."""
    from nemo_ctcbias.evaluation.rare_words import read_phrases

    return tuple(dict.fromkeys(word for line in read_phrases(path) for word in line.split())) if path else ()
