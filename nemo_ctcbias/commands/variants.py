"""`nemo-ctcbias variants`: other spellings of a name that a model may write instead of it."""

from __future__ import annotations

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("phrases", nargs="+", metavar="PHRASE", help="a name or phrase")
    parser.add_argument("-n", type=int, default=10, metavar="N", help="spellings of each (default %(default)s)")
    parser.add_argument("--lexicon", metavar="FILE", help="pronunciations in the format of the CMU dictionary")
    parser.add_argument("--pronunciation", action="append", default=[], metavar="P", help="ARPAbet, or a respelling")
    parser.add_argument("--json", action="store_true", help="a JSON object a spelling")


def run(args: argparse.Namespace) -> int:
    """Print rank, cost, spelling and pronunciation of each variant, the phrase itself first; 1 if a phrase has none."""
    from nemo_ctcbias.bias_list import Phrase
    from nemo_ctcbias.bias_list.report import printable
    from nemo_ctcbias.errors import PhoneticsError, SettingError
    from nemo_ctcbias.phones import G2G, Lexicon, Pronouncer

    if args.n < 1:
        raise SettingError(f"-n {args.n}: give 1 or more spellings")
    lexicon = Lexicon.load(args.lexicon) if args.lexicon else None
    g2g = G2G(Pronouncer(lexicon=lexicon))
    code = 0
    for text in args.phrases:
        try:
            variants = g2g.spellings(Phrase(text, pronunciations=args.pronunciation), args.n)
        except PhoneticsError as error:
            if args.pronunciation:
                raise  # it is wrong of all of them
            print(f"nemo-ctcbias: {error}", file=sys.stderr)
            code = 1
            continue
        width = max(len(variant.spelling) for variant in variants)
        for rank, variant in enumerate(variants):
            sounds = " ".join(variant.pronunciation)
            if args.json:
                row = {"phrase": text, "rank": rank, "cost": round(variant.cost, 3), "spelling": variant.spelling}
                print(json.dumps({**row, "pronunciation": sounds}, ensure_ascii=False))
            else:
                print(f"{rank:3d}  {variant.cost:6.3f}  {printable(variant.spelling):{width}}  {sounds}")
    return code
