"""Adapters and phone heads belong to the weights they were trained with, whatever their precision."""

import pytest
import torch

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.nemo.fingerprint import check_fingerprint, fingerprint


@pytest.fixture
def model(base_nemo):
    return from_ctc(base_nemo).eval()


@pytest.fixture
def files(model, tmp_path):
    """An adapter and a phone head of the model."""
    model.add_adapter("names", {"dim": 16, "heads": 2})
    model.save_adapters(str(tmp_path / "names.pt"))
    model.add_phone_head()
    model.save_phone_head(tmp_path / "head.pt")
    return tmp_path / "names.pt", tmp_path / "head.pt"


def changed(model, share):
    """Every weight moved by noise of a share of its matrix's spread."""
    torch.manual_seed(1)
    with torch.no_grad():
        for weight in (*model.encoder.parameters(), *model.decoder.parameters()):
            weight.add_(torch.randn_like(weight) * share * weight.square().mean().sqrt())
    return model


def test_other_weights_of_the_same_shape_are_refused_unless_asked_for(files, base_nemo):
    adapter, head = files
    other = changed(from_ctc(base_nemo).eval(), 0.03)
    with pytest.raises(ModelError, match=r"names.pt: adapter 'names' was trained with other weights .*other_base=True"):
        other.load_adapters(str(adapter))
    assert not other.get_enabled_adapters()
    with pytest.raises(ModelError, match=r"head.pt: the phone head was trained with other weights"):
        other.load_phone_head(head)
    assert not other.has_phone_head
    other.load_adapters(str(adapter), other_base=True)
    other.load_phone_head(head, other_base=True)
    assert other.get_enabled_adapters() == ["names"] and other.has_phone_head
    same = from_ctc(base_nemo).eval()
    same.load_adapters(str(adapter))
    same.load_phone_head(head)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_precision_is_no_other_training(model, files, kind):
    stored = fingerprint(model)
    check_fingerprint(model.to(kind), stored, "it")
    assert len(stored) < 200
    check_fingerprint(model, None, "a file of before")


def test_an_adapter_that_is_saved_again_belongs_to_where_it_is(files, base_nemo, tmp_path):
    other = changed(from_ctc(base_nemo).eval(), 0.03)
    other.load_adapters(str(files[0]), other_base=True)
    other.save_adapters(str(tmp_path / "again.pt"))
    third = changed(from_ctc(base_nemo).eval(), 0.03)
    third.load_adapters(str(tmp_path / "again.pt"))


def test_a_whole_model_is_restored_without_a_question(model, files, tmp_path):
    changed(model, 0.1).save_to(str(tmp_path / "model.nemo"))
    assert from_ctc(tmp_path / "model.nemo").get_enabled_adapters() == ["names"]
