"""The metrics that `rrgbench.score` runs: their statistics once, then all values and intervals from the same "
"resamples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.cider import undefined_reason as cider_undefined
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.metrics.ngrams import NgramTable, ngram_table
from rrgbench.metrics.rouge import RougeL
from rrgbench.observations import OBSERVATIONS
from rrgbench.scoring.protocols import Protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.values import Family, ObservationScore, Value
from rrgbench.stats.bootstrap import Method, intervals

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "bleu": ("bleu_1", "bleu_2", "bleu_3", "bleu_4"),
    "nlg": ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider"),
    "ce": ("ce_precision", "ce_recall", "ce_f1"),
}
"""Names that stand for several metrics."""


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made; `str()` is the signature's `bootstrap` field."""

    replicates: int
    seed: int
    level: float
    method: Method

    def __str__(self) -> str:
        """`method-replicates-level-seed`."""
        return f"{self.method}-{self.replicates}-{100 * self.level:g}-seed{self.seed}"


def text_families(pairs: ReportPairs, protocol: Protocol, keys: Sequence[str]) -> tuple[list[Family], dict[str, str]]:
    """Statistics of the text metrics that `keys` need, and why any of them is absent."""
    # All texts in one call: a tokenizer may be a process.
    words = iter(protocol.tokenize([*(text for study in pairs.references for text in study), *pairs.hypotheses]))
    references = [[next(words) for _ in study] for study in pairs.references]
    hypotheses = list(words)
    families: list[Family] = []
    absent: dict[str, str] = {}
    table: NgramTable | None = None
    if any(key in ("cider", *GROUPS["bleu"]) for key in keys):
        table = ngram_table(references, hypotheses)
    if table is not None and any(key in GROUPS["bleu"] for key in keys):
        families.append(Family(Bleu(), Bleu().table_statistics(table)))
    if "meteor" in keys:
        from rrgbench.metrics.meteor import Meteor

        try:
            families.append(Family(Meteor(), Meteor().statistics(references, hypotheses)))
        except MissingPartError as error:
            absent["meteor"] = str(error)
    if "rouge_l" in keys:
        families.append(Family(RougeL(), RougeL().statistics(references, hypotheses)))
    if table is not None and "cider" in keys:
        families.append(Family(Cider(), Cider().table_statistics(table)))
    return families, absent


def external_families(pairs: ReportPairs, protocol: Protocol, metrics: Sequence[ExternalMetric]) -> list[Family]:
    """Statistics of other packages' metrics, which read the text that the protocol's labeler reads.

    Raises
    ------
    InputError
        If a metric gives no number for a study, or a wrong number of them.
    """
    texts = [*(text for study in pairs.references for text in study), *pairs.hypotheses]
    read = iter(protocol.clean(texts) if protocol.labelled_text == "cleaned" else texts)
    references = [[next(read) for _ in study] for study in pairs.references]
    hypotheses = list(read)
    families = []
    for metric in metrics:
        values = metric.statistics(references, hypotheses)
        missing = [pairs.study_ids[row] for row in np.flatnonzero(~np.isfinite(values).all(axis=1))]
        if missing:
            raise InputError(f"metric {metric.name} gave no number for {len(missing)} studies: {listed(missing)}")
        families.append(Family(metric, values))
    return families


def efficacy_statistics(
    metric: ClinicalEfficacy,
    pairs: ReportPairs,
    protocol: Protocol,
    labeler: "str | Labeler | None",
    reference_labels: NDArray[np.int8] | None,
    known: NDArray[np.bool_] | None,
) -> tuple[Statistics, str]:
    """Clinical-efficacy statistics of labelled reports, and the labeler's identity.

    Raises
    ------
    InputError
        If there is neither a reference report nor a reference label, or labels don't fit the studies.
    """
    from rrgbench.labelers import load

    wanted = protocol.labeler if labeler is None else labeler
    tool = load(wanted) if isinstance(wanted, str) else wanted
    texts = list(pairs.hypotheses)
    if reference_labels is None:
        if not pairs.references:
            raise InputError("clinical efficacy needs references or reference_labels; neither was given")
        texts += [study[0] for study in pairs.references]
    if protocol.labelled_text == "cleaned":
        texts = protocol.clean(texts)
    labels = tool.label(texts)
    studies = len(pairs.hypotheses)
    if reference_labels is None:
        expected = labels[studies:]
    elif len(reference_labels) != studies:
        raise InputError(
            f"labels of {len(reference_labels)} studies but {studies} hypotheses; give a row for each study"
        )
    else:
        expected = reference_labels
    return metric.statistics(expected, labels[:studies], known), tool.identity


def efficacy_signature(
    base: Signature,
    metric: ClinicalEfficacy,
    labeler: str,
    labels_given: bool,
    labels_source: str,
    known: NDArray[np.bool_] | None,
) -> Signature:
    """The signature of clinical-efficacy values: the texts' own plus labeler and choices."""
    spoken = len(OBSERVATIONS) if known is None else int(np.atleast_2d(known).any(axis=0).sum())
    return Signature(
        corpus=base.corpus,
        split=base.split,
        n=base.n,
        protocol=base.protocol,
        labeler=labeler,
        averaging=metric.averaging,
        uncertain=metric.uncertain,
        observations=metric.observations,
        extras=base.extras,
        version=base.version,
    ).with_extras(
        tgt=None if metric.target == "positive" else metric.target,
        labels=labels_source if labels_given else None,
        known=None if spoken == len(OBSERVATIONS) else spoken,
    )


def values_of(
    families: Sequence[Family],
    n: int,
    bootstrap: Bootstrap | None,
    signatures: Mapping[str, Signature],
) -> tuple[dict[str, Value], tuple[ObservationScore, ...]]:
    """All values and observation rows, their intervals from the same resamples."""
    efficacy = [(item.metric, item.statistics) for item in families if isinstance(item.metric, ClinicalEfficacy)]

    def everything(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [item.metric.aggregate(item.statistics, counts) for item in families]
        parts += [metric.observation_rows(rows, counts).reshape(len(counts), -1) for metric, rows in efficacy]
        return np.concatenate(parts, axis=1)

    if not families:
        return {}, ()
    points = everything(np.ones((1, n)))[0]
    limits = np.full((len(points), 2), np.nan)
    if bootstrap is not None:
        limits = intervals(everything, n, bootstrap.replicates, bootstrap.seed, bootstrap.level, bootstrap.method)
    keys = [key for item in families for key in item.keys]

    def value(column: int, key: str, reason: str = "") -> Value:
        if not reason and bootstrap is not None and n == 1:
            reason = "one study has no interval"
        low, high = limits[column]
        return Value(float(points[column]), float(low), float(high), n, signatures[key], reason)

    values = {key: value(column, key, cider_undefined(n) if key == "cider" else "") for column, key in enumerate(keys)}
    observations: list[ObservationScore] = []
    for metric, rows in efficacy:
        reasons, support = metric.undefined(rows), metric.support(rows)
        for row, name in enumerate(metric.names):
            column = len(keys) + 3 * row
            precision, recall, f1 = (
                value(column + offset, key, reasons[name] if np.isnan(points[column + offset]) else "")
                for offset, key in enumerate(GROUPS["ce"])
            )
            observations.append(ObservationScore(name, precision, recall, f1, int(support[row])))
    return values, tuple(observations)
