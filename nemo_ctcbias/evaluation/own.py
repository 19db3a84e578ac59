"""Our own systems: dicts of settings given to the recognizer, named by their parts.

`hotword`, `adapter+hotword` and so on; `joint` stands for all parts that the model has, `joint-PART` for these without
one, `untrained` for all that needs nothing trained beyond the checkpoint, `untrained+lm` for that with a language
model.
"""

from __future__ import annotations

import itertools
from functools import lru_cache

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.compiled_list import CompiledList, CompiledLists, Sources
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.ablation import joint_parts
from nemo_ctcbias.evaluation.attended import Attended, attended
from nemo_ctcbias.evaluation.encodings import Encodings
from nemo_ctcbias.evaluation.lists import GivenList
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.parts import PARTS, PHONE_PARTS, grid_of, settings_of
from nemo_ctcbias.evaluation.systems import Context, Phrases, Setting, System
from nemo_ctcbias.list_report import notes_on
from nemo_ctcbias.lm.kenlm_file import load_language_model
from nemo_ctcbias.phones import G2G, G2P, Pronouncer
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.lexicon import lexicon_of
from nemo_ctcbias.phones.spoken_variants import SpokenVariants
from nemo_ctcbias.recognizer import Recognizer, Utterance
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.settings import Settings, overlaid

JOINT_SYSTEM = "joint"
SOUNDS = ("spot", "verify", "lookup")
UNTRAINED = {"untrained": ("hotword", *SOUNDS), "untrained+lm": ("hotword", "boost-lm", *SOUNDS)}
LONG = 10_000  # such a list takes seconds to be embedded or pronounced, and here every utterance brings its own
POOL = 400_000  # distractors whose pronunciations are remembered from one list and system to the next


