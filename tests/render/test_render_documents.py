import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from rrgbench.cli.report import report
from rrgbench.cli.runs import app as runs_app
from rrgbench.errors import InputError, UnknownNameError
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.escaping import escape_latex, escape_markdown
from rrgbench.render.html import html_document
from rrgbench.render.latex import latex_document, latex_table
from rrgbench.render.markdown import markdown_document
from rrgbench.render.record_tables import tables
from rrgbench.render.run_documents import write_run_documents
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.render.terminal import print_tables
from rrgbench.runs.records import Record
from rrgbench.runs.store import RunFolder, unit_id
from rrgbench.tasks.base import table_descriptions
from rrgbench.terminal_text import one_line

NASTY = r"[*]a_b & 100% $x$ #1 {z} ~^ \input{x} <b>|\"'` -- ?` naïve Łódź 胸部 ﬁ" + "\u202e\x07"


def run_records(models: tuple[str, ...] = ("dcrrg", "fixed-template", "nearest-neighbour")) -> list[Record]:
    found = []
    signature = "rrgbench:0.1|corpus:phantom@1a2b|split:test|n:1000|protocol:dcrrg@1|bootstrap:percentile-1000-0"
    for rank, model in enumerate(models):

        def add(task: str, metric: str, value: float, model: str = model, **fields: object) -> None:
            found.append(
                Record(task, model, "phantom@1a2b", "test", metric, value=value, low=value - 0.02, high=value + 0.02,
                       signature=signature, **fields)  # type: ignore[arg-type]
            )  # fmt: skip

        for place, metric in enumerate(("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider", "meteor")):
            add("report_generation", metric, 0.1 * place + 0.01 * rank)
        for metric in ("ce_precision", "ce_recall", "ce_f1"):
            add("clinical_efficacy", metric, 0.5 + 0.01 * rank, setting="micro")
            for observation in OBSERVATIONS:
                add("clinical_efficacy", metric, 0.3 + 0.01 * rank, observation=observation)
        for fraction in (0.01, 0.1, 1.0):
            for setting in ("linear", "finetune"):
                add("classification", "auroc", 0.8, setting=setting, fraction=fraction)
        found.append(
            Record("retrieval", model, "phantom@1a2b", "test", "precision_at_k", k=5, reason="no text_encoder")
        )
    return found


