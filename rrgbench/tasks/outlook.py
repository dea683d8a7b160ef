"""What an evaluation would come to: which pieces of work are there already, and which would be computed."""

from collections.abc import Sequence
from pathlib import Path

from rrgbench.data.corpus import Corpus
from rrgbench.models import Model
from rrgbench.render.table import Table, plain_table
from rrgbench.runs.store import RunFolder
from rrgbench.tasks.job import Options, job
from rrgbench.tasks.run_facts import check_same_models, facts, run_name
from rrgbench.tasks.suite import Suite


def outlook(asked: Sequence[Model], corpus: Corpus, suite: Suite, out: str | Path | None, how: Options) -> Table:
    """A row a piece of work, a column a model: `there` or `to do`. Nothing is computed or written.

    Parameters
    ----------
    asked, corpus, suite, out, how
        As of `rrgbench.tasks.runner.evaluate`.

    Raises
    ------
    RrgbenchError
        As `evaluate` does before any work.
    """
    folder = RunFolder(Path(out) if out is not None else Path("runs") / run_name(asked, suite.name, corpus.name))
    prepared = job(asked, corpus, suite, folder, None, how)
    check_same_models(folder, facts(prepared)["models"])
    cells: dict[str, dict[str, bool]] = {}
    for running in prepared.running:
        for piece in prepared.pieces(running):
            cells.setdefault(piece.title, {})[running.evaluation.model.name] = piece.there
    for piece in prepared.constants():
        cells.setdefault(piece.title, {})[prepared.constant.evaluation.model.name] = piece.there
    names = [running.evaluation.model.name for running in (*prepared.running, prepared.constant)]
    words = {True: "there", False: "to do", None: ""}
    rows = [(title, [words[by_model.get(name)] for name in names]) for title, by_model in cells.items()]
    left = [there for by_model in cells.values() for there in by_model.values()].count(False)
    whole = len(prepared.running[0].evaluation.studies)
    studies = max((min(one.limit or whole, whole) for one in suite.tasks.values()), default=0)
    title = f"{folder.path}: {left} pieces of work to do, on {studies:,} studies of {prepared.corpus.identity}"
    return plain_table(title, "work", names, rows)
