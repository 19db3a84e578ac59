"""A tiny random NeMo model, a synthetic manifest, and log-probs that spell a given text."""

from __future__ import annotations

import json

import numpy as np
import pytest

WORDS = (
    "we went to dover with deryck and saw the white cliffs of england in spring then zelda took a train to calais "
    "where anna met us at the station near the old harbour before the long night ended by the quiet water"
)
TEXTS = ("we went to dover", "then zelda took a train", "anna met deryck near the harbour", "the quiet night")
RARE = (["dover"], ["zelda"], ["anna", "deryck"], [])


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory):
    """EncDecCTCModelBPE with random weights and a tokenizer of 48 pieces."""
    pytest.importorskip("nemo.collections.asr")
    import sentencepiece
    import torch
    from nemo.collections.asr.models import EncDecCTCModelBPE
    from omegaconf import OmegaConf

    folder = tmp_path_factory.mktemp("tokenizer")
    (folder / "text.txt").write_text("\n".join([WORDS] * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "tokenizer"), vocab_size=48, model_type="bpe",
        character_coverage=1.0, bos_id=-1, eos_id=-1, minloglevel=2,
    )  # fmt: skip
    pieces = [line.split("\t")[0] for line in (folder / "tokenizer.vocab").read_text().splitlines()]
    (folder / "vocab.txt").write_text("\n".join(pieces[1:]))
    torch.manual_seed(0)
    data = {"manifest_filepath": None, "sample_rate": 16000, "batch_size": 2, "shuffle": False, "defer_setup": True}
    config = {
        "sample_rate": 16000,
        "train_ds": data,
        "validation_ds": data,
        "tokenizer": {"dir": str(folder), "type": "bpe"},
        "preprocessor": {
            "_target_": "nemo.collections.asr.modules.AudioToMelSpectrogramPreprocessor",
            "sample_rate": 16000,
            "features": 16,
            "n_fft": 512,
            "window_stride": 0.01,
        },
        "encoder": {
            "_target_": "nemo.collections.asr.modules.ConformerEncoder",
            "feat_in": 16,
            "n_layers": 1,
            "d_model": 16,
            "n_heads": 2,
            "subsampling_factor": 4,
            "subsampling_conv_channels": 8,
            "conv_kernel_size": 5,
        },
        "decoder": {
            "_target_": "nemo.collections.asr.modules.ConvASRDecoder",
            "feat_in": 16,
            "num_classes": -1,
            "vocabulary": [],
        },
    }
    return EncDecCTCModelBPE(OmegaConf.create(config)).eval()


@pytest.fixture
def write_manifest(tmp_path):
    """Writes a manifest of noise recordings with the texts above; returns its path."""
    import soundfile

    def write(name: str, count: int = 4, extra: tuple[dict, ...] = ()):
        rows = []
        for number in range(count):
            audio = tmp_path / f"{name}-{number}.wav"
            noise = np.random.default_rng(number).normal(0, 0.05, 8000 + 1600 * number).astype(np.float32)
            soundfile.write(audio, noise, 16000)
            text, rare = TEXTS[number % len(TEXTS)], RARE[number % len(RARE)]
            rows.append({"audio_filepath": audio.name, "text": text, "id": f"{name}{number}", "rare_words": rare})
        path = tmp_path / f"{name}.json"
        path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, *extra]))
        return path

    return write


@pytest.fixture
def distractors(tmp_path):
    path = tmp_path / "words.txt"
    syllables = ("ba", "der", "lo", "min", "sta", "vor", "zel")
    path.write_text("".join(f"{a}{b}{c}\n" for a in syllables for b in syllables for c in syllables))
    return path


@pytest.fixture(scope="session")
def spell():
    """Log-probs [T, V + 1] whose best path is a text; `rival` texts of as many tokens lie `gap` below it."""

    def spell(model, text: str, rival: str | None = None, gap: float = 1.0) -> np.ndarray:
        size = len(model.decoder.vocabulary)
        tokens = model.tokenizer.text_to_ids(text)
        others = model.tokenizer.text_to_ids(rival) if rival else []
        scores = np.full((3 * max(len(tokens), len(others)) + 2, size + 1), -12.0, dtype=np.float32)
        scores[:, size] = 0.0
        for sequence, height in ((others, 4.0 - gap), (tokens, 4.0)):
            for place, token in enumerate(sequence):
                scores[3 * place + 1, token] = max(scores[3 * place + 1, token], height)
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    return spell
