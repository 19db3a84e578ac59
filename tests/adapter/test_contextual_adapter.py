from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.adapter import ContextualAdapter, PhraseBank
from nemo_ctcbias.adapter.phrase_bank import TokenList
from nemo_ctcbias.adapter.phrase_encoder import PhraseEncoder

LISTED = [[1, 2, 3], [4, 5], [6], [1, 7, 8, 9], [2, 2]]


def trained(seed=0, **settings):
    """An adapter whose output projections are no longer zero."""
    torch.manual_seed(seed)
    adapter = ContextualAdapter(6, [5, 6], 10, query_layers=[0], **{"dim": 8, "heads": 2, **settings}).eval()
    for name, parameter in adapter.named_parameters():
        if "out.weight" in name or "no_bias" in name:
            torch.nn.init.normal_(parameter)
    return adapter


@pytest.fixture
def batch():
    torch.manual_seed(1)
    log_probs = (4 * torch.randn(3, 7, 11)).log_softmax(-1)
    return torch.randn(3, 7, 6), [torch.randn(3, 7, 5)], torch.tensor([7, 4, 5]), log_probs


def test_a_new_adapter_adds_exactly_nothing(batch):
    adapter = ContextualAdapter(6, [5, 6], 10, query_layers=[0], dim=8, heads=2)
    assert torch.equal(adapter(*batch, adapter.embed(TokenList.of(LISTED))), torch.zeros(3, 7, 6))


@torch.no_grad()
def test_results_do_not_depend_on_list_order(batch):
    adapter = trained()
    one = adapter(*batch, adapter.embed(TokenList.of(LISTED)))
    assert one.abs().max() > 0
    assert torch.equal(one, adapter(*batch, adapter.embed(TokenList.of(LISTED[::-1]))))


@torch.no_grad()
def test_results_do_not_depend_on_the_batch_or_its_padding(batch):
    encoded, (layer,), lengths, log_probs = batch
    adapter = trained(token_phrases=2)
    lists = [LISTED, LISTED[:2], [[3]]]
    bank = PhraseBank.stack([adapter.embed(TokenList.of(x)) for x in lists])
    together = adapter(encoded, [layer], lengths, log_probs, bank)
    for row, (listed, length) in enumerate(zip(lists, lengths.tolist(), strict=True)):
        cut = (encoded[[row], :length], [layer[[row], :length]], lengths[[row]], log_probs[[row], :length])
        alone = adapter(*cut, adapter.embed(TokenList.of(listed)))
        torch.testing.assert_close(together[[row], :length], alone, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_token_vectors_are_kept_or_made_anew_all_the_same(batch):
    adapter = trained(token_phrases=2)
    bank = adapter.embed(TokenList.of(LISTED))
    assert bank.vectors.shape == (1, 5, 4, 8)
    found = adapter(*batch, replace(bank, vectors=None))
    torch.testing.assert_close(adapter(*batch, bank), found, atol=1e-6, rtol=1e-6)
    mixed = PhraseBank.stack([replace(bank, vectors=None), bank, bank])
    assert mixed.vectors is None and torch.allclose(adapter(*batch, mixed), found, atol=1e-6)
    assert adapter.train().embed(TokenList.of(LISTED)).vectors is None, "their dropout is another one"


@torch.no_grad()
def test_an_utterance_without_phrases_in_a_batch_is_left_alone(batch):
    adapter = trained()
    banks = [adapter.embed(TokenList.of(listed)) for listed in (LISTED, [], LISTED[:1])]
    added = adapter(*batch, PhraseBank.stack(banks))
    assert torch.equal(added[1], torch.zeros(7, 6))
    assert added[0].abs().max() > 0


@torch.no_grad()
def test_long_lists_are_thinned_to_the_phrases_heard_best(batch):
    adapter, thinned = trained(), trained(preselect=2)
    bank = adapter.embed(TokenList.of(LISTED))
    added, attention = thinned.attend(*batch, bank)
    for row in range(3):
        few = adapter.embed(TokenList.of([sorted(LISTED)[n] for n in attention.phrases[row].tolist()]))
        alone = adapter(*[part[[row]] if torch.is_tensor(part) else [part[0][[row]]] for part in batch], few)
        length = int(batch[2][row])
        torch.testing.assert_close(added[row, :length], alone[0, :length], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_attention_is_returned(batch):
    adapter = trained(token_phrases=2)
    added, attention = adapter.attend(*batch, adapter.embed(TokenList.of(LISTED)))
    assert attention.weights.shape == (3, 2, 7, 6)
    assert attention.token_weights.shape == (3, 7, 2, 4)
    torch.testing.assert_close(attention.token_weights.sum(-1), torch.ones(3, 7, 2))
    assert torch.equal(added, adapter(*batch, adapter.embed(TokenList.of(LISTED))))


@torch.no_grad()
def test_layers_of_another_frame_rate():
    adapter = trained()
    bank = adapter.embed(TokenList.of(LISTED))
    encoded, layer = torch.randn(1, 6, 6), torch.randn(1, 12, 5)
    rest = (torch.tensor([6]), torch.randn(1, 6, 11).log_softmax(-1), bank)
    assert torch.equal(adapter(encoded, [layer], *rest), adapter(encoded, [layer[:, ::2]], *rest))


@torch.no_grad()
def test_types_have_embeddings_of_their_own(batch):
    adapter = trained(types=["people", "places"])
    people = adapter.embed(TokenList.of(LISTED, types=["people"] * 5))
    places = adapter.embed(TokenList.of(LISTED, types=["places"] * 5))
    none, unknown = adapter.embed(TokenList.of(LISTED)), adapter.embed(TokenList.of(LISTED, types=["ships"] * 5))
    assert not torch.equal(people.phrases, places.phrases)
    assert torch.equal(none.phrases, unknown.phrases)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=6), st.integers(0, 4))
def test_phrase_vectors_do_not_depend_on_padding(tokens, more):
    torch.manual_seed(0)
    encoder = PhraseEncoder(10, 4, 6).eval()
    with torch.no_grad():
        alone, states = encoder(torch.tensor([tokens]), torch.tensor([len(tokens)]))
        padded, padded_states = encoder(
            torch.tensor([tokens + [3] * more, [1] * (len(tokens) + more)]),
            torch.tensor([len(tokens), len(tokens) + more]),
        )
    torch.testing.assert_close(padded[0], alone[0])
    torch.testing.assert_close(padded_states[0, : len(tokens)], states[0])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@torch.inference_mode()
def test_phrase_vectors_do_not_depend_on_autocast(dtype):
    encoder = PhraseEncoder(10, 192, 128).eval()  # as wide as one in use: narrow LSTMs are computed otherwise
    listed = TokenList.of(LISTED)
    with torch.autocast("cpu", dtype):
        found = encoder(listed.tokens, listed.lengths)
    for one, other in zip(found, encoder(listed.tokens, listed.lengths), strict=True):
        assert torch.equal(one, other)


def test_gradients_reach_every_weight(batch):
    adapter = trained(types=["people"], query_context=3)
    adapter(*batch, adapter.embed(TokenList.of(LISTED, types=["people"] * 5))).square().sum().backward()
    missing = [name for name, parameter in adapter.named_parameters() if parameter.grad is None]
    assert not missing
