"""`rrgbench.score`: reports against references, every number with its interval and signature."""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.predictions import Allowance, ReportFile, ReportPairs, pair_reports
from rrgbench.errors import InputError, UnknownNameError, listed
from rrgbench.metrics.base import Statistics, TextMetric
from rrgbench.metrics.bleu import Bleu
from rrgbench.metrics.cider import Cider
from rrgbench.metrics.cider import undefined_reason as cider_undefined
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.ngrams import NgramTable, ngram_table
from rrgbench.metrics.rouge import RougeL
from rrgbench.observations import OBSERVATIONS
from rrgbench.protocols import Protocol, load_protocol
from rrgbench.scores import TITLES, Family, ObservationScore, Scores, Value, ordered
from rrgbench.signature import Signature
from rrgbench.stats.bootstrap import Method, intervals

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

Reports = Sequence[str] | Sequence[Sequence[str]] | Mapping[str, str] | Mapping[str, Sequence[str]]
Progress = Callable[[str], None]

GROUPS: Final[dict[str, tuple[str, ...]]] = {
    "bleu": ("bleu_1", "bleu_2", "bleu_3", "bleu_4"),
    "nlg": ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider"),
    "ce": ("ce_precision", "ce_recall", "ce_f1"),
}
"""Names that stand for several metrics."""


@dataclass(frozen=True)
class _Bootstrap:
    replicates: int
    seed: int
    level: float
    method: Method

    def __str__(self) -> str:
        return f"{self.method}-{self.replicates}-{100 * self.level:g}-seed{self.seed}"


