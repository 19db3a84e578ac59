"""`nemo-ctcbias transcribe`: recordings to text, listed phrases preferred."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from tqdm import tqdm

from nemo_ctcbias.bias_list import BiasList, Note
from nemo_ctcbias.commands.compare import show_comparison
from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.commands.recordings import Recording, is_file, loaded, recordings_of_manifest
from nemo_ctcbias.errors import SettingError
from nemo_ctcbias.lm.options import LanguageModelOptions
from nemo_ctcbias.search.hits import Hit
from nemo_ctcbias.settings import PRESET_NAMES
from nemo_ctcbias.settings_file import read_settings
from nemo_ctcbias.shipped import shipped, shipped_file

GROUP = 64  # batches whose recordings are held in memory at a time, and sorted by length
SHOWN_NOTES = 5
LM = LanguageModelOptions()


@dataclass(frozen=True)
class Transcript:
    """Text of a recording and the listed phrases in it (times in seconds)."""

    recording: Recording
    text: str
    hits: tuple[Hit, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("audio", nargs="*", metavar="AUDIO", help="wav, flac, ogg or mp3; any rate, any channels")
    parser.add_argument("--manifest", metavar="FILE", help="NeMo manifest; rows may carry their own bias_list")
    parser.add_argument("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    parser.add_argument("--bias-list", metavar="FILE", help="phrases, one a line (weight after a tab), or .jsonl")
    parser.add_argument("--bias", metavar="PHRASE", nargs="+", action="extend", default=[], help="more phrases")
    parser.add_argument("--preset", choices=PRESET_NAMES, help="off; fast: adapter and boosting; accurate: all that "
                        "the model has (default: the model's own settings)")  # fmt: skip
    parser.add_argument(
        "--settings", metavar="FILE", help="YAML with a section `biasing`, as `nemo-ctcbias tune` writes"
    )
    parser.add_argument("--adapter", metavar="FILE", help="contextual adapter (a `save_adapters` file); none: without "
                        "(default: the model's own; the shipped model's)")  # fmt: skip
    parser.add_argument("--bias-weight", type=float, help="strength (default: the model's own; 10 as tuned, 0 off)")
    parser.add_argument(
        "--lm", metavar="FILE", help="KenLM ARPA or binary that helps every search; none: no language model "
        "(default: the model's own; the shipped model's, where there is a list)",
    )  # fmt: skip
    parser.add_argument("--lm-alpha", type=float, help=f"weight of its log-probs (default {LM.alpha})")
    parser.add_argument("--lm-beta", type=float, help=f"score of each word (default {LM.beta})")
    parser.add_argument("--phone-head", metavar="FILE", help="phone head (a `save_phone_head` file), by which "
                        "phrases are heard better than by what the model spells, and which rescoring and correction "
                        "need; none: nobody asks how phrases sound (default: the model's own; the "
                        "shipped model's)")  # fmt: skip
    parser.add_argument("--variants", type=int, metavar="N", help="spellings of each phrase to listen for, its own "
                        "included (default: the model's own setting, 1)")  # fmt: skip
    parser.add_argument("--pronunciations", metavar="FILE", help="lexicon in the format of the CMU dictionary")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--compare", action="store_true", help="show the text without the list as well")
    shape.add_argument("--json", action="store_true", help="JSON lines with audio_filepath, text and hits")
    parser.add_argument("--out", metavar="FILE", help="write there instead of to standard output")
    parser.add_argument("--batch-size", type=int, default=8, metavar="N", help="recordings a batch (default 8)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default auto)")


def run(args: argparse.Namespace) -> int:
    """Transcribe; 1 if some recordings failed."""
    _check(args)
    bias_list = _bias_list(args)
    recordings = [Recording(path) for path in args.audio]
    recordings += recordings_of_manifest(args.manifest) if args.manifest else []
    model = load_model(args.model, args.device, args.adapter, args.phone_head)
    if args.settings is not None:
        model.set_biasing(**read_settings(args.settings))
    _set_phonetics(model, args)
    if bias_list is not None:
        _report(model.set_bias_list(bias_list))
    own = {one.bias_list: None for one in recordings if one.bias_list is not None}
    _report([note for each in own for note in model.check_bias_list(each)])
    if args.bias_weight is not None:
        model.set_bias_weight(args.bias_weight)
    _set_language_model(model, args)
    if args.preset is not None:
        model.set_preset(args.preset)
    transcripts: list[Transcript] = []
    without: list[Transcript] = []
    size = GROUP * args.batch_size
    with tqdm(total=len(recordings), desc="transcribing", disable=None, file=sys.stderr) as bar:
        for first in range(0, len(recordings), size):
            group = recordings[first : first + size]
            good = list(loaded(group, model.cfg.sample_rate))
            transcripts += transcribe_all(model, good, args.batch_size)
            if args.compare:
                without += transcribe_all(model, [replace(one, bias_list=None) for one in good], args.batch_size, True)
            for one in group:
                one.pieces = []
            bar.update(len(group))
    with _output(args.out) as out:
        if args.compare:
            show_comparison(without, transcripts, [phrase.written for phrase in model.bias_list], out)
        else:
            _print(transcripts, args.json, len(recordings) > 1, out)
    return 0 if len(transcripts) == len(recordings) else 1


def _check(args: argparse.Namespace) -> None:
    """Refuse what can be refused before the model is loaded."""
    taken = next((phrase for phrase in args.bias if is_file(phrase)), None)
    if taken is not None:
        raise SettingError(f"--bias took the file {taken} for a phrase; name recordings before --bias, or after --")
    if not args.audio and not args.manifest:
        raise SettingError("transcribe: no recording given; name audio files or --manifest FILE")
    if args.batch_size < 1:
        raise SettingError(f"--batch-size must be 1 or more, got {args.batch_size}")
    if args.bias_weight is not None and not 0 <= args.bias_weight < math.inf:
        raise SettingError(f"--bias-weight must be 0 or more, got {args.bias_weight}; 10 is the tuned strength")
    if args.lm is not None and args.lm != "none" and not is_file(args.lm):
        raise SettingError(f"--lm {args.lm}: no such language model; give a KenLM .arpa or binary file, or none")
    if args.out is not None and (Path(args.out).is_dir() or not Path(args.out).parent.is_dir()):
        raise SettingError(f"--out {args.out}: cannot be written; name a file in a folder that exists")


def _set_language_model(model, args: argparse.Namespace) -> None:
    """`--lm` on every recording; the shipped model's own only where a list acts, so that it is itself without one."""
    if args.lm == "none":
        model.set_language_model(None)
        return
    stored = dict(model.cfg.biasing.lm)
    path, always = args.lm or stored.pop("path", None), args.lm is not None or stored.pop("always", False)
    path = path or shipped_file(shipped(args.model).language_model)
    weights = {"alpha": args.lm_alpha, "beta": args.lm_beta}
    given = {name: value for name, value in weights.items() if value is not None}
    if path is not None:
        weights = {name: value for name, value in stored.items() if name not in ("path", "always")}
        model.set_language_model(path, always=always, **{**weights, **given})
    elif given:
        raise SettingError("--lm-alpha, --lm-beta: there is no language model to weigh; give --lm FILE")


