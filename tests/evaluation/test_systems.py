"""Every system on log-probs with a known answer: it writes a listed rival, and nothing changes without a list."""

from __future__ import annotations

import builtins
import sys

import numpy as np
import pytest

from nemo_ctcbias.errors import MissingDependencyError, SettingError
from nemo_ctcbias.evaluation.logprobs import Item
from nemo_ctcbias.evaluation.peers_wordspotter import join_bare_starts
from nemo_ctcbias.evaluation.registry import make_system
from nemo_ctcbias.evaluation.runner import run_system, subset
from nemo_ctcbias.evaluation.systems import Context

pytest.importorskip("nemo.collections.asr")

SAID, HEARD = "the water", "the weter"  # as many tokens each, so that they can rival frame by frame
STRONG = {
    "nemo-boosting-greedy": {"boosting_tree_alpha": 2.0},
    "nemo-boosting-beam": {"boosting_tree_alpha": 1.0},
    "nemo-ctc-ws": {"cb_weight": 4.0},
    "pyctcdecode": {"hotword_weight": 10.0},
    "pyctcdecode-cached": {"hotword_weight": 10.0},
    "hotword": None,  # its default
}


def ready(name, model, **context):
    if name in ("pyctcdecode", "pyctcdecode-cached"):
        pytest.importorskip("pyctcdecode")
    if name == "flashlight":
        pytest.importorskip("flashlight.lib.text.decoder")
    system = make_system(name)
    system.prepare(Context(model, beam_width=20, **context))
    return system


def decode(system, item, phrases, setting=None):
    setting = dict(system.default) if setting is None else setting
    return system.decode(item, system.build(phrases, setting), setting)


@pytest.fixture
def item(tiny_model, spell):
    row = {"id": "u", "text": SAID}
    return Item(row, spell(tiny_model, HEARD, rival=SAID, gap=1.0), 1.0)


def test_greedy_writes_the_best_path(tiny_model, item):
    assert decode(ready("greedy", tiny_model), item, ()) == HEARD


@pytest.mark.parametrize("name", STRONG)
def test_a_listed_word_wins_and_without_a_list_nothing_changes(name, tiny_model, item):
    system = ready(name, tiny_model)
    assert decode(system, item, ("water", "dover", "calais"), STRONG[name]) == SAID
    assert decode(system, item, (), STRONG[name]) == HEARD


@pytest.mark.parametrize("name", STRONG)
def test_the_strength_is_what_acts(name, tiny_model, item):
    system = ready(name, tiny_model)
    (knob,) = system.default
    bias = system.build(("water", "dover"), system.default)
    assert system.decode(item, bias, {knob: 0.0}) == HEARD


@pytest.mark.parametrize("name", ["greedy", *STRONG])
def test_settings_of_the_grid_are_accepted_and_results_repeat(name, tiny_model, item):
    system = ready(name, tiny_model)
    for setting in system.grid:
        texts = {decode(system, item, ("water", "dover"), setting) for _ in range(2)}
        assert len(texts) == 1


@pytest.mark.parametrize("seed", range(12))
def test_cached_pyctcdecode_has_the_beams_and_scores_of_pyctcdecode(seed, tiny_model):
    cached = ready("pyctcdecode-cached", tiny_model)
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, (25, len(tiny_model.decoder.vocabulary) + 1)).astype(np.float32)
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    plain = cached._decoder.decode_beams(log_probs, beam_width=20)
    spoken = [word for beam in plain[:5] for word in beam[0].split()]
    words = tuple(rng.permutation([*spoken, "the", "we", "water", "zelda", "new york"])[: 3 + seed])
    for weight in (1.0, 10.0):
        shipped = cached._decoder.decode_beams(log_probs, beam_width=20, hotwords=words, hotword_weight=weight)
        assert cached.decode_beams(log_probs, cached.build(words, {}), weight) == shipped
    assert cached.decode_beams(log_probs, cached.build((), {}), 10.0) == plain


