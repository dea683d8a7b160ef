"""A drift check as tables, Markdown, JUnit XML and GitHub annotations."""

from collections.abc import Iterable
from xml.etree import ElementTree

from rrgbench.render.markdown import markdown_document
from rrgbench.render.table import Cell, Column, Row, Table, Tone
from rrgbench.runs.drift import Change, Drift, Pair
from rrgbench.runs.records import Record
from rrgbench.terminal_text import visible

LISTED = 20
"""Rows of a kind that a table lists, and annotations that are made, before the rest is counted."""

_TONES: dict[Change, Tone] = {
    Change.WITHIN_TOLERANCE: "open",
    Change.WITHIN_NOISE: "open",
    Change.DRIFTED: "bad",
}


def drift_tables(found: Drift) -> list[Table]:
    """What changed, what can't be compared, what a side lacks, and the likely causes; only those that have rows."""
    columns = (*map(Column, ("baseline", "run", "change", "tolerance")), Column("verdict", text=True))
    changed = [Row(_name(pair.run), (Cell(_where(pair.run)), *_changed(pair))) for pair in found.changed]
    refused = [
        Row(_name(pair.run), (Cell(_where(pair.run)), Cell(field), Cell(theirs), Cell(ours)))
        for pair in found.refused
        for field, ours, theirs in pair.differences
    ]
    fields = tuple(Column(title, text=True) for title in ("field", "baseline", "run"))
    tables = [
        _table("Changed", columns, changed),
        _table("Not comparable: signatures differ", fields, refused),
        _table("Missing: only in the baseline", (Column("number"),), _alone(found.only_baseline)),
        _table("Only in the run", (Column("number"),), _alone(found.only_run)),
        Table(
            "Likely causes",
            "kind",
            (Column("what changed", text=True),),
            tuple(Row(cause.kind, (Cell(cause.text),)) for cause in found.causes),
        ),
    ]
    return [table for table in tables if table.rows]


def drift_summary(found: Drift) -> str:
    """The outcome in one line."""
    counted = [f"{count} {change}" for change, count in found.counts.items() if count or change is Change.IDENTICAL]
    return f"{found.verdict.name.lower().replace('_', ' ')}: {', '.join(counted)}"


def drift_markdown(found: Drift) -> str:
    """A page for a job's summary or a comment on a pull request."""
    return markdown_document(drift_tables(found), "rrgbench drift", [drift_summary(found)])


def drift_junit(found: Drift) -> str:
    """JUnit XML: a test case a value, grouped by task; what fails the run is a failure, what lies apart an error."""
    suite = ElementTree.Element("testsuite", name="rrgbench drift")
    moved = {id(pair) for pair in found.moved}
    failures = errors = 0
    for pair in (*found.pairs, *found.refused):
        case = _case(suite, pair.run)
        if id(pair) in moved:
            failures += 1
            ElementTree.SubElement(case, "failure", type=str(pair.change), message=visible(_sentence(pair)))
        elif pair.differences:
            errors += 1
            ElementTree.SubElement(case, "error", type=str(pair.change), message=visible(_sentence(pair)))
    for record in found.only_baseline:
        errors += 1
        ElementTree.SubElement(_case(suite, record), "error", type=str(Change.MISSING), message="not in the run")
    for record in found.only_run:
        case = _case(suite, record)
        if not found.allow_extra:
            errors += 1
            ElementTree.SubElement(case, "error", type=str(Change.NEW), message="not in the baseline")
    if found.causes:
        causes = "\n".join(f"{one.kind}: {one.text}" for one in found.causes)
        ElementTree.SubElement(suite, "system-out").text = visible(causes)
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(failures))
    suite.set("errors", str(errors))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def github_annotations(found: Drift) -> list[str]:
    """Workflow commands that GitHub shows beside the job: an error a moved value, a warning a cause.

    GitHub shows ten of a kind; the last error counts the rest.
    """
    said = [(pair.run, _sentence(pair)) for pair in (*found.moved, *found.refused)]
    said += [(record, "not in the run") for record in found.only_baseline]
    lines = [_command("error", f"rrgbench drift: {_name(record)}", what) for record, what in said]
    if len(lines) > (most := 9):
        rest = len(lines) - most
        lines = [*lines[:most], _command("error", "rrgbench drift", f"and {rest} more; the job's summary lists them")]
    lines += [_command("warning", f"likely cause: {cause.kind}", cause.text) for cause in found.causes]
    return [*lines, _command("notice", "rrgbench drift", drift_summary(found))]


def _command(kind: str, title: str, message: str) -> str:
    for plain, escaped in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        title, message = title.replace(plain, escaped), message.replace(plain, escaped)
    title = title.replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={visible(title)}::{visible(message)}"


def _case(suite: ElementTree.Element, record: Record) -> ElementTree.Element:
    name = f"{_name(record)} {_where(record)}".strip()
    return ElementTree.SubElement(suite, "testcase", classname=visible(record.task), name=visible(name))


def _sentence(pair: Pair) -> str:
    """What became of one value."""
    if pair.differences:
        fields = [f"{field} {theirs} became {ours}" for field, ours, theirs in pair.differences]
        return f"{pair.change}: {'; '.join(fields)}"
    tested = "" if pair.p_value is None else f", p {pair.p_value:.3f}"
    values = f"{pair.baseline.value} became {pair.run.value}"
    return f"{pair.change}: {values} ({pair.what}, tolerance {pair.tolerance:g}{tested})"


def _changed(pair: Pair) -> tuple[Cell, ...]:
    blank = pair.difference is None
    tested = "" if pair.p_value is None else f", p {pair.p_value:.3f}"
    return (
        _value(pair.baseline),
        _value(pair.run),
        Cell(None if blank else pair.what, notes=(pair.what,) if blank else ()),
        Cell(f"{pair.tolerance:g}"),
        Cell(f"{pair.change}{tested}", tone=_TONES[pair.change]),
    )


def _table(title: str, columns: tuple[Column, ...], rows: list[Row]) -> Table:
    more = (f"and {len(rows) - LISTED} more (--json lists all)",) if len(rows) > LISTED else ()
    return Table(title, "value", (Column("of", text=True), *columns), tuple(rows[:LISTED]), more)


def _alone(records: Iterable[Record]) -> list[Row]:
    return [Row(_name(record), (Cell(_where(record)), _value(record))) for record in records]


def _name(record: Record) -> str:
    """Which value, short enough for a table: corpus and split stand in the signature."""
    return f"{record.model}: {record.metric}"


def _where(record: Record) -> str:
    """Which of a metric's values: observation and setting by their names, numbers with theirs."""
    plain = [text for text in (record.observation, record.setting) if text is not None]
    numbers = [f"{field}={cell}" for field in ("fraction", "k", "seed") if (cell := getattr(record, field)) is not None]
    return ", ".join([*plain, *numbers])


def _value(record: Record) -> Cell:
    return Cell(record.value, decimals=4)
