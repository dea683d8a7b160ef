"""A plain CSV of judgements: a row a radiologist and candidate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rrgbench.data.readers.tables import read_table, shown
from rrgbench.errors import InputError, listed
from rrgbench.trials.judgements.judgements import Judgement, Judgements, Texts, judgements_of

_TEXTS: Final = ("study_id", "reference", "report")
_JUDGED: Final = ("rating", "errors", "significant_errors")
LAYOUT: Final = f"a CSV with the columns {', '.join(_TEXTS)}, perhaps candidate and rater, and one of {listed(_JUDGED)}"


def fits(path: Path) -> bool:
    """Whether the path has this layout."""
    return path.is_file() and path.name.removesuffix(".gz").endswith(".csv")


def read(path: Path) -> Judgements:
    """Judgements of a file.

    Without a column `candidate` each different report of a study is one; without `rater` all rows are one rater's.

    Raises
    ------
    InputError
        If a column is missing, a cell is no number, or two rows give one candidate different texts.
    """
    found = read_table(path, _TEXTS)
    if not any(name in found.columns for name in _JUDGED):
        raise InputError(f"{path.name} has none of the columns {listed(_JUDGED)}; give at least one of them")
    texts: Texts = {}
    named: dict[tuple[str, str], str] = {}
    judged = []
    for line, row in enumerate(found.rows, start=2):
        study, pair = row["study_id"], (row["reference"], row["report"])
        count = sum(1 for key, _ in named if key == study) + 1
        candidate = row.get("candidate") or named.setdefault((study, row["report"]), f"candidate {count}")
        if texts.setdefault((study, candidate), pair) != pair:
            raise InputError(f"{path.name}: {study}/{candidate} has another text in row {line} than before")
        numbers = [_number(row, name, path.name, line) for name in _JUDGED]
        judged.append(Judgement(study, candidate, row.get("rater") or "rater", *numbers))
    return judgements_of(path.stem, texts, judged)


def _number(row: Mapping[str, str], column: str, name: str, line: int) -> float | None:
    text = row.get(column, "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{name}, row {line}: {column} is {shown(text)}; expected a number or nothing") from None
