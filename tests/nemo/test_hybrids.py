"""Hybrids (RNN-T or TDT beside CTC): lists act on the CTC branch, the other one stays as NeMo made it."""

import copy
import json

import nemo
import pytest
import torch
from nemo.collections.asr.models import ASRModel
from nemo.utils import logging

from nemo_ctcbias import BiasList, from_ctc
from nemo_ctcbias.errors import SettingError

KINDS = ["BPE", "characters", "TDT", "prompts"]
NAMES = ["saoirse", "new york"]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def base(hybrids, kind):
    return hybrids(kind)


@pytest.fixture
def model(base, eager):
    model = from_ctc(base).eval()
    model.set_biasing(**eager)
    return model


def transcribed(model, audio, kind="", **options):
    language = {"target_lang": "en-US"} if kind == "prompts" else {}
    audio = [one.numpy() for one in audio]
    return model.transcribe(audio, verbose=False, **language, **options)


def texts(*args, **options):
    return [one.text for one in transcribed(*args, **options)]


def by_branch(base, audio, kind):
    """What NeMo's own model writes with either branch."""
    found = {}
    for branch in ("ctc", "rnnt"):
        base.change_decoding_strategy(decoder_type=branch, verbose=False)
        found[branch] = transcribed(base, audio, kind, timestamps=True)
    base.eval()
    return found


def test_without_a_list_both_branches_are_the_base_models(model, base, audio, kind):
    expected = by_branch(base, audio, kind)
    assert model.cur_decoder == "ctc" and type(model).__name__ == f"Biased{type(base).__name__}"
    for branch in ("ctc", "rnnt"):
        model.change_decoding_strategy(decoder_type=branch, verbose=False)
        for one, other in zip(transcribed(model, audio, kind, timestamps=True), expected[branch], strict=True):
            assert one.text == other.text and one.timestamp == other.timestamp
            assert float(one.score) == float(other.score)
    assert base.cur_decoder == "rnnt" and "biasing" not in base.cfg and not hasattr(base, "bias_list")


def test_lists_act_on_the_ctc_branch_with_hits_and_times(model, audio, kind):
    plain = texts(model, audio, kind)
    found = transcribed(model, audio, kind, bias_list=["saoirse"], timestamps=True)
    assert any(one.hits for one in found)
    for one, unbiased in zip(found, plain, strict=True):
        assert " ".join(entry["word"] for entry in one.timestamp["word"]) == one.text
        assert (one.text != unbiased) == bool(one.hits)
    lists = [["saoirse"], None, ["new york"], []]
    mixed = texts(model, audio, kind, bias_lists=lists, batch_size=4)
    assert mixed[1] == plain[1] and mixed[3] == plain[3]
    assert "saoirse" in mixed[0] and "new york" in mixed[2]


def test_saved_and_restored_it_stays_what_it_is(model, audio, kind, tmp_path):
    torch.manual_seed(7)
    model.add_adapter("names", {"dim": 16, "heads": 2, "query_context": 3})
    for key, parameter in model.context.adapter_layer["names"].named_parameters():
        if "out.weight" in key:
            torch.nn.init.normal_(parameter, std=0.5)
    model.eval().set_bias_list(NAMES)
    expected = texts(model, audio, kind)
    assert any("adapter" in hit.parts for one in transcribed(model, audio, kind) for hit in one.hits)
    rnnt = {}
    for one in (model, None):
        if one is None:
            model.change_decoding_strategy(decoder_type="ctc", verbose=False)
            model.save_to(str(tmp_path / "hybrid.nemo"))
            one = ASRModel.restore_from(str(tmp_path / "hybrid.nemo"), map_location="cpu").eval()
            assert type(one) is type(model) and [p.text for p in one.bias_list] == NAMES
            assert one.cur_decoder == "ctc" and one.get_enabled_adapters() == ["names"]
            assert texts(one, audio, kind) == expected
        one.change_decoding_strategy(decoder_type="rnnt", verbose=False)
        rnnt[one is model] = texts(one, audio, kind)
    assert rnnt[True] == rnnt[False]


def test_manifests_bring_lists_and_nemos_scripts_choose_the_branch(model, kind, noise_wavs, tmp_path):
    from nemo.collections.asr.parts.submodules.ctc_decoding import CTCDecodingConfig

    rows = [{"audio_filepath": str(path), "duration": 2.0, "text": "", "lang": "en-US"} for path in noise_wavs[:2]]
    rows[0]["bias_list"] = ["okonkwo"]
    manifest = tmp_path / "manifest.json"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model.set_bias_list(["saoirse"])
    model.change_decoding_strategy(decoder_type="rnnt", verbose=False)
    model.change_decoding_strategy(CTCDecodingConfig(), decoder_type="ctc")  # as transcribe_speech.py decoder_type=ctc
    if kind == "prompts":
        found = model.transcribe(str(manifest), verbose=False, target_lang="en-US")
    else:
        config = model.get_transcribe_config()  # as that script calls it
        config.batch_size, config.verbose = 2, False
        found = model.transcribe(str(manifest), override_config=config)
    assert "okonkwo" in found[0].text and "saoirse" in found[1].text


