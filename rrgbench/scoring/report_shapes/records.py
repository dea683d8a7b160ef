"""Records, objects with fields, as rows of reports."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_answers import answers_in, text_places, with_ids_of_document
from rrgbench.scoring.report_shapes.cells import study_id_of, texts_of, told_places
from rrgbench.scoring.report_shapes.field_names import IDS, field_of_ids, field_of_texts, nameless, plain_name
from rrgbench.scoring.report_shapes.json_content import Twice
from rrgbench.scoring.report_shapes.rows import Columns, Role, Row, Rows, by_position
from rrgbench.scoring.report_shapes.shown import shown


def rows_of_records(
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
        text_field, note = field_of_texts(place, names, role, columns)
    except InputError as error:
        # names of fields stand in the message already
        deeper = [] if first is None else [one for one in text_places(first[1]) if re.search(r"[.\[]", one)]
        raise InputError(f"{error}{told_places(deeper)}") from None
    id_field = field_of_ids(place, names, text_field, columns)

    def row(place: str, record: object) -> Row:
        cells = fields_of(place, record)
        text, study = text_field, id_field
        if text not in cells or (study is not None and study not in cells):
            # a file put together from several
            text, _ = field_of_texts(place, list(cells), role, columns)
            study = field_of_ids(place, list(cells), text, columns)
        if (study is None) != (id_field is None):
            raise InputError(f"{place}: some rows have a study_id and others none")
        given = None if study is None else study_id_of(place, cells[study], cells)
        return place, given, texts_of(place, cells[text], text)

    def rows() -> Iterator[Row]:
        for place, record in chain([] if first is None else [first], stream):
            unused = id_field is not None and header is not None and _is_blank(fields_of(place, record))
            if not unused:
                yield row(place, record)

    if id_field is None and len(index := nameless(names, text_field)) == 1:
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
    found = by_position([(place, texts[0]) for place, texts in listed_rows], name, "without ids")
    return Rows(found.rows, found.understood, tuple(names))


def _is_blank(cells: Mapping[str, object]) -> bool:
    """Whether a row says nothing."""
    return not any(str(cell).strip() for cell in cells.values() if cell is not None)


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
    return with_ids_of_document(record, lambda key: plain_name(key) in IDS)


def numbered(name: str, rows: Sequence[object]) -> list[tuple[str, object]]:
    """Rows with their places in a document."""
    return [(f"{name} item {number}", row) for number, row in enumerate(rows, start=1)]
