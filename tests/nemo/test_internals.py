"""The names of NeMo that are private or fragile, so that a new NeMo says at once what it lacks."""

import importlib

import pytest
from nemo.collections.asr.parts.mixins.transcription import ASRTranscriptionMixin

from nemo_ctcbias.nemo.internals import NAMES, PIPELINE_NAMES, CallConfig, call_of, transcribe_config

ALL = {**NAMES, **PIPELINE_NAMES}


@pytest.mark.parametrize(("place", "name"), [(place, name) for place, names in ALL.items() for name in names])
def test_nemo_has_what_we_rely_on(place, name):
    import nemo

    module, kind = place
    if place in PIPELINE_NAMES:
        pytest.importorskip("nemo.collections.asr.inference", reason="this NeMo has no inference pipelines")
    holder = importlib.import_module(module)
    holder = getattr(holder, kind) if kind else holder
    assert hasattr(holder, name), f"NeMo {nemo.__version__}: {module}.{kind} has no {name} any more"


def test_what_instances_have(char_nemo):
    from nemo.collections.asr.models import ASRModel

    model = ASRModel.restore_from(str(char_nemo), map_location="cpu")
    assert model.encoder._feat_in == 80 and model.wer.decoding is model.decoding
    assert model._cfg == model.cfg
    assert len(model.decoding.labels_map) == len(model.decoder.vocabulary) and model.decoding.blank_id > 0


def test_a_call_travels_in_nemos_own_config():
    class Model(ASRTranscriptionMixin):
        """As NeMo's."""

        def transcribe(self, audio, batch_size=4, return_hypotheses=False, timestamps=None, override_config=None):
            """As NeMo's."""

    call, transcribe = object(), Model.transcribe.__get__(Model)
    audio, options = transcribe_config(transcribe, call, ["a.wav"], 7, timestamps=True)
    config = options["override_config"]
    assert audio == ["a.wav"] and options["timestamps"] is True
    assert (config.batch_size, config.return_hypotheses, config.num_workers) == (7, True, 0)
    assert call_of(config, lambda: None) is call
    again = transcribe_config(transcribe, other := object(), audio, override_config=config)[1]["override_config"]
    assert again is config and call_of(config, lambda: None) is other, "a config may be used again"
    config._internal = CallConfig.__mro__[1]()
    assert call_of(config, lambda: "made") == "made" and call_of(config, lambda: "again") == "made"
