"""What biasing brings, measured: error rates inside and outside the lists, with and without. Takes half a minute.

    python examples/03_evaluate.py --out results/demo

For recordings of your own, give `--manifest` (with transcripts) and `--names` (your list).
"""

import argparse
import io
import json
import random
import sys
from contextlib import redirect_stdout
from pathlib import Path

from nemo_ctcbias import BiasList
from nemo_ctcbias.cli import main

DEMO = Path(__file__).parent / "data" / "demo"
SYLLABLES = "ba cor del fen gri hal jor kes lu mar nov or pel qui ros sta tol ul var zem".split()
METRICS = {"wer": "WER", "b_wer": "B-WER", "u_wer": "U-WER", "f1": "F1"}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--manifest", type=Path, default=DEMO / "manifest.json")
parser.add_argument("--names", type=Path, default=DEMO / "names.txt")
parser.add_argument("--out", type=Path, required=True)
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)

# Distractors: names that nobody says. A list of spoken names alone would flatter every system.
rng = random.Random(1)
words = sorted({"".join(rng.sample(SYLLABLES, 3)) for _ in range(300)})
(args.out / "distractors.txt").write_text("\n".join(words) + "\n")

# What is scored of each utterance: the words of the list that are spoken in it.
names = {word.lower() for phrase in BiasList.load(args.names) for word in phrase.text.split()}
rows = [json.loads(line) for line in args.manifest.read_text().splitlines()]
for row in rows:
    row["audio_filepath"] = str((args.manifest.parent / row["audio_filepath"]).resolve())
    row["rare_words"] = [word for word in row["text"].split() if word in names]
(args.out / "manifest.json").write_text("".join(json.dumps(row) + "\n" for row in rows))

command = ["evaluate", "--manifest", args.out / "manifest.json", "--out", args.out, "--no-progress", "--model", "small"]
command += ["--distractors", args.out / "distractors.txt", "--list-sizes", "50"]
command += ["--systems", "greedy,hotword,adapter+hotword,joint"]
with redirect_stdout(io.StringIO()):  # the same table, with more columns
    if status := main([*map(str, command)]):
        sys.exit(status)

for row in json.loads((args.out / "results.json").read_text()):
    shown = [f"{name} {row[key]:5.1f}" for key, name in METRICS.items()]
    print(f"{row['system']:16}", *shown, sep="  ")
print("B-WER: listed words; U-WER: all other words, which must not suffer; F1: listed words.")
print(f"Every utterance, to look at: {args.out / 'report.html'}")
