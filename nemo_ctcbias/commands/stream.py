"""`nemo-ctcbias transcribe --stream`: a recording as if it were heard now, or standard input as it comes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nemo_ctcbias.audio import HIGHEST_RATE, LOWEST_RATE, seconds_of
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.bias_options import set_list
from nemo_ctcbias.commands.recordings import STANDARD_INPUT
from nemo_ctcbias.errors import AudioError, SettingError
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
    if not LOWEST_RATE <= args.rate <= HIGHEST_RATE:
        raise SettingError(f"--rate {args.rate}: must be from {LOWEST_RATE} to {HIGHEST_RATE} samples a second")
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
    blocks = blocks_from(sys.stdin.buffer, args.rate, BLOCK) if raw else blocks_of(path, rate, BLOCK)
    code = _listened(stream, _readable(path, blocks), shown)
    shown.show(stream.finish(), stream.seconds)
    return code


def _listened(stream: Any, blocks: Iterator[tuple[np.ndarray, int]], shown: _Shown) -> int:
    """Feed a stream until nothing more comes; the exit code.

    What is no sound is silence, and told once; a file that breaks off and an interrupt end the stream, no more.
    """
    code, fine = 0, True
    while True:
        try:
            samples, rate = next(blocks)
        except StopIteration:
            return code
        except AudioError as error:
            return shown.complain(error)
        except KeyboardInterrupt:
            return 130
        try:
            update, fine = stream.feed(samples, rate), True
        except AudioError as error:
            code = shown.complain(error) if fine else 1
            fine = False
            update = stream.feed(np.zeros(len(samples), dtype=np.float32), rate)
        shown.show(update, stream.seconds)


def _readable(path: str, blocks: Iterator[tuple[np.ndarray, int]]) -> Iterator[tuple[np.ndarray, int]]:
    """The same; where a file breaks off, an error says so."""
    seconds = 0.0
    try:
        for samples, rate in blocks:
            yield samples, rate
            seconds += len(samples) / rate
    except (RuntimeError, OSError) as error:  # libsndfile's
        raise AudioError(f"{path}: cannot be read further than {seconds:.0f} s") from error


class _Shown:
    """What was shown of a stream; on a terminal what may still change is shown, too, and written over."""

    def __init__(self, as_json: bool, min_confidence: float) -> None:
        self._json, self._least, self._partial = as_json, min_confidence, ""
        self._over = "\r\x1b[K" if sys.stderr.isatty() else ""

    def complain(self, error: AudioError) -> int:
        """Say what is wrong; the exit code."""
        sys.stderr.write(f"{self._over}nemo-ctcbias: {error}\n")
        return 1

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
            sys.stderr.write(self._over)
            if update.words:
                print(update.text, flush=True)
            if self._over:
                sys.stderr.write(update.partial[-70:])
                sys.stderr.flush()
