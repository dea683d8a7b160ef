"""What a column says of a report, told by the words of its name."""

import re
from dataclasses import dataclass, replace
from typing import Final

from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.sides import SIDE_WORDS, without_side

_SCALED: Final = names.RATING_WORDS | {"score", "scores", "grade"}


@dataclass(frozen=True)
class Said:
    """A column that says something of a report; `part` is `total`, `category`, `unknown` or `unclear`, `weight`
    significant, insignificant or empty, `category` the words of one, `tag` what else the name says, `initials` whether
    that is told to be a rater's."""

    column: str
    field: str
    tag: str = ""
    side: str = ""
    part: str = "total"
    weight: str = ""
    category: str = ""
    initials: bool = False

    @property
    def person(self) -> bool:
        """Whether what else the name says is a rater."""
        return self.initials or names.is_person(self.tag) or names.is_title(self.tag.lower())

    @property
    def who(self) -> str:
        """The rater, by what tells them apart."""
        return names.person(self.tag)


def said_by(header: Header, column: str, sides: list[str], rater: str) -> Said | None:
    """What a column says by its name; None if nothing that is read."""
    spelt = names.words(column)
    said = [word.lower() for word in spelt]
    side, spelt, said = without_side(header, column, spelt, said, sides)
    given = set(said)
    if given & (names.SUMMARIES | names.ASIDES | names.METRICS):
        return None
    filler = names.FILLERS | (
        SIDE_WORDS if len(sides) > 1 or given & names.PREFERENCE_WORDS else {"report", "candidate"}
    )

    def tag(without: frozenset[str]) -> str:
        pairs = zip(spelt, said, strict=True)
        return "_".join(one for one, word in pairs if word not in without and word not in filler)

    if given & names.PREFERENCE_WORDS:
        return Said(column, names.PREFERENCE_COLUMN, tag(names.PREFERENCE_WORDS | names.SCORE_WORDS))
    rated = names.RATING_WORDS | names.SCORE_WORDS
    weighed = names.SIGNIFICANT_WORDS | names.INSIGNIFICANT_WORDS | names.FILLERS | rated
    if given & names.ERROR_WORDS or names.category_words([word for word in said if word not in weighed], False)[0]:
        # the rating or the score of an error is no count
        return None if given & _SCALED else _parsed_errors(column, side, spelt, said, filler, rater)
    whose = tag(rated)
    # radiologist_rating beside a column with raters
    return _parsed_rating(column, side, given, "" if rater and names.is_title(whose.lower()) else whose)


def _parsed_rating(column: str, side: str, given: set[str], tag: str) -> Said | None:
    if not given & (names.RATING_WORDS | names.SCORE_WORDS) or set(tag.lower().split("_")) & names.ASPECTS:
        return None
    found = Said(column, names.RATING_COLUMN, tag, side)
    if not tag or found.person or given & names.RATING_WORDS:
        return found
    # a score of some other name is a metric's or of an aspect rather than a rater's
    return replace(found, part="unclear") if names.are_initials(tag) else None


def _parsed_errors(
    column: str, side: str, spelt: list[str], said: list[str], filler: frozenset[str], rater: str
) -> Said | None:
    """Errors in all or of a category."""
    # "not clinically significant", and not "mention that is not in the reference (significant)"
    negated = re.search(r"\b(?:not|non) (?:clinically )?significant\b", " ".join(said)) is not None
    weight = ""
    if set(said) & names.INSIGNIFICANT_WORDS or negated:
        weight = "insignificant"
    elif set(said) & names.SIGNIFICANT_WORDS:
        weight = "significant"
    without = names.SIGNIFICANT_WORDS | names.INSIGNIFICANT_WORDS | names.ERROR_WORDS | filler
    without |= {"not", "non", "overall"} if negated else {"overall"}
    kept = [(one, word) for one, word in zip(spelt, said, strict=True) if word not in without]
    rest = [word for _, word in kept]
    explicit = bool(set(said) & names.ERROR_WORDS)
    if any(map(names.is_machine, rest)):
        return None
    category, around = names.category_words(rest, explicit)

    def parsed(tag: str, part: str, of: str = "") -> Said:
        return Said(column, names.ERRORS_COLUMN, tag, side, part, weight, of)

    if category:
        spelling = {word: one for one, word in kept}
        tag, of = "_".join(spelling[word] for word in around), "_".join(category)
        if names.is_person(tag):
            return parsed(tag, "category", of)
        # a rater and more, who must not be lost: their counts would be summed with others'
        return parsed(tag, "unclear") if any(map(names.is_title, around)) else parsed("", "category", of)
    tag = "_".join(one for one, _ in kept)
    if rater and names.is_ordinal(tag):
        return parsed("", "category", tag)
    return parsed(tag, "unknown" if tag and not names.is_person(tag) else "total")
