"""Age, sex and dates as data sets write them."""

import re
from datetime import date
from typing import Final

from rrgbench.data.readers.tables import shown
from rrgbench.data.study import Sex
from rrgbench.errors import InputError

OLDEST: Final = 120
"""Ages above this are slips of the source (ChestX-ray14 holds some of over 400 years) and count as unknown."""

_AGE: Final = re.compile(r"(\d{1,4})(?:\.0*)?\s*([YMWD]?)", re.IGNORECASE)
_SEXES: Final[dict[str, Sex]] = {"f": "F", "female": "F", "m": "M", "male": "M"}
_DATE: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:\.0*)?")


def age_in_years(text: str) -> int | None:
    """`58`, `58.0`, `058Y`; months, weeks and days are 0 years up to their twelfth month; None where unknown."""
    match = _AGE.fullmatch(text.strip())
    if match is None:
        return None
    number, unit = int(match.group(1)), match.group(2).upper()
    years = number // {"M": 12, "W": 52, "D": 365}.get(unit, 1)
    return years if years <= OLDEST else None


def sex_of(text: str) -> Sex:
    """`F` or `M` for those letters and for `Female` and `Male`; empty for anything else."""
    return _SEXES.get(text.strip().lower(), "")


def iso_date(text: str, where: str) -> str:
    """`YYYY-MM-DD` of a date written so or as `YYYYMMDD`; empty for a blank.

    Raises
    ------
    InputError
        If it is no date, naming `where` it stands.
    """
    if not text.strip():
        return ""
    match = _DATE.fullmatch(text.strip())
    try:
        return str(date(*(int(part) for part in match.groups()))) if match else _refuse(where, text)
    except ValueError:
        return _refuse(where, text)


def _refuse(where: str, text: str) -> str:
    raise InputError(f"{where}: expected a date like 2018-05-31 or 20180531; given: {shown(text)}")