def _set_phonetics(model, args: argparse.Namespace) -> None:
    settings = {"variants": args.variants, "lexicon": args.pronunciations}
    settings = {name: value for name, value in settings.items() if value is not None}
    if args.phone_head == "none":
        settings["parts"] = []
    if settings:
        model.set_phonetics(**settings)


def _report(notes: Iterable[Note]) -> None:
    """What the model cannot use of a list, on standard error; the first few."""
    serious = [note for note in notes if note.level != "changed"]
    for note in serious[:SHOWN_NOTES]:
        print(f"nemo-ctcbias: {note}", file=sys.stderr)
    if len(serious) > SHOWN_NOTES:
        rest = len(serious) - SHOWN_NOTES
        print(f"nemo-ctcbias: {rest} more notes; `nemo-ctcbias check-list` shows all of a list", file=sys.stderr)


def transcribe_all(model, recordings: list[Recording], batch_size: int, unbiased: bool = False) -> list[Transcript]:
    """Transcripts of loaded recordings, in their order; long ones piece by piece.

    Args:
        unbiased: use no list at all, not even the model's.
    """
    rate = model.cfg.sample_rate
    jobs = [(index, piece) for index, one in enumerate(recordings) for piece in one.pieces]
    jobs.sort(key=lambda job: -len(job[1][1]))  # like lengths together: less padding
    found: dict[tuple[int, int], object] = {}
    for first in range(0, len(jobs), batch_size):
        batch = jobs[first : first + batch_size]
        default = BiasList() if unbiased else model.bias_list
        lists = [default if recordings[i].bias_list is None else recordings[i].bias_list for i, _ in batch]
        config = model.get_transcribe_config()
        config.batch_size, config.num_workers, config.verbose = len(batch), 0, False
        config.pad_min_duration = 0.0  # NeMo pads samples to a second but not files, and files are what these are
        audio = [piece for _, (_, piece) in batch]
        results = model.transcribe(audio, bias_lists=lists, override_config=config)
        for (index, (start, _)), hypothesis in zip(batch, results, strict=True):
            found[index, start] = hypothesis[0] if isinstance(hypothesis, list) else hypothesis
    return [
        _join(one, [(start / rate, found[index, start]) for start, _ in one.pieces])
        for index, one in enumerate(recordings)
    ]


def _join(recording: Recording, pieces: list) -> Transcript:
    text = " ".join(hypothesis.text for _, hypothesis in pieces if hypothesis.text)
    hits = []
    for start, hypothesis in pieces:
        begin = round(start + recording.offset, 3)
        for hit in getattr(hypothesis, "hits", []):
            hits.append(replace(hit, start=round(hit.start + begin, 3), end=round(hit.end + begin, 3)))
    return Transcript(recording, text, tuple(hits))


def _bias_list(args: argparse.Namespace) -> BiasList | None:
    """Phrases of file and command line together; None where neither is given (a stored list then acts)."""
    if args.bias_list is None and not args.bias:
        return None
    if args.bias_list is None:
        return BiasList(args.bias, source="--bias")
    listed = BiasList.load(args.bias_list)
    return BiasList([*listed, *args.bias], source=f"{args.bias_list} and --bias") if args.bias else listed


def _print(transcripts: list[Transcript], as_json: bool, named: bool, out: TextIO) -> None:
    for one in transcripts:
        if as_json:
            row = {"audio_filepath": one.recording.path, "text": one.text, "hits": [h.as_dict() for h in one.hits]}
            print(json.dumps(row, ensure_ascii=False), file=out)
        else:
            print(f"{one.recording.path}\t{one.text}" if named else one.text, file=out)


class _output:
    """Standard output, or a file that is opened for writing."""

    def __init__(self, path: str | None):
        self._path = path

    def __enter__(self) -> TextIO:
        if self._path is None:
            self._file = sys.stdout
            return sys.stdout
        try:
            self._file = Path(self._path).open("w", encoding="utf-8")
        except OSError as error:
            raise SettingError(f"--out {self._path}: cannot be written ({error.strerror})") from error
        return self._file

    def __exit__(self, *error) -> None:
        if self._path is not None:
            self._file.close()
