"""The documents of a run folder: `tables.tex`, `tables.md`, `report.html`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rrgbench.render.latex import latex_document
from rrgbench.render.markdown import markdown_document
from rrgbench.render.paper_tables import macros, paper_tables
from rrgbench.render.record_tables import TableDescription, tables
from rrgbench.render.run_facts import fact_lines, titled
from rrgbench.render.run_figures import run_figures
from rrgbench.render.run_page import run_page
from rrgbench.render.run_summary import run_summary
from rrgbench.render.table import Table
from rrgbench.runs.environment import environment_of
from rrgbench.runs.records import Record, sort_records
from rrgbench.runs.store import RunFolder


@dataclass(frozen=True)
class RunDocuments:
    """What was written for a run.

    Attributes
    ----------
    tables : tuple of Table
        The tables, for other formats.
    files : tuple of Path
        The documents.
    """

    tables: tuple[Table, ...]
    files: tuple[Path, ...]

    def print_tables(self, *, details: bool = False) -> None:
        """Print the tables to standard output; with `details`, also those kept for the documents."""
        from rrgbench.render.terminal import print_tables

        print_tables(self.tables, details=details)


def write_run_documents(
    folder: Path, records: Sequence[Record], descriptions: Sequence[TableDescription]
) -> RunDocuments:
    """Write the tables of a run into its folder.

    The tables depend on the records and the models' names alone, not on order, so a resumed run ends with the same
    bytes; the page also says what `run.json` does.

    Parameters
    ----------
    folder : Path
        The run folder.
    records : sequence of Record
        Its records.
    descriptions : sequence of TableDescription
        What the tables show (`rrgbench.tasks.base.table_descriptions`).
    """
    about = environment_of(folder)
    named = titled(sort_records(records), about)
    made = tuple(tables(named, descriptions))
    store = RunFolder(folder)
    title = "rrgbench results"
    files = tuple(
        store.write_artifact(name, text)
        for name, text in (
            ("tables.tex", latex_document(made, title)),
            ("tables.md", markdown_document(made, title)),
            ("report.html", run_page(run_summary(named, descriptions), made, run_figures(named), fact_lines(about))),
        )
    )
    return RunDocuments(made, files)


def write_run_figures(folder: Path, records: Sequence[Record], suffixes: Sequence[str] = ("svg", "pdf")) -> list[Path]:
    """Write the figures of a run's page into `figures/`, equal bytes for equal records."""
    store = RunFolder(folder)
    return [
        store.write_artifact(f"figures/{figure.key}.{suffix}", figure.file(suffix))
        for figure in run_figures(titled(sort_records(records), environment_of(folder)))
        for suffix in suffixes
    ]


def write_paper(
    folder: Path,
    records: Sequence[Record],
    descriptions: Sequence[TableDescription],
    *,
    intervals: bool = True,
    siunitx: bool = False,
) -> list[Path]:
    """Write a run's tables and numbers for a paper into `paper/` (`rrgbench.render.paper_tables`)."""
    store, ordered = RunFolder(folder), sort_records(records)
    made = tables(titled(ordered, environment_of(folder)), descriptions)
    files = {f"{name}.tex": text for name, text in paper_tables(made, intervals=intervals, siunitx=siunitx).items()}
    # macros go by the models' own names, which stay the same from checkpoint to checkpoint
    files["macros.tex"] = macros(ordered)
    return [store.write_artifact(f"paper/{name}", text) for name, text in files.items()]
