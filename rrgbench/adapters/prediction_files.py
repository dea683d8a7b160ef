"""What files of a system hold: reports, probabilities of observations, embeddings, each by study id.

- Reports: every shape that `score` reads (`rrgbench.scoring.report_files`).
- Probabilities: a table (`.csv`, `.tsv`; commas, semicolons, tabs or bars) with a column of ids and columns called
  after observations, and reports beside them if it has a column of those; in an `.npz` the arrays `study_ids`
  (n,), `probabilities` (n, m) and, unless m is 14, `observations` (m,).
- Embeddings: an `.npz` with `study_ids` (n,) and `images` (n, p), `reports` (n, p) or both; report vectors of other
  studies than the films' stand beside `report_study_ids`.
"""

import hashlib
import io
import logging
import re
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.readers.tables import Table, read_table
from rrgbench.errors import InputError, counted, listed
from rrgbench.observations import OBSERVATIONS
from rrgbench.scoring.report_files import read_reports
from rrgbench.scoring.report_shapes import Columns, shown
from rrgbench.scoring.report_shapes.field_names import id_fields, names_report
from rrgbench.scoring.report_shapes.separators import DELIMITERS
from rrgbench.scoring.report_systems import ReportSource

Vector = NDArray[np.float32]
Probabilities = NDArray[np.float64]
"""As exact as they were written: many of one system may lie closer to 1 than float32 tells apart."""

ARRAYS: Final = ("study_ids", "probabilities", "observations", "images", "reports", "report_study_ids")
"""What an `.npz` may hold."""

_log = logging.getLogger(__name__)

_Number = TypeVar("_Number", bound=np.floating[Any])


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of one system by study id, as its files write the ids.

    Attributes
    ----------
    reports : mapping of str to str
        Texts.
    probabilities : mapping of str to float64 array (14,)
        In the order of `OBSERVATIONS`; NaN for observations that the files lack.
    images, report_vectors : mapping of str to float32 array (p,)
        Unit vectors of films and of reference reports.
    duplicates : int
        Rows left out since their study had one already, where that is allowed.
    """

    reports: Mapping[str, str] = field(default_factory=dict)
    probabilities: Mapping[str, Probabilities] = field(default_factory=dict)
    images: Mapping[str, Vector] = field(default_factory=dict)
    report_vectors: Mapping[str, Vector] = field(default_factory=dict)
    duplicates: int = 0


KINDS: Final = {
    "reports": "reports",
    "probabilities": "probabilities",
    "images": "embeddings of films",
    "report_vectors": "embeddings of reports",
}
"""Kinds of answers, and what messages call them."""


def read_answers(
    sources: Sequence[ReportSource], allow: Collection[str], columns: Columns, system: str
) -> tuple[Answers, dict[str, str], str]:
    """Everything that a system's files hold.

    Parameters
    ----------
    sources : sequence of ReportSource
        Its files; each kind of answer stands in one of them.
    allow : collection of str
        As of `rrgbench.scoring.report_files`.
    columns : Columns
        Fields with ids and reports that are not to be guessed.
    system : str
        Of files with several systems, the one.

    Returns
    -------
    answers : Answers
    files : dict of str to str
        By kind, the name of the file that holds it.
    digest : str
        SHA-256 (64 hex digits) of the files' content.

    Raises
    ------
    InputError
        If a file is malformed, or two hold the same kind of answers.
    """
    content = hashlib.sha256()
    whole: dict[str, Any] = {}
    files: dict[str, str] = {}
    duplicates = 0
    for source in sources:
        path, found = source.path, _read(source, allow, columns, system)
        content.update(hashlib.sha256(path.read_bytes()).digest())
        duplicates += found.duplicates
        for kind in KINDS:
            if not getattr(found, kind):
                continue
            if kind in whole:
                raise InputError(f"{files[kind]} and {path.name} both hold {KINDS[kind]}; give one of them")
            whole[kind], files[kind] = getattr(found, kind), path.name
    return Answers(**whole, duplicates=duplicates), files, content.hexdigest()


def _read(source: ReportSource, allow: Collection[str], columns: Columns, system: str) -> Answers:
    path = source.path
    if not path.is_file():
        raise InputError(f"{path} is not a file; give reports, probabilities (.csv, .tsv, .npz) or embeddings (.npz)")
    if path.suffix == ".npz":
        return _from_arrays(path)
    probabilities: dict[str, Probabilities] = {}
    if path.suffix in (".csv", ".tsv") and (parted := _parted(path)) is not None:
        header, delimiter = parted
        probabilities = _from_table(path, columns, delimiter)
        if not names_report(header, columns):
            return Answers(probabilities=probabilities)
    found = read_reports(source, "predictions", allow, columns, system)
    if found.positional:
        raise InputError(
            f"{path.name} has no study ids, so it is not known which study a report is of; add a column study_id"
        )
    several = [study for study, texts in found.texts.items() if len(texts) != 1]
    if several:
        raise InputError(
            f"{path.name}: several reports for {counted(len(several), 'study')}: {listed(map(shown, several))}"
        )
    reports = {study: texts[0] for study, texts in found.texts.items()}
    empty = [study for study, text in reports.items() if not text.strip()]
    if empty and "empty" not in allow:
        raise InputError(
            f"{path.name}: {len(empty)} reports are empty: {listed(map(shown, empty))}; fill them in or pass "
            "--allow-empty to score them as they are"
        )
    return Answers(reports=reports, probabilities=probabilities, duplicates=found.duplicates)


def _parted(path: Path) -> tuple[list[str], str] | None:
    """A table's first line as cells, and what separates them, if observations are among them."""
    with path.open("rb") as file:
        line = file.readline(65536).decode("utf-8-sig", errors="replace")
    # blanks at the ends may be separators
    line = line.rstrip("\r\n")
    parts = {mark: [cell.strip().strip('"') for cell in line.split(mark)] for mark in DELIMITERS}
    named = {mark: len(_observations(path.name, cells)) for mark, cells in parts.items()}
    mark = max(named, key=lambda one: named[one])
    return (parts[mark], mark) if named[mark] else None


