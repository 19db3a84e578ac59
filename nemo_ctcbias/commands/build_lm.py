"""`nemo-ctcbias build-lm`: a language model with a class for words of any list, from plain text."""

from __future__ import annotations

import argparse
import sys

from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.lm.alphabet import vocabulary_of_characters, vocabulary_of_file
from nemo_ctcbias.lm.build import BuildOptions, build
from nemo_ctcbias.shipped import checkpoint

DEFAULTS = BuildOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("text", nargs="+", metavar="TEXT", help="text, a sentence a line, may be .gz; or NeMo manifests (.json)")
    add("--out", required=True, metavar="FILE", help="file to write, such as lm.arpa or lm.bin")
    add("--order", type=int, default=DEFAULTS.order, help=f"length of the longest n-grams (default {DEFAULTS.order})")
    add("--binary", action="store_true", help="write a quantised KenLM binary (a trie) instead of ARPA")
    written = parser.add_mutually_exclusive_group()
    written.add_argument("--model", metavar="M", help=".nemo file whose letters are used (default: the shipped one)")
    written.add_argument("--characters", help="the characters the model writes, instead of --model")
    rare = parser.add_mutually_exclusive_group()
    rare.add_argument(
        "--min-count", type=int, default=DEFAULTS.min_count, metavar="K",
        help=f"words seen less often become the class of listed words (default {DEFAULTS.min_count})",
    )  # fmt: skip
    rare.add_argument("--class-share", type=float, metavar="S", help="share of the text that becomes the class instead")
    add("--prune", type=int, nargs="+", default=(), metavar="N", help="leave out n-grams seen at most so often: 0 0 1")
    add("--memory", default=DEFAULTS.memory, help=f"bound of lmplz's memory (default {DEFAULTS.memory})")
    add("--bits", type=int, default=DEFAULTS.bits, help=f"of a binary's numbers, 0: exact (default {DEFAULTS.bits})")
    add("--discount-fallback", action="store_true", help="fixed discounts, for text too small to estimate them")


def run(args: argparse.Namespace) -> int:
    """Build and say what became of the text."""
    options = BuildOptions(
        args.order,
        args.min_count,
        args.class_share,
        tuple(args.prune),
        args.discount_fallback,
        args.memory,
        args.bits or None,
    )
    vocabulary = _vocabulary(args)
    report = build(args.text, vocabulary, args.out, options, args.binary, progress=sys.stderr.isatty())
    print(report, file=sys.stderr)
    return 0


def _vocabulary(args: argparse.Namespace):
    if args.characters is not None:
        return vocabulary_of_characters(args.characters)
    model = checkpoint(args.model)
    if not str(model).endswith(".nemo"):
        raise ModelError(f"{model}: not a .nemo file; give one, or --characters with the letters the model writes")
    return vocabulary_of_file(model)
