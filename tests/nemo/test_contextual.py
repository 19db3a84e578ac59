from dataclasses import replace

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf, open_dict

from nemo_ctcbias import BiasedEncDecCTCModelBPE, Phrase, from_ctc
from nemo_ctcbias.adapter import ContextualAdapterConfig
from nemo_ctcbias.adapter.possessives import keep_possessives
from nemo_ctcbias.bias_list import BiasList
from nemo_ctcbias.errors import BiasListError, ModelError, SettingError
from nemo_ctcbias.search.beam_search import NEARBY

SMALL = {"dim": 16, "heads": 2, "query_context": 3}
NAMES = ["saoirse", "new york", "okonkwo"]


def add_trained(model, name="names", **config):
    """An adapter whose output projections are not zero, as if trained."""
    model.set_phonetics(parts=[])  # noise sounds like none of the names
    torch.manual_seed(7)
    model.add_adapter(name, {**SMALL, **config})
    for key, parameter in model.context.adapter_layer[name].named_parameters():
        if "out.weight" in key or "no_bias" in key:
            torch.nn.init.normal_(parameter, std=0.5)
    return model.eval()


@pytest.fixture
def model(base_nemo):
    model = from_ctc(base_nemo).eval()
    model.set_phonetics(parts=[])  # noise sounds like none of the names
    return model


@torch.inference_mode()
def log_probs(model, batch):
    return model(**batch)[0]


def test_untrained_disabled_or_without_a_list_the_log_probs_are_the_base_models(model, batch):
    base = log_probs(model, batch)
    model.add_adapter("fresh", ContextualAdapterConfig(**SMALL))
    model.eval().set_bias_list(NAMES)
    assert torch.equal(log_probs(model, batch), base)
    add_trained(model)
    assert not torch.equal(log_probs(model, batch), base)
    model.set_bias_list(None)
    assert torch.equal(log_probs(model, batch), base)
    model.set_bias_list(NAMES)
    model.set_enabled_adapters("names", enabled=False)
    assert torch.equal(log_probs(model, batch), base)
    model.set_enabled_adapters("names", enabled=True)
    model.set_bias_weight(0)
    assert torch.equal(log_probs(model, batch), base)


def test_no_adapter_takes_the_apostrophe_of_a_possessive_away(char_nemo, batch):
    model = from_ctc(char_nemo).eval()
    base = log_probs(model, batch)
    add_trained(model).set_bias_list(NAMES)
    changed, apostrophe = log_probs(model, batch), model.lists.sources.vocabulary.piece_ids["'"]
    with torch.inference_mode():
        encoded, listed = model.encode(**batch), model.lists.of(model.bias_list)
        by_adapters = model._decoded(model.context.change(encoded, [listed.tokens] * len(base)))
        by_adapters = torch.where(encoded.heard_nearby(NEARBY)[..., None], by_adapters, base)
    assert (by_adapters < base)[..., apostrophe].any(), "they would lower it"
    assert torch.equal(changed[..., apostrophe], torch.maximum(by_adapters, base)[..., apostrophe])
    ids = model.lists.sources.vocabulary.piece_ids
    others = torch.tensor([token not in (apostrophe, ids["s"]) for token in range(base.shape[-1])])
    assert torch.equal(changed[..., others], by_adapters[..., others])
    marks, rests = (torch.tensor([token]) for token in (apostrophe, ids["s"]))
    assert torch.equal(changed, keep_possessives(by_adapters, base, marks, rests))


def test_adapters_are_silent_where_nothing_is_heard(model, batch):
    """Hiss leaves every token some probability, and what raises names would find one there."""
    add_trained(model)
    with torch.inference_mode():
        encoded, listed = model.encode(**batch), model.lists.of(BiasList(NAMES))
        hiss = encoded.log_probs.clone()
        hiss[..., -1] = 1.0  # likelier than any token
        hiss[1, 30, 5] = 2.0
        found = model.adapting(replace(encoded, log_probs=hiss))([listed] * len(hiss), [None] * len(hiss), 1.0)
    lengths = encoded.lengths.tolist()
    assert lengths[1] > 30 + 1 and 30 - NEARBY > 0
    for row, changed in enumerate(found):
        same = (torch.from_numpy(changed) == hiss[row, : lengths[row]]).all(dim=1)
        assert same.tolist() == [row != 1 or abs(frame - 30) > NEARBY for frame in range(lengths[row])]


