"""A recording of hours beside the same speech in short pieces: time, errors, memory, times of words, and going on.

    python examples/benchmark_long.py --manifest dev.json --distractors words.txt --hours 3

The recordings of a manifest (with `rare_words`) follow each other with pauses, again from the first one until there are
`--hours` of them.  `nemo-ctcbias transcribe` hears them as files of their own and as one, with the same list, at most
half of which is said.  Then it hears the long one once more, is killed in the middle, and goes on with `--resume`: what
it writes must be the same.  Times are seconds of one core for an hour of speech; loading (what it takes to transcribe a
second of silence) is left out.  Memory is the most that the process held, and that in each quarter of its time.  Words
of the long recording belong to the piece that was said when they end; these times are held against those of the
pieces (NeMo's beginnings of words are the ends of those before).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.rare_words import own_words, read_phrases
from nemo_ctcbias.evaluation.scoring import aligned, compare

RATE = 16_000
PAUSES = 0.4, 1.5  # seconds between two recordings, drawn evenly
BLOCK = RATE // 20  # samples between two looks at how loud it is
EVERY = 0.5  # seconds between two looks at the memory


OFF = 0.3  # seconds by which a word's time may differ


@dataclass(frozen=True)
class Placed:
    """A recording in the long one: its row of the manifest, from where to where in seconds."""

    row: dict[str, Any]
    start: float
    end: float


@dataclass(frozen=True)
class Run:
    """A run of the command: seconds of a core, and the memory (MB) that it held, look after look."""

    spent: float
    memory: Sequence[float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--manifest", type=Path, required=True, help="with `rare_words`")
    add("--distractors", type=Path, required=True, help="text file with a word or phrase a line")
    add("--model", help=".nemo file or shipped model (default: strong)")
    add("--size", type=int, default=100, help="phrases in the list (default 100)")
    add("--hours", type=float, default=1.0, help="of the long recording (default 1)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        placed = write_recordings(read_manifest(args.manifest)[0], folder, args.hours)
        phrases = listed([one.row for one in placed], read_phrases(args.distractors), args.size)
        command = command_for(folder, phrases, args.model)
        loading = run([*command, folder / "silence.wav", "--out", folder / "silence.json"]).spent
        hours = sum(one.end - one.start for one in placed) / 3600
        print(f"{len(placed)} recordings, {hours:.2f} h of speech; {len(phrases)} phrases; one thread")
        print("| heard as | s per hour | WER | F1 | MB at most | in each quarter |")
        print("|---|---|---|---|---|---|")
        ways = ("pieces", "long.wav")
        of_pieces, of_whole = ([*command, folder / way, "--out", folder / f"{way}.json"] for way in ways)
        pieces = tell("pieces", run(of_pieces), loading, hours, by_piece(folder / "pieces.json"), placed, phrases)
        done = run(of_whole)
        whole = tell("one recording", done, loading, hours, by_time(folder / "long.wav.json", placed), placed, phrases)
        print(f"{off(whole, pieces):.1%} of the words that both have are more than {OFF} s apart")
        tell_resumed(of_whole, folder / "long.wav.json", done.spent, loading)


def tell_resumed(command: Sequence, file: Path, spent: float, loading: float) -> None:
    """A line on the long recording heard again, killed in the middle, and gone on with."""
    first = file.read_bytes()
    file.unlink()
    run(command, longest=(spent + loading) / 2)
    resumed = run([*command, "--resume"]).spent
    same = "the same" if file.read_bytes() == first else "NOT the same"
    print(f"killed in the middle, then {resumed - loading:.0f} s of {spent - loading:.0f} to go on: {same}")


def write_recordings(rows: Sequence[dict], folder: Path, hours: float) -> list[Placed]:
    """Files of their own, without the pauses, and one of all of them."""
    (folder / "pieces").mkdir()
    rng, placed, at = np.random.default_rng(1), [], 0
    with soundfile.SoundFile(folder / "long.wav", "w", RATE, 1) as long:
        while at < hours * 3600 * RATE:
            row = rows[len(placed) % len(rows)]
            samples = read_audio(row, RATE)
            soundfile.write(folder / "pieces" / f"{len(placed):06}.wav", samples, RATE)
            pause = quiet(samples, round(rng.uniform(*PAUSES) * RATE), rng)
            long.write(np.concatenate([samples, pause]))
            placed.append(Placed(row, at / RATE, (at + len(samples)) / RATE))
            at += len(samples) + len(pause)
    soundfile.write(folder / "silence.wav", np.zeros(RATE, dtype=np.float32), RATE)
    return placed


def quiet(samples: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Noise as loud as a recording is where it is quietest, as if nobody spoke in its room."""
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK)
    loud = np.quantile(np.sqrt((blocks**2).mean(axis=1)), 0.02) if len(blocks) else 0.0
    return (loud * rng.standard_normal(count)).astype(np.float32)


