"""How the strong base is made: transcripts dressed, Whisper's weights read, trained behind its frozen blocks."""

import importlib
import json
import struct
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from places import ROOT
from test_examples import DEMO, run_script

sys.path.append(str(ROOT / "examples"))
punctuate = importlib.import_module("punctuate")
whisper_start = importlib.import_module("whisper_start")
WORD = st.text("abcdefghijklmnopqrstuvwxyz'", min_size=1, max_size=8).filter(lambda w: w.strip("'"))


@pytest.mark.parametrize(
    ("words", "heard", "written"),
    [
        ("i met doctor okonkwo", "I met Dr. Okonkwo.", "I met doctor Okonkwo."),
        ("she said well known i'm sure", "She said well-known. I'm sure!", "She said well-known. I'm sure."),
        ("in nineteen ten he left", "In 1910, he left", "In nineteen ten, he left"),
        ("the u s a won", "The USA won;", "The u s a won,"),
        ("call marisela quillfeather", "called Marisella Quill Feather?", "call Marisela quillfeather?"),
        ("nothing was heard", "", "nothing was heard"),
        ("nato met", "NATO met", "NATO met"),
    ],
)
def test_words_take_case_and_marks_from_what_was_heard(words, heard, written):
    assert punctuate.joined(punctuate.dressed(words.split(), heard)) == written


@given(st.lists(WORD, min_size=1, max_size=8), st.text("abcAB '.,?!-0", max_size=40))
def test_words_stay_the_references(words, heard):
    dressed = punctuate.dressed(words, heard)
    assert [word.lower().rstrip(".,?-") for word in dressed] == words
    text = punctuate.joined(dressed)
    assert text.lower().replace("-", " ").translate(str.maketrans("", "", ".,?")).split() == words


def test_groups_are_one_speakers_and_no_longer_than_whisper_hears():
    rows = [{"duration": d, "speaker": s} for d, s in ((20, "a"), (7, "a"), (9, "a"), (3, "b"), (29, "b"), (2, "c"))]
    groups = list(punctuate.groups(rows))
    assert [[row["duration"] for row in group] for group in groups] == [[20, 7], [9], [3], [29], [2]]


def model_bin(arrays: dict[str, np.ndarray]) -> bytes:
    """A file of CTranslate2's format 6 with these arrays."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(arrays))]
    for name, array in arrays.items():
        parts += [text(name), struct.pack("<B", array.ndim), *(struct.pack("<I", size) for size in array.shape)]
        kind = whisper_start.NUMBERS.index(array.dtype.type)
        parts += [struct.pack("<BI", kind, array.nbytes), array.tobytes()]
    return b"".join(parts)


def test_whispers_weights_are_read_as_written():
    rng = np.random.default_rng(1)
    arrays = {f"a/{n}": rng.standard_normal((n, 3)).astype(np.float16) for n in (1, 5)}
    arrays["scale"] = np.array(3, np.int16)
    found = whisper_start.variables(model_bin(arrays))
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
    with pytest.raises(ValueError, match="format 6"):
        whisper_start.variables(struct.pack("<I", 5))


def test_a_base_is_started_and_trained_behind_its_lower_blocks(tmp_path, tokenizer_dir):
    from nemo.collections.asr.models import ASRModel

    from nemo_ctcbias.whisper.trunk import WhisperTrunk

    shape = {"width": 16, "blocks": 2, "heads": 2}
    torch.manual_seed(4)
    trunk = WhisperTrunk(**shape)
    names = {"conv1": "conv1", "conv2": "conv2", "ln": "layer_norm"}
    for b in range(2):
        inner = {"attn_ln": "layer_norm", "qkv": "linear_0", "out": "linear_1"}
        names |= {f"blocks.{b}.{ours}": f"layer_{b}/self_attention/{theirs}" for ours, theirs in inner.items()}
        inner = {"mlp_ln": "layer_norm", "fc1": "linear_0", "fc2": "linear_1"}
        names |= {f"blocks.{b}.{ours}": f"layer_{b}/ffn/{theirs}" for ours, theirs in inner.items()}
    arrays = {}
    for ours, theirs in names.items():
        kinds = {"weight": "gamma", "bias": "beta"} if ours.endswith("ln") else {"weight": "weight", "bias": "bias"}
        for kind, other in kinds.items():
            arrays[f"encoder/{theirs}/{other}"] = trunk.state_dict()[f"{ours}.{kind}"].numpy()
    (tmp_path / "model.bin").write_bytes(model_bin(arrays))
    config = OmegaConf.load(ROOT / "configs" / "base_whisper_ctc_bpe.yaml")
    config.model.encoder.update({"d_model": 16, "n_layers": 2, "n_heads": 2})
    config.model.encoder.trunk = shape
    OmegaConf.save(config, tmp_path / "base_whisper_ctc_bpe.yaml")

    run_script(
        *("whisper_start.py", "--tokenizer", tokenizer_dir, "--weights", "model.bin"),
        *("--config", "base_whisper_ctc_bpe.yaml", "--out", "start.nemo"),
        cwd=tmp_path,
    )
    start = ASRModel.restore_from(str(tmp_path / "start.nemo"), map_location="cpu")
    for name, value in trunk.state_dict().items():
        torch.testing.assert_close(start.encoder.trunk.state_dict()[name], value)

    manifest = DEMO / "manifest.json"
    run_script("extract_features.py", manifest, "--model", "start.nemo", "--blocks", 1, "--out", "cache", cwd=tmp_path)
    header = json.loads((tmp_path / "cache" / "index.json").read_text())
    assert (header["blocks"], header["mels"]) == (1, 16)
    run_script(
        *("train_base.py", "--config-path", tmp_path, "--config-name", "base_whisper_ctc_bpe"),
        *("init_from_nemo_model=start.nemo", "data.features=[cache]", f"model.tokenizer.dir={tokenizer_dir}"),
        *("data.batch_seconds=20", "trainer.max_steps=3", "exp_manager.exp_dir=runs", "save_to=strong.nemo"),
        *("model.optim.sched.warmup_steps=1", "temperature=1.5"),
        cwd=tmp_path,
    )
    trained = ASRModel.restore_from(str(tmp_path / "strong.nemo"), map_location="cpu")
    checkpoint = next((tmp_path / "runs").rglob("*-last.ckpt"))
    untempered = torch.load(checkpoint, map_location="cpu", weights_only=False)["state_dict"]
    tempered = (untempered["decoder.decoder_layers.0.weight"] / 1.5).half().float()
    assert torch.equal(trained.decoder.decoder_layers[0].weight, tempered)
    trained = trained.encoder.trunk
    changed = {
        name: not torch.equal(trained.state_dict()[name], value.half().float())
        for name, value in trunk.state_dict().items()
    }
    assert not any(changed[name] for name in changed if name.startswith(("conv", "blocks.0.")))
    assert all(changed[f"blocks.1.{name}.weight"] for name in ("qkv", "out", "fc1", "fc2"))
