"""Reports to labels: mentions per sentence, then CheXpert's aggregation over the report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.labelers.rules.version1.anatomy import ANATOMY, state_label
from rrgbench.labelers.rules.version1.lexicon import OTHER_FINDING, Event, Kind, lexicon, normalise
from rrgbench.labelers.rules.version1.scope import neighbourhood, polarity
from rrgbench.labelers.sentences import sentence_spans
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index

NO_FINDING: Final = observation_index("No Finding")
ENLARGED_CARDIOMEDIASTINUM: Final = observation_index("Enlarged Cardiomediastinum")
CARDIOMEGALY: Final = observation_index("Cardiomegaly")
SUPPORT_DEVICES: Final = observation_index("Support Devices")
_HEART_FAILURE: Final = re.compile(r"failure|chf|decompensation")
_ANATOMY_OBSERVATIONS: Final = {
    Kind.HEART: (CARDIOMEGALY,),
    Kind.HEART_CONTOUR: (CARDIOMEGALY, ENLARGED_CARDIOMEDIASTINUM),
    Kind.MEDIASTINUM: (ENLARGED_CARDIOMEDIASTINUM,),
}
_MENTIONING: Final = (*ANATOMY, Kind.FINDING, Kind.SUGGESTIVE)
_RANK: Final = {UNMENTIONED: 0, NEGATIVE: 1, UNCERTAIN: 2, POSITIVE: 3}
"""CheXpert's precedence when an observation is mentioned more than once."""


@dataclass(frozen=True, slots=True)
class Mention:
    """One mention of one observation.

    Attributes
    ----------
    observation : int
        Column 0 to 13 in the order of `rrgbench.observations.OBSERVATIONS`.
    label : int
        1 positive, 0 negative, -1 uncertain.
    sentence : str
        The sentence it stands in.
    start, end : int
        Half-open character range of the mentioning words in the report.
    """

    observation: int
    label: int
    sentence: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Found:
    """A mention within its sentence; the observation may be `OTHER_FINDING`."""

    observation: int
    label: int
    start: int
    end: int


class RulesLabeler:
    """CheXpert labels by rules, without a parser, a download or a GPU.

    Mentions are found with our own lexicon, negation and uncertainty are scoped within the sentence (after NegBio), and
    mentions are aggregated by CheXpert's published rules (Irvin et al., AAAI 2019): positive before uncertain before
    negative; No Finding is 1 when no other observation than Support Devices is positive or uncertain and no abnormality
    outside the 14 is described, else blank; a report that speaks of heart failure has at least uncertain cardiomegaly.

    Text may be raw or lower-cased and tokenised, with masks (`XXXX`, `___`). A report without any mention, the
    empty one included, gets No Finding = 1 and blanks otherwise, as CheXpert's rule has it.

    Examples
    --------
    >>> RulesLabeler().label(["Small left effusion. No pneumothorax."])[0, [9, 10]]
    array([0, 1], dtype=int8)
    """

    name = "rules"
    version = "1"

    @property
    def identity(self) -> str:
        """Name and version, as signatures show it."""
        return f"{self.name}@{self.version}"

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels of reports.

        Parameters
        ----------
        reports : sequence of str
            n report texts.

        Returns
        -------
        int8 array (n, 14)
            CheXpert coding: 1 positive, 0 negative, -1 uncertain, -2 (`UNMENTIONED`) blank.
        """
        labels = np.full((len(reports), len(OBSERVATIONS)), UNMENTIONED, dtype=np.int8)
        rows: dict[str, int] = {}
        for row, report in enumerate(reports):
            first = rows.setdefault(report, row)
            labels[row] = labels[first] if first != row else self._label_one(report)
        return labels

    def mentions(self, report: str) -> tuple[Mention, ...]:
        """Every mention of one of the 14 observations (No Finding has none of its own), in order of appearance."""
        return tuple(
            Mention(found.observation, found.label, report[start:end], start + found.start, start + found.end)
            for start, end in sentence_spans(report)
            for found in read_sentence(report[start:end])
            if found.observation != OTHER_FINDING
        )

    def sentences(self, report: str) -> list[tuple[str, frozenset[int]]]:
        """A report's sentences in order, each with the observations (columns 0 to 13) that it mentions.

        No Finding is mentioned by a sentence that calls the lungs or the whole film normal.
        """
        normality = lexicon().normality
        told = []
        for start, end in sentence_spans(report):
            sentence = report[start:end]
            mentioned = {found.observation for found in read_sentence(sentence)} - {OTHER_FINDING}
            if normality.search(normalise(sentence)):
                mentioned.add(NO_FINDING)
            told.append((sentence, frozenset(mentioned)))
        return told

    def descriptions(self, report: str) -> tuple[str | None, ...]:
        """For each observation the sentences that mention it, joined by a blank, in order; None where none does."""
        told = self.sentences(report)
        groups = ([sentence for sentence, mentioned in told if o in mentioned] for o in range(len(OBSERVATIONS)))
        return tuple(" ".join(group) if group else None for group in groups)

    def _label_one(self, report: str) -> list[int]:
        labels = [UNMENTIONED] * (len(OBSERVATIONS) + 1)
        for start, end in sentence_spans(report):
            for found in read_sentence(report[start:end]):
                if _RANK[found.label] > _RANK[labels[found.observation]]:
                    labels[found.observation] = found.label
        abnormal = any(
            label in (POSITIVE, UNCERTAIN) for column, label in enumerate(labels) if column != SUPPORT_DEVICES
        )
        labels[NO_FINDING] = UNMENTIONED if abnormal else POSITIVE
        return labels[:-1]


@lru_cache(maxsize=200_000)
def read_sentence(sentence: str) -> tuple[_Found, ...]:
    """Mentions in one sentence; remembered, since reports repeat most of their sentences."""
    text = normalise(sentence)
    events = list(lexicon().read(text))
    found: list[_Found] = []
    for position, event in enumerate(events):
        found.extend(_mention(text, events, position, event))
    return tuple(found)


def _mention(text: str, events: Sequence[Event], position: int, event: Event) -> list[_Found]:
    """The mentions that one event stands for."""
    if event.kind not in _MENTIONING:
        return []
    events, position = neighbourhood(events, position)
    if event.kind in ANATOMY:
        label = state_label(text, events, position)
        if label is None:
            return []
        return [_Found(column, label, event.start, event.end) for column in _ANATOMY_OBSERVATIONS[event.kind]]
    label = polarity(text, events, position)
    if event.kind is Kind.SUGGESTIVE and label == POSITIVE:
        label = UNCERTAIN
    found = [_Found(event.observation, label, event.start, event.end)]
    if label != NEGATIVE and _HEART_FAILURE.search(event.trigger):
        found.append(_Found(CARDIOMEGALY, UNCERTAIN, event.start, event.end))
    return found
