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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Literal

from rrgbench.errors import InputError, listed
from rrgbench.scoring import report_answers
from rrgbench.scoring.report_answers import answers_in, text_places, with_ids_of_document

Role = Literal["predictions", "references", "training"]
Row = tuple[str, str | None, tuple[str, ...]]
"""Place for messages, study id (None where the shape has none), one or more texts."""

_STUDY_IDS: Final = (
    *("study_id", "studyid", "study", "id", "uid", "report_id", "accession", "accession_number"),
    *("study_ids", "ids", "uids"),
)
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
    "image_ids",
    "dicom_ids",
    "filenames",
)
_STANDARD_STUDY_IDS: Final = ("studyinstanceuid", "study_instance_uid", "studyuid", "study_uid")
_STANDARD_FILM_IDS: Final = ("sopinstanceuid", "sop_instance_uid", "image_name", "img_name", "image_index")
_ROW_IDS: Final = ("question_id", "sample_id", "case_id", "exam_id", "custom_id", "key", "index", "idx")
"""What tells rows apart where nothing tells a study or film."""
_LAST_IDS: Final = ("case", "doc_id", "request_id")
_ID_TIERS: Final = (_STUDY_IDS, _STANDARD_STUDY_IDS, _FILM_IDS, _STANDARD_FILM_IDS, _ROW_IDS, _LAST_IDS)
"""Names of fields that tell studies apart; those of an earlier group come first, since files have several."""
_IDS: Final = tuple(chain(*_ID_TIERS))
_REFERENCES: Final = (
    *("reference", "references", "ref", "refs", "reference_report", "gt", "gts", "ground_truth", "groundtruth"),
    *("target", "targets", "original", "original_report", "actual", "gold", "gt_report", "ref_report", "true_report"),
    *("ground_truth_report", "target_report", "real_report", "reference_text", "reference_findings", "gt_findings"),
    *("reference_caption", "gt_caption", "ground_truth_caption"),
)
_SPECIFIC: Final[Mapping[Role, tuple[str, ...]]] = {
    "predictions": (
        *("prediction", "predictions", "pred", "preds", "predicted", "predicted_report", "model_prediction"),
        *("hypothesis", "hypotheses", "hyp", "hyps", "hypo", "generated", "generated_report", "generated_text"),
        *("generation", "output", "outputs", "response", "answer", "completion", "res", "candidate", "decoded"),
        *("pred_report", "gen_report", "model_output", "model_response", "predicted_text", "prediction_text"),
        *("pred_text", "generated_findings", "predicted_findings", "generated_caption", "predicted_caption"),
        *("candidate_report", "candidate_text", "output_text", "decoded_report", "decoded_text"),
    ),
    "references": _REFERENCES,
    "training": _REFERENCES,
}
_GENERAL: Final = ("report", "reports", "text", "caption", "captions", "report_text", "report_impression")
_SECTIONS: Final = ("findings", "impression", "section_findings", "section_impression")
_REXRANK_SECTIONS: Final = (("findings", "section_findings"), ("impression", "section_impression"))
DELIMITERS: Final = (",", ";", "\t", "|")
_ENDINGS: Final = ("csv", "tsv", "jsonl", "ndjson", "json", "txt")
_SPLITS: Final = {
    "train": ("train", "training"),
    "validate": ("val", "validate", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_INDEX: Final = "unnamed: 0"
"""What pandas calls its index where a table has it without a name."""
_ID_WORD: Final = re.compile(r"id|uid|stud|image|film|file|case|accession|key|index|name", re.IGNORECASE)
"""How a field of numbers is called that may be ids."""
_FIRST_WORD: Final = re.compile(r"\s*([^\s,;:|]*\d[^\s,;:|]*)[\s,;:|]")
_COUNTED: Final = re.compile(r"\s*[<>~]?\d+(?:\.\d+)?\s*(?:-|x\s|[cm]m\b|views?\b|%|(?:st|nd|rd|th)\b)", re.IGNORECASE)
"""How a line begins that says how many or how large: "3 mm nodule", "2 views"."""
_SEVERAL: Final = 5
"""From how many lines on first words of several forms, each with a digit, are ids all the same."""
_WRAPPERS: Final = (
    "data",
    "results",
    "result",
    "reports",
    "samples",
    "items",
    "records",
    "studies",
    "rows",
    "examples",
)
"""What a list of records is called in an object around it."""


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
    kind = kind_of(name, text)
    if kind is None:
        suffix = _suffix(name)
        given = f".{suffix}" if suffix else "without an ending"
        raise InputError(f"{name}: unknown kind of file {given!r}; expected .jsonl, .json, .csv, .tsv or .txt")
    if kind == "json":
        return _content(name, json_document(text, name), role, columns)
    if kind == "json lines":
        return _records(name, json_lines(name, text), role, columns)
    if kind == "lines":
        lines = text.split("\n")
        lines = [line.removesuffix("\r") for line in (lines[:-1] if lines[-1] == "" else lines)]
        if _begin_with_ids(lines):
            raise InputError(
                f"{name}: every line begins with what looks like a study id; part ids and reports by a tab, "
                "give a JSON list of texts, or number "
                "no lines"
            )
        return _positional([(f"{name} line {at}", line) for at, line in enumerate(lines, start=1)], name, "one a line")
    return _table(name, text, role, columns)


def kind_of(name: str, text: str) -> Literal["json", "json lines", "table", "lines"] | None:
    """How a file is to be parsed: by its content, and by its ending where that leaves a doubt; None if it has another.

    `lines` are lines of text, a report each.
    """
    suffix = _suffix(name)
    if suffix not in _ENDINGS:
        return None
    if suffix in ("jsonl", "ndjson", "json") or _is_json(text):
        return "json" if _is_one_document(text, lines=suffix != "json") else "json lines"
    return "lines" if suffix == "txt" and not _is_table(text) else "table"


def _suffix(name: str) -> str:
    return name.lower().rpartition(".")[2] if "." in name else ""


@dataclass(frozen=True)
class Records:
    """Rows of a file with several fields that are more than an id and a report.

    Attributes
    ----------
    names : tuple of str
        Its fields, in order.
    rows : list of (str, mapping)
        Place for messages (`row 2`, the header being row 1; `line 2`; `item 2`), and cells by field. A table's cells
        are texts without blanks around them.
    delimiter : str
        What parts a table's cells; empty for JSON.
    understood : str
        What was taken where it is not certain; empty where it is.
    """

    names: tuple[str, ...]
    rows: list[tuple[str, dict[str, Any]]]
    delimiter: str = ""
    understood: str = ""


def read_records(name: str, text: str, known: Callable[[Sequence[str]], int]) -> Records:
    """Rows with all their fields: a table below its header, JSON Lines, or a JSON list of objects.

    Parameters
    ----------
    name : str
        File name: its ending tells tables from JSON, where the content does not.
    text : str
        Its content.
    known : callable
        How many of a row's cells are names of fields that the caller looks for; it decides about the separator.

    Raises
    ------
    InputError
        If it is none of these, a row has more or fewer cells than the header, or the header names a column twice.
    """
    suffix = name.lower().rpartition(".")[2]
    if suffix in ("jsonl", "ndjson", "json") or _is_json(text):
        return _json_records(name, text)
    first, _, rest = text.partition("\n")
    if stated := re.fullmatch(r"(?i)sep=(.)\r?", first):
        text, delimiter = rest, stated[1]
    else:
        usual = "\t" if suffix in ("tsv", "txt") else ","
        heads = {mark: _head(text, mark) for mark in (usual, *(one for one in DELIMITERS if one != usual))}
        delimiter = max(heads, key=lambda mark: (known(heads[mark]), len(heads[mark]) > 1))
    lines = table_cells(name, text, delimiter)
    names = [cell.strip() for cell in next(lines, (0, []))[1]]
    while names and not names[-1]:
        names.pop()  # spreadsheets end every line of a sheet with separators
    _check_once(name, names)
    rows = []
    for at, (_, cells) in enumerate(lines, start=2):
        if len(cells) < len(names) or any(cell.strip() for cell in cells[len(names) :]):
            raise InputError(
                f"{name}, row {at}: {len(cells)} cells where the header has {len(names)}; quote texts that hold "
                f"{'commas' if delimiter == ',' else 'the separator'}"
            )
        if any(cell.strip() for cell in cells):
            rows.append((f"row {at}", {field: cell.strip() for field, cell in zip(names, cells, strict=False)}))
    return Records(tuple(names), rows, delimiter)


def _json_records(name: str, text: str) -> Records:
    lines = [line for line in text.split("\n") if line.strip()]
    note = ""
    by_line = all(re.fullmatch(r"\s*\{.*\}\s*", line) for line in lines)
    if by_line and (len(lines) > 1 or (name.lower().endswith(("jsonl", "ndjson")) and lines)):
        rows = [(place.removeprefix(f"{name} "), record) for place, record in json_lines(name, text)]
    else:
        content = json_document(text, name)
        if isinstance(content, dict):
            inside = key_of_records(content)
            if inside is not None:
                note = f"rows are read from its {shown(inside)}"
                content = content[inside]
            elif not any(isinstance(value, list | dict) for value in content.values()):
                content = [content]
        if not isinstance(content, list):
            raise InputError(f"{name}: expected a list of objects, one a row, or an object on each line")
        rows = [(f"item {at}", record) for at, record in enumerate(content, start=1)]
    given = [(place, fields_of(f"{name}, {place}", record)) for place, record in rows]
    names = tuple(dict.fromkeys(field for _, record in given for field in record))
    return Records(names, given, understood=note)


def key_of_records(content: Mapping[str, Any]) -> str | None:
    """The one key of an object under which a list of objects lies; None where none or several do."""
    lists = [key for key, value in content.items() if isinstance(value, list) and value]
    objects = [key for key in lists if all(isinstance(one, dict) for one in content[key])]
    return objects[0] if len(objects) == 1 else None


def shown(name: object) -> str:
    """A field's name for a message; what may be report text is not shown."""
    text = str(name)
    if len(text) <= 64 and len(text.split()) <= 3 and text.isprintable() and not re.search(r"[\"“”,;]|\.\s*$", text):
        return text
    return f"(a text of {len(text)} characters)"


def shown_id(study: str) -> str:
    """A study's id for a message; text that got where ids stand is not shown."""
    return shown(study) if _is_id(study) else f"(a text of {len(study)} characters)"


def _is_id(study: str) -> bool:
    """Whether it may be an id: one word, or several that all have digits."""
    words = study.split()
    return len(words) < 2 or all(any(character.isdigit() for character in word) for word in words)


# tables


def table_of(name: str, text: str, named: Iterable[str]) -> tuple[str, str]:
    """A table's text from its header on, and its separator, which a line `sep=;` above may state.

    A row that has one of the names in `named` is a header, as one with usual names is.
    """
    first, _, rest = text.partition("\n")
    if stated := re.fullmatch(r"(?i)sep=(.)\r?", first):
        return rest, stated[1]
    return text, _delimiter(text, named, "," if _suffix(name) == "csv" else "\t")


def table_rows(
    name: str, lines: Iterable[tuple[int, list[str]]], width: int, delimiter: str
) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row below the header; InputError where one has more or fewer cells than that."""
    for number, cells in lines:
        if len(cells) != width:
            raise InputError(
                f"{name} line {number}: {len(cells)} fields, not {width} fields as in the header; quote texts "
                f"that hold {'commas' if delimiter == ',' else 'the separator'}"
            )
        yield number, cells


def _table(name: str, text: str, role: Role, columns: Columns) -> Rows:
    text, delimiter = table_of(name, text, [one for one in (columns.study_id, columns.report) if one])
    header = next(table_cells(name, text, delimiter), (0, []))[1]
    # where a place is all that tells studies apart, a blank line is a study's
    lines = table_cells(name, text, delimiter, blank_lines=len(header) == 1)
    if not _known(header) and columns == ANY_COLUMNS:
        return _headerless(name, lines, len(header))
    names = [cell.strip() for cell in header]
    _check_once(name, names)

    def records() -> Iterator[tuple[str, object]]:
        next(lines)
        for number, cells in table_rows(name, lines, len(names), delimiter):
            yield f"{name} line {number}", dict(zip(names, cells, strict=True))

    return _records(name, records(), role, columns, names)


def _check_once(name: str, header: Sequence[str]) -> None:
    """Refuse a header that names a column twice (InputError)."""
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    if twice:
        raise InputError(f"{name}: the header names {listed(map(shown, twice))} twice; name each column once")


def _delimiter(text: str, headings: Iterable[str], usual: str) -> str:
    """The separator under which the first row is a header; else the one that parts every row into id and report."""
    marks = (usual, *(mark for mark in DELIMITERS if mark != usual))
    heads = {mark: _head(text, mark) for mark in marks}
    named = set(map(_plain, headings))
    found = [mark for mark in marks if _known(heads[mark]) or named & {_plain(cell) for cell in heads[mark]}]
    found = found or [mark for mark in marks if _are_pairs(table_cells("", text, mark))]
    return max(found, key=lambda mark: len(heads[mark]) > 1, default=usual)


def _head(text: str, delimiter: str) -> list[str]:
    """The first row under a separator that may not be the right one; empty if it can't be read."""
    try:
        return next(table_cells("", text, delimiter), (0, []))[1]
    except InputError:
        return []


def _are_pairs(rows: Iterable[tuple[int, Sequence[str]]]) -> bool:
    """Whether every row is an id and a text."""
    try:
        return all(len(row) == 2 and len(row[0].split()) == 1 for _, row in rows)
    except InputError:
        return False


def _begin_with_ids(lines: Sequence[str]) -> bool:
    """Whether each of several lines begins with a word of its own that has a digit, of one form, and counts nothing."""
    words = [_FIRST_WORD.match(line) for line in lines]
    found = {word[1] for word in words if word is not None}
    if len(lines) < 2 or len(found) != len(lines):
        return False
    counts = all(_COUNTED.match(line) for line in lines)
    return not counts and (len({re.sub(r"\d+", "0", word) for word in found}) == 1 or len(lines) >= _SEVERAL)


def _is_table(text: str) -> bool:
    """Whether lines of text are rows: a header that names ids and reports, or ids and reports parted by one mark."""
    for mark in DELIMITERS:
        header = _head(text, mark)
        if _known(header) and _matching(header, (*_STUDY_IDS, *_STANDARD_STUDY_IDS, *_FILM_IDS, *_STANDARD_FILM_IDS)):
            return True
    if "\t" in text and _are_pairs(table_cells("", text, "\t")):
        return True
    lines = [line for line in text.split("\n") if line.strip()]
    return _begin_with_ids(lines) and any(_are_pairs(table_cells("", text, mark)) for mark in DELIMITERS)


def table_cells(name: str, text: str, delimiter: str, blank_lines: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row that is not blank, or of blank ones between two others too."""
    blank: list[int] = []
    begun = False
    limit = csv.field_size_limit(sys.maxsize)
    try:
        spaced = f"{delimiter} " in text.partition("\n")[0]
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=spaced)
        while True:
            csv.field_size_limit(sys.maxsize)
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(f"{name} line {reader.line_num}: not CSV ({error})") from None
            if row:
                yield from ((number, [""]) for number in blank)
                yield reader.line_num, row
                begun, blank = True, []
            elif begun and blank_lines:
                blank.append(reader.line_num)
    finally:
        csv.field_size_limit(limit)


def names_report(header: Sequence[str], columns: Columns = ANY_COLUMNS) -> bool:
    """Whether a header names a column of predicted reports, by a usual name or the one that `columns` gives."""
    usual = (*_SPECIFIC["predictions"], *_GENERAL, *_SECTIONS)
    return bool(_matching(header, usual if columns.report is None else [columns.report]))


def _known(header: Sequence[str]) -> bool:
    """Whether a row of cells names a text, and so is a header."""
    texts = {*_GENERAL, *_SECTIONS, *_SPECIFIC["predictions"], *_SPECIFIC["references"], *report_answers.FIELDS}
    return any(_plain(cell) in texts for cell in header)


def _headerless(name: str, lines: Iterator[tuple[int, list[str]]], width: int) -> Rows:
    rows = [(f"{name} line {number}", cells) for number, cells in lines]
    if not rows:
        return Rows([])
    if width == 2 and _is_header([cells for _, cells in rows]):
        (_, names), *body = rows
        id_field, text_field = (shown(cell.strip()) for cell in names)
        return Rows(
            [(place, cells[0].strip(), (cells[1],)) for place, cells in body],
            f"{name}: its first row is taken for names of columns: {id_field} for study ids, {text_field} for reports "
            "(--id-column and --report-column say otherwise)",
            tuple(cell.strip() for cell in names),
        )
    if ids := _matching(rows[0][1], _IDS):
        raise InputError(
            f"{name} line 1: of {width} columns, {listed(ids)} among them, none is called report, prediction, "
            "reference or the like; name the one with reports with --report-column"
        )
    if width == 1 and all(len(cells) == 1 for _, cells in rows):
        (first, *others) = (cells[0].strip() for _, cells in rows)
        if len(others) > 1 and re.fullmatch(r"[^\s.]+", first) and all(len(other.split()) > 1 for other in others):
            raise InputError(
                f"{name} line 1 may be a header or a report: one word above reports of several words; call the column "
                "report, or name it with --report-column"
            )
        return _positional([(place, cells[0]) for place, cells in rows], name, "one a row, without a header")
    if width == 2 and _are_pairs((0, cells) for _, cells in rows):
        if _looks_like_a_header([cells for _, cells in rows]):
            raise InputError(
                f"{name} line 1 may be a header or a study: two words, above ids with digits and reports of several "
                "words; say which with --id-column and --report-column, or call the columns study_id and report"
            )
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


def _is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is two names as programs write them, above ids with digits and reports of several words."""
    written = all(re.fullmatch(r"\s*[A-Za-z]+(_[A-Za-z]+)+\s*", cell) for cell in rows[0])
    return written and all(len(cells) == 2 for cells in rows) and _looks_like_a_header(rows)


def _looks_like_a_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is two words, where the others are ids with digits and reports of several words."""
    (first, *others) = rows
    named = not any(sign.isdigit() for cell in first for sign in cell) and len(first[1].split()) == 1
    return (
        named
        and len(others) > 0
        and all(any(sign.isdigit() for sign in cells[0]) and len(cells[1].split()) > 1 for cells in others)
    )


# JSON


def json_lines(name: str, text: str) -> Iterator[tuple[str, object]]:
    """Place and content of each line that is not blank; InputError where it is not JSON."""
    # Only "\n" ends a line: JSON strings may hold the other line separators that str.splitlines knows.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{name} line {number}"
            yield place, json_document(line, place, first_line=0)


class Twice(list[tuple[str, Any]]):
    """The pairs of an object in which a key occurs more than once."""


def json_document(text: str, place: str, first_line: int = 1) -> Any:
    """JSON, objects with equal keys as `Twice`; `first_line` 0 where the place names a line already."""

    def unique(items: list[tuple[str, Any]]) -> Any:
        # json keeps the last of equal keys
        return dict(items) if len({key for key, _ in items}) == len(items) else Twice(items)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if first_line else ""
        repr_like = re.match(r"\s*[\[{(]+\s*['0-9]", text) is not None and "': '" in text
        advice = "; it looks like Python's repr: write it with json.dump" if repr_like else ""
        raise InputError(f"{place}{line}: not JSON ({error.msg}, column {error.colno}){advice}") from None
    except (RecursionError, ValueError) as error:
        # nested too deeply, or a number of thousands of digits
        raise InputError(f"{place}: JSON that can't be read ({type(error).__name__})") from None


def _is_json(text: str) -> bool:
    """Whether a file that is not called so holds JSON, or JSON on each line."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    return _parses(text.lstrip().partition("\n")[0]) or _parses(text)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_one_document(text: str, lines: bool) -> bool:
    """Whether JSON is one document, not one a line; `lines` says which the file's name promises."""
    rows = [line for line in text.split("\n") if line.strip()]
    if lines:
        return bool(rows) and (rows[0].lstrip()[0] == "[" or not _parses(rows[0])) and _parses(text)
    return _parses(text) or len(rows) < 2 or not all(re.fullmatch(r"\s*\{.*\}\s*", row) for row in rows)


def _content(name: str, content: Any, role: Role, columns: Columns) -> Rows:
    """What a whole JSON document, or the part of it that holds the reports, says."""
    if isinstance(content, Twice):
        if not all(isinstance(value, str | list) for _, value in content):
            keys = [key for key, _ in content]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise InputError(f"{name}: {listed(map(shown_id, twice))} stands twice; which one counts can't be told")
        return Rows([(name, key, _texts(f"{name} study {shown_id(key)}", value)) for key, value in content])
    if isinstance(content, list):
        items = [(f"{name} item {number}", item) for number, item in enumerate(content, start=1)]
        if any(isinstance(item, str) for item in content) and all(isinstance(item, str | None) for item in content):
            return _positional([(place, item or "") for place, item in items], name, "a list of texts")
        if content and all(isinstance(item, list) for item in content):
            return _lists(name, items, role, columns)
        return _records(name, items, role, columns)
    if not isinstance(content, dict):
        raise InputError(f"{name}: expected an object from study id to report, or a list of objects")
    return _object(name, content, role, columns)


def _lists(name: str, items: Sequence[tuple[str, list[Any]]], role: Role, columns: Columns) -> Rows:
    """A list of lists: a table below its header, pairs of id and report, or the reports of each study."""
    (_, head), *body = items
    if all(isinstance(cell, str) for cell in head) and (_known(head) or _matching(head, [columns.report or ""])):
        _check_once(name, head)
        if any(len(row) != len(head) for _, row in body):
            raise InputError(f"{name}: its rows and the {len(head)} columns of its first one differ in length")
        return _records(name, [(place, dict(zip(head, row, strict=True))) for place, row in body], role, columns, head)
    pairs = [(place, row) for place, row in items if len(row) == 2]
    named = all(isinstance(row[0], int | float) or (isinstance(row[0], str) and _is_id(row[0])) for _, row in pairs)
    if len(pairs) == len(items) and named:
        return Rows(
            [(place, _study_id(place, study), _texts(place, given)) for place, (study, given) in pairs],
            f"{name} is a list of pairs: the first of each is taken for its study id, the second for its report",
        )
    found = _positional([(place, "") for place, _ in items], name, "a list of lists of texts")
    return Rows([(place, None, _texts(place, row)) for place, row in items], found.understood)


def _object(name: str, content: dict[str, Any], role: Role, columns: Columns) -> Rows:
    """An object: columns, a table of pandas, COCO's annotations, R2Gen's splits, one study, or texts by study id."""
    names = {_plain(key) for key in content}
    values = list(content.values())
    if {"columns", "data"} <= names and isinstance(content.get("data"), list):
        given_columns = content["columns"]
        if not isinstance(given_columns, list) or not all(isinstance(one, str | int) for one in given_columns):
            raise InputError(f"{name}: columns is no list of names")
        header = list(map(str, given_columns))
        _check_once(name, header)
        if any(not isinstance(row, list) or len(row) != len(header) for row in content["data"]):
            raise InputError(f"{name}: rows of data and the {len(header)} columns differ in length")
        index = _index(name, content)
        table = [{**index[at], **dict(zip(header, row, strict=True))} for at, row in enumerate(content["data"])]
        return _records(name, _numbered(name, table), role, columns)
    if names == {"name", "index", "data"} and isinstance(content.get("data"), list):  # a column of pandas
        index = _index(name, content)
        table = [{**index[at], "report": text} for at, text in enumerate(content["data"])]
        return _records(name, _numbered(name, table), role, columns)
    if isinstance(content.get("annotations"), list):
        return _records(name, _numbered(name, content["annotations"]), role, columns)
    if values and names <= {*chain(*_SPLITS.values())} and all(isinstance(value, list) for value in values):
        split = "train" if role == "training" else "test"
        there = [key for key in content if _plain(key) in _SPLITS[split]]
        if not there:
            raise InputError(f"{name} holds the splits {listed(content)}; expected one called {split}")
        chosen = content[there[0]]
        found = _records(name, _numbered(name, chosen), role, columns)
        note = f"{name} holds several splits: the {len(chosen)} studies of {split} are taken"
        return Rows(found.rows, note, found.fields)
    given = {_plain(column) for column in (columns.study_id, columns.report) if column}
    if _known(list(content)) or given & names:
        return _named(name, content, role, columns)
    inner = [key for key, value in content.items() if isinstance(value, list | dict)]
    wrapped = [key for key in inner if _plain(key) in _WRAPPERS]
    if len(wrapped) == 1 and (len(inner) == 1 or isinstance(content[wrapped[0]], list)):
        found = _content(name, content[wrapped[0]], role, columns)
        return Rows(found.rows, found.understood or f"{name}: reports are read from its {wrapped[0]}", found.fields)
    if values and all(isinstance(value, dict) for value in values):
        return _by_study(name, content, role, columns)
    return Rows([(name, key, _texts(f"{name} study {shown_id(key)}", value)) for key, value in content.items()])


def _index(name: str, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The index that pandas writes beside data, a cell a row; cells of none where it has none."""
    rows = content["data"]
    index = content.get("index")
    if index is None:
        return [{}] * len(rows)
    if not isinstance(index, list) or len(index) != len(rows):
        raise InputError(f"{name}: its index and its data differ in length")
    return [{_INDEX: one} for one in index]


def _named(name: str, content: dict[str, Any], role: Role, columns: Columns) -> Rows:
    """An object whose keys are names of fields: columns, one study, or the reports of each role on their own."""
    values = list(content.values())
    identified = _matching(list(content), (*_IDS, *([columns.study_id] if columns.study_id else ())))
    text_field, note = _text_field(name, list(content), role, columns)
    if not identified and isinstance(content[text_field], list | dict):
        rest = [key for key in content if key != text_field]
        if like_ids := [key for key in rest if _are_ids(key, content[key], content[text_field])]:
            raise InputError(
                f"{name}: {listed(map(shown, like_ids))} may hold study ids; name the field with --id-column"
            )
        found = _content(name, content[text_field], role, columns)
        note = note and f"{name}: {note}"
        return Rows(found.rows, "; ".join(part for part in (note, found.understood) if part), found.fields)
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


def _is_blank(cells: Mapping[str, object]) -> bool:
    """Whether a row says nothing."""
    return not any(str(cell).strip() for cell in cells.values() if cell is not None)


def _are_ids(field: str, values: object, beside: object) -> bool:
    """Whether a list holds what may be the ids of the items beside it; numbers are where its name says so."""
    if not isinstance(values, list) or not isinstance(beside, list) or len(values) != len(beside) or len(values) < 2:
        return False
    kinds = str | int if _ID_WORD.search(field) else str
    if not all(isinstance(one, kinds) and not isinstance(one, bool) for one in values):
        return False
    return len(set(values)) == len(values) and all(_is_id(str(one)) for one in values)


def _by_study(name: str, content: dict[str, dict[str, Any]], role: Role, columns: Columns) -> Rows:
    """An object of objects: rows by number, by study id, or ReXrank's submission."""
    names = list(dict.fromkeys(key for value in content.values() for key in value))
    plain = [_plain(key) for key in names]
    texts = _matching(names, (*_SPECIFIC[role], *_GENERAL, *([columns.report] if columns.report else ())))
    if not texts and content and all(answers_in(value) for value in content.values()):
        return Rows([(name, key, _texts(f"{name} study {shown_id(key)}", value)) for key, value in content.items()])
    # both sections beside each other are ReXrank's layout, one of them alone is a text as any other
    sections = _matching(names, _SECTIONS)
    if not texts and len(sections) == 1 and _plain(sections[0]) in ("findings", "impression"):
        texts = sections
    if "model_prediction" not in plain and texts:
        if _matching(names, _IDS):
            return _records(name, _numbered(name, list(content.values())), role, columns)
        text_field, note = _text_field(name, names, role, columns)
        rows = []
        for key, value in content.items():
            place = f"{name} study {shown_id(key)}"
            if text_field not in value:
                raise InputError(f"{place}: no {shown(text_field)}, which other studies have")
            rows.append((place, key, _texts(place, value[text_field])))
        return Rows(rows, note and f"{name}: {note}", tuple(names))
    rows = [(name, key, _rexrank(f"{name} study {shown_id(key)}", value, role)) for key, value in content.items()]
    spoken = "references read 'Findings: ... Impression: ...' as ReXrank compares them, None for an absent section"
    return Rows(rows, "" if role == "predictions" or "model_prediction" in plain else f"{name}: {spoken}")


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
    """Rows of records; the fields are chosen by the first of them, or by the header.

    Where a table has ids, rows of empty cells, which spreadsheets leave below their tables, are no rows.
    """
    stream = iter(records)
    first = next(stream, None)
    if first is None and header is None:
        return Rows([])
    place = first[0] if first is not None else name
    names = list(header) if header is not None else list(fields_of(place, first[1] if first is not None else {}))
    try:
        text_field, note = _text_field(place, names, role, columns)
    except InputError as error:
        # names of fields stand in the message already
        deeper = [] if first is None else [one for one in text_places(first[1]) if re.search(r"[.\[]", one)]
        raise InputError(f"{error}{_told_places(deeper)}") from None
    id_field = _id_field(place, names, text_field, columns)

    def row(place: str, record: object) -> Row:
        cells = fields_of(place, record)
        text, study = text_field, id_field
        if text not in cells or (study is not None and study not in cells):
            # a file put together from several
            text, _ = _text_field(place, list(cells), role, columns)
            study = _id_field(place, list(cells), text, columns)
        if (study is None) != (id_field is None):
            raise InputError(f"{place}: some rows have a study_id and others none")
        return place, None if study is None else _study_id(place, cells[study]), _texts(place, cells[text], text)

    def rows() -> Iterator[Row]:
        for place, record in chain([] if first is None else [first], stream):
            unused = id_field is not None and header is not None and _is_blank(fields_of(place, record))
            if not unused:
                yield row(place, record)

    if id_field is None and len(index := _nameless(names, text_field)) == 1:
        # an index that pandas wrote without a name: rows by number, or ids
        kept = [*([] if first is None else [first]), *stream]
        cells = [str(fields_of(place, record).get(index[0])) for place, record in kept]
        first, stream = None, iter(kept)
        if len(set(cells)) == len(cells) and cells != [str(row) for row in range(len(cells))]:
            id_field, names = index[0], [one for one in names if one != index[0]]
            note = "; ".join(filter(None, (note, "its column without a name is taken for study ids")))
    if id_field is not None:
        return Rows(rows(), note and f"{name}: {note}", tuple(names))
    listed_rows = [(place, texts) for place, _, texts in rows()]
    found = _positional([(place, texts[0]) for place, texts in listed_rows], name, "without ids")
    return Rows(found.rows, found.understood, tuple(names))


def fields_of(place: str, record: object) -> dict[str, Any]:
    """The fields of a record; InputError where it has one twice, or is none."""
    if isinstance(record, Twice):
        keys = [key for key, _ in record]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        raise InputError(f"{place}: the field {listed(map(shown, twice))} stands twice; which one counts can't be told")
    if isinstance(record, list) and answers_in(record):
        return {"prediction": record}
    if not isinstance(record, dict):
        raise InputError(f"{place}: expected an object with study_id and report, got {type(record).__name__}")
    return with_ids_of_document(record, lambda key: _plain(key) in _IDS)


def _text_field(place: str, names: Sequence[str], role: Role, columns: Columns) -> tuple[str, str]:
    """The field that holds the reports, and what was understood where that is not certain."""
    if columns.report is not None and (named := _matching(names, [columns.report])):
        return named[0], ""
    other: Role = "references" if role == "predictions" else "predictions"
    specific, general = _matching(names, _SPECIFIC[role]), _matching(names, _GENERAL)
    fields = listed(map(shown, names), most=8)
    read = [one for one in report_answers.FIELDS if role == "predictions" or one not in report_answers.ONLY_ANSWERS]
    answers = [_matching(names, [one]) for one in read]
    for found in (specific, general, _matching(names, _SECTIONS), *answers):
        if len(found) > 1:
            raise InputError(
                f"{place}: the report may be in {listed(map(shown, found))}; say which with --report-column NAME"
            )
        if found:
            # of answers, lm-eval has its own and the filtered ones side by side
            conversations = chain(*answers) if found not in answers else ()
            others = (*general, *_matching(names, _SPECIFIC[other]), *conversations)
            beside = [name for name in others if name not in found]
            note = f"{role} are read from {shown(found[0])}, not from {listed(map(shown, beside))}" if beside else ""
            return found[0], f"{note} (--report-column NAME takes another)" if note else ""
    if _matching(names, _SPECIFIC[other]):
        raise InputError(f"{place}: no {role} but {other}; fields are: {fields}; name one with --report-column")
    raise InputError(f"{place}: no report; fields are: {fields}; name the right one with --report-column")


def _id_field(place: str, names: Sequence[str], text_field: str, columns: Columns) -> str | None:
    if columns.study_id is not None and (named := _matching(names, [columns.study_id])):
        return named[0]
    if _matching(names, ["custom_id"]) and _matching(names, _STUDY_IDS) == _matching(names, ["id"]):
        # an OpenAI server's batches have an id of each answer beside the id that was given
        return _matching(names, ["custom_id"])[0]
    if _plain(text_field) in ("caption", "captions") and _matching(names, ["image_id"]):
        # COCO's annotations have an id of their own
        return _matching(names, ["image_id"])[0]
    found = id_fields(names)
    if len(found) > 1:
        raise InputError(
            f"{place}: the study may be told by {listed(map(shown, found))}; say which with --id-column NAME"
        )
    if found:
        return found[0]
    texts = _matching(names, (*_GENERAL, *_SPECIFIC["predictions"], *_SPECIFIC["references"]))
    others = [name for name in names if name != text_field and name not in (*_nameless(names, text_field), *texts)]
    if others:
        fields = listed(map(shown, names), most=8)
        raise InputError(f"{place}: no study_id; fields are: {fields}; name the right one with --id-column")
    return None


def study_field(names: Sequence[str]) -> str | None:
    """The field that tells studies apart where predictions are read; None where there is none, or no certain one."""
    try:
        text_field, _ = _text_field("", names, "predictions", ANY_COLUMNS)
    except InputError:
        # a table of probabilities has no text
        text_field = ""
    try:
        return _id_field("", names, text_field, ANY_COLUMNS)
    except InputError:
        return None


def id_fields(names: Sequence[str]) -> list[str]:
    """Those fields that may tell studies apart by their usual names, of the surest names that are there."""
    return next(filter(None, (_matching(names, tier) for tier in _ID_TIERS)), [])


def _nameless(names: Sequence[str], text_field: str) -> list[str]:
    """Columns without a name, as pandas writes its index."""
    return [name for name in names if name != text_field and re.fullmatch(r"\s*|unnamed: \d+", name.lower())]


def usual_names(role: Role) -> tuple[str, ...]:
    """How fields of a role's texts are usually called, those that say the role first."""
    return (*_SPECIFIC[role], *_GENERAL)


def plain_name(name: str) -> str:
    """A field's name without regard of case, blanks, hyphens and underscores."""
    return _plain(name)


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


def is_missing(value: object) -> bool:
    """Whether a cell is missing as Python and pandas say it: None, NaN, NA."""
    nan = isinstance(value, float) and math.isnan(value)
    # by name, since pandas takes long to import
    return value is None or nan or type(value).__name__ in ("NAType", "NaTType")


def _texts(place: str, value: object, field: str = "") -> tuple[str, ...]:
    """The texts of a study; `field` is where they stand, for messages."""
    if is_missing(value):
        return ("",)
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and value and all(isinstance(text, str) for text in value):
        if len(value) > 2 and all(len(text.split()) < 2 for text in value):
            raise InputError(f"{place}: report is a list of {len(value)} single words; join them to one text")
        return tuple(value)
    # R2Gen's and COCO's captions: a list of {"caption": ...}.
    if isinstance(value, list) and value and all(isinstance(text, dict) and "caption" in text for text in value):
        return tuple(text for item in value for text in _texts(place, item["caption"]))
    if isinstance(value, list) and not value:
        raise InputError(f"{place}: report is an empty list; write an empty text if there is none, or leave it out")
    answers = answers_in(value)
    if answers is not None and len(answers) > 1:
        raise InputError(
            f"{place}: {len(answers)} answers stand there, and which one counts can't be told; keep one of each study"
        )
    if answers:
        return (answers[0],)
    places = _told_places(text_places(value, field and shown(field)))
    raise InputError(f"{place}: report must be text or a list of texts, got {type(value).__name__}{places}")


def _told_places(places: Sequence[str]) -> str:
    """Where texts lie, for a message; empty where none does."""
    if not places:
        return ""
    return f"; texts lie at {listed(places, most=4)}: write the right one as a field report of its own"


def _rexrank(place: str, value: Mapping[str, object], role: Role) -> tuple[str, ...]:
    """The text that ReXrank compares: of an absent section the word None."""
    if role == "predictions":
        if "model_prediction" not in value:
            fields = listed(map(shown, value), most=8)
            raise InputError(f"{place}: no model_prediction; fields are: {fields}; --report-column NAME takes one")
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
