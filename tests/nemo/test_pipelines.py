"""NeMo's inference pipelines, built by its own builder: streams with lists of their own, changed in the middle, NaN."""

import itertools
import json
import math
from contextlib import nullcontext

import nemo
import pytest
import soundfile
import torch
from omegaconf import OmegaConf
from test_encoders import made

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import BiasListError
from nemo_ctcbias.streaming import RecognizedStream

pytest.importorskip("nemo.collections.asr.inference", reason="this NeMo has no inference pipelines")

RATE, CHUNK = 16000, 0.32
KINDS = ["cache_aware", "buffered"]
CONFIG = {
    "asr": {"device": "cpu", "device_id": 0, "compute_dtype": "float32", "use_amp": False},
    "itn": {"batch_size": 1, "n_jobs": 1, "left_padding_size": 4},
    "confidence": {
        "exclude_blank": True,
        "aggregation": "mean",
        "method_cfg": {"name": "entropy", "entropy_type": "tsallis", "alpha": 0.5, "entropy_norm": "exp"},
    },
    "endpointing": {"stop_history_eou": -1, "residue_tokens_at_end": 2},
    "streaming": {
        "sample_rate": RATE,
        "batch_size": 4,
        "word_boundary_tolerance": 4,
        "request_type": "frame",
        "att_context_size": [8, 3],
        "use_cache": True,
        "use_feat_cache": True,
        "chunk_size_in_secs": None,
        "num_slots": 8,
        "left_padding_size": 0.96,
        "right_padding_size": 0.32,
        "chunk_size": CHUNK,
        "padding_mode": "right",
    },
    "matmul_precision": "highest",
    "log_level": 30,
    "asr_decoding_type": "ctc",
    "enable_itn": False,
    "enable_pnc": False,  # NeMo 2.7
    "enable_nmt": False,
    "asr_output_granularity": "segment",
    "return_tail_result": False,
}


def options_of(phrases):
    """As NeMo's script makes them of a manifest's `biasing_request`; None: none."""
    from nemo.collections.asr.inference.streaming.framing.request_options import ASRRequestOptions
    from nemo.collections.asr.parts.context_biasing.biasing_multi_model import BiasingRequestItemConfig

    asked = None if phrases is None else BiasingRequestItemConfig(boosting_model_cfg={"key_phrases_list": phrases})
    return ASRRequestOptions(biasing_cfg=asked)


def built(kind, file, **changes):
    """NeMo's own pipeline of a `.nemo`."""
    from nemo.collections.asr.inference.factory.pipeline_builder import PipelineBuilder

    config = OmegaConf.merge(CONFIG, {"pipeline_type": kind, "asr": {"model_name": str(file)}}, changes)
    return PipelineBuilder.build_pipeline(config)


@pytest.fixture(scope="module")
def files(tiny_config, tokenizer_dir, eager, tmp_path_factory):
    """A base, and the same with the list ["saoirse"]."""
    folder = tmp_path_factory.mktemp("pipelines")
    base = made("streaming", tiny_config, tokenizer_dir)
    base.save_to(str(folder / "base.nemo"))
    model = from_ctc(base)
    model.set_biasing(**eager)
    model.set_bias_list(["saoirse"])
    model.save_to(str(folder / "biased.nemo"))
    return {"base": folder / "base.nemo", "biased": folder / "biased.nemo"}


@pytest.fixture(scope="module", params=KINDS)
def pipelines(request, files):
    """One kind of pipeline: of the base, and of the biased model."""
    return built(request.param, files["base"]), built(request.param, files["biased"])


