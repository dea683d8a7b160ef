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
from rrgbench.labelers.rules.lexicon import OTHER_FINDING, PACKAGE, Edition, Event, Kind, Lexicon, lexicon, normalise
from rrgbench.labelers.rules.scope import (
    DOUBT,
    HISTORY,
    NEGATION,
    NOTHING_NEW,
    UNCHANGED,
    cues,
    denied_list,
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
_HEADED_LABELS: Final = {
    Kind.NEGATION_BEFORE: NEGATIVE,
    Kind.NORMAL: NEGATIVE,
    Kind.UNCERTAIN_BEFORE: UNCERTAIN,
}
_HEADED_VERDICTS: Final = {Kind.NEGATION_AFTER: NEGATIVE, Kind.UNCERTAIN_AFTER: UNCERTAIN}
"""Verdicts that since version 4 may stand alone behind a head and a colon: "Pneumonia: unlikely"."""
_EXCEPTION: Final = re.compile(
    r"except|aside from|apart from|other than|besides|save for|barring|with the exception of"
)
_RESIDUE: Final = re.compile(
    r"[^,.;]*?\b(?:(?:in|at|on|over|along|within) the|component|trace|tiny|small|minimal|mild|residual|faint|some|"
    r"left|right|apical|basilar|lingula|bases?|apex|apices)\b"
)
"""What is left of a finding that was denied: "no consolidation except in the left base"."""
_VERSUS: Final = ("versus", "vs")
_COMPARED: Final = re.compile(
    r"\.?\s*(?:(?:the|a|that|on|to)\s+)*(?:prior|previous|prev|yesterday|last|comparison|earlier|old|baseline|now|none|"
    r"no|not|absence|_|\d|(?:pleural )?thickening)"
)
"""What follows "versus" where a film is compared with another, or a finding with its absence.

Coders of IU X-Ray have an effusion where it is set against thickening.
"""
_RIVAL: Final = re.compile(r"\.?\s+(?:an?\s+|the\s+)?[a-z]{2,}")
_NAMED: Final = re.compile(r"[a-z]{2,}\s*$")
_GRADE: Final = re.compile(
    r"\b(?:left|right|upper|lower|middle|small|trace|tiny|mild|minimal|moderate|large|severe|acute|chronic|old|new)\s*$"
)
"""What before "versus" shows that sides or degrees of one finding are weighed."""
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
            for found in read
            if found.observation != OTHER_FINDING
        )

    def sentences(self, report: str) -> list[tuple[str, frozenset[int]]]:
        """A report's sentences in order, each with the observations (columns 0 to 13) that it mentions.

        No Finding is mentioned by a sentence that calls the lungs or the whole film normal.
        """
        sentences = []
        skipped = self._background(report)
        for (told, read), skip in zip(self._told(report), skipped, strict=True):
            mentioned = {found.observation for found in read} - {OTHER_FINDING}
            if not skip and self.lexicon.normality.search(normalise(told.text)):
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

    def _told(self, report: str) -> list[tuple[Statement, tuple[Found, ...]]]:
        """The statements of a report in order, each with its mentions."""
        told = self.statements(report)
        if self.reading.edition.version < 4:
            return [(one, self.read(one.text)) for one in told]
        found, denied = [], False
        for i, (one, skip) in enumerate(zip(told, self._background(report), strict=True)):
            denied = denied and _is_item(report, told[i - 1].end, one) and not self._says_itself(one)
            found.append((one, () if skip else read_statement(one.text, self.reading, denied)))
            if not denied and ("\n" in report[one.start : one.end] or one.text.rstrip().endswith(":")):
                text = normalise(one.text)
                denied = denied_list(text, list(self.lexicon.read(text)))
        return found

    def _says_itself(self, told: Statement) -> bool:
        return says_itself(list(self.lexicon.read(normalise(told.text))))

    def _background(self, report: str) -> list[bool]:
        """For each statement whether it is of a section that isn't read."""
        told = self.statements(report)
        if self.reading.edition.version < 4 or self.reading.history == "positive":
            return [False] * len(told)
        return background(told, report)

    def _label_one(self, report: str) -> list[int]:
        labels = [UNMENTIONED] * (len(OBSERVATIONS) + 1)
        for _, read in self._told(report):
            for found in read:
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
    headed = _headed(text, events) if version < 4 else _headed_anywhere(text, events)
    left = _left_over(text, events, reached) if version >= 4 else {}
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
        elif version >= 4 and reached[position] == 0 and _against(text, events, position):
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


