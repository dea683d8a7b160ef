"""Tables as JSON, and JSON that is safe to print."""

import json
from typing import Any

from rrgbench.render.table import Cell, Table
from rrgbench.terminal_text import STEERING


def json_text(content: Any, indent: int = 2) -> str:
    """JSON in which what could steer a terminal is escaped; NaN is refused, as other readers refuse it."""
    text = json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)
    return STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def table_json(table: Table) -> dict[str, Any]:
    """A table as plain data."""
    return {
        "title": table.title,
        "label": table.label,
        "columns": [column.name for column in table.columns],
        "rows": [
            {"label": row.label, "group": row.group, "cells": [_cell(cell) for cell in row.cells]} for row in table.rows
        ],
        "notes": [*table.notes, *table.remarks],
        "signatures": dict(table.signatures),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "value": cell.value,
        "low": cell.low,
        "high": cell.high,
        "superscript": cell.superscript,
        "notes": list(cell.notes),
        "mark": cell.mark,
    }