def run(pipeline, audio, lists=None, changed=None, spoilt=None):
    """Streams side by side as NeMo's own loop hands them over: [(final texts, segments, partial texts)].

    changed: {step: (stream, list)}; spoilt: {step: stream} whose samples are not numbers.
    """
    from nemo.collections.asr.inference.streaming.framing.request import Frame

    size = round((getattr(pipeline, "chunk_size", None) or pipeline.chunk_size_in_secs) * RATE)
    steps = [math.ceil(len(one) / size) for one in audio]
    found = [("", [], []) for _ in audio]
    pipeline.open_session()
    for step in range(max(steps)):
        if changed and step in changed:
            pipeline.set_bias_list(*changed[step])
        going = [stream for stream, count in enumerate(steps) if step < count]
        frames = []
        for stream in going:
            piece = audio[stream][step * size : (step + 1) * size]
            length = len(piece)
            piece = torch.nn.functional.pad(piece, (0, size - length))
            if spoilt and spoilt.get(step) == stream:
                piece = torch.full_like(piece, torch.nan)
            last, options = step + 1 == steps[stream], options_of(lists[stream] if lists else None)
            frames.append(Frame(piece, stream, step == 0, last, length, options=options))
        for stream, output in zip(going, pipeline.transcribe_step(frames), strict=True):
            text, segments, partial = found[stream]
            new = [*partial, output.partial_transcript]
            found[stream] = (text + output.final_transcript, [*segments, *output.final_segments], new)
    pipeline.close_session()
    return found


def phrases(one):
    return {hit.phrase for segment in one[1] for hit in segment.hits}


def test_without_lists_a_pipeline_is_nemos(pipelines, audio):
    """Of models that are not biased, and of streams whose list is empty."""
    base, biased = pipelines
    plain = run(base, audio)
    assert any(text for text, _, _ in plain)
    assert [(one[0], one[2]) for one in run(biased, audio, lists=[[]] * len(audio))] == [(x[0], x[2]) for x in plain]


def test_streams_of_a_batch_have_lists_of_their_own(pipelines, audio):
    """The stored list where a request brings none; alone each is what it is beside others."""
    _, biased = pipelines
    lists = [None, ["new york"], [], ["saoirse", "new york"]]
    found = run(biased, audio, lists)
    heard = [phrases(one) if lists[at] != [] else set() for at, one in enumerate(found)]
    assert heard[0] == {"saoirse"} and heard[1] == {"new york"} and heard[3] <= {"saoirse", "new york"}
    for place, one in enumerate(found):
        (single,) = run(biased, audio[place : place + 1], lists[place : place + 1])
        assert single[0] == one[0]
    assert any(any(partial) for _, _, partial in found)
    for (text, segments, _), samples in zip(found, audio, strict=True):
        for segment in segments:
            assert 0 <= segment.start < segment.end <= len(samples) / RATE + 2 * CHUNK
            for hit in getattr(segment, "hits", ()):
                assert hit.phrase in text and segment.start <= hit.start < hit.end <= segment.end
            assert json.dumps(segment.to_dict())


def test_a_list_may_change_in_the_middle_of_a_stream(pipelines, audio):
    _, biased = pipelines
    long = torch.cat([audio[1]] * 4)
    changed = {round(len(long) / RATE / CHUNK / 2): (0, ["new york"])}
    ((_, segments, _),) = run(biased, [long], [["saoirse"]], changed=changed)
    hits = sorted((hit for segment in segments for hit in segment.hits), key=lambda hit: hit.start)
    assert {hit.phrase for hit in hits} == {"saoirse", "new york"}
    assert hits[-1].phrase == "new york"
    ((text, _, _),) = run(biased, [long], [[]], changed=changed)
    assert "new york" in text
    with pytest.raises(BiasListError, match="no stream 7"):
        biased.set_bias_list(7, ["saoirse"])


def test_a_stream_that_sends_nan_does_not_touch_the_others(pipelines, audio):
    _, biased = pipelines
    alone = run(biased, audio)
    spoilt = run(biased, audio, spoilt={1: 0})
    assert [one[0] for one in spoilt[1:]] == [one[0] for one in alone[1:]]
    assert isinstance(spoilt[0][0], str)


def test_words_and_ends_of_utterances(files, audio):
    """What was said until the end of an utterance is final there, times go on; words carry their hits."""
    for kind in KINDS:
        biased = built(kind, files["biased"], asr_output_granularity="word")
        ends = itertools.cycle([False, False, True])
        biased.endpointer.detect_eou = lambda log_probs, ends=ends, **_: (next(ends), 0)
        biased.endpointer.detect_eou_near_pivot = lambda emissions, pivot, ends=ends, **_: (next(ends), 0)
        ((text, words, _),) = run(biased, [torch.cat([audio[1]] * 4)])
        texts = [word.text for word in words]
        assert sum(one.startswith(" ") for one in texts) > 1, "NeMo separates utterances"
        assert text.split() == "".join(" " + one.strip() for one in texts).split()
        hits = [(word, hit) for word in words for hit in word.hits]
        assert hits and all(word.text.strip() == hit.phrase == "saoirse" for word, hit in hits)
        assert all(word.start == hit.start for word, hit in hits)
        starts = [word.start for word in words]
        assert starts == sorted(starts) and starts[-1] > 3 * len(audio[1]) / RATE