def listed(rows: Sequence[dict], distractors: Sequence[str], size: int) -> list[str]:
    """A list, half of it of rare words that are said if there are so many."""
    draw = random.Random(1)
    said = sorted({word for row in rows for word in own_words(row)})
    said = draw.sample(said, min(size // 2, len(said)))
    others = [word for word in distractors if word not in said]
    return [*said, *draw.sample(others, min(size - len(said), len(others)))]


def command_for(folder: Path, phrases: Sequence[str], model: str | None) -> list:
    """What transcribes with the list, in one process and with one thread."""
    (folder / "list.txt").write_text("\n".join(phrases) + "\n", encoding="utf-8")
    (folder / "alone.yaml").write_text("biasing: {workers: 1}\n")
    command = [sys.executable, "-m", "nemo_ctcbias.cli", "transcribe", "--json", "--word-times", "--device", "cpu"]
    command += ["--bias-list", folder / "list.txt", "--settings", folder / "alone.yaml"]
    return [*command, *(["--model", model] if model else [])]


def run(command: Sequence, longest: float = float("inf")) -> Run:
    """Run it, and kill it once it has had so many seconds of a core."""
    before, memory = resource.getrusage(resource.RUSAGE_CHILDREN), []
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(list(map(str, command)), env=alone, stderr=subprocess.DEVNULL)
    while process.poll() is None:
        held, spent = looked_at(process.pid)
        memory += [held] if held else []
        if spent > longest:
            process.kill()
        time.sleep(EVERY)
    if process.returncode and longest == float("inf"):
        sys.exit(f"{' '.join(map(str, command))}: ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


def looked_at(process: int) -> tuple[float, float]:
    """The MB that a process holds, and the seconds of a core that it has had."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        ticks = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    except (OSError, IndexError):  # it has just ended
        return 0.0, 0.0
    return pages * resource.getpagesize() / 1e6, sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


Words = list[tuple[str, float]]  # each with the second in which it ends


def by_piece(file: Path) -> list[Words]:
    """The words of each recording, counted from its beginning."""
    rows = sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=lambda row: row["audio_filepath"])
    return [[(one["text"], one["end"]) for one in row.get("words", ())] for row in rows]


def by_time(file: Path, placed: Sequence[Placed]) -> list[Words]:
    """The same of the long recording: a word belongs to what was said when it ends, or before the pause there."""
    found: list[Words] = [[] for _ in placed]
    edges = [one.start for one in placed[1:]]
    for one in json.loads(file.read_text(encoding="utf-8")).get("words", ()):
        place = bisect(edges, one["end"])
        found[place].append((one["text"], one["end"] - placed[place].start))
    return found


def tell(
    way: str, done: Run, loading: float, hours: float, found: list[Words], placed: Sequence[Placed], phrases: list[str]
) -> list[Words]:
    """A line of the table."""
    counts = Counts()
    for words, one in zip(found, placed, strict=True):
        counts += compare(one.row["text"], " ".join(word for word, _ in words), phrases).counts
    rates = [f"{counts.rate(metric) or 0:.2f}" for metric in ("wer", "f1")]
    quarters = [f"{max(part):.0f}" for part in np.array_split(done.memory, 4) if len(part)]
    cells = [way, f"{(done.spent - loading) / hours:.0f}", *rates, f"{max(done.memory):.0f}", " ".join(quarters)]
    print(f"| {' | '.join(cells)} |", flush=True)
    return found


def off(whole: Sequence[Words], pieces: Sequence[Words]) -> float:
    """The share of the words that both have which are said at another time."""
    apart = [
        abs(one[i][1] - other[j][1]) > OFF
        for one, other in zip(whole, pieces, strict=True)
        for i, j in aligned([word for word, _ in one], [word for word, _ in other])
        if i is not None and j is not None and one[i][0] == other[j][0]
    ]
    return sum(apart) / max(len(apart), 1)


if __name__ == "__main__":
    main()
