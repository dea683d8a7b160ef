"""The K most similar candidates by products of rounded vectors first, exact products of the few that remain.

Processors that multiply bfloat16 do so several times faster than float32. Rounded similarities are off by at most

    |q . c - q^ . c^| <= |q - q^| |c^| + |q| |c - c^|,

so a candidate that is below the K-th best of them by more than twice that bound can't be among the best K; all others
are multiplied again in float32. The outcome is that of float32 products, not an approximation.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

CHUNK: Final = 32
"""Candidates whose maximum stands for them when a row's threshold is sought."""

_ROUNDING: Final = 2.0**-8
"""Largest relative error of a number in bfloat16."""

_SUMMATION: Final = 2.0**-22
"""Largest error that a term of a float32 sum adds, relative to the sum of magnitudes."""

_TRIAL_ROWS: Final = 64


class RoundedProducts:
    """Vectors in bfloat16, with how far each may be off.

    Parameters
    ----------
    queries, candidates : float32 arrays (q, p), (c, p)
        Finite vectors.
    """

    def __init__(self, queries: Floats, candidates: Floats) -> None:
        import torch

        self._torch = torch
        self._exact = queries, candidates
        self._rounded = [torch.tensor(vectors, dtype=torch.bfloat16) for vectors in self._exact]
        norms, losses = [], []
        for exact, rounded in zip(self._exact, self._rounded, strict=True):
            back = rounded.float().numpy()
            norms.append(np.maximum(_norms(exact), _norms(back)))
            losses.append(_norms(exact - back))
        summation = queries.shape[1] * _SUMMATION
        self._error = losses[0] * norms[1].max() + norms[0] * (losses[1].max() + summation * norms[1].max())

    def multiply(self, start: int, stop: int) -> Any:
        """Rounded similarities of some queries with all candidates, a bfloat16 tensor."""
        return self._torch.mm(self._rounded[0][start:stop], self._rounded[1].T)

    def nearest(self, start: int, stop: int, k: int) -> Ints | None:
        """Columns of the k largest exact similarities of some queries (stop - start, k), best first.

        Of equal values the earlier column wins. None where rounded values can't tell few candidates from the rest:
        where the K-th best similarity isn't clearly positive, or too many are as good.
        """
        queries, candidates = self._exact
        chunks = len(candidates) // CHUNK
        if chunks < 2 * k:
            return None
        # Of positive numbers in bfloat16, the larger has the larger bits; negative ones have negative bits.
        bits: NDArray[np.int16] = self.multiply(start, stop).view(self._torch.int16).numpy()
        maxima = bits[:, : chunks * CHUNK].reshape(len(bits), CHUNK, chunks).max(axis=1)
        kth = np.partition(maxima, chunks - k, axis=1)[:, chunks - k]
        reached = _as_float(kth) * (1 - 2 * _ROUNDING) - 2 * self._error[start:stop]
        if not (np.isfinite(reached) & (reached > 0)).all():
            return None
        # Cutting off the low half rounds down.
        least = (reached.astype(np.float32).view(np.int32) >> 16).astype(np.int16)
        open_ = bits >= least[:, np.newaxis]
        most = 8 * k + CHUNK
        if np.count_nonzero(open_) > most * len(bits):
            return None
        row, column = np.divmod(np.flatnonzero(open_), len(candidates))
        counts = np.bincount(row, minlength=len(bits))
        width = int(counts.max())
        if width > most:
            return None
        columns = np.zeros((len(bits), width), dtype=np.int64)
        columns[row, np.arange(len(row)) - (np.cumsum(counts) - counts)[row]] = column
        # einsum multiplies equal vectors to equal values wherever they stand, which matrix products don't promise.
        exact = np.einsum("rwp,rp->rw", candidates[columns], queries[start:stop])
        exact[np.arange(width) >= counts[:, np.newaxis]] = -np.inf
        order = np.argsort(-exact, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(columns, order, axis=1)


def rounded_products(queries: Floats, candidates: Floats) -> RoundedProducts | None:
    """Rounded vectors if their products are quicker here than float32 products, which a trial on some rows tells.

    None, too, if torch isn't loaded: its import takes longer than what it saves. Who embeds films or reports has it.
    """
    if "torch" not in sys.modules or queries.dtype != np.float32 or candidates.dtype != np.float32:
        return None
    rounded = RoundedProducts(queries, candidates)
    rows = min(_TRIAL_ROWS, len(queries))
    slow = _seconds(lambda: queries[:rows] @ candidates.T)
    return rounded if _seconds(lambda: rounded.multiply(0, rows)) < slow else None


def _seconds(work: Callable[[], Any]) -> float:
    """The best of three runs."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return min(times)


def _norms(vectors: Floats) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(np.einsum("np,np->n", vectors, vectors, dtype=np.float64)))


def _as_float(bits: NDArray[np.int16]) -> NDArray[np.float64]:
    """Numbers from their bits in bfloat16."""
    return (bits.astype(np.int32) << 16).view(np.float32).astype(np.float64)
