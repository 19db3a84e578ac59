import json

import pytest
import soundfile
import torch

from nemo_ctcbias.bias_list import BiasList, Phrase
from nemo_ctcbias.errors import BiasListError, ManifestError, ModelError, SettingError
from nemo_ctcbias.nemo.ctc_models import from_ctc


@pytest.fixture(scope="module")
def base(base_nemo):
    from nemo.collections.asr.models import ASRModel

    return ASRModel.restore_from(str(base_nemo), map_location="cpu").eval()


@pytest.fixture(scope="module")
def biased(base_nemo):
    return from_ctc(base_nemo).eval()


@pytest.fixture(scope="module")
def audio(noise_wavs):
    return [soundfile.read(path, dtype="float32")[0] for path in noise_wavs]


def texts(hypotheses):
    return [hypothesis.text for hypothesis in hypotheses]


STRONG = ["saoirse", "new york", "okonkwo"]


@pytest.fixture
def eager(biased):
    """A model whose boost is so strong that random noise is heard as listed phrases."""
    section = biased._cfg.biasing
    section.boost = {"gap_scale": 0.9, "token_bonus": 6.0}
    section.beam, section.phonetics = {"beam_width": 30}, {"parts": []}
    biased.set_bias_list(None)
    yield biased
    section.boost, section.beam, section.phonetics = {}, {}, {}
    biased.set_bias_list(None)


@pytest.mark.parametrize("kind", ["path", "live", "text"])
def test_from_ctc_keeps_everything(kind, base_nemo, base, audio):
    source = {"path": base_nemo, "text": str(base_nemo), "live": base}[kind]
    model = from_ctc(source).eval()
    assert type(model).__name__ == "BiasedEncDecCTCModelBPE"
    assert texts(model.transcribe(audio, verbose=False)) == texts(base.transcribe(audio, verbose=False))
    assert model.tokenizer.vocab_size == base.tokenizer.vocab_size
    with torch.inference_mode():
        signal, length = torch.tensor(audio[0])[None], torch.tensor([len(audio[0])])
        base.eval()  # NeMo's transcribe() leaves the encoder in train mode
        ours = model.eval()(input_signal=signal, input_signal_length=length)[0]
        assert torch.equal(ours, base.eval()(input_signal=signal, input_signal_length=length)[0])


def test_a_live_model_shares_weights_and_stays_what_it_was(base):
    model = from_ctc(base)
    assert model.encoder is base.encoder and type(base).__name__ == "EncDecCTCModelBPE"
    assert base.cfg.target.endswith("EncDecCTCModelBPE") and "biasing" not in base.cfg
    model.set_bias_list(["anna"])
    assert not hasattr(base, "bias_list") and type(base.decoding).__name__ == "CTCBPEDecoding"


def test_from_ctc_of_a_biased_model_is_that_model(biased):
    assert from_ctc(biased) is biased


def test_character_models(char_nemo, audio):
    from nemo.collections.asr.models import ASRModel

    base = ASRModel.restore_from(str(char_nemo), map_location="cpu").eval()
    model = from_ctc(char_nemo).eval()
    assert type(model).__name__ == "BiasedEncDecCTCModel"
    assert texts(model.transcribe(audio, verbose=False)) == texts(base.transcribe(audio, verbose=False))
    found = model.transcribe(audio, verbose=False, bias_list=["anna", "new york"])
    assert all(hasattr(hypothesis, "hits") for hypothesis in found)


def test_save_and_restore_as_a_nemo_user_would(eager, tmp_path, audio):
    from nemo.collections.asr.models import ASRModel

    phrases = [Phrase("saoirse", 2.0, ("sersha",), "Saoirse"), Phrase("new york")]
    eager.set_bias_list(phrases)
    expected = texts(eager.transcribe(audio, verbose=False))
    path = tmp_path / "biased.nemo"
    eager.save_to(str(path))
    again = ASRModel.restore_from(str(path), map_location="cpu").eval()
    assert type(again) is type(eager)
    assert list(again.bias_list) == phrases
    assert again.cfg.biasing.boost == eager.cfg.biasing.boost
    assert texts(again.transcribe(audio, verbose=False)) == expected
    second = tmp_path / "again.nemo"
    again.save_to(str(second))
    assert list(ASRModel.restore_from(str(second), map_location="cpu").bias_list) == phrases


