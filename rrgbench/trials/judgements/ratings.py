"""Columns of ratings and preferences: one, or one for each rater."""

from dataclasses import replace

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.column_words import Said
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.named_columns import ADVICE
from rrgbench.trials.judgements.numbers import share_a_range
from rrgbench.trials.judgements.source import Raters, Source


def alone(header: Header, raters: Raters, parsed: list[Said], field: str, rater: str) -> list[Source]:
    """A field that no columns are summed for: one column, or one a rater."""
    bare = [one for one in parsed if not one.tag]
    people = [one for one in parsed if one.person]
    others = [one for one in parsed if one.tag and not one.person and header.numeric(one.column)]
    if field == names.PREFERENCE_COLUMN:
        others = []
    if bare and people:
        raise InputError(
            f"{header.name}: the {field} may be in {shown(bare[0].column)}, or of a rater in "
            f"{listed(shown(one.column) for one in people)}; {ADVICE} {field}={bare[0].column}, or remove one"
        )
    if bare:
        return _once(header, raters, bare, field)
    if people or rater:
        return _once(header, raters, people, field)
    if len({one.tag for one in others}) > 1 or any(names.is_machine(one.tag.lower()) for one in others):
        columns = listed((shown(one.column) for one in others), 12)
        raise InputError(
            f"{header.name}: whether a radiologist's {field} is in {columns} can't be told; {ADVICE} "
            f"{field}={others[0].column}, once for each radiologist"
        )
    return _once(header, raters, others, field)


def _once(header: Header, raters: Raters, parsed: list[Said], field: str) -> list[Source]:
    """A source for each; of several that say the same the one with the field's own name."""
    found: dict[tuple[str, str], list[Said]] = {}
    for one in parsed:
        found.setdefault((one.who, one.side), []).append(one)
    sources = []
    for ones in found.values():
        own = [one for one in ones if names.plain(one.column) == field] or ones
        if len(own) > 1:
            columns = [one.column for one in own]
            raise InputError(
                f"{header.name}: the {field.replace('_', ' ')} may be in {listed(map(shown, columns))}; {ADVICE} "
                f"{field}={columns[0]}"
            )
        sources.append(Source(field, (own[0].column,), raters.spelt(own[0].tag), own[0].side))
    return sources


def with_initials(header: Header, parsed: list[Said], rater: str) -> list[Said]:
    """What columns say, where ratings under names that differ but by initials (`rating_JK`, `rating_AB`) are raters'.

    Told so are several columns of numbers on one scale under one name, the initials in capitals and the name not, where
    no other column may be a rater's or is of errors by nobody. A score's or a grade's initials have to stand in the
    counts of errors too: else those may be of metrics or aspects, and are left out.
    """
    ratings = [one for one in parsed if one.field == names.RATING_COLUMN and not names.is_machine(one.tag.lower())]
    others = [one for one in parsed if one.field != names.RATING_COLUMN]
    stems: dict[str, set[tuple[str, ...]]] = {}
    owners: dict[str, set[str]] = {}
    for one in ratings:
        stem = tuple("" if word == one.tag else word for word in names.words(one.column))
        stems.setdefault(one.side, set()).add(stem)
        owners.setdefault(one.side, set()).add(one.tag)
    people = owners[ratings[0].side] if ratings else set()
    told = (
        len(people) > 1
        and not rater
        and not set(header.named) & set(names.JUDGED)
        and not any(names.names_person(one) and header.numeric(one) for one in header.rest)
        and all(names.are_initials(one.tag) and header.numeric(one.column) for one in ratings)
        # CF and CP, LQ and OQ: what they share is a word that is no person's name
        and all(len({tag[place] for tag in people}) > 1 for place in (0, 1))
        and all(len(stem) == 1 and not "".join(*stem).isupper() for stem in stems.values())
        and all(tags == people for tags in owners.values())
        and {one.tag for one in others} <= people
        and (
            all(names.RATING_WORDS & {word.lower() for word in names.words(one.column)} for one in ratings)
            or {one.tag for one in others if one.field == names.ERRORS_COLUMN} == people
        )
        and share_a_range(header.cells[one.column] for one in ratings)
    )
    if told:
        header.notes.append(f"initials are taken for raters: {listed(sorted(people), 12)}")
        return [
            replace(one, part="total", initials=True) if one.tag in people and one.field != names.ERRORS_COLUMN else one
            for one in parsed
        ]
    return [one for one in parsed if one.field != names.RATING_COLUMN or one.part != "unclear"]


def readers(header: Header) -> list[Said]:
    """Columns that are called as their raters, and hold ratings where no other says anything of the report."""
    columns = [one for one in header.rest if names.names_person(one) and header.numeric(one)]
    if not columns:
        return []
    header.notes.append(f"numbers under raters' names are taken for ratings: {listed(map(shown, columns), 12)}")
    return [Said(one, names.RATING_COLUMN, "_".join(names.words(one))) for one in columns]
