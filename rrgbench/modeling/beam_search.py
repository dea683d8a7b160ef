"""One batched beam search for every decoder, over an incremental state.

The decoder keeps whatever it needs (key/value cache, recurrent state) in an object that can take one step and reorder
its rows; the search itself knows only log-probabilities. Its results are those of `transformers`' `generate` with
`num_beams`, `early_stopping=False` and the same length penalty.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class DecodingState(Protocol):
    """What a decoder remembers of `rows` partial reports."""

    def step(self, tokens: Tensor) -> Tensor:
        """Append one token (rows,) to each partial report; log-probabilities (rows, vocabulary) of the next."""
        ...

    def reorder(self, rows: Tensor) -> None:
        """Keep the partial reports `rows` (rows,), in that order; a row may be kept twice."""
        ...


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
    # the beams of an item start equal: all but the first are switched off until the first step has spread them
    scores = torch.full((n, beams), -1e9, device=device)
    scores[:, 0] = 0.0
    written = torch.full((n, beams, max_length), pad, dtype=torch.long, device=device)
    best_score = torch.full((n, beams), -1e9, device=device)
    best_tokens = torch.full((n, beams, max_length), pad, dtype=torch.long, device=device)
    best_length = torch.zeros((n, beams), dtype=torch.long, device=device)
    open_items = torch.ones(n, dtype=torch.bool, device=device)
    offsets = torch.arange(n, device=device).unsqueeze(1) * beams
    for length in range(1, max_length + 1):
        log_probs = state.step(tokens)
        if forbidden:
            log_probs[:, list(forbidden)] = -torch.inf
        vocabulary = log_probs.shape[1]
        totals = (scores.unsqueeze(2) + log_probs.view(n, beams, vocabulary)).view(n, beams * vocabulary)
        top_scores, top = totals.topk(2 * beams, dim=1)
        origin, token = top // vocabulary, top % vocabulary
        ends = token == end
        # finished candidates among the best `beams` join the item's finished reports
        finishing = ends & (torch.arange(2 * beams, device=device) < beams) & open_items.unsqueeze(1)
        if length == max_length:
            finishing = (torch.arange(2 * beams, device=device) < beams) & open_items.unsqueeze(1)
        candidates = torch.where(finishing, top_scores / length**length_penalty, torch.full_like(top_scores, -1e9))
        histories = written.gather(1, origin.unsqueeze(2).expand(-1, -1, max_length)).clone()
        histories[:, :, length - 1] = token
        pool_score = torch.cat([best_score, candidates], dim=1)
        pool_tokens = torch.cat([best_tokens, histories], dim=1)
        pool_length = torch.cat([best_length, torch.full_like(token, length)], dim=1)
        best_score, kept = pool_score.topk(beams, dim=1)
        best_tokens = pool_tokens.gather(1, kept.unsqueeze(2).expand(-1, -1, max_length))
        best_length = pool_length.gather(1, kept)
        if length == max_length:
            break
        # the best unfinished candidates go on
        running = torch.where(ends, torch.full_like(top_scores, -torch.inf), top_scores)
        scores, chosen = running.topk(beams, dim=1)
        origin, token = origin.gather(1, chosen), token.gather(1, chosen)
        written = histories.gather(1, chosen.unsqueeze(2).expand(-1, -1, max_length))
        open_items = open_items & (best_score[:, -1] < scores[:, 0] / length**length_penalty)
        if not bool(open_items.any()):
            break
        state.reorder((origin + offsets).view(-1))
        tokens = token.reshape(-1)
    reports = []
    for row, length in zip(best_tokens[:, 0].tolist(), best_length[:, 0].tolist(), strict=True):
        report = row[:length]
        reports.append(report[:-1] if report and report[-1] == end else report)
    return reports
