"""Reports to labels: mentions per statement, then CheXpert's aggregation over the report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.labelers.rules.anatomy import ANATOMY, state_label
from rrgbench.labelers.rules.background import background
from rrgbench.labelers.rules.heads import headed as headed_before
from rrgbench.labelers.rules.heads import headed_anywhere
from rrgbench.labelers.rules.lexicon import OTHER_FINDING, PACKAGE, Edition, Event, Kind, Lexicon, lexicon, normalise
from rrgbench.labelers.rules.residue import left_over
from rrgbench.labelers.rules.scope import (
    DOUBT,
    HISTORY,
    NEGATION,
    NOTHING_NEW,
    UNCHANGED,
    cues,
    denied_list,
    is_against,
    is_alternative,
    says_itself,
)
from rrgbench.labelers.rules.statements import Statement, statements
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index
from rrgbench.text_lists import require_texts

NO_FINDING: Final = observation_index("No Finding")
ENLARGED_CARDIOMEDIASTINUM: Final = observation_index("Enlarged Cardiomediastinum")
CARDIOMEGALY: Final = observation_index("Cardiomegaly")
SUPPORT_DEVICES: Final = observation_index("Support Devices")
_HEART_FAILURE: Final = re.compile(r"failure|chf|decompensation")
_NORMALLY_THERE: Final = re.compile(r"interstitium|markings?")
_ANATOMY_OBSERVATIONS: Final = {
    Kind.HEART: (CARDIOMEGALY,),
    Kind.HEART_CONTOUR: (CARDIOMEGALY, ENLARGED_CARDIOMEDIASTINUM),
    Kind.MEDIASTINUM: (ENLARGED_CARDIOMEDIASTINUM,),
}
MENTIONING: Final = (*ANATOMY, Kind.FINDING, Kind.SUGGESTIVE)
"""Events that stand for a mention."""
_ITEM: Final = re.compile(r"\n[ \t]*(?:[-*+•‣▪●◦∙·○■□➢→⁃]|\(?(?:\d{1,2}|[a-h])[.)])\s*$")
"""How an item of a list begins, seen from its first word."""
_AS_WORDS: Final = str.maketrans('"{}=', "   :")
"""Signs of data as words have them: `{"edema": "absent"}`, `edema=0`."""
_NUMBERED: Final = re.compile(r"\(?(?:\d{1,2}|[a-h])[.)]\s")
_RANK: Final = {UNMENTIONED: 0, NEGATIVE: 1, UNCERTAIN: 2, POSITIVE: 3}
"""CheXpert's precedence when an observation is mentioned more than once."""

