"""`nemo-ctcbias evaluate`: its options, and the table it prints."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from nemo_ctcbias.evaluation.bootstrap import RESAMPLES
from nemo_ctcbias.evaluation.lists import LIST_KINDS
from nemo_ctcbias.evaluation.options import USUAL, EvaluateOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nemo-ctcbias evaluate`."""
    add = parser.add_argument
    add("--manifest", type=Path, required=True, help="test manifest (JSON lines) with transcripts")
    add("--out", type=Path, required=True, help="folder for results.json, report.html, table.md, utterances.jsonl, "
        "plot.png")  # fmt: skip
    add("--model", help=".nemo file or pretrained name (default: the shipped checkpoint)")
    add("--bias-list", type=Path, action="append", default=[], metavar="FILE", help="your own list for all utterances, "
        "as it stands; may be given several times")  # fmt: skip
    add("--distractors", type=Path, help="text file with one word or phrase a line to draw distractors from")
    add("--list-sizes", type=_sizes, default=(100, 1000), metavar="N,N", help="distractors a list (default 100,1000)")
    add("--list-kind", default="utterance", metavar="KIND", help=f"one of {', '.join(LIST_KINDS)} (default utterance)")
    add("--systems", type=_names, default=(USUAL,), metavar="A,B", help="names, or usual (default): greedy, "
        "the peers, and of ours hotword, lm, adapter, joint as the model has them; ablation: all of ours")  # fmt: skip
    add("--tune-on", type=Path, help="manifest on which every system's strength is chosen, never the test manifest")
    add("--compare-to", metavar="SYSTEM", help="for paired differences (default: the last of our systems, else greedy)")
    add("--seed", type=int, default=1, help="of the lists and the bootstrap (default 1)")
    add("--cache", type=Path, help="folder that keeps the encoder's log-probs for the next run")
    add("--word-counts", type=Path, help="file of words and counts that says which words are rare")
    add("--rare-at-most", type=int, default=2, help="with --word-counts: occurrences of a rare word (default 2)")
    add("--lexicon", type=Path, help="words that flashlight may write besides the list's")
    add("--adapter", type=Path, help="contextual adapter of the model (default: its own, or the shipped model's)")
    add("--lm", type=Path, help="KenLM file for lm and boost-lm (default: the model's own, or the shipped one's)")
    add("--token-lm", type=Path, help="ARPA of the model's tokens for nemo-boosting-beam+lm (examples/token_lm.py)")
    add("--phone-head", type=Path, help="for spot, rescore, lookup (default: the model's own, or the shipped one's)")
    add("--pronunciations", type=Path, help="lexicon in the format of the CMU dictionary, for all parts about sounds")
    add("--settings", type=Path, help="YAML with a section `biasing`, as `nemo-ctcbias tune` writes, for own systems")
    add("--variants", type=int, metavar="N", help="forms of a phrase with g2g, itself included (default 5)")
    add("--beam-width", type=int, help="of hotword and pyctcdecode (default: 200 and 100, their own)")
    add("--slow-utterances", type=int, default=30, help="subset for systems that are slow at a size (default 30)")
    add("--limit", type=int, metavar="N", help="only the first N utterances of each manifest, for a quick look")
    add("--resamples", type=int, default=RESAMPLES, help=f"of the bootstrap (default {RESAMPLES})")
    add("--cased", action="store_true", help="count errors of case and punctuation, too, as the transcripts have them")
    add("--no-progress", dest="progress", action="store_false", help="no progress bars")


def from_arguments(args: argparse.Namespace) -> EvaluateOptions:
    """Options from parsed arguments."""
    given = {field.name: getattr(args, field.name) for field in fields(EvaluateOptions)}
    return EvaluateOptions(**{**given, "bias_list": tuple(args.bias_list)})


def run(args: argparse.Namespace) -> int:
    """Evaluate with parsed arguments, print the table, return the exit status."""
    from nemo_ctcbias.evaluation.evaluate import evaluate

    options = from_arguments(args)
    evaluate(options)
    print((options.out / "table.md").read_text(encoding="utf-8"))
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of whole numbers such as 100,1000") from error


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
