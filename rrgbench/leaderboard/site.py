"""The static site of leaderboards: a page a board, a page an entry, and the figures that papers printed, apart."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.files import write_text
from rrgbench.leaderboard.board import Board, ColumnKey, Standing
from rrgbench.leaderboard.entry import Entry
from rrgbench.metrics.catalogue import HALVES, in_order
from rrgbench.metrics.catalogue import entry as metric_entry
from rrgbench.render.drawing import HEIGHT, WIDTH, Drawing, drawing, span_of
from rrgbench.render.escaping import templates
from rrgbench.render.html import table_functions
from rrgbench.render.record_tables import tables
from rrgbench.render.table import Cell, Column, Row, Table, value_text
from rrgbench.reproduction.registry import PublishedSystem
from rrgbench.tasks.base import table_descriptions


@dataclass(frozen=True)
class Shown:
    """A cell of a board as the page shows it."""

    text: str
    sort: float | None
    interval: str
    rank: str
    tip: str
    beaten: bool
    drawing: Drawing | None


def write_site(
    out: Path, boards: Sequence[Board], published: Sequence[PublishedSystem] = (), paper: Path | None = None
) -> list[Path]:
    """Write the site.

    Parameters
    ----------
    out : Path
        Its folder; files of an earlier build are replaced, others left.
    boards : sequence of Board
        See `rrgbench.leaderboard.board.boards_of`.
    published : sequence of PublishedSystem
        Printed figures; they stand on pages of their own and below boards of their corpus and protocol.
    paper : Path, optional
        A folder of the paper's tables as CSV.

    Returns
    -------
    list of Path
        The pages, the front page first.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is a file; give a folder")
    pages: dict[str, str] = {}
    printed = _printed_tables(published)
    links = [(f"{board.slug}.html", board) for board in boards]
    for link, board in links:
        beside = [table for table, result in printed if _same_board(board, result)]
        pages[link] = _page(
            "board.html.j2", board=board, rows=_rows(board), published=beside, story=_story(board), tally=_tally(board)
        )
        for one in board.entries:
            made = tables(list(one.records), table_descriptions())
            pages[_entry_link(board, one)] = _page("entry.html.j2", board=board, link=link, entry=one, tables=made)
    if printed:
        merged = sorted((table for table, _ in printed), key=lambda table: table.title)
        pages["published.html"] = _page("tables.html.j2", title="Figures as papers printed them", tables=merged)
    papers = _paper_tables(paper) if paper is not None else []
    if papers:
        title = "The tables of Zhou and Wang, EMNLP 2024, as printed"
        pages["paper.html"] = _page("tables.html.j2", title=title, tables=papers)
    stories = {link: _story(board) for link, board in links}
    others = sorted(pages.keys() & {"published.html", "paper.html"})
    front = _page("front.html.j2", boards=links, stories=stories, others=others)
    written = []
    for name, text in {"index.html": front, **pages}.items():
        write_text(out / name, text)
        written.append(out / name)
    return written


def _page(name: str, **content: Any) -> str:
    template = templates("rrgbench.leaderboard").get_template(name)
    return template.render(entry_link=_entry_link, width=WIDTH, height=HEIGHT, **table_functions(), **content)


def _entry_link(board: Board, entry: Entry) -> str:
    return f"{board.slug}--{entry.slug}.html"


def _rows(board: Board) -> list[tuple[Entry, list[Shown]]]:
    spans = {key: _span(board, key) for key in board.columns}
    return [
        (one, [_cell(board, key, standings.get(key), spans[key]) for key in board.columns])
        for one, standings in board.rows
    ]


def _span(board: Board, key: ColumnKey) -> tuple[float, float]:
    """Least and greatest number of a column, intervals and constant included."""
    return span_of(
        number
        for _, standings in board.rows
        if key in standings
        for number in (standings[key].record.value, standings[key].record.low, standings[key].record.high)
    )


