"""Metrics that other packages own: what such a plug-in is, and how its scores join ours.

A plug-in is a `PlugIn` in the entry-point group `rrgbench.metrics`; those that ship with us stand in
`rrgbench.metrics.external.packages`. It gives a number for each study, which is all that intervals, paired tests and
tables by study need, so the other package's own aggregation is never used: the corpus value is the mean over studies.
"""

import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rrgbench.answer_numbers import as_numbers
from rrgbench.errors import InputError, RrgbenchError
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.means import weighted_mean
from rrgbench.metrics.ngrams import check_pairs

_log = logging.getLogger(__name__)

_ROUNDING: Final = 1e-6
"""By how much a value of 32 bits may be beyond a bound."""

Scorer = Callable[[list[list[str]], list[str]], ArrayLike]
"""`(references, hypotheses) -> (n,) or (n, m)`: references hold one or more texts a study; rows are studies."""


@dataclass(frozen=True)
class Loaded:
    """A plug-in's scorer with its weights in memory.

    Attributes
    ----------
    score : callable
        `(references, hypotheses) -> numbers`, see `Scorer`.
    settings : mapping of str to str
        Everything that moves a number, for the signature: model, layer, variant. A value that is a local path is
        replaced by its last part and the digest of its content.
    """

    score: Scorer
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlugIn:
    """A metric of another package; its entry point's name is what users ask for.

    Attributes
    ----------
    entries : tuple of Entry
        The values it gives, in the order of the scorer's columns, as the catalogue shows them.
    load : callable
        Imports the package and loads the weights; its keyword parameters are the options that users may set, all of
        them strings with a default. It is not called before the metric is asked for.
    package : str
        The distribution that does the work, for versions.
    get : str
        The command that installs it.
    weights : str
        Which weights it needs and where they may come from; empty if none.
    judge : bool
        Whether a language model judges, which takes hours or money: never run unless it is named.
    """

    entries: tuple[Entry, ...]
    load: Callable[..., Loaded]
    package: str
    get: str
    weights: str = ""
    judge: bool = False

    @property
    def installed(self) -> str:
        """The installed version of its package; empty if there is none."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""


class ExternalMetric:
    """A loaded plug-in as a metric like ours (`rrgbench.metrics.base.TextMetric`).

    Parameters
    ----------
    name : str
        What it was asked for by; the signature's field.
    plug_in : PlugIn
        What it is.
    score : callable
        `Loaded.score`.
    identity : str
        Package, version and settings, as the signature shows them.
    """

    def __init__(self, name: str, plug_in: PlugIn, score: Scorer, identity: str) -> None:
        self.name = name
        self.identity = identity
        self.entries = plug_in.entries
        self.keys: tuple[str, ...] = tuple(entry.key for entry in plug_in.entries)
        self._score = score

    def statistics(self, references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> Statistics:
        """Each study's own values (n, m), as the package gives them; one beyond its entry's bounds is told in the log.

        Raises
        ------
        InputError
            If the lists don't belong together, or the package fails or gives another number of values.
        """
        check_pairs(references, hypotheses)
        try:
            # Some packages print as they work; stdout carries results only.
            with redirect_stdout(sys.stderr):
                found = self._score([list(study) for study in references], list(hypotheses))
        except RrgbenchError:
            raise
        except Exception as error:
            # its words may hold a report's
            raise InputError(
                f"metric {self.name} failed in its own package, {self.identity} ({type(error).__name__}): check its "
                "options, or report it there; --verbose shows where"
            ) from error
        try:
            values = as_numbers(found)
        except ValueError:
            raise InputError(f"metric {self.name} gave no numbers; expected one for each study and value") from None
        if values.ndim == 1:
            values = values[:, None]
        expected = (len(hypotheses), len(self.keys))
        if values.shape != expected:
            raise InputError(f"metric {self.name} gave values of shape {values.shape}; expected {expected}")
        for entry, column in zip(self.entries, values.T, strict=True):
            beyond = column[(column < entry.low - _ROUNDING) | (column > entry.high + _ROUNDING)]
            if beyond.size:
                _log.warning(
                    "metric %s gave %s %g for a study, beyond the %g to %g that its entry says; correct the entry's "
                    "bounds (low, high), or scale the values",
                    *(self.name, entry.key, beyond[0], entry.low, entry.high),
                )
        return values

    def per_study(self, statistics: Statistics) -> NDArray[np.float64]:
        """Each study's own values (n, m)."""
        return statistics

    def aggregate(self, statistics: Statistics, multiplicities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Means (r, m) where study i counts `multiplicities[:, i]` times."""
        return weighted_mean(statistics, multiplicities)