def score(
    references: Reports | None,
    hypotheses: Sequence[str] | Mapping[str, str],
    protocol: str | Protocol = "dcrrg",
    metrics: Iterable[str] | None = None,
    intervals: bool = True,
    *,
    labeler: "str | Labeler | None" = None,
    seed: int = 0,
    corpus: str = "unnamed",
    split: str = "unknown",
    replicates: int = 1000,
    level: float = 0.95,
    method: Method = "percentile",
    reference_labels: NDArray[np.int8] | None = None,
    labels_source: str = "film",
    known: NDArray[np.bool_] | None = None,
    allow: Collection[Allowance] = (),
    efficacy: ClinicalEfficacy | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score generated reports.

    Parameters
    ----------
    references : sequence or mapping of str, or None
        One reference for each study, or a list of several; a mapping goes by study id. None where the films have no
        reports: then `reference_labels` are needed and the NLG metrics are absent.
    hypotheses : sequence or mapping of str
        The generated reports, in the same order or by the same ids.
    protocol : str or Protocol
        Which choices to follow (`rrgbench.protocols`).
    metrics : iterable of str, optional
        Keys (`bleu_1` .. `bleu_4`, `meteor`, `rouge_l`, `cider`, `ce_precision`, `ce_recall`, `ce_f1`) or groups
        (`bleu`, `nlg`, `ce`); all by default.
    intervals : bool
        Whether to give bootstrap intervals.
    labeler : str or Labeler, optional
        For clinical efficacy; the protocol's by default.
    seed : int
        Seed of the resamples.
    corpus, split : str
        For the signature. Without an `@digest` of its own a corpus name gets the digest of the references, so that
        scores against different references never share a signature.
    replicates, level, method
        As in `rrgbench.stats.bootstrap.intervals`.
    reference_labels : int8 array (n, 14), optional
        Labels that the hypotheses' labels are compared with, in the order of the studies, instead of the labeler's
        reading of the references.
    labels_source : str
        Who made `reference_labels`, for the signature.
    known : bool array (14,) or (n, 14), optional
        Where `reference_labels` speak; elsewhere nothing is counted.
    allow : collection of {"missing", "unknown", "empty"}
        What is not an error, as in `rrgbench.data.predictions.pair_reports`.
    efficacy : ClinicalEfficacy, optional
        Other clinical-efficacy choices than the protocol's; they show in the signature.
    progress : callable, optional
        Called with a line for each step.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If references and hypotheses don't belong together, or a report is empty and that isn't allowed.
    UnknownNameError
        If a metric, protocol or labeler is not known.

    Notes
    -----
    With several references for a study, NLG metrics use all of them and clinical efficacy the first.

    Examples
    --------
    >>> found = score(["The heart is large.", "No effusion."], ["The heart is large.", "An effusion."],
    metrics=["bleu_1"]) >>> round(found["bleu_1"].value, 3)
    0.889
    """
    say = progress or _silent
    chosen = load_protocol(protocol)
    keys = metric_keys(metrics)
    pairs = _paired(references, hypotheses, allow)
    wants_efficacy = any(key in GROUPS["ce"] for key in keys)
    absent: dict[str, str] = {}
    families: list[tuple[TextMetric | ClinicalEfficacy, Statistics]] = []

    text_keys = [key for key in keys if key in GROUPS["nlg"]]
    if references is None:
        absent.update(dict.fromkeys(text_keys, "no reference reports; only the films' labels to compare with"))
    elif text_keys:
        say("comparing texts")
        found, missing = _text_families(pairs, chosen, text_keys)
        families += found
        absent.update(missing)

    bootstrap = _Bootstrap(replicates, seed, level, method) if intervals else None
    base = Signature(
        corpus=corpus if "@" in corpus else f"{corpus}@{_digest(pairs, reference_labels)}",
        split=split,
        n=len(pairs.study_ids),
        protocol=chosen.identity,
    ).with_extras(
        allowed=pairs.allowed or None,
        bootstrap=bootstrap,
    )
    signatures = dict.fromkeys(GROUPS["nlg"], base)
    whole = base
    if wants_efficacy:
        metric = efficacy or chosen.clinical_efficacy()
        say("labelling reports")
        rows, identity = _efficacy_statistics(metric, pairs, chosen, labeler, reference_labels, known)
        families.append((metric, rows))
        whole = _efficacy_signature(base, metric, identity, reference_labels is not None, labels_source, known)
        signatures.update(dict.fromkeys(GROUPS["ce"], whole))

    say("resampling studies" if intervals else "done")
    values, observations = _values(families, len(pairs.study_ids), bootstrap, signatures)
    kept = {key: values[key] for key in ordered(keys) if key in values}
    return Scores(
        values_by_key=kept,
        absent={key: absent[key] for key in ordered(keys) if key in absent},
        observations=observations,
        study_ids=pairs.study_ids,
        families=tuple(_family(metric, rows) for metric, rows in families),
        signature=whole,
    )


def metric_keys(metrics: Iterable[str] | None) -> list[str]:
    """Metric keys for keys or group names, in the order of tables; all for None.

    Raises
    ------
    UnknownNameError
        If a name is neither.
    """
    if metrics is None:
        return list(TITLES)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    unknown = [name for name in names if name not in TITLES and name not in GROUPS]
    if unknown or not names:
        raise UnknownNameError(
            f"metrics {listed(unknown) or '(none given)'} are not known; known: {', '.join([*TITLES, *GROUPS])}"
        )
    return ordered(list(dict.fromkeys(key for name in names for key in GROUPS.get(name, (name,)))))


def _silent(_: str) -> None:
    pass


def _paired(
    references: Reports | None, hypotheses: Sequence[str] | Mapping[str, str], allow: Collection[Allowance]
) -> ReportPairs:
    given = _by_id("hypotheses", hypotheses)
    if references is None:
        # Each hypothesis stands in for its reference here; nothing compares with it.
        expected = ReportFile("references", given.texts)
    else:
        if isinstance(references, Mapping) != isinstance(hypotheses, Mapping):
            raise InputError("references and hypotheses must both be lists or both be mappings by study id")
        expected = _by_id("references", references)
        if not isinstance(references, Mapping) and len(expected.texts) != len(given.texts):
            raise InputError(
                f"{len(expected.texts)} references but {len(given.texts)} hypotheses; give one hypothesis for each "
                "study"
            )
    return pair_reports(expected, given, allow)


def _by_id(name: str, reports: Reports) -> ReportFile:
    if isinstance(reports, str):
        raise InputError(f"{name} are one string; give a list or a mapping by study id")
    items: Iterable[tuple[object, object]] = reports.items() if isinstance(reports, Mapping) else enumerate(reports)
    texts: dict[str, tuple[str, ...]] = {}
    wrong: list[object] = []
    for study_id, report in items:
        several = (report,) if isinstance(report, str) else report
        if isinstance(several, list | tuple) and several and all(isinstance(text, str) for text in several):
            texts[str(study_id)] = tuple(several)
        else:
            wrong.append(study_id)
    if wrong:
        raise InputError(f"{name}: {len(wrong)} studies have no text or list of texts: {listed(wrong)}")
    if not texts:
        raise InputError(f"{name} are empty; give at least one study")
    return ReportFile(name, texts)


def _text_families(
    pairs: ReportPairs, protocol: Protocol, keys: Sequence[str]
) -> tuple[list[tuple[TextMetric | ClinicalEfficacy, Statistics]], dict[str, str]]:
    references = [protocol.clean(study) for study in pairs.references]
    hypotheses = protocol.clean(pairs.hypotheses)
    families: list[tuple[TextMetric | ClinicalEfficacy, Statistics]] = []
    absent: dict[str, str] = {}
    table: NgramTable | None = None
    if any(key in ("cider", *GROUPS["bleu"]) for key in keys):
        table = ngram_table(references, hypotheses)
    if table is not None and any(key in GROUPS["bleu"] for key in keys):
        families.append((Bleu(), Bleu().table_statistics(table)))
    if "meteor" in keys:
        if find_spec("rrgbench.metrics.meteor") is None:
            absent["meteor"] = "this installation has no METEOR"
        else:
            from rrgbench.metrics.meteor import Meteor

            families.append((Meteor(), Meteor().statistics(references, hypotheses)))
    if "rouge_l" in keys:
        families.append((RougeL(), RougeL().statistics(references, hypotheses)))
    if table is not None and "cider" in keys:
        families.append((Cider(), Cider().table_statistics(table)))
    return families, absent


def _efficacy_statistics(
    metric: ClinicalEfficacy,
    pairs: ReportPairs,
    protocol: Protocol,
    labeler: "str | Labeler | None",
    reference_labels: NDArray[np.int8] | None,
    known: NDArray[np.bool_] | None,
) -> tuple[Statistics, str]:
    from rrgbench.labelers import load

    wanted = protocol.labeler if labeler is None else labeler
    tool = load(wanted) if isinstance(wanted, str) else wanted
    texts = list(pairs.hypotheses)
    if reference_labels is None:
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


def _efficacy_signature(
    base: Signature,
    metric: ClinicalEfficacy,
    labeler: str,
    labels_given: bool,
    labels_source: str,
    known: NDArray[np.bool_] | None,
) -> Signature:
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


def _values(
    families: Sequence[tuple[TextMetric | ClinicalEfficacy, Statistics]],
    n: int,
    bootstrap: _Bootstrap | None,
    signatures: Mapping[str, Signature],
) -> tuple[dict[str, Value], tuple[ObservationScore, ...]]:
    """All values and observation rows, their intervals from the same resamples."""
    efficacy = [(metric, rows) for metric, rows in families if isinstance(metric, ClinicalEfficacy)]

    def everything(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = [metric.aggregate(rows, counts) for metric, rows in families]
        parts += [metric.observation_rows(rows, counts).reshape(len(counts), -1) for metric, rows in efficacy]
        return np.concatenate(parts, axis=1)

    if not families:
        return {}, ()
    points = everything(np.ones((1, n)))[0]
    limits = np.full((len(points), 2), np.nan)
    if bootstrap is not None:
        limits = intervals(everything, n, bootstrap.replicates, bootstrap.seed, bootstrap.level, bootstrap.method)
    keys = [key for metric, _ in families for key in metric.keys]

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


def _family(metric: TextMetric | ClinicalEfficacy, rows: Statistics) -> Family:
    def aggregate(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return metric.aggregate(rows, counts)

    return Family(tuple(metric.keys), rows, metric.per_study(rows), aggregate)


def _digest(pairs: ReportPairs, labels: NDArray[np.int8] | None) -> str:
    """Four hex digits of what the hypotheses are compared with."""
    content = hashlib.sha256()
    if labels is not None:
        content.update(np.ascontiguousarray(labels).tobytes())
    for study, texts in zip(pairs.study_ids, pairs.references if labels is None else (), strict=False):
        content.update("\x1e".join((study, *texts)).encode("utf-8", "surrogatepass") + b"\x1f")
    return content.hexdigest()[:4]
