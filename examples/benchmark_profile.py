"""Where the time of whole transcriptions goes, by part and by length of the list.

    python examples/benchmark_profile.py --manifest dev.json --phrases words.txt
    python examples/benchmark_profile.py --model strong --sizes 0,1000 --presets accurate

Seconds of one core an hour of audio, the time of a part without that of the parts that it calls. One list for all
recordings, made ready before (`list` tells how long that took, once); `--new-lists` gives each recording a list of its
own, and then that is part of the time.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

import soundfile
import torch

from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.compiled_list import CompiledList, made_once
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.process import quiet_nemo
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.nemo.transcription import TranscriptionMixin
from nemo_ctcbias.recognizer import Recognizer
from nemo_ctcbias.search.biased_search import BiasedSearch
from nemo_ctcbias.search.result import BiasedBeam
from nemo_ctcbias.search.timing import Timing
from nemo_ctcbias.search.word_scorer import WordScorer

DATA = Path(__file__).parent / "data"
#: Part of the table -> what is timed for it.
PARTS: dict[str, tuple[tuple[type, str], ...]] = {
    "encoder": ((TranscriptionMixin, "_transcribe_forward"),),
    "list": tuple((CompiledList, name) for name in ("spelled", "search", "scores", "pronouncer", "tokens")),
    "hearing": ((Recognizer, "witnesses"),),
    "detection": ((Recognizer, "detected"),),
    "search": ((BiasedSearch, "beams"),),
    "language model": tuple((WordScorer, name) for name in ("price", "end_words", "end_text")),
    "second pass": tuple((Recognizer, name) for name in ("_rescored", "_decided")),
    "alignment and hits": ((Timing, "path"), (BiasedBeam, "hits"), (TranscriptionMixin, "_hypotheses")),
}


class Stopwatch:
    """Seconds of the processor by part, each without the parts within."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._open = ["rest"]
        self._since = time.process_time()

    def turn(self) -> None:
        """Give what has passed to the part that is open."""
        now = time.process_time()
        self.seconds[self._open[-1]] += now - self._since
        self._since = now

    @contextmanager
    def part(self, name: str):
        """While this lasts, time is that of a part."""
        self.turn()
        self._open.append(name)
        try:
            yield
        finally:
            self.turn()
            self._open.pop()

    def timing(self, act: Callable, name: str) -> Callable:
        """The same function, timed."""

        def timed(*args, **kwargs):
            with self.part(name):
                return act(*args, **kwargs)

        return timed

    @contextmanager
    def watching(self):
        """While this lasts, all `PARTS` are timed."""
        with ExitStack() as stack:
            for name, places in PARTS.items():
                for owner, attribute in places:
                    act = owner.__dict__[attribute]
                    if isinstance(act, made_once):
                        stack.enter_context(patch.object(act, "make", self.timing(act.make, name)))
                        continue
                    timed = (
                        property(self.timing(act.fget, name)) if isinstance(act, property) else self.timing(act, name)
                    )
                    stack.enter_context(patch.object(owner, attribute, timed))
            yield


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help=".nemo file (default: the shipped one with all that belongs to it)")
    parser.add_argument("--manifest", type=Path, default=DATA / "demo" / "manifest.json")
    parser.add_argument("--phrases", type=Path, help="words to fill the lists with (default: made up)")
    parser.add_argument("--sizes", default="0,100,1000,20000", help="of the lists (default %(default)s)")
    parser.add_argument("--presets", default="fast,accurate")
    parser.add_argument("--recordings", type=int, default=40, help="the first so many (default 40)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--new-lists", action="store_true", help="another list for every recording")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_manifest(args.manifest)[0][: args.recordings]
    rng = random.Random(1)
    made_up = ("".join(rng.choices(("ba", "ren", "to", "mi", "lus", "ka", "dor", "sha"), k=4)) for _ in range(60_000))
    words = read_phrases(args.phrases) if args.phrases else sorted(set(made_up))
    rng.shuffle(words)
    with quiet_nemo(), tempfile.TemporaryDirectory() as folder:
        model = load_model(args.model, "cpu")
        model.set_biasing(workers=1)
        files, audio_seconds = [], 0.0
        for number, row in enumerate(rows):
            samples = read_audio(row, 16000)
            audio_seconds += len(samples) / 16000
            files.append(str(Path(folder) / f"{number:05}.wav"))
            soundfile.write(files[-1], samples, 16000)
        columns = {}
        for preset in args.presets.split(","):
            model.set_preset(preset)
            for size in map(int, args.sizes.split(",")):
                lists = [words[:size]] * len(files)
                if args.new_lists:
                    lists = [rng.sample(words, min(size, len(words))) for _ in files]
                options = {"batch_size": args.batch_size, "verbose": False, "num_workers": 0}
                before = time.process_time()
                model.transcribe(files[:1], bias_lists=[lists[0] if size else []], **options)
                first = time.process_time() - before
                if not args.new_lists:  # all that is kept of words that were heard before is there, too
                    model.transcribe(files, bias_lists=lists, **options)
                watch = Stopwatch()
                with watch.watching():
                    model.transcribe(files, bias_lists=lists, **options)
                watch.turn()
                columns[preset, len(lists[0])] = watch.seconds, first
    print(f"{len(files)} recordings, {audio_seconds:.0f} s; s of one core per hour of audio")
    print("| part |" + "".join(f" {preset}, N = {size:,} |" for preset, size in columns))
    print("|---" * (len(columns) + 1) + "|")
    for name in (*PARTS, "rest"):
        values = (3600 * seconds[name] / audio_seconds for seconds, _ in columns.values())
        print(f"| {name} |" + "".join(f" {value:.1f} |" for value in values))
    totals = (3600 * sum(seconds.values()) / audio_seconds for seconds, _ in columns.values())
    print("| all |" + "".join(f" {value:.1f} |" for value in totals))
    print("| first recording, s |" + "".join(f" {first:.1f} |" for _, first in columns.values()))


if __name__ == "__main__":
    main()
