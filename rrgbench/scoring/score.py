"""`rrgbench.score`: reports against references, every number with its interval and signature."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from rrgbench.errors import InputError, listed
from rrgbench.metrics.catalogue import OWN_METRICS, TEXT_GROUPS, TEXT_METRICS, in_order
from rrgbench.metrics.external.loading import PLUG_INS, load_metric
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.own_code import own_code
from rrgbench.registry import lookup
from rrgbench.scoring.certificate import certificate
from rrgbench.scoring.families import (
    efficacy_signature,
    efficacy_statistics,
    external_families,
    text_families,
    values_of,
)
from rrgbench.scoring.options import ReferenceLabels, Scoring, known_options, scoring
from rrgbench.scoring.protocols import Protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.reports_in_memory import Reports, pair_in_memory
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.study_order import in_order_of_ids
from rrgbench.scoring.texts import PreparedReports
from rrgbench.scoring.values import Family, Scores

_log = logging.getLogger(__name__)

Progress = Callable[[str], None]

_BESIDE: Final = ("reference_labels", "labels_source", "known", "progress")
"""What `score` takes beside the fields of `Scoring`."""


def score(
    references: Reports | None,
    hypotheses: Sequence[str] | Mapping[str, str],
    protocol: "str | Path | Protocol" = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
    intervals: bool = True,
    **options: Any,
) -> Scores:
    """Score generated reports.

    Parameters
    ----------
    references : sequence or mapping of str, or None
        One reference for each study, or a list of several; a mapping, or a pandas Series with an index of its own, goes
        by study id. None where the films have no reports: then `reference_labels` are needed and the NLG metrics are
        absent.
    hypotheses : sequence or mapping of str
        The generated reports, in the same order or by the same ids.
    protocol : str, Path or Protocol
        Which choices to follow (`rrgbench.scoring.protocols`).
    metrics : iterable of str or ExternalMetric, optional
        Keys (`bleu_1` .. `bleu_4`, `meteor`, `rouge_l`, `cider`, `ce_precision`, `ce_recall`, `ce_f1`), groups
        (`bleu`, `nlg`, `ce`, `findings`), or metrics of other packages by name (`bertscore`, ...) or as loaded by
        `rrgbench.metrics.external.loading.load_metric` with options; BLEU to clinical efficacy by default.
    intervals : bool
        Whether to give bootstrap intervals.
    **options
        Any other field of `rrgbench.scoring.options.Scoring`: `labeler`, `seed`, `replicates`, `level`, `method`,
        `efficacy`, `allow`, `corpus`, `split`, `section`. Beside them `reference_labels` (int8 array (n, 14)), labels
        that the hypotheses' labels are compared with instead of the labeler's reading of the references, with
        `labels_source` and `known` (`rrgbench.scoring.options.ReferenceLabels`); and `progress`, called with a line for
        each step.

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
    known_options([*Scoring.model_fields, *_BESIDE], options)
    progress = options.pop("progress", None)
    labels = _reference_labels(options)
    chosen = scoring(protocol, metrics=metrics, intervals=intervals, **options)
    pairs, labels = in_order_of_ids(pair_in_memory(references, hypotheses, chosen.allow), labels)
    return score_pairs(pairs, chosen, labels, progress)