@pytest.fixture(scope="module", params=KINDS)
def with_parts(request, tiny_config, tokenizer_dir, eager, random_parts, tmp_path_factory):
    """A pipeline of a model with adapter and phone head."""
    model = from_ctc(made("streaming", tiny_config, tokenizer_dir))
    model.set_biasing(**eager)
    random_parts(model)
    model.set_bias_list(["saoirse"])
    file = tmp_path_factory.mktemp("parts") / "all.nemo"
    model.save_to(str(file))
    return built(request.param, file)


def test_adapters_and_phone_head_act(with_parts, audio, monkeypatch):
    """On each stream as on it alone, whatever the others send; the search gets phones for each of its frames."""
    phones, searched = [], []
    advance = RecognizedStream.advance

    def spied(self, utterance, whole=False):
        if len(utterance.log_probs):
            phones.append(len(utterance.phones))
            searched.append(len(utterance.log_probs))
        return advance(self, utterance, whole)

    lists = [None, ["new york"], [], ["saoirse", "new york"]]
    alone = [run(with_parts, audio[at : at + 1], lists[at : at + 1])[0] for at in range(len(audio))]
    monkeypatch.setattr(RecognizedStream, "advance", spied)
    found = run(with_parts, audio, lists, spoilt={2: 2})
    assert phones == [2 * frames for frames in searched]
    assert [found[at][0] for at in (0, 1, 3)] == [alone[at][0] for at in (0, 1, 3)]
    hits = [hit for one in found for segment in one[1] for hit in getattr(segment, "hits", ())]
    assert hits and all("adapter" in hit.parts for hit in hits)


def test_lists_act_by_the_spelling_where_the_encoder_is_not_seen(with_parts, audio, monkeypatch):
    """As in a CUDA graph, which calls no hooks."""
    model = with_parts.model
    monkeypatch.setattr(model, "hearing", lambda dropped=0: nullcontext([]))
    # NeMo 2.7 has the model hear 0.4 s of padding behind the last chunk, 3.0 none of it, and of the first recording
    # with it these weights make nothing of the list.
    for one in run(with_parts, audio[1:] if nemo.__version__ < "3" else audio):
        assert phrases(one) == {"saoirse"}
        assert not any("adapter" in hit.parts for segment in one[1] for hit in segment.hits)


def test_a_list_that_cannot_be_read_is_refused(pipelines, tmp_path):
    _, biased = pipelines
    options = options_of([])
    options.biasing_cfg.boosting_model_cfg.model_path = str(tmp_path / "tree.nemo")
    with pytest.raises(BiasListError, match="no list; give key_phrases_list or key_phrases_file"):
        biased.create_state(options)


def test_from_files_as_nemos_script_does(files, audio, tmp_path):
    """Its steps: the manifest read, the pipeline built, run, and dumped."""
    from nemo.collections.asr.inference.utils.manifest_io import dump_output, prepare_audio_data

    rows = []
    for at, samples in enumerate(audio[:2]):
        soundfile.write(tmp_path / f"{at}.wav", samples.numpy(), RATE)
        asked = {"boosting_model_cfg": {"key_phrases_list": ["new york"]}}
        rows.append({"audio_filepath": f"{at}.wav", "text": "", **({"biasing_request": asked} if at else {})})
    manifest = tmp_path / "manifest.json"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths, kept, options, order = prepare_audio_data(str(manifest))
    output = built("buffered", files["biased"]).run(paths, options=options)
    dump_output(output, str(tmp_path / "out.json"), str(tmp_path / "out"), kept, order)
    texts = [json.loads(line)["pred_text"] for line in (tmp_path / "out.json").read_text().splitlines()]
    assert "saoirse" in texts[0] and "new york" in texts[1]
    assert '"phrase": "saoirse"' in (tmp_path / "out" / "0.json").read_text()
