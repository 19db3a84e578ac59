"""A phone head on a model: added, saved, loaded, heard; and what decoding makes of it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nemo_ctcbias import BiasedEncDecCTCModelBPE, ContextualAdapterConfig, from_ctc, load_biased
from nemo_ctcbias.errors import ModelError, PhoneticsError, SettingError
from nemo_ctcbias.phones.phone_head import PhoneHeadConfig
from nemo_ctcbias.phones.phones import BLANK
from nemo_ctcbias.recognizer import ADAPTER_ALONE

SMALL = {"hidden": 8, "context": 3}
NAMES = ["saoirse", "new york", "okonkwo"]
ALL_OFF = {"parts": []}


@pytest.fixture
def model(base_nemo):
    return from_ctc(base_nemo).eval()


def with_head(model, **config):
    torch.manual_seed(3)
    model.add_phone_head({**SMALL, **config})
    return model.eval()


@torch.inference_mode()
def phones(model, batch):
    return model.phone_log_probs(**batch)[0]


def transcribed(model, audio, **settings):
    files = [one.numpy() for one in audio]
    return model.transcribe(files, verbose=False, return_hypotheses=True, batch_size=4, **settings)


def test_phone_frames_are_twice_the_encoders_and_probabilities(model, batch):
    log_probs, lengths = with_head(model).phone_log_probs(**batch)
    frames = model(**batch)[1]
    assert log_probs.shape[2:] == (2, BLANK + 1) and torch.equal(lengths, 2 * frames)
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(log_probs.shape[:3]))
    assert not torch.equal(log_probs[:, :, 0], log_probs[:, :, 1]), "each head reads a layer of its own"


def test_the_batch_does_not_matter(model, batch, audio):
    together = phones(with_head(model), batch)
    for row, one in enumerate(audio):
        alone = phones(model, {"input_signal": one[None], "input_signal_length": torch.tensor([len(one)])})[0]
        torch.testing.assert_close(together[row, : len(alone)], alone, atol=2e-4, rtol=1e-4)


def test_layers_are_those_chosen(model, batch):
    assert with_head(model).phone_head.config.layers == [0, 1]
    assert with_head(model, layers=[1, -2, 0]).phone_head.config.layers == [0, 1]
    assert with_head(model, layers=[-2]).phone_head.config.layers == [0]
    assert phones(model, batch).shape[2:] == (1, BLANK + 1)
    before = phones(model, batch)
    with torch.no_grad():
        model.encoder.layers[1].norm_out.weight.mul_(3.0)
    assert torch.equal(phones(model, batch), before)
    with torch.no_grad():
        model.encoder.layers[0].norm_out.weight.mul_(torch.linspace(0.1, 3.0, 16))
    assert not torch.equal(phones(model, batch), before)
    assert not model.encoder.layers[0]._forward_hooks


def test_nemo_round_trip(model, batch, tmp_path):
    from nemo.collections.asr.models import ASRModel

    lexicon = tmp_path / "words.dict"
    lexicon.write_text("the DH AH0\n")
    with_head(model).set_phonetics(variants=3, lexicon=str(lexicon), rescoring_weight=0.5)
    model.set_phonetics(detection_threshold=4)
    model.save_to(str(tmp_path / "model.nemo"))
    lexicon.unlink()
    for kind in (ASRModel, BiasedEncDecCTCModelBPE):
        restored = kind.restore_from(str(tmp_path / "model.nemo"), map_location="cpu").eval()
        assert torch.equal(phones(restored, batch), phones(model, batch))
        assert (restored.settings.phonetics.rescoring_weight, restored.settings.phonetics.detection_threshold) == (
            0.5,
            4,
        )
    restored.save_to(str(tmp_path / "again.nemo"))
    assert from_ctc(tmp_path / "again.nemo").check_bias_list(["agent •"])


def test_a_head_travels_alone(model, base_nemo, batch, tmp_path):
    file = tmp_path / "head.pt"
    with_head(model).save_phone_head(file)
    other = from_ctc(base_nemo).eval()
    assert not other.has_phone_head
    other.load_phone_head(file)
    assert torch.equal(phones(other, batch), phones(model, batch))
    assert file.stat().st_size < 100_000


def test_the_original_of_a_live_model_stays_as_it_is(base_nemo):
    from nemo.collections.asr.models import ASRModel

    base = ASRModel.restore_from(str(base_nemo), map_location="cpu")
    keys = list(base.state_dict())
    with_head(from_ctc(base))
    assert list(base.state_dict()) == keys and "phone_head" not in base.cfg


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": {"width": 17, "layers": 2}}, "layers of width 17, those of this encoder have 16"),
        ({"base": {"width": 16, "layers": 9}}, "an encoder with 9 layers, this one has 2"),
        ({"phones": ["AA", "XX"]}, "phone inventory is not the 39 phones"),
        ({"hidden": 9}, "weights do not fit"),
    ],
)
def test_heads_that_do_not_fit(change, words, model, tmp_path):
    file = tmp_path / "head.pt"
    with_head(model).save_phone_head(file)
    stored = torch.load(file, weights_only=True)
    stored["config"].update(change)
    torch.save(stored, file)
    with pytest.raises(ModelError, match=rf"head\.pt: .*{words}"):
        model.load_phone_head(file)


def test_without_its_head_a_model_hears_by_its_spelling(base_nemo, noise_wavs, tmp_path):
    plain, path = from_ctc(base_nemo), tmp_path / "with.nemo"
    model = with_head(from_ctc(base_nemo))
    model.save_to(str(path))
    model.save_phone_head(tmp_path / "head.pt")
    loaded = load_biased(path, phone_head="none", bias_list=["saoirse", "zelenskyy"], device="cpu")
    assert not loaded.has_phone_head and "phone_head" not in loaded.cfg and not loaded.layers_read()
    assert loaded.settings == plain.settings and loaded.settings.wants("detection")
    assert loaded.asks_how_words_sound(loaded.settings)
    wavs = [str(path) for path in noise_wavs]
    plain.set_bias_list(["saoirse", "zelenskyy"])
    ours, theirs = (one.eval().transcribe(wavs, verbose=False, return_hypotheses=True) for one in (loaded, plain))
    assert [(one.text, one.score) for one in ours] == [(one.text, one.score) for one in theirs]
    loaded.load_phone_head(tmp_path / "head.pt")
    assert loaded.has_phone_head, "another one is taken"
    plain.remove_phone_head()  # nothing to remove, nothing happens


def test_files_that_are_no_heads(model, base_nemo, tmp_path):
    with pytest.raises(ModelError, match="no such phone head"):
        model.load_phone_head(tmp_path / "none.pt")
    with pytest.raises(ModelError, match="no phone head file"):
        model.load_phone_head(base_nemo)
    with pytest.raises(ModelError, match="no phone head to save"):
        model.save_phone_head(tmp_path / "head.pt")
    with pytest.raises(ModelError, match="has no phone head"):
        model.phone_log_probs()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"layers": [0, 2]}, "no layer 2; the encoder has 2, 0 to 1"),
        ({"layers": []}, "name at least one layer"),
        ({"layers": 1}, r"must be a list of whole numbers such as \[5, 6\], got 1"),
        ({"layers": [True]}, "must be a list of whole numbers"),
        ({"context": 4}, "must be odd"),
        ({"upsampling": 0}, "a whole number from 1"),
        ({"layer": 1}, "unknown field 'layer'; its fields are layers, upsampling"),
    ],
)
def test_bad_heads(config, words, model):
    with pytest.raises(SettingError, match=words):
        model.add_phone_head(config)
    assert not model.has_phone_head


def test_layers_are_of_one_width():
    assert PhoneHeadConfig.of({}, [8] * 9).layers == [5, 6] and PhoneHeadConfig.of({}, [8]).layers == [0]
    assert PhoneHeadConfig.of({}, [4, 4, 4, 8, 8]).layers == [3], "convolutional encoders widen"
    with pytest.raises(
        SettingError, match=r"phone_head\.layers: \[2, 3\] are \[4, 8\] wide; choose layers of one width"
    ):
        PhoneHeadConfig.of({"layers": [2, 3]}, [4, 4, 4, 8, 8])


def test_config_objects_are_taken(model):
    model.add_phone_head(PhoneHeadConfig(hidden=8))
    assert model.cfg.phone_head.base == {"width": 16, "layers": 2}
    model.add_phone_head(model.cfg.phone_head)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rescoring_weight": -1}, r"biasing\.phonetics\.rescoring_weight: must be 0 or more"),
        ({"depth": 1}, r"biasing\.phonetics: unknown key 'depth'; known: lexicon"),
        ({"parts": ["maybe"]}, r"biasing\.phonetics\.parts: unknown part 'maybe'"),
        ({"variants": 0}, r"biasing\.phonetics\.variants"),
        ({"speed": 1}, r"biasing\.phonetics: unknown key 'speed'"),
    ],
)
def test_bad_settings(settings, words, model):
    before = model.cfg.biasing.phonetics
    with pytest.raises(SettingError, match=words):
        model.set_phonetics(**settings)
    assert model.cfg.biasing.phonetics == before


def test_a_lexicon_that_cannot_be_read(model, tmp_path):
    with pytest.raises(PhoneticsError, match="no such lexicon"):
        model.set_phonetics(lexicon=str(tmp_path / "none.dict"))
    (tmp_path / "bad.dict").write_text("word W ER D\nother QQ\n")
    with pytest.raises(PhoneticsError, match=r"bad\.dict:2: unknown phone 'QQ'"):
        model.set_phonetics(lexicon=str(tmp_path / "bad.dict"))


class TestDecoding:
    @pytest.fixture
    def model(self, model, eager):
        model._cfg.biasing.update(eager)
        return with_head(model)

    def test_switched_off_or_without_a_list_nothing_changes(self, model, audio, base_nemo, eager):
        plain = from_ctc(base_nemo).eval()
        plain._cfg.biasing.update(eager)
        assert [one.text for one in transcribed(model, audio)] == [one.text for one in transcribed(plain, audio)]
        for one in (plain, model):
            one.set_bias_list(NAMES)
            one.set_phonetics(**ALL_OFF)
        for one, other in zip(transcribed(model, audio), transcribed(plain, audio), strict=True):
            assert (one.text, one.hits, one.score) == (other.text, other.hits, other.score)

    def test_a_weight_of_zero_is_off(self, model, audio):
        plain = [one.text for one in transcribed(model, audio)]
        model.set_bias_list(NAMES)
        model.set_bias_weight(0)
        assert [one.text for one in transcribed(model, audio)] == plain

    def test_rescoring_changes_the_order_by_the_phones(self, model, audio):
        model.set_bias_list(NAMES)
        model.set_phonetics(parts=["rescoring"], rescoring_weight=0.0)
        before = transcribed(model, audio)
        model.set_phonetics(rescoring_weight=100.0)
        after = transcribed(model, audio)
        assert [one.text for one in before] != [one.text for one in after]
        assert [one.text for one in transcribed(model, audio[:1])] == [after[0].text], "the batch does not matter"

    def test_what_is_not_heard_is_not_boosted_but_written_as_listed(self, model, audio, monkeypatch):
        eager = dict(model._cfg.biasing.boost)
        model.set_phonetics(**ALL_OFF)
        model.set_bias_list([*NAMES, {"text": "jr", "display": "J. R."}])
        model.set_biasing(boost={"gap_scale": 0.0, "token_bonus": 0.0})
        unboosted = [one.text for one in transcribed(model, audio)]
        assert "J. R." in " ".join(unboosted), "the untrained model happens to say so"
        model.set_biasing(boost=eager)
        boosted = transcribed(model, audio)
        assert [one.text for one in boosted] != unboosted
        model.set_phonetics(parts=["detection"], detection_threshold=1000.0)
        assert [one.text for one in transcribed(model, audio)] == unboosted, "nothing can be heard so clearly"
        monkeypatch.setattr("nemo_ctcbias.phones.detection.SLOPE", 0.0)
        model.set_phonetics(detection_threshold=-1000.0)
        everything = transcribed(model, audio)
        assert [(one.text, one.score) for one in everything] == [(one.text, one.score) for one in boosted]

    def test_what_does_not_sound_right_where_it_stands_is_given_up(self, model, audio, monkeypatch):
        model.set_phonetics(**ALL_OFF)
        model.set_bias_list(NAMES)
        boosted = transcribed(model, audio)
        assert any(one.hits for one in boosted)
        monkeypatch.setattr("nemo_ctcbias.phones.confidence.Confidence.of", lambda *_: 0.0)
        model.set_phonetics(parts=["verification"])
        verified = transcribed(model, audio)
        assert not any(hit.base_text != hit.phrase for one in verified for hit in one.hits), "nothing is sure"
        model.set_biasing(boost={"gap_scale": 0.0, "token_bonus": 0.0})
        assert [one.text for one in verified] == [one.text for one in transcribed(model, audio)]

    def test_what_sounds_right_stands(self, model, audio, monkeypatch):
        model.set_phonetics(**ALL_OFF)
        model.set_bias_list(NAMES)
        boosted = transcribed(model, audio)
        monkeypatch.setattr("nemo_ctcbias.phones.confidence.Confidence.of", lambda *_: 1.0)
        model.set_phonetics(parts=["verification"])
        for one, other in zip(transcribed(model, audio), boosted, strict=True):
            assert (one.text, one.score) == (other.text, other.score)
            sure = [replace(hit, confidence=1.0) for hit in other.hits]
            assert [replace(hit, alternatives=()) for hit in one.hits] == sure

    def test_correction_writes_phrases_and_says_so(self, model, audio, monkeypatch):
        monkeypatch.setattr("nemo_ctcbias.phones.confidence.Confidence.of", lambda *_: 1.0)
        monkeypatch.setattr("nemo_ctcbias.decision.LEAST", -1e9)
        model._cfg.biasing.boost = {"gap_scale": 0.0, "token_bonus": 0.0}
        model.set_bias_list([{"text": "Saoirse", "display": "Saoirse R."}])
        model.set_phonetics(parts=["correction"])
        results = transcribed(model, audio, timestamps=True)
        looked_up = [(one, hit) for one in results for hit in one.hits if hit.technique == "lookup"]
        assert looked_up
        for one, hit in looked_up:
            assert hit.phrase == "Saoirse R." and "Saoirse R." in one.text
            assert hit.base_text and hit.base_text != hit.phrase
            assert 0 <= hit.start < hit.end <= 4
            entries = [word for word in one.timestamp["word"] if word["word"] == hit.phrase]
            assert any(entry["start_offset"] * 0.08 == pytest.approx(hit.start, abs=0.09) for entry in entries)
        monkeypatch.setattr("nemo_ctcbias.phones.confidence.Confidence.of", lambda *_: 0.0)
        assert not any(hit.technique == "lookup" for one in transcribed(model, audio) for hit in one.hits)

    def test_nbest_lists_are_rescored(self, model, audio):
        model.set_phonetics(parts=None)
        from omegaconf import OmegaConf

        model.set_bias_list(NAMES)
        model.set_phonetics(rescoring_weight=2.0)
        config = OmegaConf.create(OmegaConf.to_container(model.cfg.decoding))
        config.beam.return_best_hypothesis = False
        model.change_decoding_strategy(config, verbose=False)
        for found in transcribed(model, audio):
            scores = [one.score for one in found]
            assert len(found) > 1 and scores == sorted(scores, reverse=True)

    def test_nothing_of_a_batch_stays_in_the_model(self, model, batch):
        model.set_bias_list(NAMES)
        before = set(vars(model))
        with torch.inference_mode():
            model(**batch)
        assert set(vars(model)) == before

    def test_log_probs_alone_are_decoded_alike_whosever_they_are(self, model, batch):
        """Nothing hangs on the identity of a tensor: what needs the encoder acts in `transcribe` alone."""
        model.set_bias_list(NAMES)
        with torch.inference_mode():
            log_probs, lengths, _ = model(**batch)
            one = model.decoding.ctc_decoder_predictions_tensor(log_probs, lengths)
            other = model.decoding.ctc_decoder_predictions_tensor(log_probs.clone(), lengths)
        assert [h.text for h in one] == [h.text for h in other] and [h.hits for h in one] == [h.hits for h in other]

    def test_variants_are_heard_and_written_as_listed(self, model, audio):
        model.set_bias_list([{"text": "Kathryn"}])
        model.set_phonetics(variants=4, parts=["detection"], detection_threshold=-100.0)
        (phrase,) = model.lists.of(model.bias_list).listened
        assert phrase.forms[0] == "Kathryn" and len(phrase.forms) == 4 and phrase.written == "Kathryn"
        texts = " ".join(one.text for one in transcribed(model, audio))
        assert "Kathryn" in texts and not any(form in texts.split() for form in phrase.forms[1:])

    def test_adapters_listen_for_variants_too(self, model, batch, monkeypatch):
        model.add_adapter("names", ContextualAdapterConfig(dim=8, heads=2))
        model.set_bias_list(["Kathryn"])
        model.set_phonetics(parts=["detection"], variants=3, detection_threshold=1000.0)
        given = []
        change = model.context.change
        monkeypatch.setattr(model.context, "change", lambda *args: given.append(args) or change(*args))
        with torch.inference_mode():
            model(**batch)
            model.set_phonetics(detection_threshold=-1000.0)
            model(**batch)
            model.set_biasing(boost={"enabled": False})
            model(**batch)
        (_, nothing, usual, _), (_, heard, _, _), (_, _, bolder, _) = given
        assert [len(one) for one in nothing] == [0] * 4, "for what is heard alone"
        assert [len(one) for one in heard] == [3] * 4
        assert bolder == ADAPTER_ALONE * usual, "without a search, what was detected is raised more boldly"

    def test_what_cannot_be_pronounced_is_reported(self, model):
        model.set_phonetics(parts=["detection"])
        model.set_bias_list(["agent •", "saoirse"])
        (note,) = [one for one in model.check_bias_list(model.bias_list) if "pronounced" in one.reason]
        assert note.phrase == "agent •" and "cannot be pronounced" in str(note)
        # In so short a list, everything is heard.
        model.set_biasing(list_cost=0.0, phonetics={"detection_threshold": 7.0})
        (note,) = [one for one in model.check_bias_list(["lee", "saoirse"]) if "heard" in one.reason]
        assert note.phrase == "lee" and "never heard" in str(note)
        (note,) = model.check_bias_list(["ev", "saoirse"])
        assert note.phrase == "ev" and note.level == "dropped", "it is not told that such short words are kept, too"
        model.set_phonetics(**ALL_OFF)
        assert not [one for one in model.check_bias_list(model.bias_list) if "pronounced" in one.reason]


def test_asked_for_without_a_head_it_is_said_once(model, monkeypatch):
    from nemo.utils import logging as nemo_logging

    said = []
    monkeypatch.setattr(nemo_logging, "warning", lambda message, *args, **kwargs: said.append(str(message)))
    model.set_bias_list(NAMES)
    model.set_phonetics(parts=["detection"])
    assert not [one for one in said if "phone head" in one], "the model's own spelling is enough"
    model.set_phonetics(parts=["rescoring"])
    model.set_bias_list(["okonkwo"])
    (warning,) = [one for one in said if "phone head" in one]
    assert "rescoring need" in warning and "detection" not in warning


def test_without_a_head_phrases_are_heard_in_the_models_spelling(model, audio, eager):
    pytest.importorskip("pyctcdecode")
    model._cfg.biasing.update(eager)
    model.set_phonetics(parts=["detection"])
    model.set_bias_list([*NAMES, "agent •"])
    (note,) = [one for one in model.check_bias_list(model.bias_list) if "pronounced" in one.reason]
    assert note.phrase == "agent •" and "cannot be pronounced" in str(note)
    model.set_phonetics(detection_threshold=1000.0)
    model.set_bias_list(NAMES)
    assert not any(one.hits for one in transcribed(model, audio)), "nothing can be heard so clearly"
    model.set_phonetics(**ALL_OFF)
    assert any(one.hits for one in transcribed(model, audio))
    assert not [one for one in model.check_bias_list(["agent •"]) if "pronounced" in one.reason]


def test_phones_of_other_encoders_and_characters(char_nemo, batch):
    model = with_head(from_ctc(char_nemo).eval())
    assert np.isfinite(phones(model, batch).numpy()).all()
