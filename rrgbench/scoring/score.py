"""`rrgbench.score`: reports against references, every number with its interval and signature."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, UnknownNameError, listed
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.external.loading import load_metric, plug_in_metrics
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.scoring.families import (
    GROUPS,
    Bootstrap,
    efficacy_signature,
    efficacy_statistics,
    external_families,
    text_families,
    values_of,
)
from rrgbench.scoring.protocols import Protocol, load_protocol
from rrgbench.scoring.report_files import ReportFile, ReportPairs, allowed_field, check_empty, pair_reports
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.values import TITLES, Family, Scores, ordered
from rrgbench.stats.bootstrap import Method

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

Reports = Sequence[str] | Sequence[Sequence[str]] | Mapping[str, str] | Mapping[str, Sequence[str]]
Progress = Callable[[str], None]


def score(
    references: Reports | None,
    hypotheses: Sequence[str] | Mapping[str, str],
    protocol: str | Protocol = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
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
    allow: Collection[str] = (),
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
        Which choices to follow (`rrgbench.scoring.protocols`).
    metrics : iterable of str or ExternalMetric, optional
        Keys (`bleu_1` .. `bleu_4`, `meteor`, `rouge_l`, `cider`, `ce_precision`, `ce_recall`, `ce_f1`), groups
        (`bleu`, `nlg`, `ce`), or metrics of other packages by name (`bertscore`, ...) or as loaded by
        `rrgbench.metrics.external.loading.load_metric` with options; all of our own by default.
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
        What is not an error, as in `rrgbench.scoring.report_files.pair_reports`.
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
    MissingPartError
        If a metric of another package is asked for and that package or its weights are not there.

    Notes
    -----
    With several references for a study, NLG metrics use all of them and clinical efficacy the first.

    Examples
    --------
    >>> references = ["The heart is large.", "No effusion."]
    >>> found = score(references, ["The heart is large.", "An effusion."], metrics=["bleu_1"], seed=0)
    >>> str(found["bleu_1"])
    '0.875 [0.667, 1.000]'
    """
    return score_pairs(
        pair_in_memory(references, hypotheses, allow),
        protocol,
        metrics,
        intervals,
        labeler=labeler,
        seed=seed,
        corpus=corpus,
        split=split,
        replicates=replicates,
        level=level,
        method=method,
        reference_labels=reference_labels,
        labels_source=labels_source,
        known=known,
        efficacy=efficacy,
        progress=progress,
    )


