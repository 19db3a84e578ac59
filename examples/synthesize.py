"""Speak sentences with Debian's free synthesisers (flite, festival) and write a NeMo manifest.

    python examples/synthesize.py sentences.txt --out out/ --voices kal16,rms,slt,ked_diphone
    python examples/synthesize.py --prose prose.txt.gz --names words.txt --count 1000 --out out/

Sentences come from a text file (one a line), or are drawn from a prose text and from name-rich
templates filled with words of a list.  Everything is seeded: the same call speaks the same corpus.
Needs `apt-get install flite festival festvox-kdlpc16k festvox-us-slt-hts` (or the voices asked for).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import soundfile
from tqdm import tqdm

FLITE_VOICES = ("kal", "kal16", "awb", "rms", "slt")  # any other voice name is taken to be festival's

# Frames for name-rich training sentences; each {} takes a word or a two-word name of the list.
# The shipped demonstration sentences (examples/data/demo_sentences.jsonl) use none of these.
TEMPLATES = (
    "i met {} and {} at the station",
    "please send the letter to {} in {}",
    "the train from {} to {} is late",
    "{} said that {} would come tomorrow",
    "the doctor prescribed {} for {}",
    "have you ever heard of {}",
    "{} was born in {}",
    "they named the river after {}",
    "call {} at seven o'clock",
    "my neighbour {} plays {} on the piano",
    "the road to {} passes through {} and {}",
    "in {} we visited the house of {}",
    "{}",
    "{} {}",
    "{} and {}",
    "the word {} is hard to spell",
    "the book by {} is called {}",
    "what does {} mean",
    "a friend of {} lives near {}",
    "tell {} that {} is waiting",
)


def read_lines(path: Path) -> list[str]:
    """Lines of a plain or gzipped text file, stripped, without empty ones."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [line.strip() for line in lines if line.strip()]


def draw_sentences(prose: list[str], names: list[str], count: int, rng: random.Random) -> Iterator[str]:
    """Yield `count` sentences: every other one from the prose (2 to 22 words), the rest name-rich."""
    usable = [line for line in prose if 2 <= len(line.split()) <= 22]
    for index in range(count):
        if usable and (index % 2 or not names):
            yield rng.choice(usable)
        else:
            template = rng.choice(TEMPLATES)
            fills = [" ".join(rng.sample(names, 2 if rng.random() < 0.2 else 1)) for _ in range(template.count("{}"))]
            yield template.format(*fills)


def speak_flite(text: str, voice: str, stretch: float, pitch: float, wav: Path) -> None:
    """Write `text` spoken by a flite voice: `stretch` scales durations, `pitch` the voice's own F0."""
    base = {"slt": 170.0, "awb": 130.0, "rms": 100.0}.get(voice, 105.0)
    settings = [f"duration_stretch={stretch:.3f}", f"int_f0_target_mean={base * pitch:.1f}"]
    options = [word for setting in settings for word in ("--setf", setting)]
    subprocess.run(["flite", "-voice", voice, *options, "-t", text, "-o", str(wav)], check=True, capture_output=True)


def speak_festival(jobs: list[tuple[str, float, Path]], voice: str) -> None:
    """Speak (text, stretch, wav) jobs in one festival process, which is slow to start."""
    script = [f"(voice_{voice})"]
    for text, stretch, wav in jobs:
        script.append(f"(Parameter.set 'Duration_Stretch {stretch:.3f})")
        script.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{wav}" \'riff)')
    program = wav.parent / f"festival_{voice}_{wav.stem}.scm"
    program.write_text("\n".join(script))
    subprocess.run(["festival", "-b", str(program)], check=True, capture_output=True)
    program.unlink()


