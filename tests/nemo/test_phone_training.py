"""The targets and the loss of phone head training, on a tiny random model."""

import pytest
import torch

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import ModelError
from nemo_ctcbias.phones import Lexicon, Pronouncer
from nemo_ctcbias.phones.phones import PHONE_IDS
from nemo_ctcbias.training.phone_training import PhoneHeadTraining

LEXICON = Lexicon({"the": ["DH AH", "DH IY"], "cat": ["K AE T"]})


@pytest.fixture
def module(base_nemo):
    torch.manual_seed(0)
    model = from_ctc(base_nemo)
    model.add_phone_head({"hidden": 8})
    module = PhoneHeadTraining(model, Pronouncer(lexicon=LEXICON))
    module.log = lambda *args, **kwargs: None
    return module


def batch_of(model, *texts):
    tokens = [torch.tensor(model.tokenizer.text_to_ids(text)) for text in texts]
    audio = torch.randn(len(texts), 32000)
    lengths = torch.tensor([32000] * len(texts))
    padded = torch.nn.utils.rnn.pad_sequence(tokens, batch_first=True)
    return audio, lengths, padded, torch.tensor([len(one) for one in tokens])


def test_targets_are_the_usual_pronunciations_and_g2ps_for_other_words(module):
    assert module.target("the cat") == [PHONE_IDS[phone] for phone in "DH AH K AE T".split()]
    assert len(module.target("the okonkwo")) > 6
    assert module.target("the 4 cats") is None
    assert module.slots("the")[0][1] == ("DH", "IY")


def test_the_head_learns_and_nothing_else_changes(module):
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    batch = batch_of(module.model, "the quick brown fox", "the lazy dog")
    assert not module.model.encoder.training and module.model.phone_head.training
    optimizer = torch.optim.AdamW([p for p in module.parameters() if p.requires_grad], lr=1e-2)
    losses = []
    for step in range(8):
        loss = module.training_step(batch, step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    changed = {name for name, value in module.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("phone_head.") for name in changed)


def test_utterances_that_cannot_be_pronounced_are_left_out(module, monkeypatch):
    module.eval()
    texts = iter([["the cat", "the 4 cats"], ["the cat"], ["the 4 cats"]])
    monkeypatch.setattr(module, "_texts", lambda batch: next(texts))
    torch.manual_seed(1)
    both = batch_of(module.model, "the quick", "the lazy")
    one = tuple(tensor[:1] for tensor in both)
    torch.testing.assert_close(module.training_step(both, 0), module.training_step(one, 0), atol=1e-4, rtol=1e-4)
    nothing = module.training_step(one, 0)
    assert nothing.item() == 0 and nothing.requires_grad


def test_validation_counts_the_nearest_pronunciation(module, monkeypatch):
    module.eval().on_validation_epoch_start()
    batch = batch_of(module.model, "the quick", "the lazy dog")
    module.validation_step(batch, 0)
    assert module.validation.words == 5 and module.validation.rate > 0
    logged = {}
    monkeypatch.setattr(module, "log", lambda name, value, **kwargs: logged.update({name: value}))
    module.on_validation_epoch_end()
    assert logged["val_per"] == 100 * module.validation.rate


def test_a_model_without_a_head(base_nemo):
    with pytest.raises(ModelError, match="no phone head to train"):
        PhoneHeadTraining(from_ctc(base_nemo), Pronouncer())