History = Literal["negative", "unmentioned", "positive"]
"""What "history of pneumonia" says of Pneumonia; negative is CheXpert's rule."""
NothingNew = Literal["negative", "uncertain"]
"""What "no new consolidation" says of Consolidation; uncertain is CheXpert's rule, negative the plain sense."""
Convention = Literal["plain", "chexbert", "chexpert"]
"""Whose guideline holds where it differs from what the words say (docs/labelers.md lists the differences)."""


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
    sentence_start : int
        Where the sentence begins in the report.
    """

    observation: int
    label: int
    sentence: str
    start: int
    end: int
    sentence_start: int

    @property
    def present(self) -> bool:
        """Polarity: whether the finding is said to be there, if only perhaps."""
        return self.label != NEGATIVE

    @property
    def certain(self) -> bool:
        """Whether it is said without doubt."""
        return self.label != UNCERTAIN

    @property
    def sentence_end(self) -> int:
        """Where the sentence ends in the report."""
        return self.sentence_start + len(self.sentence)


@dataclass(frozen=True, slots=True)
class Found:
    """A mention within its statement; the observation may be `OTHER_FINDING`."""

    observation: int
    label: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Reading:
    """How statements are read: an edition of the lexicon and the options of the labeler."""

    edition: Edition
    history: History = "negative"
    nothing_new: NothingNew = "negative"


class RulesLabeler:
    """CheXpert labels by rules, without a parser, a download or a GPU.

    A report is cut into statements whatever its layout; mentions are found with our own lexicon, negation and doubt are
    scoped within the statement (after NegBio), and mentions are aggregated by CheXpert's published rules (Irvin et al.,
    AAAI 2019): positive before uncertain before negative; No Finding is 1 when no other observation than Support
    Devices is positive or uncertain and no abnormality outside the 14 is described, else blank; a report that speaks of
    heart failure has at least uncertain cardiomegaly.

    Text may be raw or lower-cased and tokenised, with masks (`XXXX`, `___`). A report without any mention, the
    empty one included, gets No Finding = 1 and blanks otherwise, as CheXpert's rule has it.

    Parameters
    ----------
    history : str
        See `History`.
    nothing_new : str
        See `NothingNew`.
    convention : str
        See `Convention`.

    Raises
    ------
    InputError
        If an option has no such value.

    Examples
    --------
    >>> RulesLabeler().label(["- Small left effusion\\n- No pneumothorax"])[0, [9, 10]]
    array([0, 1], dtype=int8)
    """

    name = "rules"
    version = "4"

    def __init__(
        self, history: History = "negative", nothing_new: NothingNew = "negative", convention: Convention = "plain"
    ) -> None:
        for option, value, known in (
            ("history", history, get_args(History)),
            ("nothing_new", nothing_new, get_args(NothingNew)),
            ("convention", convention, get_args(Convention)),
        ):
            if value not in known:
                raise InputError(f"{option} is {value!r}; expected one of {', '.join(known)}")
        self.reading = Reading(Edition(int(self.version), convention), history, nothing_new)

    @property
    def identity(self) -> str:
        """Name and version, and the options that are not the default, as signatures show it."""
        default = Reading(Edition(int(self.version)))
        options = {
            "history": (self.reading.history, default.history),
            "nothing_new": (self.reading.nothing_new, default.nothing_new),
            "convention": (self.reading.edition.convention, default.edition.convention),
        }
        changed = (f"+{name}={value}" for name, (value, usual) in options.items() if value != usual)
        return f"{self.name}@{self.version}" + "".join(changed)

    @property
    def lexicon(self) -> Lexicon:
        """The compiled lexicon that the labeler reads with."""
        return lexicon(PACKAGE, self.reading.edition)

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
        require_texts(reports)
        labels = np.full((len(reports), len(OBSERVATIONS)), UNMENTIONED, dtype=np.int8)
        rows: dict[str, int] = {}
        for row, report in enumerate(reports):
            first = rows.setdefault(report, row)
            labels[row] = labels[first] if first != row else self._label_one(report)
        return labels

    def mentions(self, report: str) -> tuple[Mention, ...]:
        """Every mention of one of the 14 observations (No Finding has none of its own), in order of appearance."""
        return tuple(
            Mention(
                found.observation,
                found.label,
                report[told.start : told.end],
                told.place(found.start),
                told.place(found.end - 1) + 1,
                told.start,
            )
            for told, read in self._told(report)
            for found in read or ()
            if found.observation != OTHER_FINDING
        )

    def sentences(self, report: str) -> list[tuple[str, frozenset[int]]]:
        """A report's sentences in order, each with the observations (columns 0 to 13) that it mentions.

        No Finding is mentioned by a sentence that calls the lungs or the whole film normal.
        """
        sentences = []
        for told, read in self._told(report):
            mentioned = {found.observation for found in read or ()} - {OTHER_FINDING}
            if read is not None and self.lexicon.normality.search(normalise(told.text)):
                mentioned.add(NO_FINDING)
            sentences.append((report[told.start : told.end], frozenset(mentioned)))
        return sentences

    def descriptions(self, report: str) -> tuple[str | None, ...]:
        """For each observation the sentences that mention it, joined by a blank, in order; None where none does."""
        told = self.sentences(report)
        groups = ([sentence for sentence, mentioned in told if o in mentioned] for o in range(len(OBSERVATIONS)))
        return tuple(" ".join(group) if group else None for group in groups)

    def statements(self, report: str) -> list[Statement]:
        """The statements of a report, in order."""
        return statements(report, pairs=self.reading.edition.version >= 4)

    def read(self, statement: str) -> tuple[Found, ...]:
        """The mentions in one statement."""
        return read_statement(statement, self.reading)

    def _told(self, report: str) -> list[tuple[Statement, tuple[Found, ...] | None]]:
        """The statements of a report in order, each with its mentions; None in sections that aren't read."""
        told = self.statements(report)
        if self.reading.edition.version < 4:
            return [(one, self.read(one.text)) for one in told]
        as_given = self.reading.history == "positive"
        skipped = [False] * len(told) if as_given else background(told, report)
        found: list[tuple[Statement, tuple[Found, ...] | None]] = []
        denied = False
        for i, (one, skip) in enumerate(zip(told, skipped, strict=True)):
            denied = denied and _is_item(report, told[i - 1].end, one) and not self._says_itself(one)
            found.append((one, None if skip else read_statement(one.text, self.reading, denied)))
            if not denied and ("\n" in report[one.start : one.end] or one.text.rstrip().endswith(":")):
                text = normalise(one.text)
                denied = denied_list(text, list(self.lexicon.read(text)))
        return found

    def _says_itself(self, told: Statement) -> bool:
        return says_itself(list(self.lexicon.read(normalise(told.text))))

    def _label_one(self, report: str) -> list[int]:
        labels = [UNMENTIONED] * (len(OBSERVATIONS) + 1)
        for _, read in self._told(report):
            for found in read or ():
                if _RANK[found.label] > _RANK[labels[found.observation]]:
                    labels[found.observation] = found.label
        abnormal = any(
            label in (POSITIVE, UNCERTAIN) for column, label in enumerate(labels) if column != SUPPORT_DEVICES
        )
        labels[NO_FINDING] = UNMENTIONED if abnormal else POSITIVE
        return labels[:-1]


