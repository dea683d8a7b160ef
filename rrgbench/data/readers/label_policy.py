"""CheXpert's policies for uncertain labels (Irvin et al., AAAI 2019, section 3)."""

from typing import Final

from rrgbench.data.study import LabelVector
from rrgbench.errors import InputError
from rrgbench.observations import NEGATIVE, POSITIVE, UNCERTAIN, UNMENTIONED

POLICIES: Final = ("keep", "u-ones", "u-zeros", "ignore")
"""What a loader's `uncertain` option may be."""

_BECOMES: Final = {"u-ones": POSITIVE, "u-zeros": NEGATIVE, "ignore": UNMENTIONED}


def check_policy(uncertain: str, corpus: str) -> None:
    """Refuse an `uncertain` option that is not in `POLICIES`.

    Raises
    ------
    InputError
        Naming the option's values.
    """
    if uncertain not in POLICIES:
        raise InputError(f"corpus {corpus}: uncertain must be one of {', '.join(POLICIES)}; given: {uncertain!r}")


def apply_policy(labels: LabelVector, uncertain: str) -> LabelVector:
    """Labels (14,) after the policy: uncertain stays (`keep`), or becomes positive, negative or unmentioned."""
    if uncertain == "keep":
        return labels
    decided = labels.copy()
    decided[labels == UNCERTAIN] = _BECOMES[uncertain]
    return decided
