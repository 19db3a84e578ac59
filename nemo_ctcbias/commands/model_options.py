"""Which model a command works with, with which parts and settings: its options, checked before NeMo is imported."""

from __future__ import annotations

import argparse
import math
from typing import Any

from nemo_ctcbias.commands.loading import check_files, load_model
from nemo_ctcbias.commands.recordings import is_file
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.lm.kenlm_module import needed_for
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.settings import PRESET_NAMES, Settings
from nemo_ctcbias.settings_file import read_settings

LM = LanguageModelOptions()


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Options that say which model works, with which parts and settings."""
    add = parser.add_argument
    add("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    add("--preset", choices=PRESET_NAMES, help="off; fast: adapter and boosting; accurate: all that the model has "
        "(default: the model's own settings)")  # fmt: skip
    add("--settings", metavar="FILE", help="YAML with a section `biasing`, as `nemo-ctcbias tune` writes")
    add("--bias-weight", type=float, help="strength (default: the model's own; 10 as tuned, 0 off)")
    add("--adapter", metavar="FILE", help="contextual adapter (a `save_adapters` file); none: without "
        "(default: the model's own; the shipped model's)")  # fmt: skip
    add("--lm", metavar="FILE", help="KenLM ARPA or binary that helps every recording; none: no language model "
        "(default: the model's own; the shipped model's, where there is a list)")  # fmt: skip
    add("--lm-alpha", type=float, help=f"weight of its log-probs (default {LM.alpha})")
    add("--lm-beta", type=float, help=f"score of each word (default {LM.beta})")
    add("--phone-head", metavar="FILE", help="phone head (a `save_phone_head` file), by which phrases are heard better "
        "than by what the model spells, and which the parts after detection need; none: by that alone "
        "(default: the model's own; the shipped model's)")  # fmt: skip
    add("--other-base", action="store_true", help="take an adapter or phone head that was trained with other weights "
        "of this model")  # fmt: skip
    add("--variants", type=int, metavar="N", help="spellings of each phrase to listen for, its own included (default: "
        "the model's own setting, 1)")  # fmt: skip
    add("--pronunciations", metavar="FILE", help="lexicon in the format of the CMU dictionary")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")


def check_model_options(args: argparse.Namespace) -> dict[str, Any]:
    """The settings of the file that is named; refuse what can be refused of the options before NeMo is imported.

    Raises:
        BiasingError: of its kinds, naming the option or file.
    """
    if args.bias_weight is not None and not 0 <= args.bias_weight < math.inf:
        raise SettingError(f"--bias-weight must be 0 or more, got {args.bias_weight}; 10 is the tuned strength")
    if args.pronunciations is not None and not is_file(args.pronunciations):
        raise SettingError(f"--pronunciations {args.pronunciations}: no such lexicon; give one in CMUdict's format")
    check_files(args.model, args.adapter, args.phone_head, args.lm)
    if args.lm not in (None, "none"):
        needed_for("--lm")
    settings = read_settings(args.settings) if args.settings is not None else {}
    Settings.of(settings)
    return settings


def model_of(args: argparse.Namespace, settings: dict[str, Any]) -> Any:
    """The model with all that the options say, and what `check_model_options` returned."""
    parts = {"adapter": args.adapter, "phone_head": args.phone_head, "language_model": args.lm}
    model = load_model(args.model, args.device, other_base=args.other_base, **parts)
    if settings:
        model.set_biasing(**settings)
    if phonetics := _given(variants=args.variants, lexicon=args.pronunciations):
        model.set_phonetics(**phonetics)
    weights = _given(alpha=args.lm_alpha, beta=args.lm_beta, always=True if args.lm not in (None, "none") else None)
    if weights and model.language_model_path is None:
        raise SettingError("--lm-alpha, --lm-beta: there is no language model to weigh; give --lm FILE")
    if weights:
        model.set_biasing(lm=weights)
    if args.bias_weight is not None:
        model.set_bias_weight(args.bias_weight)
    if args.preset is not None:
        model.set_preset(args.preset)
    if args.nbest:
        model.set_biasing(nbest=args.nbest)
        model.ctc_config.decoding.beam.return_best_hypothesis = False
        model.renew_decoding()
    return model


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
