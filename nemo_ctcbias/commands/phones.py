"""`nemo-ctcbias phones`: how well a model's phone head hears, beside its subword output pronounced."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nemo_ctcbias.errors import PhoneticsError, SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.phone_errors import PhoneErrors, Slot
from nemo_ctcbias.phones.alignment import heard_phones, hearings
from nemo_ctcbias.phones.phones import Pronunciation
from nemo_ctcbias.phones.pronouncer import Pronouncer, split_words
from nemo_ctcbias.search.alignment import greedy_spans

HEAD, SUBWORDS = "phone head", "subwords, pronounced"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("--manifest", required=True, type=Path, help="NeMo manifest with transcripts and `rare_words`")
    parser.add_argument("--lexicon", metavar="FILE", help="pronunciations in the format of the CMU dictionary "
                        "(default: all words by the G2P model)")  # fmt: skip
    parser.add_argument("--model", metavar="M", help=".nemo file or pretrained name (default: the shipped one)")
    parser.add_argument("--phone-head", type=Path, metavar="FILE", help="its phone head (default: the model's own)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N utterances, for a quick look")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="no progress bar")


def run(args: argparse.Namespace) -> int:
    """Print the table."""
    from nemo_ctcbias.cli import quieten

    quieten()
    from nemo_ctcbias.evaluation.encodings import Encodings
    from nemo_ctcbias.evaluation.logprobs import encode, load_model
    from nemo_ctcbias.evaluation.manifest import read_manifest
    from nemo_ctcbias.nemo.vocabulary import vocabulary_of
    from nemo_ctcbias.phones.lexicon import lexicon_of
    from nemo_ctcbias.shipped import checkpoint, shipped, shipped_file

    if args.limit is not None and args.limit < 1:
        raise SettingError(f"--limit {args.limit}: give a whole number from 1")
    lexicon = lexicon_of(args.lexicon)
    rows, skipped = read_manifest(args.manifest)
    model = load_model(checkpoint(args.model))
    head = args.phone_head or shipped_file(shipped(args.model).phone_head)
    encodings = Encodings(model, phone_head=head)
    encodings.require_phone_head("phones")
    items, unreadable = encode(model, rows[: args.limit], progress=args.progress)
    for one in [*skipped, *unreadable]:
        print(f"nemo-ctcbias: {one.id}: {one.reason}", file=sys.stderr)
    errors, left_out = measure(items, encodings.phones, vocabulary_of(model), Pronouncer(lexicon=lexicon))
    print(table(errors))
    if left_out:
        print(f"\n{left_out} of {len(items)} utterances have words that cannot be pronounced, and are left out")
    return 0


def measure(
    items: Sequence[Item], phones: Any, vocabulary: Any, pronouncer: Pronouncer
) -> tuple[dict[str, tuple[PhoneErrors, PhoneErrors]], int]:
    """Errors at all words and at each utterance's rare words, of the phone head and of the greedy subword output.

    Args:
        phones: gives the phone log-probs of an utterance.
        pronouncer: says how the words of transcripts and outputs sound; of a transcript's word the pronunciation
            nearest to what was heard counts, of a recognised word the most usual one is taken.

    Returns:
        (all words, rare words) for each kind of output, and how many utterances were left out.
    """
    from nemo_ctcbias.evaluation.normalise import normalise

    errors = {name: (PhoneErrors(), PhoneErrors()) for name in (HEAD, SUBWORDS)}
    left_out = 0
    for item in items:
        words = normalise(item.row["text"]).split()
        slots = [pronunciations(word, pronouncer) for word in words]
        if not all(slots):
            left_out += 1
            continue
        rare = {normalise(word) for word in item.row.get("rare_words") or ()}
        chosen = {place for place, word in enumerate(words) if word in rare}
        text = vocabulary.decode(token for token, _, _ in greedy_spans(item.log_probs))
        recognised = [found[0] for word in text.split() if (found := pronunciations(word, pronouncer))]
        said = {
            HEAD: heard_phones(hearings(phones(item))[-1]),
            SUBWORDS: tuple(phone for pronunciation in recognised for phone in pronunciation),
        }
        for name, heard in said.items():
            errors[name][0].add(slots, heard)
            errors[name][1].add(slots, heard, only=chosen)
    return errors, left_out


def pronunciations(word: str, pronouncer: Pronouncer) -> Slot:
    """Of a word, the likeliest first; none if it cannot be pronounced."""
    try:
        parts = [pronouncer.word(part) for part in split_words(word)]
    except PhoneticsError:
        return ()
    if len(parts) == 1:
        return [pronunciation for pronunciation, _ in parts[0]]
    joined: Pronunciation = tuple(phone for part in parts for phone in part[0][0])
    return [joined] if joined else ()


def table(errors: dict[str, tuple[PhoneErrors, PhoneErrors]]) -> str:
    """Markdown: phone error rates in percent, and the words that they are of."""
    (every, rare), *_ = errors.values()
    lines = [
        f"| phone error rate, % | all words ({every.words:,}) | rare words ({rare.words:,}) |",
        "|---|---|---|",
    ]
    for name, parts in errors.items():
        cells = [f"{100 * part.rate:.1f}" if part.phones else "–" for part in parts]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
