"""What adapters may not take away: the apostrophe of a possessive, and the s right behind it."""

import torch

from nemo_ctcbias.adapter.possessives import BEHIND, keep_possessives

NAME, MARK, S = 0, 1, 2


def test_the_s_of_a_possessive_is_kept_behind_its_apostrophe_and_nowhere_else():
    without = torch.full((2, 8, 4), -2.0)
    without[0, 3, MARK] = -0.1  # the likeliest token there
    adapted = torch.full_like(without, -5.0)
    adapted[..., NAME] = -0.1
    kept = keep_possessives(adapted, without, torch.tensor([MARK]), torch.tensor([S]))
    behind = torch.zeros(2, 8, dtype=bool)
    behind[0, 4 : 4 + BEHIND] = True
    assert torch.equal(kept[..., S], torch.where(behind, -2.0, -5.0))
    assert torch.equal(kept[..., MARK], without[..., MARK])
    assert torch.equal(kept[..., [NAME, 3]], adapted[..., [NAME, 3]])


def test_where_a_language_has_no_such_endings_nothing_is_kept():
    adapted, without = torch.randn(2, 5, 4), torch.randn(2, 5, 4)
    none = torch.tensor([], dtype=torch.long)
    assert torch.equal(keep_possessives(adapted, without, none, none), adapted)


def test_a_single_frame():
    adapted, without = torch.full((1, 1, 4), -5.0), torch.full((1, 1, 4), -2.0)
    kept = keep_possessives(adapted, without, torch.tensor([MARK]), torch.tensor([S]))
    assert kept[0, 0].tolist() == [-5.0, -2.0, -5.0, -5.0]
