"""Two reports' findings against each other: the best assignment, precision, recall, F1, and what differs in words."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from math import fsum, log2
from typing import Final, Literal

import numpy as np

from rrgbench.findings.finding import CHANGE_WORDS, PLACED_WORDS, Finding, severity_words, side_words
from rrgbench.findings.lexicon import finding_lexicon

Kind = Literal["missing", "invented", "wrong"]


@dataclass(frozen=True)
class Costs:
    """What a difference costs, as a share of a match; one place for all weights beside the lexicon's significance.

    Attributes
    ----------
    side_wrong, side_partly, side_unsaid : float
        Left for right; one of both for both; said by one report only.
    zone_wrong, zone_unsaid : float
        No zone shared; said by one only.
    severity : float
        For each step between mild, moderate and severe beyond the first half; minimal is half a step below mild.
    severity_unsaid : float
        Said by one only.
    change_wrong, change_unsaid : float
        Better for worse, new for unchanged; said by one only.
    certainty : float
        Doubt for certainty.
    size : float
        For each doubling of a measurement.
    tip_wrong, tip_unsaid : float
        A device's tip elsewhere; its place said by one only.
    placement : float
        Well placed for malpositioned.
    access : float
        Another vein.
    pattern : float
        Another look (linear for patchy).
    normal : float
        How much a normal statement weighs against a major finding.
    silence : float
        What of a normal statement counts as said where the other report does not speak of it.
    doubtful, inferred : float
        How much of its weight a doubtful finding, and a cause that only explains another finding, keeps.
    least : float
        Two findings less alike than this are no match.
    """

    side_wrong: float = 0.5
    side_partly: float = 0.2
    side_unsaid: float = 0.06
    zone_wrong: float = 0.25
    zone_unsaid: float = 0.03
    severity: float = 0.1
    severity_unsaid: float = 0.05
    change_wrong: float = 0.2
    change_unsaid: float = 0.03
    certainty: float = 0.1
    size: float = 0.2
    tip_wrong: float = 0.4
    tip_unsaid: float = 0.1
    placement: float = 0.9
    access: float = 0.1
    pattern: float = 0.05
    normal: float = 0.1
    silence: float = 0.6
    doubtful: float = 0.5
    inferred: float = 0.5
    least: float = 0.2


@dataclass(frozen=True)
class Disagreement:
    """One thing that two reports say differently.

    Attributes
    ----------
    kind : {"missing", "invented", "wrong"}
        Seen from the reference.
    reference, hypothesis : Finding or None
        The finding of either; None where it is missing or invented.
    differing : tuple of str
        Attributes that are wrong: `side`, `severity`, `tip`; empty for missing and invented findings.
    cost : float
        The weight that is lost.
    """

    kind: Kind
    reference: Finding | None
    hypothesis: Finding | None
    differing: tuple[str, ...]
    cost: float

    @property
    def words(self) -> str:
        """The disagreement as a sentence."""
        if self.kind == "missing" and self.reference is not None:
            return f"missing: {self.reference.words}"
        if self.kind == "invented" and self.hypothesis is not None:
            return f"invented: {self.hypothesis.words}"
        if self.reference is None or self.hypothesis is None:
            return self.kind
        told = (f"{_SAID[one](self.hypothesis)} instead of {_SAID[one](self.reference)}" for one in self.differing)
        return f"wrong: {self.reference.words}: {', '.join(told)}"


@dataclass(frozen=True)
class Comparison:
    """A report against its reference.

    Attributes
    ----------
    precision, recall : float
        Share of the report's weight that the reference has, and of the reference's that the report has; 0 to 1.
    matches : tuple of (Finding, Finding, float)
        Reference's finding, report's finding, and how alike they are.
    disagreements : tuple of Disagreement
        The dearest first.
    """

    precision: float
    recall: float
    matches: tuple[tuple[Finding, Finding, float], ...]
    disagreements: tuple[Disagreement, ...]

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def weight(finding: Finding, costs: Costs) -> float:
    """How much a finding counts."""
    if not finding.present:
        return costs.normal
    lexicon = finding_lexicon()
    name = lexicon[finding.name]
    found = lexicon.weights["urgent" if finding.placed == "badly" else name.significance]
    if finding.severity is not None:
        found *= 0.8 + 0.1 * finding.severity + 0.05 * (finding.severity > 2)
    if finding.change == "same" and name.significance in ("minor", "chronic"):
        found *= 0.8
    return found * (1.0 if finding.certain else costs.doubtful) * (costs.inferred if finding.inferred else 1.0)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far each of two present findings is told by the other, from 0 to 1, and the attributes in which they differ.

    The two shares are the same but for what one report leaves unsaid: that costs the one which says it.
    """

    one: float
    other: float
    differing: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean of both."""
        return (self.one + self.other) / 2


_NOTHING: Final = Likeness(0.0, 0.0)


def likeness(one: Finding, other: Finding, costs: Costs) -> Likeness:
    """How alike two present findings are."""
    base = 1.0 if one.name == other.name else finding_lexicon().alike.get((one.name, other.name), 0.0)
    if not base:
        return _NOTHING
    lost = differences(one, other, costs)
    first, second = (base * max(0.0, 1.0 - fsum(cost[at] for cost in lost.values())) for at in (0, 1))
    return Likeness(first, second, (*(("name",) if one.name != other.name else ()), *lost))


def differences(one: Finding, other: Finding, costs: Costs) -> dict[str, tuple[float, float]]:
    """What each attribute costs, by attribute: of the one finding and of the other."""
    found: dict[str, tuple[float, float]] = {}
    if one.sides != other.sides:
        wrong = costs.side_wrong if one.sides.isdisjoint(other.sides) else costs.side_partly
        found["side"] = _cost(one.sides, other.sides, wrong, costs.side_unsaid)
    if one.zones != other.zones:
        found["zone"] = _cost(
            one.zones, other.zones, costs.zone_wrong * _apart(one.zones, other.zones), costs.zone_unsaid
        )
    if one.severity != other.severity:
        steps = abs((one.severity or 0.0) - (other.severity or 0.0)) - 0.5
        # half a step, as from minimal to mild, is the same degree in other words
        if steps > 0 or one.severity is None or other.severity is None:
            found["severity"] = _cost(one.severity, other.severity, costs.severity * steps, costs.severity_unsaid)
    if one.change != other.change:
        found["change"] = _cost(one.change, other.change, costs.change_wrong, costs.change_unsaid)
    if one.certain != other.certain:
        found["certainty"] = (costs.certainty, costs.certainty)
    if one.patterns and other.patterns and one.patterns.isdisjoint(other.patterns):
        found["pattern"] = (costs.pattern, costs.pattern)
    if one.millimetres != other.millimetres and one.millimetres and other.millimetres:
        size = costs.size * min(2.0, abs(log2(one.millimetres / other.millimetres)))
        found["size"] = (size, size)
    if one.kind == "device":
        found |= _device_differences(one, other, costs)
    return found


def _cost(one: object, other: object, wrong: float, unsaid: float) -> tuple[float, float]:
    """The cost of both where both say something, else of the one that does."""
    return (wrong, wrong) if one and other else (unsaid, 0.0) if one else (0.0, unsaid)


def _apart(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of places that not both have."""
    return 1 - len(one & other) / len(one | other)


