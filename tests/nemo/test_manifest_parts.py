"""`offset` and `duration` of a manifest's row name the same part of a recording wherever manifests are read."""

import json

import numpy as np
import pytest
import soundfile

from nemo_ctcbias import from_ctc
from nemo_ctcbias.audio import load_audio, part_of
from nemo_ctcbias.commands.recordings import recordings_of_manifest
from nemo_ctcbias.errors import ManifestError
from nemo_ctcbias.evaluation.logprobs import read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest

RATE = 16000
PARTS = {  # of a recording of 3.1 seconds: (offset, duration) and what they name
    "whole": ((None, None), (0, 3.1)),
    "whole, its duration rounded": ((None, 3.0), (0, 3.1)),
    "the beginning": ((0, 1.25), (0, 1.25)),
    "the beginning, as a float": ((0.0, 2.0), (0, 2.0)),
    "the middle": ((0.5, 1.5), (0.5, 2.0)),
    "to the end": ((1.1, None), (1.1, 3.1)),
    "to the end, duration 0": ((1.1, 0), (1.1, 3.1)),
}


@pytest.fixture(scope="module")
def wav(noise_wavs):
    return noise_wavs[1]


@pytest.fixture(scope="module")
def model(base_nemo):
    return from_ctc(base_nemo).eval()


@pytest.mark.parametrize("part", PARTS)
def test_every_reader_takes_the_same_part(part, wav, model, tmp_path):
    (offset, duration), (start, end) = PARTS[part]
    row = {"audio_filepath": str(wav), "text": "a b", "offset": offset, "duration": duration}
    row = {name: value for name, value in row.items() if value is not None}
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(row) + "\n")
    samples = soundfile.read(wav, dtype="float32")[0][round(start * RATE) : round(end * RATE)]
    (evaluated,), _ = read_manifest(manifest)
    np.testing.assert_array_equal(read_audio(evaluated, RATE), samples)
    (recording,) = recordings_of_manifest(str(manifest))
    np.testing.assert_array_equal(load_audio(recording.path, RATE, recording.offset, recording.duration), samples)
    if row.get("duration"):  # without one NeMo reads no manifest
        heard = []
        hook = model.preprocessor.register_forward_pre_hook(
            lambda _, inputs, named: heard.append((named["input_signal"], named["length"])), with_kwargs=True
        )
        model.transcribe(str(manifest), verbose=False)
        hook.remove()
        ((signal, length),) = heard
        assert length.tolist() == [len(samples)]
        np.testing.assert_array_equal(signal[0].numpy(), samples)


@pytest.mark.parametrize("field", ["offset", "duration"])
@pytest.mark.parametrize("value", [-1, "2", True, float("nan")])
def test_seconds_that_are_none_are_named(field, value, wav, tmp_path):
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"audio_filepath": str(wav), "text": "a", field: value}) + "\n")
    for read in (read_manifest, recordings_of_manifest):
        with pytest.raises(ManifestError, match=rf"manifest.json:1: '{field}' must be seconds from 0 up"):
            read(str(manifest))
    with pytest.raises(ManifestError, match="here: "):
        part_of({field: value}, "here")
