"""What a run comes to in one sentence: whether its model is better than systems that take no skill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.metrics.catalogue import entry
from rrgbench.render.record_tables import CONSTANT, TableDescription
from rrgbench.render.run_summary import headline_title, headlines_of, records_of
from rrgbench.render.table import Tone
from rrgbench.runs.records import Identity, Record
from rrgbench.stats.paired import bootstrap_p_value, holm

Resamples = Mapping[Identity, NDArray[np.float64]]
"""By a record's identity, under the names that tables show: its value on each resample of the studies (r,)."""
Outcome = Literal["better", "worse", "open"]

_RIVALS: Final = {
    CONSTANT: "the best constant report",
    "classifier-template": "a classifier's findings in fixed sentences",
    "nearest-neighbour": "the nearest neighbour's report",
    "most-frequent": "the most frequent report",
}
_MOST: Final = 3
"""Rivals that a sentence names."""
_ALPHA: Final = 0.05
_MEASURED: Final = ("corpus", "split", "n", "protocol", "labeler", "avg", "unc", "obs", "labels", "mean", "obs_defined")
"""Fields of a signature that say what is measured."""


@dataclass(frozen=True)
class Verdict:
    """A sentence, how it was come to, and its tone.

    Attributes
    ----------
    sentence : str
        Which metrics it beats whom in, loses in, or can't be told apart in.
    how : str
        The test behind it.
    tone : {"good", "bad", "open", ""}
        Good where it beats the constant in every headline metric of reports, bad where in none.
    """

    sentence: str
    how: str
    tone: Tone


@dataclass(frozen=True)
class _Pair:
    rival: str
    title: str
    gap: float
    p: float | None
    apart: bool


def verdict(
    records: Sequence[Record], resamples: Resamples, descriptions: Sequence[TableDescription], model: str
) -> Verdict | None:
    """Compare a model with trivial systems in the headline metrics, and say the result.

    Parameters
    ----------
    records : sequence of Record
        Of a run, under the names that tables show.
    resamples : mapping
        Of those values that have some: differences are then tested pairwise; else they count as told apart where
        intervals don't meet.
    descriptions : sequence of TableDescription
        Whose `headlines` are compared.
    model : str
        Under its name in tables.

    Returns
    -------
    Verdict or None
        None where there is nothing to compare with.
    """
    here = [record for record in records if record.observation is None]
    pairs: list[_Pair] = []
    unlike: list[str] = []
    for headline in headlines_of(here, descriptions):
        if not entry(headline.metric).better:
            continue
        for rival in _RIVALS:
            own, other = (_only(records_of(here, headline, name)) for name in (model, rival))
            if own is None or other is None:
                continue
            if rival != CONSTANT and _unlike(own, other):
                unlike.append(headline_title(headline))
            else:
                pairs.append(_compared(own, other, resamples, rival, headline_title(headline)))
    present = [rival for rival in _RIVALS if any(pair.rival == rival for pair in pairs)][:_MOST]
    pairs = [pair for pair in pairs if pair.rival in present]
    if not pairs:
        return None
    tested = [pair for pair in pairs if pair.p is not None]
    adjusted = dict(zip(map(id, tested), holm(np.array([pair.p for pair in tested])) if tested else (), strict=True))
    outcomes: list[tuple[_Pair, Outcome]] = []
    for pair in pairs:
        sure = adjusted[id(pair)] < _ALPHA if id(pair) in adjusted else pair.apart
        outcomes.append((pair, "open" if not sure or pair.gap == 0 else "better" if pair.gap > 0 else "worse"))
    clauses = [
        _clause(_RIVALS[rival], [(pair.title, found) for pair, found in outcomes if pair.rival == rival])
        for rival in present
    ]
    first = [found for pair, found in outcomes if pair.rival == present[0]]
    tone: Tone = "good" if set(first) == {"better"} else "bad" if "better" not in first else "open"
    how = f"Paired bootstrap over the studies, Holm over {len(tested)} comparisons, 5 %" if tested else ""
    rest = len(pairs) - len(tested)
    how = "; ".join(filter(None, (how, f"{rest} by intervals that do or don't meet" if rest else "")))
    if unlike:
        how += f"; {', '.join(dict.fromkeys(unlike))} is left out where both are not made in the same way"
    if CONSTANT in present:
        how += "; the constant is the best of all training reports for each metric, chosen on these very studies"
    return Verdict(f"{model} {'; it '.join(clauses)}.", f"{how}.", tone)


def _unlike(one: Record, other: Record) -> bool:
    """Whether their signatures say that two values are of different things: other studies, observations or labels."""
    told = [dict(part.partition(":")[::2] for part in (record.signature or "").split("|")) for record in (one, other)]
    return all(told) and any(told[0].get(name) != told[1].get(name) for name in _MEASURED)


def _compared(own: Record, other: Record, resamples: Resamples, rival: str, title: str) -> _Pair:
    sign = -1.0 if entry(own.metric).better == "lower" else 1.0
    gap = sign * ((own.value or 0.0) - (other.value or 0.0))
    mine = resamples.get(own.identity)
    theirs = np.asarray(other.value) if rival == CONSTANT else resamples.get(other.identity)
    if mine is not None and theirs is not None and theirs.shape in ((), mine.shape):
        return _Pair(rival, title, gap, bootstrap_p_value(gap, sign * (mine - theirs)), False)
    spans = [
        (one.value if one.low is None else one.low, one.value if one.high is None else one.high) for one in (own, other)
    ]
    (low, high), (low_other, high_other) = [(start or 0.0, end or 0.0) for start, end in spans]
    known = own.low is not None
    return _Pair(rival, title, gap, None, known and (low > high_other or high < low_other))


def _clause(rival: str, found: Sequence[tuple[str, Outcome]]) -> str:
    """What it does against one rival: `beats X in A and B, loses to it in C, and is not told apart from it in D`."""
    by: dict[Outcome, list[str]] = {"better": [], "worse": [], "open": []}
    for title, outcome in found:
        by[outcome].append(title)
    every = len(found) > 1
    words = {
        "better": ("beats {}", "beats it"),
        "worse": ("loses to {}", "loses to it"),
        "open": ("is not told apart from {}", "is not told apart from it"),
    }
    parts: list[str] = []
    for outcome, titles in by.items():
        if titles:
            verb = words[outcome][1 if parts else 0].format(rival)
            place = f"all of {_listed(titles)}" if every and len(titles) == len(found) else _listed(titles)
            parts.append(f"{verb} in {place}")
    return ", and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _listed(titles: Sequence[str]) -> str:
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def _only(records: Sequence[Record]) -> Record | None:
    """The one record with a value; several seeds are not compared here."""
    known = [record for record in records if record.value is not None]
    return known[0] if len(known) == 1 else None
