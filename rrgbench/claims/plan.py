"""How many seeds and studies a claim's tests need, from the variance that a trained set showed.

A plan answers what "not resolved" leaves open: whether more seeds, more studies, or nothing affordable decides it. The
difference to be shown is the paper's own unless another is asked for.
"""

import json
import math
from collections.abc import Sequence
from typing import Any

from rrgbench.claims.claim import Equivalent, Greater
from rrgbench.claims.verdict import Finding, Judgement
from rrgbench.errors import InputError
from rrgbench.render.table import Cell, Column, Row, Table
from rrgbench.stats.power import (
    MOST_SEEDS,
    MOST_STUDIES,
    POWER,
    Design,
    fewest_seeds,
    fewest_studies,
    smallest_difference,
    smallest_margin,
)


def plan_table(judgements: Sequence[Judgement], difference: float | None = None) -> Table:
    """What each measured difference needs to be shown with 80 % power.

    Parameters
    ----------
    judgements : sequence of Judgement
        Of a trained set.
    difference : float, optional
        The difference that is to be shown by every test; the paper's own, or the test's margin, if omitted.

    Raises
    ------
    InputError
        If no test was measured.
    """
    rows = [
        Row(one.test.words, _cells(one, difference), judgement.claim.statement)
        for judgement in judgements
        for one in judgement.findings
        if one.spread is not None
    ]
    if not rows:
        raise InputError("no difference is measured that a plan could go by: the tests lack variants or seeds")
    titles = ("wanted", "shown", "seeds", "studies")
    asked = "the paper's, or a test's margin" if difference is None else f"{difference:g}"
    remarks = (
        f"wanted: the difference to be shown with {POWER:.0%} power, {asked}; shown: what the present design shows",
        "seeds: so many are needed with the present test studies; studies: so many with the present seeds",
        f"more than {MOST_SEEDS:,} seeds, or {MOST_STUDIES:,} studies: not by these alone",
    )
    headings = {judgement.claim.statement: "" for judgement in judgements}
    return Table("Plan", "test", tuple(map(Column, titles)), tuple(rows), remarks, headings=headings)  # type: ignore[arg-type]


def plan_json(judgements: Sequence[Judgement], difference: float | None = None) -> str:
    """The same for machines."""
    rows = [
        {"claim": judgement.claim.key, "test": one.test.words, **_needs(one, difference)}
        for judgement in judgements
        for one in judgement.findings
        if one.spread is not None
    ]
    return json.dumps({"power": POWER, "tests": rows}, indent=1, allow_nan=False) + "\n"


def wanted_difference(finding: Finding, difference: float | None = None) -> float | None:
    """What a test is to show: as asked for, its margin, or the paper's difference; None where that is not above 0."""
    if difference is not None:
        return difference
    test = finding.test
    if isinstance(test, Equivalent):
        return test.margin
    if isinstance(test, Greater) and test.paper is not None and test.paper[0] > test.paper[1]:
        return round(test.paper[0] - test.paper[1], 6)
    return None


def _needs(finding: Finding, difference: float | None) -> dict[str, Any]:
    """Numbers of a row; None where there is none."""
    spread, wanted = finding.spread, wanted_difference(finding, difference)
    if spread is None:
        raise ValueError(f"{finding.test.words}: no difference was measured")
    seeds, studies = len(finding.seeds), finding.studies
    shows = smallest_margin if isinstance(finding.test, Equivalent) else smallest_difference
    found = {"wanted": wanted, "shown_now": finding.shown, "seeds_now": seeds, "studies_now": studies}
    found |= {"sd_of_a_seed": math.sqrt(spread.seed), "sd_of_studies": math.sqrt(spread.study / studies)}
    if wanted is None:
        return {**found, "seeds_needed": None, "studies_needed": None}
    return {
        **found,
        "seeds_needed": fewest_seeds(wanted, lambda count: shows(spread, Design(count, studies))),
        "studies_needed": fewest_studies(wanted, lambda count: shows(spread, Design(seeds, count))),
    }


def _cells(finding: Finding, difference: float | None) -> tuple[Cell, ...]:
    needs = _needs(finding, difference)
    notes = () if needs["wanted"] is not None else ("the paper prints no difference; ask for one with --difference",)
    numbers = [Cell(needs["wanted"], notes=notes), Cell(needs["shown_now"])]
    most = {"seeds_needed": MOST_SEEDS, "studies_needed": MOST_STUDIES}
    counts = [
        Cell(f"> {limit:,}" if needs[key] is None and needs["wanted"] is not None else needs[key], decimals=0)
        for key, limit in most.items()
    ]
    return (*numbers, *counts)
