"""Batches of texts of about one length."""

import numpy as np
import torch

from rrgbench.training.alike_lengths import AlikeLengths

LENGTHS = np.random.default_rng(3).integers(5, 120, 205).tolist()


def drawn(seed):
    torch.manual_seed(seed)
    return list(AlikeLengths(LENGTHS, 8))


def test_every_item_comes_once_in_an_order_that_is_drawn():
    assert sorted(drawn(0)) == list(range(205))
    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_batches_hold_alike_lengths_and_long_ones_come_at_any_time():
    batches = [[LENGTHS[place] for place in drawn(0)[at : at + 8]] for at in range(0, 200, 8)]
    spread = np.mean([max(batch) - min(batch) for batch in batches])
    assert spread < 30, "of 115 if they were drawn blindly"
    means = np.array([np.mean(batch) for batch in batches])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5


def test_the_incomplete_batch_is_the_last():
    lengths = [100] * 3 + [1] * 64
    torch.manual_seed(0)
    places = list(AlikeLengths(lengths, 8))
    whole = [{lengths[place] for place in places[at : at + 8]} for at in range(0, 64, 8)]
    assert sum(len(one) > 1 for one in whole) <= 2, "batches are not cut across"
