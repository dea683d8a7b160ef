"""Where in a table one thing that raters say of a report stands."""

from dataclasses import dataclass

from rrgbench.trials.judgements import names


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


class Raters:
    """Raters as the first column spells each of them: r1 and reader_1 are one."""

    def __init__(self) -> None:
        self._spelt: dict[str, str] = {}

    def spelt(self, tag: str) -> str:
        """The rater that a part of a column's name says; empty where it says none."""
        return self._spelt.setdefault(names.person(tag), tag) if tag else ""
