"""The metrics that `rrgbench.score` runs: their statistics once, then values and intervals from the same resamples."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, MissingPartError, listed
from rrgbench.metrics.base import Statistics
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.catalogue import TEXT_GROUPS
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.cider import undefined_reason as cider_undefined
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.metrics.rouge import RougeL
from rrgbench.metrics.sentence_bleu import SentenceBleu
from rrgbench.observations import OBSERVATIONS
from rrgbench.scoring.options import Bootstrap, ReferenceLabels, Scoring
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.texts import PreparedReports, labelled_texts
from rrgbench.scoring.values import Family, ObservationScore, Value


def text_families(prepared: PreparedReports, keys: Sequence[str]) -> tuple[list[Family], dict[str, str]]:
    """Statistics of the text metrics that `keys` need, and why any of them is absent."""
    options = prepared.options
    references, hypotheses = prepared.compared
    families: list[Family] = []
    absent: dict[str, str] = {}
    loading = None
    with ThreadPoolExecutor(thread_name_prefix="meteor") as beside:
        if "meteor" in keys:
            from rrgbench.metrics.meteor import Meteor, load_resources

            # checked by its digest without Python's lock, while BLEU is counted
            loading = beside.submit(load_resources)
        if any(key in TEXT_GROUPS["bleu"] for key in keys):
            families.append(Family(Bleu(), Bleu().table_statistics(prepared.table)))
        if any(key in TEXT_GROUPS["bleu_mean"] for key in keys):
            sentence = SentenceBleu(options.protocol.smoothing)
            families.append(Family(sentence, sentence.table_statistics(prepared.table)))
    if loading is not None:
        try:
            loading.result()
            families.append(Family(Meteor(), Meteor().statistics(references, hypotheses)))
        except MissingPartError as error:
            absent["meteor"] = str(error)
    if "rouge_l" in keys:
        families.append(Family(RougeL(), RougeL().statistics(references, hypotheses)))
    if "cider" in keys:
        if options.frequencies:
            cider = Cider(options.frequencies)
            families.append(Family(cider, cider.statistics(references, hypotheses)))
        elif options.frequencies is None:
            wanted = {"train": "training_reports", "file": "frequency_reports"}[options.protocol.cider_df]
            absent["cider"] = f"CIDEr's document frequencies come from other reports, which were not given ({wanted}=)"
        else:
            families.append(Family(Cider(), Cider().table_statistics(prepared.table)))
    if any(key in TEXT_GROUPS["findings"] for key in keys):
        from rrgbench.findings.metric import FindingsF1

        families.append(Family(FindingsF1(), FindingsF1().statistics(*_labelled_pairs(prepared.pairs, options))))
    prepared.forget_table()
    return families, absent


def _labelled_pairs(pairs: ReportPairs, options: Scoring) -> tuple[list[list[str]], list[str]]:
    """All references of each study, and the hypotheses, as the protocol's labeler reads them."""
    texts, hypotheses = labelled_texts(
        [text for study in pairs.references for text in study], pairs.hypotheses, options
    )
    read = iter(texts)
    return [[next(read) for _ in study] for study in pairs.references], hypotheses


def external_families(pairs: ReportPairs, options: Scoring, metrics: Sequence[ExternalMetric]) -> list[Family]:
    """Statistics of other packages' metrics, which read the text that the protocol's labeler reads.

    Raises
    ------
    InputError
        If a metric gives no number for a study, or a wrong number of them.
    """
    references, hypotheses = _labelled_pairs(pairs, options)
    families = []
    for metric in metrics:
        values = metric.statistics(references, hypotheses)
        missing = [pairs.study_ids[row] for row in np.flatnonzero(~np.isfinite(values).all(axis=1))]
        if missing:
            raise InputError(f"metric {metric.name} gave no number for {len(missing)} studies: {listed(missing)}")
        families.append(Family(metric, values))
    return families


def efficacy_statistics(prepared: PreparedReports) -> Statistics:
    """Clinical-efficacy statistics of labelled reports; errors as of `PreparedReports.labelled`."""
    expected, given = prepared.labelled
    known = None if prepared.labels is None else prepared.labels.known
    return prepared.options.clinical_efficacy.statistics(expected, given, known)


def efficacy_signature(base: Signature, options: Scoring, labels: ReferenceLabels | None) -> Signature:
    """The signature of clinical-efficacy values: the texts' own plus labeler and choices."""
    metric = options.clinical_efficacy
    known = None if labels is None else labels.known
    spoken = len(OBSERVATIONS) if known is None else int(np.atleast_2d(known).any(axis=0).sum())
    return replace(
        base,
        labeler=options.tool.identity,
        averaging=metric.averaging,
        uncertain=metric.uncertain,
        observations=metric.observations,
    ).with_extras(
        tgt=None if metric.target == "positive" else metric.target,
        labels=None if labels is None else labels.source,
        known=None if spoken == len(OBSERVATIONS) else spoken,
    )


def values_of(
    families: Sequence[Family],
    study_ids: Sequence[str],
    bootstrap: Bootstrap | None,
    signatures: Mapping[str, Signature],
) -> tuple[dict[str, Value], tuple[ObservationScore, ...], dict[str, NDArray[np.float64]]]:
    """All values and observation rows, and the values on the resamples that their intervals come from.

    Of single observations the resampled values are called `ce_f1:Edema`.
    """
    efficacy = [(item.metric, item.statistics) for item in families if isinstance(item.metric, ClinicalEfficacy)]

    def everything(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [item.metric.aggregate(item.statistics, counts) for item in families]
        parts += [metric.observation_rows(rows, counts).reshape(len(counts), -1) for metric, rows in efficacy]
        return np.concatenate(parts, axis=1)

    if not families:
        return {}, (), {}
    n = len(study_ids)
    points = everything(np.ones((1, n)))[0]
    limits, resamples = np.full((len(points), 2), np.nan), None
    if bootstrap is not None:
        limits, resamples = bootstrap.limits(everything, study_ids)
    keys = [key for item in families for key in item.keys]
    alike = "" if bootstrap is None else bootstrap.single(study_ids)

    def value(column: int, key: str, reason: str = "") -> Value:
        if not reason and alike:
            reason = f"one {alike} has no interval"
        low, high = limits[column]
        return Value(float(points[column]), float(low), float(high), n, signatures[key], reason)

    undefined = cider_undefined(n) if "cider" in keys and np.isnan(points[keys.index("cider")]) else ""
    values = {key: value(column, key, undefined if key == "cider" else "") for column, key in enumerate(keys)}
    observations: list[ObservationScore] = []
    for metric, rows in efficacy:
        reasons, support = metric.undefined(rows), metric.support(rows)
        for row, name in enumerate(metric.names):
            column = len(keys) + 3 * row
            precision, recall, f1 = (
                value(column + offset, key, reasons[name] if np.isnan(points[column + offset]) else "")
                for offset, key in enumerate(TEXT_GROUPS["ce"])
            )
            observations.append(ObservationScore(name, precision, recall, f1, int(support[row])))
    names = [*keys, *(f"{key}:{row.observation}" for row in observations for key in TEXT_GROUPS["ce"])]
    kept = {} if resamples is None else dict(zip(names, resamples.T, strict=True))
    return values, tuple(observations), kept
