"""What a drift most likely comes from, by bisection of what two runs say of themselves.

Each rule looks at one thing that could have changed: signatures, corpus, checkpoint, packages, the reports, and then at
which values moved: where the reports are the same bytes and only values that read labels moved, it is the labeler.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from rrgbench.errors import listed
from rrgbench.runs.baseline import Side
from rrgbench.runs.drift import Cause, Drift, Pair

_FIELDS: Final = {
    "labeler": "labeler",
    "labels": "labeler",
    "corpus": "corpus",
    "split": "corpus",
    "section": "corpus",
    "protocol": "protocol",
    "bootstrap": "seed",
    "n": "studies",
    "rrgbench": "rrgbench",
}
"""What a differing signature field tells of; any other is a choice of the evaluation."""

_TEXT_TASKS: Final = frozenset({"report_generation", "protocol_band"})
"""Tasks of whose values some depend on the words of the reports alone."""

_REPORT_TASKS: Final = _TEXT_TASKS | {"clinical_efficacy", "error_correlation", "error_propagation", "subgroups"}
"""Tasks whose values depend on the reports."""

_READS_ANSWERS: Final = frozenset({"error_correlation", "error_propagation"})
"""Of these, tasks whose values depend on what the model predicts of films as well."""

_READS_LABELS: Final = ("ce_", "findings_")
"""Beginnings of metrics whose values depend on the labeler's reading of the reports."""


def likely_causes(drift: Drift, run: Side, baseline: Side) -> tuple[Cause, ...]:
    """What explains the changes, the surest first; nothing where nothing changed.

    Parameters
    ----------
    drift : Drift
        The comparison.
    run, baseline : Side
        What it was made from; a side without `run.json` or reports leaves the rules that need them without a say.
    """
    changed = [*drift.changed, *drift.refused]
    if not (changed or drift.only_run or drift.only_baseline):
        return ()
    found = [*_signatures(drift.refused), *_details(run.environment, baseline.environment)]
    packages = _packages(run.environment, baseline.environment)
    reports, touched = _reports(run, baseline)
    found += [*packages, *reports]
    # what the reports explain is explained; a change under the same reports needs another reason
    rest = [pair for pair in drift.changed if pair.run.model not in touched]
    digests = run.reports_sha256, baseline.reports_sha256
    same = all(digests[0].get(pair.run.model, "") == digests[1].get(pair.run.model) for pair in rest)
    if rest and ((run.reports and baseline.reports) or same):
        found += _same_reports(rest, bool(packages))
    if not found and changed:
        found.append(Cause("unknown", "nothing that the two sides say of themselves differs; compare two run folders"))
    return tuple({cause.text: cause for cause in found}.values())


def _signatures(refused: Iterable[Pair]) -> list[Cause]:
    """One cause a signature field, with how many values it keeps from being compared."""
    counted = Counter(difference for pair in refused for difference in pair.differences)
    return [
        Cause(_FIELDS.get(field, "choice"), f"signature field {field}: {theirs} became {ours} ({count} values)")
        for (field, ours, theirs), count in counted.most_common()
    ]


def _details(run: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[Cause]:
    """Corpus and checkpoint as run.json names them; a name alone says nothing of a file's content, its digest does."""
    ours, theirs = run.get("details", {}), baseline.get("details", {})
    kinds = {"corpus": "corpus", "model": "checkpoint", "suite": "choice", "protocol": "protocol"}
    return [
        Cause(kind, f"{kind}: {theirs[name]} became {ours[name]}")
        for name, kind in kinds.items()
        if name in ours and name in theirs and ours[name] != theirs[name]
    ]


def _packages(run: Mapping[str, Any], baseline: Mapping[str, Any]) -> list[Cause]:
    """Packages, Python and processor, in one cause each."""
    ours, theirs = run.get("packages", {}), baseline.get("packages", {})
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)] if ours and theirs else []
    shown = [f"{name} {theirs.get(name, 'absent')} became {ours.get(name, 'absent')}" for name in names]
    found = [Cause("packages", f"packages: {', '.join(shown)}")] if shown else []
    for title, path in (("Python", ("python",)), ("processor", ("cpu", "model")), ("machine", ("platform", "machine"))):
        before, now = _at(baseline, path), _at(run, path)
        if before and now and before != now:
            found.append(Cause("packages", f"{title}: {before} became {now}"))
    return found


def _at(content: Mapping[str, Any], path: Iterable[str]) -> Any:
    value: Any = content
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _reports(run: Side, baseline: Side) -> tuple[list[Cause], set[str]]:
    """Models whose reports are other texts, with the studies."""
    found: list[Cause] = []
    touched: set[str] = set()
    for model in sorted(set(run.reports) & set(baseline.reports)):
        ours, theirs = run.reports[model], baseline.reports[model]
        other = [study for study in theirs if study in ours and ours[study] != theirs[study]]
        absent, extra = [s for s in theirs if s not in ours], [s for s in ours if s not in theirs]
        parts = [
            f"{len(studies)} {what} ({listed(studies, most=3)})"
            for studies, what in ((other, "other reports"), (absent, "reports missing"), (extra, "further reports"))
            if studies
        ]
        if parts:
            touched.add(model)
            found.append(Cause("reports", f"reports of {model}, of {len(theirs)} studies: {'; '.join(parts)}"))
    for model, digest in run.reports_sha256.items():
        before = baseline.reports_sha256.get(model, "")
        if model not in touched and digest and before and digest != before:
            touched.add(model)
            found.append(Cause("reports", f"reports of {model} are other texts: {before[:12]} became {digest[:12]}"))
    return found, touched


def _same_reports(pairs: list[Pair], packages: bool) -> list[Cause]:
    """Which code moved values of reports that are the same bytes."""
    text = [pair for pair in pairs if pair.run.task in _REPORT_TASKS]
    labels = [pair for pair in text if _reads_labels(pair)]
    words = [pair for pair in text if not _reads_labels(pair)]
    answers = [pair for pair in pairs if pair not in text]
    if all(pair.run.task in _READS_ANSWERS for pair in labels):
        # labels that are read otherwise would have moved clinical efficacy too
        labels, answers = [], [*answers, *labels]
    after = ", after a change of packages" if packages else ""
    found = []
    if labels:
        signed = Counter(_labeler(pair) for pair in labels).most_common(1)[0][0]
        what = f"the labeler reads the same reports otherwise, though it calls itself {signed}"
        found.append(Cause("labeler", f"{what}{after}: {_names(labels)}"))
    if words:
        what = "the metric's own code or tokenization, on the same reports"
        found.append(Cause("metric", f"{what}{after}: {_names(words)}"))
    if answers:
        what = "the model's answers to films, or the task's own code"
        found.append(Cause("answers", f"{what}{after}: {_names(answers)}"))
    return found


def _reads_labels(pair: Pair) -> bool:
    return pair.run.task not in _TEXT_TASKS or pair.run.metric.startswith(_READS_LABELS)


def _labeler(pair: Pair) -> str:
    fields = dict(part.partition(":")[::2] for part in (pair.run.signature or "").split("|"))
    return fields.get("labeler", "the same")


def _names(pairs: Iterable[Pair]) -> str:
    """The metrics of values, with how many of each."""
    counted = Counter(f"{pair.run.task}/{pair.run.metric}" for pair in pairs)
    return listed([f"{name} ({count})" for name, count in counted.most_common()], most=4)
