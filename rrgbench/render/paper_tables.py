r"""Tables and numbers for a paper: files that `\input` takes, and a macro for every headline number.

A table never leaves the text width: it is scaled down where it is wider. booktabs and graphicx are needed, and siunitx
where it is asked for.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from rrgbench.errors import InputError
from rrgbench.render.escaping import escape_latex
from rrgbench.render.latex import latex_tabular
from rrgbench.render.record_tables import place_of_setting, pooled
from rrgbench.render.table import Cell, Table, interval_text, value_text
from rrgbench.runs.records import Record

_DIGITS: Final = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
_FEW: Final = 3
"""Protocols or labelers that a caption names; of more it says how many."""
_WIDE: Final = 5
"""Columns from which on a table spans both columns of a page."""


def paper_tables(tables: Iterable[Table], *, intervals: bool = True, siunitx: bool = False) -> dict[str, str]:
    r"""Each table as a file that `\input` takes.

    Parameters
    ----------
    tables : iterable of Table
        Of one run.
    intervals : bool
        Whether intervals stand below the values.
    siunitx : bool
        Whether numbers are written as `\num{}`.

    Returns
    -------
    dict of str to str
        By file name without its ending; the table's label is `tab:` and that name.
    """
    found: dict[str, str] = {}
    for table in tables:
        name = _file_name(table.title)
        while name in found:
            name += "-b"
        found[name] = _paper_table(table, name, intervals, siunitx)
    return found


_FIGURE = re.compile(r"(?:(?<=--)|(?<![\w.-]))(-?\d*\.\d+)(?![\w.]|\\(?:text|line|column)width)")
"""A figure of a table, and no share of a width."""


def _paper_table(table: Table, name: str, intervals: bool, siunitx: bool) -> str:
    kept = table
    if not intervals:
        kept = replace(table, rows=tuple(replace(row, cells=_bare(row.cells)) for row in table.rows))
    tabular = latex_tabular(kept)
    if siunitx:
        tabular = _FIGURE.sub(r"\\num{\1}", _without_comments(tabular))
    star = "*" if len(table.columns) >= _WIDE else ""
    notes = [rf"\textsuperscript{{{number}}} {escape_latex(note)}." for note, number in table.notes.items()]
    made = "; ".join(dict.fromkeys(_short_signature(signature) for _, signature in table.signatures))
    words = [rf"{escape_latex(table.title)}.", *notes, *(rf"{escape_latex(remark)}." for remark in table.remarks)]
    if intervals and any(cell.low is not None for row in table.rows for cell in row.cells):
        words.append(r"Small figures: 95\,\% intervals.")
    if made:
        words.append(rf"Made with {escape_latex(made)}.")
    lines = (
        "% written by rrgbench report --paper; full signatures are comments",
        *(line for line in tabular.splitlines() if line.startswith("%")),
        rf"\begin{{table{star}}}[t]",
        r"\centering\small\setlength{\tabcolsep}{4pt}",
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        _without_comments(tabular).strip() + "}",
        rf"\caption{{{' '.join(words)}}}",
        rf"\label{{tab:{name}}}",
        rf"\end{{table{star}}}",
        "",
    )
    return "\n".join(lines)


def macros(records: Sequence[Record]) -> str:
    r"""A macro for every number over all observations.

    `\rrgCeF{dcrrg}` is a value and `\rrgCeFInterval{dcrrg}` its interval; signs other than letters, digits, `.`, `+`,
    `-` and blanks are left out of a model's name. A model that was not measured is an error when the paper is set.
    Several trainings are one number, their mean, as in the tables.

    Raises
    ------
    InputError
        If two models have one name in macros.
    """
    by_macro: dict[str, dict[str, list[Record]]] = {}
    settings: dict[str, str | None] = {}
    here = [record for record in records if record.observation is None and record.value is not None]
    for record in sorted(here, key=lambda record: place_of_setting(record.setting)):
        # the first setting of a metric is the plain one
        plain = settings.setdefault(f"{record.task} {record.metric} {record.fraction}", record.setting)
        name = _macro_name(record, record.setting != plain or record.fraction is not None)
        same = by_macro.setdefault(name, {}).setdefault(record.model, [])
        if not same or replace(record, seed=None).identity == replace(same[0], seed=None).identity:
            same.append(record)
    _check_keys({record.model for record in here})
    lines = [
        "% written by rrgbench report --paper",
        r"\makeatletter",
        r"\providecommand{\rrg@of}[2]{\ifcsname rrg@#1@#2\endcsname\csname rrg@#1@#2\endcsname\else"
        r"\PackageError{rrgbench}{no #1 of #2}{The run that wrote these macros did not measure it.}\fi}",
    ]
    for name, models in by_macro.items():
        lines.append(rf"\newcommand{{\rrg{name}}}[1]{{\rrg@of{{{name}}}{{#1}}}}")
        lines.append(rf"\newcommand{{\rrg{name}Interval}}[1]{{\rrg@of{{{name}Interval}}{{#1}}}}")
        for model, same in models.items():
            cell, key = pooled(same), _key(model)
            lines.append(rf"\@namedef{{rrg@{name}@{key}}}{{{value_text(cell)}}}% {_signature(same[0])}")
            if interval := interval_text(cell):
                lines.append(rf"\@namedef{{rrg@{name}Interval@{key}}}{{{escape_latex(interval)}}}")
    return "\n".join([*lines, r"\makeatother", ""])


def _macro_name(record: Record, with_setting: bool) -> str:
    """`ce_f1` is CeF, `bleu_4` BleuFour, `precision_at_k` of 5 PrecisionAtFive: names of macros are letters."""
    words = record.metric.removesuffix("_k" if record.k is not None else "").replace("f1", "f").split("_")
    words += [str(record.k)] if record.k is not None else []
    words += [record.setting] if with_setting and record.setting else []
    words += [f"{100 * record.fraction:g}", "percent"] if record.fraction is not None else []
    return "".join(_letters(word) for word in words)


def _letters(word: str) -> str:
    spelled = re.sub(r"\d", lambda digit: f" {_DIGITS[int(digit[0])]} ", word)
    return "".join(part[:1].upper() + part[1:] for part in re.findall("[A-Za-z]+", spelled))


def _key(model: str) -> str:
    """A model's name as an argument of a macro: what TeX would read otherwise goes."""
    return re.sub(r"[^A-Za-z0-9.+ -]", "", model).strip() or "model"


