"""Tables as LaTeX with booktabs; a document compiles with a bare pdflatex."""

from collections.abc import Callable, Iterable
from itertools import pairwise

from rrgbench.render.escaping import escape_latex
from rrgbench.render.table import Cell, Row, Table, blocks, header_groups, interval_text, new_group, value_text
from rrgbench.terminal_text import one_line

_ROOM = 132
"""Characters that a landscape page holds in a line of a table, measured with the widest intervals."""
_MILLIMETRES = 1.9
"""Width of one of them."""
_WIDE = 24
"""Characters from which on words are set in lines of their own where a table is too wide."""
_LONG = 28
"""Lines of rows from which on a table may be broken over pages; intervals stand in a line of their own."""
_PAGE = 34
"""The same, the lines of notes and signatures below it counted too."""
_SMALL = 170
"""Characters of such a line, at least."""

_CLOSER = r"\addlinespace[-1pt]"
"""Between a row and the line of its intervals."""


def latex_document(tables: Iterable[Table], title: str, lines: Iterable[str] = ()) -> str:
    """A standalone document of a title, some lines and tables."""
    head = (
        "% Needs only booktabs and longtable. Each table can be pasted into a paper by itself.",
        r"\documentclass[a4paper]{article}",
        r"\usepackage[landscape,margin=15mm]{geometry}",
        r"\usepackage{booktabs,longtable}",
        r"\pagestyle{plain}",
        r"\begin{document}",
        rf"\section*{{{escape_latex(title)}}}",
        *(escape_latex(line) + r"\par" for line in lines),
        r"Small figures are 95\,\% intervals. Bold is the best of those that stand beside each other, underlined the "
        "second best.",
    )
    parts = [part for table in tables for part in _parts(table)]
    body = []
    for before, (text, floats) in pairwise([("", False), *parts]):
        # floats that wait for a page would stand behind a table that may not float, though their numbers are lower
        body += [r"\clearpage"] * (before[1] and not floats) + [text, ""]
    return "\n".join([*head, *body, r"\end{document}", ""])


def latex_table(table: Table) -> str:
    """One table with caption, notes and signatures, or several where it is too wide for a page."""
    return "\n".join([*(text for text, _ in _parts(table)), ""])


