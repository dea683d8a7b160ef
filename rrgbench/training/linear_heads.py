"""Logistic regressions on what a frozen image encoder gives, one an observation, and their out-of-fold predictions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.observations import POSITIVE

Floats = NDArray[np.float64]
Vectors = NDArray[np.float32]

FOLDS = 5


class LinearHeads:
    """Logistic regressions on standardised features, classes weighted to balance.

    Parameters
    ----------
    features : float32 array (n, d)
        Of training films; overwritten.
    labels : int8 array (n, 14)
        CheXpert coding.
    known : bool array (n, 14)
        Which pairs are learned from.
    strength : float
        Inverse of the L2 penalty (scikit-learn's C).
    """

    def __init__(self, features: Vectors, labels: NDArray[np.int8], known: NDArray[np.bool_], strength: float) -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import StandardScaler

        self.scaler = StandardScaler(copy=False)
        train = self.scaler.fit_transform(features)
        self.width, self.models = labels.shape[1], dict[int, Any]()
        for column in np.flatnonzero(both_classes(labels, known)).tolist():
            rows = np.flatnonzero(known[:, column])
            model = LogisticRegression(C=strength, max_iter=300, class_weight="balanced")
            target = labels[rows, column] == POSITIVE
            self.models[column] = model.fit(train if len(rows) == len(train) else train[rows], target)

    def scores(self, rows: Vectors) -> Floats:
        """Log-odds (m, 14) of features (m, d); NaN for an observation of which training has one class only."""
        rows = self.scaler.transform(rows.copy())
        found = np.full((len(rows), self.width), np.nan)
        for column, model in self.models.items():
            found[:, column] = model.decision_function(rows)
        return found

    @property
    def weights(self) -> tuple[Floats, Floats]:
        """Weights (14, d) and bias (14,) that give the same log-odds of features as they come; 0 where none are."""
        weights, bias = np.zeros((self.width, len(self.scaler.mean_))), np.zeros(self.width)
        for column, model in self.models.items():
            weights[column] = model.coef_[0] / self.scaler.scale_
            bias[column] = model.intercept_[0] - weights[column] @ self.scaler.mean_
        return weights, bias


def both_classes(labels: NDArray[np.int8], known: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Observations (14,) with a positive and a negative among the known items of labels (n, 14)."""
    positive = labels == POSITIVE
    return np.asarray((positive & known).any(axis=0) & (~positive & known).any(axis=0))


def out_of_fold(
    features: Vectors,
    labels: NDArray[np.int8],
    known: NDArray[np.bool_],
    subjects: Sequence[str],
    strength: float,
    seed: int = 0,
) -> Floats:
    """What linear heads say of films of subjects that they have not learned from.

    Parameters
    ----------
    features, labels, known, strength
        As those of `LinearHeads`; features stay as they are.
    subjects : sequence of str (n,)
        Whose films they are; a subject's films are all in one fold.
    seed : int
        Of the folds.

    Returns
    -------
    float64 array (n, 14)
        Log-odds; NaN where a fold's training part has one class only, and throughout if there is a single subject.
    """
    codes = np.unique(np.asarray(subjects), return_inverse=True)[1].ravel()
    count = int(codes.max()) + 1
    fold = (np.random.default_rng(seed).permutation(count) % FOLDS)[codes]
    found = np.full(labels.shape, np.nan)
    for one in np.unique(fold):
        apart = fold == one
        if apart.all():
            continue
        heads = LinearHeads(features[~apart], labels[~apart], known[~apart], strength)
        found[apart] = heads.scores(features[apart])
    return found