def test_flashlight_writes_words_of_lexicon_and_list_only(tiny_model, item):
    system = ready("flashlight", tiny_model, words=("the", "anna"))
    assert decode(system, item, ("water",)) == SAID


def test_flashlight_without_a_lexicon_says_so(tiny_model):
    pytest.importorskip("flashlight.lib.text.decoder")
    with pytest.raises(SettingError, match="give --lexicon FILE"):
        make_system("flashlight").prepare(Context(tiny_model))


@pytest.mark.parametrize(
    ("name", "module", "advice"),
    [("flashlight", "flashlight", "--no-deps flashlight-text"), ("pyctcdecode", "pyctcdecode", "pip install")],
)
def test_absent_packages_name_their_install_command(name, module, advice, tiny_model, monkeypatch):
    for loaded in [key for key in sys.modules if key.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    original = builtins.__import__

    def without(target, *args, **kwargs):
        if target.split(".")[0] == module:
            raise ImportError(f"No module named {target!r}")
        return original(target, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=advice):
        make_system(name).prepare(Context(tiny_model, words=("we",)))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nonsense", "unknown system 'nonsense'; choose from greedy, nemo-boosting-greedy"),
        ("hotword+telepathy", "part 'telepathy' does not exist; available: adapter, hotword, lm, boost-lm"),
        ("hotword+hotword", "named twice"),
    ],
)
def test_bad_names_are_refused(name, message):
    with pytest.raises(SettingError, match=message.replace("+", r"\+")):
        make_system(name)


def test_trees_need_a_tokenizer():
    for name in ("nemo-boosting-greedy", "nemo-boosting-beam", "nemo-ctc-ws"):
        with pytest.raises(SettingError, match="needs a model with a tokenizer"):
            make_system(name).prepare(Context(object()))


def test_word_spotter_keeps_the_letters_of_words_with_a_bare_start(tiny_model, spell):
    """NeMo's own merging makes "we t" of "we met" here."""
    system = ready("nemo-ctc-ws", tiny_model)
    item = Item({"id": "u", "text": ""}, spell(tiny_model, "we met the weter", "we met the water"), 1.0)
    assert tiny_model.tokenizer.text_to_tokens("met")[0] == "▁"
    assert decode(system, item, ("water",), {"cb_weight": 4.0}) == "we met the water"


def test_join_bare_starts():
    pieces = ["▁", "a", "b", "▁c"]  # blank is 4, joined tokens are 5 and more
    path, model = join_bare_starts(np.array([0, 0, 4, 1, 1, 2, 4, 3, 0, 3, 0, 4]), pieces)
    assert path.tolist() == [4, 4, 4, 6, 6, 2, 4, 3, 0, 3, 0, 4]
    assert model.tokenizer.ids_to_tokens([6, 2, 3]) == ["▁a", "b", "▁c"]


def test_runner_builds_once_for_a_shared_list_and_restores_threads(tiny_model, item):
    import torch

    system = ready("nemo-boosting-greedy", tiny_model)
    built = []
    build = system.build
    system.build = lambda phrases, setting: (built.append(phrases), build(phrases, setting))[1]
    shared, other = ("zelda",), ("dover",)
    threads = torch.get_num_threads()
    runs = run_system(system, [item] * 3, [shared, shared, other], system.grid[:2], progress=False)
    assert built == [shared, other]
    assert torch.get_num_threads() == threads
    assert [len(run.hypotheses) for run in runs] == [3, 3]
    assert runs[0].audio_seconds == 3.0
    assert runs[0].decode_seconds > 0 < runs[0].build_seconds


def test_subset_depends_on_ids_only():
    items = [Item({"id": f"u{i}"}, np.zeros((1, 1), np.float32), 1.0) for i in range(20)]
    chosen = {items[i].id for i in subset(items, 5, seed=3)}
    backwards = items[::-1]
    assert chosen == {backwards[i].id for i in subset(backwards, 5, seed=3)}
    assert len(chosen) == 5
    assert subset(items, 50, seed=3) == list(range(20))
