"""Copies of a model: in this process, through pickle, in processes of other kinds, in half precision, on new tokens."""

import copy
import multiprocessing
import pickle

import pytest
import torch

from nemo_ctcbias import from_ctc

NAMES = ["saoirse", "new york"]


def adapted(model):
    """With an adapter as if it were trained."""
    torch.manual_seed(7)
    model.add_adapter("names", {"dim": 16, "heads": 2, "query_context": 3})
    for key, parameter in model.context.adapter_layer["names"].named_parameters():
        if "out.weight" in key:
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture(params=["BPE", "characters", "hybrid"])
def model(request, base_nemo, char_nemo, hybrids, eager):
    source = {"BPE": base_nemo, "characters": char_nemo, "hybrid": None}[request.param]
    model = from_ctc(hybrids("TDT") if source is None else source).eval()
    model.set_biasing(**eager)
    model.set_bias_list(NAMES)
    return adapted(model)


def transcribed(model, audio, **options):
    """Texts and hits of two recordings; also what another process is asked for."""
    found = model.transcribe([one.numpy() for one in audio[:2]], verbose=False, **options)
    return [(one.text, [(hit.phrase, hit.start) for hit in getattr(one, "hits", [])]) for one in found]


def test_copies_are_models_of_their_own(model, audio, tmp_path):
    expected = transcribed(model, audio, timestamps=True)
    assert any(hits for _, hits in expected)
    packed = pickle.dumps(model)
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        assert pool.apply(transcribed, (model, audio), {"timestamps": True}) == expected
    for copied in (copy.deepcopy(model), pickle.loads(packed)):
        assert type(copied) is type(model) and not copied.training and copied.get_enabled_adapters() == ["names"]
        assert transcribed(copied, audio, timestamps=True) == expected
        for one, other in zip(copied.parameters(), model.parameters(), strict=True):
            assert torch.equal(one, other) and one.data_ptr() != other.data_ptr()
        copied.set_bias_list(["okonkwo"])
        copied.save_to(str(tmp_path / "copied.nemo"))
        again = type(model).restore_from(str(tmp_path / "copied.nemo"), map_location="cpu").eval()
        assert transcribed(again, audio) == transcribed(copied, audio) != transcribed(model, audio)
    assert [phrase.text for phrase in model.bias_list] == NAMES


def test_copies_keep_mode_types_and_what_is_frozen(base_nemo):
    model = adapted(from_ctc(base_nemo)).train()
    model.encoder.freeze()
    model.decoder.to(torch.bfloat16)
    copied = pickle.loads(pickle.dumps(model))
    assert copied.training and not copied.encoder.training
    for (name, one), (_, other) in zip(model.named_parameters(), copied.named_parameters(), strict=True):
        assert one.dtype == other.dtype and one.requires_grad == other.requires_grad, name
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_hears_the_same(model, audio, dtype):
    """The weights are rounded, and the log-probs with them; what the list does with these is the same."""
    for adapter in (True, False):
        model.set_biasing(adapter=adapter)
        single = transcribed(model, audio)
        half = copy.deepcopy(model).to(dtype)
        assert {parameter.dtype for parameter in half.parameters()} == {dtype}
        found = transcribed(half, audio, timestamps=True)
        assert [len(hits) > 0 for _, hits in found] == [len(hits) > 0 for _, hits in single]
        plain = half.transcribe([audio[0].numpy()], verbose=False, bias_list=None)[0]
        assert plain.text and not getattr(plain, "hits", [])


@pytest.fixture
def other_tokenizer(tmp_path):
    from nemo.collections.common.tokenizers.sentencepiece_tokenizer import create_spt_model

    text = tmp_path / "text.txt"
    text.write_text("zelenskyy met ngozi adichie in new york\n" * 20)
    create_spt_model(str(text), 30, -1, False, "unigram", str(tmp_path))
    return str(tmp_path)


def test_lists_follow_a_new_vocabulary(model, audio, other_tokenizer, tmp_path, monkeypatch):
    from nemo.utils import logging

    told = []
    monkeypatch.setattr(logging, "warning", lambda message, *args, **kwargs: told.append(message))
    model.set_bias_list(["ngozi", "new york"])
    before = model.lists.of(model.bias_list).search
    if hasattr(model, "tokenizer"):
        model.change_vocabulary(other_tokenizer, "bpe")
        size = model.tokenizer.vocab_size
    else:
        letters = [" ", *"egnoizywrk"]
        model.change_vocabulary(letters)
        size = len(letters)
    assert model.lists.sources.vocabulary.size == size
    assert before is not model.lists.of(model.bias_list).search
    assert sum("names" in message for message in told) == 1 and not model.context.get_enabled_adapters()
    found = transcribed(model.eval(), audio, timestamps=True)
    assert any(hits for _, hits in found)
    model.save_to(str(tmp_path / "new.nemo"))
    again = type(model).restore_from(str(tmp_path / "new.nemo"), map_location="cpu").eval()
    assert transcribed(again, audio, timestamps=True) == found
    adapted(again)
    assert transcribed(again, audio)