def test_documents_do_not_depend_on_the_order_of_records(tmp_path: Path) -> None:
    for name, records in (("a", run_records()), ("b", run_records()[::-1])):
        write_run_documents(tmp_path / name, records, table_descriptions())
    for name in ("tables.tex", "tables.md", "report.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_terminal_shows_every_number_uncut(width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    print_tables(tables(run_records(), table_descriptions()), console, details=True)
    text = console.export_text()
    assert "…" not in text
    lines = [line for line in text.splitlines() if "rrgbench:" not in line]
    assert max(len(line.rstrip()) for line in lines) <= width
    for shown in ("0.610", ".590–.630", "BLEU-4", "nearest-neighbour", "fine-tuned", "no text_encoder", "-¹"):
        assert shown in text


def test_the_terminal_says_what_it_leaves_out() -> None:
    console = Console(width=100, record=True, file=io.StringIO())
    print_tables(tables(run_records(), table_descriptions()), console)
    text = console.export_text()
    assert "2 more tables in tables.md" in text
    assert "Recall per observation" not in text


def columns_of(line: str) -> int:
    return len(re.findall(r"(?<!\\)\|", line)) - 1


def test_markdown_rows_have_as_many_cells_as_their_heading() -> None:
    page = markdown_document(tables(run_records(("dcrrg", "a|b_c*")), table_descriptions()), "Results")
    blocks = re.findall(r"(?:^\|.*\n)+", page, re.M)
    assert len(blocks) == len(tables(run_records(), table_descriptions()))
    for block in blocks:
        assert len({columns_of(line) for line in block.splitlines()}) == 1
    assert r"a\|b\_c\*" in page
    assert "**0.610** (.590–.630)" in page
    assert "[1] no text\\_encoder" in page


@given(st.text())
def test_escaped_markdown_keeps_its_words_and_no_markup(text: str) -> None:
    escaped = escape_markdown(text)
    assert re.sub(r"\\([\\`*_\[\]<>|#~&$+=.)-])", r"\1", escaped) == one_line(text)
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<*`]", escaped)


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []
        self.links: set[str] = set()
        self.targets: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name == "href":
                self.links.add(value or "")
            if name == "id":
                self.targets.add(f"#{value}")
            assert name not in ("src", "onclick")
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_well_formed_self_contained_and_escaped() -> None:
    name = '<script>alert(1)</script> & "x"'
    page = Cells()
    page.feed(html_document(tables(run_records(("dcrrg", name)), table_descriptions()), "Results"))
    assert page.open == []
    assert "script" not in page.tags
    assert any(name in text for text in page.text)
    assert page.links
    assert page.links <= page.targets


def one_cell(name: str) -> Table:
    """A table that shows a text wherever a text can stand."""
    words = Row(name, (Cell(name, notes=(name, "plain"), tone="bad"), Cell("word")), f"group {name}")
    figure = Row(name, (Cell("x"), Cell(0.5, -0.1, 0.6, superscript=name, mark="best")), name, "a")
    columns = (Column(name, name, text=True), Column(name, "b"))
    return Table(name, name, columns, (words, figure), (name,), ((name, name),), headings={name: "good"})


@given(st.text())
def test_escaped_latex_is_plain_ascii_without_open_specials(text: str) -> None:
    escaped = escape_latex(text)
    assert escaped.isascii()
    bare = re.sub(r"\\[a-zA-Z]+|\\[^a-zA-Z]|\$\\[a-z]+\$|\$\^\\circ\$", "", escaped)
    assert not set(bare) & set("$&#%_~^\\")
    assert bare.count("{") == bare.count("}")


def compiled(source: str, folder: Path) -> str:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (folder / "tables.tex").write_text(source, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"],
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=120,
    )
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-1500:]
    assert (folder / "tables.pdf").stat().st_size > 1000
    return log


def test_the_document_compiles_and_fits_its_page(tmp_path: Path) -> None:
    models = ("dcrrg", "nearest-neighbour", "random-report", "a model with a rather long name", *map(str, range(8)))
    log = compiled(latex_document(tables(run_records(models), table_descriptions()), "Results"), tmp_path)
    assert "Overfull \\hbox" not in log


def test_no_row_of_many_systems_is_cut_off_below_the_page(tmp_path: Path) -> None:
    """Rows with intervals are two lines high: a float of twenty would run over the page's foot."""
    models = [f"system {number}" for number in range(20)]
    (first, *_) = tables(run_records(models), table_descriptions())
    log = compiled(latex_document([first], "Results"), tmp_path)
    assert "Float too large" not in log
    assert "Overfull" not in log
    rows = latex_table(first).splitlines()
    values = [line for line in rows if line.startswith("system ")]
    assert len(values) == 20
    assert all(line.endswith(r"\\*") for line in values), "no page ends between a value and its interval"


def test_many_notes_below_a_table_do_not_run_over_the_page(tmp_path: Path) -> None:
    noted = [Cell(0.5, 0.4, 0.6, notes=tuple(f"note {n}, {k}" for k in range(8))) for n in range(6)]
    rows = tuple(Row(f"system {n}", (cell,)) for n, cell in enumerate(noted))
    log = compiled(latex_document([Table("Noted", "model", (Column("value"),), rows)], "Results"), tmp_path)
    assert "Float too large" not in log
    assert "Overfull" not in log


def test_tables_stand_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    rows = tuple(Row(f"system {n}", (Cell(0.5, 0.4, 0.6),)) for n in range(40))
    sizes = (10, 12, 12, 3, 40, 12, 12, 40, 40, 3)
    made = [Table(f"Of {size} rows", "model", (Column("value"),), rows[:size]) for size in sizes]
    compiled(latex_document(made, "Results"), tmp_path)
    placed = re.findall(r"\\numberline \{(\d+)\}", next(tmp_path.glob("*.aux")).read_text())
    # a table that breaks over pages has its caption on each
    assert [number for number, _ in groupby(placed)] == [str(number) for number in range(1, len(sizes) + 1)]


def test_whatever_stands_in_a_name_compiles(tmp_path: Path) -> None:
    every = "".join(map(chr, [*range(32, 0x180), 0x2013, 0x2026, 0x2265, 0x1F600]))
    source = latex_document([one_cell(NASTY), one_cell(every[:200]), one_cell(every[200:])], NASTY)
    compiled(source, tmp_path)


def test_the_document_asks_only_for_packages_of_a_minimal_tex() -> None:
    source = latex_document(tables(run_records(), table_descriptions()), "Results")
    assert set(re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", source)) == {"geometry", "booktabs,longtable"}


def report_app() -> typer.Typer:

    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(report)
    return app


def test_report_renders_a_run_again(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    folder.write_results(run_records())
    told = CliRunner().invoke(report_app(), [str(tmp_path / "run")])  # type: ignore[arg-type]
    assert told.exit_code == 0
    assert "BLEU-4" in told.stdout
    first = (tmp_path / "run" / "tables.tex").read_bytes()
    again = CliRunner().invoke(report_app(), [str(tmp_path / "run"), "--latex"])  # type: ignore[arg-type]
    assert again.stdout.encode() == first
    missing = CliRunner().invoke(report_app(), [str(tmp_path / "none")])  # type: ignore[arg-type]
    assert isinstance(missing.exception, InputError)


def test_runs_are_listed_with_their_state(tmp_path: Path) -> None:
    RunFolder(tmp_path / "done").write_results(run_records(("dcrrg",)))
    inputs = {"task": "retrieval"}
    RunFolder(tmp_path / "open").put(unit_id(inputs), inputs, run_records()[:1])
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "results.json").write_text("{")
    (tmp_path / "something else").mkdir()
    told = CliRunner().invoke(runs_app, ["list", str(tmp_path), "--json"])

    found = {row["name"]: row for row in json.loads(told.stdout)}
    assert set(found) == {"done", "open", "broken"}
    assert found["done"]["state"] == "finished"
    assert found["done"]["blanks"] == 1
    assert (found["open"]["state"], found["open"]["units"]) == ("unfinished", 1)
    assert "is not JSON" in found["broken"]["state"]
    shown = CliRunner().invoke(runs_app, ["show", str(tmp_path / "done")])
    assert shown.stdout.startswith("done (finished, 20")
    assert "dcrrg on phantom@1a2b, test" in shown.stdout
    assert "What it was made with is not recorded." in shown.stdout
    assert isinstance(CliRunner().invoke(runs_app, ["show", str(tmp_path)]).exception, UnknownNameError)
