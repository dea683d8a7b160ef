"""Batches of items that are about equally long: less padding, in an order that is still drawn."""

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

CHUNK = 8
"""Batches that are cut from one draw of items, sorted by length, at a time."""


class AlikeLengths(Sampler[int]):
    """Places of items, each once: drawn at random, sorted by length among a few batches, the batches shuffled again.

    Every batch is thus one of a random few hundred items, and long ones come at any time of an epoch. Draws from
    torch's global generator, whose state a checkpoint keeps.

    Parameters
    ----------
    lengths : sequence of int
        Of the items.
    batch : int
        Items of a batch.
    """

    def __init__(self, lengths: Sequence[int], batch: int) -> None:
        self.lengths, self.batch = lengths, batch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        drawn = torch.randperm(len(self.lengths)).tolist()
        batches: list[list[int]] = []
        for start in range(0, len(drawn), CHUNK * self.batch):
            chunk = sorted(drawn[start : start + CHUNK * self.batch], key=lambda place: -self.lengths[place])
            batches += [chunk[at : at + self.batch] for at in range(0, len(chunk), self.batch)]
        # an incomplete batch stays last, or all after it would be cut elsewhere
        whole = len(drawn) // self.batch
        for at in [*torch.randperm(whole).tolist(), *range(whole, len(batches))]:
            yield from batches[at]
