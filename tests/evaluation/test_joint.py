"""What is evaluated is what a model does: `joint` of evaluate beside `model.transcribe`."""

import json
from pathlib import Path

import pytest
from places import ROOT

from nemo_ctcbias import from_ctc
from nemo_ctcbias.evaluation.evaluate import context_of
from nemo_ctcbias.evaluation.logprobs import encode, load_model, read_audio
from nemo_ctcbias.evaluation.manifest import read_manifest
from nemo_ctcbias.evaluation.systems import make_system
from nemo_ctcbias.shipped import shipped

pytest.importorskip("nemo.collections.asr")
pytest.importorskip("kenlm", reason="joint has a language model")

DATA = ROOT / "examples" / "data"
MODEL = str(DATA / "fastconformer_ctc_small.nemo")


@pytest.fixture(scope="module")
def items():
    rows, _ = read_manifest(DATA / "demo" / "manifest.json")
    return encode(load_model(MODEL), rows, progress=False)[0]


def test_joint_is_what_the_model_transcribes(items):
    """The small model with its adapter, language model and phone head: text, hits and scores."""
    names = tuple(
        line.split("\t")[0] for line in (DATA / "demo" / "names.txt").read_text().splitlines() if line[:1] != "#"
    )
    context = context_of(load_model(MODEL), shipped("small"))
    system = make_system("joint")
    system.prepare(context)
    assert set(system.parts) == {"hotword", "spot", "adapter", "boost-lm", "rescore", "lookup", "verify"}
    model = from_ctc(MODEL)
    model.load_adapters(str(DATA / "contextual_adapter.pt"))
    model.load_phone_head(DATA / "phone_head.pt")
    model.set_language_model(DATA / "lm_small.bin")
    model.eval().set_bias_list(names)
    found = []
    for item in items:
        options = model.get_transcribe_config()
        options.verbose, options.pad_min_duration = False, 0.0
        (hypothesis,) = model.transcribe([read_audio(item.row, 16000)], override_config=options)
        text = system.decode(item, system.build(names, system.default), system.default)
        assert text == hypothesis.text
        assert system.best.score == pytest.approx(float(hypothesis.score), abs=1e-3)
        hits = [hit.in_seconds(0.08) for hit in system.best.hits]
        assert [(hit.phrase, hit.start, hit.end, hit.technique, hit.base_text) for hit in hits] == [
            (hit.phrase, hit.start, hit.end, hit.technique, hit.base_text) for hit in hypothesis.hits
        ]
        for one, other in zip(hits, hypothesis.hits, strict=True):
            assert one.parts == pytest.approx(other.parts, abs=1e-3) and one.score == pytest.approx(
                other.score, abs=1e-3
            )
        found += hits
    assert len(found) > 5, "there is something to compare"


def test_durations_are_read_as_transcribe_reads_them(tmp_path):
    """With an offset, 0 or not, that part of the recording; without one the whole of it."""
    import numpy as np
    import soundfile

    from nemo_ctcbias.audio import load_audio
    from nemo_ctcbias.commands.recordings import recordings_of_manifest

    audio = tmp_path / "ten.wav"
    soundfile.write(audio, np.random.default_rng(0).normal(0, 0.1, 160_000), 16000)
    rows = [{"offset": 0.0, "duration": 2.0}, {"offset": 1.0, "duration": 2.0}, {"duration": 2.0}, {"offset": 3.0}, {}]
    manifest = Path(tmp_path / "m.json")
    manifest.write_text("".join(json.dumps({"audio_filepath": str(audio), **row}) + "\n" for row in rows))
    lengths = [len(read_audio({"audio_filepath": str(audio), **row}, 16000)) / 16000 for row in rows]
    assert lengths == [2, 2, 10, 7, 10]
    recordings = recordings_of_manifest(str(manifest))
    assert [len(load_audio(one.path, 16000, one.offset, one.duration)) / 16000 for one in recordings] == lengths
