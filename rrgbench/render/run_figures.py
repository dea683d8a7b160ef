"""A run's figures: what its tables say, drawn, with intervals; from its records and from what its units keep."""

from collections.abc import Sequence
from typing import Final

from rrgbench.render.figures.arrays import RunArrays
from rrgbench.render.figures.lengths import lengths
from rrgbench.render.figures.probabilities import reliability, roc
from rrgbench.render.figures.style import COLOURS, RunFigure
from rrgbench.render.figures.training import Training, learning_curves
from rrgbench.render.figures.values import (
    by_observation,
    efficiency,
    error_correlation,
    error_correlation_over_models,
    film_use,
    labeler_band,
    precision,
    propagation,
    protocol_band,
    subgroups,
)
from rrgbench.render.record_tables import CONSTANT, TRIVIAL, model_order
from rrgbench.runs.records import Record

MOST: Final = 5
"""Models that one figure shows; tables show all."""
_BESIDE: Final = "nearest-neighbour"
"""The trivial system that stands beside a single model."""


def run_figures(
    records: Sequence[Record], arrays: RunArrays | None = None, training: Training | None = None
) -> list[RunFigure]:
    """Every figure that a run fills, of the corpus and split that has most of its records.

    Parameters
    ----------
    records : sequence of Record
        Of one run, under the names that tables show.
    arrays : mapping, optional
        What its units keep (`rrgbench.render.figures.arrays`), by task and the same names.
    training : mapping, optional
        What `run.json` says of the models' training (`rrgbench.render.figures.training`), by the same names.
    """
    kept = arrays or {}
    known = [record for record in records if record.value is not None]
    places = [(record.corpus, record.split) for record in known]
    if not places:
        return []
    corpus, split = max(dict.fromkeys(places), key=places.count)
    here = [record for record in known if (record.corpus, record.split) == (corpus, split)]
    order = [name for name in model_order(here) if name != CONSTANT]
    names = [name for name in order if name not in TRIVIAL][:MOST] or order[:MOST]
    if len(names) == 1 and _BESIDE in order and _BESIDE not in names:
        names.append(_BESIDE)
    # of trivial systems a curve says little
    skilled = [name for name in names if name not in TRIVIAL] or names
    chosen = [record for record in here if record.model in names]
    made = [
        by_observation(chosen, names, "ce_f1", "F1 of what the reports find, by observation"),
        by_observation(chosen, names, "auroc", "AUROC of the model's own predictions, by observation", "own"),
        roc(chosen, skilled, kept),
        reliability(skilled, kept),
        precision(here, names),
        efficiency(chosen, names),
        error_correlation(chosen, names),
        error_correlation_over_models(here, [name for name in order if name not in TRIVIAL][: len(COLOURS)]),
        propagation(chosen, skilled),
        film_use(chosen, names),
        lengths(names, kept),
        subgroups(chosen, names),
        protocol_band(chosen, names),
        labeler_band(here, names),
        learning_curves(training or {}),
    ]
    return [figure for figure in made if figure is not None]
