"""Learn how sure it is that a listed phrase stands at a place, from what became of lists whose words were said.

    python examples/train_confidence.py --model strong --model small --manifest books.json --manifest voices.json \
        --pool words.txt --sizes 100,1000 --lm lm.bin --homophones lexicon.dict --out confidence.json

The manifests hold transcripts and `rare_words`, as those for `nemo-ctcbias evaluate`; every model reads each of them
with lists of each size, with and without the language model. The table of those witnesses is made anew by which phrases
are heard (`--witnesses`: the model's own spelling, a phone head, for which `--phone-head` has a file for each model, or
both); the rest stays as it is shipped, in nemo_ctcbias/phones/data. What to ask for which precision is read off the
first model's lists of the two longest sizes, in recordings that the formulas asked were not learned from.

Lists seldom hold words that sound like ordinary ones that are said; with `--homophones` there are others besides that
do (homophones.py).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, astuple
from pathlib import Path
from typing import NamedTuple

import numpy as np
from homophones import Homophones
from kaldialign import align
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.compiled_list import CompiledLists, Sources
from nemo_ctcbias.decision import Candidate, Candidates
from nemo_ctcbias.errors import BiasingError, SettingError
from nemo_ctcbias.evaluation.encodings import Encodings
from nemo_ctcbias.evaluation.lists import ListBuilder
from nemo_ctcbias.evaluation.logprobs import encode, load_model
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.normalise import normalise
from nemo_ctcbias.evaluation.rare_words import read_phrases
from nemo_ctcbias.lm.kenlm_file import load_language_model
from nemo_ctcbias.phones import G2P, Lexicon
from nemo_ctcbias.phones.common_words import CommonWords
from nemo_ctcbias.phones.confidence import NAMES, SHIPPED, Confidence, Formula
from nemo_ctcbias.phones.hearing import HEAD, SPELLING
from nemo_ctcbias.recognizer import Listened, Recognizer, Utterance
from nemo_ctcbias.settings import Settings

WITNESSES = (SPELLING, HEAD, f"{HEAD}+{SPELLING}")
PRECISIONS = (0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
POOL = 400_000  # pronunciations that are remembered from one list to the next
NOTHING = Formula(0.0, dict.fromkeys(NAMES, 0.0))
GAP = "<gap>"
ALIKE = 100  # distractors of lists with homophones


Formulas = tuple[Formula, Formula]
"""For phrases that the search wrote, and for those that it did not."""


class Examples(NamedTuple):
    """Candidates of one model, manifest and size: numbers of their recordings [n], evidence [n, 10], which were written
    [n], which were right [n]; alike: whether the lists hold homophones.
    """

    model: str
    size: int
    alike: bool
    name: str
    recording: np.ndarray
    evidence: np.ndarray
    written: np.ndarray
    right: np.ndarray

    def half(self, number: int) -> Examples:
        """Those of every other recording, from the first (0) or the second (1) on."""
        columns = (column[self.recording % 2 == number] for column in self[4:])
        return Examples(*self[:4], *columns)

    def probabilities(self, formulas: Formulas) -> np.ndarray:
        """Of each candidate [n]."""
        logits = np.empty(len(self.right))
        for kind, formula in zip((True, False), formulas, strict=True):
            weights = np.array([formula.weights[name] for name in NAMES])
            logits[self.written == kind] = formula.bias + self.evidence[self.written == kind] @ weights
        return 1 / (1 + np.exp(-logits))


def is_right(reference: Sequence[str], words: Sequence[str], one: Candidate, phrase: str) -> bool:
    """Whether the phrase in its place is what the transcript has there."""
    before, own, behind = (
        normalise(" ".join(part)).split() for part in (words[: one.first], [phrase], words[one.last :])
    )
    at, place = 0, range(len(before), len(before) + len(own))
    matched = []
    for said, heard in align(list(reference), [*before, *own, *behind], GAP):
        matched += [said == heard] if heard != GAP and at in place else []
        at += heard != GAP
    return all(matched)


def listen(args: argparse.Namespace, name: str, head: Path | None) -> Iterator[Examples]:
    """What one model makes of all manifests with lists of all sizes, without and with the language model."""
    model, pool, g2p = load_model(name), read_phrases(args.pool), G2P.load(kept=POOL)
    encodings, common = Encodings(model, phone_head=head), CommonWords(args.lm)
    vocabulary = encodings.model.lists.sources.vocabulary
    lists = CompiledLists(Sources(vocabulary, g2p=g2p), most_bytes=0)
    for manifest in args.manifest:
        rows, skipped = read_manifest(manifest)
        items, unreadable = encode(model, rows[:: args.every], args.cache)
        for one in [*skipped, *unreadable]:
            print(f"train_confidence: {one.id}: {one.reason}", file=sys.stderr)
        kinds = [(size, False) for size in args.sizes]
        for size, alike in [*kinds, (ALIKE, True)] if args.homophones else kinds:
            listed = ListBuilder(pool, args.seed).build([item.row for item in items], "utterance", size)
            if alike:
                homophones, rng = Homophones(args.homophones, common.known), random.Random(args.seed)
                said = (normalise(item.row["text"]).split() for item in items)
                listed = [homophones.among(*one, rng) for one in zip(listed, said, strict=True)]
            for lm in (False, True) if args.lm else (False,):
                settings = Settings.of({"lm": {"enabled": lm}, "phonetics": {"parts": ["detection"]}})
                scorer = load_language_model(args.lm, settings.language_model_options, vocabulary) if lm else None
                recognizer = Recognizer(settings, vocabulary, scorer, common)
                label = f"{name} {manifest.stem} N = {size}{' + LM' if lm else ''}{', homophones' if alike else ''}"
                found: list[tuple[int, Candidate, bool]] = []
                heard_with = zip(tqdm(items, desc=label, unit="utt", disable=None), listed, strict=True)
                for number, (item, phrases) in enumerate(heard_with):
                    utterance = encodings.utterance(item, True) if head else Utterance.of(item.log_probs)
                    compiled = lists.of(BiasList(phrases))
                    heard = recognizer.witnesses(utterance, compiled)
                    heard = {name: heard[name] for name in args.witnesses.split("+")}
                    acting = recognizer.detected(heard, compiled)
                    beam = recognizer.decoded(utterance, compiled, Listened(heard, acting), None, 1)[0]
                    prior, reference = settings.detection_prior(compiled.length), normalise(item.row["text"]).split()
                    confidence = Confidence(NOTHING, NOTHING, ((0.0, 0.5),))
                    for one in Candidates(compiled, heard, prior, confidence, common).of(beam, acting):
                        found.append((number, one, is_right(reference, beam.words, one, phrases[one.phrase])))
                yield Examples(
                    name,
                    size,
                    alike,
                    label,
                    np.array([number for number, _, _ in found], dtype=np.int64),
                    np.array([astuple(one.evidence) for _, one, _ in found]).reshape(-1, len(NAMES)),
                    np.array([one.written for _, one, _ in found], dtype=bool),
                    np.array([right for _, _, right in found], dtype=bool),
                )


def learned(examples: Sequence[Examples]) -> Confidence:
    """Two logistic regressions, and what to ask for which precision.

    What to ask is read off recordings that were not learned from: each half of them by the formulas of the other.
    """
    halves = [fitted([one.half(number) for one in examples]) for number in (0, 1)]
    usual = [one for one in examples if one.model == examples[0].model and not one.alike]
    longest = sorted({one.size for one in usual})[-2:]
    read_off = [unseen(one, halves) for one in usual if one.size in longest]
    return Confidence(*fitted(examples), thresholds(read_off))


def fitted(examples: Sequence[Examples]) -> Formulas:
    """The logistic regressions, each of the examples' sets counting as much."""
    formulas = []
    for kind in (True, False):
        parts = [(one.evidence[one.written == kind], one.right[one.written == kind]) for one in examples]
        evidence, right = (np.concatenate(part) for part in zip(*parts, strict=True))
        share = np.concatenate([np.full(len(y), len(right) / len(parts) / max(len(y), 1)) for _, y in parts])
        middle, scale = evidence.mean(axis=0), evidence.std(axis=0) + 1e-9
        fit = LogisticRegression(max_iter=5000).fit((evidence - middle) / scale, right, sample_weight=share)
        weights = fit.coef_[0] / scale
        bias = float(fit.intercept_[0] - weights @ middle)
        formulas.append(Formula(round(bias, 4), dict(zip(NAMES, weights.round(4).tolist(), strict=True))))
    return formulas[0], formulas[1]