def _cell(board: Board, key: ColumnKey, standing: Standing | None, span: tuple[float, float]) -> Shown:
    if standing is None:
        return Shown("-", None, "", "", "not measured", False, None)
    record = standing.record
    decimals = metric_entry(record.metric).decimals
    text = value_text(Cell(record.value, decimals=decimals))
    if record.value is None:
        return Shown(text, None, "", "", record.reason or "", False, None)
    interval = ""
    if record.low is not None and record.high is not None:
        interval = f"{record.low:.{decimals}f}–{record.high:.{decimals}f}"
    rank = ""
    if standing.best:
        rank = str(standing.best) if standing.best == standing.worst else f"{standing.best}–{standing.worst}"
    how = "by paired tests" if standing.paired else "by intervals that do not meet"
    ranked = f"rank {rank} {how}" if rank else ""
    unlike = f"made otherwise than {listed(standing.unlike)}, so neither is above the other" if standing.unlike else ""
    tip = "\n".join(filter(None, (ranked, unlike, record.signature, record.reason)))
    constant = board.constants.get(key)

    drawn = drawing(record.value, record.low, record.high, constant, span)
    return Shown(text, record.value, interval, rank, tip, standing.beaten, drawn)


def _story(board: Board) -> str:
    """What the best constant report says about the board, in a sentence."""
    # an encoder without reports is neither better nor worse than one
    systems = [one for one in board.entries if one.kind == "system" and one.reports_sha256]
    if not board.constants or not systems:
        return ""
    losers = board.losers
    if not losers:
        who = systems[0].system if len(systems) == 1 else f"Every one of {len(systems)} systems"
        return f"{who} is above the best constant report in every metric."
    by_count: dict[int, list[str]] = {}
    for title, names in losers.items():
        by_count.setdefault(len(names), []).append(title)
    parts = []
    for count, titles in sorted(by_count.items(), reverse=True):
        who = (
            "no system is"
            if count == len(systems)
            else f"{count} of {len(systems)} systems {'is' if count == 1 else 'are'} no"
        )
        parts.append(f"{who} better in {', '.join(titles)}")
    return f"Against one constant report, written for every study, {'; '.join(parts)}."


def _tally(board: Board) -> list[tuple[str, int, int]]:
    """By metric in which a constant can win: how many of how many systems are better than the best constant report."""
    systems = [standings for one, standings in board.rows if one.kind == "system"]
    found = []
    for key in board.columns:
        # one report that names everything has all recall, so precision and recall alone decide nothing
        if key not in board.constants or not metric_entry(key.metric).better or key.metric in HALVES:
            continue
        known = [one[key] for one in systems if key in one and one[key].record.value is not None]
        if known:
            found.append((key.title, sum(not one.beaten for one in known), len(known)))
    return found


def _printed_tables(published: Sequence[PublishedSystem]) -> list[tuple[Table, Any]]:
    """A table a printed result, with its source."""
    found = []
    for system in published:
        for result in system.results:
            keys = in_order(result.figures)
            columns = tuple(Column(metric_entry(key).title) for key in keys)
            cells = tuple(Cell(result.figures[key]) for key in keys)
            title = f"{result.corpus}; protocol {result.protocol}; as printed"
            notes = filter(None, (f"{system.system}: {result.source}", result.note))
            found.append((Table(title, "system", columns, (Row(system.system, cells),), tuple(notes)), result))
    return found


def _same_board(board: Board, result: Any) -> bool:
    """Whether figures were printed for a board's corpus under its protocol, whatever the protocol's version."""
    plain = "".join(filter(str.isalnum, board.corpus.partition("@")[0].lower()))
    printed = "".join(filter(str.isalnum, result.corpus.lower()))
    return printed.startswith(plain) and result.protocol.partition("@")[0] == board.protocol.partition("@")[0]


def _paper_tables(folder: Path) -> list[Table]:
    found = []
    for path in sorted(folder.glob("*.csv")):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                head, *rows = [row for row in csv.reader(file) if row]
        except (ValueError, csv.Error):  # empty, or not UTF-8
            raise InputError(f"--paper: {path.name} is no table in UTF-8 with a line of names") from None
        if ragged := [number for number, row in enumerate(rows, start=2) if len(row) != len(head)]:
            raise InputError(
                f"--paper: {path.name} has {len(head)} names and other numbers of cells in row {ragged[0]}"
            )
        columns = tuple(Column(name.replace("_", " ")) for name in head[1:])
        title = path.stem.replace("_", " ").capitalize()
        lines = tuple(Row(row[0], tuple(Cell(cell or None) for cell in row[1:])) for row in rows)
        found.append(Table(title, head[0].replace("_", " "), columns, lines))
    return found