def _observations(file: str, names: Sequence[str]) -> dict[str, str]:
    """The observations among names of columns, whatever their case, marks between words and a word for probability.

    Where some columns have that word, those without it may be labels, and are none.

    Raises
    ------
    InputError
        If two columns are called after one.
    """
    plain = {_plain(name): name for name in OBSERVATIONS}
    known = [name for name in names if _bare(name) in plain]
    if said := [name for name in known if _plain(name) not in plain]:
        known = said
    found = {plain[_bare(name)]: name for name in known}
    if twice := [name for name in known if name not in found.values() or known.count(name) > 1]:
        raise InputError(f"{file}: more than one column is called after the observation of {listed(map(shown, twice))}")
    return found


def _tell_unread(file: str, columns: Sequence[str]) -> None:
    """Warn of columns that are left alone and may have been meant for an observation."""
    plain = {_plain(name): name for name in OBSERVATIONS}
    near = {one: [name for words, name in plain.items() if _alike(_plain(one), words)] for one in columns}
    said = {
        one: "taken for a label" if _plain(one) in plain else f"did you mean {' or '.join(names)}?"
        for one, names in near.items()
        if names
    }
    hints = [f"{shown(one)} ({words})" for one, words in said.items()]
    if hints:
        _log.warning("%s has columns that are not read: %s", file, "; ".join(hints))


def _alike(given: str, known: str) -> bool:
    whole = len(given) >= len("edema") and given in known
    return whole or bool(get_close_matches(given, [known], cutoff=0.75))


def _plain(name: str) -> str:
    return "".join(part for part in name.casefold() if part.isalnum())


def _bare(name: str) -> str:
    """A column's name without words for a probability: `prob_Edema` and `Edema (probability)` are Edema.

    Not without `pred` or `score`: labels that a labeler read are called so as often.
    """
    words = re.findall(r"[^\W_]+", name.casefold())
    while len(words) > 1 and words[0] in _PROBABILITY:
        words.pop(0)
    while len(words) > 1 and words[-1] in _PROBABILITY:
        words.pop()
    return "".join(words)


_PROBABILITY: Final = ("p", "prob", "probs", "proba", "probability")


def _from_table(path: Path, columns: Columns, delimiter: str) -> dict[str, Probabilities]:
    table = read_table(path, (), delimiter)
    named = id_fields(table.columns)
    if columns.study_id in table.columns:
        named = [str(columns.study_id)]
    if len(named) != 1:
        words = f"{listed(named)} may be the ids" if named else "no column is called study_id"
        raise InputError(f"{path.name}: {words}; say which with --id-column NAME")
    if not table.rows:
        raise InputError(f"{path.name} holds no study: its header stands alone")
    observed = _observations(path.name, table.columns)
    _tell_unread(path.name, [one for one in table.columns if one not in {*named, *observed.values()}])
    values = np.full((len(table.rows), len(OBSERVATIONS)), np.nan)
    for name, column in observed.items():
        values[:, OBSERVATIONS.index(name)] = _numbers(table, column, path.name, decimal_commas=delimiter != ",")
    return _probabilities(path.name, [row[named[0]] for row in table.rows], values, list(observed))


def _numbers(table: Table, column: str, name: str, decimal_commas: bool) -> NDArray[np.float64]:
    found = np.full(len(table.rows), np.nan)
    for at, row in enumerate(table.rows):
        try:
            found[at] = float(row[column].replace(",", ".") if decimal_commas else row[column])
        except ValueError:
            raise InputError(
                f"{name}: row {at + 1} has {shown(row[column])!r} as {column}; expected a probability from 0 to 1"
            ) from None
    return found


