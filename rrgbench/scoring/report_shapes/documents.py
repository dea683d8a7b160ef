"""JSON documents of reports: lists, columns, tables of pandas, COCO's and R2Gen's annotations, texts by study id."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_answers import answers_in
from rrgbench.scoring.report_shapes.cells import rexrank_texts, study_id_of, texts_of
from rrgbench.scoring.report_shapes.field_names import (
    IDS,
    SECTIONS,
    field_of_texts,
    matching,
    names_text,
    plain_name,
    usual_names,
)
from rrgbench.scoring.report_shapes.json_content import Twice
from rrgbench.scoring.report_shapes.records import numbered, rows_of_records
from rrgbench.scoring.report_shapes.rows import Columns, Role, Rows, by_position
from rrgbench.scoring.report_shapes.separators import check_once
from rrgbench.scoring.report_shapes.shown import may_be_id, shown, shown_id

_SPLITS: Final = {
    "train": ("train", "training"),
    "validate": ("val", "validate", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
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
_INDEX: Final = "unnamed: 0"
"""What pandas calls its index where a table has it without a name."""
_ID_WORD: Final = re.compile(r"id|uid|stud|image|film|file|case|accession|key|index|name", re.IGNORECASE)
"""How a field of numbers is called that may be ids."""


def rows_of_document(name: str, content: Any, role: Role, columns: Columns) -> Rows:
    """What a whole JSON document, or the part of it that holds the reports, says."""
    if isinstance(content, Twice):
        if not all(isinstance(value, str | list) for _, value in content):
            keys = [key for key, _ in content]
            twice = sorted({key for key in keys if keys.count(key) > 1})
            raise InputError(f"{name}: {listed(map(shown_id, twice))} stands twice; which one counts can't be told")
        return Rows([(name, key, texts_of(f"{name} study {shown_id(key)}", value)) for key, value in content])
    if isinstance(content, list):
        items = [(f"{name} item {number}", item) for number, item in enumerate(content, start=1)]
        if any(isinstance(item, str) for item in content) and all(isinstance(item, str | None) for item in content):
            return by_position([(place, item or "") for place, item in items], name, "a list of texts")
        if content and all(isinstance(item, list) for item in content):
            return _lists(name, items, role, columns)
        return rows_of_records(name, items, role, columns)
    if not isinstance(content, dict):
        raise InputError(f"{name}: expected an object from study id to report, or a list of objects")
    return _object(name, content, role, columns)


def _lists(name: str, items: Sequence[tuple[str, list[Any]]], role: Role, columns: Columns) -> Rows:
    """A list of lists: a table below its header, pairs of id and report, or the reports of each study."""
    (_, head), *body = items
    if all(isinstance(cell, str) for cell in head) and (names_text(head) or matching(head, [columns.report or ""])):
        check_once(name, head)
        if any(len(row) != len(head) for _, row in body):
            raise InputError(f"{name}: its rows and the {len(head)} columns of its first one differ in length")
        return rows_of_records(
            name, [(place, dict(zip(head, row, strict=True))) for place, row in body], role, columns, head
        )
    pairs = [(place, row) for place, row in items if len(row) == 2]
    named = all(isinstance(row[0], int | float) or (isinstance(row[0], str) and may_be_id(row[0])) for _, row in pairs)
    if len(pairs) == len(items) and named:
        return Rows(
            [(place, study_id_of(place, study), texts_of(place, given)) for place, (study, given) in pairs],
            f"{name} is a list of pairs: the first of each is taken for its study id, the second for its report",
        )
    found = by_position([(place, "") for place, _ in items], name, "a list of lists of texts")
    return Rows([(place, None, texts_of(place, row)) for place, row in items], found.understood)


def _object(name: str, content: dict[str, Any], role: Role, columns: Columns) -> Rows:
    """An object: columns, a table of pandas, COCO's annotations, R2Gen's splits, one study, or texts by study id."""
    names = {plain_name(key) for key in content}
    values = list(content.values())
    if {"columns", "data"} <= names and isinstance(content.get("data"), list):
        given_columns = content["columns"]
        if not isinstance(given_columns, list) or not all(isinstance(one, str | int) for one in given_columns):
            raise InputError(f"{name}: columns is no list of names")
        header = list(map(str, given_columns))
        check_once(name, header)
        if any(not isinstance(row, list) or len(row) != len(header) for row in content["data"]):
            raise InputError(f"{name}: rows of data and the {len(header)} columns differ in length")
        index = _index(name, content)
        table = [{**index[at], **dict(zip(header, row, strict=True))} for at, row in enumerate(content["data"])]
        return rows_of_records(name, numbered(name, table), role, columns)
    if names == {"name", "index", "data"} and isinstance(content.get("data"), list):  # a column of pandas
        index = _index(name, content)
        table = [{**index[at], "report": text} for at, text in enumerate(content["data"])]
        return rows_of_records(name, numbered(name, table), role, columns)
    if isinstance(content.get("annotations"), list):
        return rows_of_records(name, numbered(name, content["annotations"]), role, columns)
    if values and names <= {*chain(*_SPLITS.values())} and all(isinstance(value, list) for value in values):
        split = "train" if role == "training" else "test"
        there = [key for key in content if plain_name(key) in _SPLITS[split]]
        if not there:
            raise InputError(f"{name} holds the splits {listed(content)}; expected one called {split}")
        chosen = content[there[0]]
        found = rows_of_records(name, numbered(name, chosen), role, columns)
        note = f"{name} holds several splits: the {len(chosen)} studies of {split} are taken"
        return Rows(found.rows, note, found.fields)
    given = {plain_name(column) for column in (columns.study_id, columns.report) if column}
    if names_text(list(content)) or given & names:
        return _named(name, content, role, columns)
    inner = [key for key, value in content.items() if isinstance(value, list | dict)]
    wrapped = [key for key in inner if plain_name(key) in _WRAPPERS]
    if len(wrapped) == 1 and (len(inner) == 1 or isinstance(content[wrapped[0]], list)):
        found = rows_of_document(name, content[wrapped[0]], role, columns)
        return Rows(found.rows, found.understood or f"{name}: reports are read from its {wrapped[0]}", found.fields)
    if values and all(isinstance(value, dict) for value in values):
        return _by_study(name, content, role, columns)
    return Rows([(name, key, texts_of(f"{name} study {shown_id(key)}", value)) for key, value in content.items()])


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
    identified = matching(list(content), (*IDS, *([columns.study_id] if columns.study_id else ())))
    text_field, note = field_of_texts(name, list(content), role, columns)
    if not identified and isinstance(content[text_field], list | dict):
        rest = [key for key in content if key != text_field]
        if like_ids := [key for key in rest if _are_ids(key, content[key], content[text_field])]:
            raise InputError(
                f"{name}: {listed(map(shown, like_ids))} may hold study ids; name the field with --id-column"
            )
        found = rows_of_document(name, content[text_field], role, columns)
        note = note and f"{name}: {note}"
        return Rows(found.rows, "; ".join(part for part in (note, found.understood) if part), found.fields)
    if all(isinstance(value, list) for value in values):
        if len({len(value) for value in values}) > 1:
            raise InputError(f"{name}: its columns {listed(map(shown, content))} differ in length")
        rows = [dict(zip(content, row, strict=True)) for row in zip(*values, strict=True)]
        return rows_of_records(name, numbered(name, rows), role, columns)
    if all(isinstance(value, dict) for value in values):
        order = list(values[0])
        if any(list(value) != order for value in values):
            raise InputError(f"{name}: its columns {listed(map(shown, content))} have different rows")
        rows = [{key: content[key][at] for key in content} for at in order]
        return rows_of_records(name, numbered(name, rows), role, columns)
    return rows_of_records(name, [(name, content)], role, columns)


def _are_ids(field: str, values: object, beside: object) -> bool:
    """Whether a list holds what may be the ids of the items beside it; numbers are where its name says so."""
    if not isinstance(values, list) or not isinstance(beside, list) or len(values) != len(beside) or len(values) < 2:
        return False
    kinds = str | int if _ID_WORD.search(field) else str
    if not all(isinstance(one, kinds) and not isinstance(one, bool) for one in values):
        return False
    return len(set(values)) == len(values) and all(may_be_id(str(one)) for one in values)


def _by_study(name: str, content: dict[str, dict[str, Any]], role: Role, columns: Columns) -> Rows:
    """An object of objects: rows by number, by study id, or ReXrank's submission."""
    names = list(dict.fromkeys(key for value in content.values() for key in value))
    plain = [plain_name(key) for key in names]
    texts = matching(names, (*usual_names(role), *([columns.report] if columns.report else ())))
    if not texts and content and all(answers_in(value) for value in content.values()):
        return Rows([(name, key, texts_of(f"{name} study {shown_id(key)}", value)) for key, value in content.items()])
    # both sections beside each other are ReXrank's layout, one of them alone is a text as any other
    sections = matching(names, SECTIONS)
    if not texts and len(sections) == 1 and plain_name(sections[0]) in ("findings", "impression"):
        texts = sections
    if "model_prediction" not in plain and texts:
        if matching(names, IDS):
            return rows_of_records(name, numbered(name, list(content.values())), role, columns)
        text_field, note = field_of_texts(name, names, role, columns)
        rows = []
        for key, value in content.items():
            place = f"{name} study {shown_id(key)}"
            if text_field not in value:
                raise InputError(f"{place}: no {shown(text_field)}, which other studies have")
            rows.append((place, key, texts_of(place, value[text_field])))
        return Rows(rows, note and f"{name}: {note}", tuple(names))
    rows = [(name, key, rexrank_texts(f"{name} study {shown_id(key)}", value, role)) for key, value in content.items()]
    spoken = "references read 'Findings: ... Impression: ...' as ReXrank compares them, None for an absent section"
    return Rows(rows, "" if role == "predictions" or "model_prediction" in plain else f"{name}: {spoken}")
