"""Task: does a system that writes reports read the film at all?

The loss of the reference reports, each with its own film and each with the film of another study. A system whose loss
is the same with any film writes from what reports are like in general, whatever its scores. Films are dealt out by one
cycle through all studies, so that none has its own; what else a model reads of a study goes with its film.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from rrgbench.models import ReportLikelihood
from rrgbench.render.record_tables import TableDescription
from rrgbench.tasks.base import Floats, Outcome, Task, TaskParameters, Unit
from rrgbench.tasks.context import Evaluation

METRICS = ("loss_own_film", "loss_other_film", "film_gain")

BATCH = 64


class FilmUseParameters(TaskParameters):
    """`seed` deals out the films of other studies."""

    seed: int = Field(default=0, ge=0)


class FilmUse(Task):
    """Mean loss a token with own films and with other studies' films, and the difference."""

    name = "film_use"
    parameters = FilmUseParameters
    tables = (TableDescription("Loss of the references with own and with other films", METRICS, headline=()),)

    def run(self, evaluation: Evaluation, parameters: FilmUseParameters, unit: Unit) -> Outcome:
        """Read each film beside its own reference and beside another's."""
        model, references = evaluation.model, evaluation.references
        if not isinstance(model, ReportLikelihood):
            reason = "the model does not say how likely it finds a given report"
            return Outcome(evaluation.blank(self.name, METRICS, reason))
        studies = [study for study in evaluation.studies if study.study_id in references]
        if len(studies) < 2:
            reason = "the films have no reference reports" if not studies else "one film can't be exchanged"
            return Outcome(evaluation.blank(self.name, METRICS, reason))
        reports = [references[study.study_id] for study in studies]
        lent = one_cycle(len(studies), parameters.seed)
        losses = np.empty((len(studies), 4))
        done = 0
        for images in evaluation.batches(studies, BATCH):
            here = np.arange(done, done + len(images))
            for rows, columns in ((here, slice(0, 2)), (lent[here], slice(2, 4))):
                given = model.report_losses(images, [reports[row] for row in rows])
                losses[rows, columns] = evaluation.table(model.report_losses, given, len(rows), 2)
            done += len(images)
        signature = evaluation.signature(
            len(studies), loss="nats-per-token", tokens="model", others=f"one-cycle-seed{parameters.seed}"
        )
        bounds, resamples = evaluation.resampled(lambda drawn: mean_losses(losses, drawn), studies)
        values = mean_losses(losses, np.ones((1, len(studies))))[0]
        records = [
            evaluation.record(self.name, metric, value=value, low=low, high=high, n=len(studies), signature=signature)
            for metric, value, (low, high) in zip(METRICS, values, bounds, strict=True)
        ]
        return Outcome(records, dict(enumerate(resamples.T)))


def one_cycle(n: int, seed: int) -> NDArray[np.int64]:
    """A random permutation (n,) of one cycle, which leaves nothing in its place if n is 2 or more."""
    order = np.random.default_rng(seed).permutation(n)
    lent = np.empty(n, dtype=np.int64)
    lent[order] = np.roll(order, -1)
    return lent


def mean_losses(losses: Floats, drawn: Floats) -> Any:
    """Mean loss a token with own films, with others, and the second less the first (r, 3).

    Parameters
    ----------
    losses : float64 array (n, 4)
        Of each reference: loss and tokens with its own film, loss and tokens with another's.
    drawn : float64 array (r, n)
        How often each study is drawn.
    """
    own, tokens, other, again = (drawn @ losses).T
    return np.stack([own / tokens, other / again, other / again - own / tokens], axis=1)


TASK = FilmUse()
