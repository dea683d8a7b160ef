"""A report as edits see it: sentences, each with what the phantom told in it or what the labeler reads in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rrgbench.data.phantom.corpus import PhantomStudy
from rrgbench.data.phantom.told import Told
from rrgbench.data.study import Study
from rrgbench.labelers.rules import Mention, StandardLabeler
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN

_STOP = re.compile(r"\s*[.!]*\s*$")
_LEANS = re.compile(
    r"\s*(?:\(?\d|this|these|those|that|it|they|he|she|here|also|but|however|otherwise|although|such|both|again|"
    r"additionally|other|another|the (?:above|former|latter|remain\w+|rest)|in addition|findings?\b|given|compared)\b|"
    r".*\b(?:aforementioned|above|remainder|same|otherwise|as well|also|as described|this|these|those)\b",
    re.IGNORECASE,
)
_ADVISES = re.compile(
    r"\s*(?:please|correlat\w+|clinical correlation|consider|compar\w+|recommend\w*|follow|suggest|evaluate|see)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Sentence:
    """A sentence of a report.

    Attributes
    ----------
    text : str
        As it stands, with its full stop.
    told : Told or None
        What the phantom tells in it; None in a real report.
    mentions : tuple of Mention
        What the labeler reads in a real report's sentence.
    """

    text: str
    told: Told | None = None
    mentions: tuple[Mention, ...] = ()

    @property
    def stem(self) -> str:
        """The sentence without its full stop."""
        return _STOP.sub("", self.text)

    @property
    def leans(self) -> bool:
        """Whether it says something of the sentence before, or is numbered; the phantom's sentences stand alone."""
        return self.told is None and _LEANS.match(self.text) is not None

    @property
    def advises(self) -> bool:
        """Whether it says what to do, not what is seen; the phantom's advice is told as a remark."""
        return self.told is None and _ADVISES.match(self.text) is not None

    @property
    def positive(self) -> frozenset[str]:
        """Observations that it says are there, without doubt."""
        if self.told is not None:
            present = self.told.kind == "finding" and self.told.finding is not None and self.told.finding.certain
            return frozenset(self.told.about) if present or self.told.kind == "device" else frozenset()
        return self.read(POSITIVE)

    @property
    def uncertain(self) -> frozenset[str]:
        """Observations that it says are perhaps there."""
        if self.told is not None:
            doubtful = self.told.kind == "finding" and self.told.finding is not None and not self.told.finding.certain
            return frozenset(self.told.about) if doubtful else frozenset()
        return self.read(UNCERTAIN)

    @property
    def negative(self) -> frozenset[str]:
        """Observations that it says are not there."""
        if self.told is not None:
            return frozenset(self.told.about) if self.told.kind in ("denial", "normal", "change") else frozenset()
        return self.read(NEGATIVE)

    def read(self, label: int) -> frozenset[str]:
        """Observations that the labeler reads with a label."""
        return frozenset(OBSERVATIONS[one.observation] for one in self.mentions if one.label == label)

    def placed(self, mention: Mention) -> tuple[int, int]:
        """Where a mention's words stand in the sentence."""
        return mention.start - mention.sentence_start, mention.end - mention.sentence_start


@dataclass(frozen=True)
class Draft:
    """A study's report in sentences.

    Attributes
    ----------
    study_id : str
        Of the study.
    text : str
        The report as it is.
    sentences : tuple of Sentence
        In order; joined by blanks they say what the report says.
    """

    study_id: str
    text: str
    sentences: tuple[Sentence, ...]

    @property
    def spoken_of(self) -> frozenset[str]:
        """Observations that the report says anything about."""
        return frozenset[str]().union(*(one.positive | one.uncertain | one.negative for one in self.sentences))

    @property
    def positive(self) -> frozenset[str]:
        """Findings that the report says are there; devices are none."""
        return frozenset[str]().union(*(one.positive for one in self.sentences)) - {"Support Devices"}


@dataclass(frozen=True)
class Change:
    """One sentence changed.

    Attributes
    ----------
    place : int or None
        Which sentence; None for one more at the end.
    text : str
        What stands there afterwards, without a full stop; empty to leave the sentence out.
    """

    place: int | None
    text: str


def changed(draft: Draft, changes: Sequence[Change]) -> str:
    """The report with some of its sentences changed."""
    texts: list[str] = [sentence.text for sentence in draft.sentences]
    added = [f"{change.text}." for change in changes if change.place is None]
    if added and texts:
        texts[-1] = f"{draft.sentences[-1].stem}."
    for change in changes:
        if change.place is not None:
            texts[change.place] = f"{change.text}." if change.text else ""
    return " ".join(filter(None, [*texts, *added]))


def draft_of(study: Study) -> Draft:
    """The draft of a study that has a report."""
    if isinstance(study, PhantomStudy):
        told = study.told()
        return Draft(study.study_id, study.report, tuple(Sentence(f"{one.text}.", one) for one in told))
    return draft_of_text(study.study_id, study.report or "")


def draft_of_text(study_id: str, report: str) -> Draft:
    """The draft of a text, cut into sentences and read by the rule-based labeler."""
    labeler = StandardLabeler()
    by_sentence: dict[int, list[Mention]] = {}
    for mention in labeler.mentions(report):
        by_sentence.setdefault(mention.sentence_start, []).append(mention)
    sentences = tuple(
        Sentence(report[one.start : one.end], mentions=tuple(by_sentence.get(one.start, ())))
        for one in labeler.statements(report)
    )
    return Draft(study_id, report, sentences)


def like(model: str, text: str) -> str:
    """A text that begins with a capital where the model does."""
    return text[:1].upper() + text[1:] if model[:1].isupper() else text


def uncapitalised(text: str) -> str:
    """A sentence's words as they stand within another; what is written in capitals stays."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]
