"""Streams on models: samples in pieces, NeMo's cache-aware loop, lists of their own."""

import numpy as np
import pytest
import torch
from nemo.collections.asr.parts.utils.streaming_utils import CacheAwareStreamingAudioBuffer
from test_encoders import made

from nemo_ctcbias import from_ctc
from nemo_ctcbias.errors import AudioError, BiasListError, SettingError
from nemo_ctcbias.recognizer import Recognizer


@pytest.fixture(scope="module")
def model(tiny_config, tokenizer_dir, eager):
    one = from_ctc(made("streaming", tiny_config, tokenizer_dir))
    one.set_biasing(**eager)
    return one.eval()


def streamed(stream, samples, cuts=()):
    updates = [stream.feed(piece) for piece in np.split(samples, cuts)] + [stream.finish()]
    words = [word for one in updates for word in one.words]
    return words, [hit for one in updates for hit in one.hits]


def test_samples_in_pieces_give_what_one_piece_gives(model, audio):
    samples = audio[1].numpy()
    whole = streamed(model.stream(["saoirse", "new york"]), samples)
    assert whole[1]
    rng = np.random.default_rng(0)
    for _ in range(3):
        cuts = np.sort(rng.integers(0, len(samples), 7))
        assert streamed(model.stream(["saoirse", "new york"]), samples, cuts) == whole
    for word in whole[0]:
        assert 0 <= word.start < word.end <= len(samples) / 16000 + 0.2
    texts = [word.text for word in whole[0]]
    for hit in whole[1]:
        assert hit.phrase in texts and 0 <= hit.start < hit.end


def test_streams_side_by_side_have_lists_of_their_own_and_do_not_meet(model, audio):
    samples = audio[1].numpy()
    alone = [streamed(model.stream(one), samples, [9000]) for one in (["saoirse"], ["new york"], None)]
    assert {hit.phrase for hit in alone[0][1]} == {"saoirse"} and not alone[2][1]
    streams, found = [model.stream(one) for one in (["saoirse"], ["new york"], None)], [[], [], []]
    for piece in np.split(samples, [9000]):
        for stream, updates in zip(streams, found, strict=True):
            updates.append(stream.feed(piece))
            with pytest.raises(AudioError, match="not numbers"):
                stream.feed(np.full(3, np.nan))
    for stream, updates, (words, _) in zip(streams, found, alone, strict=True):
        updates.append(stream.finish())
        assert [word for one in updates for word in one.words] == words


def test_without_a_list_a_stream_says_what_the_model_says(model, audio):
    """With a window as long as the recording, the encoder hears the same."""
    samples = audio[0].numpy()
    long = len(samples) / 16000
    words, _ = streamed(model.stream(None, step=1.0, left=long, right=long + 0.1), samples)
    assert " ".join(word.text for word in words) == model.transcribe([samples], bias_list=None, verbose=False)[0].text