class RulesLabeler3(RulesLabeler):
    """CheXpert labels as `rules@3` gave them: the version that the shipped protocols name."""

    version = "3"


class RulesLabeler2(RulesLabeler):
    """CheXpert labels as `rules@2` gave them: the lexicon of then, no convention but the plain one."""

    version = "2"

    def __init__(self, history: History = "negative", nothing_new: NothingNew = "negative") -> None:
        super().__init__(history, nothing_new)


@lru_cache(maxsize=200_000)
def read_statement(statement: str, reading: Reading, denied: bool = False) -> tuple[Found, ...]:
    """Mentions in one statement; remembered, since reports repeat most of their sentences.

    Parameters
    ----------
    statement : str
        As `statements` cuts it.
    reading : Reading
        How it is read.
    denied : bool
        Whether it is an item of a list under a negation ("No evidence of:").
    """
    version = reading.edition.version
    text = normalise(statement)
    if version >= 4:
        text = text.translate(_AS_WORDS)
    events = list(lexicon(PACKAGE, reading.edition).read(text))
    if not any(event.kind in MENTIONING for event in events):
        return ()
    reached = cues(text, events, version, denied)
    headed = (headed_anywhere if version >= 4 else headed_before)(text, events)
    left = left_over(text, events, reached) if version >= 4 else {}
    found: list[Found] = []
    for position, event in enumerate(events):
        if event.kind not in MENTIONING:
            continue
        if position in headed:
            label = headed[position]
        elif position in left:
            label = left[position]
        elif event.kind in ANATOMY:
            label = state_label(text, events, reached, position, version)
            if label is None and reading.edition.convention != "plain" and _named(text, event):
                label = POSITIVE  # CheXpert's rule: what is mentioned and neither denied nor doubted
        elif version >= 4 and reached[position] == 0 and is_against(text, events, position):
            label = UNCERTAIN
        else:
            label = _label(events, position, reached[position], reading)
        found += found_of(event, label)
    return tuple(found)


def found_of(event: Event, label: int | None) -> list[Found]:
    """The mentions that one event stands for, given its label (None where it says nothing)."""
    if label is None:
        return []
    columns = _ANATOMY_OBSERVATIONS.get(event.kind, (event.observation,))
    found = [Found(column, label, event.start, event.end) for column in columns]
    if label != NEGATIVE and event.kind not in ANATOMY and _HEART_FAILURE.search(event.trigger):
        found.append(Found(CARDIOMEGALY, UNCERTAIN, event.start, event.end))
    return found


def _label(events: Sequence[Event], position: int, cue: int, reading: Reading) -> int | None:
    """Label of the finding `events[position]`, or None where it does not count."""
    if cue & NEGATION or _normal(events, position):
        return NEGATIVE
    if cue & NOTHING_NEW:
        return NEGATIVE if reading.nothing_new == "negative" else UNCERTAIN
    if cue & HISTORY and reading.history != "positive":
        return NEGATIVE if reading.history == "negative" else None
    if cue & DOUBT or events[position].kind is Kind.SUGGESTIVE:
        return UNCERTAIN
    if not cue & UNCHANGED and is_alternative(events, position):
        return UNCERTAIN
    return POSITIVE


def _named(text: str, event: Event) -> bool:
    """Whether the anatomy is what is spoken of: "the heart", "cardiac size", not "left heart" or "cardiac surgery"."""
    return " " in event.trigger or text.endswith("the ", 0, event.start) or event.trigger.endswith("mediastinum")


def _normal(events: Sequence[Event], position: int) -> bool:
    """Whether the finding is one that may be normal, and is called so: "the interstitium is normal"."""
    if not _NORMALLY_THERE.search(events[position].trigger):
        return False
    after = position + 1
    if after < len(events) and events[after].kind is Kind.PREDICATE:
        after += 1
    beside = (i for i in (position - 1, after) if 0 <= i < len(events) and events[i].kind is Kind.NORMAL)
    return any(
        max(events[i].start, events[position].start) - min(events[i].end, events[position].end) < 30 for i in beside
    )


def _is_item(report: str, before: int, told: Statement) -> bool:
    """Whether a statement is an item of a list, seen from what stands between it and the one that ended at `before`."""
    between = report[before : told.start]
    # the number of the first item may stand at the end of the statement before it
    return _ITEM.search(report, max(0, before - 6), told.start) is not None or (
        "\n" in between and _NUMBERED.match(told.text) is not None
    )
