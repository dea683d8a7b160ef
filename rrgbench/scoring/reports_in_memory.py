"""Reports given from Python: lists, mappings and pandas' columns, paired as files are."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_files import ReportFile, ReportPairs, allowed_field, check_empty, pair_reports
from rrgbench.scoring.report_shapes.cells import is_missing

Reports = Sequence[str] | Sequence[Sequence[str]] | Mapping[str, str] | Mapping[str, Sequence[str]]


def pair_in_memory(
    references: Reports | None, hypotheses: Sequence[str] | Mapping[str, str], allow: Collection[str]
) -> ReportPairs:
    """Pair references and hypotheses given as lists or mappings; parameters and errors as `rrgbench.score`."""
    given = _by_id("hypotheses", hypotheses)
    if references is None:
        study_ids = tuple(given.texts)
        generated = tuple(texts[0] for texts in given.texts.values())
        empty = check_empty(study_ids, [()] * len(study_ids), generated, allow)
        return ReportPairs(study_ids, (), generated, allowed_field({"empty": empty}), given.positional)
    expected = _by_id("references", references)
    if expected.positional != given.positional:
        raise InputError("references and hypotheses must both be lists or both be mappings by study id")
    if expected.positional and len(expected.texts) != len(given.texts):
        raise InputError(
            f"{len(expected.texts)} references but {len(given.texts)} hypotheses; give one hypothesis for each study"
        )
    return pair_reports(expected, given, allow)


def _by_id(name: str, reports: Any) -> ReportFile:
    rows, positional = _rows(name, reports)
    texts: dict[str, tuple[str, ...]] = {}
    wrong: list[object] = []
    twice: list[object] = []
    for study_id, report in rows:
        several = (report,) if isinstance(report, str) or is_missing(report) else report
        if str(study_id) in texts:
            twice.append(study_id)
        if isinstance(several, list | tuple) and several and all(isinstance(t, str) or is_missing(t) for t in several):
            texts[str(study_id)] = tuple(text if isinstance(text, str) else "" for text in several)
        else:
            wrong.append(study_id)
    if wrong:
        raise InputError(f"{name}: no text or list of texts for {len(wrong)} of the studies: {listed(wrong)}")
    if twice:
        raise InputError(f"{name}: study ids more than once: {listed(twice)}")
    if not texts:
        raise InputError(f"{name} are empty; give at least one study")
    return ReportFile(name, texts, positional=positional)


def _rows(name: str, reports: Any) -> tuple[Iterable[tuple[object, object]], bool]:
    """Studies and their texts, and whether they go by position and not by id."""
    if isinstance(reports, str):
        raise InputError(f"{name} are one string; give a list or a mapping by study id")
    if isinstance(reports, PurePath):
        raise InputError(
            f"{name} are a path; give the texts, as read by rrgbench.scoring.report_files.read_reports, or score files "
            "by `rrgbench score --references FILE --predictions FILE`"
        )
    if isinstance(reports, Mapping):
        return reports.items(), False
    if hasattr(reports, "columns"):
        raise InputError(
            f"{name} are a table of {len(reports.columns)} columns; give one of texts that is indexed by study id: "
            "frame.set_index('study_id')['report']"
        )
    if hasattr(reports, "index") and hasattr(reports, "items"):  # a pandas Series
        places = list(reports.index)
        return zip(places, reports, strict=True), places == list(range(len(places)))
    if isinstance(reports, set | frozenset) or not isinstance(reports, Iterable):
        raise InputError(f"{name} are of type {type(reports).__name__}; give a list or a mapping by study id")
    return enumerate(reports), True
