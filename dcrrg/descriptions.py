"""What the decoder learns to write in step 3: a report taken apart into descriptions of its observations.

An observation's description is those sentences of the report that mention it. The paper describes one observation at a
time; descriptions of several together (`observation_sets`) teach the decoder to go from one to the next.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rrgbench.labelers import RulesLabeler
from rrgbench.observations import OBSERVATIONS, observation_index

NO_FINDING = observation_index("No Finding")

NoFinding = Literal["normality", "rest"]
"""Which sentences describe No Finding: those that call lungs or film normal, or all that mention no other observation
(technique, bones, aorta ...), so that the 14 descriptions together are the report."""

Unmentioned = Literal["token", "omitted"]
"""What step 3 makes of an observation that a report does not mention: the decoder writes a token that says so, or it is
never asked."""

Sentences = Sequence[tuple[str, Collection[int]]]
"""Sentences of a report in order, each with the observations (columns) whose descriptions it belongs to."""


@dataclass(frozen=True)
class DescriptionRow:
    """One description to learn.

    Attributes
    ----------
    observations : tuple of int
        What is described (columns), in the order of the start tokens.
    tokens : list of int
        Start tokens, description or "not mentioned", end token.
    """

    observations: tuple[int, ...]
    tokens: list[int]


def described_sentences(report: str, no_finding: NoFinding) -> Sentences:
    """A report's sentences with the observations that each describes."""
    found = RulesLabeler().sentences(report)
    if no_finding == "normality":
        return found
    return [(sentence, mentioned - {NO_FINDING} or {NO_FINDING}) for sentence, mentioned in found]


def description(sentences: Sentences, observations: Collection[int]) -> list[str]:
    """The sentences that describe any of some observations, in the report's order."""
    wanted = set(observations)
    return [sentence for sentence, described in sentences if wanted.intersection(described)]


def observation_sets(studies: int, count: int, seed: int) -> list[list[NDArray[np.int64]]]:
    """Sets of two to 14 observations, in random order, to be described together: `count` for each study."""
    rng = np.random.default_rng([seed, studies])
    columns = len(OBSERVATIONS)
    return [[rng.permutation(columns)[: rng.integers(2, columns + 1)] for _ in range(count)] for _ in range(studies)]


def description_rows(
    reports: Sequence[str],
    tokenizer: Any,
    starts: Sequence[int],
    absent: int,
    most: int,
    no_finding: NoFinding,
    sets: int,
    seed: int,
    unmentioned: Unmentioned = "token",
) -> list[list[DescriptionRow]]:
    """What is to be learned of each report: a row for each observation, then one for each set of observations.

    Parameters
    ----------
    reports : sequence of str
        Training reports.
    tokenizer : Any
        Of the decoder.
    starts : sequence of int
        Start token of each observation.
    absent : int
        The "not mentioned" token.
    most : int
        Tokens of a description, the end token included.
    no_finding : str
        See `NoFinding`.
    sets : int
        Sets of observations a report.
    seed : int
        Of the sets.
    unmentioned : str
        See `Unmentioned`; where it is `omitted`, a row of which nothing is said is left out.
    """
    known: dict[str, list[int]] = {}

    def tokens(sentence: str) -> list[int]:
        if sentence not in known:
            known[sentence] = tokenizer(sentence, add_special_tokens=False)["input_ids"]
        return known[sentence]

    rows = []
    for report, drawn in zip(reports, observation_sets(len(reports), sets, seed), strict=True):
        sentences = described_sentences(report, no_finding)
        study: list[DescriptionRow] = []
        asked = [[column] for column in range(len(starts))] + [some.tolist() for some in drawn]
        for observations in asked:
            written = [token for sentence in description(sentences, observations) for token in tokens(sentence)]
            if not written and unmentioned == "omitted":
                continue
            prompted = [starts[observation] for observation in observations]
            row = [*prompted, *(written[: most - 1] or [absent]), tokenizer.eos_token_id]
            study.append(DescriptionRow(tuple(observations), row))
        rows.append(study)
    return rows
