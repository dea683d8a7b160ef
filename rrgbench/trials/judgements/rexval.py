"""ReXVal's published layout (Yu et al., PhysioNet 2023): 50 references, four candidates each, six radiologists.

A radiologist counts errors of six kinds, each as clinically significant or not; there is no rating.
"""

from pathlib import Path
from typing import Final

from rrgbench.data.readers.tables import read_table
from rrgbench.errors import InputError
from rrgbench.trials.judgements.judgements import Judgement, Judgements, judgements_of
from rrgbench.trials.judgements.names import WEIGHTS

_REPORTS: Final = "50_samples_gt_and_candidates.csv"
_ERRORS: Final = "6_valid_raters_per_rater_error_categories.csv"
LAYOUT: Final = f"a folder with {_REPORTS} and {_ERRORS}"
_CANDIDATES: Final = ("radgraph", "bertscore", "s_emb", "bleu")
_COLUMNS: Final = ("study_number", "candidate_type", "clinically_significant", "rater_index", "num_errors")
_IDS: Final = ("study_number", "study_id", "id", "")


def fits(path: Path) -> bool:
    """Whether the path has this layout."""
    return path.is_dir() and (path / _REPORTS).is_file() and (path / _ERRORS).is_file()


def read(path: Path) -> Judgements:
    """Judgements of a folder.

    Raises
    ------
    InputError
        If a file lacks a column, or a row is of a report that is not there.
    """
    rows = read_table(path / _REPORTS, ("gt_report", *_CANDIDATES)).rows
    errors = read_table(path / _ERRORS, _COLUMNS).rows
    numbers = {row["study_number"] for row in errors}
    column = next((name for name in _IDS if all(row.get(name) in numbers for row in rows)), None)
    texts = {
        (str(at) if column is None else row[column], candidate): (row["gt_report"], row[candidate])
        for at, row in enumerate(rows)
        for candidate in _CANDIDATES
    }
    counts: dict[tuple[str, str, str], list[float]] = {}
    for line, row in enumerate(errors, start=2):
        found = counts.setdefault((row["study_number"], row["candidate_type"], row["rater_index"]), [0.0, 0.0])
        try:
            number = float(row["num_errors"])
        except ValueError:
            raise InputError(f"{path / _ERRORS}, line {line}: num_errors is no number") from None
        significant = WEIGHTS.get(row["clinically_significant"].strip().lower())
        if significant is None:
            raise InputError(f"{path / _ERRORS}, line {line}: clinically_significant is neither True nor False")
        found[0] += number
        found[1] += number * significant
    judged = [
        Judgement(study, candidate, f"radiologist {rater}", None, total, significant)
        for (study, candidate, rater), (total, significant) in counts.items()
    ]
    return judgements_of(path.name, texts, judged)
