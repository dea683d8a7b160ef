"""Whether a table's numbers could have leaked: what is tested was seen in training, or given away at test time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rrgbench.data.corpus import Corpus, SharedSubjectsError
from rrgbench.data.examination import Reads
from rrgbench.data.five_by_200 import SampleList
from rrgbench.data.study import Study
from rrgbench.data.validate import validate
from rrgbench.errors import InputError, listed
from rrgbench.models import Model
from rrgbench.progress import Progress
from rrgbench.render.table import Cell, Column, Row, Table, Tone
from rrgbench.tasks.retrieval import pool_of

Verdict = Literal["passed", "warning", "leak", "not checked"]

_TONES: Final[Mapping[Verdict, Tone]] = {"passed": "good", "leak": "bad", "warning": "open"}

COMPARISON: Final = re.compile(
    r"""\b(?:
    compared | comparison(?!:?\s*(?:none|no|not|un)\b)(?<!\bno\scomparison)(?<!\bwithout\scomparison)
    | (?<!\bno\s)(?<!\bwithout\s)(?:prior|previous)\b
      # the patient's history can be seen on one film
      (?!(?:\s\w+){0,3}\s(?:granulomatous|infection|surger\w+|surgical|sternotomy|cabg|fractures?|trauma|replacement|
      repair|fusion|resection|mastectomy|lobectomy|thoracotomy|cholecystectomy|procedures?|operations?)\b)
    | previously | again | interval(?:ly)? | unchanged | since | no\slonger | new(?:ly)? | increasing(?:ly)?
    | decreasing | improv(?:ed|ing|ement) | worse(?:n\w*)? | resol(?:ved|ving|ution) | stable | persist\w*
    )\b""",
    re.IGNORECASE | re.VERBOSE,
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
        What was found, in words.
    studies : tuple of str
        Ids of the studies concerned.
    """

    name: str
    verdict: Verdict
    found: str
    studies: tuple[str, ...] = ()


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
        """A row a check, with the first of the studies concerned."""
        rows = tuple(
            Row(
                check.name,
                (
                    Cell(check.verdict, tone=_TONES.get(check.verdict, "")),
                    Cell(f"{check.found}: {listed(check.studies, 3)}" if check.studies else check.found),
                ),
            )
            for check in self.checks
        )
        beside = f" and {self.model}" if self.model else ""
        columns = (Column("verdict", text=True), Column("found", text=True))
        return Table(f"Leak audit of {self.corpus}{beside}", "check", columns, rows)

    def to_json(self) -> dict[str, Any]:
        """Everything, with all studies concerned."""
        return {
            "corpus": self.corpus,
            "model": self.model or None,
            "leaks": len(self.leaks),
            "checks": [{**vars(check), "studies": list(check.studies)} for check in self.checks],
        }


def audit_leaks(
    corpus: Corpus,
    model: Model | None = None,
    split: str = "test",
    films: bool = True,
    retrieval: SampleList | None = None,
    progress: Progress | None = None,
) -> LeakAudit:
    """Look for every known way in which a corpus or a model leaks.

    Parameters
    ----------
    corpus : Corpus
        Its studies of all splits.
    model : Model, optional
        Its declarations are checked too: what it reads (`Reads`), and whether it reads reference labels at test
        (`rrgbench.models.Model`).
    split : str
        The split that is scored.
    films : bool
        Whether to decode all films to find copies in two splits.
    retrieval : SampleList, optional
        The list of studies that 5x200 retrieval queries with; without it they are drawn.
    progress : callable, optional
        See `rrgbench.progress.Progress`.

    Returns
    -------
    LeakAudit

    Raises
    ------
    InputError
        If the corpus has no such split, or lacks a study of the list.
    """
    corpus.split(split)
    checks = (
        _subjects(corpus),
        _films(corpus, films, progress),
        _pool(corpus, split, retrieval),
        _reports(corpus, split),
        _labels(model),
        _comparisons(model, corpus.reports(split)),
    )
    return LeakAudit(corpus.identity, "" if model is None else model.identity, checks)


def refused_audit(error: SharedSubjectsError) -> LeakAudit:
    """The audit of a corpus that can't be opened because its splits share subjects."""
    found = f"the subjects of {len(error.studies)} studies; no other check was made"
    return LeakAudit(error.source, "", (Check(_SUBJECTS, "leak", found, error.studies),))


_SUBJECTS: Final = "subjects in two splits"