def test_phrases_that_cannot_act_change_nothing(model, batch):
    base = log_probs(model, batch)
    add_trained(model)
    model.set_bias_list([{"text": "saoirse", "weight": 0}, {"text": "okonkwo", "weight": -1}, "…"])
    assert torch.equal(log_probs(model, batch), base)


def test_the_order_of_the_list_does_not_matter(model, batch):
    add_trained(model).set_bias_list(NAMES)
    one = log_probs(model, batch)
    model.set_bias_list(NAMES[::-1])
    assert torch.equal(log_probs(model, batch), one)


def test_the_batch_does_not_matter(model, batch, audio):
    add_trained(model).set_bias_list(NAMES)
    together = log_probs(model, batch)
    for row, one in enumerate(audio):
        alone = log_probs(model, {"input_signal": one[None], "input_signal_length": torch.tensor([len(one)])})[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=2e-4, rtol=1e-4)


def test_each_utterance_has_its_own_list(model, batch, noise_wavs):
    add_trained(model)
    model.set_biasing(boost={"enabled": False})
    lists = [NAMES, [], ["okonkwo"], None]
    files = [str(path) for path in noise_wavs]
    options = {"verbose": False, "return_hypotheses": True}
    together = model.transcribe(files, bias_lists=lists, batch_size=4, **options)
    for file, one, hypothesis in zip(files, lists, together, strict=True):
        alone = model.transcribe([file], bias_list=one, **options)[0]
        assert hypothesis.text == alone.text
    plain = model.transcribe(files, **options)
    assert together[1].text == plain[1].text
    assert not torch.equal(together[0].y_sequence, plain[0].y_sequence)


def test_phrases_that_are_not_heard_are_as_good_as_not_listed(model, batch):
    context, tokens = add_trained(model).context, model.lists.of(BiasList(NAMES)).tokens
    heard = [np.array(one) for one in ([1.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0])]
    lists = [BiasList(one) for one in (["saoirse"], [Phrase("okonkwo", weight=2.0)], [], NAMES)]
    with torch.inference_mode():
        encoded = model.encode(**batch)
        found = context.change(encoded, [*(tokens.heard(one) for one in heard), tokens]).output
        anew = context.change(encoded, [model.lists.of(one).tokens for one in lists]).output
        torch.testing.assert_close(found, anew, atol=1e-5, rtol=1e-5)
        assert not torch.equal(found[0], encoded.output[0])
        assert torch.equal(found[2], encoded.output[2]), "nothing heard, nothing changed"
        assert context.change(encoded, [tokens.heard(heard[2])] * 4).output is encoded.output


def test_the_weight_of_the_list_scales_the_adapter_too(model, batch):
    base = log_probs(model, batch)
    add_trained(model).set_bias_list(NAMES)
    with torch.inference_mode():
        encoded, tokens = model.encode(**batch), [model.lists.of(BiasList(NAMES)).tokens] * 4
        for weight in (5.0, 10.0, 20.0):
            model.set_bias_weight(weight)
            changed = model.context.change(encoded, tokens, strength=weight / 10).output
            torch.testing.assert_close(log_probs(model, batch), model.decoder(encoder_output=changed))
            assert not torch.equal(log_probs(model, batch), base)
    model.set_biasing(adapter=False)
    assert torch.equal(log_probs(model, batch), base)


def test_embeddings_are_computed_once_a_list(model, batch, monkeypatch):
    adapter = add_trained(model).context.adapter_layer["names"]
    calls = []
    embed = adapter.embed
    monkeypatch.setattr(adapter, "embed", lambda listed: calls.append(1) or embed(listed))
    model.set_bias_list(NAMES)
    first = log_probs(model, batch)
    assert torch.equal(log_probs(model, batch), first)
    assert len(calls) == 1
    with torch.no_grad():
        adapter.encoder.embedding.weight.add_(1.0)
    assert not torch.equal(log_probs(model, batch), first)
    assert len(calls) == 2


def test_what_was_cached_in_transcription_can_be_trained_on(model, batch, noise_wavs):
    add_trained(model).set_bias_list(NAMES)
    model.transcribe([str(noise_wavs[0])], verbose=False)
    model(**batch)[0].sum().backward()
    assert model.context.adapter_layer["names"].phrase_out.weight.grad is not None


