"""AUROC of classifiers that were each trained on another draw: means over the draws, and how far they scatter."""

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.means import mean_of_defined

Floats = NDArray[np.float64]


class AurocOverDraws:
    """Areas of several classifiers on the same studies.

    Parameters
    ----------
    scores : float64 array (d, n, m)
        Of d classifiers for n studies and m observations; an observation that a classifier has not learned is NaN in
        all studies, and is left out of its mean.
    labels : integer array (n, m)
        1 positive, 0 negative.
    known : bool array (n, m)
        Cells that have a label.
    averaged : bool array (m,)
        Observations of the mean.
    seed : int
        Of the draws' own resamples.
    """

    def __init__(
        self,
        scores: Floats,
        labels: NDArray[np.integer],
        known: NDArray[np.bool_],
        averaged: NDArray[np.bool_],
        seed: int,
    ) -> None:
        self.missing = np.asarray(np.isnan(scores).all(axis=1))
        self.scores = np.where(self.missing[:, None], 0.0, scores)
        self.labels, self.known, self.averaged = labels, known, averaged
        self._generator = np.random.default_rng(seed)

    def areas(self, multiplicities: Floats | None = None) -> Floats:
        """Of each draw (d, r, m + 1): each observation's area, then the mean of those that are defined."""
        found = []
        for scores, missing in zip(self.scores, self.missing, strict=True):
            values = auroc(scores, self.labels, self.known, multiplicities)
            values[:, missing] = np.nan
            found.append(np.concatenate([values, mean_of_defined(values[:, self.averaged])[:, None]], axis=1))
        return np.stack(found)

    def values(self) -> Floats:
        """Means over the draws (m + 1,) in which they are defined."""
        return np.asarray(_mean(self.areas(), np.ones((len(self.scores), 1, 1)))[0])

    def deviation(self) -> float:
        """Standard deviation over the draws (one less in its denominator) of the mean area; NaN of fewer than two."""
        means = self.areas()[:, 0, -1]
        means = means[~np.isnan(means)]
        return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")

    def resampled(self, multiplicities: Floats) -> Floats:
        """Values (r, m + 1) on resamples of the studies, with draws that are resampled too.

        To be called for all resamples in order: the draws of each are drawn as they are asked for.
        """
        count = len(self.scores)
        weights = self._generator.multinomial(count, np.full(count, 1 / count), size=len(multiplicities))
        return _mean(self.areas(multiplicities), weights.T[:, :, None].astype(np.float64))


def _mean(areas: Floats, weights: Floats) -> Floats:
    """Weighted means over draws (r, m) of areas (d, r, m) where they are defined."""
    defined = weights * ~np.isnan(areas)
    total = defined.sum(axis=0)
    sums = (defined * np.nan_to_num(areas)).sum(axis=0)
    return np.asarray(np.divide(sums, total, out=np.full(total.shape, np.nan), where=total > 0))