def unseen(examples: Examples, halves: Sequence[Formulas]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [n] of one set by the formulas of the other half of the recordings, and which were right [n]."""
    parts = [examples.half(number) for number in (0, 1)]
    each = zip(parts, reversed(halves), strict=True)
    return np.concatenate([part.probabilities(other) for part, other in each]), np.concatenate([p.right for p in parts])


def thresholds(judged: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[tuple[float, float], ...]:
    """The least probability to ask for, of those that give each precision in the mean of the sets.

    Args:
        judged: probabilities [n] of each set, and which were right [n].
    """

    def precision(asked: float) -> float:
        shares = [right[p >= asked].mean() for p, right in judged if (p >= asked).any()]
        return float(np.mean(shares)) if shares else 1.0

    tried = np.linspace(0.02, 0.995, 196)
    reached = np.maximum.accumulate([precision(asked) for asked in tried])
    asked = [(wanted, float(tried[np.searchsorted(reached, wanted)])) for wanted in PRECISIONS if wanted <= reached[-1]]
    return ((0.0, 0.0), *((wanted, round(least, 3)) for wanted, least in asked))


def shown(one: Examples, confidence: Confidence) -> str:
    """How the confidences of one set come true: precision and share of the right ones kept at the usual precision."""
    probabilities = one.probabilities((confidence.written, confidence.missing))
    kept = probabilities >= confidence.threshold(Settings().precision)
    bins = np.minimum((probabilities[kept] * 10).astype(int), 9)
    error = sum(
        abs(probabilities[kept][bins == b].sum() - one.right[kept][bins == b].sum()) for b in np.unique(bins)
    ) / max(kept.sum(), 1)
    share = one.right[kept].mean() if kept.any() else 1.0
    recall = (kept & one.right).sum() / max(one.right.sum(), 1)
    return (
        f"{one.name}: {kept.sum()} written, precision {share:.1%}, of the right ones {recall:.1%}, "
        f"calibration error {error:.3f}"
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", action="append", required=True, help=".nemo file, pretrained or shipped name")
    parser.add_argument("--phone-head", type=Path, action="append", default=[], metavar="F", help="one for each model")
    parser.add_argument("--witnesses", choices=WITNESSES, default=SPELLING, help="(default %(default)s)")
    parser.add_argument("--manifest", type=Path, action="append", required=True, help="NeMo manifest with rare_words")
    parser.add_argument("--pool", type=Path, required=True, help="text file of words to fill lists with")
    parser.add_argument("--sizes", default="100", help="distractors of a list, comma-separated (default %(default)s)")
    parser.add_argument("--lm", type=Path, metavar="F", help="KenLM file")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep log-probs there, as evaluate does")
    parser.add_argument("--every", type=int, default=1, metavar="K", help="only every K-th utterance")
    parser.add_argument("--homophones", type=Lexicon.load, metavar="F", help="lexicon to find homophones in")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=SHIPPED, help="JSON file to write (default: the shipped one)")
    args = parser.parse_args(argv)
    try:
        args.sizes = [int(size) for size in args.sizes.split(",")]
        if len(args.phone_head) != (len(args.model) if HEAD in args.witnesses.split("+") else 0):
            raise SettingError("give as many --phone-head as --model for what heads hear, none for spelling alone")
        heads = args.phone_head or [None] * len(args.model)
        examples = [one for pair in zip(args.model, heads, strict=True) for one in listen(args, *pair)]
    except BiasingError as error:
        print(f"train_confidence: {error}", file=sys.stderr)
        return 2
    table, found = json.loads(SHIPPED.read_text(encoding="utf-8")), learned(examples)
    table[args.witnesses] = asdict(found)
    print("\n".join(shown(one, found) for one in examples))
    args.out.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
