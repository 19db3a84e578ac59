"""A language model over a model's tokens, which NeMo's own beam search takes (NGPU-LM), from the text of a word model.

The peers of an evaluation get it, so that they know the same text as `boost-lm` (`nemo-boosting-beam+lm`):

    python examples/token_lm.py text.txt.gz train.json --model x.nemo --out tokens.arpa
    nemo-ctcbias evaluate ... --token-lm tokens.arpa --systems nemo-boosting-beam+lm
"""

import argparse
from collections.abc import Iterator

from nemo.collections.asr.models import ASRModel
from nemo.collections.asr.parts.submodules.ngram_lm import DEFAULT_TOKEN_OFFSET
from tqdm import tqdm

from nemo_ctcbias.lm import lmplz
from nemo_ctcbias.lm.text import TextCounts, fit, read_lines
from nemo_ctcbias.nemo.vocabulary import vocabulary_of
from nemo_ctcbias.shipped import checkpoint


def sentences(texts: list[str], model: ASRModel) -> Iterator[str]:
    """The texts as the model would write them, each token one character, as NeMo's language models name them."""
    lines = (line for path in texts for line in read_lines(path))
    for sentence in tqdm(fit(lines, vocabulary_of(model), TextCounts()), unit=" sentences", mininterval=1.0):
        yield " ".join(chr(token + DEFAULT_TOKEN_OFFSET) for token in model.tokenizer.text_to_ids(sentence))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", nargs="+", help="text, a sentence a line, may be .gz; or NeMo manifests (.json)")
    parser.add_argument("--model", help=".nemo file (default: the shipped one)")
    parser.add_argument("--out", required=True, help="ARPA file to write")
    parser.add_argument("--order", type=int, default=6, help="length of the longest n-grams (default 6, as NeMo's)")
    parser.add_argument("--prune", type=int, nargs="+", default=(0, 0, 1), help="as lmplz's (default 0 0 1)")
    args = parser.parse_args()
    model = ASRModel.restore_from(checkpoint(args.model), map_location="cpu")
    # Every token is frequent, so that discounts cannot be estimated from the rare ones.
    lmplz.estimate(sentences(args.text, model), args.order, args.out, prune=args.prune, discount_fallback=True)


if __name__ == "__main__":
    main()