def test_a_list_may_change_in_the_middle(model, audio):
    """What stands stays; what does not is written with the new list."""
    samples = np.concatenate([one.numpy() for one in audio])
    stream = model.stream(["saoirse"])
    updates = [stream.feed(samples[: len(samples) // 2])]
    before = len(updates[0].words)
    assert updates[0].hits
    with pytest.raises(BiasListError):
        stream.set_bias_list(7)
    stream.set_bias_list(["new york"])
    updates += [stream.feed(samples[len(samples) // 2 :]), stream.finish()]
    assert {hit.phrase for one in updates[1:] for hit in one.hits} == {"new york"}
    whole, _ = streamed(model.stream(["saoirse"]), samples)
    assert updates[0].words == tuple(whole[:before])
    with pytest.raises(AudioError, match="has ended"):
        stream.feed(samples)


def test_what_cannot_be_is_refused(model):
    with pytest.raises(SettingError, match=r"stream: step 2\.0 s and lag 1\.0 s"):
        model.stream(step=2.0)
    with pytest.raises(SettingError, match="stream: left -1 s"):
        model.stream(left=-1)


def in_chunks(model, audio, spoilt=None, **given):
    """NeMo's loop over the chunks of several recordings; the last step's transcriptions and labels.

    spoilt: {step: stream} whose features are not numbers.
    """
    buffer = CacheAwareStreamingAudioBuffer(model=model, online_normalization=False, pad_and_drop_preencoded=False)
    for one in audio:
        buffer.append_audio(one.numpy(), stream_id=-1)
    caches, labels, at = model.encoder.get_initial_cache_state(batch_size=len(audio)), None, 0
    for at, (chunk, lengths) in enumerate(iter(buffer)):
        if spoilt and at in spoilt:
            chunk[spoilt[at]] = torch.nan
        with torch.inference_mode():
            labels, texts, *caches, _ = model.conformer_stream_step(
                processed_signal=chunk,
                processed_signal_length=lengths,
                cache_last_channel=caches[0],
                cache_last_time=caches[1],
                cache_last_channel_len=caches[2],
                keep_all_outputs=buffer.is_buffer_empty(),
                previous_pred_out=labels,
                drop_extra_pre_encoded=model.encoder.streaming_cfg.drop_extra_pre_encoded if at else 0,
                return_transcription=True,
                **{name: values[at] for name, values in given.items() if at in values},
            )
    assert at > 2
    return texts, labels


def test_the_cache_aware_loop_hears_lists(model, audio):
    plain, labels = in_chunks(model, audio, bias_lists={0: [None] * len(audio)})
    model.set_bias_list(["saoirse"])
    try:
        found, again = in_chunks(model, audio)
    finally:
        model.set_bias_list(None)
    assert all(torch.equal(one, other) for one, other in zip(labels, again, strict=True))
    assert any(one.hits for one in found)
    for one in found:
        assert {hit.phrase for hit in one.hits} <= {"saoirse"}
        assert one.text.split().count("saoirse") >= len(one.hits)
    assert [one.text for one in found] != [one.text for one in plain]


def test_a_recording_as_one_chunk_is_no_chunk_too_long(model, audio):
    """What NeMo's script does with --compare_vs_offline; longer than any lag may be."""
    buffer = CacheAwareStreamingAudioBuffer(model=model, online_normalization=False, pad_and_drop_preencoded=False)
    buffer.append_audio(torch.cat([one for one in audio for _ in range(2)]).numpy(), stream_id=-1)
    signal, lengths = buffer.get_all_audios()
    assert lengths[0] * 0.01 > 15
    with torch.inference_mode():
        step = {"processed_signal": signal, "processed_signal_length": lengths, "return_transcription": True}
        labels, (found,), *_ = model.conformer_stream_step(**step, bias_lists=[["saoirse"]])
    assert {hit.phrase for hit in found.hits} == {"saoirse"} and found.hits[-1].end > 15
    assert torch.cat(labels).shape == labels[0].shape


def test_a_stream_of_a_batch_that_sends_nan_is_silent_and_the_others_go_on(model, audio):
    """What it said before stays."""
    lists = [["saoirse"]] * len(audio)
    alone, _ = in_chunks(model, audio, bias_lists={0: lists})
    spoilt, _ = in_chunks(model, audio, spoilt={2: 1}, bias_lists={0: lists})
    assert [one.text for one in spoilt[:1] + spoilt[2:]] == [one.text for one in alone[:1] + alone[2:]]
    assert spoilt[1].text and spoilt[1].text != alone[1].text
    assert alone[1].text.startswith(spoilt[1].text.rsplit(" ", 1)[0])


def test_streams_of_a_batch_have_lists_of_their_own(model, audio):
    lists = [["saoirse"], ["new york"], [], ["saoirse"]]
    found, _ = in_chunks(model, audio, bias_lists={0: lists})
    for place, one in enumerate(found):
        (single,), _ = in_chunks(model, audio[place : place + 1], bias_lists={0: lists[place : place + 1]})
        assert one.text == single.text
        assert {hit.phrase for hit in getattr(one, "hits", ())} <= set(lists[place])
    changed, _ = in_chunks(model, audio[1:2], bias_lists={0: [["saoirse"]], 2: [["new york"]]})
    assert {hit.phrase for hit in changed[0].hits} - {"saoirse"} == {"new york"}
    with pytest.raises(BiasListError, match="2 lists for 4 streams"):
        in_chunks(model, audio, bias_lists={0: lists[:2]})


@pytest.fixture(scope="module")
def with_parts(tiny_config, tokenizer_dir, eager, random_parts):
    one = from_ctc(made("streaming", tiny_config, tokenizer_dir))
    one.set_biasing(**eager)
    return random_parts(one)


def test_adapters_and_phone_head_act_in_the_cache_aware_loop(with_parts, audio, monkeypatch):
    """On what comes chunk by chunk; a stream of the batch that sends NaN does not touch the others."""
    heard, witnesses = [], Recognizer.witnesses

    def spied(self, utterance, listed):
        heard.append(utterance.phones is not None and len(utterance.phones) == 2 * len(utterance.log_probs))
        return witnesses(self, utterance, listed)

    monkeypatch.setattr(Recognizer, "witnesses", spied)
    lists = [["saoirse"], ["new york"], [], ["saoirse"]]
    found, labels = in_chunks(with_parts, audio, bias_lists={0: lists})
    assert heard and all(heard)
    hits = [hit for one in found for hit in one.hits]
    assert hits and all("adapter" in hit.parts for hit in hits)
    for place, one in enumerate(found):
        (single,), _ = in_chunks(with_parts, audio[place : place + 1], bias_lists={0: lists[place : place + 1]})
        assert single.text == one.text
        assert labels.streams[place].searched == len(labels[place])
    spoilt, _ = in_chunks(with_parts, audio, spoilt={2: 1}, bias_lists={0: lists})
    assert [one.text for one in spoilt[:1] + spoilt[2:]] == [one.text for one in found[:1] + found[2:]]


def test_a_list_that_comes_later_keeps_what_was_said_before_and_counts_from_the_beginning(model, audio):
    recordings = [torch.cat([audio[1]] * 2)]
    without, _ = in_chunks(model, recordings, bias_lists={0: [None]})
    late, _ = in_chunks(model, recordings, bias_lists={0: [None], 8: [["saoirse"]]})
    early, _ = in_chunks(model, recordings, bias_lists={0: [["saoirse"]]})
    before = without[0].text.split()[0][:1]
    assert late[0].text.startswith(f"{before} saoirse") and early[0].text.startswith("saoirse")
    chunk = 8 * 4 * 0.08  # steps of four frames
    assert early[0].hits[0].start < chunk <= late[0].hits[0].start
    assert [late[0].text.split()[hit.first_word] for hit in late[0].hits] == ["saoirse"] * len(late[0].hits)
