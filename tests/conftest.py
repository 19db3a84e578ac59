"""Tiny random models (no network, a second to build) that all tests share."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ["NEMO_CTCBIAS_CACHE"] = ""  # nothing of a test is kept on disk

import numpy as np
import pytest
from hypothesis import settings
from places import ROOT, SHARED

# Whichever example comes first waits for what is compiled or loaded then; no test is about time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

TEXT = """the quick brown fox jumps over the lazy dog
please call doctor okonkwo about the siprot project
saoirse and zelenskyy met in fremont on a rainy morning
we sailed from new york to old york and back again
every good boy deserves favour and a bag of jam
pack my box with five dozen liquor jugs
how vexingly quick daft zebras jump
sphinx of black quartz judge my vow
"""


def pytest_addoption(parser):
    add = parser.addoption
    add("--fuzz-cases", type=int, default=0, metavar="N", help="cases for each reader in tests/fuzz (default: a few)")
    add("--soak-minutes", type=float, default=0, metavar="M", help="run tests/soak for so long (default: not at all)")
    add("--kills", type=int, default=0, metavar="N", help="kill writing processes so often (default: a few times)")


# Files that take minutes: a process that comes to one of them last leaves the other without work.
LONGEST = ("test_docs.py", "test_readme.py", "test_examples.py", "test_numbered_examples.py", "test_first_hour.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))
    if not SHARED.is_dir():
        for item in items:
            if "shared" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="../shared is not there"))


@pytest.fixture(scope="session")
def tokenizer_dir(tmp_path_factory) -> Path:
    from nemo.collections.common.tokenizers.sentencepiece_tokenizer import create_spt_model

    folder = tmp_path_factory.mktemp("tokenizer")
    text = folder / "text.txt"
    text.write_text(TEXT * 10)
    create_spt_model(str(text), 60, -1, False, "bpe", str(folder))
    return folder


def tiny_config(**parts):
    from omegaconf import OmegaConf

    config = OmegaConf.load(ROOT / "configs" / "base_fastconformer_ctc_bpe.yaml").model
    config.encoder.update(
        {"n_layers": 2, "d_model": 16, "n_heads": 2, "subsampling_conv_channels": 4, "ff_expansion_factor": 2}
    )
    config.interctc = None
    config.update(parts)
    return config


@pytest.fixture(scope="session", name="tiny_config")
def tiny_config_fixture():
    """The config of a tiny model, parts of it replaced by keywords."""
    return tiny_config


@pytest.fixture(scope="session")
def base_nemo(tokenizer_dir, tmp_path_factory) -> Path:
    """A stock EncDecCTCModelBPE checkpoint with random weights."""
    import torch
    from nemo.collections.asr.models import EncDecCTCModelBPE

    torch.manual_seed(0)
    model = EncDecCTCModelBPE(cfg=tiny_config(tokenizer={"dir": str(tokenizer_dir), "type": "bpe"}))
    sharpen(model)
    path = tmp_path_factory.mktemp("models") / "base.nemo"
    model.save_to(str(path))
    return path


# A boost so strong that random noise is heard as listed phrases, which do not have to sound like it.
EAGER = {
    "boost": {"gap_scale": 0.9, "token_bonus": 9.0},
    "beam": {"beam_width": 30},
    "phonetics": {"parts": []},
}


@pytest.fixture(scope="session")
def eager() -> dict:
    """Settings of `biasing` that hear listed phrases in random noise."""
    return EAGER


@pytest.fixture(scope="session")
def biased_nemo(base_nemo, tmp_path_factory) -> Path:
    """A biased checkpoint that stores the list ["saoirse"] and hears it everywhere."""
    from nemo_ctcbias import from_ctc

    model = from_ctc(base_nemo)
    model._cfg.biasing.update(EAGER)
    model.set_bias_list(["saoirse"])
    path = tmp_path_factory.mktemp("models") / "biased.nemo"
    model.save_to(str(path))
    return path


@pytest.fixture(scope="session")
def char_nemo(tmp_path_factory) -> Path:
    """A stock character EncDecCTCModel checkpoint with random weights."""
    import torch
    from nemo.collections.asr.models import EncDecCTCModel
    from omegaconf import open_dict

    torch.manual_seed(1)
    labels = [" ", *"abcdefghijklmnopqrstuvwxyz", "'"]
    config = tiny_config()
    with open_dict(config):
        del config["tokenizer"]
        config.labels = labels
        config.decoder.vocabulary = labels
        config.decoder.num_classes = len(labels)
    model = EncDecCTCModel(cfg=config)
    sharpen(model)
    path = tmp_path_factory.mktemp("models") / "char.nemo"
    model.save_to(str(path))
    return path


def sharpen(model) -> None:
    """Random weights give flat log-probs; scale the head a little, so that some words are likelier than others."""
    import torch

    with torch.no_grad():
        model.decoder.decoder_layers[0].weight.mul_(1.2)


@pytest.fixture(scope="session")
def noise_wavs(tmp_path_factory) -> list[Path]:
    """Four recordings of different length; random weights make words of them."""
    import soundfile

    folder = tmp_path_factory.mktemp("audio")
    rng = np.random.default_rng(0)
    paths = []
    for index, seconds in enumerate((2.0, 3.1, 1.4, 2.6)):
        path = folder / f"noise{index}.wav"
        t = np.arange(int(16000 * seconds)) / 16000
        tone = np.sin(2 * np.pi * (200 + 400 * np.abs(np.sin(3 * t + index))) * t)
        soundfile.write(path, 0.3 * tone + 0.05 * rng.normal(size=len(t)), 16000)
        paths.append(path)
    return paths
