"""All that a table says of its reports, and whether it can be told whose and of which report it is."""

from collections.abc import Mapping

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.column_words import said_by
from rrgbench.trials.judgements.counts import counts
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.named_columns import ADVICE
from rrgbench.trials.judgements.ratings import alone, readers, with_initials
from rrgbench.trials.judgements.source import Raters, Source


def sources_of(header: Header, reports: Mapping[str, str], rater: str) -> list[Source]:
    """Where everything that is said stands.

    Parameters
    ----------
    header : Header
        Of which the columns of texts are taken.
    reports : mapping of str to str
        Columns with reports by side; the side of a row's only report is empty.
    rater : str
        The column with raters; empty where there is none.

    Raises
    ------
    InputError
        If nothing is said, or it can't be told what, by whom or of which report.
    """
    raters, sides = Raters(), list(reports)
    parsed = [found for column in header.rest if (found := said_by(header, column, sides, rater)) is not None]
    # "finding errors" may be a list of them in words
    parsed = [one for one in parsed if one.part == "total" or header.numeric(one.column)]
    parsed = with_initials(header, parsed, rater)
    people = {one.who for one in parsed if one.field == names.RATING_COLUMN and one.tag}
    if not rater and not parsed and not set(header.named) & set(names.JUDGED) and sides == [""]:
        parsed = readers(header)
        people = {one.who for one in parsed}
    sources = [*_named_sources(header, rater)]
    for field in (names.RATING_COLUMN, names.PREFERENCE_COLUMN):
        if field not in header.named:
            sources += alone(header, raters, [one for one in parsed if one.field == field], field, rater)
    sources += counts(header, raters, [one for one in parsed if one.field == names.ERRORS_COLUMN], rater, people)
    given = {one.field for one in sources}
    if not given:
        raise InputError(
            f"{header.name} has none of the columns {', '.join(names.JUDGED)}, by any usual name; it has: "
            f"{listed((shown(one) for one in header.columns), 12)}; {ADVICE} rating=COLUMN"
        )
    if rater and (wide := [one for one in sources if one.rater]):
        raise InputError(
            f"{header.name}: raters are in {shown(rater)} and in the names of columns "
            f"({listed(shown(column) for one in wide for column in one.columns)}); keep one of both"
        )
    if len(sides) > 1:
        bare = [one for one in sources if one.field != names.PREFERENCE_COLUMN and not one.side]
        if bare:
            raise InputError(
                f"{header.name}: {listed(shown(column) for one in bare for column in one.columns)} may be of any of "
                f"the reports {listed(map(shown, sides))}; say which in its name, such as rating_{sides[0]}"
            )
    if names.PREFERENCE_COLUMN in given and len(sides) != 2:
        raise InputError(
            f"{header.name}: a preference is of two reports, and a row has {len(sides)}"
            + (f" ({listed(map(shown, reports.values()))}); remove the others" if len(sides) > 2 else "")
            + "; call them report_a and report_b"
        )
    wide_and_not = [one for one in sources if bool(one.rater) != any(other.rater for other in sources)]
    if wide_and_not:
        raise InputError(
            f"{header.name}: {listed(shown(column) for one in wide_and_not for column in one.columns)} says not "
            "which rater's it is, and other columns do; name the raters in all of them"
        )
    return sources


def _named_sources(header: Header, rater: str) -> list[Source]:
    found = []
    for field in names.JUDGED:
        groups = header.named.get(field, ())
        for group in groups:
            whose = shown(group[0]) if len(groups) > 1 and not rater else ""
            found.append(Source(field, group, whose))
    return found
