import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from nemo_ctcbias.adapter.phrase_bank import PhraseBank, TokenList

sequences = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=6)


@given(sequences, st.randoms(use_true_random=False))
def test_token_list_does_not_depend_on_the_order(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = TokenList.of(rows), TokenList.of(shuffled)
    assert torch.equal(one.tokens, other.tokens)
    assert torch.equal(one.lengths, other.lengths)
    assert len(one) == len({tuple(row) for row in rows})


@given(sequences)
def test_token_list_round_trip(rows):
    listed = TokenList.of(rows)
    back = [row[:count].tolist() for row, count in zip(listed.tokens, listed.lengths, strict=True)]
    assert back == sorted(back)
    assert [rows[owner] for owner in listed.owners] == back


def test_token_list_keeps_weights_types_and_owners_with_their_rows():
    listed = TokenList.of([[5], [2, 3], [1]], [1.0, 2.0, 0.5], ["people", None, "places"], [7, 8, 9])
    assert listed.tokens.tolist() == [[1, 0], [2, 3], [5, 0]]
    torch.testing.assert_close(listed.log_weights, torch.tensor([math.log(0.5), math.log(2.0), 0.0]))
    assert listed.types == ("places", None, "people")
    assert listed.owners == (9, 8, 7)


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), max_size=6, unique_by=tuple), st.data())
def test_what_is_heard_of_a_list_is_the_list_of_what_is_heard(rows, data):
    factors = data.draw(st.lists(st.sampled_from([0.0, 0.5, 2.0]), min_size=len(rows), max_size=len(rows)))
    kept = [index for index, factor in enumerate(factors) if factor]
    weights = [1.0 + index for index in range(len(rows))]
    heard = TokenList.of(rows, weights, [str(index) for index in range(len(rows))]).heard(factors)
    expected = TokenList.of(
        [rows[i] for i in kept], [weights[i] * factors[i] for i in kept], [str(i) for i in kept], kept
    )
    assert torch.equal(heard.tokens, expected.tokens)
    assert torch.equal(heard.lengths, expected.lengths)
    torch.testing.assert_close(heard.log_weights, expected.log_weights)
    assert (heard.types, heard.owners) == (expected.types, expected.owners)


def bank(count, longest, seed):
    generator = torch.Generator().manual_seed(seed)
    return PhraseBank(
        phrases=torch.randn(1, count, 4, generator=generator),
        tokens=torch.randint(1, 9, (1, count, longest), generator=generator),
        lengths=torch.full((1, count), longest),
        types=torch.zeros(1, count, dtype=torch.long),
        bias=torch.zeros(1, count),
    )


def test_stack_pads_to_the_longest():
    stacked = PhraseBank.stack([bank(2, 3, 0), bank(0, 1, 1), bank(4, 2, 2)])
    assert stacked.phrases.shape == (3, 4, 4)
    assert stacked.tokens.shape == (3, 4, 3)
    assert torch.isinf(stacked.bias).tolist() == [[False] * 2 + [True] * 2, [True] * 4, [False] * 4]
    assert stacked.lengths.min() == 1  # a length of 0 could not be packed


def test_a_shared_list_is_not_copied():
    one = bank(3, 2, 0)
    assert PhraseBank.stack([one, one, one]) is one
    assert len(one) == 3


def test_take():
    one = bank(5, 2, 0)
    taken = one.take(torch.tensor([[4, 0], [1, 1]]))
    assert torch.equal(taken.phrases[0], one.phrases[0, [4, 0]])
    assert torch.equal(taken.tokens[1], one.tokens[0, [1, 1]])


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_take_keeps_no_more_places_than_its_phrases_have(index):
    one, lengths = bank(6, 5, 0), torch.tensor([[3, 1, 5, 2, 1, 4]])
    one.lengths, one.vectors = lengths, torch.randn(1, 6, 5, 4)
    taken = one.take(torch.tensor([index]))
    longest = max(lengths[0, row].item() for row in index)
    assert taken.tokens.shape[2] == taken.vectors.shape[2] == longest
    assert torch.equal(taken.tokens, one.tokens[:, index, :longest])
    assert torch.equal(taken.vectors, one.vectors[:, index, :longest])
    assert torch.equal(taken.lengths, lengths[:, index])
