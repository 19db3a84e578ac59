"""Streams beside whole recordings: listed words found, how late they are final, what a stream costs.

    python examples/benchmark_streaming.py --model small --manifest dev.json --distractors words.txt --every 3
    python examples/benchmark_streaming.py --model small --manifest dev.json --distractors words.txt --streams 20

Each recording has a list of its own, as `nemo-ctcbias evaluate` makes them (its `rare_words` among distractors), and
the model works as it would for a user.  How late a listed phrase is final: the seconds that had come then, less those
up to its end, less the encoder's own delay (`step` and `right`); phrases of a recording's last seconds, which its end
makes final, do not count.  Costs are seconds of one core for a second of speech.  With `--streams N`, so many go on
side by side, a step of each in turn, for `--seconds` of speech each: in real time they need the cores that are told.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nemo_ctcbias.commands.loading import load_model
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.lists import ListBuilder
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.process import quiet_nemo
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.evaluation.scoring import compare
from nemo_ctcbias.nemo.streams import LAG, LEFT, RIGHT

RATE = 16_000
LAST = 4.0  # seconds of a recording whose phrases its end may have made final


@dataclass
class Measured:
    """What one way of listening made of all recordings."""

    counts: Counts = field(default_factory=Counts)
    late: list[float] = field(default_factory=list)
    spent: float = 0.0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--manifest", type=Path, required=True, help="with `rare_words`")
    add("--distractors", type=Path, required=True, help="text file with a word or phrase a line")
    add("--model", help=".nemo file or shipped model (default: strong)")
    add("--size", type=int, default=100, help="distractors in a list (default 100)")
    add("--every", type=int, default=1, help="take every so many recordings (default 1: all)")
    add("--steps", default="0.16,0.32,1.0", help="seconds that come and are recognised at a time")
    add("--lag", type=float, default=LAG, help=f"(default {LAG:g})")
    add("--left", type=float, default=LEFT, help=f"(default {LEFT:g})")
    add("--right", type=float, default=RIGHT, help=f"(default {RIGHT:g})")
    add("--streams", type=int, default=0, help="side by side: measure their cost alone")
    add("--seconds", type=float, default=60.0, help="of each stream side by side (default 60)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_manifest(args.manifest)[0][:: args.every]
    lists = ListBuilder(read_phrases(args.distractors), seed=1).build(rows, "utterance", args.size)
    how = {"lag": args.lag, "left": args.left, "right": args.right}
    steps = [float(step) for step in args.steps.split(",")]
    with quiet_nemo():
        model = load_model(args.model, "cpu")
        model.set_biasing(workers=1)  # other processes' time would not be seen
        if args.streams:
            side_by_side(model, rows, lists, args.streams, args.seconds, steps, how)
        else:
            beside_recordings(model, rows, lists, steps, how)


def beside_recordings(model: Any, rows: Sequence[dict], lists: Sequence[tuple], steps: Sequence[float], how: dict):
    """A line for whole recordings, and one for each step of a stream."""
    ways: dict[str, Callable] = {"recordings": lambda samples, phrases: whole(model, samples, phrases)}
    for step in steps:
        ways[f"streams, {step:g} s"] = lambda samples, phrases, step=step: streamed(model, samples, phrases, step, how)
    found = {name: Measured() for name in ways}
    for row, phrases in zip(rows, lists, strict=True):
        samples = read_audio(row, RATE)
        model.stream(list(phrases))  # the list made ready
        for name, listen in ways.items():
            one, start = found[name], time.process_time()
            text, late = listen(samples, phrases)
            one.spent += time.process_time() - start
            one.seconds += len(samples) / RATE
            one.late += late
            one.counts += compare(row["text"], text, phrases).counts
    print(f"{len(rows)} recordings, {found['recordings'].seconds:.0f} s; {how}; in percent, and seconds")
    print("| heard as | F1 | precision | recall | WER | late, median | 95% | most | cost |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, one in found.items():
        rates = [f"{one.counts.rate(metric) or 0:.1f}" for metric in ("f1", "precision", "recall", "wer")]
        late = [f"{np.quantile(one.late, part):.2f}" if one.late else "" for part in (0.5, 0.95, 1.0)]
        print("|", " | ".join([name, *rates, *late, f"{one.spent / one.seconds:.3f}"]), "|", flush=True)


def whole(model: Any, samples: np.ndarray, phrases: tuple[str, ...]) -> tuple[str, list[float]]:
    """As a recording."""
    return model.transcribe([samples], bias_list=list(phrases), verbose=False, num_workers=0)[0].text, []


def streamed(
    model: Any, samples: np.ndarray, phrases: tuple[str, ...], step: float, how: dict
) -> tuple[str, list[float]]:
    """As a stream that comes step by step, and how late each of its phrases was final."""
    stream, size = model.stream(list(phrases), step=step, **how), round(step * RATE)
    texts, late, counted = [], [], len(samples) / RATE - LAST
    for at in range(0, len(samples), size):
        update = stream.feed(samples[at : at + size])
        texts.append(update.text)
        late += [stream.seconds - hit.end - step - how["right"] for hit in update.hits if hit.end <= counted]
    return " ".join([*texts, stream.finish().text]), late


def side_by_side(
    model: Any, rows: Sequence[dict], lists: Sequence[tuple], count: int, seconds: float, steps: Sequence[float], how
) -> None:
    """A line for each step: what the streams cost, and how long they all had to wait for one round of steps."""
    samples = np.concatenate([read_audio(row, RATE) for row in rows])
    long = round(seconds * RATE)
    print(f"{count} streams of {seconds:g} s, lists of {len(lists[0])}; {how}; one thread")
    print("| step, s | cores for all of them | a round of steps, median s | longest |")
    print("|---|---|---|---|")
    for step in steps:
        streams = [model.stream(list(lists[at % len(lists)]), step=step, **how) for at in range(count)]
        size, rounds = round(step * RATE), []
        for at in range(0, long, size):
            start = time.process_time()
            for number, stream in enumerate(streams):
                first = (number * len(samples)) // count + at  # each somewhere else in the speech
                stream.feed(np.take(samples, range(first, first + size), mode="wrap"))
            rounds.append(time.process_time() - start)
        cores = sum(rounds) / (len(rounds) * step)
        print(f"| {step:g} | {cores:.2f} | {statistics.median(rounds):.2f} | {max(rounds):.2f} |", flush=True)


if __name__ == "__main__":
    main()
