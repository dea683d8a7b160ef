"""The shapes in which tools write files of reports, told from their content.

A shape is recognised by what it holds, since names say little: JSON Lines come as `.json`, tables with tabs or
semicolons as `.csv`, one study or one column as a JSON object. `docs/formats.md` shows each. Where more than one
reading is likely, the file is refused and the message says how to choose; where one is likely but not certain,
`Rows.understood` says in a line what was taken. No message holds report text: names of fields are shown only if they
look like names.
"""

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from rrgbench.errors import InputError, listed

Role = Literal["predictions", "references", "training"]
Row = tuple[str, str | None, tuple[str, ...]]
"""Place for messages, study id (None where the shape has none), one or more texts."""

_STUDY_IDS: Final = ("study_id", "studyid", "study", "id", "uid", "report_id", "accession", "accession_number")
_FILM_IDS: Final = (
    "image_id",
    "img_id",
    "dicom_id",
    "image",
    "image_path",
    "img_path",
    "filename",
    "file_name",
    "path",
)
_REFERENCES: Final = (
    *("reference", "references", "ref", "refs", "reference_report", "gt", "gts", "ground_truth", "groundtruth"),
    *("target", "targets", "original", "original_report", "actual", "gold"),
)
_SPECIFIC: Final[Mapping[Role, tuple[str, ...]]] = {
    "predictions": (
        *("prediction", "predictions", "pred", "preds", "predicted", "predicted_report", "model_prediction"),
        *("hypothesis", "hypotheses", "hyp", "hyps", "hypo", "generated", "generated_report", "generated_text"),
        *("generation", "output", "outputs", "response", "answer", "completion", "res", "candidate", "decoded"),
    ),
    "references": _REFERENCES,
    "training": _REFERENCES,
}
_GENERAL: Final = ("report", "reports", "text", "caption", "captions", "report_text", "report_impression")
_SECTIONS: Final = ("findings", "impression", "section_findings", "section_impression")
_REXRANK_SECTIONS: Final = (("findings", "section_findings"), ("impression", "section_impression"))
_DELIMITERS: Final = (",", ";", "\t", "|")


@dataclass(frozen=True)
class Columns:
    """Names of the fields to read, where they are not to be guessed.

    Attributes
    ----------
    study_id, report : str or None
        As the file spells them, but for case and blanks around.
    """

    study_id: str | None = None
    report: str | None = None


ANY_COLUMNS: Final = Columns()
"""Fields are told by their usual names."""


@dataclass(frozen=True)
class Rows:
    """What a file holds.

    Attributes
    ----------
    rows : iterable of Row
        Read as they are asked for; a malformed one raises InputError with its place.
    understood : str
        What was taken where it is not certain; empty where it is.
    fields : tuple of str
        Names of the file's fields, where the shape has any.
    """

    rows: Iterable[Row]
    understood: str = ""
    fields: tuple[str, ...] = field(default=())


