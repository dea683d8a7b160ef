"""Precision@K of retrieval: how many of the K candidates most similar to a query belong to its class.

Similarities are computed for a block of queries at a time and only the best K are kept, so memory does not grow with
queries times candidates. Equally similar candidates are taken in the order given; equal candidates are equally similar
to the last digit, whatever the number of threads and the queries beside them.
Blocks are shared out among threads, each with a product of its own: a core that finishes, or that other work on the
machine does not slow down, takes the next block, where one product on all cores waits for the slowest of them.
"""

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import threadpoolctl
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed

Ints = NDArray[np.int64]
Floats = NDArray[np.floating]

CHUNK: Final = 32
"""Candidates whose maximum stands for them when a row's threshold is sought."""

_BLOCK_CELLS: Final = 4_000_000
"""Similarities a thread holds at a time (16 MB in float32)."""

_MOST_THREADS: Final = 16
"""Bounds the memory: sixteen blocks and what their selection needs stay below 1 GiB."""

_MOST_OPEN: Final = 8
"""Times K candidates a row, above which ties make sorting whole rows the quicker way."""


def precision_at_k(
    queries: Floats,
    candidates: Floats,
    query_classes: NDArray[np.integer],
    candidate_classes: NDArray[np.integer],
    ks: Sequence[int] = (1, 2, 5, 10),
) -> NDArray[np.float64]:
    """Precision@K of every query, from unit vectors.

    Parameters
    ----------
    queries : float array (q, p)
        Unit vectors, e.g. of films.
    candidates : float array (c, p)
        Unit vectors, e.g. of reports.
    query_classes, candidate_classes : integer arrays (q,), (c,)
        A candidate is relevant to a query if their classes are equal.
    ks : sequence of int
        Cut-offs, at most c.

    Returns
    -------
    float64 array (q, len(ks))
        Share of relevant candidates among the first K, range 0 to 1.

    Raises
    ------
    InputError
        If shapes don't fit, a vector is not finite, or a cut-off exceeds the number of candidates.
    """
    for name, vectors in (("query", queries), ("candidate", candidates)):
        bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
        if len(bad):
            raise InputError(
                f"{len(bad)} {name} vectors hold NaN or infinity, first rows {listed(bad)}; nothing was scored"
            )
    if queries.shape[1] != candidates.shape[1]:
        raise InputError(
            f"query vectors have {queries.shape[1]} dimensions, candidates {candidates.shape[1]}; they must agree"
        )
    distinct, place = _distinct(candidates)
    transposed = distinct.T
    shape = (len(queries), len(candidates))
    # A buffer for each thread: fresh memory for each block would cost as much as the product itself.
    buffers: queue.SimpleQueue[Floats] = queue.SimpleQueue()
    for _ in range(_threads(shape)):
        rows = min(_block_rows(len(candidates)), len(queries))
        buffers.put(np.empty((rows, len(distinct)), dtype=np.result_type(queries, candidates)))

    def best(start: int, stop: int, k: int) -> Ints:
        buffer = buffers.get()
        try:
            found = np.matmul(queries[start:stop], transposed, out=buffer[: stop - start])
            return nearest(found if place is None else found[:, place], k)
        finally:
            buffers.put(buffer)

    return _precision(best, shape, query_classes, candidate_classes, ks)


def similarities(queries: Floats, candidates: Floats) -> Floats:
    """Products (q, c) of queries (q, p) and candidates (c, p), the same to the last digit for equal candidates."""
    distinct, place = _distinct(candidates)
    found: Floats = queries @ distinct.T
    return found if place is None else found[:, place]


def _distinct(candidates: Floats) -> tuple[Floats, Ints | None]:
    """Candidates that differ, and which of these each is; None where all differ.

    A matrix product rounds equal columns differently, by where in a block they stand.
    """
    seen: dict[bytes, int] = {}
    place = np.array([seen.setdefault(row.tobytes(), len(seen)) for row in candidates], dtype=np.int64)
    if len(seen) == len(candidates):
        return candidates, None
    return candidates[np.unique(place, return_index=True)[1]], place


