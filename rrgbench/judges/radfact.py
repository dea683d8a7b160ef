"""RadFact's logical precision and recall over an endpoint (Bannur et al., MAIRA-2, arXiv 2406.04449).

Both reports are cut into statements; precision is the share of the candidate's that follow from the reference, recall
the share of the reference's that follow from the candidate. The prompts are ours, and all statements of a report are
asked at once, so values are comparable among themselves and not with those of the authors' prompts.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from rrgbench.judges.judge import Judge, Shape, judge_plug_in
from rrgbench.judges.prompt import load_prompt
from rrgbench.metrics.catalogue import Entry


class Statements(Shape):
    """The single statements of a report."""

    statements: tuple[str, ...]


class Verdicts(Shape):
    """Whether each statement follows."""

    follows: tuple[bool, ...]


def _score(judge: Judge, references: list[str], reports: list[str]) -> ArrayLike:
    unique = list(dict.fromkeys([*references, *reports]))
    read = judge.ask(load_prompt("radfact-phrases"), [{"report": text} for text in unique], Statements)
    told = {text: one.statements for text, one in zip(unique, read, strict=True) if one is not None}
    # each direction is a question of its own, unless one side says nothing
    wanted = [
        (evidence, checked)
        for reference, report in zip(references, reports, strict=True)
        for evidence, checked in ((reference, report), (report, reference))
    ]
    asked = list(dict.fromkeys(pair for pair in wanted if all(told.get(text) for text in pair)))
    texts = [
        {
            "evidence": "\n".join(f"- {one}" for one in told[evidence]),
            "statements": "\n".join(f"{number}. {one}" for number, one in enumerate(told[checked], start=1)),
        }
        for evidence, checked in asked
    ]
    sizes = [len(told[checked]) for _, checked in asked]
    answers = judge.ask(
        load_prompt("radfact-entailment"), texts, Verdicts, lambda read, at: len(read.follows) == sizes[at]
    )
    shares = {
        pair: np.nan if one is None else float(np.mean(one.follows)) for pair, one in zip(asked, answers, strict=True)
    }

    def share(evidence: str, checked: str) -> float:
        if evidence not in told or checked not in told:
            return float("nan")
        # two reports without a statement agree; against none nothing follows
        return shares.get((evidence, checked), float(not told[evidence] and not told[checked]))

    values = []
    for reference, report in zip(references, reports, strict=True):
        precision, recall = share(reference, report), share(report, reference)
        f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
        values.append((precision, recall, f1))
    return values


def _entry(key: str, title: str) -> Entry:
    return Entry(key, title, "plug-in", drift_tolerance=5e-3)


RADFACT: Final = judge_plug_in(
    "radfact",
    (
        _entry("radfact_precision", "RadFact precision"),
        _entry("radfact_recall", "RadFact recall"),
        _entry("radfact_f1", "RadFact F1"),
    ),
    ("radfact-phrases", "radfact-entailment"),
    _score,
)