def _probabilities(
    name: str, ids: Sequence[str], values: Probabilities, observed: Sequence[str]
) -> dict[str, Probabilities]:
    """Probabilities (n, 14) by study; those of the observed columns must be numbers from 0 to 1."""
    columns = [OBSERVATIONS.index(one) for one in observed]
    inside = (values[:, columns] >= 0) & (values[:, columns] <= 1)
    wrong = [ids[row] for row in np.flatnonzero(~inside.all(axis=1)).tolist()]
    if wrong:
        finite = values[:, columns][np.isfinite(values[:, columns])]
        per_cent = bool(finite.size) and finite.min() >= 0 and 1 < finite.max() <= 100
        raise InputError(
            f"{name}: {len(wrong)} studies have a probability that is no number from 0 to 1: "
            f"{listed(map(shown, wrong))}; {'percentages must be divided by 100, ' if per_cent else ''}logits must go "
            "through a sigmoid first"
        )
    if np.isin(values[:, columns], (0, 1)).all():
        _log.warning("%s: all probabilities are 0 or 1; if they are labels, an AUROC of them says little", name)
    return _by_id(name, ids, values)


def _by_id(name: str, ids: Sequence[str], values: NDArray[_Number]) -> dict[str, NDArray[_Number]]:
    if len(ids) != len(values):
        raise InputError(f"{name}: {len(ids)} study ids stand beside {len(values)} rows")
    twice = sorted({study for study in ids if ids.count(study) > 1}) if len(set(ids)) < len(ids) else []
    if twice:
        raise InputError(f"{name}: {counted(len(twice), 'study id')} more than once: {listed(map(shown, twice))}")
    return dict(zip(ids, values, strict=True))


def _from_arrays(path: Path) -> Answers:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            arrays = {key: _array(path.name, file, key) for key in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} is no .npz of plain arrays ({type(error).__name__})") from error
    unknown = sorted(set(arrays) - set(ARRAYS))
    if unknown or "study_ids" not in arrays:
        raise InputError(
            f"{path.name} holds the arrays {listed(map(shown, arrays)) or 'none'}; expected study_ids and some of: "
            f"{', '.join(ARRAYS[1:])}"
        )
    ids = _ids(path.name, arrays["study_ids"])
    found = Answers(
        probabilities=_npz_probabilities(path.name, ids, arrays) if "probabilities" in arrays else {},
        images=_unit(path.name, "images", ids, arrays["images"]) if "images" in arrays else {},
        report_vectors=_npz_reports(path.name, ids, arrays) if "reports" in arrays else {},
    )
    if not any(getattr(found, one.name) for one in fields(found)):
        raise InputError(f"{path.name} holds ids alone; expected probabilities, images or reports beside them")
    return found


def _array(name: str, file: Mapping[str, NDArray[Any]], key: str) -> NDArray[Any]:
    """One array; of objects, as pandas gives texts, none is unpickled, and what to save instead is told."""
    try:
        return file[key]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise InputError(
            f"{name}: {shown(key)} is an array of Python objects; save texts as {key}=numpy.array(list(...), dtype=str)"
        ) from error


def _ids(name: str, array: NDArray[Any]) -> list[str]:
    if array.ndim != 1 or array.dtype.kind not in "Uiu":
        raise InputError(
            f"{name}: study ids are {array.dtype} {array.shape}; expected a list of texts or whole numbers"
        )
    return [str(one) for one in array.tolist()]


def _npz_probabilities(name: str, ids: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Probabilities]:
    given = _matrix(name, "probabilities", arrays["probabilities"])
    names = [str(one) for one in arrays["observations"].tolist()] if "observations" in arrays else list(OBSERVATIONS)
    observed = _observations(name, names)
    if len(observed) != len(names) or given.shape[1] != len(names):
        raise InputError(
            f"{name}: probabilities have {given.shape[1]} columns for {len(names)} observations, of which "
            f"{len(observed)} are known; name them in the array observations: {', '.join(OBSERVATIONS)}"
        )
    values = np.full((len(given), len(OBSERVATIONS)), np.nan)
    values[:, [OBSERVATIONS.index(one) for one in observed]] = given
    return _probabilities(name, ids, values, list(observed))


def _npz_reports(name: str, ids: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> dict[str, Vector]:
    own = _ids(name, arrays["report_study_ids"]) if "report_study_ids" in arrays else ids
    return _unit(name, "reports", own, arrays["reports"])


def _unit(name: str, key: str, ids: Sequence[str], array: NDArray[Any]) -> dict[str, Vector]:
    vectors = _matrix(name, key, array)
    lengths = np.linalg.norm(vectors, axis=1)
    bad = [ids[row] for row in np.flatnonzero(~np.isfinite(lengths) | (lengths == 0)).tolist() if row < len(ids)]
    if bad:
        raise InputError(f"{name}: {len(bad)} vectors of {key} are zero or not finite: {listed(map(shown, bad))}")
    return _by_id(name, ids, (vectors / lengths[:, None]).astype(np.float32))


def _matrix(name: str, key: str, array: NDArray[Any]) -> NDArray[np.float64]:
    if array.ndim != 2 or array.dtype.kind not in "fiu":
        raise InputError(f"{name}: {key} is {array.dtype} {array.shape}; expected numbers, a row a study")
    return array.astype(np.float64)
