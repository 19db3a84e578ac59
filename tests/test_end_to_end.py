"""The main job on real input: the shipped checkpoint, on the shipped clips and, where they are, on real recordings."""

import json
import random

import pytest
import torch
from places import ROOT, SHARED

from nemo_ctcbias.audio import load_audio
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.evaluation.scoring import score
from nemo_ctcbias.nemo.ctc_models import from_ctc
from nemo_ctcbias.shipped import checkpoint, shipped, shipped_file

DEMO = ROOT / "examples" / "data" / "demo"


@pytest.fixture(scope="module")
def model():
    return from_ctc("small").eval()


@pytest.fixture(scope="module")
def clips():
    rows = [json.loads(line) for line in (DEMO / "manifest.json").read_text().splitlines()]
    return rows, [load_audio(DEMO / row["audio_filepath"], 16000) for row in rows]


def total(rows, texts, lists):
    counts = [score(row["text"], text, listed) for row, text, listed in zip(rows, texts, lists, strict=True)]
    return sum(counts[1:], counts[0])


def test_listed_names_of_the_demonstration_come_out(model, clips):
    rows, audio = clips
    names = BiasList.load(DEMO / "names.txt")
    lists = [[phrase.text for phrase in names]] * len(rows)
    without = total(rows, [h.text for h in model.transcribe(audio, verbose=False)], lists)
    hypotheses = model.transcribe(audio, verbose=False, bias_list=names, timestamps=True)
    with_list = total(rows, [h.text for h in hypotheses], lists)
    assert with_list.recall > without.recall and with_list.wer < without.wer
    assert any(phrase.text in h.text for h in hypotheses for phrase in names), "written forms keep their capitals"
    for hypothesis, samples in zip(hypotheses, audio, strict=True):
        for hit in hypothesis.hits:
            assert 0 <= hit.start < hit.end <= len(samples) / 16000 + 0.1


def test_the_shipped_parts_are_refused_by_other_weights():
    """They carry the fingerprint of the base that they were trained on."""
    other = from_ctc("small").eval()
    with torch.no_grad():
        for weight in other.encoder.parameters():
            weight.mul_(1 + 0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)))
    parts = shipped("small")
    with pytest.raises(ModelError, match="was trained with other weights"):
        other.load_adapters(str(shipped_file(parts.adapter)))
    with pytest.raises(ModelError, match="was trained with other weights"):
        other.load_phone_head(shipped_file(parts.phone_head))


@pytest.mark.parametrize("preset", ["fast", "accurate", "adapter alone"])
def test_every_path_tells_what_it_did(clips, preset):
    audio = clips[1]
    model = from_ctc("small").eval()
    base = [h.text for h in model.transcribe(audio, verbose=False)]
    model.load_adapters(str(shipped_file(shipped("small").adapter)))
    if preset == "adapter alone":
        model.set_biasing(boost={"enabled": False})
    else:
        model.load_phone_head(shipped_file(shipped("small").phone_head))
        model.set_language_model(shipped_file(shipped("small").language_model))
        model.set_preset(preset)
    found = model.eval().transcribe(audio, verbose=False, bias_list=BiasList.load(DEMO / "names.txt"), timestamps=True)
    acting = {"fast": {"hotword", "adapter"}, "accurate": {"hotword", "adapter", "lm"}, "adapter alone": {"adapter"}}
    hits = [(text, one, hit) for text, one in zip(base, found, strict=True) for hit in one.hits]
    assert hits
    for text, one, hit in hits:
        assert hit.phrase in one.text and 0 <= hit.confidence <= 1
        if hit.technique == "lookup":
            assert set(hit.parts) == {"phones"}
            continue
        assert hit.parts.keys() - {"acoustic"} <= acting[preset] and "adapter" in hit.parts
        assert hit.technique in {*acting[preset], "base"}
        assert hit.base_text in text, "what the model writes there without the list"
    for one in found:  # what NeMo's scripts write into their manifests
        assert [entry["phrase"] for entry in one.timestamp["hits"]] == [hit.phrase for hit in one.hits]
        assert all(entry["start_offset"] < entry["end_offset"] for entry in one.timestamp["hits"])


def test_without_a_list_the_checkpoint_is_its_base_model(model, clips):
    from nemo.collections.asr.models import ASRModel

    rows, audio = clips
    base = ASRModel.restore_from(checkpoint("small"), map_location="cpu").eval()
    assert type(base).__name__ == "EncDecCTCModelBPE", "the shipped checkpoint is a stock NeMo one"
    expected = [h.text for h in base.transcribe(audio, verbose=False)]
    assert [h.text for h in model.transcribe(audio, verbose=False)] == expected
    assert [h.text for h in model.transcribe(audio, verbose=False, bias_list=[])] == expected
    paths = [str(DEMO / row["audio_filepath"]) for row in rows]
    assert [h.text for h in model.transcribe(paths, verbose=False)] == expected


@pytest.mark.shared
@pytest.mark.parametrize("name", ["dev_librispeech", "dev_commonvoice"])
def test_recall_of_rare_words_rises_on_real_recordings(model, name):
    folder = SHARED / "speech"
    rows = [json.loads(line) for line in (folder / f"{name}.json").read_text().splitlines()]
    rows = [row for row in rows if row["rare_words"]]
    rows = random.Random(3).sample(rows, 40)
    distractors = (folder / "lists" / "rare_words.txt").read_text().split()
    lists = [row["rare_words"] + random.Random(row["id"]).sample(distractors, 100) for row in rows]
    audio = [load_audio(folder / row["audio_filepath"], 16000) for row in rows]
    without = total(rows, [h.text for h in model.transcribe(audio, batch_size=8, verbose=False)], lists)
    found = model.transcribe(audio, batch_size=8, verbose=False, bias_lists=lists)
    with_list = total(rows, [h.text for h in found], lists)
    assert with_list.recall > without.recall + 2
    assert with_list.wer < without.wer
