"""Whether a table's numbers could have leaked: what is tested was seen in training, or given away at test time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rrgbench.data.corpus import Corpus
from rrgbench.data.examination import Reads
from rrgbench.data.study import Study
from rrgbench.data.validate import validate
from rrgbench.errors import listed
from rrgbench.models import Model
from rrgbench.progress import Progress
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.tasks.retrieval import pool_of

Verdict = Literal["passed", "warning", "leak", "not checked"]

COMPARISON: Final = re.compile(
    r"\b(compar(?:ed|ison)|prior|previous(?:ly)?|again|interval(?:ly)?|unchanged|since|no longer|"
    r"(?:new(?:ly)?|increas\w*|decreas\w*|improv\w*|worsen\w*|resol\w*|stable|persist\w*) )",
    re.IGNORECASE,
)
"""Words by which a report compares with an earlier examination."""


@dataclass(frozen=True)
class Check:
    """One way to leak.

    Attributes
    ----------
    name : str
        What was looked for.
    verdict : {"passed", "warning", "leak", "not checked"}
        A leak makes numbers worthless; a warning must be told beside them.
    found : str
        What was found, with examples of study ids.
    """

    name: str
    verdict: Verdict
    found: str


@dataclass(frozen=True)
class LeakAudit:
    """All checks of one corpus and, where given, one model."""

    corpus: str
    model: str
    checks: tuple[Check, ...]

    @property
    def leaks(self) -> tuple[Check, ...]:
        """The checks that found a leak."""
        return tuple(check for check in self.checks if check.verdict == "leak")

    def to_table(self) -> Table:
        """A row a check."""
        tones: dict[Verdict, Literal["good", "bad", "open", ""]] = {"passed": "good", "leak": "bad", "warning": "open"}
        rows = tuple(
            Row(check.name, (Cell(check.verdict, tone=tones.get(check.verdict, "")), Cell(check.found)))
            for check in self.checks
        )
        beside = f" and {self.model}" if self.model else ""
        columns = (Column("verdict", text=True), Column("found", text=True))
        return Table(f"Leak audit of {self.corpus}{beside}", "check", columns, rows)


def audit_leaks(
    corpus: Corpus,
    model: Model | None = None,
    split: str = "test",
    films: bool = True,
    progress: Progress | None = None,
) -> LeakAudit:
    """Look for every known way in which a corpus or a model leaks.

    Parameters
    ----------
    corpus : Corpus
        Its studies of all splits.
    model : Model, optional
        Its declarations are checked too: what it reads (`Reads`), and whether it reads reference labels at test
        (`reads_labels`, as XProNet's published code does).
    split : str
        The split that is scored.
    films : bool
        Whether to decode all films to find copies in two splits.
    progress : callable, optional
        See `rrgbench.progress.Progress`.

    Returns
    -------
    LeakAudit
    """
    tested = corpus.split(split)
    checks = [_subjects(corpus), _films(corpus, films, progress), _pool(corpus, split), _reports(corpus, split)]
    if model is not None:
        checks += [_labels(model), _comparisons(model, tested)]
    return LeakAudit(corpus.identity, "" if model is None else model.identity, tuple(checks))


def _subjects(corpus: Corpus) -> Check:
    splits: dict[str, set[str]] = {}
    for study in (*corpus.studies, *corpus.text_studies):
        splits.setdefault(study.subject_id, set()).add(study.split)
    crossing = [study.study_id for study in corpus.studies if len(splits[study.subject_id]) > 1]
    if crossing:
        return Check("subjects in two splits", "leak", f"{len(crossing)} studies: {listed(crossing)}")
    return Check("subjects in two splits", "passed", f"none of {len(splits):,} subjects")


def _films(corpus: Corpus, wanted: bool, progress: Progress | None) -> Check:
    name, count = "films in two splits", sum(len(study.images) for study in corpus.studies)
    if not wanted or not count:
        return Check(name, "not checked", "films were not read" if count else "the corpus has no films")
    leaks = validate(corpus, progress=progress).leaks
    if leaks:
        examples = listed("/".join(copy.study_id for copy in group) for group in leaks)
        return Check(name, "leak", f"{len(leaks)} films: {examples}")
    return Check(name, "passed", f"none of {count:,} films")


def _pool(corpus: Corpus, split: str) -> Check:
    pool = pool_of(corpus, split)
    name = "5x200 films drawn from training"
    if pool == "train":
        return Check(name, "leak", "retrieval queries come from the training split")
    return Check(name, "passed", f"drawn from {pool}")


def _reports(corpus: Corpus, split: str) -> Check:
    name = "test reports that stand in training"
    known = {_plain(study.report or "") for study in corpus.reports("train")} - {""}
    tested = [_plain(study.report or "") for study in corpus.reports(split)]
    tested = [text for text in tested if text]
    if not known or not tested:
        return Check(name, "not checked", "no reports on one of the sides")
    same = sum(text in known for text in tested)
    share = 100 * same / len(tested)
    found = f"{same} of {len(tested)} ({share:.0f} %) word for word; normal reports recur, so this is no leak by itself"
    return Check(name, "warning" if same else "passed", found if same else f"none of {len(tested)}")


def _labels(model: Model) -> Check:
    name = "reference labels read at test"
    if getattr(model, "reads_labels", False):
        return Check(name, "leak", f"{model.identity} declares that it reads the tested study's reference labels")
    return Check(name, "passed", "the model declares none")


def _comparisons(model: Model, tested: Sequence[Study]) -> Check:
    name = "references that compare with a prior the model never saw"
    reads: Reads | None = getattr(model, "reads", None)
    reports = [study for study in tested if (study.report or "").strip()]
    if not reports:
        return Check(name, "not checked", "no reference reports")
    comparing = [study.study_id for study in reports if COMPARISON.search(study.report or "")]
    if reads is not None and reads.prior:
        return Check(name, "passed", f"the model reads priors ({reads.signature})")
    share = 100 * len(comparing) / len(reports)
    if not comparing:
        return Check(name, "passed", f"none of {len(reports)}")
    found = (
        f"{len(comparing)} of {len(reports)} ({share:.0f} %): {listed(comparing)}; no film alone can tell what is said"
    )
    return Check(name, "warning", found)


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
