"""A language model in a biased model: set, saved, restored, named by NeMo's config, given on the command line."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from nemo_ctcbias import from_ctc
from nemo_ctcbias.cli import main
from nemo_ctcbias.errors import LanguageModelError, SettingError

pytest.importorskip("kenlm", reason="only kenlm scores words")

WORDS = ("the", "brown", "fox", "call", "on", "saoirse", "york", "<boost>")
ARPA = "\n".join(
    ["\\data\\", "ngram 1=11", "ngram 2=1", "", "\\1-grams:", "-3\t<unk>\t0", "0\t<s>\t0", "-1\t</s>"]
    + [f"-1\t{word}\t0" for word in WORDS]
    + ["", "\\2-grams:", "-0.3\t<s> the", "", "\\end\\", ""]
)


@pytest.fixture(scope="module")
def arpa(tmp_path_factory):
    path = tmp_path_factory.mktemp("lm") / "tiny.arpa"
    path.write_text(ARPA)
    return path


@pytest.fixture(scope="module")
def audio(noise_wavs):
    return [soundfile.read(path, dtype="float32")[0] for path in noise_wavs]


@pytest.fixture
def model(base_nemo):
    model = from_ctc(base_nemo).eval()
    model._cfg.biasing.beam = {"beam_width": 30}
    return model


def texts(model, audio, **settings):
    return [hypothesis.text for hypothesis in model.transcribe(audio, verbose=False, **settings)]


STRONG = {"alpha": 1.0, "beta": 3.0, "unk_offset": -30.0}


def test_it_helps_always_or_where_there_is_a_list(model, arpa, audio):
    plain = texts(model, audio)
    model.set_language_model(arpa, always=True, **STRONG)
    helped = texts(model, audio)
    assert all(one != other for one, other in zip(helped, plain, strict=True))
    model.set_language_model(arpa, **STRONG)
    assert texts(model, audio) == plain
    mixed = texts(model, audio[:2], bias_lists=[["zebra"], []])
    assert mixed[1] == plain[1] and mixed[0] != plain[0]
    model.set_language_model(None)
    assert texts(model, audio) == plain


def test_it_travels_in_the_nemo(model, arpa, audio, tmp_path):
    model.set_language_model(arpa, always=True, **STRONG)
    helped = texts(model, audio)
    for turn in range(2):  # saved, restored, saved again
        model.save_to(str(tmp_path / f"{turn}.nemo"))
        model = from_ctc(tmp_path / f"{turn}.nemo").eval()
        assert texts(model, audio) == helped
        path = Path(model.cfg.biasing.lm.path)
        assert path.name == "tiny.arpa" and path.read_text() == ARPA and path != arpa
    assert model.cfg.biasing.lm.alpha == 1.0 and model.cfg.biasing.lm.always is True


def test_it_is_read_once(model, arpa, monkeypatch):

    model.set_language_model(arpa)
    first = model.recognizer
    model.set_bias_list(["zebra"])
    assert model.recognizer is first
    kenlm = first.search.language_model
    model.set_language_model(arpa, alpha=0.9)
    again = model.recognizer.search.language_model
    assert again.alpha == 0.9 and again._kenlm_model is kenlm._kenlm_model and kenlm.alpha != 0.9


def test_nemos_own_options_use_the_class_too(model, arpa, audio):
    from nemo_ctcbias.lm.boost_class import BoostClass

    model._cfg.biasing.lm = {"class_weight": 1.5}
    config = model.cfg.decoding.copy()
    config.strategy = "pyctcdecode"
    config.beam.pyctcdecode_cfg.hotwords = ["zebra"]
    config.beam.ngram_lm_model, config.beam.ngram_lm_alpha, config.beam.beam_beta = str(arpa), 0.7, 0.2
    model.change_decoding_strategy(config, verbose=False)
    search = model.recognizer.search
    kenlm = search.language_model
    assert (kenlm.alpha, kenlm.beta, search.class_weight) == (0.7, 0.2, 1.5)
    beam = search.beams(np.zeros((2, 61)) - np.log(61), model.lists.of(model.default_list).search)[0]
    assert isinstance(beam._boost_class[0].model, BoostClass) and beam._boost_class[0].model.listed.begins("zebra")
    assert texts(model, audio)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"gamma": 1.0}, "biasing.lm: unknown key 'gamma'; known: path, always, enabled, alpha, beta"),
        ({"alpha": -1.0}, "biasing.lm.alpha: must be 0 or more"),
        ({"beta": "much"}, "biasing.lm.beta: must be a number"),
        ({"class_weight": "low"}, "biasing.lm.class_weight: must be a number or null"),
        ({"always": "yes"}, "biasing.lm.always: must be true or false"),
    ],
)
def test_wrong_weights_are_refused_and_change_nothing(model, arpa, weights, message):
    with pytest.raises(SettingError, match=message):
        model.set_language_model(arpa, **weights)
    assert not model.cfg.biasing.lm


def test_files_that_cannot_be_used(model, arpa, tmp_path):
    with pytest.raises(LanguageModelError, match=r"no.arpa: no such language model"):
        model.set_language_model(tmp_path / "no.arpa")
    broken = tmp_path / "broken.arpa"
    broken.write_text(ARPA[:80])
    with pytest.raises(LanguageModelError, match=r"broken.arpa: KenLM cannot read it"):
        model.set_language_model(broken)
    assert not model.cfg.biasing.lm
    model._cfg.biasing.lm = {"path": str(tmp_path / "gone.arpa")}
    with pytest.raises(LanguageModelError, match=r"biasing.lm.path: .*gone.arpa: no such language model"):
        from_ctc(model)._setup_biasing()


def test_the_command_line(base_nemo, arpa, noise_wavs, capsys):
    def transcribe(*options):
        capsys.readouterr()
        code = main(["transcribe", *map(str, noise_wavs), "--model", str(base_nemo), *map(str, options)])
        return code, *capsys.readouterr()

    code, plain, _ = transcribe()
    assert code == 0 and transcribe("--lm", "none") == (0, plain, "")
    code, helped, err = transcribe("--lm", arpa, "--lm-alpha", "1.0", "--lm-beta", "3")
    assert code == 0 and helped != plain and err == ""
    for options, message in {
        ("--lm", "no.arpa"): "--lm no.arpa: no such language model",
        ("--lm-alpha", "1"): "--lm-alpha, --lm-beta: there is no language model to weigh",
        ("--lm", str(arpa), "--lm-alpha", "-1"): "biasing.lm.alpha: must be 0 or more",
    }.items():
        code, out, err = transcribe(*options)
        assert (code, out) == (2, "") and message in err and len(err.splitlines()) == 1
