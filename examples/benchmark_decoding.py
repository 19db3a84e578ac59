"""How fast phrases are decoded: seconds of audio a second, beside pyctcdecode's own hotwords, in one run.

    python examples/benchmark_decoding.py                          # shipped model, shipped clips
    python examples/benchmark_decoding.py --manifest dev.json --phrases rare_words.txt --seconds 120

Log-probs come from the model's encoder, once.  Prints a JSON line a measurement and a table at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from nemo_ctcbias.audio import load_audio
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.search.hotword_decoder import HotwordBeamDecoder
from nemo_ctcbias.shipped import checkpoint

DATA = Path(__file__).parent / "data"
SLOW = 100  # pyctcdecode's time grows with the list: above this many hotwords it is left out


def log_probs_of(model, manifest: Path, seconds: float) -> list[np.ndarray]:
    """Log-probs [T, V + 1] of the manifest's first recordings, about `seconds` of them."""
    import torch

    found, total = [], 0.0
    for line in manifest.read_text(encoding="utf-8").splitlines():
        samples = load_audio(manifest.parent / json.loads(line)["audio_filepath"], model.cfg.sample_rate)
        with torch.inference_mode():
            signal = torch.from_numpy(samples)[None]
            log_probs, _, _ = model(input_signal=signal, input_signal_length=torch.tensor([len(samples)]))
        found.append(log_probs[0].numpy())
        total += len(samples) / model.cfg.sample_rate
        if total >= seconds:
            break
    return found


def measure(decode, log_probs: list[np.ndarray], seconds: float, runs: int) -> float:
    """Median seconds of audio decoded a second, after one warm-up utterance."""
    decode(log_probs[0])
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        for one in log_probs:
            decode(one)
        times.append(time.perf_counter() - start)
    return seconds / statistics.median(times)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help=".nemo file (default: the shipped one)")
    parser.add_argument("--manifest", type=Path, default=DATA / "demo" / "manifest.json")
    parser.add_argument("--phrases", type=Path, help="words to draw lists from (default: made up)")
    parser.add_argument("--sizes", default="0,100,1000,20000")
    parser.add_argument("--beams", default="16,100")
    parser.add_argument("--seconds", type=float, default=60.0, help="audio to decode")
    parser.add_argument("--peer-seconds", type=float, default=10.0, help="audio for pyctcdecode with hotwords")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true", help="leave pyctcdecode out")
    args = parser.parse_args(argv)

    import logging

    from pyctcdecode import Alphabet, BeamSearchDecoderCTC

    logging.getLogger("pyctcdecode").setLevel(logging.ERROR)
    model = load_model(checkpoint(args.model), "cpu")
    vocabulary = vocabulary_of(model)
    rate = model.encoder.subsampling_factor * model.cfg.preprocessor.window_stride
    log_probs = log_probs_of(model, args.manifest, args.seconds)
    rng = random.Random(1)
    if args.phrases:
        words = args.phrases.read_text(encoding="utf-8").split()
    else:
        words = ["".join(rng.choices("bdfgklmnprstvz", k=1) + rng.choices("aeiou", k=1)) for _ in range(60_000)]
        words = sorted({"".join(words[i : i + 3]) for i in range(0, len(words) - 3)})
    ours = HotwordBeamDecoder.from_vocabulary(vocabulary)
    peer = BeamSearchDecoderCTC(Alphabet([*vocabulary.pieces, ""], vocabulary.kind == "bpe"))
    rows = []
    for beam in map(int, args.beams.split(",")):
        for size in map(int, args.sizes.split(",")):
            hotwords = rng.sample(words, min(size, len(words)))
            listed = BiasList(hotwords)
            start = time.perf_counter()
            ours.compile(listed)
            row = {"beam": beam, "phrases": len(hotwords), "compile_seconds": round(time.perf_counter() - start, 3)}
            seconds = sum(map(len, log_probs)) * rate
            speed = measure(
                lambda x, b=beam, l=listed: ours.decode_beams(x, b, hotwords=l), log_probs, seconds, args.runs
            )
            row["ours"] = round(speed, 1)
            if not args.no_peer and size <= SLOW:
                part = [log_probs[0]]
                while sum(map(len, part)) * rate < args.peer_seconds and len(part) < len(log_probs):
                    part.append(log_probs[len(part)])
                heard = sum(map(len, part)) * rate
                runs = args.runs if size == 0 else 1
                speed = measure(lambda x, b=beam, h=hotwords: peer.decode_beams(x, b, hotwords=h), part, heard, runs)
                row["pyctcdecode"] = round(speed, 2)
            rows.append(row)
            print(json.dumps(row), flush=True)
    print("\n| beam | phrases | compile, s | ours, x real time | pyctcdecode, x real time |\n|---|---|---|---|---|")
    for row in rows:
        theirs = row.get("pyctcdecode", "not run: too slow" if not args.no_peer else "not run")
        print(f"| {row['beam']} | {row['phrases']} | {row['compile_seconds']} | {row['ours']} | {theirs} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