def score_pairs(
    pairs: ReportPairs,
    options: Scoring,
    labels: ReferenceLabels | None = None,
    progress: Progress | None = None,
) -> Scores:
    """Score reports that are paired already; result and errors as `score`.

    `pairs.references` may be empty, for films without reports.
    """
    say = progress or _silent
    options, labels = looked_up(pairs, options, labels)
    keys, external = wanted_metrics(options)
    check_section(options, pairs)
    if options.lacking:
        raise InputError(options.lacking)
    prepared = PreparedReports(pairs, options, labels)
    absent: dict[str, str] = {}
    families: list[Family] = []

    text_keys = [key for key in keys if key not in TEXT_GROUPS["ce"]]
    if not pairs.references:
        unscored = [*text_keys, *(key for metric in external for key in metric.keys)]
        absent.update(dict.fromkeys(unscored, "no reference reports; only the films' labels to compare with"))
        external = []
    elif text_keys:
        say("comparing texts")
        found, missing = text_families(prepared, text_keys)
        families += found
        absent.update(missing)

    base = _text_signature(pairs, options, labels)
    groups = [group for group in TEXT_GROUPS.values() if any(key in group for key in keys)]
    signatures = {key: base.with_extras(**options.choices_of(key)) for group in groups for key in group}
    whole = base.with_extras(**{name: value for one in text_keys for name, value in signatures[one].extras})
    if any(key in TEXT_GROUPS["ce"] for key in keys):
        say("labelling reports")
        families.append(Family(options.clinical_efficacy, efficacy_statistics(prepared)))
        signatures.update(dict.fromkeys(TEXT_GROUPS["ce"], efficacy_signature(base, options, labels)))
        whole = efficacy_signature(whole, options, labels)
    if external:
        say(f"running {', '.join(metric.name for metric in external)}")
        families += external_families(pairs, options, external)
        whole = whole.with_extras(**{metric.name: metric.identity for metric in external})
    for plug_in in external:
        own = base.with_extras(**{plug_in.name: plug_in.identity})
        signatures.update(dict.fromkeys(plug_in.keys, own))

    say("resampling studies" if options.intervals else "done")
    values, observations, replicates = values_of(families, pairs.study_ids, options.bootstrap, signatures)
    wanted = in_order([*keys, *(key for metric in external for key in metric.keys)])
    found_certificate = None
    if options.certificate:
        say("finding the best constant report")
        found_certificate = certificate(prepared, keys)
    return Scores(
        values_by_key={key: values[key] for key in wanted if key in values},
        absent={key: absent[key] for key in in_order(absent)},
        observations=observations,
        study_ids=pairs.study_ids,
        families=tuple(families),
        signature=whole,
        certificate=found_certificate,
        replicates=replicates,
    )


def looked_up(
    pairs: ReportPairs, options: Scoring, labels: ReferenceLabels | None
) -> tuple[Scoring, ReferenceLabels | None]:
    """Labels by study of a look-up labeler as those of the references; the protocol's labeler reads the hypotheses."""
    if options.labeler is None:
        return options, labels
    from rrgbench.labelers.lookup import LookupLabeler

    tool = options.tool
    if not isinstance(tool, LookupLabeler) or not tool.by_study:
        return options, labels
    if labels is not None:
        raise InputError(
            f"reference labels are given twice, by {labels.source} and by {tool.identity}; give one of them"
        )
    if pairs.positional:
        raise InputError(
            f"{tool.file} has labels by study, and the reports have no study ids; give them ids, or labels by text"
        )
    return options.but(labeler=None), ReferenceLabels(tool.of_studies(pairs.study_ids), tool.identity)


def _text_signature(pairs: ReportPairs, options: Scoring, labels: ReferenceLabels | None = None) -> Signature:
    return Signature(
        corpus=options.corpus if "@" in options.corpus else f"{options.corpus}@{_digest(pairs, labels)}",
        split=options.split,
        n=len(pairs.study_ids),
        protocol=options.protocol.identity,
    ).with_extras(
        reads=options.reads,
        section=options.section,
        allowed=pairs.allowed or None,
        bootstrap=options.bootstrap,
        **options.text_choices,
    )


def value_signature(pairs: ReportPairs, options: Scoring, key: str) -> Signature:
    """The signature of a value of one of our own metrics."""
    base = _text_signature(pairs, options)
    if key in TEXT_GROUPS["ce"]:
        return efficacy_signature(base, options, None)
    return base.with_extras(**options.choices_of(key))


def check_section(options: Scoring, pairs: ReportPairs) -> None:
    """Refuse texts of another section than the protocol compares; warn where the section isn't stated and seems other.

    Raises
    ------
    InputError
        If the stated section is not the protocol's.
    """
    if reason := other_section(options):
        raise InputError(f"{reason}; give those, or a protocol that compares them (rrgbench list protocols)")
    wanted = options.protocol.section
    if options.section is None and wanted == "findings and impression":
        texts = [text for study in pairs.references for text in study[:1]]
        both = sum("impression:" in text.lower() for text in texts)
        if texts and both < len(texts) / 2:
            _log.warning(
                "protocol %s compares findings and impression; %d of %d references name an impression, so these are "
                "perhaps findings alone: state what they are (section=, --section)",
                options.protocol.identity,
                both,
                len(texts),
            )


