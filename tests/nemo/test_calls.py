"""Many calls on one model: from threads, after errors, and how often a list is compiled."""

import copy
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from nemo.collections.asr.parts.mixins.transcription import TranscribeConfig

from nemo_ctcbias import recognizer
from nemo_ctcbias.bias_list import BiasList, trie
from nemo_ctcbias.nemo.call import lists_of
from nemo_ctcbias.search import biased_search

LISTS = [["saoirse"], ["new york"], [], ["fox", "okonkwo"]]


@pytest.fixture
def model(with_all_parts):
    model = with_all_parts()
    model.set_biasing(precision=0.0)
    return model


def transcribed(model, audio, **options):
    results = model.transcribe([one.numpy() for one in audio], verbose=False, batch_size=4, **options)
    return [(one.text, [(hit.phrase, hit.start, hit.parts) for hit in getattr(one, "hits", [])]) for one in results]


def test_threads_with_lists_of_their_own_get_their_own(model, audio):
    expected = [transcribed(model, audio[:2], bias_list=one, timestamps=k % 2 == 0) for k, one in enumerate(LISTS)]
    assert len({str(one) for one in expected}) == len(LISTS)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda k: (k % 4, transcribed(model, audio[:2], bias_list=LISTS[k % 4], timestamps=k % 2 == 0)),
                range(12),
            )
        )
    for which, one in found:
        assert one == expected[which]
    assert model.bias_list == type(model.bias_list)() and not model.training


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_error_in_the_middle_leaves_the_model_as_it_was(model, audio, monkeypatch, error):
    model.set_bias_list(["saoirse"])
    before, config = transcribed(model, audio[:1]), copy.deepcopy(model.cfg)
    learning = [parameter.requires_grad for parameter in model.parameters()]
    hooks = sum(len(module._forward_hooks) for module in model.modules())
    attributes = set(vars(model))

    def fail(*args, **kwargs):
        raise error("in the middle")

    for place in ((biased_search.BiasedSearch, "beams"), (type(model.encoder), "forward"), (recognizer, "rescore")):
        with monkeypatch.context() as broken:
            broken.setattr(*place, fail)
            with pytest.raises(error, match="in the middle"):
                transcribed(model, audio, bias_list=["new york"], timestamps=True)
        assert model.cfg == config and set(vars(model)) == attributes and not model.training
        assert [parameter.requires_grad for parameter in model.parameters()] == learning
        assert sum(len(module._forward_hooks) for module in model.modules()) == hooks
        assert transcribed(model, audio[:1]) == before


def test_generators_taken_in_turn_keep_their_lists(model, noise_wavs, tmp_path):
    """Each call has its own rows, whatever other calls do between two of its batches."""
    manifests = []
    for number, lists in enumerate((LISTS, LISTS[::-1])):
        rows = [
            {"audio_filepath": str(path), "duration": 1.0, "text": "", "bias_list": phrases}
            for path, phrases in zip(noise_wavs, lists, strict=True)
        ]
        manifests.append(tmp_path / f"{number}.json")
        manifests[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))

    def taken(*generators):
        """Texts of each, a batch of each in turn."""
        found = [[] for _ in generators]
        for batches in zip(*generators, strict=True):
            for texts, batch in zip(found, batches, strict=True):
                texts += [one.text for one in batch]
        return found

    def generator(manifest):
        config = TranscribeConfig(batch_size=1, num_workers=0, verbose=False, return_hypotheses=True)
        return model.transcribe_generator(str(manifest), config)

    def state():
        learning = [parameter.requires_grad for parameter in model.parameters()]
        featurizer = model.preprocessor.featurizer
        return [part.training for part in model.modules()], learning, featurizer.dither, featurizer.pad_to

    model.preprocessor.featurizer.dither, model.preprocessor.featurizer.pad_to = 1e-5, 16
    next(model.encoder.parameters()).requires_grad_(False)
    model.train()
    before = state()
    alone = [taken(generator(manifest))[0] for manifest in manifests]
    assert len(alone[0]) == 4 and alone[0] != alone[1]
    assert taken(*map(generator, manifests)) == alone
    assert state() == before
    first, second = map(generator, manifests)
    texts = [one.text for one in next(first)]
    next(second)
    transcribed(model, [torch.zeros(16000)])
    second.close()
    assert not model.training, "the first goes on"
    assert texts + [one.text for batch in first for one in batch] == alone[0]
    assert state() == before


