"""One plot of F1 and U-WER against list size from several evaluations of the same manifest, with the systems of choice.

    python examples/plot_results.py results/librispeech-peers results/librispeech --out f1.png \
        --systems greedy,nemo-ctc-ws,hotword,hotword+spot,joint

`nemo-ctcbias evaluate` draws all systems of one run; peers are slow, so that they are often run by themselves.
"""

import argparse
import json
import sys
from pathlib import Path

from nemo_ctcbias.evaluation.plots import plot


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="+", type=Path, help="folders that evaluate wrote")
    parser.add_argument("--systems", help="names joined with commas (default: all), drawn in this order")
    parser.add_argument("--out", type=Path, required=True, help="PNG to write")
    args = parser.parse_args()
    rows = {}
    for folder in args.results:
        for row in json.loads((folder / "results.json").read_text(encoding="utf-8")):
            rows[row["system"], row["list_size"]] = row  # of what was measured twice, the later folder's
    there = list(dict.fromkeys(system for system, _ in rows))
    wanted = args.systems.split(",") if args.systems else there
    missing = [system for system in wanted if system not in there]
    if missing:
        print(f"not measured: {', '.join(missing)}; there are {', '.join(there)}", file=sys.stderr)
        return 2
    plot([rows[key] for key in sorted(rows, key=lambda key: key[1]) if key[0] in wanted], args.out, wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
