"""What a terminal shows of a table: every number and every word, within its width."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rrgbench.render.table import Cell, Column, Row, Table, interval_text, value_text
from rrgbench.render.terminal import output_console, print_table

WORDS = st.lists(st.text("abcdefgh", min_size=1, max_size=11), min_size=1, max_size=8).map(" ".join)
NUMBERS = st.builds(lambda value, width: Cell(value, value - width, value + width), st.floats(-9, 9), st.floats(0, 1))


def printed(table: Table, width: int) -> str:
    stream = io.StringIO()
    print_table(table, Console(file=stream, width=width))
    return stream.getvalue()


@st.composite
def tables(draw: st.DrawFn) -> Table:
    texts = draw(st.lists(st.booleans(), min_size=1, max_size=7))
    columns = tuple(Column(draw(WORDS)[:12], draw(st.sampled_from(("", "g", "h"))), text=text) for text in texts)
    rows = tuple(
        Row(
            draw(WORDS),
            tuple(Cell(draw(WORDS)) if text else draw(NUMBERS) for text in texts),
            draw(st.sampled_from("ab")),
        )
        for _ in range(draw(st.integers(1, 4)))
    )
    headings = draw(st.sampled_from(({}, {"a": "good", "b": "bad"})))
    return Table("t", "row", columns, rows, beside=draw(st.booleans()), headings=headings)


@given(tables(), st.integers(60, 120))
def test_nothing_is_cut_and_nothing_is_wider_than_the_terminal(table: Table, width: int) -> None:
    shown = printed(table, width)
    assert max(map(len, shown.splitlines())) <= width
    assert "…" not in shown
    found = set(shown.split())
    for row in table.rows:
        for cell in row.cells:
            assert {*value_text(cell).split(), *interval_text(cell).split()} <= found
        assert set(row.label.split()) <= found


def test_groups_stand_under_their_headings() -> None:
    rows = tuple(Row(f"test {group}", (Cell(0.5),), group) for group in ("holds: x", "fails: y"))
    shown = printed(
        Table("Claims", "test", (Column("ours"),), rows, headings={"holds: x": "good", "fails: y": "bad"}), 80
    )
    places = [shown.index(text) for text in ("holds: x", "test holds", "fails: y", "test fails")]
    assert places == sorted(places)


def test_piped_output_is_wide_unless_columns_says_otherwise(monkeypatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert output_console().width == 140
    monkeypatch.setenv("COLUMNS", "77")
    assert output_console().width == 77


def test_a_table_that_does_not_fit_is_cut_in_the_middle() -> None:
    columns = tuple(Column(f"metric {number}") for number in range(8))
    table = Table("t", "system", columns, (Row("ours", (Cell(0.5, 0.4, 0.6),) * 8),))
    for width, parts in ((140, 1), (90, 2), (50, 3)):
        shown = [part.count("metric") for part in printed(table, width).split("(")[1:]] or [8]
        assert len(shown) == parts
        assert max(shown) - min(shown) <= 1
