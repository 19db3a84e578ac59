"""Store the mel features of manifests once, so that training spends its time on the model.

    python examples/extract_features.py train.json --speeds 0.9,1.0,1.1 --out cache/real

Writes `features.f16` ([frames, mels], utterance after utterance) and `index.json` beside it.  Features are
those of the preprocessor in the training config, so a model trained on them hears audio the same way.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from nemo.collections.asr.modules import AudioToMelSpectrogramPreprocessor
from omegaconf import OmegaConf
from tqdm import tqdm

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


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--speeds", default="1.0", help="speed perturbation factors (default %(default)s)")
    parser.add_argument("--config", type=Path, default=CONFIG, help="training config with model.preprocessor")
    parser.add_argument("--max-seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args(argv)

    settings = dict(OmegaConf.load(args.config).model.preprocessor)
    settings.pop("_target_")
    preprocessor = AudioToMelSpectrogramPreprocessor(**{**settings, "pad_to": 0}).eval()
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
                mels, frames = preprocessor(input_signal=audio[None], length=torch.tensor([len(audio)]))
                mels = mels[0, :, : int(frames)].T.half().numpy()
                store.write(mels.tobytes())
                index.append([start, len(mels), row["text"], row.get("speaker", "")])
                start += len(mels)
    header = {
        "mels": int(settings["features"]),
        "frames_per_second": 1 / settings["window_stride"],
        "utterances": index,
    }
    (args.out / "index.json").write_text(json.dumps(header), encoding="utf-8")
    hours = start * settings["window_stride"] / 3600
    print(f"{args.out}: {len(index)} utterances, {hours:.2f} hours; {skipped} left out (too short or long)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
