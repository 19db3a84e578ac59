"""The parts `g2g`, `spot`, `rescore`, `verify` and `lookup` of our own systems."""

import numpy as np
import pytest

from nemo_ctcbias.errors import ModelError, SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.systems import Context, make_system
from nemo_ctcbias.phones import Lexicon
from nemo_ctcbias.phones.phones import BLANK, PHONE_IDS
from nemo_ctcbias.recognizer import Utterance

pytest.importorskip("nemo.collections.asr")

WEIGHT = "phonetics.rescoring_weight"
SAID = "DH AH W AO T ER Z"  # lookup asks for five phones


@pytest.fixture(scope="module")
def head(tiny_model, tmp_path_factory):
    from nemo_ctcbias import from_ctc

    model = from_ctc(tiny_model)
    model.add_phone_head({"hidden": 8})
    file = tmp_path_factory.mktemp("head") / "phone_head.pt"
    model.save_phone_head(file)
    return file


@pytest.fixture
def lexicon(tmp_path):
    path = tmp_path / "words.dict"
    path.write_text("the DH AH\nwater W AO T ER Z\nwe W IY\n")
    assert Lexicon.load(path)
    return path


@pytest.fixture
def item(tiny_model, spell):
    row = {"id": "u", "text": "the water"}
    return Item(row, spell(tiny_model, "the weter", rival="the water", gap=1.0), 1.0)


@pytest.fixture
def decode(tiny_model, head, lexicon, item):
    """Decode with phone log-probs that say "the water", each phone in the middle of as many frames as it has."""
    frames = 2 * len(item.log_probs)
    probs = np.full((frames, BLANK + 1), 1e-3)
    probs[:, BLANK] = 1.0
    for place, phone in enumerate(SAID.split()):
        row = round((place + 0.5) * frames / len(SAID.split()))
        probs[row, BLANK], probs[row, PHONE_IDS[phone]] = 1e-3, 1.0

    def decode(name, phrases, setting=None):
        system = make_system(name)
        system.prepare(Context(tiny_model, beam_width=20, phone_head=head, pronunciations=lexicon))
        said = np.log(probs / probs.sum(axis=1, keepdims=True))
        system._encodings.utterance = lambda item, phones: Utterance(item.log_probs, said if phones else None)
        setting = {**system.default, **(setting or {})}
        return system.decode(item, system.build(phrases, setting), setting)

    return decode


def test_rescoring_prefers_what_was_heard(decode):
    assert decode("rescore", ("zelda",), {WEIGHT: 0.0}) == "the weter"
    assert decode("rescore", ("zelda",), {WEIGHT: 2.0}) == "the water"
    assert decode("rescore", (), {WEIGHT: 2.0}) == "the weter", "no list, no change"


def test_lookup_writes_what_was_heard(decode):
    assert decode("lookup", ()) == "the weter"
    assert decode("lookup", ("water",)) == "the water"
    assert "zelda" not in decode("rescore+lookup", ("zelda",))


def test_spotting_listens_only_for_what_was_heard(decode, lexicon):
    """Both words are listed; the boosting alone lifts the one that the model prefers anyway."""
    lexicon.write_text(lexicon.read_text() + "weter Z UW Z UW\n")
    assert decode("hotword", ("water", "weter")) == "the weter"
    assert decode("hotword+spot", ("water", "weter")) == "the water"
    assert decode("hotword+spot", ()) == "the weter"
    with pytest.raises(SettingError, match=r"name it with them, as in hotword\+spot"):
        decode("spot", ("water",))


def test_verification_keeps_what_was_heard(decode):
    assert decode("hotword+verify", ("water",)) == decode("hotword", ("water",)) == "the water"


def test_verification_asks_how_the_phrase_sounds(decode, lexicon):
    """The same spelling, boosted as before, but its sound is another than what was said."""
    lexicon.write_text("the DH AH\nwater Z UW Z UW\n")
    assert decode("hotword", ("water",)) == "the water"
    assert decode("hotword+verify", ("water",), {"least_confidence": 0.9}) == "the weter"
    with pytest.raises(SettingError, match=r"name it with them, as in hotword\+verify"):
        decode("verify", ("water",))


def test_parts_together(decode):
    assert decode("hotword+g2g+rescore+verify+lookup", ("water",)) == "the water"
    assert decode("hotword+g2g+rescore+lookup", ()) == "the weter"


def test_as_many_variants_are_listened_for_as_asked(tiny_model, lexicon):
    """As a model's own decoding has them; with one form, the phrase itself, there is nothing to add."""
    from nemo_ctcbias import from_ctc

    shared = {}
    for count in (5, 1, 2):
        system = make_system("hotword+g2g")
        system.prepare(Context(tiny_model, pronunciations=lexicon, variants=count, shared=shared))
        listed = system.build(("kathryn",), system.default)
        assert len(listed.bias_list[0].forms) == 1 and len(listed.listened[0].forms) == count
        assert listed.listened[0].written == "kathryn"
        model = from_ctc(tiny_model)
        model.set_phonetics(variants=count, lexicon=str(lexicon))
        assert list(model.lists.of(listed.bias_list).listened) == list(listed.listened)
    assert Context(tiny_model).variants == 5


def test_only_the_rescoring_has_a_weight_to_tune(tiny_model, head):
    systems = {name: make_system(name) for name in ("rescore", "lookup", "rescore+lookup")}
    for system in systems.values():
        system.prepare(Context(tiny_model, phone_head=head))
    assert systems["lookup"].grid == ({},)
    assert systems["rescore"].grid == systems["rescore+lookup"].grid
    assert {name: system.settings.phonetics.parts for name, system in systems.items()} == {
        "rescore": ("rescoring",),
        "lookup": ("correction",),
        "rescore+lookup": ("rescoring", "correction"),
    }


def test_phone_log_probs_are_of_the_recording_and_encoded_once(tiny_model, head, write_manifest):
    from nemo_ctcbias.evaluation.encodings import Encodings
    from nemo_ctcbias.evaluation.logprobs import encode
    from nemo_ctcbias.evaluation.manifest import read_manifest

    items, _ = encode(tiny_model, read_manifest(write_manifest("a"))[0], progress=False)
    encodings = Encodings(tiny_model, phone_head=head)
    for one in items:
        phones = encodings.phones(one)
        assert phones.shape == (2 * len(one.log_probs), 1, BLANK + 1), "the small encoder has one layer to read"
        assert encodings.encoded(one) is encodings.encoded(one)
        np.testing.assert_allclose(encodings.utterance(one, phones=True).log_probs, one.log_probs, atol=1e-4)


def test_what_is_missing_is_said(tiny_model, tmp_path):
    with pytest.raises(SettingError, match="no phone head; give --phone-head FILE"):
        make_system("hotword+rescore").prepare(Context(tiny_model))
    with pytest.raises(ModelError, match="no such phone head"):
        make_system("rescore").prepare(Context(tiny_model, phone_head=tmp_path / "none.pt"))
    with pytest.raises(SettingError, match=r"name it with them, as in hotword\+g2g"):
        make_system("g2g").prepare(Context(tiny_model))
