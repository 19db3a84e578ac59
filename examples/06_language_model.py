"""A language model of your domain, estimated from text, in a minute; and how much of it is right.

    python examples/06_language_model.py

It needs KenLM's programs: where they are missing, the commands that build them are printed. With your own:

    python examples/06_language_model.py --text mails.txt.gz reports.txt --model x.nemo --manifest dev.json --list n.txt

Text: one sentence a line (.gz too), written the way your model writes, numbers as they are said; lines that the model
cannot write are left out and counted. Best is what is close to how people speak in your domain, transcripts above all;
other prose fills the gaps (examples/data/LM_CARD.md says what the shipped one was made of). Leave out the sentences
that you measure on: they would be learnt by heart.
"""

import argparse
import itertools
import random
import sys
from pathlib import Path

from nemo_ctcbias.cli import main as command_line

DATA = Path(__file__).parent / "data"
WHO = "the nurse|the doctor|the professor|the captain|our lawyer|the new manager|my colleague".split("|")
DOES = "will see|wrote about|lost|asked for|starts with|forwarded|is ready for|called about|opens|closed".split("|")
WHAT = "the invoice|the contract|the project|the files|the chapter|the bridge|the museum|one tablet|a copy".split("|")
WHEN = "on monday|after lunch|every morning|in march|at ten|for repairs|near the island|again|today".split("|")
NAMES = "smith|jones|miller|brown|taylor|wilson|fremont|hamilton|lancaster|norwood".split("|")


def main() -> None:
    parser = argparse.ArgumentParser(description="Estimate a language model and transcribe with it.")
    parser.add_argument("--text", nargs="+", help="text files or NeMo manifests (default: made-up office sentences)")
    parser.add_argument("--model", default=str(DATA / "fastconformer_ctc_small.nemo"), help="CTC .nemo")
    parser.add_argument("--manifest", default=str(DATA / "demo" / "manifest.json"), help="recordings to transcribe")
    parser.add_argument("--list", default=str(DATA / "demo" / "names.txt"), help="bias list, a phrase a line")
    parser.add_argument("--out", type=Path, default=Path("results/06_language_model"), help="folder for all files")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    texts = args.text or [made_up_text(args.out / "office.txt")]

    # Words seen fewer than three times (--min-count) become the class <boost>: a place in the model for rare words,
    # whichever they are. Listed words are scored there, so the file stays as it is when the list changes.
    # --discount-fallback is for text as regular as this; leave it out for real text.
    model_file = args.out / "domain.bin"
    fallback = [] if args.text else ["--discount-fallback"]
    nemo_ctcbias("build-lm", *texts, "--model", args.model, "--binary", *fallback, "--out", model_file)

    # alpha is the language model's weight beside the audio: 0 ignores it, and too much of it overrules what was said.
    # `nemo-ctcbias tune` chooses it, with the other weights, on held-out speech.
    for alpha in (0, 0.5, 1.5):
        common = ["--manifest", args.manifest, "--model", args.model, "--bias-list", args.list]
        shown = args.out / f"alpha_{alpha}.txt"  # every transcript, without and with the list
        nemo_ctcbias("transcribe", *common, "--lm", model_file, "--lm-alpha", alpha, "--compare", "--out", shown)
        print(f"alpha {alpha}:", shown.read_text(encoding="utf-8").splitlines()[-1].strip())

    # In Python: model.set_language_model("domain.bin", alpha=0.5); it travels in the .nemo on model.save_to(...).


def made_up_text(path: Path) -> Path:
    """A domain in miniature, in words of the shipped clips (so what it brings there is no measure of anything)."""
    sentences = [" ".join(parts) for parts in itertools.product(WHO, DOES, WHAT, WHEN)]
    random.Random(1).shuffle(sentences)
    rare = [f"please forward the papers to {name}" for name in NAMES]  # each name once: these become the class
    path.write_text("\n".join([*sentences[:3000], *rare]) + "\n", encoding="utf-8")
    return path


def nemo_ctcbias(*words: object) -> None:
    """The command line, as typed in a shell; here it need not load NeMo each time."""
    arguments = [str(word) for word in words]
    print("\n$ nemo-ctcbias", *arguments, flush=True)
    if status := command_line(arguments):
        sys.exit(status)  # the command has said why, and what to do


if __name__ == "__main__":
    main()