def _device_differences(one: Finding, other: Finding, costs: Costs) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    right = finding_lexicon()[one.name].right
    well = [device.placed == "well" or bool(device.tips & right) for device in (one, other)]
    if (one.placed == "badly") != (other.placed == "badly"):
        found["placement"] = (costs.placement, costs.placement)
    if one.tips != other.tips and ((one.tips and other.tips) or not all(well)):
        # two right places are another place of the same kind
        share = 0.5 if one.tips & right and other.tips & right else 1.0
        wrong = share * costs.tip_wrong * _apart(one.tips, other.tips)
        found["tip"] = _cost(one.tips, other.tips, wrong, costs.tip_unsaid)
    if one.access and other.access and one.access != other.access:
        found["access"] = (costs.access, costs.access)
    return found


_SAID: Final[Mapping[str, Callable[[Finding], str]]] = {
    "name": lambda one: one.name,
    "side": lambda one: side_words(one.sides) or "no side",
    "zone": lambda one: " and ".join(sorted(one.zones)) or "no zone",
    "severity": lambda one: severity_words(one.severity) or "no degree",
    "change": lambda one: CHANGE_WORDS[one.change] or "no change said",
    "certainty": lambda one: "certain" if one.certain else "doubtful",
    "pattern": lambda one: " and ".join(sorted(one.patterns)),
    "size": lambda one: f"{one.millimetres:g} mm",
    "placement": lambda one: PLACED_WORDS[one.placed] or "placement not said",
    "tip": lambda one: f"tip in {' and '.join(sorted(one.tips))}" if one.tips else "tip not said",
    "access": lambda one: " and ".join(sorted(one.access)),
}
"""What a finding says of an attribute."""


