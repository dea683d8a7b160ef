"""The columns of a table of judgements, and which of them it is told already what they say."""

from collections.abc import Mapping, Sequence

from rrgbench.errors import InputError, listed
from rrgbench.scoring.report_shapes import shown
from rrgbench.trials.judgements import names
from rrgbench.trials.judgements.named_columns import ADVICE, Named, in_header
from rrgbench.trials.judgements.numbers import are_numbers


class Header:
    """The columns of a table, of which one is taken after the other.

    Attributes
    ----------
    name : str
        The file, for messages.
    columns : tuple of str
        Its header.
    named : mapping
        Columns that are not to be guessed, by field.
    cells : mapping of str to sequence of str
        What stands in each column.
    taken : set of str
        Columns of which it is told what they say.
    notes : list of str
        What was understood.
    """

    def __init__(self, name: str, columns: Sequence[str], named: Named, cells: Mapping[str, Sequence[str]]) -> None:
        self.name, self.columns, self.cells = name, tuple(columns), cells
        self.named = in_header(name, columns, named)
        self.taken = {one for groups in self.named.values() for group in groups for one in group}
        self.notes: list[str] = []

    @property
    def rest(self) -> list[str]:
        """Columns that are not taken."""
        return [column for column in self.columns if column not in self.taken]

    def numeric(self, column: str) -> bool:
        """Whether a column is of numbers rather than of words."""
        return are_numbers(self.cells[column])

    def one(self, field: str) -> str:
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

    def need(self, column: str, field: str) -> None:
        """Refuse a table without the column of a field (InputError)."""
        if not column:
            has = listed((shown(one) for one in self.columns), 12) or "no header"
            raise InputError(
                f"{self.name} has no column for the {field}, by any usual name; it has: {has}; {ADVICE} {field}=COLUMN"
            )