def _left_over(text: str, events: Sequence[Event], reached: Sequence[int]) -> dict[int, int]:
    """Labels of findings that are denied but for a rest that isn't called by their name.

    "No consolidation except in the left base" has some, "no pneumothorax except possibly a tiny apical one" perhaps.
    """
    found = {}
    for i, event in enumerate(events):
        if event.kind is not Kind.BOUNDARY or not _EXCEPTION.match(event.trigger) or not i:
            continue
        end = next((j for j in range(i + 1, len(events)) if events[j].kind in (Kind.COMMA, Kind.BOUNDARY)), len(events))
        denied = next(
            (j for j in range(i - 1, -1, -1) if events[j].kind in MENTIONING or events[j].kind is Kind.BOUNDARY), i
        )
        named = any(events[j].kind in MENTIONING for j in range(i + 1, end))
        if events[denied].kind is not Kind.FINDING or not reached[denied] & NEGATION or named:
            continue
        if _RESIDUE.match(text, event.end):
            doubted = any(events[j].kind is Kind.UNCERTAIN_BEFORE for j in range(i + 1, end))
            found[denied] = UNCERTAIN if doubted else POSITIVE
    return found


def _against(text: str, events: Sequence[Event], position: int) -> bool:
    """Whether a finding stands against a rival that no entry names: "pneumothorax versus skin fold"."""
    mention = events[position]
    behind = events[position + 1] if position + 1 < len(events) else None
    if behind is not None and behind.trigger in _VERSUS and not text[mention.end : behind.start].strip():
        return _RIVAL.match(text, behind.end) is not None and _COMPARED.match(text, behind.end) is None
    before = events[position - 1] if position else None
    if before is None or before.trigger not in _VERSUS or len(text[before.end : mention.start].split()) > 1:
        return False
    named = _NAMED.search(text, max(0, before.start - 20), before.start) is not None
    return named and _GRADE.search(text, max(0, before.start - 20), before.start) is None


def _headed_anywhere(text: str, events: Sequence[Event]) -> dict[int, int | None]:
    """As `_headed`, at every colon and at a dash, also for verdicts, which stand alone: "Pneumonia: unlikely"."""
    found: dict[int, int | None] = {}
    last = {event.observation: i for i, event in enumerate(events) if event.kind is Kind.FINDING}
    opened = 0  # where the segment began
    for i, sign in enumerate(events):
        if sign.kind is not Kind.BOUNDARY:
            continue
        first, opened = opened, i + 1
        dash = sign.trigger.startswith("-")
        if not i or (sign.trigger != ":" and not dash):
            continue
        head = events[i - 1]
        if head.kind is not Kind.FINDING or text[head.end : sign.start].strip():
            continue
        after = events[i + 1] if i + 1 < len(events) else None
        adjacent = after is not None and not text[sign.end : after.start].strip()
        told = _HEADED_VERDICTS.get(after.kind) if after is not None and adjacent else None
        if not dash and told is None and after is not None:
            told = _HEADED_LABELS.get(after.kind)
        for j in range(first, i):
            again = not dash and last.get(events[j].observation, 0) > i
            if events[j].kind is Kind.FINDING and (again or told is not None):
                found[j] = None if again else told
    return found


def _headed(text: str, events: Sequence[Event]) -> dict[int, int | None]:
    """Labels of findings that only head what is said of them.

    "Effusion: small left effusion" has one mention, "Effusion: no evidence" a negative one. For each event in front of
    a colon its label, None where the finding is mentioned again behind it.
    """
    colon = next((i for i, event in enumerate(events) if event.trigger == ":"), 0)
    head = events[colon - 1]
    if not colon or head.kind is not Kind.FINDING or text[head.end : events[colon].start].strip():
        return {}
    behind = {event.observation for event in events[colon + 1 :] if event.kind is Kind.FINDING}
    told = _HEADED_LABELS.get(events[colon + 1].kind) if colon + 1 < len(events) else None
    return {
        i: None if event.observation in behind else told
        for i, event in enumerate(events[:colon])
        if event.kind is Kind.FINDING and (event.observation in behind or told is not None)
    }
