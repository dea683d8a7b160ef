"""Files of reports: predictions of a system, or references.

`rrgbench.scoring.report_shapes` tells a file's layout from its content. Nothing is dropped
silently: what does not fit is an error that names the ids, unless allowed by name, and then it is counted in the
signature.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, get_args

from rrgbench.errors import InputError, counted, listed
from rrgbench.scoring.report_shapes import ANY_COLUMNS, Columns, Role, shown_id
from rrgbench.scoring.report_systems import ReportSource
from rrgbench.scoring.thinking import without_thinking

Allowance = Literal["missing", "unknown", "empty", "duplicates", "ids", "vocabulary"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ReportFile:
    """Reports by study, as read.

    Attributes
    ----------
    name : str
        File name, for messages.
    texts : mapping of str to tuple of str
        One or more texts of each study, in the file's order.
    duplicates : int
        How many rows were left out because their study had one already (only where allowed).
    positional : bool
        Whether the file has no ids, so that its studies are called 1, 2, ... by their place.
    fields : tuple of str
        Names of its fields, where it has any.
    """

    name: str
    texts: Mapping[str, tuple[str, ...]]
    duplicates: int = 0
    positional: bool = False
    fields: tuple[str, ...] = ()

    def has(self, column: str) -> bool:
        """Whether one of its fields is called so, but for case and blanks around."""
        return column.strip().lower() in {name.strip().lower() for name in self.fields}


@dataclass(frozen=True)
class ReportPairs:
    """References and hypotheses of the same studies.

    Attributes
    ----------
    study_ids : tuple of str
        In the references' order.
    references : tuple of tuples of str
        One or more for each study.
    hypotheses : tuple of str
        One for each study.
    allowed : str
        What was allowed and happened, for the signature, e.g. `missing=3+empty=1`; empty if nothing did.
    positional : bool
        Whether the studies have no ids and are called by their place.
    """

    study_ids: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    hypotheses: tuple[str, ...]
    allowed: str = ""
    positional: bool = False


def read_reports(
    path: str | Path | ReportSource,
    role: Role = "predictions",
    allow: Collection[str] = (),
    columns: Columns = ANY_COLUMNS,
    system: str = "",
) -> ReportFile:
    """Read a file of reports, whatever its layout (`docs/formats.md`).

    Parameters
    ----------
    path : str, Path or ReportSource
        `.jsonl`, `.json`, `.csv`, `.tsv` or `.txt`, also with `.gz`; as a ReportSource it is read from disk once,
        whatever is asked of it.
    role : {"predictions", "references", "training"}
        Which text to take where a file has both, and of a file of splits the test or the training split. References may
        have several texts for a study.
    allow : collection of {"duplicates", ...}
        With `duplicates` the first report of a study counts and later ones are left out; other names have no effect
        here.
    columns : Columns
        Names of the fields with ids and reports, where they are not to be guessed.
    system : str
        Of a file of several systems (`rrgbench.scoring.report_systems`), the one whose reports are read.

    Returns
    -------
    ReportFile

    Raises
    ------
    InputError
        If the file is missing, not UTF-8, not well-formed (with the line), lacks a field, or names a study twice.
    """
    source = path if isinstance(path, ReportSource) else ReportSource(Path(path))
    path = source.path
    check_allowances(allow)
    found = source.rows(role, columns, system)
    texts: dict[str, tuple[str, ...]] = {}
    twice: list[str] = []
    equal = positional = True
    words = thought = 0
    for number, (_, given_id, given) in enumerate(found.rows, start=1):
        reports = tuple(map(_said, given))
        thought += reports != given
        positional = given_id is None
        study_id = str(number) if given_id is None else given_id
        words += sum(report.strip().lower() == "nan" for report in reports)
        if study_id in texts:
            twice.append(study_id)
            equal = equal and texts[study_id] == reports
        else:
            texts[study_id] = reports
    most = max(map(len, texts.values()), default=0)
    if not texts:
        raise InputError(f"{path.name} holds no report; expected at least one")
    several = source.told_systems() if twice and not system else ""
    # a file of several systems says the reference of a study once a system
    if several and role != "predictions" and equal:
        twice = []
    if twice and "duplicates" not in allow:
        if several:
            many = f"{path.name}: {counted(len(set(twice)), 'study id')} more than once"
            if role == "predictions":
                what = "score one with --system NAME; compare and eval --predictions take all, NAME=FILE one"
                raise InputError(f"{many}: {several}; {what}")
            what = "score one with --system NAME, or give a file with one reference of each study"
            raise InputError(f"{many}, with other references of a study: {several}; {what}")
        same = " with the same text, as sampling for several processes pads them" if equal else ""
        raise InputError(
            f"{path.name}: {counted(len(twice), 'study id')} more than once{same}: {listed(map(shown_id, twice))}; "
            "remove them or allow duplicates (--allow-duplicates: the first counts)"
        )
    if found.understood:
        _log.warning("%s", found.understood)
    if most > 1 and role != "predictions":
        rich = sum(len(reports) > 1 for reports in texts.values())
        _log.warning(
            "%s: %s several references, up to %d; if they are the sentences of one report, join them to one text",
            *(path.name, f"{counted(rich, 'study')} {'has' if rich == 1 else 'have'}", most),
        )
    if thought:
        hold = "1 study holds" if thought == 1 else f"{thought} studies hold"
        _log.warning("%s: %s a model's thinking (<think>), which is left out of the report", path.name, hold)
    if words:
        are = "1 report is" if words == 1 else f"{words} reports are"
        _log.warning("%s: %s the word nan, which is scored as text, as given", path.name, are)
    return ReportFile(path.name, texts, len(twice), positional, found.fields)


def _said(text: str) -> str:
    """A text without a model's thinking; as it was given, blanks included, where there is none."""
    said = without_thinking(text)
    return text if said == text.strip() else said