class OwnSystem(System):
    """This package's recognizer with the parts of its name."""

    def __init__(self, name: str) -> None:
        self.name = name
        *self.named, last = name.split("+") if name not in UNTRAINED else UNTRAINED[name]
        last, *self._without = last.split("-") if last.startswith(f"{JOINT_SYSTEM}-") else [last]
        if self._without and "-".join(self._without) in PARTS:
            self._without = ["-".join(self._without)]
        self.named.append(last)
        for part in (*self.named, *self._without):
            if part not in (*PARTS, JOINT_SYSTEM):
                raise SettingError(f"system {name!r}: part {part!r} does not exist; available: {', '.join(PARTS)}")
        if len(set(self.named)) < len(self.named):
            raise SettingError(f"system {name!r}: a part is named twice; name each part once")

    def prepare(self, context: Context) -> None:
        """Get settings and language model ready, and see that the model has what the parts need."""
        self.parts = [part for part in self.named if part != JOINT_SYSTEM]
        if JOINT_SYSTEM in self.named:
            joint = [part for part in joint_parts(context) if part not in self._without]
            self.parts = list(dict.fromkeys([*joint, *self.parts]))
        parts, shared = self.parts, context.shared
        if "encodings" not in shared:  # several systems may need them, and the encoder takes its time
            shared["encodings"] = Encodings(context.model, context.adapter, context.phone_head)
        self._encodings: Encodings = shared["encodings"]
        if "adapter" in parts:
            self._encodings.require_adapter()
        if "rescore" in parts:
            self._encodings.require_phone_head("part rescore")
        if {"lm", "boost-lm"} & set(parts) and context.lm is None:
            raise SettingError("parts lm and boost-lm need a language model: give --lm FILE (KenLM ARPA or binary)")
        self._given = overlaid(context.biasing, settings_of(parts, context.variants))
        if context.beam_width is not None:
            self._given = overlaid(self._given, {"beam": {"beam_width": context.beam_width}})
        self.settings = Settings.of(self._given)
        self._lists = self._compiled_lists(context)
        self._common = CommonWords(context.lm, self._lists.sources.lexicon)
        self._language_model = context.lm if self.settings.lm.enabled else None
        self.recognizer = lru_cache(maxsize=16)(self._make_recognizer)
        self.slow_from = LONG if set(parts) - {"hotword", "lm", "boost-lm", "rescore"} else None
        grid = grid_of(parts, self.settings.weight, self.settings.phonetics.rescoring_weight)
        self.grid = tuple(dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
        self.default = {name: values[len(values) // 2] for name, values in grid.items()}

    def _compiled_lists(self, context: Context) -> CompiledLists:
        if "g2p" not in context.shared and (self._sounds or self.settings.phonetics.variants > 1):
            context.shared["g2p"] = G2P.load(kept=POOL)  # every utterance brings a list of its own, of the same pool
        g2p, lexicon = context.shared.get("g2p"), lexicon_of(context.pronunciations)
        variants = None
        if self.settings.phonetics.variants > 1:
            if "g2g" not in context.shared:  # a word's spellings do not depend on how many of them are listened for
                pronouncer = Pronouncer(lexicon=lexicon, g2p=g2p)
                context.shared["g2g"] = G2G(pronouncer, g2p, excluded=CommonWords(context.lm).unfit)
            variants = SpokenVariants(context.shared["g2g"], self.settings.phonetics.variants)
        vocabulary = self._encodings.model.lists.sources.vocabulary
        sources = Sources(vocabulary, self.settings.alternatives, variants, lexicon, g2p)
        return CompiledLists(sources, most_bytes=0)  # thousands of lists of 20,000 phrases would fill the memory

    def _make_recognizer(self, setting: tuple[tuple[str, float], ...]) -> Recognizer:
        """The recognizer with some settings changed."""
        settings = Settings.of(overlaid(self._given, dict(setting)))
        vocabulary, model = self._lists.sources.vocabulary, None
        if self._language_model is not None:
            model = load_language_model(self._language_model, settings.language_model_options, vocabulary)
        return Recognizer(settings, vocabulary, model, self._common)

    def ready(self, item: Item) -> None:
        """Run the encoder, where its inner layers are needed."""
        if self._hears or "adapter" in self.parts:
            self._encodings.encoded(item)

    @property
    def _sounds(self) -> bool:
        return any(part in PHONE_PARTS for part in self.parts)

    @property
    def _hears(self) -> bool:
        """Whether a phone head does; else the model's spelling says how it heard the list."""
        return self._sounds and self.name not in UNTRAINED and self._encodings.model.has_phone_head

    def report_on(self, given: GivenList) -> tuple[Note, ...]:
        """What of a user's list the system cannot use or would change, and why."""
        return notes_on(self._lists.of(given.bias_list), self.settings, self._sounds)

    def build(self, phrases: Phrases, setting: Setting) -> CompiledList:
        """The bias list, compiled for the vocabulary, all parts made that are needed."""
        given = phrases.bias_list if isinstance(phrases, GivenList) else phrases
        listed = self._lists.of(BiasList.of(given if set(self.parts) - {"lm"} else ()))
        _ = listed.search
        if "adapter" in self.parts:
            _ = listed.tokens
        if self._sounds:
            _ = listed.scores
        return listed

    def decode(self, item: Item, bias: CompiledList, setting: Setting) -> str:
        """Text of the best hypothesis, display forms written."""
        utterance, adapt = Utterance.of(item.log_probs), None
        if self._hears or "adapter" in self.parts:
            utterance = self._encodings.utterance(item, self._hears)
        if "adapter" in self.parts:
            adapt = self._encodings.adapting(item)
        self.best = self.recognizer(tuple(setting.items())).recognize([utterance], [bias], adapt)[0][0]
        return self.best.text

    def hits(self, item: Item) -> list[Hit]:
        """Listed phrases in the text of the last `decode`, times in seconds."""
        return [hit.in_seconds(item.seconds / len(item.log_probs)) for hit in self.best.hits]

    def attention(self, item: Item, bias: CompiledList) -> Attended | None:
        """Where the contextual adapter looked for what `build` returned; None without one."""
        return attended(self._encodings, item, bias) if "adapter" in self.parts else None
