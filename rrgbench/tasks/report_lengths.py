"""How long a model's reports are and how often it repeats one: values, and what their figures need."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from rrgbench.render.record_tables import TableDescription
from rrgbench.tasks.base import Floats, Outcome
from rrgbench.tasks.context import Evaluation

METRICS = ("report_words", "reference_words")
TABLE = TableDescription("Length of reports", METRICS, detail=True, headline=())


def report_lengths(evaluation: Evaluation, task: str, reports: Sequence[str], references: Sequence[str]) -> Outcome:
    """Mean words of reports and references with intervals; words of each, and how many studies share a report.

    Parameters
    ----------
    evaluation : Evaluation
        Whose records these are.
    task : str
        Likewise.
    reports, references : sequence of str
        Of the scored studies; references may be none.
    """
    words = [np.array([len(text.split()) for text in texts], dtype=np.int32) for texts in (reports, references)]
    records, replicates = [], {}
    written = evaluation.references
    for metric, lengths in zip(METRICS, words, strict=True):
        if not len(lengths):
            records += evaluation.blank(task, [metric], "the films have no reference reports")
            continue

        def mean(draws: Floats, lengths: np.ndarray = lengths) -> Floats:
            return np.asarray(draws @ lengths.astype(np.float64) / draws.sum(axis=1))[:, None]

        n, studies = (
            len(lengths),
            [one for one in evaluation.studies if metric == METRICS[0] or one.study_id in written],
        )
        bounds, drawn = evaluation.resampled(mean, studies)
        replicates[len(records)] = drawn[:, 0]
        value, low, high = float(lengths.mean()), bounds[0, 0], bounds[0, 1]
        signature = evaluation.signature(n)
        records.append(evaluation.record(task, metric, value=value, low=low, high=high, n=n, signature=signature))
    copies = np.array(sorted(Counter(reports).values(), reverse=True), dtype=np.int32)
    return Outcome(records, replicates, {"words": words[0], "reference_words": words[1], "copies": copies})