def precision_at_k_of_similarity(
    similarity: Floats,
    query_classes: NDArray[np.integer],
    candidate_classes: NDArray[np.integer],
    ks: Sequence[int] = (1, 2, 5, 10),
) -> NDArray[np.float64]:
    """Precision@K of every query (q, len(ks)) from a similarity matrix (q, c) that a model computed itself.

    Raises
    ------
    InputError
        As `precision_at_k`.
    """
    bad = np.flatnonzero(np.isnan(similarity).any(axis=1))
    if len(bad):
        raise InputError(f"similarities of {len(bad)} queries hold NaN, first rows {listed(bad)}; nothing was scored")

    def best(start: int, stop: int, k: int) -> Ints:
        return nearest(similarity[start:stop], k)

    return _precision(best, (similarity.shape[0], similarity.shape[1]), query_classes, candidate_classes, ks)


def nearest(similarity: Floats, k: int) -> Ints:
    """Columns of the k largest values of each row (q, k), best first; of equal values the earlier column wins.

    A lower bound for a row's k-th value is the k-th largest maximum over chunks of columns; only columns that reach it
    are sorted.
    """
    queries, candidates = similarity.shape
    chunks = candidates // CHUNK
    if chunks < 2 * k:
        return _sorted(similarity, k)
    # A chunk is every `chunks`-th column, not a run of them: maxima of whole rows at a time are what vectorises.
    maxima = similarity[:, : chunks * CHUNK].reshape(queries, CHUNK, chunks).max(axis=1)
    bound = np.partition(maxima, chunks - k, axis=1)[:, chunks - k]
    reached = similarity >= bound[:, None]
    if np.count_nonzero(reached) > _MOST_OPEN * k * queries:
        return np.concatenate([_sorted(row[None], k) for row in similarity])
    # flatnonzero and divmod take a tenth of the time of nonzero on two dimensions.
    row, column = np.divmod(np.flatnonzero(reached), candidates)
    # Sorted by row, then falling value, then column: lexsort's last key is the most important.
    order = np.lexsort((column, -similarity[row, column], row))
    starts = np.searchsorted(row, np.arange(queries))
    return np.asarray(column[order][starts[:, None] + np.arange(k)], dtype=np.int64)


def _sorted(similarity: Floats, k: int) -> Ints:
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k].astype(np.int64)


def _precision(
    best: Callable[[int, int, int], Ints],
    shape: tuple[int, int],
    query_classes: NDArray[np.integer],
    candidate_classes: NDArray[np.integer],
    ks: Sequence[int],
) -> NDArray[np.float64]:
    """Precision from `best(start, stop, k)`, the k best candidates of the queries from start to stop."""
    queries, candidates = shape
    if len(query_classes) != queries or len(candidate_classes) != candidates:
        raise InputError(
            f"{queries} queries and {candidates} candidates but {len(query_classes)} and {len(candidate_classes)} "
            "classes"
        )
    bad = [k for k in ks if not 1 <= k <= candidates]
    if bad or not ks:
        raise InputError(
            f"Precision@K with K {listed(bad) or 'not given'}; expected 1 to {candidates}, the candidates given"
        )
    largest = max(ks)
    values = np.empty((queries, len(ks)))
    rows = _block_rows(candidates)

    def fill(start: int) -> None:
        stop = min(start + rows, queries)
        relevant = candidate_classes[best(start, stop, largest)] == query_classes[start:stop, None]
        values[start:stop] = np.cumsum(relevant, axis=1)[:, [k - 1 for k in ks]] / np.array(ks)

    threads = _threads(shape)
    if threads == 1:
        for start in range(0, queries, rows):
            fill(start)
        return values
    with threadpoolctl.threadpool_limits(1, "blas"), ThreadPoolExecutor(threads) as pool:
        # Going through the results raises what a thread raised.
        for _ in pool.map(fill, range(0, queries, rows)):
            pass
    return values


def _block_rows(candidates: int) -> int:
    return max(1, _BLOCK_CELLS // candidates)


def _threads(shape: tuple[int, int]) -> int:
    """As many threads as NumPy's products may use, which users limit by environment variables; never one without work.

    One thread means that the product itself is spread over cores.
    """
    allowed = [
        int(library["num_threads"]) for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"
    ]
    blocks = -(-shape[0] // _block_rows(shape[1]))
    return max(1, min([*allowed, _MOST_THREADS, blocks]))