@pytest.mark.parametrize("off", ["none", "empty", "weight 0", "phrases of weight 0", "disabled", "strength 0"])
def test_no_list_is_the_base_model_byte_for_byte(off, biased, base, audio):
    if off == "disabled":
        biased.set_preset("off")
    if off == "strength 0":
        biased.set_bias_weight(0.0)
    chosen = {"none": None, "empty": [], "phrases of weight 0": [Phrase("anna", 0.0)]}.get(off, STRONG)
    if off == "weight 0":
        chosen = BiasList([Phrase(text, 0.0) for text in STRONG])
    try:
        biased.set_bias_list(chosen)
        ours, theirs = (
            model.transcribe(audio, verbose=False, return_hypotheses=True, timestamps=True) for model in (biased, base)
        )
    finally:
        biased.set_preset(None)
        biased.set_bias_weight(10.0)
        biased.set_bias_list(None)
    for one, other in zip(ours, theirs, strict=True):
        assert one.text == other.text and one.score == other.score and one.timestamp == other.timestamp


def test_list_for_one_call_leaves_the_stored_one(eager, audio):
    eager.set_bias_list(["okonkwo"])
    stored = texts(eager.transcribe(audio, verbose=False))
    other = texts(eager.transcribe(audio, verbose=False, bias_list=["saoirse"]))
    assert any("okonkwo" in text for text in stored) and not any("okonkwo" in text for text in other)
    assert [p.text for p in eager.bias_list] == ["okonkwo"]
    assert texts(eager.transcribe(audio, verbose=False)) == stored


def test_one_batch_mixes_lists(eager, base, audio):
    plain = texts(base.transcribe(audio, verbose=False))
    alone = [texts(eager.transcribe([audio[i]], verbose=False, bias_list=STRONG[: i + 1]))[0] for i in (0, 1)]
    lists = [STRONG[:1], STRONG[:2], [], None]
    mixed = texts(eager.transcribe(audio, batch_size=4, verbose=False, bias_lists=lists))
    assert mixed == [*alone, plain[2], plain[3]]


def test_manifest_rows_carry_lists(eager, base, noise_wavs, tmp_path):
    (tmp_path / "names.txt").write_text("saoirse\n")
    rows = [
        {"audio_filepath": str(noise_wavs[0]), "duration": 2.0, "text": "", "bias_list": ["okonkwo"]},
        {"audio_filepath": str(noise_wavs[1]), "duration": 3.1, "text": ""},
        {"audio_filepath": str(noise_wavs[2]), "duration": 1.4, "text": "", "bias_list": "names.txt"},
    ]
    manifest = tmp_path / "manifest.json"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = texts(eager.transcribe(str(manifest), batch_size=3, verbose=False))
    plain = texts(base.transcribe([str(path) for path in noise_wavs[:3]], verbose=False))
    assert "okonkwo" in found[0] and found[1] == plain[1] and "saoirse" in found[2]


def test_manifest_list_of_the_wrong_kind_names_the_line(eager, noise_wavs, tmp_path):
    manifest = tmp_path / "manifest.json"
    row = {"audio_filepath": str(noise_wavs[0]), "duration": 2.0, "text": "", "bias_list": 7}
    manifest.write_text(json.dumps(row) + "\n")
    with pytest.raises(ManifestError, match=r"manifest.json:1: 'bias_list' must be a list of phrases or a file name"):
        eager.transcribe(str(manifest), verbose=False)


def test_hits_times_and_written_forms(eager, audio):
    eager.set_bias_list([Phrase("saoirse", display="Saoirse"), Phrase("new york", display="NYC")])
    found = eager.transcribe(audio, verbose=False, timestamps=True)
    assert any(hypothesis.hits for hypothesis in found)
    for hypothesis, samples in zip(found, audio, strict=True):
        words = hypothesis.timestamp["word"]
        assert " ".join(entry["word"] for entry in words) == hypothesis.text
        assert " ".join(entry["segment"] for entry in hypothesis.timestamp["segment"]) == hypothesis.text
        assert all(0 <= entry["start"] < entry["end"] <= len(samples) / 16000 + 0.2 for entry in words)
        for hit in hypothesis.hits:
            assert hit.phrase in ("Saoirse", "NYC") and hit.phrase in hypothesis.text
            match = [entry for entry in words if entry["word"] == hit.phrase and abs(entry["start"] - hit.start) < 0.17]
            assert match, (hit, words)


