"""Whatever stands in a name comes out as text in each format, and does nothing there."""

import io
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from rrgbench.render.escaping import escape_html, escape_markdown, markdown_code, templates
from rrgbench.render.html import html_document
from rrgbench.render.json import json_text, table_json
from rrgbench.render.latex import latex_table, latex_tabular
from rrgbench.render.markdown import markdown_document, markdown_table
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.render.terminal import print_table
from rrgbench.terminal_text import STEERING, one_line

NAMES = (
    "a|b",
    "<x>",
    "<script>alert(1)</script>",
    "a & b_{%",
    "\x1b[31mred\x1b[0m",
    "\x9b31m",
    "two\nlines\r\nand a third",
    "\u202etxt.exe",
    "[bold red]loud[/]",
    "[x] * starred",
    "**loud** _x_ ~~y~~ `z`",
    "$x^2$ \\input{x}",
    "- item",
    "1. item",
    "# heading",
    "===",
    "![image](http://x) [link](javascript:alert(1))",
    "&lt;b&gt; &#60;",
    "\"quoted' `` ```",
)


def table_of(name: str) -> Table:
    """The name in every place that takes text."""
    columns = (Column(name, "g", text=True), Column("F1", "g"))
    rows = (
        Row(name, (Cell(name), Cell(notes=(name,))), name),
        Row("plain", (Cell("word"), Cell(0.5, 0.4, 0.6, superscript="a"))),
    )
    return Table(name, name, columns, rows, (name,), ((name, name),), headings={name: "bad"})


class Page(HTMLParser):
    """Texts by the tag that holds them, and all tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = [""]
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.texts.append("")

    def handle_endtag(self, tag: str) -> None:
        self.texts.append("")

    def handle_data(self, data: str) -> None:
        self.texts[-1] += data


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_terminal_is_not_steered(name: str) -> None:
    console = Console(width=400, record=True, file=io.StringIO(), force_terminal=True, color_system=None)
    print_table(table_of(name), console)
    text = console.export_text(styles=False)
    assert not STEERING.search(text)
    # title, heading of the group, row, cell, note, remark, signature twice; of two groups the columns' headings
    assert text.count(one_line(name)) == 8 + 4


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_markdown_shows_it(name: str) -> None:
    source = markdown_document([table_of(name)], name, [name])
    page = Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(source))
    assert page.tags <= {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "strong", "em", "code", "sup"}
    assert "".join(page.texts).count(one_line(name)) == 12
    body = [line for line in source.splitlines() if line.startswith("|")]
    assert len(body) == 5


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_html_shows_it(name: str) -> None:
    page = Page(html_document([table_of(name)], name, [name]))
    assert not page.tags & {"script", "x", "b", "img"}
    assert sum(escape_html(name) == escape_html(text) for text in page.texts) >= 9
    assert not STEERING.search("".join(page.texts))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_table_in_latex_keeps_its_lines_and_cells(name: str) -> None:
    for source in (latex_table(table_of(name)), latex_tabular(table_of(name))):
        rows = [line for line in source.splitlines() if line.endswith(r"\\") and "multicolumn" not in line]
        assert [line.replace(r"\&", "").count("&") for line in rows if "scriptsize" not in line] == [2, 2, 2]
        assert not STEERING.search(source)
        assert not [line for line in source.splitlines() if r"\input" in line and not line.startswith("%")]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_json_keeps_it_whole_and_prints_nothing_that_steers(name: str) -> None:
    text = json_text(table_json(table_of(name)))
    assert not STEERING.search(text)
    assert json.loads(text)["rows"][0]["cells"][0]["value"] == name


@given(st.text())
def test_markdown_reads_back_as_the_text(text: str) -> None:
    inline = Page(MarkdownIt("commonmark").enable("strikethrough").render(escape_markdown(text)))
    assert inline.tags <= {"p"}
    assert "".join(inline.texts).strip() == one_line(text)


@given(st.text(alphabet=st.characters(exclude_categories=["Zs"])), st.booleans())
def test_markdown_code_reads_back_as_the_text(text: str, cell: bool) -> None:
    code = markdown_code(f"a {text}", cell=cell)
    source = f"| t |\n| --- |\n| {code} |\n" if cell else code
    page = Page(MarkdownIt("commonmark").enable("table").render(source))
    assert one_line(f"a {text}") in page.texts


@given(st.text())
def test_every_expression_of_a_template_is_escaped(text: str) -> None:
    page = templates("rrgbench.render").from_string(
        "<i>{{ x }}</i>{% macro m(y) %}<b>{{ y }}</b>{% endmacro %}{{ m(x) }}"
    )
    assert page.render(x=text) == f"<i>{escape_html(text)}</i><b>{escape_html(text)}</b>"
    marked = templates("rrgbench.render", escape_markdown).from_string("{{ x }}")
    assert marked.render(x=text) == escape_markdown(text)


def test_a_markdown_table_can_stand_alone() -> None:
    assert markdown_table(Table("t", "m", (Column("F1"),), (Row("x", (Cell(0.5, mark="best"),)),))) == (
        "| m | F1 |\n| --- | ---: |\n| x | **0.500** |\n"
    )