def _check_keys(models: Iterable[str]) -> None:
    """Refuse two models that are one in macros (InputError)."""
    owners: dict[str, str] = {}
    for model in sorted(models):
        if owners.setdefault(_key(model), model) != model:
            raise InputError(f"models {owners[_key(model)]} and {model} are both {_key(model)!r} in macros; rename one")


def _signature(record: Record) -> str:
    return " ".join((record.signature or "").split())


def _bare(cells: Sequence[Cell]) -> tuple[Cell, ...]:
    return tuple(replace(cell, low=None, high=None) for cell in cells)


def _short_signature(signature: str) -> str:
    """The fields that a caption has room for."""
    wanted = ("rrgbench", "protocol", "labeler")
    fields = dict(part.partition(":")[::2] for part in signature.split("|"))
    said = []
    for name in wanted:
        several = fields.get(name, "").removeprefix("{").removesuffix("}").split(",")
        # a line must be able to break between them
        said += (
            [f"{len(several)} {name}s" if len(several) > _FEW else f"{name} {', '.join(several)}"]
            if name in fields
            else []
        )
    return ", ".join(said)


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("%"))


def _file_name(title: str) -> str:
    """A title in plain letters, without corpus and split, which the caption says."""
    words = re.sub(r" on \S+@\S+, [^:]+", "", title)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "table"