def compress(wav: Path, sample_rate: int = 16000) -> tuple[Path, float]:
    """Replace a wav by a 16 kHz flac; return the file and its seconds."""
    flac = wav.with_suffix(".flac")
    audio, rate = soundfile.read(wav, dtype="float32")
    if rate != sample_rate:
        import librosa

        audio = librosa.resample(audio, orig_sr=rate, target_sr=sample_rate)
    soundfile.write(flac, audio, sample_rate)
    wav.unlink()
    return flac, len(audio) / sample_rate


def synthesize(jobs: list[dict], out: Path, workers: int = 2) -> list[dict]:
    """Speak jobs (`text`, `voice`, `stretch`, `pitch`) into `out`; return manifest rows in their order."""
    out.mkdir(parents=True, exist_ok=True)
    width = len(str(len(jobs)))
    for index, job in enumerate(jobs):
        job["wav"] = out.resolve() / f"{job['voice']}_{index:0{width}d}.wav"
    flite = [job for job in jobs if job["voice"] in FLITE_VOICES]
    festival = [job for job in jobs if job["voice"] not in FLITE_VOICES]
    chunks = [
        (voice, mine[start : start + 100])
        for voice in sorted({job["voice"] for job in festival})
        for mine in [[job for job in festival if job["voice"] == voice]]
        for start in range(0, len(mine), 100)
    ]
    with ThreadPoolExecutor(workers) as pool:
        tasks = [
            pool.submit(speak_flite, job["text"], job["voice"], job["stretch"], job["pitch"], job["wav"])
            for job in flite
        ]
        tasks += [
            pool.submit(speak_festival, [(job["text"], job["stretch"], job["wav"]) for job in chunk], voice)
            for voice, chunk in chunks
        ]
        for task in tqdm(tasks, desc="speaking", unit="task"):
            task.result()
        spoken = list(tqdm(pool.map(lambda job: compress(job["wav"]), jobs), desc="compressing", total=len(jobs)))
    return [
        {
            "audio_filepath": flac.name,
            "duration": round(seconds, 3),
            "text": job["text"],
            "speaker": f"tts_{job['voice']}",
        }
        for job, (flac, seconds) in zip(jobs, spoken, strict=True)
    ]


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sentences", nargs="?", type=Path, help="one sentence a line; .jsonl: {text, voice} a line")
    parser.add_argument("--prose", type=Path, help="draw half of the sentences from this text (may be .gz)")
    parser.add_argument("--names", type=Path, help="words that fill the name-rich templates")
    parser.add_argument("--count", type=int, default=1000, help="sentences to draw (default %(default)s)")
    parser.add_argument("--voices", default="kal16,rms,slt,ked_diphone", help="default %(default)s")
    parser.add_argument("--spread", type=float, default=0.15, help="random spread of tempo and pitch, 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    args = parse_args(argv)
    rng = random.Random(args.seed)
    voices = args.voices.split(",")
    for program in {"flite" if voice in FLITE_VOICES else "festival" for voice in voices}:
        if shutil.which(program) is None:
            print(f"synthesize: '{program}' is not installed; run: apt-get install {program}", file=sys.stderr)
            return 2
    if args.sentences:
        lines = read_lines(args.sentences)
        rows = [json.loads(line) if args.sentences.suffix == ".jsonl" else {"text": line} for line in lines]
    else:
        prose = read_lines(args.prose) if args.prose else []
        names = read_lines(args.names) if args.names else []
        if not prose and not names:
            print("synthesize: give a sentence file, or --prose and/or --names to draw from", file=sys.stderr)
            return 2
        rows = [{"text": text} for text in draw_sentences(prose, names, args.count, rng)]
    jobs = [
        {
            "text": row["text"],
            "voice": row.get("voice") or rng.choice(voices),
            "stretch": rng.uniform(1 - args.spread, 1 + args.spread),
            "pitch": rng.uniform(1 - args.spread, 1 + args.spread),
        }
        for row in rows
    ]
    manifest = args.out / "manifest.json"
    rows = synthesize(jobs, args.out)
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(f"{manifest}: {len(rows)} clips, {sum(row['duration'] for row in rows) / 3600:.2f} hours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
