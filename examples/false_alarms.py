"""False alarms on sound that is not speech: silence, hiss, tones, music, and babble of eight voices at once.

    python examples/false_alarms.py --distractors words.txt --voices train.json --model strong

makes half an hour of it, the same each time, offers lists of which nothing is said, and prints how many listed phrases
are written an hour. `--voices` is a manifest with transcripts whose recordings are mixed into babble; without it there
is none. On speech, the same is measured by `nemo-ctcbias evaluate --list-kind unspoken`.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from nemo_ctcbias.audio import load_audio
from nemo_ctcbias.evaluation.evaluate import EvaluateOptions, evaluate

RATE = 16_000
SECONDS = 10  # a recording
VOICES = 8
Samples = npt.NDArray[np.float64]


def silence(rng: np.random.Generator, t: Samples) -> Samples:
    """Digital silence, or a quiet room's."""
    return rng.normal(0, rng.choice([0.0, 1e-5, 1e-4, 1e-3]), len(t))


def hiss(rng: np.random.Generator, t: Samples) -> Samples:
    """White, pink or brown noise, quiet or loud."""
    spectrum = np.fft.rfft(rng.normal(size=len(t)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.choice([0.0, 0.5, 1.0])
    return _loud(np.fft.irfft(spectrum, len(t)), rng)


def tones(rng: np.random.Generator, t: Samples) -> Samples:
    """Up to four tones, steady, beeping or gliding."""
    sound = np.zeros_like(t)
    for _ in range(rng.integers(1, 5)):
        glide = rng.choice([0.0, 50.0]) * rng.normal()  # Hz a second
        tone = np.sin(2 * np.pi * (rng.uniform(100, 3000) * t + glide * t**2 / 2))
        sound += tone * (np.sin(2 * np.pi * rng.uniform(0.5, 4) * t) > rng.choice([-1.0, 0.0]))
    return _loud(sound, rng)


def music(rng: np.random.Generator, t: Samples) -> Samples:
    """Plucked chords and a beat: harmonics that die away, and bursts of noise."""
    sound, beat = np.zeros_like(t), rng.uniform(0.3, 0.7)
    for start in np.arange(0, t[-1], beat):
        after = np.clip(t - start, 0, None)
        root = 110 * 2 ** (rng.choice([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
        for interval in (0, rng.choice([3, 4]), 7):
            for harmonic in range(1, 6):
                frequency = harmonic * root * 2 ** (interval / 12)
                sound += np.sin(2 * np.pi * frequency * after) * np.exp(-3 * harmonic * after) * (after > 0) / harmonic
        sound += rng.normal(0, 0.5, len(t)) * np.exp(-40 * after) * (after > 0)
    return _loud(sound, rng)


KINDS: dict[str, Callable[[np.random.Generator, Samples], Samples]] = {
    one.__name__: one for one in (silence, hiss, tones, music)
}


def babble(rng: np.random.Generator, rows: list[dict], folder: Path) -> tuple[Samples, str]:
    """Voices at once, equally loud, and all that they say."""
    sound, said = np.zeros(RATE * SECONDS), []
    for row in rng.choice(np.array(rows, dtype=object), VOICES, replace=False):
        voice = load_audio(folder / row["audio_filepath"], RATE)[: len(sound)]
        sound[: len(voice)] += voice / (np.sqrt(np.mean(voice**2)) + 1e-9)
        said.append(row["text"])
    return _loud(sound, rng), " | ".join(said)


def _loud(sound: Samples, rng: np.random.Generator) -> Samples:
    return sound / np.abs(sound).max() * 10 ** rng.uniform(-2, -0.1)


def recordings(minutes: float, voices: Path | None, seed: int) -> Iterator[tuple[str, Samples, str]]:
    """Kind, samples and what is said in each."""
    t = np.arange(RATE * SECONDS) / RATE
    rows = [json.loads(line) for line in voices.read_text(encoding="utf-8").splitlines()] if voices else []
    kinds = [*KINDS, *(["babble"] if rows else [])]
    for kind in kinds:
        rng = np.random.default_rng([seed, kinds.index(kind)])
        for _ in range(max(1, round(minutes * 60 / SECONDS / len(kinds)))):
            yield (kind, *babble(rng, rows, voices.parent)) if kind == "babble" else (kind, KINDS[kind](rng, t), "")


def write(folder: Path, minutes: float, voices: Path | None, seed: int) -> Path:
    """The manifest of recordings made in a folder; what was made there already stays."""
    manifest = folder / "not_speech.json"
    if not manifest.exists():
        rows = []
        for number, (kind, samples, said) in enumerate(recordings(minutes, voices, seed)):
            name = f"{kind}-{number}"
            soundfile.write(folder / f"{name}.wav", samples, RATE)
            rows.append({"audio_filepath": f"{name}.wav", "duration": SECONDS, "text": said, "id": name})
        manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return manifest


def show(out: Path) -> None:
    """A line a kind of sound: alarms an hour of each system and length of list."""
    lines = [json.loads(line) for line in (out / "utterances.jsonl").read_text(encoding="utf-8").splitlines()]
    alarms, hours = Counter(), Counter()
    runs = list(dict.fromkeys((line["system"], line["list_size"]) for line in lines))
    for line in lines:
        key = line["id"].split("-")[0], (line["system"], line["list_size"])
        alarms[key] += len(line["invented"])
        hours[key] += SECONDS / 3600
    print("false alarms an hour", *(f"{system}, N = {size:,}" for system, size in runs), sep=" | ")
    for kind in dict.fromkeys(kind for kind, _ in hours):
        rates = (f"{alarms[kind, run] / hours[kind, run]:.0f}" for run in runs)
        print(f"{kind} ({60 * hours[kind, runs[0]]:.1f} minutes)", *rates, sep=" | ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--distractors", type=Path, required=True, help="text file with a word or phrase a line, for the lists")
    add("--voices", type=Path, help="manifest with transcripts, of at least eight recordings")
    add("--model", help="as of nemo-ctcbias evaluate")
    add("--settings", type=Path, help="as of nemo-ctcbias evaluate")
    add("--systems", default="joint", help="as of nemo-ctcbias evaluate (default joint)")
    add("--list-sizes", default="100,1000,5000", help="(default 100,1000,5000)")
    add("--minutes", type=float, default=30, help="of sound in all (default 30)")
    add("--seed", type=int, default=1, help="of sounds and lists (default 1)")
    add("--folder", type=Path, help="keeps sounds, encoder's output and results for the next run (default: none does)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="nemo-ctcbias-") as temporary:
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        options = EvaluateOptions(
            manifest=write(folder, args.minutes, args.voices, args.seed),
            out=folder / "out",
            cache=folder / "cache",
            distractors=args.distractors,
            model=args.model,
            settings=args.settings,
            systems=tuple(args.systems.split(",")),
            list_kind="unspoken",
            list_sizes=tuple(map(int, args.list_sizes.split(","))),
            seed=args.seed,
        )
        evaluate(options)
        show(options.out)


if __name__ == "__main__":
    main()
