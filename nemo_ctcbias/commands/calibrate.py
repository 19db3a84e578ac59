"""`nemo-ctcbias calibrate`: how sure a listed phrase must be to be written, from recordings without transcripts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.bias_options import add_bias_options, bias_list_of, report
from nemo_ctcbias.commands.loading import check_files, load_model
from nemo_ctcbias.commands.recordings import Recording, advance, loaded, progress_bar, readable, recordings_named
from nemo_ctcbias.decision import TOLD
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.phones.calibration import Calibration
from nemo_ctcbias.settings import PRECISION
from nemo_ctcbias.settings_file import write_settings
from nemo_ctcbias.whole_files import check_writable

if TYPE_CHECKING:
    from nemo_ctcbias.nemo.calibration import Calibrator

GROUP = 64  # recordings whose samples are held in memory
LITTLE = 600.0  # seconds of speech in which too little may be heard
FULL = 0.2  # of the speech: so much of listed phrases leaves decoys too little to be heard in
SHOWN = 5  # phrases


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("audio", nargs="+", metavar="AUDIO", help="recordings of your own, no transcripts: files, folders, quoted "
        "patterns; best half an hour or more of speech like what will be transcribed")  # fmt: skip
    add_bias_options(parser)
    add("--precision", type=float, metavar="P", help="share of the listed phrases written that shall be right "
        f"(default: the model's own setting, {PRECISION})")  # fmt: skip
    add("--out", metavar="FILE", help="YAML file for what was found (`transcribe --settings` reads it)")
    add("--save-to", metavar="FILE", help="a .nemo of the model with the list and what was found")
    add("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    add("--adapter", metavar="FILE", help="contextual adapter, or none (default: the model's own)")
    add("--lm", metavar="FILE", help="KenLM ARPA or binary, or none (default: the model's own)")
    add("--phone-head", metavar="FILE", help="phone head, or none (default: the model's own)")
    add("--seed", type=int, default=0, help="of the decoys (default 0)")
    add("--batch-size", type=int, default=8, metavar="N", help="recordings a batch (default 8)")
    add("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")


def run(args: argparse.Namespace) -> int:
    """Calibrate, say what was found and what could not be known, write it; 1 if some recordings failed."""
    bias_list = bias_list_of(args)
    _check(args, bias_list)
    recordings = recordings_named(args.audio)
    good = readable(recordings)
    if not good:
        return 1
    parts = {"adapter": args.adapter, "phone_head": args.phone_head, "language_model": args.lm}
    model = load_model(args.model, args.device, **parts)
    from nemo_ctcbias.nemo.calibration import Calibrator

    bias_list = model.bias_list if bias_list is None else bias_list
    if not len(bias_list):
        raise SettingError("calibrate: there is no list to calibrate for; give --bias-list FILE or --bias PHRASE ...")
    report(model.check_bias_list(bias_list), bias_list)
    calibrator = Calibrator(model, bias_list, args.seed)
    seconds, count = _listen(calibrator, good, model.cfg.sample_rate, args.batch_size)
    found = calibrator.result(model.settings.precision if args.precision is None else args.precision)
    lines = told(found, calibrator, seconds, count)
    print("\n".join(lines))
    for line in unknown(found, calibrator, seconds):
        print(f"nemo-ctcbias: {line}", file=sys.stderr)
    if args.out is not None:
        settings = {name: value for name, value in found.settings.items() if value is not None}
        write_settings(args.out, settings, "\n".join(lines))
    if args.save_to is not None:
        model.set_bias_list(bias_list)
        model.set_biasing(**found.settings)
        model.save_to(args.save_to)
    return 0 if count == len(recordings) else 1


def _listen(calibrator: Calibrator, recordings: list[Recording], rate: int, batch_size: int) -> tuple[float, int]:
    """Count hits in recordings; returns the seconds that were heard, and in how many of them."""
    seconds, count = 0.0, 0
    with progress_bar(recordings, "calibrating") as bar, calibrator.listening():
        for first in range(0, len(recordings), GROUP):
            here = list(loaded(recordings[first : first + GROUP], rate))
            pieces = sorted((piece for one in here for _, piece in one.pieces), key=len, reverse=True)
            if pieces:
                calibrator.add(pieces, batch_size)
            long = sum(map(len, pieces)) / rate
            seconds, count = seconds + long, count + len(here)
            advance(bar, long)
    return seconds, count


def told(found: Calibration, calibrator: Calibrator, seconds: float, recordings: int) -> list[str]:
    """What was heard and what follows from it, a line each."""
    source, phrases = calibrator.listed.source or "the list", len(calibrator.listed)
    usual = calibrator.usual(found.precision)
    lines = [
        f"{_counted(recordings, 'recording')}, {seconds / 60:.1f} minutes; {source}: {_counted(phrases, 'phrase')}, "
        f"and {_counted(len(calibrator.decoys), 'decoy')} that nobody said",
        f"heard with a confidence of {TOLD:g} or more: {_counted(found.hits, 'phrase')} of the list, "
        f"{_counted(found.decoys, 'decoy')} in the other places",
    ]
    asked = f"a precision of {found.precision:g}"
    if found.verdict == "found":
        lines.append(
            f"least confidence for {asked}: {found.least:.3f} ({usual:.3f} without a calibration); of "
            f"{_counted(found.kept, 'hit')} about {found.right} are right"
        )
    elif found.verdict == "chance":
        lines.append(
            f"nothing of the list is sure enough for {asked}: decoys were heard as surely, at best {found.best:.0%} of "
            "the list's hits are expected to be right; the threshold lies above all that was heard, so that nothing of "
            "it is written"
        )
    else:
        instead = "the usual threshold stays" if found.least is None else "the threshold lies above the surest decoy"
        lines.append(
            f"too few hits to tell what gives {asked}: {found.needed} at the least would be needed; {instead}, by "
            f"which {_counted(found.kept, 'hit')} would be written"
        )
    return lines


def unknown(found: Calibration, calibrator: Calibrator, seconds: float) -> list[str]:
    """What these recordings cannot tell, a line each."""
    lines = []
    asked = calibrator.usual(found.precision) if found.least is None else found.least
    kept = calibrator.surer(asked)
    if not found.hits and not found.decoys:
        lines.append("nothing like speech was heard: neither the list nor its decoys; give recordings of speech")
    elif seconds < LITTLE:
        lines.append(f"{seconds:.0f} s are little, in which chance was seen too rarely to be sure; give half an hour")
    covered = sum(hit.end - hit.start for hit in kept)
    if covered > FULL * seconds:
        lines.append(
            f"listed phrases fill {covered:.0f} of {seconds:.0f} s, which leaves chance little to be heard in; in "
            "speech with fewer of them less is right, so give some of that, too"
        )
    alike = calibrator.like_ordinary(dict.fromkeys(hit.phrase for hit in kept))
    if alike:
        shown = ", ".join(alike[:SHOWN]) + (", ..." if len(alike) > SHOWN else "")
        lines.append(
            f"{_counted(len(alike), 'phrase')} heard sound like an ordinary word ({shown}): no decoy does, so how "
            "often that word was said is not known"
        )
    if calibrator.unsounded:
        lines.append(
            f"{_counted(len(calibrator.unsounded), 'phrase')} cannot be pronounced: how sure they are nobody asks, and "
            "they are written as before"
        )
    return lines


def _check(args: argparse.Namespace, bias_list: BiasList | None) -> None:
    """Refuse what can be refused before anything is read."""
    if args.out is None and args.save_to is None:
        raise SettingError("calibrate: name what is to be written, --out FILE.yaml or --save-to FILE.nemo")
    if args.precision is not None and not 0 <= args.precision < 1:
        raise SettingError(f"--precision must be a share from 0 to below 1, got {args.precision}")
    if args.batch_size < 1:
        raise SettingError(f"--batch-size must be 1 or more, got {args.batch_size}")
    if bias_list is not None and not any(phrase.weight > 0 for phrase in bias_list):
        raise SettingError(f"{bias_list.source or 'bias list'}: holds no phrase to listen for")
    check_files(args.model, args.adapter, args.phone_head, args.lm)
    for path in filter(None, (args.out, args.save_to)):
        check_writable(Path(path))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
