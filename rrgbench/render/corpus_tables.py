"""What is known of a corpus, as tables and lines."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rrgbench.data.validate import VALUES, FilmCopy, Validation
from rrgbench.observations import OBSERVATIONS
from rrgbench.render.label_chart import label_lines
from rrgbench.render.table import Table, plain_table
from rrgbench.terminal_text import one_line

if TYPE_CHECKING:
    from rrgbench.labelers.corpus_labels import LabelCounts

_NAMED = 20
"""Films of a kind that are named before the rest is left to `--json`."""


def label_table(found: "LabelCounts") -> Table:
    """Studies per observation and label, with bars."""
    bars = label_lines(found.counts, found.labelled)
    rows = [
        (name, (*row, 100 * row[0] / found.studies, bars[name]))
        if name in found.labelled
        else (name, (*(None for _ in VALUES), None, bars[name]))
        for name, row in zip(OBSERVATIONS, found.counts.tolist(), strict=True)
    ]
    return plain_table(found.title, "observation", (*VALUES, "share %", "positive #, uncertain ~"), rows)


def validation_parts(found: Validation) -> Iterator[Table | str]:
    """A validation from top to bottom: tables, and lines between them."""
    yield f"corpus {one_line(found.corpus)}"
    yield f"digest {found.digest}"
    if found.license_note:
        yield f"licence {one_line(found.license_note)}"
    yield _split_table(found)
    if any(split.labelled for split in found.splits):
        labels = [
            (name, [" ".join(f"{count:,}" for count in values[index].tolist()) for values in found.labels.values()])
            for index, name in enumerate(OBSERVATIONS)
            if name in found.labelled_observations
        ]
        yield plain_table("labels: " + ", ".join(VALUES), "observation", tuple(found.labels), labels)
        unlabelled = [name for name in OBSERVATIONS if name not in found.labelled_observations]
        if unlabelled:
            yield f"not labelled in this corpus: {', '.join(unlabelled)}"
    yield from _film_lines(found)
    yield "passes" if not found.problems else one_line(f"does not pass: {'; '.join(found.problems)}")


def _split_table(found: Validation) -> Table:
    rows = []
    for row in found.splits:
        figures = (row.studies, row.subjects, row.films, row.labelled, row.reports, row.without_report)
        words = ", ".join(f"{number:,}" for number in row.words)
        rows.append((row.source, (row.split, *figures, row.distinct_reports, words)))
    titles = ("split", "studies", "subjects", "films", "labelled", "reports", "without", "distinct")
    return plain_table("", "source", (*titles, "words (least, median, most)"), rows)


def _film_lines(found: Validation) -> Iterator[str]:
    yield f"films that can't be read: {len(found.unreadable)}"
    for _, reason in found.unreadable[:_NAMED]:
        yield f"  {one_line(reason)}"
    looks = Counter(look for _, _, look in found.odd)
    yield "films that look odd: " + (", ".join(f"{count} {look}" for look, count in looks.most_common()) or "0")
    for study_id, film, look in found.odd[:_NAMED]:
        yield "  " + one_line(f"{study_id} {film}: {look}")
    others = [group for group in found.copies if group not in (*found.leaks, *found.shared, *found.within_study)]
    for title, groups in (
        ("films in two splits", found.leaks),
        ("films that both corpora hold", found.shared),
        ("films twice in one study", found.within_study),
        ("films twice in one split", tuple(others)),
    ):
        yield f"{title}: {len(groups)}"
        for group in groups[:_NAMED]:
            # a group that lies in the corpus beside only must not read as if it lay in this one
            named = any(copy.corpus != found.corpus for copy in group)
            yield "  " + one_line(" = ".join(_place(copy, named) for copy in group))


def _place(copy: FilmCopy, named: bool) -> str:
    return f"{copy.corpus + ' ' if named else ''}{copy.study_id} ({copy.split})"
