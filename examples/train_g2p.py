"""Train the grapheme-to-phoneme model from any lexicon in the format of the CMU Pronouncing Dictionary.

    python examples/train_g2p.py cmudict.dict --out g2p

First on 19 words in 20, measured on the others; then on all of them, which is what is kept.  Needs KenLM's `lmplz`
and `build_binary` (see nemo_ctcbias/lm/lmplz.py).  Load it with `G2P.load("g2p")`.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from g2p_training import is_held_out, measure, pairs_of, train

from nemo_ctcbias.errors import BiasingError
from nemo_ctcbias.phones.g2p import G2P
from nemo_ctcbias.phones.graphones import LETTERS
from nemo_ctcbias.phones.lexicon import Lexicon


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lexicon", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--order", type=int, default=5, help="of the joint n-gram, 2 to 6 (default %(default)s)")
    parser.add_argument("--no-measure", action="store_true", help="train on all words at once")
    args = parser.parse_args(argv)
    try:
        lexicon = Lexicon.load(args.lexicon)
        pairs = pairs_of(lexicon)
        if not args.no_measure:
            held_out = {word: p for word, p in lexicon.items() if is_held_out(word) and set(word) <= set(LETTERS)}
            with tempfile.TemporaryDirectory() as folder:
                train([pair for pair in pairs if not is_held_out(pair[0])], Path(folder), args.order)
                print(f"held out: {measure(G2P.load(folder), held_out)}", flush=True)
        start = time.perf_counter()
        unaligned = train(pairs, args.out, args.order)
    except BiasingError as error:
        print(f"train_g2p: {error}", file=sys.stderr)
        return 2
    print(f"{args.out}: {len(pairs)} entries, {unaligned} without alignment, {time.perf_counter() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
