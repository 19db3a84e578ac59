"""Train a contextual adapter on a manifest, load it, and see what it hears that the model did not.

    python examples/04_train_an_adapter.py

Half a minute of training on the twelve shipped clips shows the steps, nothing more: the adapter learns these clips by
heart. With your own checkpoint and speech:

    python examples/04_train_an_adapter.py --model x.nemo --manifest train.json --validation dev.json \
        --distractors words.txt --list names.txt --steps 4000 --out results/my_adapter

What a real training wants:
- Hours of transcribed speech (the shipped adapter had 23.6 h, see examples/data/MODEL_CARD.md), not only of your
  domain: what is learned is to listen for a list, and the list changes later without training.
- A validation manifest of speakers that the training never hears; on its own speech every adapter looks good.
- Thousands of rare words as distractors, so that it learns to leave a list alone. The checkpoint stays as it is.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
DEMO = HERE / "data" / "demo"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a contextual adapter, then transcribe with it.")
    parser.add_argument("--model", default=str(HERE / "data" / "fastconformer_ctc_small.nemo"), help="CTC .nemo")
    parser.add_argument("--manifest", default=str(DEMO / "manifest.json"), help="NeMo manifest with transcripts")
    parser.add_argument("--validation", default=str(DEMO / "manifest.json"), help="the same, of other speakers")
    parser.add_argument("--distractors", default=str(DEMO / "names.txt"), help="words that fill the lists, one a line")
    parser.add_argument("--list", default=str(DEMO / "names.txt"), help="phrases to listen for in the end")
    parser.add_argument("--steps", type=int, default=40, help="thousands for a real training (default 40)")
    parser.add_argument("--out", type=Path, default=Path("results/04_adapter"), help="folder for all that is written")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    adapter = args.out / "adapter.pt"
    train(args, adapter)
    use(args, adapter)


def train(args: argparse.Namespace, adapter: Path) -> None:
    """The training script with settings for a minute; configs/contextual_adapter.yaml has all of them."""
    settings = [
        f"model={args.model}",
        f"data.manifest={args.manifest}",
        f"data.validation_manifest={args.validation}",
        f"data.distractors=[{args.distractors}]",
        f"trainer.max_steps={args.steps}",
        f"trainer.val_check_interval={max(args.steps // 2, 1)}",
        "trainer.log_every_n_steps=10",
        "training.warmup=5",  # for a real training leave these two out: 200 steps up to a rate of 0.002
        "training.lr=0.005",
        f"exp_manager.exp_dir={args.out / 'runs'}",  # checkpoints: started again with more steps, it resumes
        f"save_to={adapter}",
    ]
    command = [sys.executable, str(HERE / "train_contextual_adapter.py"), *settings]
    print("$ python", *command[1:], sep=" \\\n    ", flush=True)
    training = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with (args.out / "training.log").open("w", encoding="utf-8") as log:
        for line in training.stdout:
            log.write(line)
            if "] step " in line:  # the progress, from among all that NeMo says
                print("step", line.split("] step ")[1].strip(), flush=True)
    if training.wait():
        raise SystemExit(f"training failed: see the end of {args.out / 'training.log'}")
    print(
        "\nWhat to watch: `found` (share of a listed phrase's frames that attend to it) rises while `clean` (share of"
        "\nall other frames that attend to nothing) stays near 1. On validation val_f1_list, the listed words, must"
        "\nrise above val_f1_base, and val_u_wer_list, all other words, must not rise above val_u_wer_base."
    )


def use(args: argparse.Namespace, adapter: Path) -> None:
    """The adapter is a file of a few MB beside the checkpoint; which list it listens for is said now."""
    from nemo_ctcbias import from_ctc
    from nemo_ctcbias.cli import quieten

    quieten()
    model = from_ctc(args.model)
    model.set_bias_list(args.list)
    model.set_biasing(hotword=False)  # no boosting in the search, to see the adapter alone; leave this out later
    rows = [json.loads(line) for line in Path(args.validation).read_text(encoding="utf-8").splitlines()[:5]]
    clips = [str(Path(args.validation).parent / row["audio_filepath"]) for row in rows]
    before = model.eval().transcribe(clips, verbose=False)
    model.load_adapters(str(adapter))
    after = model.eval().transcribe(clips, verbose=False)
    print(f"\n== Without and with {adapter} ({adapter.stat().st_size / 1e6:.1f} MB)")
    for one, other in zip(before, after, strict=True):
        print(f"  without: {one.text}\n  with:    {other.text}")


if __name__ == "__main__":
    main()
