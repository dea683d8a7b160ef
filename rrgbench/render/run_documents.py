"""The documents of a run folder: `tables.tex`, `tables.md`, `report.html`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.render.figures.arrays import RunArrays, run_arrays
from rrgbench.render.figures.style import RunFigure
from rrgbench.render.figures.training import budget_table, training_of
from rrgbench.render.latex import latex_document
from rrgbench.render.markdown import markdown_document
from rrgbench.render.paper_tables import macros, paper_tables
from rrgbench.render.record_tables import TRIVIAL, TableDescription, model_order, pooled_records, tables
from rrgbench.render.run_cases import run_cases
from rrgbench.render.run_facts import command_line, fact_lines, row_titles, titled
from rrgbench.render.run_figures import MOST, run_figures
from rrgbench.render.run_page import PageParts, run_page
from rrgbench.render.run_summary import leading, run_summary
from rrgbench.render.significance import with_superscripts
from rrgbench.render.table import Table
from rrgbench.render.verdict import verdict
from rrgbench.runs.baseline import Side
from rrgbench.runs.environment import environment_of
from rrgbench.runs.records import Identity, Record, sort_records
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


DOCUMENTS: Final = ("report.html", "tables.tex", "tables.md")
"""What every finished run shows of its results."""


def write_run_documents(
    folder: Path, records: Sequence[Record], descriptions: Sequence[TableDescription]
) -> RunDocuments:
    """Write the tables of a run into its folder.

    The tables depend on the records, the models' names and what those cost to train, not on order, so a resumed run
    ends with the same bytes; the page also says what `run.json` does.

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
    training = training_of(about, row_titles(about))
    budget = budget_table(training)
    made = (*tables(named, descriptions), *([budget] if budget else []))
    store = RunFolder(folder)
    title = "rrgbench results"
    kept = _kept(folder, records, about)
    summary = run_summary(named, descriptions)
    page = run_page(
        summary,
        made,
        run_figures(pooled_records(named), kept, training),
        _parts(folder, records, descriptions, kept),
    )
    files = tuple(
        store.write_artifact(name, text)
        for name, text in (
            ("tables.tex", latex_document(made, title)),
            ("tables.md", markdown_document(made, title)),
            ("report.html", page),
        )
    )
    return RunDocuments(made, files)


def _kept(folder: Path, records: Sequence[Record], about: Mapping[str, Any]) -> RunArrays:
    """What the run's units keep, by task and by the model's name in tables."""
    names = row_titles(about)
    found = run_arrays(RunFolder(folder), records)
    return {(task, names.get(model, model)): arrays for (task, model), arrays in found.items()}


def _resamples(
    folder: Path, records: Sequence[Record], about: Mapping[str, Any]
) -> dict[Identity, NDArray[np.float64]]:
    """Values on the resamples, by identity under the names that tables show."""
    names = row_titles(about)
    return {
        (identity[0], names.get(str(identity[1]), identity[1]), *identity[2:]): values
        for identity, values in Side(tuple(records), folder=folder).resamples().items()
    }


def _parts(
    folder: Path, records: Sequence[Record], descriptions: Sequence[TableDescription], kept: RunArrays
) -> PageParts:
    about = environment_of(folder)
    named = titled(records, about)
    resamples = _resamples(folder, records, about)
    models = [name for name in model_order(named) if name not in TRIVIAL]
    found = [verdict(named, resamples, descriptions, name) for name in leading(named, descriptions, models, MOST)]
    corpus = str((about.get("details") or {}).get("corpus", "the corpus"))
    return PageParts(
        tuple(fact_lines(about)),
        command_line(about),
        tuple(one for one in found if one is not None),
        tuple(run_cases(models[:MOST], kept)),
        "" if about.get("synthetic", True) else corpus,
    )


def figures_of(folder: Path, records: Sequence[Record]) -> list[RunFigure]:
    """The figures of a run's page."""
    about = environment_of(folder)
    training = training_of(about, row_titles(about))
    named = pooled_records(titled(sort_records(records), about))
    return run_figures(named, _kept(folder, records, about), training)


def write_run_figures(folder: Path, records: Sequence[Record], suffixes: Sequence[str] = ("svg", "pdf")) -> list[Path]:
    """Write the figures of a run's page into `figures/`, equal bytes for equal records."""
    store = RunFolder(folder)
    return [
        store.write_artifact(f"figures/{figure.key}.{suffix}", figure.file(suffix))
        for figure in figures_of(folder, records)
        for suffix in suffixes
    ]


def write_paper(
    folder: Path,
    records: Sequence[Record],
    descriptions: Sequence[TableDescription],
    *,
    intervals: bool = True,
    siunitx: bool = False,
    superscripts: bool = False,
) -> list[Path]:
    """Write a run's tables and numbers for a paper into `paper/` (`rrgbench.render.paper_tables`).

    With `superscripts`, values say by letters which rows they are surely better than (`rrgbench.render.significance`).
    """
    store, ordered = RunFolder(folder), sort_records(records)
    about = environment_of(folder)
    made = tables(titled(ordered, about), descriptions)
    if superscripts:
        resamples = _resamples(folder, records, about)
        made = [with_superscripts(table, resamples) for table in made]
    files = {f"{name}.tex": text for name, text in paper_tables(made, intervals=intervals, siunitx=siunitx).items()}
    # macros go by the models' own names, which stay the same from checkpoint to checkpoint
    files["macros.tex"] = macros(ordered)
    return [store.write_artifact(f"paper/{name}", text) for name, text in files.items()]
