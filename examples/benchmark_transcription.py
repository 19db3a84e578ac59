"""Time of whole transcriptions, encoder included, beside NeMo's greedy transcription with the same checkpoint.

    python examples/benchmark_transcription.py --manifest dev.json --phrases words.txt

One list for all recordings. NeMo and each preset take turns, `--rounds` times; the ratios are those of each round. The
list's own preparation (spelling, pronunciations) is done once before and told apart.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import soundfile
import torch
from nemo.collections.asr.models import ASRModel

from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.process import quiet_nemo
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.shipped import checkpoint


def seconds_of(act) -> float:
    start = time.process_time()  # one thread of this process: others on the machine do not count
    act()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--phrases", type=Path, required=True, help="words to fill the list with, one a line")
    parser.add_argument("--model", help=".nemo file (default: the shipped one with all that belongs to it)")
    parser.add_argument("--size", type=int, default=100, help="phrases in the list (default 100)")
    parser.add_argument("--presets", default="fast,accurate")
    parser.add_argument("--recordings", type=int, default=40, help="the first so many (default 40)")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_manifest(args.manifest)[0][: args.recordings]
    presets = args.presets.split(",")
    with quiet_nemo(), tempfile.TemporaryDirectory() as folder:
        stock = ASRModel.restore_from(checkpoint(args.model), map_location="cpu").eval()
        biased = load_model(args.model, "cpu")
        biased.set_biasing(workers=1)  # other processes' time would not be seen
        biased.set_bias_list(read_phrases(args.phrases)[: args.size])
        files, audio_seconds = [], 0.0
        for number, row in enumerate(rows):  # plain files of 16 kHz, so that nobody's decoding of them is timed
            samples = read_audio(row, 16000)
            audio_seconds += len(samples) / 16000
            files.append(str(Path(folder) / f"{number:05}.wav"))
            soundfile.write(files[-1], samples, 16000)

        def transcribe(model, some):
            model.transcribe(some, batch_size=args.batch_size, verbose=False, num_workers=0)

        systems = {"NeMo greedy": (stock, None), **{preset: (biased, preset) for preset in presets}}
        first, spent = {}, {name: [] for name in systems}
        for number in range(args.rounds + 1):
            for name, (model, preset) in systems.items():
                if preset:
                    model.set_preset(preset)
                    seconds = seconds_of(lambda model=model: transcribe(model, files[:1]))
                    first.setdefault(name, seconds)
                elapsed = seconds_of(lambda model=model: transcribe(model, files))
                if number:  # the first round only warms up
                    spent[name].append(elapsed)
    print(
        f"{len(files)} recordings, {audio_seconds:.0f} s; batches of {args.batch_size}, {args.size} phrases, one thread"
    )
    print("| transcription | s per hour of audio | times NeMo's, median (lowest to highest) | first recording, s |")
    print("|---|---|---|---|")
    for name, values in spent.items():
        ratios = [mine / theirs for mine, theirs in zip(values, spent["NeMo greedy"], strict=True)]
        spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        hour = 3600 * statistics.median(values) / audio_seconds
        print(f"| {name} | {hour:.0f} | {spread} | {f'{first[name]:.1f}' if name in first else ''} |")


if __name__ == "__main__":
    main()