def _dearest_first(disagreements: Sequence[Disagreement]) -> tuple[Disagreement, ...]:
    return tuple(sorted(disagreements, key=lambda one: (-one.cost, one.words)))


def compare_findings(
    reference: Sequence[Finding], hypothesis: Sequence[Finding], costs: Costs | None = None
) -> Comparison:
    """A report's findings against the reference's.

    Parameters
    ----------
    reference, hypothesis : sequence of Finding
        As `rrgbench.findings.reading.read_findings` gives them.
    costs : Costs, optional
        What differences cost.

    Returns
    -------
    Comparison
        Two reports without any finding agree; one without any against one with some has nothing right.
    """
    costs = costs or Costs()
    if not reference or not hypothesis:
        agree = float(not reference and not hypothesis)
        left = [Disagreement("missing", one, None, (), weight(one, costs)) for one in reference]
        left += [Disagreement("invented", None, one, (), weight(one, costs)) for one in hypothesis]
        return Comparison(agree, agree, (), _dearest_first(left))
    matches: list[tuple[Finding, Finding, float]] = []
    disagreements: list[Disagreement] = []
    stated = [[one for one in side if one.present] for side in (reference, hypothesis)]
    first, second = _split(stated[0], stated[1], costs), _split(stated[1], stated[0], costs)
    left_first, left_second = dict(enumerate(first)), dict(enumerate(second))
    right: tuple[list[float], list[float]] = ([], [])
    for row, column, alike in _assigned(first, second, costs):
        (one, one_weight), (other, other_weight) = left_first.pop(row), left_second.pop(column)
        matches.append((one, other, alike.mean))
        right[0].append(alike.one * one_weight)
        right[1].append(alike.other * other_weight)
        if alike.differing:
            lost = (one_weight + other_weight - right[0][-1] - right[1][-1]) / 2
            disagreements.append(Disagreement("wrong", one, other, alike.differing, lost))
    disagreements += [Disagreement("missing", one, None, (), lost) for one, lost in left_first.values()]
    disagreements += [Disagreement("invented", None, one, (), lost) for one, lost in left_second.values()]
    totals = ([counts for _, counts in first], [counts for _, counts in second])
    for one, credit in _normal_credits(reference, hypothesis, costs):
        totals[0].append(costs.normal)
        right[0].append(credit * costs.normal)
        if 0 < credit < 1:  # a denied finding that the other report states is told above
            disagreements.append(Disagreement("missing", one, None, (), (1 - credit) * costs.normal))
    for one, credit in _normal_credits(hypothesis, reference, costs):
        totals[1].append(costs.normal)
        right[1].append(credit * costs.normal)
        if 0 < credit < 1:
            disagreements.append(Disagreement("invented", None, one, (), (1 - credit) * costs.normal))
    # sums that don't depend on the order, so that a report is exactly 1 against itself
    recall, precision = (fsum(part) / fsum(whole) for part, whole in zip(right, totals, strict=True))
    return Comparison(precision, recall, tuple(matches), _dearest_first(disagreements))


