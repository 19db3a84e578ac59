"""A list for every recording, as with the contacts of each caller: in Python, and in a manifest. Takes seconds.

python examples/02_lists_per_utterance.py --out results/lists
"""

import argparse
import json
from pathlib import Path

from nemo_ctcbias import BiasedEncDecCTCModelBPE

DATA = Path(__file__).parent / "data"
CONTACTS = {"slt_01.flac": ["Marisela Quillfeather", "Okonkwo"], "slt_04.flac": ["Yamanaka", "Novantra"]}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default=str(DATA / "fastconformer_ctc_small.nemo"), help="any NeMo CTC checkpoint")
parser.add_argument("--out", type=Path, required=True, help="folder for the manifest")
args = parser.parse_args()
args.out.mkdir(parents=True, exist_ok=True)
model = BiasedEncDecCTCModelBPE.from_ctc(args.model).eval()
audio = [str((DATA / "demo" / name).resolve()) for name in CONTACTS]

# In Python: one list for each recording, in their order.
for path, found in zip(audio, model.transcribe(audio, verbose=False, bias_lists=list(CONTACTS.values())), strict=True):
    print(f"python    {Path(path).name}: {found.text}")

# In a manifest: the field bias_list, phrases or the name of a file. NeMo's own scripts read it, too.
manifest = args.out / "manifest.json"
rows = [{"audio_filepath": path, "bias_list": CONTACTS[Path(path).name]} for path in audio]
manifest.write_text("".join(json.dumps({**row, "duration": None, "text": ""}) + "\n" for row in rows))
for path, found in zip(audio, model.transcribe(str(manifest), verbose=False), strict=True):
    print(f"manifest  {Path(path).name}: {found.text}")

# Swapped lists show that each acts on its own recording alone.
for path, found in zip(
    audio, model.transcribe(audio, verbose=False, bias_lists=[*CONTACTS.values()][::-1]), strict=True
):
    print(f"swapped   {Path(path).name}: {found.text}")
