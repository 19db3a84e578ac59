import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.adapter.attention import PhraseAttention, TokenAttention


def plain_phrase_attention(module, queries, phrases, bias):
    """One utterance, loops: softmax(q k / sqrt(d) + bias) over phrases and <no-bias>, whose value is zero."""
    heads, width = module.no_bias.shape
    contexts, weights = [], []
    for query in queries:
        parts, shares = [], []
        for head in range(heads):
            cut = slice(head * width, (head + 1) * width)
            q = module.query(query)[cut]
            scores = [
                float(q @ module.key(phrase)[cut]) / math.sqrt(width) + float(more)
                for phrase, more in zip(phrases, bias, strict=True)
            ]
            scores.append(float(q @ module.no_bias[head]) / math.sqrt(width))
            top = max(scores)
            exps = [math.exp(score - top) for score in scores]
            share = [value / sum(exps) for value in exps]
            values = [module.value(phrase)[cut] * part for phrase, part in zip(phrases, share[:-1], strict=True)]
            parts.append(sum(values, torch.zeros(width)))
            shares.append(share)
        contexts.append(torch.cat(parts))
        weights.append(shares)
    return torch.stack(contexts), torch.tensor(weights).transpose(0, 1)  # [T, D], [H, T, N + 1]


@settings(max_examples=25)
@given(st.integers(0, 5), st.integers(1, 4), st.sampled_from([(8, 2), (6, 3), (4, 1)]), st.integers(0, 10**6))
def test_phrase_attention_equals_loops(count, frames, shape, seed):
    torch.manual_seed(seed)
    dim, heads = shape
    module = PhraseAttention(dim, heads)
    torch.nn.init.normal_(module.no_bias)
    queries, phrases, bias = torch.randn(2, frames, dim), torch.randn(2, count, dim), torch.randn(2, count)
    if count:
        bias[0, 0] = -math.inf  # no phrase there
    with torch.no_grad():
        context, weights = module(queries, phrases, bias[:, None, None])
        for row in range(2):
            expected = plain_phrase_attention(module, queries[row], phrases[row], bias[row])
            torch.testing.assert_close(context[row], expected[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(weights[row], expected[1], atol=1e-5, rtol=1e-4)


def test_frames_that_attend_to_no_bias_get_exactly_nothing():
    module = PhraseAttention(8, 2)
    context, weights = module(torch.randn(1, 3, 8), torch.randn(1, 4, 8), torch.full((1, 1, 1, 4), -math.inf))
    assert torch.equal(context, torch.zeros(1, 3, 8))
    assert torch.equal(weights[..., -1], torch.ones(1, 2, 3))


def test_a_weight_of_two_counts_like_the_phrase_twice():
    torch.manual_seed(3)
    module = PhraseAttention(8, 2)
    queries, phrase = torch.randn(1, 3, 8), torch.randn(1, 1, 8)
    with torch.no_grad():
        once, _ = module(queries, phrase, torch.tensor(math.log(2.0)))
        twice, _ = module(queries, phrase.expand(1, 2, 8), torch.zeros(()))
    torch.testing.assert_close(once, twice)


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5), st.integers(0, 10**6))
def test_token_attention_equals_loops(frames, count, longest, seed):
    torch.manual_seed(seed)
    module = TokenAttention(6)
    queries, tokens = torch.randn(1, frames, 6), torch.randn(1, count, longest, 6)
    lengths = torch.randint(1, longest + 1, (1, count))
    shares, bias = torch.rand(1, frames, count), torch.randn(1, frames, count, longest)
    with torch.no_grad():
        context, weights = module(queries, tokens, lengths, shares, bias)
        for t in range(frames):
            expected = torch.zeros(6)
            for n in range(count):
                real = tokens[0, n, : lengths[0, n]]
                scores = module.key(real) @ module.query(queries[0, t]) / math.sqrt(6)
                inside = (scores + bias[0, t, n, : len(real)]).softmax(0)
                torch.testing.assert_close(weights[0, t, n, : len(real)], inside, atol=1e-6, rtol=1e-4)
                assert weights[0, t, n, len(real) :].eq(0).all()
                expected = expected + shares[0, t, n] * (inside @ module.value(real))
            torch.testing.assert_close(context[0, t], expected, atol=1e-5, rtol=1e-4)


def test_weights_sum_to_one():
    module = PhraseAttention(8, 4)
    weights = module(torch.randn(2, 5, 8), torch.randn(1, 7, 8), torch.zeros(()))[1]
    assert weights.shape == (2, 4, 5, 8)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 5))