_Weighed = list[tuple[Finding, float]]
_Pairs = dict[tuple[int, int], Likeness]
"""Findings with their weights; likeness by row and column."""


_TOLD: Final = tuple(one.name for one in fields(Finding) if one.name not in ("start", "end"))


def _order(finding: Finding) -> tuple[str, ...]:
    """A key that tells findings apart by all but where they stand."""
    values = (getattr(finding, name) for name in _TOLD)
    return tuple(" ".join(sorted(one)) if isinstance(one, frozenset) else str(one) for one in values)


def _split(findings: Sequence[Finding], others: Sequence[Finding], costs: Costs) -> _Weighed:
    """Findings with their weights; bilateral ones fall in two halves where the other report has each side apart."""
    found: _Weighed = []
    for one in findings:
        counts = weight(one, costs)
        if len(one.sides) == 2 and len({o.sides for o in others if o.name == one.name and len(o.sides) == 1}) == 2:
            found += [(replace(one, sides=frozenset({side})), counts / 2) for side in sorted(one.sides)]
        else:
            found.append((one, counts))
    return found


def _assigned(first: _Weighed, second: _Weighed, costs: Costs) -> Iterator[tuple[int, int, Likeness]]:
    """Pairs of the assignment that keeps most weight: row, column, likeness."""
    pairs: _Pairs = {}
    for row, (one, _) in enumerate(first):
        for column, (other, _) in enumerate(second):
            found = likeness(one, other, costs)
            if found.mean >= costs.least:
                pairs[row, column] = found
    chosen = list(pairs)
    if len({row for row, _ in pairs}) < len(pairs) or len({column for _, column in pairs}) < len(pairs):
        from scipy.optimize import linear_sum_assignment

        # of equally good assignments the same one, however the reports are told and whichever is the reference
        keys = [[_order(one) for one, _ in side] for side in (first, second)]
        ranks = [sorted(range(len(side)), key=side.__getitem__) for side in keys]
        turned = sorted(keys[0]) > sorted(keys[1])
        gain = np.array([[_gain(pairs, first, second, row, column) for column in ranks[1]] for row in ranks[0]])
        rows, columns = linear_sum_assignment(gain.T if turned else gain, maximize=True)
        if turned:
            rows, columns = columns, rows
        places = ((ranks[0][row], ranks[1][column]) for row, column in zip(rows, columns, strict=True))
        chosen = [place for place in places if place in pairs]
    for row, column in chosen:
        yield row, column, pairs[row, column]


def _gain(pairs: _Pairs, first: _Weighed, second: _Weighed, row: int, column: int) -> float:
    """The weight that a pair keeps."""
    if (row, column) not in pairs:
        return 0.0
    alike = pairs[row, column]
    return alike.one * first[row][1] + alike.other * second[column][1]


def _normal_credits(side: Sequence[Finding], other: Sequence[Finding], costs: Costs) -> list[tuple[Finding, float]]:
    """For each normal statement of one report how far the other agrees: 1, 0, or `silence` where it says nothing."""
    normals = [one for one in side if not one.present]
    lexicon = finding_lexicon()
    present = {one.name for one in other if one.present}
    troubled = {
        lexicon[name].structure for name in present if lexicon[name].significance in ("urgent", "major", "minor")
    }
    absent = {one.name for one in other if not one.present and one.kind != "structure"}
    denied = {lexicon[name].structure for name in absent}
    normal = {part for one in other if one.kind == "structure" for part in lexicon[one.name].covers}
    found = []
    for one in normals:
        if one.kind == "structure":
            parts = lexicon[one.name].covers
            agreed = len(parts & (normal | (denied - troubled)))
            silent = len(parts - normal - denied - troubled)
            found.append((one, (agreed + costs.silence * silent) / len(parts)))
        elif one.name in absent:
            found.append((one, 1.0))
        elif one.name in present:
            found.append((one, 0.0))
        else:
            found.append((one, 1.0 if lexicon[one.name].structure in normal else costs.silence))
    return found
