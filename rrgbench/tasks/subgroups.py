"""Task: CE F1 by group of studies (view, sex, age, number of findings) and by how common observations are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.study import Study
from rrgbench.labelers.study_labels import labels_source
from rrgbench.metrics.clinical_efficacy import Averaging, ClinicalEfficacy
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.render.record_tables import TableDescription
from rrgbench.runs.records import Record
from rrgbench.tasks.base import Floats, Outcome, Task, Unit
from rrgbench.tasks.context import Evaluation
from rrgbench.tasks.efficacy_labels import efficacy_labels

METRIC = "ce_f1_group"
LEAST: Final = 10
"""Studies of the smallest group that is told."""

_AGES: Final = ((0, 39), (40, 59), (60, 79), (80, 200))
_COUNTS: Final = ((0, 0), (1, 2), (3, 14))
_SHARES: Final = ((0.1, 1.01), (0.03, 0.1), (0.0, 0.03))
_NO_FINDING: Final = ("No Finding", "Support Devices")


class Subgroups(Task):
    """Micro F1 of each group of studies; macro F1 over the common, less common and rare observations."""

    name = "subgroups"
    version = 3
    reads_reports = True
    tables = (TableDescription("CE F1 by group", (METRIC,), apart=("setting",), detail=True, headline=()),)

    def run(self, evaluation: Evaluation, parameters: Any, unit: Unit) -> Outcome:
        """Label once, then aggregate each group."""
        reports = evaluation.reports
        if reports is None:
            return Outcome(evaluation.blank(self.name, [METRIC], "the model writes no reports"))
        studies = [study for study in evaluation.studies if study.study_id in evaluation.references]
        source = "report"
        if not studies:
            studies = [study for study in evaluation.studies if study.labels is not None]
            if not studies or len(studies) < len(evaluation.studies):
                reason = "the films have neither reference reports nor labels"
                return Outcome(evaluation.blank(self.name, [METRIC], reason))
            source = labels_source(studies)
        labels, written, spoken = efficacy_labels(evaluation, studies)
        protocol = evaluation.scoring.protocol
        metric = ClinicalEfficacy("micro", 14, protocol.uncertain)
        # of a group of studies the F1 that the table of clinical efficacy has of all
        counted = ClinicalEfficacy("micro", protocol.observations, protocol.uncertain)
        statistics, of_groups = (one.statistics(labels, written, spoken) for one in (metric, counted))
        records: list[Record] = []
        replicates: dict[int, Floats] = {}

        def tell(
            group: str, averaging: Averaging, enough: int, those: Sequence[Study], aggregate: Callable[[Floats], Floats]
        ) -> None:
            n = len(those)
            where = {"setting": group, "n": n}
            if enough < LEAST:
                reason = f"fewer than {LEAST} {'positives' if averaging == 'macro' else 'studies'}"
                records.append(evaluation.record(self.name, METRIC, reason=reason, **where))
                return
            value = aggregate(np.ones((1, n)))[0, 0]
            bounds, drawn = evaluation.resampled(aggregate, those)
            plain = replace(evaluation.signature(n), averaging=averaging)
            if averaging == "micro" and protocol.observations != 14:
                plain = replace(plain, observations=protocol.observations)
            signature = evaluation.labelled(plain, n=n, labels=source, group=group.replace(" ", "-"))
            replicates[len(records)] = drawn[:, 0]
            records.append(
                evaluation.record(
                    self.name, METRIC, value=value, low=bounds[0, 0], high=bounds[0, 1], signature=signature, **where
                )
            )

        for group, rows in _groups(studies, labels):
            tell(group, "micro", len(rows), [studies[row] for row in rows], partial(_micro, counted, of_groups[rows]))
        for group, columns in _by_prevalence(labels, np.asarray(spoken.any(axis=0))):
            positives = int((labels[:, columns] == POSITIVE).sum())
            tell(group, "macro", positives, studies, partial(_macro, metric, statistics, columns))
        if not records:
            return Outcome(evaluation.blank(self.name, [METRIC], "the studies fall into no groups"))
        return Outcome(records, replicates)


def _micro(metric: ClinicalEfficacy, statistics: Floats, draws: Floats) -> Floats:
    return metric.aggregate(statistics, draws)[:, 2:3]


def _macro(metric: ClinicalEfficacy, statistics: Floats, columns: NDArray[np.int64], draws: Floats) -> Floats:
    f1 = np.nan_to_num(metric.observation_rows(statistics, draws)[:, columns, 2])
    return np.asarray(f1.mean(axis=1))[:, None]


def _groups(studies: Sequence[Study], labels: NDArray[np.int8]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Groups by each attribute that tells studies apart, with the rows of their studies."""
    findings = [column for column, name in enumerate(OBSERVATIONS) if name not in _NO_FINDING]
    counts = (labels[:, findings] == POSITIVE).sum(axis=1)
    attributes: dict[str, list[str]] = {
        "view": [study.images[0].view if study.images else "" for study in studies],
        "sex": [study.sex for study in studies],
        "age": ["" if study.age is None else _band(study.age, _AGES) for study in studies],
        "findings": [_band(int(count), _COUNTS) for count in counts],
    }
    for attribute, values in attributes.items():
        seen = sorted(set(values) - {""}, key=lambda value: (not value[:1].isdigit(), value))
        if len(seen) < 2:
            continue
        for value in seen:
            yield f"{attribute} {value}", np.flatnonzero(np.array(values) == value)


def _by_prevalence(labels: NDArray[np.int8], known: NDArray[np.bool_]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Observations by the share of studies in which they are positive; those that never are belong to none."""
    share = (labels == POSITIVE).mean(axis=0)
    for low, high in _SHARES:
        columns = np.flatnonzero((share >= low) & (share < high) & (share > 0) & known)
        if len(columns):
            name = f"at least {100 * low:g} %" if high > 1 else f"{100 * low:g} to {100 * high:g} %"
            yield f"prevalence {name}", columns


def _band(number: int, bands: Sequence[tuple[int, int]]) -> str:
    low, high = next(band for band in bands if band[0] <= number <= band[1])
    return f"{low}" if low == high else f"{low} or more" if high >= bands[-1][1] else f"{low}-{high}"


TASK = Subgroups()
