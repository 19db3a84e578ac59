"""Hotwords on a stock checkpoint: nothing is trained, the list acts in the search alone. Takes seconds.

python examples/01_hotwords.py
python examples/01_hotwords.py --model my.nemo --names my_names.txt my_recording.wav
"""

import argparse
from pathlib import Path

from nemo_ctcbias import BiasedEncDecCTCModelBPE, BiasList, Phrase

DATA = Path(__file__).parent / "data"

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("audio", nargs="*", default=[str(DATA / "demo" / name) for name in ("slt_01.flac", "awb_07.flac")])
parser.add_argument("--model", default=str(DATA / "fastconformer_ctc_small.nemo"), help="any NeMo CTC checkpoint")
parser.add_argument("--names", default=str(DATA / "demo" / "names.txt"), help="one phrase a line")
args = parser.parse_args()

# Weights, tokenizer and decoding config stay as they are; without a list the output does, too.
model = BiasedEncDecCTCModelBPE.from_ctc(args.model).eval()
for path, found in zip(args.audio, model.transcribe(args.audio, verbose=False), strict=True):
    print(f"without  {Path(path).name}: {found.text}")

# What the model cannot use of a list is returned, never silently dropped.
for note in model.set_bias_list(args.names):
    print("note:", note)
for path, found in zip(args.audio, model.transcribe(args.audio, verbose=False), strict=True):
    print(f"with     {Path(path).name}: {found.text}")
    for hit in found.hits:
        print(f"         {hit.start:.2f}-{hit.end:.2f} s {hit.phrase}, instead of {hit.base_text!r}")

# A weight of its own makes a phrase stronger (above 1) or weaker; a negative one keeps it out of the transcript.
weighted = BiasList([Phrase(phrase.text, weight=0.5) for phrase in BiasList.load(args.names)])
for path, found in zip(args.audio, model.transcribe(args.audio, verbose=False, bias_list=weighted), strict=True):
    print(f"half     {Path(path).name}: {found.text}")