def score_pairs(
    pairs: ReportPairs,
    protocol: str | Protocol = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
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
    efficacy: ClinicalEfficacy | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score reports that are paired already; parameters, result and errors as `score`.

    `pairs.references` may be empty, for films without reports.
    """
    say = progress or _silent
    chosen = load_protocol(protocol)
    keys, external = wanted_metrics(metrics)
    wants_efficacy = any(key in GROUPS["ce"] for key in keys)
    absent: dict[str, str] = {}
    families: list[Family] = []

    text_keys = [key for key in keys if key in GROUPS["nlg"]]
    if not pairs.references:
        unscored = [*text_keys, *(key for metric in external for key in metric.keys)]
        absent.update(dict.fromkeys(unscored, "no reference reports; only the films' labels to compare with"))
        external = []
    elif text_keys:
        say("comparing texts")
        found, missing = text_families(pairs, chosen, text_keys)
        families += found
        absent.update(missing)

    bootstrap = Bootstrap(replicates, seed, level, method) if intervals else None
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
        rows, identity = efficacy_statistics(metric, pairs, chosen, labeler, reference_labels, known)
        families.append(Family(metric, rows))
        whole = efficacy_signature(base, metric, identity, reference_labels is not None, labels_source, known)
        signatures.update(dict.fromkeys(GROUPS["ce"], whole))
    if external:
        say(f"running {', '.join(metric.name for metric in external)}")
        families += external_families(pairs, chosen, external)
        whole = whole.with_extras(**{metric.name: metric.identity for metric in external})
    for plug_in in external:
        own = base.with_extras(**{plug_in.name: plug_in.identity})
        signatures.update(dict.fromkeys(plug_in.keys, own))

    say("resampling studies" if intervals else "done")
    values, observations = values_of(families, len(pairs.study_ids), bootstrap, signatures)
    wanted = ordered([*keys, *(key for metric in external for key in metric.keys)])
    return Scores(
        values_by_key={key: values[key] for key in wanted if key in values},
        absent={key: absent[key] for key in ordered(list(absent))},
        observations=observations,
        study_ids=pairs.study_ids,
        families=tuple(families),
        signature=whole,
    )


def wanted_metrics(metrics: Iterable[str | ExternalMetric] | None) -> tuple[list[str], list[ExternalMetric]]:
    """Keys of our own metrics in the order of tables, and other packages' metrics, loaded; all of our own for None.

    Raises
    ------
    UnknownNameError
        If a name is neither a key, nor a group, nor a plug-in.
    MissingPartError
        If a plug-in's package or weights are not there.
    InputError
        If two metrics would give the same key.
    """
    if metrics is None:
        return metric_keys(None), []
    given = list(dict.fromkeys([metrics] if isinstance(metrics, str) else metrics))
    loaded = [item for item in given if isinstance(item, ExternalMetric)]
    names = [item for item in given if isinstance(item, str) and item not in {one.name for one in loaded}]
    plug_ins = plug_in_metrics()
    foreign = [name for name in names if name not in TITLES and name not in GROUPS and name in plug_ins]
    own = [name for name in names if name not in foreign]
    # Names are checked before weights are loaded, which may take minutes.
    keys = metric_keys(own) if own or not given else []
    loaded += [load_metric(name) for name in foreign]
    times = Counter([*TITLES, *(key for metric in loaded for key in metric.keys)])
    twice = [key for key, count in times.items() if count > 1]
    if twice:
        raise InputError(f"{listed(twice)} would be given by two metrics; score one of them at a time")
    return keys, loaded


def metric_keys(metrics: Iterable[str] | None) -> list[str]:
    """Keys of our own metrics for keys or group names, in the order of tables; all for None.

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
        known = ", ".join([*TITLES, *GROUPS, *plug_in_metrics()])
        raise UnknownNameError(f"metrics {listed(unknown) or '(none given)'} are not known; known: {known}")
    return ordered(list(dict.fromkeys(key for name in names for key in GROUPS.get(name, (name,)))))


def _silent(_: str) -> None:
    pass


def pair_in_memory(
    references: Reports | None, hypotheses: Sequence[str] | Mapping[str, str], allow: Collection[str]
) -> ReportPairs:
    """Pair references and hypotheses given as lists or mappings; parameters and errors as `score`."""
    given = _by_id("hypotheses", hypotheses)
    if references is None:
        study_ids = tuple(given.texts)
        generated = tuple(texts[0] for texts in given.texts.values())
        empty = check_empty(study_ids, [()] * len(study_ids), generated, allow)
        return ReportPairs(study_ids, (), generated, allowed_field({"empty": empty}))
    if isinstance(references, Mapping) != isinstance(hypotheses, Mapping):
        raise InputError("references and hypotheses must both be lists or both be mappings by study id")
    expected = _by_id("references", references)
    if not isinstance(references, Mapping) and len(expected.texts) != len(given.texts):
        raise InputError(
            f"{len(expected.texts)} references but {len(given.texts)} hypotheses; give one hypothesis for each study"
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


def _digest(pairs: ReportPairs, labels: NDArray[np.int8] | None) -> str:
    """Four hex digits of what the hypotheses are compared with."""
    content = hashlib.sha256()
    for study in pairs.study_ids:
        content.update(study.encode("utf-8", "surrogatepass") + b"\x1e")
    for texts in pairs.references:
        content.update("\x1e".join(texts).encode("utf-8", "surrogatepass") + b"\x1f")
    if labels is not None:
        content.update(np.ascontiguousarray(labels, dtype=np.int8).tobytes())
    return content.hexdigest()[:4]
