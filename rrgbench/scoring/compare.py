"""`rrgbench.compare`: several systems on the same studies, with paired tests."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from rrgbench.errors import InputError, NotComparableError, listed
from rrgbench.labelers import Labeler, RememberingLabeler, load
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.render.json import json_text
from rrgbench.render.table import Cell, Column, Row, Table, ranked
from rrgbench.scoring.protocols import Protocol, load_protocol
from rrgbench.scoring.report_files import ReportPairs
from rrgbench.scoring.score import Progress, Reports, pair_in_memory, score_pairs, wanted_metrics
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.values import Scores, finite, ordered, title
from rrgbench.stats.bootstrap import Method
from rrgbench.stats.paired import PairedTest, Test, approximate_randomization, holm, paired_bootstrap

if TYPE_CHECKING:
    import pandas as pd

_TESTS: Final = {"randomization": approximate_randomization, "bootstrap": paired_bootstrap}


@dataclass(frozen=True)
class Difference:
    """One pair of systems in one metric.

    Attributes
    ----------
    metric : str
        Metric key.
    first, second : str
        System names.
    difference : float
        First minus second.
    p_value, adjusted : float
        Two-sided p-value, and Holm's over all pairs of systems in that metric.
    """

    metric: str
    first: str
    second: str
    difference: float
    p_value: float
    adjusted: float


@dataclass(frozen=True)
class Comparison:
    """Scores of several systems and the tests between them.

    Attributes
    ----------
    scores : mapping of str to Scores
        By system, in the order given.
    differences : tuple of Difference
        Every pair in every metric.
    level : float
        Significance level of the superscripts.
    signature : Signature
        Of every number in the table, with the test that was made.
    """

    scores: Mapping[str, Scores]
    differences: tuple[Difference, ...]
    level: float
    signature: Signature
    _letters: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Give each system its letter."""
        object.__setattr__(self, "_letters", dict(zip(self.scores, ascii_lowercase, strict=False)))

    @property
    def metrics(self) -> list[str]:
        """Metric keys in the order of tables."""
        return ordered(list(dict.fromkeys(key for scores in self.scores.values() for key in scores)))

    @property
    def lower_is_better(self) -> frozenset[str]:
        """Keys of the metrics of which a smaller value is the better one."""
        families = [family.metric for scores in self.scores.values() for family in scores.families]
        return frozenset[str]().union(*(one.lower_is_better for one in families if isinstance(one, ExternalMetric)))

    def beaten(self, system: str, metric: str) -> str:
        """Letters of the systems that this one is significantly better than."""
        letters = [
            self._letters[other]
            for row in self.differences
            for other, lead in ((row.second, row.difference), (row.first, -row.difference))
            if row.metric == metric and system in (row.first, row.second) and other != system
            if row.adjusted <= self.level and (lead < 0 if metric in self.lower_is_better else lead > 0)
        ]
        return "".join(sorted(letters))

    def to_frame(self) -> "pd.DataFrame":
        """Every pair in every metric: columns as `Difference`."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.differences])

    def to_json(self) -> str:
        """Scores of every system and all differences, NaN as null."""
        content: dict[str, Any] = {
            "signature": str(self.signature),
            "level": self.level,
            "systems": {name: json.loads(scores.to_json()) for name, scores in self.scores.items()},
            "differences": [
                {key: finite(cell) if isinstance(cell, float) else cell for key, cell in vars(row).items()}
                for row in self.differences
            ],
        }
        return json_text(content)

    def to_table(self) -> Table:
        """A row a system: letters behind a value name the systems that it is significantly better than."""
        lower = self.lower_is_better
        columns = tuple(Column(title(key), better="lower" if key in lower else "higher") for key in self.metrics)
        rows = []
        for name, scores in self.scores.items():
            values = {key: Cell(finite(scores[key].value)) if key in scores else Cell() for key in self.metrics}
            cells = tuple(replace(cell, superscript=self.beaten(name, key)) for key, cell in values.items())
            rows.append(Row(name, cells, letter=self._letters[name]))
        remark = (
            f"superscripts: significantly better than the systems of those letters (p <= {self.level:g}, two-sided, "
            "Holm-corrected over the pairs of each metric)"
        )
        signatures = (("", str(self.signature)),)
        return ranked(Table("Comparison", "system", columns, tuple(rows), (remark,), signatures))

    def to_markdown(self) -> str:
        """A table of systems and metrics with superscripts."""
        from rrgbench.render.markdown import markdown_table

        return markdown_table(self.to_table())

    def to_latex(self) -> str:
        """A booktabs table with superscripts; the best value of each metric is bold, the second underlined."""
        from rrgbench.render.latex import latex_tabular

        return latex_tabular(self.to_table())


def compare(
    systems: Mapping[str, Sequence[str] | Mapping[str, str]],
    references: Reports,
    protocol: str | Protocol = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
    intervals: bool = True,
    *,
    test: Test = "randomization",
    permutations: int = 10_000,
    level: float = 0.05,
    common: bool = False,
    allow: Collection[str] = (),
    **options: Any,
) -> Comparison:
    """Compare systems on the same studies.

    Parameters
    ----------
    systems : mapping of str to reports
        Hypotheses by system name, each as in `rrgbench.score`.
    references, protocol, metrics, intervals, allow
        As in `rrgbench.score`.
    test : {"randomization", "bootstrap"}
        Approximate randomization or paired bootstrap (`rrgbench.stats.paired`).
    permutations : int
        Number of permutations or resamples of the test.
    level : float
        Significance level.
    common : bool
        Compare on the studies that all systems have, instead of refusing systems that lack some; counted in the
        signature.
    **options
        `labeler`, `seed`, `corpus`, `split`, `replicates`, `method`, `progress` as in `rrgbench.score`.

    Returns
    -------
    Comparison

    Raises
    ------
    NotComparableError
        If the systems' numbers would be made on different studies.
    InputError
        If there are fewer than two systems or reports don't fit the references.
    """
    allowances = {*allow, "missing"} if common else allow
    pairs = {name: pair_in_memory(references, reports, allowances) for name, reports in systems.items()}
    return compare_pairs(
        pairs, protocol, metrics, intervals, test=test, permutations=permutations, level=level, common=common, **options
    )


def compare_pairs(
    systems: Mapping[str, ReportPairs],
    protocol: str | Protocol = "dcrrg",
    metrics: Iterable[str | ExternalMetric] | None = None,
    intervals: bool = True,
    *,
    test: Test = "randomization",
    permutations: int = 10_000,
    level: float = 0.05,
    common: bool = False,
    labeler: str | Labeler | None = None,
    seed: int = 0,
    corpus: str = "unnamed",
    split: str = "unknown",
    replicates: int = 1000,
    method: Method = "percentile",
    progress: Progress | None = None,
) -> Comparison:
    """Compare systems whose reports are paired with the references already; otherwise as `compare`."""
    if not 2 <= len(systems) <= len(ascii_lowercase):
        raise InputError(f"{len(systems)} systems to compare; expected 2 to {len(ascii_lowercase)}")
    if test not in _TESTS:
        raise InputError(f"test is {test!r}; expected one of {', '.join(_TESTS)}")
    if not 0.0 < level < 1.0:
        raise InputError(f"significance level is {level}; expected a number between 0 and 1")
    chosen = load_protocol(protocol)
    wanted = chosen.labeler if labeler is None else labeler
    remembering = RememberingLabeler(load(wanted) if isinstance(wanted, str) else wanted)
    # Weights of other packages' metrics are loaded once for all systems.
    keys, external = wanted_metrics(metrics)
    scores: dict[str, Scores] = {}
    for name, pairs in _same_studies(systems, common).items():
        if progress:
            progress(f"scoring {name}")
        scores[name] = score_pairs(
            pairs,
            chosen,
            [*keys, *external],
            intervals,
            labeler=remembering,
            seed=seed,
            corpus=corpus,
            split=split,
            replicates=replicates,
            method=method,
        )
    signature = _one_signature(scores)
    if progress:
        progress("testing differences")
    differences = _differences(scores, test, permutations, seed)
    return Comparison(scores, differences, level, signature.with_extras(test=f"{test}-{permutations}-seed{seed}+holm"))


def _same_studies(systems: Mapping[str, ReportPairs], common: bool) -> dict[str, ReportPairs]:
    sets = [set(pairs.study_ids) for pairs in systems.values()]
    shared = set.intersection(*sets)
    if all(studies == shared for studies in sets):
        return dict(systems)
    if not common:
        counts = [f"{name} {len(pairs.study_ids)}" for name, pairs in systems.items()]
        raise NotComparableError(
            f"the systems have predictions for different studies ({listed(counts)}; {len(shared)} common to all); "
            "complete them, or compare on the common studies (common=True, --common)"
        )
    if not shared:
        raise NotComparableError("the systems have no study in common; nothing to compare")
    return {name: _restricted(pairs, shared) for name, pairs in systems.items()}


def _restricted(pairs: ReportPairs, studies: Collection[str]) -> ReportPairs:
    rows = [row for row, study in enumerate(pairs.study_ids) if study in studies]
    return ReportPairs(
        tuple(pairs.study_ids[row] for row in rows),
        tuple(pairs.references[row] for row in rows),
        tuple(pairs.hypotheses[row] for row in rows),
        "common",
    )


def _one_signature(scores: Mapping[str, Scores]) -> Signature:
    (first_name, first), *rest = scores.items()
    for name, other in rest:
        differing = first.signature.differences(other.signature)
        if differing:
            shown = [f"{key} {left} / {right}" for key, (left, right) in differing.items()]
            raise NotComparableError(f"{first_name} and {name} have different signatures: {listed(shown)}")
    return first.signature


def _differences(scores: Mapping[str, Scores], test: Test, permutations: int, seed: int) -> tuple[Difference, ...]:
    names = list(scores)
    pairs = [(a, b) for row, a in enumerate(names) for b in names[row + 1 :]]
    found: dict[str, list[Difference]] = {}
    for position, family in enumerate(scores[names[0]].families):
        results: list[PairedTest] = [
            _TESTS[test](
                family.metric.aggregate,
                scores[a].families[position].statistics,
                scores[b].families[position].statistics,
                permutations,
                seed,
            )
            for a, b in pairs
        ]
        for column, key in enumerate(family.keys):
            if key not in scores[names[0]]:
                continue
            adjusted = holm(np.array([result.p_value[column] for result in results]))
            found[key] = [
                Difference(key, a, b, float(result.difference[column]), float(result.p_value[column]), float(corrected))
                for (a, b), result, corrected in zip(pairs, results, adjusted, strict=True)
            ]
    return tuple(row for key in ordered(list(found)) for row in found[key])
