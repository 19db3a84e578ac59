import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_ctcbias.adapter.evidence import AT_FRAME, FLOOR, NearbyTokens


def plain_evidence(log_probs, tokens, t, context):
    """Mean over the tokens: those up to j heard before frame t, those after j later, j anywhere near; the best j."""
    frames = len(log_probs)

    def heard(token, first, last):
        found = [float(log_probs[s, token]) for s in range(max(first, 0), min(last, frames - 1) + 1)]
        return max([FLOOR, *found])

    at = []
    for j in range(len(tokens)):
        parts = [heard(token, t - context, t) for token in tokens[:j]]
        parts.append(heard(tokens[j], t - AT_FRAME, t + AT_FRAME))
        parts += [heard(token, t, t + context) for token in tokens[j + 1 :]]
        at.append(sum(parts) / len(tokens))
    worst = min(heard(token, t - context, t + context) for token in tokens)
    return max(at), worst, at


@settings(max_examples=40)
@given(st.integers(1, 8), st.integers(1, 4), st.integers(1, 4), st.integers(0, 10**6))
def test_evidence_equals_brute_force(frames, context, longest, seed):
    torch.manual_seed(seed)
    log_probs = (5 * torch.randn(2, frames, 6)).log_softmax(-1)
    valid = torch.tensor([frames, max(1, frames - 2)])
    lengths = torch.randint(1, longest + 1, (2, 3))
    tokens = torch.randint(0, 5, (2, 3, longest))
    inside = torch.arange(frames) < valid[:, None]
    evidence = NearbyTokens(log_probs, inside, context).of(tokens, lengths)
    for row in range(2):
        for k in range(3):
            phrase = tokens[row, k, : lengths[row, k]].tolist()
            for t in range(int(valid[row])):
                mean, worst, at = plain_evidence(log_probs[row, : valid[row]], phrase, t, context)
                assert float(evidence.mean[row, k, t]) == pytest.approx(mean, abs=1e-4)
                assert float(evidence.worst[row, k, t]) == pytest.approx(worst, abs=1e-4)
                assert evidence.at[row, k, : len(phrase), t].tolist() == pytest.approx(at, abs=1e-4)
                assert all(math.isinf(x) for x in evidence.at[row, k, len(phrase) :, t].tolist())


@settings(max_examples=30)
@given(st.integers(1, 8), st.sampled_from([(2, 1), (10, 3)]), st.integers(0, 10**6))
def test_the_best_phrases_equal_brute_force(count, context, seed):
    torch.manual_seed(seed)
    context, stride = context
    log_probs = (5 * torch.randn(1, 30, 6)).log_softmax(-1)
    lengths, tokens = torch.randint(1, 4, (1, 9)), torch.randint(0, 5, (1, 9, 3))
    heard = NearbyTokens(log_probs, torch.ones(1, 30, dtype=torch.bool), context)
    best = heard.best(tokens, lengths, torch.zeros(1, 9), count)[0].tolist()
    near, scores = torch.maximum(heard.before, heard.after), []
    for n in range(9):
        around = [near[0, token, ::stride] for token in tokens[0, n, : lengths[0, n]].tolist()]
        scores.append(float((sum(around) / len(around)).max()))
    assert best == sorted(best)
    assert sorted(scores[n] for n in best) == pytest.approx(sorted(scores)[-count:], abs=1e-5)


def test_phrases_that_are_not_there_are_never_among_the_best():
    heard = NearbyTokens(torch.randn(1, 4, 6).log_softmax(-1), torch.ones(1, 4, dtype=torch.bool), 2)
    bias = torch.tensor([[0.0, -math.inf, 0.0, -math.inf]])
    assert heard.best(torch.zeros(1, 4, 1).long(), torch.ones(1, 4).long(), bias, 2).tolist() == [[0, 2]]


def test_order_matters():
    log_probs = torch.full((1, 5, 4), -20.0)
    log_probs[0, 1, 0] = log_probs[0, 3, 1] = 0.0  # token 0, then token 1
    heard = NearbyTokens(log_probs, torch.ones(1, 5, dtype=torch.bool), 3)
    evidence = heard.of(torch.tensor([[[0, 1], [1, 0]]]), torch.tensor([[2, 2]]))
    assert float(evidence.mean[0, 0, 2]) == 0.0
    assert float(evidence.mean[0, 1, 2]) == FLOOR / 2  # one of the two is on the wrong side
