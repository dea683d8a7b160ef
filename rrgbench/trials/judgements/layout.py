"""Which column of a table of judgements says what, told by its name or named by the user.

A row is a rater's judgement of one report (long), or one report with a column a rater (wide), or a study with its
reports side by side, about which a preference may be said. Where two readings are likely the table is refused, and
what is not read is named in a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rrgbench.errors import listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.named_columns import Named
from rrgbench.trials.judgements.sides import sides_of
from rrgbench.trials.judgements.source import Source
from rrgbench.trials.judgements.who_says_what import sources_of


@dataclass(frozen=True)
class Layout:
    """What the columns of a table say.

    Attributes
    ----------
    study, reference : str
        Columns.
    reports, candidates : mapping of str to str
        Columns with reports, and with names of what wrote them, by side; the side of a row's only report is empty.
    rater : str
        The column with raters; empty where there is none.
    category, weight : str
        Where a row counts the errors of one category: columns with its name, and with whether they are significant.
    sources : tuple of Source
        What is said.
    notes : tuple of str
        What was summed, who are raters, and what is not read.
    """

    study: str
    reference: str
    reports: dict[str, str]
    candidates: dict[str, str]
    rater: str
    category: str
    weight: str
    sources: tuple[Source, ...]
    notes: tuple[str, ...]


def tell_layout(name: str, columns: Sequence[str], named: Named, cells: Mapping[str, Sequence[str]]) -> Layout:
    """Tell which column says what.

    Parameters
    ----------
    name : str
        The file, for messages.
    columns : sequence of str
        Its header.
    named : mapping
        Columns that are not to be guessed.
    cells : mapping of str to sequence of str
        What stands in each column.

    Raises
    ------
    InputError
        If a column is missing, or what it says can't be told.
    """
    header = Header(name, columns, named, cells)
    study, reference = header.one(names.STUDY), header.one(names.REFERENCE)
    rater, report = header.one(names.RATER), header.one(names.REPORT)
    header.need(study, names.STUDY)
    header.need(reference, names.REFERENCE)
    reports, candidates = {"": report}, {"": header.one(names.CANDIDATE)} if report else {}
    if not report:
        reports, candidates = sides_of(header)
    study = _not_of_rows(header, study, [reference, *reports.values()])
    sources = sources_of(header, reports, rater)
    for field in names.JUDGED:
        summed = [one for one in sources if one.field == field and (len(one.columns) > 1 or one.categories)]
        # names that are known to be of categories, however long
        spoken = "; ".join(" + ".join(one.columns) for one in summed)
        if summed:
            several = any(len(one.columns) > 1 for one in summed)
            header.notes.append(
                f"{field.replace('_', ' ')} are {'summed over columns' if several else 'of one category'}: {spoken}"
            )
    if any(one.rater for one in sources):
        told = list(dict.fromkeys(column for one in sources if one.rater for column in one.columns))
        header.notes.append(f"a column a rater: {listed(map(shown, told), 12)}")
    category, weight = _of_one_category(header, sources)
    used = {study, reference, rater, category, weight, *reports.values(), *candidates.values()}
    used |= {column for one in sources for column in one.columns}
    if left := [column for column in header.columns if column not in used]:
        spoken = listed((shown(column) if column else "one without a name" for column in left), 12)
        header.notes.append(f"columns that are not read: {spoken}")
    candidates = {side: column for side, column in candidates.items() if column}
    return Layout(study, reference, reports, candidates, rater, category, weight, tuple(sources), tuple(header.notes))


def _not_of_rows(header: Header, study: str, texts: Sequence[str]) -> str:
    """The column of studies, which is not `id` where that numbers the rows and another has ids that repeat."""
    if names.STUDY in header.named or names.plain(study) != "id":
        return study
    others = [column for column in header.rest if names.plain(column) in names.USUAL[names.STUDY][-1]]
    rows = len(header.cells[study])
    same = len(set(zip(*(header.cells[column] for column in texts), strict=True))) < rows
    repeats = [one for one in others if len(set(header.cells[one])) < rows and all(header.cells[one])]
    if not (same and repeats and len(set(header.cells[study])) == rows):
        return study
    header.taken.add(repeats[0])
    header.notes.append(f"{shown(study)} numbers the rows, so studies are told by {shown(repeats[0])}")
    return repeats[0]


def _of_one_category(header: Header, sources: Sequence[Source]) -> tuple[str, str]:
    """Columns with a row's category and its weight, where it counts errors and nothing else; empty where none."""
    if [one.field for one in sources] != [names.ERRORS_COLUMN] or len(sources[0].columns) > 1:
        return "", ""
    found = [
        next((column for column in header.rest if names.plain(column) in usual), "")
        for usual in (names.CATEGORY_COLUMNS, names.WEIGHT_COLUMNS)
    ]
    return (found[0], found[1]) if found[0] else ("", "")


def known(header: Sequence[str]) -> int:
    """How many names of a header are those of judgements."""
    usual = {names.plain(one) for tiers in names.USUAL.values() for tier in tiers for one in tier}
    return sum(names.plain(cell) in usual for cell in header if len(names.words(cell)) <= 4)
