"""Shares of a training split, drawn by seed: as they fall, or with each observation in its own share."""

import numpy as np
from numpy.typing import NDArray


def draw_share(positive: NDArray[np.bool_], fraction: float, seed: int, stratified: bool = False) -> NDArray[np.int64]:
    """Rows of one share, in order; at least two.

    Parameters
    ----------
    positive : bool array (n, m)
        Which studies show which observations.
    fraction : float
        Share of the n studies, in (0, 1].
    seed : int
        Of the draw. As they fall, a smaller share is part of a larger one of the same seed.
    stratified : bool
        Whether each observation keeps its frequency, and at least one positive study: iterative stratification
        (Sechidis et al., ECML 2011), the rarest observation being served first.

    Examples
    --------
    >>> rare = np.arange(100)[:, None] == 57
    >>> draw_share(rare, 0.02, seed=0), draw_share(rare, 0.02, seed=0, stratified=True)
    (array([36, 82]), array([57, 82]))
    """
    order = np.random.default_rng(seed).permutation(len(positive))
    count = max(2, round(fraction * len(positive)))
    if not stratified or count >= len(positive):
        return np.sort(order[:count])
    shown = positive[order]
    wanted = np.where(shown.any(axis=0), np.maximum(1, np.round(fraction * shown.sum(axis=0))), 0)
    free = np.ones(len(order), dtype=bool)
    taken: list[int] = []
    while len(taken) < count:
        there = (shown & free[:, None]).sum(axis=0)
        open_ones = np.flatnonzero((wanted > 0) & (there > 0))
        rarest = open_ones[there[open_ones].argmin()] if len(open_ones) else None
        candidates = np.flatnonzero(free if rarest is None else free & shown[:, rarest])
        # of its studies the one that serves most other observations and overfills fewest, the first of equals
        gain = shown[candidates] @ np.where(wanted > 0, 1, -1)
        place = int(candidates[gain.argmax()])
        free[place] = False
        taken.append(place)
        wanted = wanted - shown[place]
    return np.sort(order[taken])
