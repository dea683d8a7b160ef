"""Which column of a table of judgements says what, told by its name or named by the user.

A row is a rater's judgement of one report (long), or one report with a column a rater (wide), or a study with its
reports side by side, about which a preference may be said. Where two readings are likely the table is refused, and
what is not read is named in a note.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.numbers import are_numbers

FLAG: Final = "--judgement-columns"
ADVICE: Final = f"name it with {FLAG}"
Named = Mapping[str, tuple[tuple[str, ...], ...]]
"""By field the columns that are not to be guessed: one for each rater, several of one rater being summed."""

_NEXT: Final = re.compile(rf",(?=\s*(?:{'|'.join(names.FIELDS).replace('_', '[_ -]?')})\s*=)", re.IGNORECASE)
"""The comma before the next field; another is of a column's name."""

_SCALED: Final = names.RATING_WORDS | {"score", "scores", "grade"}
_REPORT_WORDS: Final = frozenset(
    ("report", "prediction", "pred", "hypothesis", "generated", "generation", "output", "response", "text")
)
_NAME_WORDS: Final = frozenset(("candidate", "system", "model", "name", "source"))
_SIDE_WORDS: Final = frozenset(("report", "candidate", "system", "model", "prediction"))


@dataclass(frozen=True)
class Source:
    """Where one thing that is said stands.

    Attributes
    ----------
    field : str
        Of `names.JUDGED`.
    columns : tuple of str
        Summed where several.
    rater, side : str
        Whose it is, where the column's name says so, and of which of the row's reports; else empty.
    categories : bool
        Whether the columns are of categories of errors.
    """

    field: str
    columns: tuple[str, ...]
    rater: str = ""
    side: str = ""
    categories: bool = False


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


@dataclass(frozen=True)
class _Parsed:
    """A column that says something of a report; `part` is `total`, `category`, `unknown` or `unclear`, `weight`
    significant, insignificant or empty, `category` the words of one, `tag` what else the name says."""

    column: str
    field: str
    tag: str = ""
    side: str = ""
    part: str = "total"
    weight: str = ""
    category: str = ""

    @property
    def person(self) -> bool:
        return names.is_person(self.tag.lower()) or names.is_title(self.tag.lower())

    @property
    def who(self) -> str:
        return names.person(self.tag.lower())


def named_columns(given: Sequence[str]) -> Named:
    """Columns as `--judgement-columns` names them: `rating=overall,report=text`, `errors=a+b`, `rating=r1,rating=r2`.

    Raises
    ------
    InputError
        If one is not FIELD=COLUMN.
    """
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for part in (part for one in given for part in _NEXT.split(one)):
        field, equals, columns = (text.strip() for text in part.partition("="))
        group = tuple(columns.split("+"))
        if not equals or not all(map(str.strip, group)):
            raise InputError(f"{FLAG} expects FIELD=COLUMN, such as rating=overall,report=text; given: {part!r}")
        found[names.plain(field)] = (*found.get(names.plain(field), ()), group)
    return found


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
    return _Telling(name, tuple(columns), _resolved(name, columns, named), cells).layout()


def known(header: Sequence[str]) -> int:
    """How many names of a header are those of judgements."""
    usual = {names.plain(one) for tiers in names.USUAL.values() for tier in tiers for one in tier}
    return sum(names.plain(cell) in usual for cell in header if len(names.words(cell)) <= 4)


def _resolved(name: str, columns: Sequence[str], named: Named) -> dict[str, tuple[tuple[str, ...], ...]]:
    found = {}
    for field, given in named.items():
        if field not in names.FIELDS:
            raise InputError(f"{FLAG} {shown(field)}: no such field; expected one of {', '.join(names.FIELDS)}")
        # a plus may be part of a column's name
        groups = [(whole,) if (whole := "+".join(group).strip()) in columns else group for group in given]
        found[field] = tuple(tuple(_column(name, columns, one.strip(), field) for one in group) for group in groups)
        if field not in names.JUDGED and (len(groups) > 1 or len(groups[0]) > 1):
            raise InputError(f"{FLAG} names several columns for {field}; name one")
    return found


def _column(name: str, columns: Sequence[str], wanted: str, field: str) -> str:
    exact = [one for one in columns if one == wanted]
    alike = exact or [one for one in columns if names.plain(one) == names.plain(wanted)]
    if len(alike) != 1:
        has = "several columns" if alike else "no column"
        raise InputError(
            f"{FLAG} {field}={wanted}: {name} has {has} of that name; it has {listed(map(shown, columns), 12)}"
        )
    return alike[0]


