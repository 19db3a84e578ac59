"""Learn what is said where a model's spelling, pronounced, sounds like something else.

    python examples/train_confusions.py --manifest train.json --limit 900 --out confusions.json
    python examples/train_confusions.py --manifest train.json --model my.nemo --out confusions.json

A model without a phone head hears a list in its own spelling; these are the probabilities that it goes by (the shipped
ones lie in nemo_ctcbias/phones/data).  An hour or two of recordings with transcripts are enough: the pronunciations of
what was said are aligned with the columns of what the model spelled, and counted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from nemo_ctcbias.errors import BiasingError, PhoneticsError
from nemo_ctcbias.evaluation.logprobs import Item, encode, load_model
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.phones.confusions import NOTHING, PENALTY, Confusions, align
from nemo_ctcbias.phones.g2p import letters_of
from nemo_ctcbias.phones.phones import BLANK, PHONES, SUBSTITUTION_COSTS
from nemo_ctcbias.phones.pronouncer import shipped_g2p, split_words
from nemo_ctcbias.phones.spelled_phones import SpelledPhones
from nemo_ctcbias.shipped import checkpoint


def guessed() -> Confusions:
    """From how alike phones are: where the learning begins."""
    alike = np.exp(-2 * PENALTY * SUBSTITUTION_COSTS)
    said = np.zeros((BLANK + 1, BLANK + 1))
    said[:BLANK, :BLANK] = 0.9 * alike / alike.sum(axis=1, keepdims=True)
    said[:BLANK, NOTHING] = 0.1
    said[NOTHING] = np.append(np.full(BLANK, 0.3 / BLANK), 0.7)
    return Confusions(said, np.append(np.full(BLANK, 0.02 / BLANK), 0.98), np.full(BLANK, 1 / BLANK))


def learned(examples: Iterable[tuple[np.ndarray, Sequence[int]]], rounds: int = 2) -> Confusions:
    """Confusions of recordings.

    Args:
        examples: of each recording the weights [C, 40] of what was heard in each place (nothing last), and the phones
            that were said.
        rounds: of expectation maximisation over which alternative it was that was heard.
    """
    aligned = []
    for heard, said in examples:
        if len(heard) and len(said):
            aligned.append((heard, said, align(heard[:, :BLANK].argmax(axis=1).tolist(), said)))
    found = guessed()
    for _ in range(rounds if aligned else 0):
        counts, dropped = 2.0 * found.said, np.full(BLANK + 1, 0.5)
        for heard, said, pairs in aligned:
            for place, at in pairs:
                if place is None:
                    dropped[said[at]] += 1
                    continue
                was = NOTHING if at is None else said[at]
                share = heard[place] * found.said[:, was]
                if share.any():  # else it is not known how what is spelled there sounds
                    counts[:, was] += share / share.sum()
            dropped[NOTHING] += len(heard)
        usual = np.bincount(np.concatenate([said for _, said, _ in aligned]), minlength=BLANK) + 0.5
        found = Confusions(counts / counts.sum(axis=1, keepdims=True), dropped / dropped.sum(), usual / usual.sum())
    return found


def save(found: Confusions, path: Path) -> None:
    """Write the file that `Confusions.load` reads."""
    table = {name: np.round(getattr(found, name), 6).tolist() for name in ("said", "dropped", "usual")}
    path.write_text(json.dumps(table) + "\n", encoding="utf-8")


def said_in(text: str) -> list[int]:
    """Columns of the phones of a transcript, words that nobody can pronounce left out."""
    phones: list[int] = []
    for word in split_words(text):
        try:
            phones += shipped_g2p().spelled_out(letters_of(word))[0]
        except PhoneticsError:
            continue
    return phones


def examples(items: Sequence[Item], spelled: SpelledPhones) -> Iterator[tuple[np.ndarray, list[int]]]:
    """Weights [C, 40] of the sounds that were heard, and the phones that were said, of each recording."""
    for item in tqdm(items, desc="listening", unit="utt", disable=None):
        yield spelled.columns(item.log_probs).weights[1::2], said_in(item.row["text"])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True, help="NeMo manifest with transcripts")
    parser.add_argument("--model", default="small", help=".nemo file, pretrained or shipped name (default %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N utterances")
    args = parser.parse_args(argv)
    try:
        rows, skipped = read_manifest(args.manifest)
        model = load_model(checkpoint(args.model))
        items, unreadable = encode(model, rows[: args.limit])
        for one in [*skipped, *unreadable]:
            print(f"train_confusions: {one.id}: {one.reason}", file=sys.stderr)
        spelled = SpelledPhones(vocabulary_of(model), confusions=guessed())
        found = learned(examples(items, spelled))
    except BiasingError as error:
        print(f"train_confusions: {error}", file=sys.stderr)
        return 2
    save(found, args.out)
    hours = sum(item.seconds for item in items) / 3600
    right = np.average(np.diag(found.said)[:BLANK], weights=found.usual)
    print(f"{args.out}: from {len(items)} recordings ({hours:.1f} hours); {right:.0%} of the {len(PHONES)} phones "
          "that are heard were said")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
