"""One batched beam search for every decoder, over an incremental state.

The decoder keeps whatever it needs (key/value cache, recurrent state) in an object that can take one step and reorder
its rows; the search itself knows only log-probabilities. Its results are those of `transformers`' `generate` with
`num_beams`, `early_stopping=False` and the same length penalty.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

OFF = -1e9
"""Score of a beam or report that is not there."""

KEPT_SHARE = 0.75
"""Finished items are dropped once no more than this share of the batch is open: dropping them copies the rest."""


class DecodingState(Protocol):
    """What a decoder remembers of `rows` partial reports."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token (rows,) to each partial report; log-probabilities (rows, vocabulary) of the next."""
        ...

    def reorder(self, rows: Tensor) -> None:
        """Keep the partial reports `rows` (rows,), in that order; a row may be kept twice."""
        ...


@runtime_checkable
class ShrinkingState(DecodingState, Protocol):
    """A decoding state that can drop items, so that no more is computed for those that are finished."""

    def keep_items(self, items: Tensor) -> None:
        """Keep the given items only (m,), each with all of its rows."""
        ...


@dataclass(frozen=True)
class _Finished:
    """The best finished reports of each item (n, beams), each as its score, length, last token, and the beam that it
    ended."""

    score: Tensor
    length: Tensor
    token: Tensor
    beam: Tensor

    @classmethod
    def none(cls, n: int, beams: int, device: torch.device) -> Self:
        """Nothing is finished."""
        zero = torch.zeros((n, beams), dtype=torch.long, device=device)
        return cls(torch.full((n, beams), OFF, device=device), zero, zero, zero)

    def with_candidates(self, candidates: Self) -> "_Finished":
        """As many as there were, of these and the candidates (n, k)."""
        score, kept = torch.cat([self.score, candidates.score], dim=1).topk(self.score.shape[1], dim=1)
        pairs = ((self.length, candidates.length), (self.token, candidates.token), (self.beam, candidates.beam))
        return _Finished(score, *(torch.cat(pair, dim=1).gather(1, kept) for pair in pairs))

    def of(self, items: Tensor) -> "_Finished":
        """Those of some items."""
        return _Finished(self.score[items], self.length[items], self.token[items], self.beam[items])

    def best(self) -> list[tuple[int, int, int]]:
        """Length, last token and beam of each item's best report."""
        return list(zip(*(part[:, 0].tolist() for part in (self.length, self.token, self.beam)), strict=True))


@torch.inference_mode()
def beam_search(
    state: DecodingState,
    start: Tensor,
    end: int,
    pad: int,
    beams: int = 3,
    max_length: int = 100,
    length_penalty: float = 1.0,
    forbidden: Sequence[int] = (),
) -> list[list[int]]:
    """Most probable continuation of each item.

    Parameters
    ----------
    state : DecodingState
        Fresh state of `n * beams` rows; rows of one item are neighbours.
    start : Tensor
        First token of each item (n,).
    end, pad : int
        End-of-report and padding token.
    beams : int
        Beam size; 1 is greedy search.
    max_length : int
        Most tokens written after the first, the end token included.
    length_penalty : float
        A finished report scores its summed log-probability divided by its length to this power.
    forbidden : sequence of int
        Tokens never written.

    Returns
    -------
    list of list of int
        Tokens of each item's best report, start and end left out.
    """
    n = start.shape[0]
    device = start.device
    tokens = start.repeat_interleave(beams)
    never = torch.tensor(list(forbidden), dtype=torch.long, device=device)
    rank = torch.arange(2 * beams, device=device)
    # the beams of an item start equal: all but the first are switched off until the first step has spread them
    scores = torch.full((n, beams), OFF, device=device)
    scores[:, 0] = 0.0
    finished = _Finished.none(n, beams, device)
    # histories as back-pointers: the beam that each beam continues at each step, and the token that it adds
    origins = torch.zeros((max_length, n, beams), dtype=torch.long, device=device)
    added = torch.zeros((max_length, n, beams), dtype=torch.long, device=device)
    items = torch.arange(n, device=device)
    open_items = torch.ones(n, dtype=torch.bool, device=device)
    ended: list[tuple[int, int, int]] = [(0, 0, 0)] * n
    for length in range(1, max_length + 1):
        log_probs = state.step(tokens).index_fill_(1, never, -torch.inf)
        # a row gives at most all of its item's candidates, so its own best are enough
        own, own_tokens = log_probs.topk(min(2 * beams, log_probs.shape[1]), dim=1)
        totals = (scores.unsqueeze(2) + own.view(len(items), beams, -1)).flatten(1)
        top_scores, top = totals.topk(2 * beams, dim=1)
        origin, token = top // own.shape[1], own_tokens.view(len(items), -1).gather(1, top)
        ends = token == end
        # finished candidates among the best `beams` join the item's finished reports
        finishing = (ends | (length == max_length)) & (rank < beams) & open_items.unsqueeze(1)
        candidate_scores = torch.where(finishing, top_scores / length**length_penalty, OFF)
        finished = finished.with_candidates(_Finished(candidate_scores, torch.full_like(token, length), token, origin))
        if length == max_length:
            break
        # the best unfinished candidates are continued
        scores, chosen = torch.where(ends, -torch.inf, top_scores).topk(beams, dim=1)
        origin, token = origin.gather(1, chosen), token.gather(1, chosen)
        origins[length - 1, items], added[length - 1, items] = origin, token
        open_items = open_items & (finished.score[:, -1] < scores[:, 0] / length**length_penalty)
        still_open = int(open_items.sum())
        if still_open == 0:
            break
        state.reorder((origin + beams * torch.arange(len(items), device=device).unsqueeze(1)).view(-1))
        if still_open <= KEPT_SHARE * len(items) and isinstance(state, ShrinkingState):
            for item, report in zip(items.tolist(), finished.best(), strict=True):
                ended[item] = report
            kept = open_items.nonzero().squeeze(1)
            state.keep_items(kept)
            items, scores, token, finished = items[kept], scores[kept], token[kept], finished.of(kept)
            open_items = open_items[kept]
        tokens = token.view(-1)
    for item, report in zip(items.tolist(), finished.best(), strict=True):
        ended[item] = report
    return _written(ended, origins.cpu().numpy(), added.cpu().numpy(), end)


def _written(
    ended: Sequence[tuple[int, int, int]], origins: NDArray[np.int64], added: NDArray[np.int64], end: int
) -> list[list[int]]:
    """Tokens of reports, given as `_Finished.best`, read backwards along the beams (steps, n, beams)."""
    reports = []
    for item, (length, last, beam) in enumerate(ended):
        report = [] if last == end else [last]
        for step in range(length - 2, -1, -1):
            report.append(int(added[step, item, beam]))
            beam = int(origins[step, item, beam])
        reports.append(report[::-1])
    return reports
