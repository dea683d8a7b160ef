"""Tables as LaTeX with booktabs; the document compiles with a bare pdflatex."""

import unicodedata
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from rrgbench.render.table import Cell, Column, Table, blocks, header_groups, interval_text, value_text

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "'": r"\char39{}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "µ": r"$\mu$",
    "°": r"$^\circ$",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}
_ROOM = 132
"""Characters of value columns that a landscape page holds, measured with the widest intervals."""


def latex_document(tables: Sequence[Table], title: str) -> str:
    """A standalone document of tables."""
    parts = [part for table in tables for part in _parts(table)]
    return _environment().get_template("tables.tex.j2").render(tables=parts, title=title)


def latex_table(table: Table) -> str:
    """One table environment, or several where it is too wide for a page; needs `booktabs`."""
    return "".join(_parts(table))


def escape_latex(text: str) -> str:
    """Text that pdflatex sets as it is, in its default encoding.

    Latin letters with accents are composed; what the fonts of a minimal TeX lack is written as its code point.
    """
    spaced = " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
    out = [_escaped(character) for character in spaced]
    # "--" would become one dash, so neighbouring hyphens are kept apart
    return "".join(
        piece + "{}" if piece == "-" and out[index + 1 : index + 2] == ["-"] else piece
        for index, piece in enumerate(out)
    )


def _escaped(character: str) -> str:
    if character in _SPECIAL:
        return _SPECIAL[character]
    if " " <= character <= "~":
        return character
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[1] in _ACCENTS and parts[0].isascii() and parts[0].isalpha():
        return rf"\{_ACCENTS[parts[1]]}{{{_dotless(parts[0])}}}"
    return rf"\texttt{{U+{ord(character):04X}}}"


def _dotless(letter: str) -> str:
    return {"i": r"\i", "j": r"\j"}.get(letter, letter)


def _breakable(signature: str) -> str:
    """A signature whose lines may break after each field."""
    return r"\textbar\allowbreak ".join(escape_latex(part) for part in signature.split("|"))


def _environment() -> Environment:
    jinja = Environment(
        loader=PackageLoader("rrgbench.render"),
        undefined=StrictUndefined,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    jinja.filters |= {"tex": escape_latex, "breakable": _breakable}
    return jinja


def _parts(table: Table) -> list[str]:
    widths = [
        max([len(column.title), *(_width(row.cells[place], column) for row in table.rows)]) + 2
        for place, column in enumerate(table.columns)
    ]
    label = max([len(table.label), *(len(row.label) for row in table.rows)]) + 2
    cut = blocks(table, widths, max(_ROOM - label, 20))
    template = _environment().get_template("table.tex.j2")
    return [
        template.render(table=block, part=f"{number}/{len(cut)}" if len(cut) > 1 else "", **_layout(block))
        for number, block in enumerate(cut, 1)
    ]


def _width(cell: Cell, column: Column) -> int:
    return max(len(value_text(cell, column)) + len(cell.notes), round(0.7 * len(interval_text(cell, column))))


def _layout(table: Table) -> dict[str, Any]:
    groups = header_groups(table.columns)
    rules, first = [], 2
    for name, count in groups:
        if name:
            rules.append((first, first + count - 1))
        first += count
    rows = [
        {
            "label": row.label,
            "rule": index > 0 and table.rows[index - 1].group != row.group,
            "cells": [_cell(cell, column) for cell, column in zip(row.cells, table.columns, strict=True)],
            "intervals": any(cell.low is not None for cell in row.cells),
        }
        for index, row in enumerate(table.rows)
    ]
    return {"groups": groups, "grouped": bool(rules), "rules": rules, "rows": rows}


def _cell(cell: Cell, column: Column) -> dict[str, str]:
    text = value_text(cell, column)
    # a minus sign, not a hyphen, before a number
    value = "--" if cell.value is None else f"$-${text[1:]}" if text.startswith("-") else text
    if cell.best:
        value = rf"\textbf{{{value}}}"
    if cell.notes:
        value += rf"\textsuperscript{{{','.join(map(str, cell.notes))}}}"
    return {"value": value, "interval": interval_text(cell, column)}
