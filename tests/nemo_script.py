"""A Hydra application that does what NeMo's transcribe_speech.py does, and has never heard of nemo_ctcbias."""

import json
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from nemo.collections.asr.models import ASRModel
from nemo.collections.asr.parts.submodules.ctc_decoding import CTCDecodingConfig
from nemo.collections.common.parts.preprocessing.manifest import get_full_path
from nemo.core.config import hydra_runner


@dataclass
class Config:
    model_path: str = ""
    dataset_manifest: str = ""
    output_filename: str = ""
    decoder_type: str | None = None  # of a hybrid: ctc, rnnt
    ctc_decoding: CTCDecodingConfig = field(default_factory=CTCDecodingConfig)


@hydra_runner(config_name="Config", schema=Config)
def main(cfg):
    allowed = {"nemo_ctcbias.nemo", "nemo_ctcbias.nemo.registration"}
    loaded = [name for name in sys.modules if name.startswith("nemo_ctcbias.nemo") and name not in allowed]
    assert not loaded, f"registering loaded {loaded}"
    model = ASRModel.restore_from(cfg.model_path, map_location="cpu").eval()
    branch = {} if cfg.decoder_type is None else {"decoder_type": cfg.decoder_type}
    model.change_decoding_strategy(cfg.ctc_decoding, **branch)
    rows = [json.loads(line) for line in Path(cfg.dataset_manifest).read_text().splitlines()]
    for row in rows:  # as NeMo's script: paths relative to the manifest, rows copied to a temporary one
        row["audio_filepath"] = get_full_path(row["audio_filepath"], cfg.dataset_manifest)
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(folder) / "manifest.json"
        copied.write_text("".join(json.dumps(row) + "\n" for row in rows))
        hypotheses = model.transcribe(str(copied), batch_size=3)
    for row, hypothesis in zip(rows, hypotheses, strict=True):
        row["pred_text"] = hypothesis.text
    Path(cfg.output_filename).write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