def pair_reports(references: ReportFile, predictions: ReportFile, allow: Collection[str] = ()) -> ReportPairs:
    """Bring references and predictions of the same studies together.

    Parameters
    ----------
    references, predictions : ReportFile
        As read.
    allow : collection of {"missing", "unknown", "empty", "duplicates", "ids"}
        `missing`: studies without a prediction are left out. `unknown`: predictions without a reference are left out.
        `empty`: empty reports are scored as they are. `ids`: ids that differ as tools write them (`ID_DIFFERENCES`) are
        the same study.

    Returns
    -------
    ReportPairs

    Raises
    ------
    InputError
        Naming the first few ids that are missing, unknown, or empty where that is not allowed; or if a study has
        several predictions.
    """
    check_allowances(allow)
    predictions, joined = _by_the_references_ids(references, predictions, "ids" in allow)
    missing = [study for study in references.texts if study not in predictions.texts]
    unknown = [study for study in predictions.texts if study not in references.texts]
    several = [study for study, texts in predictions.texts.items() if len(texts) != 1]
    if several:
        raise InputError(
            f"{predictions.name}: {len(several)} studies have not exactly one prediction: "
            f"{listed(map(shown_id, several))}"
        )
    if missing and "missing" not in allow:
        raise InputError(
            f"{predictions.name}: {len(missing)} of {len(references.texts)} studies of {references.name} have no "
            f"prediction: {listed(map(shown_id, missing))}; add them or pass --allow-missing"
        )
    if unknown and "unknown" not in allow:
        raise InputError(
            f"{predictions.name}: {len(unknown)} study ids are not in {references.name}: "
            f"{listed(map(shown_id, unknown))}; remove them or pass --allow-unknown"
        )
    study_ids = tuple(study for study in references.texts if study in predictions.texts)
    hypotheses = tuple(predictions.texts[study][0] for study in study_ids)
    expected = tuple(references.texts[study] for study in study_ids)
    empty = check_empty(study_ids, expected, hypotheses, allow)
    counts = {
        "missing": len(missing),
        "unknown": len(unknown),
        "empty": empty,
        "duplicates": references.duplicates + predictions.duplicates,
        "ids": joined,
    }
    return ReportPairs(study_ids, expected, hypotheses, allowed_field(counts), references.positional)


ID_DIFFERENCES: Final[Mapping[str, Callable[[str], str]]] = {
    "blanks": str.strip,
    "capitals": str.lower,
    "a folder": lambda study: study.rpartition("/")[2],
    "an ending": lambda study: re.sub(r"(?i)\.(txt|png|jpe?g|dcm)$", "", study),
    "a trailing .0": lambda study: study.removesuffix(".0"),
    "leading zeros": lambda study: re.sub(r"^0+(?=\d)", "", study),
    "an s before the number": lambda study: re.sub(r"^[sS](?=\d)", "", study),
}
"""Why ids of one study differ between two files, and what takes the difference away."""