def _subjects(corpus: Corpus) -> Check:
    # a corpus refuses to be made where this is so among its films; here of films and the texts beside them, where both
    # are of one data set: others number subjects by themselves
    splits: dict[str, set[str]] = {}
    beside = corpus.text_studies if len(set(corpus.names)) == 1 and corpus.names[0] != "jsonl" else ()
    for study in (*corpus.studies, *beside):
        splits.setdefault(study.subject_id, set()).add(study.split)
    crossing = tuple(study.study_id for study in corpus.studies if len(splits[study.subject_id]) > 1)
    if crossing:
        return Check(_SUBJECTS, "leak", f"the subjects of {len(crossing)} studies", crossing)
    return Check(_SUBJECTS, "passed", f"none of {len(splits):,} subjects")


def _films(corpus: Corpus, wanted: bool, progress: Progress | None) -> Check:
    name, count = "films in two splits", sum(len(study.images) for study in corpus.studies)
    if not wanted or not count:
        return Check(name, "not checked", "films were not read" if count else "the corpus has no films")
    found = validate(corpus, progress=progress)
    unread = f"; {len(found.unreadable)} films can't be read" if found.unreadable else ""
    if len(found.unreadable) == count:
        return Check(name, "not checked", "no film can be read")
    if found.leaks:
        examples = tuple("/".join(dict.fromkeys(copy.study_id for copy in group)) for group in found.leaks)
        return Check(name, "leak", f"{len(found.leaks)} of {count:,} films{unread}", examples)
    return Check(name, "passed", f"none of {count:,} films{unread}")


def _pool(corpus: Corpus, split: str, retrieval: SampleList | None) -> Check:
    name = "5x200 drawn from training"
    if retrieval is None:
        pool = pool_of(corpus, split)
        if pool == "train":
            return Check(name, "leak", "retrieval queries are drawn from the training split")
        return Check(name, "passed", f"drawn from {pool}")
    by_id = {study.study_id: study for study in corpus.studies}
    unknown = [study_id for study_id in retrieval.study_ids if study_id not in by_id]
    if unknown:
        raise InputError(f"{retrieval.name}: {len(unknown)} studies are not in this corpus: {listed(unknown)}")
    trained = tuple(study_id for study_id in retrieval.study_ids if by_id[study_id].split == "train")
    many = len(retrieval.study_ids)
    if trained:
        return Check(name, "leak", f"{len(trained)} of {many} listed studies are of the training split", trained)
    return Check(name, "passed", f"none of {many} listed studies")


def _reports(corpus: Corpus, split: str) -> Check:
    name = "test reports that stand in training"
    known = {_plain(study.report or "") for study in corpus.reports("train")} - {""}
    tested = {study.study_id: _plain(study.report or "") for study in corpus.reports(split)}
    tested = {study_id: text for study_id, text in tested.items() if text}
    if not known or not tested or split == "train":
        return Check(name, "not checked", "no reports on one of the sides")
    same = tuple(study_id for study_id, text in tested.items() if text in known)
    if not same:
        return Check(name, "passed", f"none of {len(tested):,}")
    found = f"{_share(len(same), len(tested))} word for word; normal reports recur, so this is no leak by itself"
    return Check(name, "warning", found, same)


def _labels(model: Model | None) -> Check:
    name = "reference labels read at test"
    if model is None:
        return Check(name, "not checked", "a model declares it; none was named")
    if getattr(model, "reads_labels", False):
        return Check(name, "leak", f"{model.identity} declares that it reads the tested study's reference labels")
    return Check(name, "passed", "the model declares none")


def _comparisons(model: Model | None, tested: Sequence[Study]) -> Check:
    name = "references that compare with a prior the model never saw"
    reads: Reads | None = getattr(model, "reads", None)
    prior = reads is not None and reads.prior
    reports = [study for study in tested if (study.report or "").strip()]
    if not reports:
        return Check(name, "not checked", "no reference reports")
    unseen = tuple(
        study.study_id
        for study in reports
        if COMPARISON.search(study.report or "") and not (prior and study.prior is not None)
    )
    if not unseen:
        return Check(name, "passed", f"none of {len(reports):,}")
    why = "there is no prior of these" if prior else "no film alone tells what they say"
    return Check(name, "warning", f"{_share(len(unseen), len(reports))}; {why}", unseen)


def _share(part: int, whole: int) -> str:
    return f"{part:,} of {whole:,} ({100 * part / whole:.0f} %)"


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