def test_only_the_adapter_trains(model, batch):
    add_trained(model).set_bias_list(NAMES)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.freeze()
    model.unfreeze_enabled_adapters()
    model.train()
    assert model.training and not model.encoder.training and not model.decoder.training
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        model(**batch)[0].square().mean().backward()
        optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and all(name.startswith("context.adapter_layer.names.") for name in changed)


def test_two_adapters_act_one_after_the_other(model, batch):
    add_trained(model, "contacts").set_bias_list(NAMES)
    one = log_probs(model, batch)
    add_trained(model, "places")
    both = log_probs(model, batch)
    assert not torch.equal(both, one)
    model.set_enabled_adapters("places", enabled=False)
    assert torch.equal(log_probs(model, batch), one)
    assert model.get_enabled_adapters() == ["contacts"]


def test_save_and_load_adapters(model, base_nemo, batch, tmp_path):
    add_trained(model).set_bias_list(NAMES)
    file = tmp_path / "names.pt"
    model.save_adapters(str(file))
    assert torch.load(file, weights_only=True)["__cfg__"]["names"]["dim"] == 16
    other = from_ctc(base_nemo)
    other.set_phonetics(parts=[])
    other.load_adapters(str(file))
    other.eval().set_bias_list(NAMES)
    assert torch.equal(log_probs(other, batch), log_probs(model, batch))


def test_nemo_round_trip(model, batch, tmp_path):
    from nemo.collections.asr.models import ASRModel

    add_trained(model).set_bias_list(NAMES)
    file = tmp_path / "biased.nemo"
    model.save_to(str(file))
    for kind in (ASRModel, BiasedEncDecCTCModelBPE):
        restored = kind.restore_from(str(file), map_location="cpu").eval()
        assert torch.equal(log_probs(restored, batch), log_probs(model, batch))


def test_the_original_of_a_live_model_stays_as_it_is(base_nemo, batch):
    from nemo.collections.asr.models import ASRModel

    base = ASRModel.restore_from(str(base_nemo), map_location="cpu").eval()
    before = log_probs(base, batch)
    biased = add_trained(from_ctc(base))
    biased.set_bias_list(NAMES)
    assert not torch.equal(log_probs(biased, batch), before)
    assert torch.equal(log_probs(base, batch), before)
    assert "context" not in dict(base.named_children())


def test_nemos_own_encoder_adapters_beside_ours(base_nemo, batch):
    from nemo.collections.asr.models import ASRModel
    from nemo.collections.common.parts.adapter_modules import LinearAdapterConfig

    config = ASRModel.restore_from(str(base_nemo), return_config=True)
    with open_dict(config):
        config.encoder._target_ = "nemo.collections.asr.modules.conformer_encoder.ConformerEncoderAdapter"
    stock = ASRModel.restore_from(str(base_nemo), override_config_path=config, map_location="cpu")
    model = add_trained(from_ctc(stock))
    model.add_adapter("encoder:tuned", LinearAdapterConfig(in_features=16, dim=4))
    model.eval().set_bias_list(NAMES)
    assert model.get_enabled_adapters() == ["names", "tuned"]
    both = log_probs(model, batch)
    torch.nn.init.normal_(model.encoder.layers[0].adapter_layer["tuned"].module[-1].weight)
    assert not torch.equal(log_probs(model, batch), both)


@pytest.mark.parametrize("kind", ["local attention", "convolutional"])
def test_other_encoders(kind, base_nemo, tokenizer_dir, tiny_config, batch):
    from nemo.collections.asr.models import ASRModel

    if kind == "convolutional":
        from nemo.collections.asr.models import EncDecCTCModelBPE

        block = {"repeat": 1, "kernel": [5], "dilation": [1], "dropout": 0.0, "residual": False, "separable": True}
        encoder = {
            "_target_": "nemo.collections.asr.modules.ConvASREncoder",
            "feat_in": 80,
            "activation": "relu",
            "conv_mask": True,
            "jasper": [{**block, "filters": 12, "stride": [4]}, {**block, "filters": 20, "stride": [2]}],
        }
        config = tiny_config(tokenizer={"dir": str(tokenizer_dir), "type": "bpe"})
        config.encoder = encoder
        config.decoder.feat_in = 20
        stock = EncDecCTCModelBPE(cfg=config).eval()
    else:
        stock = ASRModel.restore_from(str(base_nemo), map_location="cpu").eval()
        stock.change_attention_model("rel_pos_local_attn", [8, 8])
    model = from_ctc(stock).eval()
    base = log_probs(model, batch)
    add_trained(model, query_layers=[0, 1]).set_bias_list(NAMES)
    changed = log_probs(model, batch)
    assert changed.shape == base.shape and not torch.equal(changed, base)
    model.set_bias_list(None)
    assert torch.equal(log_probs(model, batch), base)


