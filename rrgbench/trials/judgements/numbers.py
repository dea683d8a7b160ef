"""Numbers as people write them in tables: 4, 4/5, 4,5 and 4 - good, read only where all cells of a kind agree."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rrgbench.errors import InputError

BLANKS: Final = frozenset(("", "na", "n/a", "nan", "null", "<na>", "-"))
"""What a cell holds that says nothing."""
_PLAIN: Final = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_MONTHS: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?|mrz|mai|okt|dez)\.?$"
)
"""What a spreadsheet makes of 4/5 is 5-Apr."""
_DATE: Final = re.compile(rf"\d+\s*[-–]\s*{_MONTHS}", re.IGNORECASE)
_FORMS: Final = {
    "a number": re.compile(rf"({_PLAIN})|[+-]?(?:inf|infinity)", re.IGNORECASE),
    "a number with a decimal comma": re.compile(r"([+-]?\d+(?:,\d+)?)"),
    "a number out of another, such as 4/5": re.compile(rf"({_PLAIN})\s*(?:/|of|out of)\s*({_PLAIN})"),
    "a number with its meaning, such as 4 - good": re.compile(
        rf"({_PLAIN})\s*[-–—:=(]\s*(?!{_MONTHS})[^\W\d_]\D*", re.IGNORECASE
    ),
}
_SHOWN: Final = re.compile(r"[+-]?[\d.,]+(?:\s*(?:/|of|out of|[-–—:=(])\s*[\w.,]+\)?)?")


@dataclass(frozen=True)
class Written:
    """A cell and where it stands.

    Attributes
    ----------
    place, column : str
        Row and column, for messages.
    text : str
        What it holds.
    """

    place: str
    column: str
    text: str

    @property
    def blank(self) -> bool:
        """Whether it says nothing."""
        return self.text.strip().lower() in BLANKS | {"none"}

    @property
    def shown(self) -> str:
        """The cell as an error may show it: one that looks like a number; of others only how long they are."""
        text = self.text.strip()
        plain = len(text) <= 24 and (_SHOWN.fullmatch(text) or (len(text.split()) == 1 and text.isprintable()))
        return repr(text) if plain else f"a text of {len(text)} characters"


def are_numbers(texts: Iterable[str]) -> bool:
    """Whether most cells of a column that say something are numbers of some form, or were before a spreadsheet."""
    given = [text.strip() for text in texts if text.strip().lower() not in BLANKS]
    patterns = (*_FORMS.values(), _DATE)
    return 2 * sum(any(one.fullmatch(text) for one in patterns) for text in given) > len(given)


def read_numbers(name: str, what: str, cells: Iterable[Written], delimiter: str) -> list[float | None]:
    """Numbers of cells, None where blank.

    All cells are of one form: numbers; numbers with a decimal comma, where commas part no cells; numbers out of the
    same other number; numbers with a meaning.

    Parameters
    ----------
    name, what : str
        The file, and what the cells say, for messages.
    cells : iterable of Written
        All of them, since one tells the form of the others.
    delimiter : str
        What parts the file's cells; empty where nothing does.

    Raises
    ------
    InputError
        Naming the row and the column of the first cell that is of another form than most.
    """
    given = list(cells)
    written = [one for one in given if not one.blank]
    forms = {form: pattern for form, pattern in _FORMS.items() if delimiter != "," or "comma" not in form}
    fitting = {form: [pattern.fullmatch(one.text.strip()) for one in written] for form, pattern in forms.items()}
    form = max(fitting, key=lambda one: sum(match is not None for match in fitting[one]))
    for cell, match in zip(written, fitting[form], strict=True):
        if match is None:
            mixed = f" ({form}), as most cells" if any(fitting[form]) and form != "a number" else " or nothing"
            extra = (
                "; a decimal comma is read where another mark parts the cells"
                if delimiter == "," and "," in cell.text[:3]
                else ""
            )
            if _DATE.fullmatch(cell.text.strip()):
                extra = ", and a spreadsheet seems to have made a date of it; write it as text"
            raise InputError(
                f"{name}, {cell.place}: {cell.column} is {cell.shown}; expected a number{mixed} for the {what}{extra}"
            )
    if "comma" in form and (odd := [one for one in written if re.search(r",\d{3}$", one.text.strip())]):
        raise InputError(
            f"{name}, {odd[0].place}: {odd[0].column} is {odd[0].shown}; whether its comma is decimal or parts "
            "thousands can't be told; write it with a point"
        )
    if "out of" in form:
        scales = {match[2] for match in fitting[form] if match}
        if len(scales) > 1:
            first = fitting[form][0]
            odd = [
                one
                for one, match in zip(written, fitting[form], strict=True)
                if match and first and match[2] != first[2]
            ]
            raise InputError(
                f"{name}, {odd[0].place}: {odd[0].column} is {odd[0].shown}, and other cells are out of another "
                "number; write all on one scale"
            )
    values = iter([_value(match) for match in fitting[form] if match is not None])
    return [None if one.blank else next(values) for one in given]


def share_a_range(columns: Iterable[Iterable[str]]) -> bool:
    """Whether columns of numbers may be on one scale: they have a quarter of the widest one's range in common."""
    cells = [[Written("", "", text) for text in texts] for texts in columns]
    try:
        values = iter(read_numbers("", "", [one for texts in cells for one in texts], ""))
    except InputError:
        return False
    given = [[value for _, value in zip(texts, values, strict=False) if value is not None] for texts in cells]
    if not all(given):
        return False
    widest = max(max(numbers) - min(numbers) for numbers in given)
    return 0 < widest <= 4 * (min(map(max, given)) - max(map(min, given)))


def _value(match: re.Match[str]) -> float:
    # what is no number but infinite is refused where judgements are put together
    return float((match[1] or match[0]).replace(",", "."))