def _parts(table: Table) -> list[tuple[str, bool]]:
    """The tables that `latex_table` makes of one, and whether each floats; one that breaks over pages does not."""
    label, *widths = (min(width, _WIDE) if text else width for width, text in _widths(table))
    cut = blocks(table, widths, max(_ROOM - label, 20))
    below = [rf"\textsuperscript{{{number}}}\,{escape_latex(note)}\par" for note, number in table.notes.items()]
    below += [escape_latex(remark) + r"\par" for remark in table.remarks]
    said = [*table.notes, *table.remarks, *(which + made for which, made in table.signatures)]
    lines_below = sum(1 + len(text) // _SMALL for text in said)
    for which, made in table.signatures:
        below.append(f"{escape_latex(which)}: " * bool(which) + rf"{{\ttfamily {_breakable(made)}}}\par")
    small = r"\footnotesize\raggedright"
    boxed = [r"\par\smallskip\noindent", r"\begin{minipage}{\linewidth}" + small, *below, r"\end{minipage}"]
    broken = [r"\par\smallskip", r"\begingroup" + small + r"\setlength{\parindent}{0pt}", *below, r"\endgroup"]
    parts = []
    for number, block in enumerate(cut, 1):
        part = f" ({number}/{len(cut)})" if len(cut) > 1 else ""
        caption = rf"\caption{{{escape_latex(table.title)}{part}}}"
        last = number == len(cut) and below
        head, body = _body(block, table.notes)
        height = sum(1 + _has_intervals(row, block) for row in block.rows)
        if height > _LONG or (last and height + lines_below > _PAGE):
            begin = [rf"\begin{{longtable}}{{{_columns(block)}}}", caption + r" \\", *head[:-1], head[-1] + r"\endhead"]
            narrow = [r"\begingroup", r"\setlength{\tabcolsep}{4pt}"]
            # no page ends between a value and its interval
            kept = [line + "*" * (following == _CLOSER) for line, following in pairwise([*body, ""])]
            lines = [*narrow, *begin, *kept, r"\end{longtable}", r"\endgroup", *(broken if last else [])]
        else:
            begin = [r"\begin{table}[htbp]", r"\centering", caption, r"\setlength{\tabcolsep}{4pt}"]
            tabular = [rf"\begin{{tabular}}{{{_columns(block)}}}", *head, *body, r"\end{tabular}"]
            lines = [*begin, *tabular, *(boxed if last else []), r"\end{table}"]
        parts.append(("\n".join(lines), lines[0] != r"\begingroup"))
    return parts


def latex_tabular(table: Table) -> str:
    """The bare `tabular`, to stand in a table of one's own; signatures, notes and remarks are comments above it."""
    comments = [f"{which}: {made}" if which else made for which, made in table.signatures]
    comments += [f"{number} {note}" for note, number in table.notes.items()] + list(table.remarks)
    head, body = _body(table, table.notes)
    lines = [*(f"% {one_line(line)}" for line in comments), rf"\begin{{tabular}}{{{_columns(table)}}}"]
    return "\n".join([*lines, *head, *body, r"\end{tabular}", ""])


def _body(table: Table, numbers: dict[str, int]) -> tuple[list[str], list[str]]:
    """Heading and rows with their rules."""
    head = [r"\toprule"]
    groups = header_groups(table.columns)
    if any(name for name, _ in groups):
        head.append(
            " & " + " & ".join(rf"\multicolumn{{{n}}}{{c}}{{{escape_latex(name)}}}" for name, n in groups) + r" \\"
        )
        first = 2
        for name, count in groups:
            head += [rf"\cmidrule(lr){{{first}-{first + count - 1}}}"] if name else []
            first += count
    head += [_line([table.label, *(column.title for column in table.columns)], escape_latex), r"\midrule"]
    body: list[str] = []
    for index, row in enumerate(table.rows):
        if new_group(table, index):
            body += [r"\midrule"] if index else []
            if row.group in table.headings:
                body.append(
                    rf"\multicolumn{{{len(table.columns) + 1}}}{{l}}{{\textbf{{{escape_latex(row.group)}}}}} \\"
                )
        body.append(_line([escape_latex(row.title), *(_cell(cell, table, numbers) for cell in row.cells)]))
        if _has_intervals(row, table):
            body += [_CLOSER, _line(["", *map(_interval, row.cells)])]
            body += [r"\addlinespace[3pt]"] if index + 1 < len(table.rows) else []
    return head, [*body, r"\bottomrule"]


def _has_intervals(row: Row, table: Table) -> bool:
    """Whether a row's intervals stand in a line below it."""
    return not table.beside and any(cell.low is not None for cell in row.cells)


def _line(cells: Iterable[str], escaper: Callable[[str], str] = str) -> str:
    return " & ".join(map(escaper, cells)) + r" \\"


def _cell(cell: Cell, table: Table, numbers: dict[str, int]) -> str:
    text = value_text(cell)
    # a minus sign, not a hyphen, before a number
    shown = "--" if text == "-" else escape_latex(text) if isinstance(cell.value, str) else text.replace("-", "$-$")
    shown = {"best": rf"\textbf{{{shown}}}", "second": rf"\underline{{{shown}}}", "": shown}[cell.mark]
    raised = [
        *([escape_latex(cell.superscript)] if cell.superscript else []),
        *(str(numbers[note]) for note in cell.notes),
    ]
    if raised:
        shown += rf"\textsuperscript{{{','.join(raised)}}}"
    return f"{shown} {_interval(cell)}".strip() if table.beside else shown


def _interval(cell: Cell) -> str:
    return rf"{{\scriptsize {escape_latex(interval)}}}" if (interval := interval_text(cell)) else ""


def _widths(table: Table) -> list[tuple[int, bool]]:
    """Characters of each column with the space beside it, the label's first, and whether it holds words."""
    found = [(max(len(text) for text in (table.label, *(row.title for row in table.rows))) + 2, True)]
    for place, column in enumerate(table.columns):
        cells = [row.cells[place] for row in table.rows]
        texts = [len(value_text(cell)) + len(cell.notes) + len(cell.superscript) for cell in cells]
        small = [round(0.7 * len(interval_text(cell))) for cell in cells]
        pairs = [a + b + 1 if table.beside else max(a, b) for a, b in zip(texts, small, strict=True)]
        found.append((max([len(column.title), *pairs]) + 2, column.text))
    return found


def _columns(table: Table) -> str:
    """The argument of `tabular`; words that make the table too wide share what the others leave."""
    widths = _widths(table)
    kinds = ["l"]
    for place, column in enumerate(table.columns):
        spans = any(row.cells[place].low is not None for row in table.rows)
        kinds.append("l" if column.text or (table.beside and spans) else "c" if spans else "r")
    wide = [place for place, (width, text) in enumerate(widths) if text and width > _WIDE]
    if wide and sum(width for width, _ in widths) > _ROOM:
        left = _ROOM - sum(width for place, (width, _) in enumerate(widths) if place not in wide)
        for place in wide:
            kinds[place] = f"p{{{max(left // len(wide), _WIDE // 2) * _MILLIMETRES:.0f}mm}}"
    return "".join(kinds)


def _breakable(signature: str) -> str:
    """A signature whose lines may break after each field."""
    return r"\textbar\allowbreak ".join(escape_latex(part) for part in signature.split("|"))