def other_section(options: Scoring) -> str:
    """Why texts of the stated section can't be scored under the protocol; empty if they can."""
    wanted, given = options.protocol.section, options.section
    if wanted == "as given" or given in (None, wanted):
        return ""
    return f"protocol {options.protocol.identity} compares the {wanted}, and these texts are the {given}"


def _reference_labels(options: dict[str, Any]) -> ReferenceLabels | None:
    """The labels among `score`'s options, taken out of them."""
    values, known = options.pop("reference_labels", None), options.pop("known", None)
    source = options.pop("labels_source", "film")
    return None if values is None else ReferenceLabels(values, source, known)


def wanted_metrics(options: Scoring) -> tuple[list[str], list[ExternalMetric]]:
    """Keys of our own metrics in the order of tables, and other packages' metrics, loaded; all of our own for None.

    Under a protocol whose BLEU is a mean over reports, that is the default instead of the corpus's.

    Raises
    ------
    UnknownNameError
        If a name is neither a key, nor a group, nor a plug-in.
    MissingPartError
        If a plug-in's package or weights are not there.
    InputError
        If two metrics would give the same key, or a package brings a metric of a name that is ours.
    """
    if options.metrics is None:
        return metric_keys([*text_metrics(options.protocol), "ce"]), []
    given = list(dict.fromkeys(options.metrics))
    if not given:
        raise InputError(f"no metrics are asked for; name some of {', '.join(TEXT_GROUPS)} or leave them out for all")
    loaded = [item for item in given if isinstance(item, ExternalMetric)]
    names = [item for item in given if isinstance(item, str) and item not in {one.name for one in loaded}]
    # Names are checked before weights are loaded, which may take minutes.
    for name in names:
        if (own_file := own_code(name)) is not None:
            own_file.check("metric")
            continue
        lookup("metric", name, [*OWN_METRICS, *TEXT_GROUPS, *PLUG_INS.names()])
        PLUG_INS.refuse_double(name, {*OWN_METRICS, *TEXT_GROUPS})
    own = [name for name in names if name in OWN_METRICS or name in TEXT_GROUPS]
    foreign = [name for name in names if name not in own]
    keys = metric_keys(own) if own else []
    loaded += [load_metric(name) for name in foreign]
    times = Counter([*OWN_METRICS, *(key for metric in loaded for key in metric.keys)])
    twice = [key for key, count in times.items() if count > 1]
    if twice:
        raise InputError(f"{listed(twice)} would be given by two metrics; score one of them at a time")
    return keys, loaded


def text_metrics(protocol: Protocol) -> tuple[str, ...]:
    """The text metrics that a protocol prints: corpus BLEU or the means of sentence BLEU, and the others."""
    if protocol.bleu == "corpus":
        return TEXT_GROUPS["nlg"]
    return (*TEXT_GROUPS["bleu_mean"], *(key for key in TEXT_GROUPS["nlg"] if key not in TEXT_GROUPS["bleu"]))


def metric_keys(metrics: Iterable[str] | None) -> list[str]:
    """Keys of our own metrics for keys or group names, in the order of tables; all for None.

    Raises
    ------
    UnknownNameError
        If a name is neither.
    """
    if metrics is None:
        return list(TEXT_METRICS)
    names = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in names or [""]:
        lookup("metric", name, [*OWN_METRICS, *TEXT_GROUPS])
    return in_order(list(dict.fromkeys(key for name in names for key in TEXT_GROUPS.get(name, (name,)))))


def _silent(_: str) -> None:
    pass


def _digest(pairs: ReportPairs, labels: ReferenceLabels | None) -> str:
    """Four hex digits of what the hypotheses are compared with."""
    content = hashlib.sha256()
    for study in pairs.study_ids:
        content.update(study.encode("utf-8", "surrogatepass") + b"\x1e")
    for texts in pairs.references:
        content.update("\x1e".join(texts).encode("utf-8", "surrogatepass") + b"\x1f")
    if labels is not None:
        content.update(np.ascontiguousarray(labels.values, dtype=np.int8).tobytes())
    return content.hexdigest()[:4]
