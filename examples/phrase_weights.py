"""What the weights of phrases do: how many listed words come out, and how many that nobody said, a row a weight.

    python examples/phrase_weights.py --manifest dev.json --distractors words.txt

Boosting alone, or with what hears how the list sounds in the model's own spelling (`--sounds`). Every recording brings
its rare words among distractors, all of its list at the same weight; with `--strengths` rows are of `biasing.weight`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledList, Sources
from nemo_ctcbias.evaluation.counts import Counts
from nemo_ctcbias.evaluation.lists import ListBuilder
from nemo_ctcbias.evaluation.logprobs import encode, load_model
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.process import quiet_nemo
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.evaluation.scoring import score
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.recognizer import Recognizer, Utterance
from nemo_ctcbias.settings import Settings
from nemo_ctcbias.shipped import checkpoint


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="with transcripts and `rare_words`")
    parser.add_argument("--distractors", type=Path, required=True, help="words to fill the lists with, one a line")
    parser.add_argument("--model", help=".nemo file, pretrained or shipped name (default: the shipped one)")
    parser.add_argument("--size", type=int, default=100, help="distractors a list (default %(default)s)")
    parser.add_argument("--weights", default="0.25,0.5,1,2,4,10,100", help="default %(default)s")
    parser.add_argument("--strengths", help="of `biasing.weight`, in place of the phrases' weights: 5,10,20")
    parser.add_argument("--sounds", action="store_true", help="with detection, verification and correction")
    parser.add_argument("--limit", type=int, default=60, help="the first so many recordings (default %(default)s)")
    parser.add_argument("--cache", type=Path, help="folder that keeps the encoder's log-probs for the next run")
    args = parser.parse_args()
    rows = read_manifest(args.manifest)[0][: args.limit]
    with quiet_nemo():
        model = load_model(checkpoint(args.model))
        items, _ = encode(model, rows, args.cache, progress=False)
    vocabulary, parts = vocabulary_of(model), None if args.sounds else []
    lists = ListBuilder(read_phrases(args.distractors)).build([item.row for item in items], "utterance", args.size)
    print("| weight | recall | written though not said |")
    print("|---|---|---|")
    for row in map(float, (args.strengths or args.weights).split(",")):
        weight, strength = (1.0, row) if args.strengths else (row, 10.0)
        recognizer = Recognizer(Settings.of({"weight": strength, "phonetics": {"parts": parts}}), vocabulary)
        total = Counts()
        for item, phrases in zip(items, lists, strict=True):
            listed = CompiledList(BiasList([(phrase, weight) for phrase in phrases]), Sources(vocabulary))
            ((best, *_),) = recognizer.recognize([Utterance.of(item.log_probs)], [listed])
            total += score(item.row["text"], best.text, phrases)
        print(f"| {row:g} | {total.recall:.0f} | {total.false_alarms} |")


if __name__ == "__main__":
    main()