def test_where_no_list_acts_that_is_said(model, audio, kind, noise_wavs, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(logging, "warning", lambda message, *args, **kwargs: told.append(message))
    model.change_decoding_strategy(decoder_type="rnnt", verbose=False)
    with pytest.raises(SettingError, match="lists act on the CTC branch"):
        transcribed(model, audio[:1], kind, bias_list=["saoirse"])
    with pytest.raises(SettingError, match="lists act on the CTC branch"):
        transcribed(model, audio[:1], kind, bias_lists=[["saoirse"]])
    assert not any("CTC branch" in message for message in told)
    model.set_bias_list(["saoirse"])
    assert model.cur_decoder == "rnnt" and sum("CTC branch" in message for message in told) == 1
    manifest = tmp_path / "manifest.json"
    row = {"audio_filepath": str(noise_wavs[0]), "duration": 2.0, "text": "", "bias_list": ["okonkwo"]}
    manifest.write_text(json.dumps({**row, "lang": "en-US"}) + "\n")
    model.transcribe(str(manifest), verbose=False, **({"target_lang": "en-US"} if kind == "prompts" else {}))
    assert sum("'bias_list'" in message for message in told) == 1
    model.change_decoding_strategy(decoder_type="ctc", verbose=False)
    assert "saoirse" in texts(model, audio[:1], kind)[0]


def test_hotwords_and_an_error(model, audio, kind, monkeypatch):
    config = copy.deepcopy(model.cfg.aux_ctc.decoding)
    config.strategy = "pyctcdecode"
    config.beam.pyctcdecode_cfg.hotwords = ["saoirse"]
    model.change_decoding_strategy(config, decoder_type="ctc", verbose=False)
    expected = texts(model, audio, kind, timestamps=True)
    assert "saoirse" in expected[0] and model.cfg.aux_ctc.decoding.strategy == "pyctcdecode"
    before = copy.deepcopy(model.cfg)

    def fail(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(type(model.encoder), "forward", fail)
        with pytest.raises(KeyboardInterrupt):
            transcribed(model, audio, kind, timestamps=False)
    assert model.cfg == before
    assert texts(model, audio, kind, timestamps=True) == expected


def test_predict_step_takes_the_lists_of_the_manifest(model, audio, kind, batch):
    if kind == "prompts" and nemo.__version__ < "3":
        pytest.skip("older NeMo wants another prompt")
    model.set_bias_list(["saoirse"])
    samples = torch.arange(len(audio))
    extra = torch.zeros(len(audio), dtype=torch.long) if kind == "prompts" else samples
    if kind != "prompts":
        model.predicted = None, {1: BiasList(["okonkwo"])}
    inputs = (batch["input_signal"], batch["input_signal_length"], None, None, extra)
    with torch.inference_mode():
        found = dict(model.predict_step(inputs, 0))
    assert "saoirse" in found[0].text and ("okonkwo" in found[1].text) == (kind != "prompts")
    model.change_decoding_strategy(decoder_type="rnnt", verbose=False)
    with torch.inference_mode():
        assert "saoirse" not in dict(model.predict_step(inputs, 0))[0].text


def test_adapters_are_trained_and_speech_is_evaluated_on_the_ctc_branch(model, audio, kind, batch, noise_wavs):
    from nemo_ctcbias.evaluation import logprobs

    if kind == "prompts":
        pytest.skip("its encoder wants a prompt with each recording")
    model.add_adapter("names", {"dim": 16, "heads": 2, "query_context": 3})
    model.freeze()
    model.unfreeze_enabled_adapters()
    model.train()
    listed = model.lists.of(BiasList(["saoirse"])).tokens
    encoded, _, log_probs = model.trained_on([listed] * len(audio), **batch)
    targets, lengths = torch.ones((len(audio), 3), dtype=torch.long), torch.full((len(audio),), 3)
    targets[:, 1] = 2
    loss = model.ctc_criterion(
        log_probs=log_probs, targets=targets, input_lengths=encoded.lengths, target_lengths=lengths
    )
    loss.backward()
    learned = {name for name, one in model.named_parameters() if one.grad is not None}
    assert learned and all("adapter_layer" in name for name in learned)
    rows = [{"id": str(at), "audio_filepath": str(path), "text": "a"} for at, path in enumerate(noise_wavs[:2])]
    items, skipped = logprobs.encode(model.eval(), rows, progress=False)
    assert skipped == [] and [item.log_probs.shape[1] for item in items] == [log_probs.shape[2]] * 2
    with torch.inference_mode():
        alone = model.encode(input_signal=audio[0][None], input_signal_length=torch.tensor([len(audio[0])])).log_probs[
            0
        ]
    assert torch.allclose(torch.from_numpy(items[0].log_probs), alone[: len(items[0].log_probs)], atol=1e-4)


def test_checkpoints_may_name_every_kind_of_ours():
    from nemo_ctcbias.nemo.ctc_models import BIASED
    from nemo_ctcbias.nemo.registration import TARGETS

    assert {f"{kind.__module__}.{kind.__qualname__}" for kind in BIASED.values()} <= set(TARGETS)