@pytest.mark.parametrize("listed", [STRONG, [Phrase("Saoirse", spoken=["saoirse", "sersha", "seersha"])]])
def test_nbest_on_request(eager, audio, listed):
    """However many spoken forms are written alike, each text comes once."""
    from omegaconf import open_dict

    eager.set_bias_list(listed)
    best = texts(eager.transcribe(audio, verbose=False))
    config = eager.cfg.decoding.copy()
    with open_dict(config):
        config.beam.return_best_hypothesis = False
    eager.change_decoding_strategy(config, verbose=False)
    try:
        found = eager.transcribe(audio, verbose=False, return_hypotheses=True, timestamps=True)
    finally:
        config.beam.return_best_hypothesis = True
        eager.change_decoding_strategy(config, verbose=False)
    assert [many[0].text for many in found] == best
    for many in found:
        assert 1 < len(many) <= 10 and len({one.text for one in many}) == len(many)
        assert [one.score for one in many] == sorted((one.score for one in many), reverse=True)
        assert all(one.timestamp["word"] for one in many if one.text)


def test_batch_size_and_list_order_change_nothing(eager, audio):
    eager.set_bias_list(STRONG)
    together = texts(eager.transcribe(audio, batch_size=4, verbose=False))
    assert texts(eager.transcribe(audio, batch_size=1, verbose=False)) == together
    eager.set_bias_list(STRONG[::-1])
    assert texts(eager.transcribe(audio, batch_size=4, verbose=False)) == together


def test_hotwords_of_nemos_pyctcdecode_strategy(eager, audio):
    eager.set_bias_list(["okonkwo"])
    expected = texts(eager.transcribe(audio, verbose=False, bias_list=["saoirse"]))
    kept = eager.cfg.decoding.copy()
    config = kept.copy()
    config.strategy = "pyctcdecode"
    config.beam.pyctcdecode_cfg.hotwords = ["saoirse"]
    eager.change_decoding_strategy(config, verbose=False)
    try:
        assert texts(eager.transcribe(audio, verbose=False)) == expected
        assert eager.cfg.decoding.strategy == "pyctcdecode"
        assert texts(eager.transcribe(audio, verbose=False, timestamps=True)) == expected
        other = texts(eager.transcribe(audio, verbose=False, timestamps=True, bias_list=["okonkwo"]))
        assert any("okonkwo" in text for text in other) and not any("saoirse" in text for text in other)
    finally:
        eager.change_decoding_strategy(kept, verbose=False)


def test_modes_are_restored_after_transcribe(biased, audio):
    biased.eval()
    biased.transcribe(audio[:1], verbose=False)
    assert not biased.encoder.training and not biased.decoder.training


def test_pretrained_names_stay_nemos():
    from nemo.collections.asr.models import ASRModel

    from nemo_ctcbias.nemo.ctc_models import BiasedEncDecCTCModelBPE

    assert BiasedEncDecCTCModelBPE.list_available_models() == []
    for info in ASRModel.list_available_models():
        assert info.class_ is None or "nemo_ctcbias" not in info.class_.__module__


def test_from_ctc_takes_a_pretrained_name(monkeypatch, base):
    from nemo.collections.asr.models import ASRModel

    asked = []
    monkeypatch.setattr(ASRModel, "from_pretrained", lambda name, **_: asked.append(name) or base)
    assert type(from_ctc("stt_en_conformer_ctc_small")).__name__ == "BiasedEncDecCTCModelBPE"
    assert asked == ["stt_en_conformer_ctc_small"]


def test_sources_that_are_no_ctc_model(tmp_path):
    with pytest.raises(ModelError, match=r"missing.nemo: no such file"):
        from_ctc(tmp_path / "missing.nemo")
    broken = tmp_path / "broken.nemo"
    broken.write_bytes(b"not a tar file")
    with pytest.raises(ModelError, match=r"broken.nemo: not a NeMo checkpoint"):
        from_ctc(broken)
    with pytest.raises(ModelError, match="Linear is not a CTC model"):
        from_ctc(torch.nn.Linear(2, 2))


def test_unknown_settings_are_refused(base):
    from omegaconf import open_dict

    model = from_ctc(base)
    for section, message in (
        ({"wait": 3}, "biasing: .*wait"),
        ({"boost": {"gap": 3}}, "biasing.boost: unknown key 'gap'; known: "),
        ({"weight": -1}, "biasing.weight: must be 0 or more"),
    ):
        with open_dict(model._cfg):
            model._cfg.biasing = section
        with pytest.raises(SettingError, match=message):
            model._setup_biasing()


def test_wrong_lists_are_refused(biased):
    with pytest.raises(BiasListError):
        biased.set_bias_list("no/such/names.txt")