def test_character_models(char_nemo, batch):
    model = from_ctc(char_nemo).eval()
    base = log_probs(model, batch)
    add_trained(model).set_bias_list(NAMES)
    assert not torch.equal(log_probs(model, batch), base)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"query_layers": [2]}, "no layer 2; the encoder has 2, 0 to 1"),
        ({"layers": [0]}, "its fields are query_layers"),
        ({"heads": 5}, "do not divide"),
    ],
)
def test_bad_configs_stop_before_anything_is_added(model, config, words):
    with pytest.raises(SettingError, match=words):
        model.add_adapter("names", config)
    assert not model.context.is_adapter_available() and "names" not in model.cfg.get("adapters", {})
    add_trained(model)  # the name is still free


@pytest.mark.parametrize("name", ["encoder", "query", "my names", "names2"])
def test_names_that_nemo_would_confuse(model, name):
    add_trained(model)
    with pytest.raises(SettingError, match="cannot be used"):
        model.add_adapter(name, SMALL)


def test_adapters_of_other_models(model, char_nemo, tmp_path):
    file = tmp_path / "names.pt"
    add_trained(model).save_adapters(str(file))
    with pytest.raises(ModelError, match=r"names\.pt: adapter 'names' was made for the vocabulary"):
        from_ctc(char_nemo).load_adapters(str(file))


def test_files_that_are_no_adapters(model, base_nemo, tmp_path):
    with pytest.raises(ModelError, match="no such adapter file"):
        model.load_adapters(str(tmp_path / "none.pt"))
    with pytest.raises(ModelError, match="no adapter file"):
        model.load_adapters(str(base_nemo))
    file = tmp_path / "names.pt"
    add_trained(model).save_adapters(str(file))
    with pytest.raises(ModelError, match="no adapter 'places' in it; it has names"):
        from_ctc(base_nemo).load_adapters(str(file), "places")


def test_lists_that_are_too_long(model, batch):
    add_trained(model, max_phrases=2).set_bias_list(NAMES)
    with pytest.raises(BiasListError, match="3 phrases, adapter 'names' takes at most 2"):
        log_probs(model, batch)
    model.set_bias_list([{"text": "saoirse", "spoken": ["seersha", "sorcha"]}, "okonkwo"])
    log_probs(model, batch)  # spellings of a phrase are not counted


def test_long_lists_in_small_memory(model, batch):
    words = [f"{a}{b}{c}" for a in "aeioustrn" for b in "lmnrstuvaeio" for c in "aeioumnst"]
    add_trained(model, preselect=50).set_bias_list(words)
    assert torch.isfinite(log_probs(model, batch)).all()


def test_types_of_phrases_reach_the_adapter(model, batch):
    add_trained(model, types=["people", "places"])
    found = []
    for kind in ("people", "places", None):
        model.set_bias_list([{"text": name, **({"type": kind} if kind else {})} for name in NAMES])
        found.append(log_probs(model, batch))
    assert not any(torch.equal(found[i], found[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_what_is_kept_of_lists_is_bounded_in_bytes(model, batch):
    add_trained(model)
    model.lists.most_bytes = 1
    for names in (NAMES, ["saoirse", "fremont", "siprot"], [], ["jam"], NAMES):
        model.set_bias_list(names)
        log_probs(model, batch)
        assert len(model.lists) <= 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_on_the_cpu(model, batch, dtype):
    add_trained(model).set_bias_list(NAMES)
    with torch.autocast("cpu", dtype):
        half = log_probs(model, batch)
    full = log_probs(model, batch)
    assert torch.isfinite(half.float()).all()
    assert (half.float().softmax(-1) - full.softmax(-1)).abs().max() < 0.1


def test_config_of_a_saved_model_is_plain(model):
    add_trained(model)
    assert OmegaConf.to_container(model.cfg.adapters)["names"]["base"]["layers"] == 2
