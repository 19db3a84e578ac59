"""Store the mel features of manifests once, so that training spends its time on the model.

    python examples/extract_features.py train.json --speeds 0.9,1.0,1.1 --out cache/real
    python examples/extract_features.py train.json --model start.nemo --blocks 3 --out cache/trunk

Writes `features.f16` ([frames, mels], utterance after utterance) and `index.json` beside it.  Features are
those of the preprocessor in the training config, so a model trained on them hears audio the same way; with
`--model`, what comes out of the lower blocks of its Whisper trunk, which then stay as they are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from nemo.collections.asr.models import ASRModel
from nemo.collections.asr.modules import AudioToMelSpectrogramPreprocessor
from omegaconf import OmegaConf
from tqdm import tqdm

import nemo_ctcbias  # noqa: F401  (allows our encoder's name)

Listener = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
CONFIG = Path(__file__).parent.parent / "configs" / "base_fastconformer_ctc_bpe.yaml"


def read_manifest(path: Path) -> list[dict]:
    """Rows of a NeMo manifest, audio paths taken relative to the manifest's folder."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    for row in rows:
        row["audio_filepath"] = str(path.parent / row["audio_filepath"])
    return rows


def load_audio(path: str, sample_rate: int, speed: float) -> np.ndarray:
    """Mono float32 samples; `speed` 1.1 plays the recording 10% faster (and higher)."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    audio = audio.mean(axis=1)
    if rate != sample_rate or speed != 1.0:
        audio = librosa.resample(audio, orig_sr=rate * speed, target_sr=sample_rate, res_type="soxr_mq")
    return audio


def preprocessor_of(settings: dict) -> Listener:
    """Mel features [T, mels] of samples [1, N], by the preprocessor of a training config."""
    settings = {name: value for name, value in settings.items() if name != "_target_"}
    preprocessor = AudioToMelSpectrogramPreprocessor(**{**settings, "pad_to": 0}).eval()

    def listen(audio: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        mels, frames = preprocessor(input_signal=audio, length=length)
        return mels[0, :, : int(frames)].T

    return listen


def behind_blocks(checkpoint: str, blocks: int) -> Listener:
    """What block number `blocks` of a checkpoint's Whisper trunk takes [T, width], of samples [1, N]."""
    model = ASRModel.restore_from(checkpoint, map_location="cpu").eval()
    trunk = model.encoder.trunk

    def listen(audio: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        mel, frames = model.preprocessor(input_signal=audio, length=length)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            x, frames = trunk.enter(mel, frames)
            for block in trunk.blocks[:blocks]:
                x = block(x, None)
        return x[0, : int(frames)].float()

    return listen


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--speeds", default="1.0", help="speed perturbation factors (default %(default)s)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="training config with model.preprocessor")
    parser.add_argument("--model", help="checkpoint with a Whisper trunk, as whisper_start.py writes it")
    parser.add_argument("--blocks", type=int, default=3, help="blocks of the trunk to go through (default %(default)s)")
    parser.add_argument("--max-seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)

    settings = dict(OmegaConf.load(args.config).model.preprocessor)
    if args.model:
        listen, frames_per_second = behind_blocks(args.model, args.blocks), 50.0
    else:
        listen, frames_per_second = preprocessor_of(settings), 1 / settings["window_stride"]
    args.out.mkdir(parents=True, exist_ok=True)
    rows = [row for manifest in args.manifests for row in read_manifest(manifest)]
    speeds = [float(speed) for speed in args.speeds.split(",")]
    index, skipped, start = [], 0, 0
    with (args.out / "features.f16").open("wb") as store, torch.inference_mode():
        for speed in speeds:
            for row in tqdm(rows, desc=f"speed {speed}", mininterval=10):
                if not 0.3 <= row["duration"] / speed <= args.max_seconds:
                    skipped += 1
                    continue
                audio = torch.from_numpy(load_audio(row["audio_filepath"], settings["sample_rate"], speed))
                features = listen(audio[None], torch.tensor([len(audio)])).half().numpy()
                store.write(features.tobytes())
                index.append([start, len(features), row["text"], row.get("speaker", "")])
                start += len(features)
    header = {
        "mels": features.shape[1],
        "frames_per_second": frames_per_second,
        "blocks": args.blocks if args.model else 0,
        "utterances": index,
    }
    (args.out / "index.json").write_text(json.dumps(header), encoding="utf-8")
    hours = start / frames_per_second / 3600
    print(f"{args.out}: {len(index)} utterances, {hours:.2f} hours; {skipped} left out (too short or long)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
