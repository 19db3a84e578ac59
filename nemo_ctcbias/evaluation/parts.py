"""The parts of our own systems, one function each: what it changes in the recipe of a system that has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.evaluation.adapted import AdaptedLogProbs
from nemo_ctcbias.evaluation.phone_log_probs import PhoneLogProbs
from nemo_ctcbias.evaluation.systems import Context
from nemo_ctcbias.nemo.config import language_model_options, phonetics_options
from nemo_ctcbias.phones import G2P
from nemo_ctcbias.phones.spotting import Spotting


@dataclass
class Recipe:
    """What the parts of a system agreed on before decoding.

    Attributes:
        decoder: keyword arguments of `HotwordBeamDecoder.from_vocabulary`.
        grid: values that tuning tries, by name of a `decode_beams` argument; the middle one is the default.
        lists: whether the decoder is given the bias list.
        adapted: whether the log-probs are those of the contextual adapter for the list.
        beam: whether there is a search; else the best token of each frame is taken.
        variants: what is listened for in place of a list.
        phones: the phone log-probs, for `spotting` and `second_pass`.
        spotting: which phrases of a list are heard.
        after: which of `rescore`, `verify` and `lookup` follow the search.
        second_pass: what is done with the search's hypotheses, by the settings of `AFTERWARDS`, None for the usual.
        slow_from: list size from which a subset is measured.
    """

    decoder: dict[str, Any] = field(default_factory=dict)
    grid: dict[str, tuple[float, ...]] = field(default_factory=dict)
    lists: bool = False
    adapted: AdaptedLogProbs | None = None
    beam: bool = False
    variants: Callable[[Any], Any] | None = None
    phones: PhoneLogProbs | None = None
    spotting: Spotting | None = None
    after: set[str] = field(default_factory=set)
    second_pass: Callable[..., Any] | None = None
    slow_from: int | None = None


STRENGTH = "adapter_strength"  # in settings: times the adapter's own
RESCORING = "rescoring_weight"  # in settings
VERIFYING = "verification_threshold"  # in settings
AFTERWARDS = (RESCORING, VERIFYING)  # what `Recipe.second_pass` takes
LONG = 10_000  # such a list takes seconds to be embedded or pronounced, and here every utterance brings its own
USUAL = 10.0  # `biasing.weight` at which an adapter acts with its own strength
POOL = 400_000  # distractors whose pronunciations are remembered from one list and system to the next

Part = Callable[[Recipe, Context], None]


def adapter(recipe: Recipe, context: Context) -> None:
    """The contextual adapter of the model, or the one of `--adapter`; alone it is decoded greedily."""
    if "adapted" not in context.shared:  # several systems may have this part, and the encoder takes its time
        context.shared["adapted"] = AdaptedLogProbs(context.model, context.adapter)
    recipe.adapted, recipe.slow_from = context.shared["adapted"], LONG
    recipe.grid[STRENGTH] = _around(context.biasing.weight / USUAL, 0.5, 1.0, 1.5)


def hotword(recipe: Recipe, context: Context) -> None:
    """Adaptive boosting of the listed phrases in the beam search."""
    recipe.lists = recipe.beam = True
    weight = context.biasing.weight
    if STRENGTH in recipe.grid:  # side by side, the adapter keeps its own strength, and one weight is tuned
        recipe.grid[STRENGTH] = (weight / USUAL,)
    recipe.grid["hotword_weight"] = _around(weight, 0.5, 0.75, 1.0, 1.25, 1.5)


def lm(recipe: Recipe, context: Context) -> None:
    """A word language model that does not know the list."""
    from nemo_ctcbias.lm.kenlm_file import load_language_model
    from nemo_ctcbias.nemo.vocabulary import vocabulary_of

    if context.lm is None:
        raise SettingError("parts lm and boost-lm need a language model: give --lm FILE (KenLM ARPA or binary)")
    recipe.beam = True
    weights = language_model_options(context.biasing)
    recipe.decoder["language_model"] = load_language_model(context.lm, weights, vocabulary_of(context.model))
    recipe.decoder["class_weight"] = None


def boost_lm(recipe: Recipe, context: Context) -> None:
    """The language model with listed words in its BOOST class; alone, the search itself boosts nothing."""
    lm(recipe, context)
    weights = language_model_options(context.biasing)
    for name in ("class_weight", "class_list_cost", "boost_share"):
        recipe.decoder[name] = getattr(weights, name)
    if not recipe.lists:
        recipe.decoder["boost"] = replace(recipe.decoder["boost"], gap_scale=0.0, token_bonus=0.0)
    recipe.lists = True


def g2g(recipe: Recipe, context: Context) -> None:
    """Listed phrases in other spellings of their sound, `context.variants` forms each, for search and adapter."""
    from nemo_ctcbias.nemo.phonetic import lexicon_of
    from nemo_ctcbias.phones.common_words import CommonWords
    from nemo_ctcbias.phones.g2g import G2G
    from nemo_ctcbias.phones.pronouncer import Pronouncer
    from nemo_ctcbias.phones.spoken_variants import SpokenVariants

    if not (recipe.lists or recipe.adapted):
        raise SettingError("part 'g2g' adds spellings for others to listen for; name it with them, as in hotword+g2g")
    if "g2g" not in context.shared:  # a word's spellings do not depend on how many of them are listened for
        pronouncer = Pronouncer(lexicon=lexicon_of(context.pronunciations), g2p=_g2p(context))
        context.shared["g2g"] = G2G(pronouncer, _g2p(context), excluded=CommonWords(context.lm).unfit)
    cost = phonetics_options(context.biasing).variant_cost
    recipe.variants = SpokenVariants(context.shared["g2g"], context.variants, cost)
    recipe.slow_from = LONG


def spot(recipe: Recipe, context: Context) -> None:
    """Only the phrases that the phone head can hear are listened for."""
    if not (recipe.lists or recipe.adapted):
        raise SettingError("part 'spot' says what others are to listen for; name it with them, as in hotword+spot")
    recipe.phones, recipe.slow_from = _phones(context), LONG
    recipe.spotting = _spotting(context)


def rescore(recipe: Recipe, context: Context) -> None:
    """N-best lists re-ranked by how well the hypotheses' pronunciations fit the phone head's log-probs."""
    recipe.grid[RESCORING] = _around(phonetics_options(context.biasing).rescoring.weight, 0.5, 1.0, 1.75)
    recipe.after.add("rescore")
    _hear(recipe, context)


def verify(recipe: Recipe, context: Context) -> None:
    """Listed phrases that do not sound right where they were written are given up."""
    if not recipe.lists:
        raise SettingError("part 'verify' doubts what others wrote of a list; name it with them, as in hotword+verify")
    recipe.after.add("verify")
    recipe.slow_from = LONG
    _hear(recipe, context)


def lookup(recipe: Recipe, context: Context) -> None:
    """Misheard words replaced by listed phrases that sound like them."""
    recipe.after.add("lookup")
    recipe.slow_from = LONG
    _hear(recipe, context)


def _hear(recipe: Recipe, context: Context) -> None:
    from nemo_ctcbias.nemo.phonetic import lexicon_of
    from nemo_ctcbias.phones.common_words import CommonWords
    from nemo_ctcbias.search.second_pass import SecondPass

    usual = phonetics_options(context.biasing)
    lexicon = lexicon_of(context.pronunciations)
    common = CommonWords(context.lm, lexicon)

    def second_pass(weight: float | None, threshold: float | None) -> SecondPass:
        options = replace(
            usual,
            rescore="rescore" in recipe.after,
            verify="verify" in recipe.after,
            look_up="lookup" in recipe.after,
            rescoring=usual.rescoring if weight is None else replace(usual.rescoring, weight=weight),
            verification=usual.verification if threshold is None else replace(usual.verification, threshold=threshold),
        )
        return SecondPass(options, lexicon, common, _g2p(context), _spotting(context))

    recipe.beam, recipe.phones = True, _phones(context)
    recipe.second_pass = lru_cache(maxsize=8)(second_pass)


def _spotting(context: Context) -> Spotting:
    from nemo_ctcbias.nemo.phonetic import lexicon_of

    if "spotting" not in context.shared:  # it remembers how the phrases of the last lists sound
        options = phonetics_options(context.biasing).spotting
        context.shared["spotting"] = Spotting(options, lexicon_of(context.pronunciations), _g2p(context))
    return context.shared["spotting"]


def _around(value: float, *factors: float) -> tuple[float, ...]:
    """Values to try, the usual one in the middle."""
    return tuple(value * factor for factor in factors)


def _g2p(context: Context) -> G2P:
    if "g2p" not in context.shared:  # every utterance brings a list of its own, drawn from the same pool
        context.shared["g2p"] = G2P.load(kept=POOL)
    return context.shared["g2p"]


def _phones(context: Context) -> PhoneLogProbs:
    if "phones" not in context.shared:  # several systems may have such parts, and the encoder takes its time
        context.shared["phones"] = PhoneLogProbs(context.model, context.phone_head)
    return context.shared["phones"]


#: The parts that exist, in the order in which they are applied. A part that the model lacks raises SettingError.
PARTS: dict[str, Part] = {
    "adapter": adapter,
    "hotword": hotword,
    "lm": lm,
    "boost-lm": boost_lm,
    "g2g": g2g,
    "spot": spot,
    "rescore": rescore,
    "verify": verify,
    "lookup": lookup,
}
