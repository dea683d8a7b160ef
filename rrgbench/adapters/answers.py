"""A model's answers as reports; refusals and empty answers are named, and scored only where that was allowed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from rrgbench.adapters.report_extraction import DEFAULT, RULES, extract_report
from rrgbench.errors import InputError
from rrgbench.registry import lookup
from rrgbench.scoring.thinking import without_thinking

NO_REPORT: Final = ("refused", "empty")
"""Why an answer holds no report, as `allow` takes it."""

_FILM: Final = r"""(?:(?:from|the|this|that|any|an?|your|these|such|attached|uploaded|provided|actual|medical|chest
    |radiolog\w+|diagnostic)\ ){0,4}
    (?:images?|imaging|films?|x-?rays?|radiographs?|pictures?|photos?|scans?|attachments?|files?|conditions?)\b"""
_LOOK: Final = r"""(?:see|view|access|read|process|review|interpret|analy[sz]e|diagnose|evaluate|assess|identify
    |detect|find|appreciate|visuali[sz]e|confirm|exclude|rule\ out)"""
_SERVE: Final = r"(?:assist|help|provide|offer|give|generate|write|create|produce|fulfil|comply)"
_REFUSAL: Final = re.compile(
    rf"""(?:
        \bI(?:\ am|'m|’m)\ (?:(?:really|very|so)\ )?(?:sorry|afraid|not\ (?:qualified|permitted))\b
      | \bI(?:\ am|'m|’m)\ (?:unable|not\ able)\b(?!\ to\ (?:[a-z]+ly\ )?{_LOOK}\b(?!\ {_FILM}))
      | \bI\ (?:apologi[sz]e)\b
      | \bI\ (?:can(?:not|'t|’t|\ not)|won't|will\ not|must\ decline|do\ not|don't|don’t)\ (?:to\ )?(?:[a-z]+ly\ )?
        (?:{_SERVE}\b|have\ (?:the\ )?(?:ability|access)\b|{_LOOK}\ {_FILM})
      | \bas\ an\ (?:AI|artificial)\b[^.]{{0,80}}\b(?:cannot|can't|can’t|unable|not\ able)\b
      | \b(?:unable|not\ able)\ to\ {_SERVE}\b[^.]{{0,60}}\b
        (?:image|film|x-?ray|radiograph|request|report|medical|diagnos)
      | \b(?:unable|not\ able)\ to\ {_LOOK}\ {_FILM}
    )""",
    re.VERBOSE | re.IGNORECASE,
)
"""Films are reported in the same words: `I do not see an effusion` declines nothing, `I do not see an image` does."""


def refuses(answer: str) -> bool:
    """Whether an answer begins by declining to write a report; radiologists do not write so."""
    return bool(_REFUSAL.search(answer.lstrip()[:200]))


def allowed(given: str) -> tuple[str, ...]:
    """What the option `allow` names: `empty`, `refused` or both, separated by commas.

    Raises
    ------
    UnknownNameError
        If it names something else.
    """
    return tuple(
        sorted({lookup("kind of missing report", name.strip(), NO_REPORT) for name in given.split(",") if name})
    )


@dataclass
class Answers:
    """How a model's answers become reports.

    Attributes
    ----------
    section : str
        What was asked for.
    rule : str
        Of `rrgbench.adapters.report_extraction`.
    allow : tuple of str
        Of `NO_REPORT`: what is scored as an empty report.
    declined : dict of str to str
        Studies without a report, and why, of all answers so far; what is allowed is not among them.
    """

    section: str
    rule: str = DEFAULT
    allow: tuple[str, ...] = ()
    declined: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a rule that there is not."""
        lookup("rule of extraction", self.rule, RULES)

    def reports(self, study_ids: Sequence[str], answers: Sequence[str], refused: Sequence[bool] = ()) -> list[str]:
        """Reports of answers, empty where there is none.

        Parameters
        ----------
        study_ids, answers : sequence of str
            In one order.
        refused : sequence of bool, optional
            Answers that the server itself calls refusals.
        """
        if len(study_ids) != len(answers):
            raise InputError(f"{len(answers)} answers for {len(study_ids)} studies")
        texts = []
        for place, (study_id, answer) in enumerate(zip(study_ids, answers, strict=True)):
            text = extract_report(answer, self.section, self.rule)
            reason = ""
            # a refusal that goes on with a report is none, one that the rule took for a closing remark is
            if (refused and refused[place]) or refuses(text or without_thinking(answer)):
                reason, text = "refused", ""
            elif not text:
                reason = "empty"
            self.declined.pop(study_id, None)
            if reason and reason not in self.allow:
                self.declined[study_id] = reason
            texts.append(text)
        return texts

    @property
    def signed(self) -> dict[str, str]:
        """What signatures say of it."""
        return {"extraction": self.rule, **({"no_report": "+".join(self.allow) + "-as-empty"} if self.allow else {})}
