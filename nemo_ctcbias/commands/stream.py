"""`nemo-ctcbias transcribe --stream`: a recording as if it were heard now, or standard input as it comes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from nemo_ctcbias.audio import seconds_of
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.bias_options import set_list
from nemo_ctcbias.commands.recordings import STANDARD_INPUT
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.streamed_audio import blocks_from, blocks_of
from nemo_ctcbias.streaming import Update

BLOCK = 0.1  # seconds that come at a time


def check_stream(args: argparse.Namespace) -> None:
    """Refuse what a stream has no place for.

    Raises:
        SettingError: naming the option.
    """
    if len(args.audio) != 1 or args.manifest:
        raise SettingError("--stream takes one recording: a file, or - for standard input")
    if args.format not in ("txt", "json"):
        raise SettingError(f"--stream writes --format txt or json; {args.format} needs the whole recording")
    unheard = {"--compare": args.compare, "--nbest": args.nbest, "--word-times": args.word_times}
    unheard |= {"--out": args.out, "--out-dir": args.out_dir, "--resume": args.resume}
    for option, value in unheard.items():
        if value:
            raise SettingError(f"{option} does not go with --stream, which writes what stands to standard output")


def streamed(args: argparse.Namespace, model_of: Callable[[], Any], bias_list: BiasList | None) -> int:
    """Write a line for each piece that stands, or with --format json for all that is new."""
    (path,) = args.audio
    raw = path == STANDARD_INPUT
    if not raw:
        seconds_of(path)  # what cannot be read says so before the model is loaded
    model = model_of()
    set_list(model, bias_list)
    rate, stream = model.cfg.sample_rate, model.stream()
    shown = _Shown(args.format == "json", args.min_confidence or 0.0)
    for samples, given in blocks_from(sys.stdin.buffer, args.rate, BLOCK) if raw else blocks_of(path, rate, BLOCK):
        shown.show(stream.feed(samples, given), stream.seconds)
    shown.show(stream.finish(), stream.seconds)
    return 0


class _Shown:
    """What was shown of a stream; on a terminal what may still change is shown, too, and written over."""

    def __init__(self, as_json: bool, min_confidence: float) -> None:
        self._json, self._least, self._partial = as_json, min_confidence, ""

    def show(self, update: Update, seconds: float) -> None:
        new = bool(update.words) or update.partial != self._partial
        self._partial = update.partial
        if self._json and new:
            row = {
                "seconds": round(seconds, 2),
                "text": update.text,
                "words": [vars(word) for word in update.words],
                "hits": [hit.as_dict() for hit in update.hits if hit.confidence >= self._least],
                "partial": update.partial,
            }
            print(json.dumps(row, ensure_ascii=False), flush=True)
        elif not self._json:
            over = "\r\x1b[K" if sys.stderr.isatty() else ""
            sys.stderr.write(over)
            if update.words:
                print(update.text, flush=True)
            if over:
                sys.stderr.write(update.partial[-70:])
                sys.stderr.flush()