def read_rows(name: str, text: str, role: Role, columns: Columns = ANY_COLUMNS) -> Rows:
    """Recognise a file's shape and read its rows.

    Parameters
    ----------
    name : str
        File name: its ending tells tables and lines of text from JSON.
    text : str
        Its content.
    role : {"predictions", "references", "training"}
        Which text to take where a file has both, and of a file of splits the test or the training split.
    columns : Columns
        Fields that are not to be guessed.

    Raises
    ------
    InputError
        If the shape is none of those known, or is one of several; with the place and what to do.
    """
    suffix = name.lower().rpartition(".")[2] if "." in name else ""
    if suffix in ("csv", "tsv"):
        return _table(name, text, role, columns, "\t" if suffix == "tsv" else None)
    if suffix in ("jsonl", "ndjson"):
        return _records(name, _json_lines(name, text), role, columns)
    if suffix == "json":
        return _json(name, text, role, columns)
    if suffix == "txt":
        lines = text.split("\n")
        lines = [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
        return _positional([(f"{name} line {at}", line) for at, line in enumerate(lines, start=1)], name, "one a line")
    given = f".{suffix}" if suffix else "without an ending"
    raise InputError(f"{name}: unknown kind of file {given!r}; expected .jsonl, .json, .csv, .tsv or .txt")


def shown(name: object) -> str:
    """A field's or study's name for a message; what may be report text is not shown."""
    text = str(name)
    if len(text) <= 64 and len(text.split()) <= 3 and text.isprintable() and not text.rstrip().endswith("."):
        return text
    return f"(a text of {len(text)} characters)"


# tables


def _table(name: str, text: str, role: Role, columns: Columns, delimiter: str | None) -> Rows:
    first, _, rest = text.partition("\n")
    if stated := re.fullmatch(r"(?i)sep=(.)\r?", first):
        text, delimiter = rest, stated[1]
    header = next(iter(_cells(name, text, delimiter or ",")), (0, []))[1]
    if delimiter is None and not _known(header):
        found = [mark for mark in _DELIMITERS[1:] if _known(next(iter(_cells(name, text, mark)), (0, []))[1])]
        delimiter = found[0] if found else ","
        header = next(iter(_cells(name, text, delimiter)), (0, []))[1]
    lines = _cells(name, text, delimiter or ",")
    if not _known(header) and columns == ANY_COLUMNS:
        return _headerless(name, lines, len(header))
    names = [cell.strip() for cell in header]
    twice = sorted({cell for cell in names if cell and names.count(cell) > 1})
    if twice:
        raise InputError(f"{name}: the header names {listed(map(shown, twice))} twice; name each column once")

    def records() -> Iterator[tuple[str, object]]:
        next(lines)
        for number, cells in lines:
            if len(cells) != len(names):
                raise InputError(
                    f"{name} line {number}: {len(cells)} fields, not {len(names)} fields as in the header; quote texts "
                    f"that hold {'commas' if delimiter in (None, ',') else 'the separator'}"
                )
            yield f"{name} line {number}", dict(zip(names, cells, strict=True))

    return _records(name, records(), role, columns, names)


def _cells(name: str, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        while True:
            csv.field_size_limit(sys.maxsize)
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(f"{name} line {reader.line_num}: not CSV ({error})") from None
            if row:
                yield reader.line_num, row
    finally:
        csv.field_size_limit(limit)


def _known(header: Sequence[str]) -> bool:
    """Whether a row of cells names a text, and so is a header."""
    texts = {*_GENERAL, *_SECTIONS, *_SPECIFIC["predictions"], *_SPECIFIC["references"]}
    return any(_plain(cell) in texts for cell in header)


def _headerless(name: str, lines: Iterator[tuple[int, list[str]]], width: int) -> Rows:
    rows = [(f"{name} line {number}", cells) for number, cells in lines]
    if not rows:
        return Rows([])
    if width == 1 and all(len(cells) == 1 for _, cells in rows):
        return _positional([(place, cells[0]) for place, cells in rows], name, "one a row, without a header")
    if width == 2 and all(len(cells) == 2 and len(cells[0].split()) == 1 for _, cells in rows):
        return Rows(
            [(place, cells[0].strip(), (cells[1],)) for place, cells in rows],
            f"{name} has no header: its first column is taken for study ids, its second for reports; "
            "with a header study_id,report there is no doubt",
        )
    raise InputError(
        f"{name} line 1: no column is called report, prediction, reference or the like, and without a header only one "
        "column (reports) or two (ids, reports) can be read; add a header or name the columns (--id-column, "
        "--report-column)"
    )


# JSON


def _json_lines(name: str, text: str) -> Iterator[tuple[str, object]]:
    # Only "\n" ends a line: JSON strings may hold the other line separators that str.splitlines knows.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{name} line {number}"
            yield place, _loaded(line, place, first_line=0)


class _Twice(list[tuple[str, Any]]):
    """The pairs of an object in which a key occurs more than once."""


def _loaded(text: str, place: str, first_line: int = 1) -> Any:
    """JSON, objects with equal keys as `_Twice`; `first_line` 0 where the place names a line already."""

    def unique(items: list[tuple[str, Any]]) -> Any:
        # json keeps the last of equal keys
        return dict(items) if len({key for key, _ in items}) == len(items) else _Twice(items)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if first_line else ""
        raise InputError(f"{place}{line}: not JSON ({error.msg}, column {error.colno})") from None
    except (RecursionError, ValueError) as error:
        # nested too deeply, or a number of thousands of digits
        raise InputError(f"{place}: JSON that can't be read ({type(error).__name__})") from None


def _json(name: str, text: str, role: Role, columns: Columns) -> Rows:
    try:
        content = _loaded(text, name)
    except InputError:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) < 2 or not all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
            raise
        return _records(name, _json_lines(name, text), role, columns)
    if isinstance(content, list) and not isinstance(content, _Twice):
        if content and all(isinstance(item, str) for item in content):
            rows = [(f"{name} item {number}", item) for number, item in enumerate(content, start=1)]
            return _positional(rows, name, "a list of texts")
        items = [(f"{name} item {number}", item) for number, item in enumerate(content, start=1)]
        return _records(name, items, role, columns)
    if isinstance(content, _Twice):
        return Rows([(name, key, _texts(f"{name} study {shown(key)}", value)) for key, value in content])
    if not isinstance(content, dict):
        raise InputError(f"{name}: expected an object from study id to report, or a list of objects")
    return _object(name, content, role, columns)


def _object(name: str, content: dict[str, Any], role: Role, columns: Columns) -> Rows:
    """An object: one study, columns, a table of pandas, COCO's annotations, R2Gen's splits, or texts by study id."""
    names = {_plain(key) for key in content}
    values = list(content.values())
    if {"columns", "data"} <= names and isinstance(content.get("data"), list):
        width = len(content["columns"])
        if any(not isinstance(row, list) or len(row) != width for row in content["data"]):
            raise InputError(f"{name}: rows of data and the {width} columns differ in length")
        table = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
        return _records(name, _numbered(name, table), role, columns)
    if {"schema", "data"} <= names and isinstance(content.get("data"), list):
        return _records(name, _numbered(name, content["data"]), role, columns)
    if isinstance(content.get("annotations"), list):
        return _records(name, _numbered(name, content["annotations"]), role, columns)
    if names <= {"train", "val", "validate", "valid", "test"} and all(isinstance(value, list) for value in values):
        split = "train" if role == "training" else "test"
        chosen = content.get(split, [])
        found = _records(name, _numbered(name, chosen), role, columns)
        note = f"{name} holds several splits: the {len(chosen)} studies of {split} are taken"
        return Rows(found.rows, note, found.fields)
    identified = bool(names & {*_STUDY_IDS, *_FILM_IDS} or {_plain(columns.study_id or "")} & names)
    if identified and _known(list(content)):
        if all(isinstance(value, list) for value in values):
            if len({len(value) for value in values}) > 1:
                raise InputError(f"{name}: its columns {listed(map(shown, content))} differ in length")
            rows = [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
            return _records(name, _numbered(name, rows), role, columns)
        if all(isinstance(value, dict) for value in values):
            order = list(values[0])
            if any(list(value) != order for value in values):
                raise InputError(f"{name}: its columns {listed(map(shown, content))} have different rows")
            rows = [{key: content[key][at] for key in content} for at in order]
            return _records(name, _numbered(name, rows), role, columns)
        return _records(name, [(name, content)], role, columns)
    if values and all(isinstance(value, dict) for value in values):
        keys = {_plain(key) for value in values for key in value}
        if keys & {*_STUDY_IDS, *_FILM_IDS} and _known(list(values[0])) and "model_prediction" not in keys:
            return _records(name, _numbered(name, values), role, columns)
        return Rows(
            [(name, key, _rexrank(f"{name} study {shown(key)}", value, role)) for key, value in content.items()]
        )
    return Rows([(name, key, _texts(f"{name} study {shown(key)}", value)) for key, value in content.items()])


def _numbered(name: str, rows: Sequence[object]) -> list[tuple[str, object]]:
    return [(f"{name} item {number}", row) for number, row in enumerate(rows, start=1)]


# records: objects with fields


def _records(
    name: str,
    records: Iterable[tuple[str, object]],
    role: Role,
    columns: Columns,
    header: Sequence[str] | None = None,
) -> Rows:
    """Rows of records; the fields are chosen by the first of them, or by the header."""
    stream = iter(records)
    first = next(stream, None)
    if first is None and header is None:
        return Rows([])
    place = first[0] if first is not None else name
    names = list(header) if header is not None else list(_fields(place, first[1] if first is not None else {}))
    text_field, note = _text_field(place, names, role, columns)
    id_field = _id_field(place, names, text_field, columns)

    def row(place: str, record: object) -> Row:
        cells = _fields(place, record)
        text, study = text_field, id_field
        if text not in cells or (study is not None and study not in cells):
            # a file put together from several
            text, _ = _text_field(place, list(cells), role, columns)
            study = _id_field(place, list(cells), text, columns)
        if (study is None) != (id_field is None):
            raise InputError(f"{place}: some rows have a study_id and others none")
        return place, None if study is None else _study_id(place, cells[study]), _texts(place, cells[text])

    def rows() -> Iterator[Row]:
        if first is not None:
            yield row(*first)
        for place, record in stream:
            yield row(place, record)

    if id_field is not None:
        return Rows(rows(), note and f"{name}: {note}", tuple(names))
    listed_rows = [(place, texts) for place, _, texts in rows()]
    found = _positional([(place, texts[0]) for place, texts in listed_rows], name, "without ids")
    return Rows(found.rows, found.understood, tuple(names))


def _fields(place: str, record: object) -> dict[str, Any]:
    if isinstance(record, _Twice):
        keys = [key for key, _ in record]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InputError(f"{place}: the field {listed(map(shown, twice))} stands twice; which one counts can't be told")
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected an object with study_id and report, got {type(record).__name__}")
    return record


def _text_field(place: str, names: Sequence[str], role: Role, columns: Columns) -> tuple[str, str]:
    """The field that holds the reports, and what was understood where that is not certain."""
    if columns.report is not None and (named := _matching(names, [columns.report])):
        return named[0], ""
    other: Role = "references" if role == "predictions" else "predictions"
    specific, general = _matching(names, _SPECIFIC[role]), _matching(names, _GENERAL)
    fields = listed(map(shown, names), most=8)
    for found in (specific, general, _matching(names, _SECTIONS)):
        if len(found) > 1:
            raise InputError(
                f"{place}: the report may be in {listed(map(shown, found))}; say which with --report-column NAME"
            )
        if found:
            beside = [name for name in (*general, *_matching(names, _SPECIFIC[other])) if name not in found]
            note = f"{role} are read from {shown(found[0])}, not from {listed(map(shown, beside))}" if beside else ""
            return found[0], f"{note} (--report-column NAME takes another)" if note else ""
    if _matching(names, _SPECIFIC[other]):
        raise InputError(f"{place}: no {role} but {other}; fields are: {fields}; name one with --report-column")
    raise InputError(f"{place}: no report; fields are: {fields}; name the right one with --report-column")


def _id_field(place: str, names: Sequence[str], text_field: str, columns: Columns) -> str | None:
    if columns.study_id is not None and (named := _matching(names, [columns.study_id])):
        return named[0]
    films = _matching(names, _FILM_IDS)
    if _plain(text_field) in ("caption", "captions") and _matching(names, ["image_id"]):
        # COCO's annotations have an id of their own
        return _matching(names, ["image_id"])[0]
    for found in (_matching(names, _STUDY_IDS), films):
        if len(found) > 1:
            raise InputError(
                f"{place}: the study may be told by {listed(map(shown, found))}; say which with --id-column NAME"
            )
        if found:
            return found[0]
    others = [name for name in names if name != text_field and name.strip()]
    if others:
        fields = listed(map(shown, names), most=8)
        raise InputError(f"{place}: no study_id; fields are: {fields}; name the right one with --id-column")
    return None


def _matching(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    plain = {_plain(want) for want in wanted}
    return [name for name in names if _plain(name) in plain]


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", "_", name.strip().lower())


# ids and texts


def _positional(rows: Sequence[tuple[str, str]], name: str, how: str) -> Rows:
    note = (
        f"{name}: {len(rows)} reports ({how}) are matched with the other file by their position; "
        "give study ids to be certain"
    )
    return Rows([(place, None, (text,)) for place, text in rows], note)


def _study_id(place: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        # as pandas writes whole numbers of a column with gaps
        return repr(value)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise InputError(f"{place}: study_id must be text or a whole number that is not empty")
    return str(value)


def _texts(place: str, value: object) -> tuple[str, ...]:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ("",)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        return tuple(value)
    # R2Gen's and COCO's captions: a list of {"caption": ...}.
    if isinstance(value, list) and value and all(isinstance(text, dict) and "caption" in text for text in value):
        return tuple(text for item in value for text in _texts(place, item["caption"]))
    raise InputError(f"{place}: report must be text or a list of texts, got {type(value).__name__}")


def _rexrank(place: str, value: Mapping[str, object], role: Role) -> tuple[str, ...]:
    """The text that ReXrank compares: of an absent section the word None."""
    if role == "predictions":
        if "model_prediction" not in value:
            raise InputError(f"{place}: no model_prediction; fields are: {listed(map(shown, value), most=8)}")
        return _texts(place, value["model_prediction"])
    parts = []
    for names in _REXRANK_SECTIONS:
        found = [value[key] for key in names if value.get(key) is not None]
        text = _texts(place, found[0]) if found else ("",)
        if len(text) > 1:
            raise InputError(f"{place}: {names[0]} must be one text, got {len(text)}")
        parts.append(text[0].strip() or "None")
    if parts == ["None", "None"]:
        raise InputError(f"{place}: neither findings nor impression; fields are: {listed(map(shown, value), most=8)}")
    return (f"Findings: {parts[0]} Impression: {parts[1]}",)
