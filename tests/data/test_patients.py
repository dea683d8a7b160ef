"""Age, sex and dates in the forms that data sets use."""

import pytest

from rrgbench.data.readers.patients import age_in_years, iso_date, sex_of
from rrgbench.errors import InputError


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("58", 58), ("058Y", 58), ("58.0", 58), ("011M", 0), ("030M", 2), ("020D", 0), ("120", 120), ("414", None),
        ("", None), ("old", None),
    ],
)  # fmt: skip
def test_ages(text: str, years: int | None) -> None:
    assert age_in_years(text) == years


def test_sexes() -> None:
    assert [sex_of(text) for text in ("F", "male", "Female", " m ", "Unknown", "")] == ["F", "M", "F", "M", "", ""]


def test_dates() -> None:
    assert [iso_date(text, "x") for text in ("20180531", "2018-05-31", "20180531.0", " ")] == ["2018-05-31"] * 3 + [""]
    for text in ("2018", "31.05.2018", "20180532", "tomorrow"):
        with pytest.raises(InputError, match="table row 3: expected a date like 2018-05-31"):
            iso_date(text, "table row 3")
