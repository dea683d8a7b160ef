"""What stages can stop on, beside their loss.

How well observations of the validation split are told apart (step 1), how well its films find reports of their kind
(step 2), how good the reports are that are written of its films (step 4).
"""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from dcrrg.model import DcrrgModel
from rrgbench.data.corpus import training_items
from rrgbench.data.five_by_200 import only_observation
from rrgbench.metrics.auroc import auroc
from rrgbench.metrics.means import mean_of_defined
from rrgbench.metrics.precision_at_k import precision_at_k
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNMENTIONED
from rrgbench.training.data import FilmSource, ReportSource, TrainingData
from rrgbench.training.report_measures import report_measures
from rrgbench.training.stopping import Measures

AUROC: Final = "auroc"
"""Mean over the observations that the studies measured have and lack."""

PRECISION: Final = "precision_at_5"
"""Of validation reports for films that show one competition observation and nothing else, as 5x200 draws them; the
reports are those of the same kinds of studies. Of the share that is possible: where an observation has n reports,
fewer than five, its queries can have n of five right, and that counts as 1; else rare observations would bound it."""

PRECISION_VERSION: Final = 2
"""Raised when `PRECISION` counts otherwise, so that no step 2 kept by an earlier rule is taken for one of this."""

HEADS: Final = {AUROC: True}
"""What can be said of a head; higher is better."""

RETRIEVAL: Final = {PRECISION: True}
"""What can be said of a shared space."""

_K = 5


def film_measures(model: DcrrgModel, source: FilmSource) -> Measures:
    """AUROC of the image head on films."""
    return auroc_measures(lambda limit: model.predict_observations(_first(source, limit)), source.labels, source.known)


def text_measures(model: DcrrgModel, source: ReportSource) -> Measures:
    """AUROC of the text head on reports."""
    known = training_items(source.labels)
    return auroc_measures(lambda limit: model.read_observations(source.reports[:limit]), source.labels, known)


def _first(source: FilmSource, limit: int) -> NDArray[np.uint8]:
    return np.stack([source.films[row] for row in range(min(limit, len(source.films)))])


def auroc_measures(
    predict: Callable[[int], NDArray[np.float32]], labels: NDArray[np.int8], known: NDArray[np.bool_]
) -> Measures:
    """AUROC of what is predicted of the first studies, given how many."""

    def values(limit: int) -> dict[str, float]:
        found = auroc(predict(limit).astype(np.float64), labels[:limit] == POSITIVE, known[:limit])
        return {AUROC: float(mean_of_defined(found)[0])}

    return Measures(HEADS, values)


def retrieval_measures(model: DcrrgModel, data: TrainingData) -> Measures:
    """Precision@5 of films that query reports."""

    def values(limit: int) -> dict[str, float]:
        told = np.array([name in data.films.labelled for name in OBSERVATIONS])
        queries = only_observation(np.where(told, data.films.labels[:limit], UNMENTIONED))
        candidates = only_observation(np.where(told, data.reports.labels[:limit], UNMENTIONED))
        films, reports = np.flatnonzero(queries >= 0), np.flatnonzero(candidates >= 0)
        if len(reports) < _K or not np.isin(queries[films], candidates[reports]).any():
            return {PRECISION: float("nan")}
        images = model.embed_images(_first(data.films, limit)[films])
        texts = model.embed_reports([data.reports.reports[row] for row in reports.tolist()])
        found = precision_at_k(images, texts, queries[films], candidates[reports], (_K,))[:, 0]
        relevant = (queries[films][:, None] == candidates[reports][None, :]).sum(axis=1)
        asked = relevant > 0
        return {PRECISION: float(np.mean(found[asked] * _K / np.minimum(relevant[asked], _K)))}

    return Measures(RETRIEVAL, values)


def written_measures(model: DcrrgModel, data: TrainingData) -> Measures | None:
    """What `rrgbench.training.report_measures` says of the reports written; None where films have no reports."""
    if not data.paired:
        return None
    return report_measures(lambda limit: model.generate_reports(_first(data.films, limit)), data.reports.reports)
