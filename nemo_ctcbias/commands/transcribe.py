"""`nemo-ctcbias transcribe`: recordings to text, listed phrases preferred."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import Any

from tqdm import tqdm

from nemo_ctcbias.commands.bias_options import add_bias_options, bias_list_of, report, set_list
from nemo_ctcbias.commands.compare import Comparison
from nemo_ctcbias.commands.formats import FORMATS
from nemo_ctcbias.commands.kept_part import KeptPart
from nemo_ctcbias.commands.model_options import add_model_options, check_model_options, model_of
from nemo_ctcbias.commands.outputs import Output, output_for
from nemo_ctcbias.commands.recordings import (
    Recording,
    advance,
    complain,
    is_long,
    loaded,
    progress_bar,
    readable,
    recordings_named,
    recordings_of_manifest,
)
from nemo_ctcbias.commands.stream import check_stream, streamed
from nemo_ctcbias.commands.transcripts import Transcript, transcribe_all, transcribe_long
from nemo_ctcbias.errors import AudioError, SettingError
from nemo_ctcbias.shipped import shipped
from nemo_ctcbias.streamed_audio import pieces_of
from nemo_ctcbias.whole_files import written_whole

GROUP = 8  # batches whose recordings are held in memory at a time, sorted by length, and written when all are done


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    add = parser.add_argument
    add("audio", nargs="*", metavar="AUDIO", help="files, folders, quoted patterns ('calls/**/*.wav'), - for standard "
        "input; wav, flac, ogg, opus, mp3, any rate, any channels; m4a, aac with the package av")  # fmt: skip
    add("--manifest", metavar="FILE", help="NeMo manifest; rows may carry their own bias_list")
    add_bias_options(parser)
    add_model_options(parser)
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--format", choices=FORMATS, default="txt", help="json: a line a recording with text and hits; "
                       "tsv: a table; ctm: time-marked words; srt, vtt: subtitles (default txt)")  # fmt: skip
    shape.add_argument("--json", dest="format", action="store_const", const="json", help="as --format json")
    shape.add_argument("--compare", action="store_true", help="show what the model writes by itself, with the language "
                       "model, and with the list")  # fmt: skip
    add("--word-times", action="store_true", help="with --format json: when each word is said, as `words`")
    add("--nbest", type=int, metavar="N", help="with --format json: the N best texts of recordings with a list")
    add("--min-confidence", type=float, metavar="P", help="leave out hits below it, from 0 to 1: the probability that "
        "the phrase was said there; the text stays")  # fmt: skip
    add("--stream", action="store_true", help="one file, or - for raw 16-bit mono samples from standard input, as if "
        "it were heard now: words as soon as they stand; with --format json what may still change, too")  # fmt: skip
    add("--rate", type=int, default=16000, help="samples a second of --stream - (default 16000)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--out", metavar="FILE", help="write there, line by line as FILE.part until all is done")
    where.add_argument("--out-dir", metavar="FOLDER", help="a file a recording there")
    add("--resume", action="store_true", help="leave out what an earlier run wrote to --out or --out-dir")
    add("--batch-size", type=int, default=8, metavar="N", help="recordings a batch (default 8)")


def run(args: argparse.Namespace) -> int:
    """Transcribe; 1 if some recordings failed."""
    bias_list = bias_list_of(args)
    _check(args)
    settings = check_model_options(args)
    if args.stream:
        return streamed(args, partial(model_of, args, settings), bias_list)
    recordings = recordings_named(args.audio)
    recordings += recordings_of_manifest(args.manifest) if args.manifest else []
    form, named = FORMATS[args.format], len(recordings) > 1
    _check_form(args, named)
    if args.compare and shipped(args.model).model:  # which hold no list
        _check_listed(bias_list, recordings)
    output = None if args.compare else output_for(args.out, args.out_dir, args.format, form, named, args.resume)
    left = recordings if output is None else output.missing(recordings)
    good = readable(left)
    if not good:
        if output is not None and left == []:
            output.close(whole=True)
        return 1 if left else 0
    model = model_of(args, settings)
    set_list(model, bias_list)
    for own in {one.bias_list: None for one in good if one.bias_list is not None}:
        report(model.check_bias_list(own), own)
    with progress_bar(good, "transcribing") as bar:
        count = _compared(args, model, good, bar) if output is None else _written(args, model, good, bar, output)
    return 0 if count == len(left) else 1


def _written(args: argparse.Namespace, model: Any, recordings: list[Recording], bar: tqdm, output: Output) -> int:
    """Transcribe and write; returns how many."""
    count = 0
    try:
        output.begin()
        for one in _transcripts(args, model, recordings, bar):
            output.write(one)
            count += 1
    except BaseException:
        output.close(whole=False)
        raise
    output.close(whole=True)
    return count


def _transcripts(args: argparse.Namespace, model: Any, recordings: list[Recording], bar: tqdm) -> Iterator[Transcript]:
    """Each as soon as its group is done."""
    least = args.min_confidence or 0.0
    options = {"timed": FORMATS[args.format].timed or args.word_times, "done": partial(advance, bar)}
    for group in _groups(args, recordings):
        if is_long(group[0]):
            found = list(filter(None, [_long(args, model, group[0], bar, options)]))
        else:
            here = list(loaded(group, model.cfg.sample_rate))
            found = transcribe_all(model, here, args.batch_size, **options)
        for one in found:
            one.recording.pieces = []
            nbest = one.nbest[: args.nbest] if args.nbest else ()
            yield replace(one, hits=tuple(hit for hit in one.hits if hit.confidence >= least), nbest=nbest)


def _long(
    args: argparse.Namespace, model: Any, one: Recording, bar: tqdm, options: dict[str, Any]
) -> Transcript | None:
    """A recording of hours, which goes on where an earlier run has left off; None if it cannot be read."""
    rate, kept = model.cfg.sample_rate, KeptPart.beside(args.out, args.out_dir, one)
    end, found = kept.read(one)
    if end and not args.resume:
        _tell(f"{one.path}: an earlier run was cut short after {end / rate:.0f} s; --resume goes on there")
        end, found = 0, None
    advance(bar, end / rate)
    try:
        pieces = pieces_of(one.file or one.path, rate, one.offset, one.duration, end)
        for end, more in transcribe_long(model, one, pieces, args.batch_size, found, **options):
            kept.write(end, more)
            found = more
    except AudioError as error:
        complain(one, error)
        return None
    except BaseException:
        if kept and end:
            _tell(f"{one.path}: {end / rate:.0f} s are done; the same command with --resume goes on there")
        raise
    kept.remove()
    return found


def _compared(args: argparse.Namespace, model: Any, recordings: list[Recording], bar: tqdm) -> int:
    """The same recordings in up to three ways, each mark by what caused it; returns how many."""
    helped = model.language_model_path is not None
    listed = [phrase.written for phrase in model.bias_list]
    _check_listed(listed, recordings)
    # (without the list, with the language model for all recordings): the model, with LM, with the list.
    passes = [(True, False), *([(True, True)] if helped else []), (False, model.settings.lm.always)]
    comparison = Comparison(listed)

    def done(seconds: float) -> None:
        advance(bar, seconds / len(passes))

    for group in _groups(args, recordings):
        here = list(loaded(group, model.cfg.sample_rate))
        ways = []
        for unbiased, with_lm in passes:
            model.set_biasing(lm={"always": with_lm})
            ways.append(transcribe_all(model, here, args.batch_size, unbiased=unbiased, done=done))
        comparison.add(*ways)
        for one in here:
            one.pieces = []
    if args.out is None:
        comparison.show(sys.stdout)
    else:
        with written_whole(args.out) as path, path.open("w", encoding="utf-8") as out:
            comparison.show(out)
    return len(comparison)


def _groups(args: argparse.Namespace, recordings: Sequence[Recording]) -> Iterator[Sequence[Recording]]:
    """Long ones alone, in order with the others."""
    size = GROUP * args.batch_size
    for alone, some in groupby(recordings, key=lambda one: is_long(one) and not args.compare):
        members = list(some)
        step = 1 if alone else size
        yield from (members[first : first + step] for first in range(0, len(members), step))


def _tell(message: str) -> None:
    print(f"nemo-ctcbias: {message}", file=sys.stderr)


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be refused before anything is read."""
    if not args.audio and not args.manifest:
        raise SettingError("transcribe: no recording given; name audio files or folders, or --manifest FILE")
    if args.stream:
        check_stream(args)
    if args.batch_size < 1:
        raise SettingError(f"--batch-size must be 1 or more, got {args.batch_size}")
    if args.nbest is not None and args.nbest < 1:
        raise SettingError(f"--nbest must be 1 or more, got {args.nbest}")
    if args.min_confidence is not None and not 0 <= args.min_confidence <= 1:
        raise SettingError(f"--min-confidence must be from 0 to 1, got {args.min_confidence}")
    if args.compare and (args.out_dir is not None or args.resume):
        raise SettingError("--compare is one text; --out FILE takes it, --out-dir and --resume do not go with it")


def _check_listed(listed: Sequence | None, recordings: Sequence[Recording]) -> None:
    """Refuse to compare with nothing."""
    if not listed and not any(one.bias_list for one in recordings):
        raise SettingError("--compare: there is no list to compare with; give --bias-list FILE or --bias PHRASE ...")


def _check_form(args: argparse.Namespace, named: bool) -> None:
    """Refuse what a format cannot hold."""
    form = FORMATS[args.format]
    for option, value in (("--word-times", args.word_times), ("--nbest", args.nbest)):
        if value and args.format != "json":
            raise SettingError(f"{option} goes with --format json; {args.format} has no place for it")
    if args.min_confidence is not None and args.format not in ("json", "tsv"):
        raise SettingError("--min-confidence acts on hits, which --format json and tsv show")
    if form.alone and named and args.out_dir is None and not args.compare:
        raise SettingError(f"--format {args.format} holds one recording; give --out-dir FOLDER for several")
    if args.resume and args.out is None and args.out_dir is None:
        raise SettingError("--resume goes on with a file or folder; give --out or --out-dir")
    if args.resume and named and args.out is not None and not form.resumes:
        raise SettingError(f"--resume: {args.format} files do not say which recordings they hold; give --out-dir")