class _Telling:
    """The columns of one table, taken one after the other."""

    def __init__(self, name: str, columns: tuple[str, ...], named: Named, cells: Mapping[str, Sequence[str]]) -> None:
        self.name, self.columns, self.named, self.cells = name, columns, named, cells
        self.taken = {one for groups in named.values() for group in groups for one in group}
        self.notes: list[str] = []
        self.raters: dict[str, str] = {}
        self.sides: list[str] = []

    @property
    def rest(self) -> list[str]:
        return [column for column in self.columns if column not in self.taken]

    def numeric(self, column: str) -> bool:
        """Whether a column is of numbers rather than of words."""
        return are_numbers(self.cells[column])

    def layout(self) -> Layout:
        study, reference = self._one(names.STUDY), self._one(names.REFERENCE)
        rater, report = self._one(names.RATER), self._one(names.REPORT)
        self._need(study, names.STUDY)
        self._need(reference, names.REFERENCE)
        reports, candidates = {"": report}, {"": self._one(names.CANDIDATE)} if report else {}
        if not report:
            reports, candidates = self._sides()
        study = self._not_of_rows(study, [reference, *reports.values()])
        sources = self._sources(list(reports), rater)
        for field in names.JUDGED:
            summed = [one for one in sources if one.field == field and (len(one.columns) > 1 or one.categories)]
            # names that are known to be of categories, however long
            spoken = "; ".join(" + ".join(one.columns) for one in summed)
            if summed:
                several = any(len(one.columns) > 1 for one in summed)
                self.notes.append(
                    f"{field.replace('_', ' ')} are {'summed over columns' if several else 'of one category'}: {spoken}"
                )
        if any(one.rater for one in sources):
            told = list(dict.fromkeys(column for one in sources if one.rater for column in one.columns))
            self.notes.append(f"a column a rater: {listed(map(shown, told), 12)}")
        category, weight = self._of_one_category(sources)
        used = {study, reference, rater, category, weight, *reports.values(), *candidates.values()}
        used |= {column for one in sources for column in one.columns}
        if left := [column for column in self.columns if column not in used]:
            spoken = listed((shown(column) if column else "one without a name" for column in left), 12)
            self.notes.append(f"columns that are not read: {spoken}")
        candidates = {side: column for side, column in candidates.items() if column}
        return Layout(study, reference, reports, candidates, rater, category, weight, tuple(sources), tuple(self.notes))

    def _not_of_rows(self, study: str, texts: Sequence[str]) -> str:
        """The column of studies, which is not `id` where that numbers the rows and another has ids that repeat."""
        if names.STUDY in self.named or names.plain(study) != "id":
            return study
        others = [column for column in self.rest if names.plain(column) in names.USUAL[names.STUDY][-1]]
        rows = len(self.cells[study])
        same = len(set(zip(*(self.cells[column] for column in texts), strict=True))) < rows
        repeats = [one for one in others if len(set(self.cells[one])) < rows and all(self.cells[one])]
        if not (same and repeats and len(set(self.cells[study])) == rows):
            return study
        self.taken.add(repeats[0])
        self.notes.append(f"{shown(study)} numbers the rows, so studies are told by {shown(repeats[0])}")
        return repeats[0]

    def _of_one_category(self, sources: Sequence[Source]) -> tuple[str, str]:
        """Columns with a row's category and its weight, where it counts errors and nothing else; empty where none."""
        if [one.field for one in sources] != [names.ERRORS_COLUMN] or len(sources[0].columns) > 1:
            return "", ""
        found = [
            next((column for column in self.rest if names.plain(column) in usual), "")
            for usual in (names.CATEGORY_COLUMNS, names.WEIGHT_COLUMNS)
        ]
        return (found[0], found[1]) if found[0] else ("", "")

    def _need(self, column: str, field: str) -> None:
        if not column:
            has = listed((shown(one) for one in self.columns), 12) or "no header"
            raise InputError(
                f"{self.name} has no column for the {field}, by any usual name; it has: {has}; {ADVICE} {field}=COLUMN"
            )

    def _one(self, field: str) -> str:
        """The column of a field; empty if there is none."""
        if field in self.named:
            return self.named[field][0][0]
        for tier in names.USUAL[field]:
            usual = {names.plain(one) for one in tier}
            found = [column for column in self.rest if names.plain(column) in usual]
            if len(found) > 1:
                raise InputError(
                    f"{self.name}: the {field} may be in {listed(map(shown, found))}; {ADVICE} {field}={found[0]}"
                )
            if found:
                self.taken.add(found[0])
                return found[0]
        return ""

    # reports side by side

    def _sides(self) -> tuple[dict[str, str], dict[str, str]]:
        """Columns with reports and with their systems' names by side, in the header's order."""
        found: dict[str, str] = {}
        for wanted in (_REPORT_WORDS, frozenset({"candidate"})):
            found = {}
            for column in self.rest:
                side = self._side(column, wanted, _REPORT_WORDS | {"candidate"})
                if side and found.setdefault(side, column) != column:
                    raise InputError(
                        f"{self.name}: {shown(found[side])} and {shown(column)} may both be report {shown(side)}; "
                        "remove one"
                    )
            if len(found) > 1:
                break
        if len(found) < 2:
            maybe = [*found.values(), *(one for one in self.rest if names.plain(one) in ("candidate", "system"))]
            only = f"; is it {shown(maybe[0])}? Then" if maybe else ";"
            has = listed((shown(one) for one in self.columns), 12)
            raise InputError(
                f"{self.name} has no column for the report, by any usual name; it has: {has}{only} {ADVICE} "
                "report=COLUMN"
            )
        self.taken.update(found.values())
        self.sides = list(found.values())
        systems: dict[str, str] = {}
        for column in self.rest:
            side = self._side(column, _NAME_WORDS, _NAME_WORDS)
            if side in found and systems.setdefault(side, column) != column:
                raise InputError(
                    f"{self.name}: {shown(systems[side])} and {shown(column)} may both name the system of report "
                    f"{shown(side)}; remove one"
                )
        if len(systems) != len(found):
            systems = {}
        self.taken.update(systems.values())
        return found, systems

    def _side(self, column: str, wanted: frozenset[str], without: frozenset[str]) -> str:
        """What a name such as report_a or C1_report says besides the words wanted; empty if it is no such name."""
        said = [word.lower() for word in names.words(column)]
        rest = [word for word in said if word not in without]
        judged = names.RATING_WORDS | names.ERROR_WORDS | names.PREFERENCE_WORDS | names.SCORE_WORDS | names.ASIDES
        judged |= {"prior", "previous"}
        if not set(said) & wanted or not 1 <= len(rest) <= 2 or set(rest) & judged or self._usual_text(column):
            return ""
        return "_".join(rest)

    def _usual_text(self, column: str) -> bool:
        usual = (one for field in (names.STUDY, names.REFERENCE) for tier in names.USUAL[field] for one in tier)
        return names.plain(column) in set(usual)

    # what is said

    def _sources(self, sides: list[str], rater: str) -> list[Source]:
        parsed = [found for column in self.rest if (found := self._parsed(column, sides, rater)) is not None]
        # "finding errors" may be a list of them in words
        parsed = [one for one in parsed if one.part == "total" or self.numeric(one.column)]
        people = {one.who for one in parsed if one.field == names.RATING_COLUMN and one.tag}
        if not rater and not parsed and not set(self.named) & set(names.JUDGED) and sides == [""]:
            parsed = self._readers()
            people = {one.who for one in parsed}
        sources = [*self._named_sources(rater)]
        for field in (names.RATING_COLUMN, names.PREFERENCE_COLUMN):
            if field not in self.named:
                sources += self._alone([one for one in parsed if one.field == field], field, rater)
        sources += self._counts([one for one in parsed if one.field == names.ERRORS_COLUMN], rater, people)
        given = {one.field for one in sources}
        if not given:
            raise InputError(
                f"{self.name} has none of the columns {', '.join(names.JUDGED)}, by any usual name; it has: "
                f"{listed((shown(one) for one in self.columns), 12)}; {ADVICE} rating=COLUMN"
            )
        if rater and (wide := [one for one in sources if one.rater]):
            raise InputError(
                f"{self.name}: raters are in {shown(rater)} and in the names of columns "
                f"({listed(shown(column) for one in wide for column in one.columns)}); keep one of both"
            )
        if len(sides) > 1:
            bare = [one for one in sources if one.field != names.PREFERENCE_COLUMN and not one.side]
            if bare:
                raise InputError(
                    f"{self.name}: {listed(shown(column) for one in bare for column in one.columns)} may be of any of "
                    f"the reports {listed(map(shown, sides))}; say which in its name, such as rating_{sides[0]}"
                )
        if names.PREFERENCE_COLUMN in given and len(sides) != 2:
            raise InputError(
                f"{self.name}: a preference is of two reports, and a row has {len(sides)}"
                + (f" ({listed(map(shown, self.sides))}); remove the others" if len(sides) > 2 else "")
                + "; call them report_a and report_b"
            )
        wide_and_not = [one for one in sources if bool(one.rater) != any(other.rater for other in sources)]
        if wide_and_not:
            raise InputError(
                f"{self.name}: {listed(shown(column) for one in wide_and_not for column in one.columns)} says not "
                "which rater's it is, and other columns do; name the raters in all of them"
            )
        return sources

    def _readers(self) -> list[_Parsed]:
        """Columns that are called as their raters, and hold ratings where no other says anything of the report."""
        columns = [one for one in self.rest if names.names_person(one) and self.numeric(one)]
        if not columns:
            return []
        self.notes.append(f"numbers under raters' names are taken for ratings: {listed(map(shown, columns), 12)}")
        return [_Parsed(one, names.RATING_COLUMN, "_".join(names.words(one))) for one in columns]

    def _named_sources(self, rater: str) -> list[Source]:
        found = []
        for field in names.JUDGED:
            groups = self.named.get(field, ())
            for group in groups:
                whose = shown(group[0]) if len(groups) > 1 and not rater else ""
                found.append(Source(field, group, whose))
        return found

    def _parsed(self, column: str, sides: list[str], rater: str) -> _Parsed | None:
        """What a column says by its name; None if nothing that is read."""
        spelt = names.words(column)
        said = [word.lower() for word in spelt]
        side, spelt, said = self._without_side(column, spelt, said, sides)
        given = set(said)
        if given & (names.SUMMARIES | names.ASIDES | names.METRICS):
            return None
        filler = names.FILLERS | (
            _SIDE_WORDS if len(sides) > 1 or given & names.PREFERENCE_WORDS else {"report", "candidate"}
        )

        def tag(without: frozenset[str]) -> str:
            pairs = zip(spelt, said, strict=True)
            return "_".join(one for one, word in pairs if word not in without and word not in filler)

        if given & names.PREFERENCE_WORDS:
            return _Parsed(column, names.PREFERENCE_COLUMN, tag(names.PREFERENCE_WORDS | names.SCORE_WORDS))
        rated = names.RATING_WORDS | names.SCORE_WORDS
        weighed = names.SIGNIFICANT_WORDS | names.INSIGNIFICANT_WORDS | names.FILLERS
        weighed |= rated
        if given & names.ERROR_WORDS or names.category_words([word for word in said if word not in weighed], False)[0]:
            # the rating or the score of an error is no count
            return None if given & _SCALED else self._parsed_errors(column, side, spelt, said, filler, rater)
        whose = tag(rated)
        # radiologist_rating beside a column with raters
        return self._parsed_rating(column, side, given, "" if rater and names.is_title(whose.lower()) else whose)

    def _parsed_rating(self, column: str, side: str, given: set[str], tag: str) -> _Parsed | None:
        if not given & (names.RATING_WORDS | names.SCORE_WORDS) or set(tag.lower().split("_")) & names.ASPECTS:
            return None
        found = _Parsed(column, names.RATING_COLUMN, tag, side)
        # a score of some other name is a metric's or of an aspect rather than a rater's
        return found if not tag or found.person or given & names.RATING_WORDS else None

    def _parsed_errors(
        self, column: str, side: str, spelt: list[str], said: list[str], filler: frozenset[str], rater: str
    ) -> _Parsed | None:
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

        def parsed(tag: str, part: str, of: str = "") -> _Parsed:
            return _Parsed(column, names.ERRORS_COLUMN, tag, side, part, weight, of)

        if category:
            spelling = {word: one for one, word in kept}
            tag, of = "_".join(spelling[word] for word in around), "_".join(category)
            if names.is_person("_".join(around)):
                return parsed(tag, "category", of)
            # a rater and more, who must not be lost: their counts would be summed with others'
            return parsed(tag, "unclear") if any(map(names.is_title, around)) else parsed("", "category", of)
        tag = "_".join(one for one, _ in kept)
        if rater and names.is_ordinal(tag):
            return parsed("", "category", tag)
        return parsed(tag, "unknown" if tag and not names.is_person(tag.lower()) else "total")

    def _without_side(
        self, column: str, spelt: list[str], said: list[str], sides: list[str]
    ) -> tuple[str, list[str], list[str]]:
        """The side that a name says, and the words without it."""
        if sides == [""]:
            return "", spelt, said
        places = [
            (side, at, len(side.split("_")))
            for side in sides
            for at in range(len(said))
            if said[at : at + len(side.split("_"))] == side.split("_")
        ]
        if len(places) > 1:  # candidate_1_rating_2, 1_rating_reader_1
            places = [one for one in places if one[1] == 0 or not names.is_title(said[one[1] - 1])]
            behind = [one for one in places if one[1] > 0 and said[one[1] - 1] in _SIDE_WORDS] or places
            if len(behind) != 1:
                raise InputError(
                    f"{self.name}: {shown(column)} may be of report {listed(one[0] for one in places)}; call raters "
                    "and reports differently, such as rating_a_reader_1"
                )
            places = behind
        if not places:
            return "", spelt, said
        side, at, length = places[0]
        return side, [*spelt[:at], *spelt[at + length :]], [*said[:at], *said[at + length :]]

    def _alone(self, parsed: list[_Parsed], field: str, rater: str) -> list[Source]:
        """A field that no columns are summed for: one column, or one a rater."""
        bare = [one for one in parsed if not one.tag]
        people = [one for one in parsed if one.person]
        others = [one for one in parsed if one.tag and not one.person and self.numeric(one.column)]
        if field == names.PREFERENCE_COLUMN:
            others = []
        if bare and people:
            raise InputError(
                f"{self.name}: the {field} may be in {shown(bare[0].column)}, or of a rater in "
                f"{listed(shown(one.column) for one in people)}; {ADVICE} {field}={bare[0].column}, or remove one"
            )
        if bare:
            return self._once(bare, field)
        if people or rater:
            return self._once(people, field)
        if len({one.tag for one in others}) > 1 or any(names.is_machine(one.tag.lower()) for one in others):
            columns = listed((shown(one.column) for one in others), 12)
            raise InputError(
                f"{self.name}: whether a radiologist's {field} is in {columns} can't be told; {ADVICE} "
                f"{field}={others[0].column}, once for each radiologist"
            )
        return self._once(others, field)

    def _once(self, parsed: list[_Parsed], field: str) -> list[Source]:
        """A source for each; of several that say the same the one with the field's own name."""
        found: dict[tuple[str, str], list[_Parsed]] = {}
        for one in parsed:
            found.setdefault((one.who, one.side), []).append(one)
        sources = []
        for ones in found.values():
            own = [one for one in ones if names.plain(one.column) == field] or ones
            if len(own) > 1:
                columns = [one.column for one in own]
                raise InputError(
                    f"{self.name}: the {field.replace('_', ' ')} may be in {listed(map(shown, columns))}; {ADVICE} "
                    f"{field}={columns[0]}"
                )
            sources.append(Source(field, (own[0].column,), self._rater(own[0].tag), own[0].side))
        return sources

    def _rater(self, tag: str) -> str:
        """A rater as the first column spells it: r1 and reader_1 are one."""
        return self.raters.setdefault(names.person(tag.lower()), tag) if tag else ""

    def _counts(self, parsed: list[_Parsed], rater: str, people: set[str]) -> list[Source]:
        """Errors and significant errors, as given or summed over categories, of each rater and report."""
        parsed = self._without_ordinals([one for one in parsed if one.part == "total" or self.numeric(one.column)])
        if {one.category or one.part for one in parsed} == {"severity"}:
            # how bad an error is, and no count of those of severity
            return []
        wide = bool(people) or any(one.tag and one.person for one in parsed)
        settled = []
        for one in parsed:
            # errors_1 is one of raters 1, 2 ... if ratings are, else perhaps one of categories 1, 2 ...
            numbered = one.part == "total" and names.is_ordinal(one.tag) and one.who not in people
            if one.part in ("total", "category") and not numbered:
                settled.append(one)
            elif not self.numeric(one.column):
                continue
            elif one.part != "unclear" and one.who in people:
                settled.append(replace(one, part="total"))
            elif one.part == "unknown" and (rater or wide):
                settled.append(replace(one, tag="", part="category", category=one.tag.lower()))
            else:
                raise InputError(
                    f"{self.name}: {shown(one.column)} may be a rater's count or that of a category; {ADVICE}: "
                    "errors=A+B sums columns, errors=A,errors=B are two raters'"
                )
        self._need_categories_once(settled)
        sources = []
        for key in dict.fromkeys((one.who, one.side) for one in settled):
            sources += self._counts_of([one for one in settled if (one.who, one.side) == key])
        for field in (names.ERRORS_COLUMN, names.SIGNIFICANT_COLUMN):
            summed = [one for one in sources if one.field == field]
            if len({len(one.columns) for one in summed}) > 1:
                counts = listed(f"{len(one.columns)} ({one.rater or one.side})" for one in summed)
                raise InputError(
                    f"{self.name}: the {field.replace('_', ' ')} of each rater and report are in different numbers of "
                    f"columns: {counts}; give each the same categories"
                )
        self._need_all_categories(sources)
        return sources

    def _without_ordinals(self, parsed: list[_Parsed]) -> list[_Parsed]:
        """Numbers and letters of categories (`1. False finding`) left out; those under which one recurs are raters."""
        numbered = [one for one in parsed if one.part == "category" and names.is_ordinal(one.tag)]
        told = Counter((one.category, one.weight, one.side) for one in numbered)
        if max(told.values(), default=0) > 1:
            return parsed
        return [replace(one, tag="") if one in numbered else one for one in parsed]

    def _need_categories_once(self, parsed: list[_Parsed]) -> None:
        found: dict[tuple[str, ...], list[str]] = {}
        for one in parsed:
            if one.category:
                found.setdefault((one.who, one.side, one.category, one.weight), []).append(one.column)
        for columns in found.values():
            if len(columns) > 1:
                raise InputError(
                    f"{self.name}: {listed(map(shown, columns))} count errors of one category; {ADVICE}: errors=A+B "
                    "sums columns, errors=A,errors=B are two raters'"
                )

    def _need_all_categories(self, sources: Sequence[Source]) -> None:
        """Refuse numbers amid the categories that are summed, which may be a category too."""
        summed = [self.columns.index(column) for one in sources if one.categories for column in one.columns]
        if not summed:
            return
        aside = names.SUMMARIES | names.ASIDES | names.METRICS | names.RATING_WORDS | names.SCORE_WORDS
        aside |= names.ERROR_WORDS | (names.ASPECTS - {"findings", "severity", "location"})
        read = {column for one in sources for column in one.columns} | self.taken
        left = [
            column
            for column in self.columns[min(summed) : max(summed)]
            if column not in read
            and not {word.lower() for word in names.words(column)} & aside
            and self.numeric(column)
        ]
        if left:
            raise InputError(
                f"{self.name}: between columns of error categories {listed(map(shown, left))} may be of one too; "
                f"{ADVICE}: errors=A+B sums columns"
            )

    def _counts_of(self, parsed: list[_Parsed]) -> list[Source]:
        rater, side = self._rater(parsed[0].tag), parsed[0].side

        def of(part: str, weight: str) -> list[str]:
            return [one.column for one in parsed if one.part == part and one.weight == weight]

        found = []
        for field, weight in ((names.ERRORS_COLUMN, ""), (names.SIGNIFICANT_COLUMN, "significant")):
            totals = of("total", weight)
            own = [column for column in totals if names.plain(column) == field] or totals
            if field in self.named:
                continue
            if len(own) > 1:
                raise InputError(
                    f"{self.name}: the {field.replace('_', ' ')} may be in {listed(map(shown, own))}; {ADVICE} "
                    f"{field}={own[0]}"
                )
            columns = own
            bare, heavy, light = (of("category", one) for one in ("", "significant", "insignificant"))
            if not columns and weight:
                columns = heavy
            elif not columns:
                heavy, light = heavy or of("total", "significant"), light or of("total", "insignificant")
                if bare and (light or of("category", "significant")):
                    raise InputError(
                        f"{self.name}: whether {listed(map(shown, bare))} count all errors or those beside "
                        f"{listed(map(shown, [*light, *heavy]))} can't be told; {ADVICE} errors=A+B"
                    )
                columns = bare or ([*heavy, *light] if heavy and light else [])
                uneven = of("category", "significant"), of("category", "insignificant")
                if all(uneven) and len(uneven[0]) != len(uneven[1]):
                    raise InputError(
                        f"{self.name}: {len(uneven[0])} columns count significant errors by category and "
                        f"{len(uneven[1])} insignificant ones; give both of each category, or {ADVICE} errors=A+B"
                    )
                if light and not heavy:
                    raise InputError(
                        f"{self.name}: {listed(map(shown, light))} count insignificant errors alone; give the "
                        "significant ones, or all"
                    )
            if columns:
                found.append(Source(field, tuple(columns), rater, side, columns != own))
        return found