@pytest.mark.parametrize("kind", ["arrays", "paths", "one array", "one path", "manifest", "loader"])
@pytest.mark.parametrize("more", [-1, 1])
def test_more_or_fewer_lists_than_recordings_are_refused(kind, more, biased, audio, noise_wavs, tmp_path):
    paths = [str(path) for path in noise_wavs]
    manifest = tmp_path / "manifest.json"
    manifest.write_text("".join(json.dumps({"audio_filepath": path, "duration": 1.0}) + "\n" for path in paths))
    batches = [(torch.tensor(one)[None], torch.tensor([len(one)]), None, None) for one in audio]
    loader = torch.utils.data.DataLoader(batches, batch_size=None)
    given = {"arrays": audio, "paths": paths, "one array": audio[0], "one path": paths[0], "manifest": str(manifest)}
    count = 1 if kind.startswith("one") else 4
    recordings = "more" if kind == "loader" and more < 0 else str(count)
    with pytest.raises(BiasListError, match=rf"bias_lists: {count + more} lists for {recordings} recordings"):
        biased.transcribe(given.get(kind, loader), verbose=False, bias_lists=[[]] * (count + more))
    assert len(biased.transcribe(given.get(kind, loader), verbose=False, bias_lists=[[]] * count)) == count


@pytest.mark.parametrize("display", [None, "NYC", "New York City"])
@pytest.mark.parametrize("aggregation", ["min", "prod"])
def test_each_written_word_has_its_confidence(display, aggregation, eager, audio):
    kept = eager.cfg.decoding.copy()
    config = kept.copy()
    config.confidence_cfg.preserve_word_confidence = True
    config.confidence_cfg.aggregation = aggregation
    eager.change_decoding_strategy(config, verbose=False)
    try:
        spoken = eager.transcribe(audio, verbose=False, return_hypotheses=True, bias_list=["new york"])
        listed = [Phrase("new york", display=display)]
        written = eager.transcribe(audio, verbose=False, return_hypotheses=True, bias_list=listed)
    finally:
        eager.change_decoding_strategy(kept, verbose=False)
    assert any(len(one.hits) > 0 for one in written)
    for one, other in zip(written, spoken, strict=True):
        assert len(one.word_confidence) == len(one.text.split()) and len(other.word_confidence) == len(
            other.text.split()
        )
        if display:
            count = len(display.split())
            expected, at, words = [], 0, other.text.split()
            while at < len(words):
                if words[at : at + 2] == ["new", "york"]:
                    pair = [float(value) for value in other.word_confidence[at : at + 2]]
                    expected += [min(pair) if aggregation == "min" else pair[0] * pair[1]] * count
                    at += 2
                else:
                    expected.append(float(other.word_confidence[at]))
                    at += 1
            assert [float(value) for value in one.word_confidence] == pytest.approx(expected)


def test_language_model_of_nemos_config_reaches_the_search(eager, audio, tmp_path):
    pytest.importorskip("kenlm", reason="only kenlm scores words")
    arpa = tmp_path / "tiny.arpa"
    arpa.write_text(
        "\\data\\\nngram 1=4\nngram 2=1\n\n\\1-grams:\n-1.0\t<unk>\t0\n0\t<s>\t0\n-1.0\t</s>\n-0.5\tsaoirse\t0\n\n"
        "\\2-grams:\n-0.3\t<s> saoirse\n\n\\end\\\n"
    )
    kept = eager.cfg.decoding.copy()
    config = kept.copy()
    config.strategy = "pyctcdecode"
    config.beam.pyctcdecode_cfg.hotwords = ["saoirse", "okonkwo"]
    config.beam.ngram_lm_model, config.beam.ngram_lm_alpha, config.beam.beam_beta = str(arpa), 0.7, 0.2
    eager._cfg.biasing.lm = {"class_weight": 0.0}  # what noise needs to be heard as names
    eager.change_decoding_strategy(config, verbose=False)
    try:
        model = eager.recognizer.search.language_model
        assert (model.alpha, model.beta) == (0.7, 0.2)
        assert any("saoirse" in text for text in texts(eager.transcribe(audio, verbose=False)))
        config.beam.ngram_lm_model = str(tmp_path / "missing.arpa")
        eager.change_decoding_strategy(config, verbose=False)
        with pytest.raises(SettingError, match=r"missing.arpa: no such language model; give a KenLM"):
            eager.transcribe(audio, verbose=False)
        broken = tmp_path / "broken.arpa"
        broken.write_text("\\data\\\nngram 1=3\n")
        config.beam.ngram_lm_model = str(broken)
        eager.change_decoding_strategy(config, verbose=False)
        with pytest.raises(SettingError, match=r"broken.arpa: KenLM cannot read it"):
            eager.transcribe(audio, verbose=False)
    finally:
        eager._cfg.biasing.lm = {}
        eager.change_decoding_strategy(kept, verbose=False)
