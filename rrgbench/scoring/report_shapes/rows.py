"""Rows of reports, and the fields that a user names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

Role = Literal["predictions", "references", "training"]

Row = tuple[str, str | None, tuple[str, ...]]
"""Place for messages, study id (None where the shape has none), one or more texts."""


@dataclass(frozen=True)
class Columns:
    """Names of the fields to read, where they are not to be guessed.

    Attributes
    ----------
    study_id, report : str or None
        As the file spells them, but for case and blanks around.
    """

    study_id: str | None = None
    report: str | None = None


ANY_COLUMNS: Final = Columns()
"""Fields are told by their usual names."""


@dataclass(frozen=True)
class Rows:
    """What a file holds.

    Attributes
    ----------
    rows : iterable of Row
        Read as they are asked for; a malformed one raises InputError with its place.
    understood : str
        What was taken where it is not certain; empty where it is.
    fields : tuple of str
        Names of the file's fields, where the shape has any.
    """

    rows: Iterable[Row]
    understood: str = ""
    fields: tuple[str, ...] = field(default=())


def by_position(rows: Sequence[tuple[str, str]], name: str, how: str) -> Rows:
    """Rows of a file without ids: places and texts, and in a few words how they stand there."""
    note = (
        f"{name}: {len(rows)} reports ({how}) are matched with the other file by their position; "
        "give study ids to be certain"
    )
    return Rows([(place, None, (text,)) for place, text in rows], note)
