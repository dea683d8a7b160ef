"""Error propagation: how often a report is wrong about an observation where a classifier was wrong, and where right.

If a pipeline's reports follow its classifier, the first is far above the second; a difference of 0 says that the
report's errors have nothing to do with the classifier's.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.metrics.base import Statistics

Flags = NDArray[np.bool_]

KEYS: Final = ("after_wrong", "after_right", "difference", "classifier_error")
"""What `ErrorPropagation.aggregate` gives: P(report wrong | classifier wrong), P(report wrong | classifier right), the
first less the second, P(classifier wrong)."""


class ErrorPropagation:
    """Conditional error rates, over all cells and for each column.

    Examples
    --------
    >>> wrong, report = np.array([[True, False], [True, False]]), np.array([[True, False], [False, False]])
    >>> metric = ErrorPropagation()
    >>> rows = metric.statistics(wrong, report, np.ones((2, 2), dtype=bool))
    >>> metric.aggregate(rows, np.ones((1, 2)))[0, 0].tolist()
    [0.5, 0.0, 0.5, 0.5]
    """

    def statistics(self, classifier_wrong: Flags, report_wrong: Flags, counted: Flags) -> Statistics:
        """Per-study sufficient statistics.

        Parameters
        ----------
        classifier_wrong, report_wrong : bool arrays (n, o)
            For each study and observation.
        counted : bool array (n, o)
            The cells that count.

        Returns
        -------
        float64 array (n, 4 o)
            Cells in which both are wrong, the classifier alone, the report alone, neither.

        Raises
        ------
        InputError
            If shapes differ.
        """
        if not classifier_wrong.shape == report_wrong.shape == counted.shape:
            shapes = f"{classifier_wrong.shape}, {report_wrong.shape} and {counted.shape}"
            raise InputError(f"error propagation over arrays of shapes {shapes}; expected one shape")
        parts = [
            classifier_wrong & report_wrong,
            classifier_wrong & ~report_wrong,
            ~classifier_wrong & report_wrong,
            ~classifier_wrong & ~report_wrong,
        ]
        return np.concatenate([part & counted for part in parts], axis=1).astype(np.float64)

    def counts(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Cells (r, 1 + o, 4), all observations together first, where study i counts `multiplicities[:, i]` times."""
        columns = (multiplicities @ statistics).reshape(len(multiplicities), 4, -1).transpose(0, 2, 1)
        return np.concatenate([columns.sum(axis=1, keepdims=True), columns], axis=1)

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (r, 1 + o, 4) in the order of `KEYS`; NaN where no cell says."""
        both, classifier, report, neither = np.moveaxis(self.counts(statistics, multiplicities), -1, 0)
        after_wrong, after_right = _share(both, both + classifier), _share(report, report + neither)
        error = _share(both + classifier, both + classifier + report + neither)
        return np.stack([after_wrong, after_right, after_wrong - after_right, error], axis=-1)


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return found