@pytest.fixture
def counted(monkeypatch):
    """How often a list is spelled, pronounced and put into a trie."""
    from nemo_ctcbias import compiled_list

    counts = {"spell": 0, "pronounce": 0, "trie": 0}

    def counting(name, function):
        def counted(*args, **kwargs):
            counts[name] += name != "trie" or len(args[1]) > 0  # a search without a list has an empty one
            return function(*args, **kwargs)

        return counted

    monkeypatch.setattr(compiled_list, "spell", counting("spell", compiled_list.spell))
    monkeypatch.setattr(compiled_list, "Pronouncer", counting("pronounce", compiled_list.Pronouncer))
    monkeypatch.setattr(trie.BoostingTrie, "_insert", counting("trie", trie.BoostingTrie._insert))
    yield counts


@pytest.mark.parametrize("timestamps", [None, True])
def test_a_list_is_compiled_once(model, audio, counted, timestamps):
    once, none = {"spell": 1, "pronounce": 1, "trie": 1}, {"spell": 0, "pronounce": 0, "trie": 0}
    transcribed(model, audio[:1], bias_list=["saoirse"], timestamps=timestamps)
    assert counted == once
    for bias_list in (["saoirse"], ["saoirse"]):
        counted.update(none)
        transcribed(model, audio[:1], bias_list=bias_list, timestamps=timestamps)
        assert counted == none
    model.set_bias_list(["okonkwo", "saoirse"])
    transcribed(model, audio[:1], timestamps=timestamps)
    assert counted == once, "the notes on a list that is stored are those of its one spelling"


@pytest.mark.parametrize("nbest", [False, True])
def test_calls_that_ask_for_times_make_the_decoding_once(model, audio, nbest):
    model.ctc_config.decoding.beam.return_best_hypothesis = not nbest
    model.renew_decoding()

    def timed(**asked):
        found = model.transcribe([audio[0].numpy()], verbose=False, bias_list=["saoirse"], **asked)
        best = found[0][0] if nbest else found[0]
        return best.text, best.timestamp["word"], best.timestamp["hits"]

    first, decoding = timed(timestamps=True), model.ctc_strategy
    assert first[1][0]["start"] is not None and first[2]
    assert timed(timestamps=True) == first and model.ctc_strategy is decoding
    config = model.get_transcribe_config()
    config.timestamps = config.return_hypotheses = True
    config.verbose = False
    for _ in range(2):
        assert timed(override_config=config) == first and model.ctc_strategy is decoding
    assert config.timestamps, "a caller's config stays as it is"


def test_the_same_log_probs_give_the_same_hits_without_the_encoder(model, audio):
    """What is told of a recording does not hang on which tensor it came in."""
    model.set_phonetics(parts=[])
    model.set_biasing(adapter=False)
    model.set_bias_list(["saoirse"])
    whole = transcribed(model, audio[:1])
    with torch.inference_mode():
        log_probs, lengths, _ = model(input_signal=audio[0][None], input_signal_length=torch.tensor([len(audio[0])]))
        (again,) = model.decoding.ctc_decoder_predictions_tensor(log_probs.clone(), lengths, return_hypotheses=True)
    assert again.text == whole[0][0] and len(again.hits) == len(whole[0][1])
    assert np.isfinite(float(again.score))


def test_a_list_given_for_many_recordings_is_read_once(tmp_path, monkeypatch):
    path, names = str(tmp_path / "names.txt"), ["saoirse"]
    (tmp_path / "names.txt").write_text("okonkwo\n", encoding="utf-8")
    read, load = [], BiasList.load
    monkeypatch.setattr(BiasList, "load", lambda *given: read.append(given) or load(*given))
    found = lists_of(iter([path, names, path, ["saoirse"], names, None]))
    assert len(read) == 1 and found[1] is found[4]
    assert [[phrase.text for phrase in one] for one in found] == [
        ["okonkwo"], ["saoirse"], ["okonkwo"], ["saoirse"], ["saoirse"], []
    ]  # fmt: skip