def _by_the_references_ids(references: ReportFile, predictions: ReportFile, allowed: bool) -> tuple[ReportFile, int]:
    """The predictions under the references' ids, and how many ids differed.

    Raises
    ------
    InputError
        If no id is in both files, or the two are matched by position and differ in length.
    """
    if references.positional != predictions.positional:
        bare, named = (references, predictions) if references.positional else (predictions, references)
        if len(bare.texts) != len(named.texts):
            raise InputError(
                f"{bare.name} has no study ids and {len(bare.texts)} reports, {named.name} {len(named.texts)} studies; "
                "they can't be matched by position: give ids"
            )
        texts = dict(zip(references.texts, predictions.texts.values(), strict=True))
        return replace(predictions, texts=texts), 0
    if references.positional and len(references.texts) != len(predictions.texts):
        raise InputError(
            f"{predictions.name} has {len(predictions.texts)} reports and {references.name} {len(references.texts)}, "
            "neither with study ids, so it is not known which belong together: give ids"
        )
    open_ids = [study for study in predictions.texts if study not in references.texts]
    waiting = {study for study in references.texts if study not in predictions.texts}
    if not open_ids or not waiting:
        return predictions, 0

    owners: dict[str, list[str]] = {}
    for study in waiting:
        owners.setdefault(without_differences(study), []).append(study)
    plain = {study: without_differences(study) for study in open_ids}
    counts = Counter(plain.values())
    same = {
        study: owners[plain[study]][0]
        for study in open_ids
        if counts[plain[study]] == 1 and len(owners.get(plain[study], ())) == 1
    }
    if same and allowed:
        return replace(
            predictions, texts={same.get(study, study): texts for study, texts in predictions.texts.items()}
        ), len(same)
    if same:
        raise InputError(near_ids(same, predictions.name, references.name))
    if len(open_ids) == len(predictions.texts):
        there, here = (listed(map(shown_id, studies), most=2) for studies in (open_ids, sorted(waiting)))
        examples = f"{there} there and {here} here"
        raise InputError(
            f"{predictions.name} and {references.name} have no study id in common ({examples}); nothing to score; "
            "--id-column NAME takes another column for the ids; `rrgbench eval --predictions` joins those of a corpus"
        )
    return predictions, 0


def without_differences(study: str, but: str = "") -> str:
    """An id without what tools change in ids (`ID_DIFFERENCES`), all of it or all but one."""
    for reason, change in ID_DIFFERENCES.items():
        study = study if reason == but else change(study)
    return study


def near_ids(same: Mapping[str, str], name: str, beside: str) -> str:
    """The message for ids of one source that differ from those of another as tools write them, with one such pair."""
    found = {reason for pair in same.items() for reason in _differences(*pair)}
    reasons = " and ".join(reason for reason in ID_DIFFERENCES if reason in found) or "what tools change"
    there, here = map(shown_id, next(iter(same.items())))
    return (
        f"{counted(len(same), 'study id')} of {name} and {beside} differ only by {reasons} ({there} there is {here} "
        "here); pass --allow-ids to take them for the same"
    )


def _differences(one: str, other: str) -> list[str]:
    """Which of `ID_DIFFERENCES` keep two ids apart."""
    return [why for why in ID_DIFFERENCES if without_differences(one, why) != without_differences(other, why)]


def allowed_field(counts: Mapping[str, int]) -> str:
    """What was allowed and happened, as the signature shows it: `missing=3+empty=1`."""
    return "+".join(f"{name}={count}" for name, count in counts.items() if count)


def check_allowances(allow: Collection[str]) -> None:
    """Refuse a bare string and names that are not allowances.

    Raises
    ------
    InputError
        Naming them.
    """
    known = get_args(Allowance)
    if isinstance(allow, str):
        raise InputError(f"allow is the text {allow!r}; expected a list of: {', '.join(known)}")
    odd = [name for name in allow if name not in known]
    if odd:
        raise InputError(f"allow names {listed(odd)}; expected a list of: {', '.join(known)}")


def check_empty(
    study_ids: Sequence[str],
    references: Sequence[Sequence[str]],
    hypotheses: Sequence[str],
    allow: Collection[str],
) -> int:
    """Count studies with an empty reference or hypothesis.

    Raises
    ------
    InputError
        Naming them, where they are not allowed.
    """
    rows = zip(study_ids, references, hypotheses, strict=True)
    empty = [
        study for study, expected, given in rows if not given.strip() or not all(text.strip() for text in expected)
    ]
    if empty and "empty" not in allow:
        raise InputError(
            f"{counted(len(empty), 'study')} with an empty reference or hypothesis: {listed(map(shown_id, empty))}; "
            "fill them in or pass --allow-empty (allow=['empty']) to score them as they are"
        )
    return len(empty)
