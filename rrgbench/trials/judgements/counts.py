"""Columns of errors: counts as given, or of categories that are summed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.column_words import Said
from rrgbench.trials.judgements.header import Header
from rrgbench.trials.judgements.named_columns import ADVICE
from rrgbench.trials.judgements.source import Raters, Source


def counts(header: Header, raters: Raters, parsed: list[Said], rater: str, people: set[str]) -> list[Source]:
    """Errors and significant errors, as given or summed over categories, of each rater and report."""
    parsed = _without_ordinals([one for one in parsed if one.part == "total" or header.numeric(one.column)])
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
        elif not header.numeric(one.column):
            continue
        elif one.part != "unclear" and one.who in people:
            settled.append(replace(one, part="total"))
        elif one.part == "unknown" and (rater or wide):
            settled.append(replace(one, tag="", part="category", category=one.tag.lower()))
        else:
            raise InputError(
                f"{header.name}: {shown(one.column)} may be a rater's count or that of a category; {ADVICE}: "
                "errors=A+B sums columns, errors=A,errors=B are two raters'"
            )
    _need_categories_once(header, settled)
    sources = []
    for key in dict.fromkeys((one.who, one.side) for one in settled):
        sources += _counts_of(header, raters, [one for one in settled if (one.who, one.side) == key])
    for field in (names.ERRORS_COLUMN, names.SIGNIFICANT_COLUMN):
        summed = [one for one in sources if one.field == field]
        if len({len(one.columns) for one in summed}) > 1:
            counts = listed(f"{len(one.columns)} ({one.rater or one.side})" for one in summed)
            raise InputError(
                f"{header.name}: the {field.replace('_', ' ')} of each rater and report are in different numbers of "
                f"columns: {counts}; give each the same categories"
            )
    _need_all_categories(header, sources)
    return sources


def _without_ordinals(parsed: list[Said]) -> list[Said]:
    """Numbers and letters of categories (`1. False finding`) left out; those under which one recurs are raters."""
    numbered = [one for one in parsed if one.part == "category" and names.is_ordinal(one.tag)]
    told = Counter((one.category, one.weight, one.side) for one in numbered)
    if max(told.values(), default=0) > 1:
        return parsed
    return [replace(one, tag="") if one in numbered else one for one in parsed]


def _need_categories_once(header: Header, parsed: list[Said]) -> None:
    found: dict[tuple[str, ...], list[str]] = {}
    for one in parsed:
        if one.category:
            found.setdefault((one.who, one.side, one.category, one.weight), []).append(one.column)
    for columns in found.values():
        if len(columns) > 1:
            raise InputError(
                f"{header.name}: {listed(map(shown, columns))} count errors of one category; {ADVICE}: errors=A+B "
                "sums columns, errors=A,errors=B are two raters'"
            )


def _need_all_categories(header: Header, sources: Sequence[Source]) -> None:
    """Refuse numbers amid the categories that are summed, which may be a category too."""
    summed = [header.columns.index(column) for one in sources if one.categories for column in one.columns]
    if not summed:
        return
    aside = names.SUMMARIES | names.ASIDES | names.METRICS | names.RATING_WORDS | names.SCORE_WORDS
    aside |= names.ERROR_WORDS | (names.ASPECTS - {"findings", "severity", "location"})
    read = {column for one in sources for column in one.columns} | header.taken
    left = [
        column
        for column in header.columns[min(summed) : max(summed)]
        if column not in read and not {word.lower() for word in names.words(column)} & aside and header.numeric(column)
    ]
    if left:
        raise InputError(
            f"{header.name}: between columns of error categories {listed(map(shown, left))} may be of one too; "
            f"{ADVICE}: errors=A+B sums columns"
        )


def _counts_of(header: Header, raters: Raters, parsed: list[Said]) -> list[Source]:
    rater, side = raters.spelt(parsed[0].tag), parsed[0].side

    def of(part: str, weight: str) -> list[str]:
        return [one.column for one in parsed if one.part == part and one.weight == weight]

    found = []
    for field, weight in ((names.ERRORS_COLUMN, ""), (names.SIGNIFICANT_COLUMN, "significant")):
        totals = of("total", weight)
        own = [column for column in totals if names.plain(column) == field] or totals
        if field in header.named:
            continue
        if len(own) > 1:
            raise InputError(
                f"{header.name}: the {field.replace('_', ' ')} may be in {listed(map(shown, own))}; {ADVICE} "
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
                    f"{header.name}: whether {listed(map(shown, bare))} count all errors or those beside "
                    f"{listed(map(shown, [*light, *heavy]))} can't be told; {ADVICE} errors=A+B"
                )
            columns = bare or ([*heavy, *light] if heavy and light else [])
            uneven = of("category", "significant"), of("category", "insignificant")
            if all(uneven) and len(uneven[0]) != len(uneven[1]):
                raise InputError(
                    f"{header.name}: {len(uneven[0])} columns count significant errors by category and "
                    f"{len(uneven[1])} insignificant ones; give both of each category, or {ADVICE} errors=A+B"
                )
            if light and not heavy:
                raise InputError(
                    f"{header.name}: {listed(map(shown, light))} count insignificant errors alone; give the "
                    "significant ones, or all"
                )
        if columns:
            found.append(Source(field, tuple(columns), rater, side, columns != own))
    return found
