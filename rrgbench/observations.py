"""The 14 CheXpert observations, their order and their label coding.

The order is that of CheXpert's own CSV files (Irvin et al., AAAI 2019) and is used everywhere: columns of label
arrays, rows of tables, one-hot prompts.
"""

from typing import Final

OBSERVATIONS: Final[tuple[str, ...]] = (
    "No Finding",
    "Enlarged Cardiomediastinum",
    "Cardiomegaly",
    "Lung Lesion",
    "Lung Opacity",
    "Edema",
    "Consolidation",
    "Pneumonia",
    "Atelectasis",
    "Pneumothorax",
    "Pleural Effusion",
    "Pleural Other",
    "Fracture",
    "Support Devices",
)

COMPETITION_OBSERVATIONS: Final[tuple[str, ...]] = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Pleural Effusion",
)
"""The five observations of the CheXpert competition, which also define 5x200 retrieval."""

POSITIVE: Final = 1
NEGATIVE: Final = 0
UNCERTAIN: Final = -1
UNMENTIONED: Final = -2
"""The sentinel for a blank cell (NaN in CSV) in int8 label arrays."""


def observation_index(name: str) -> int:
    """Column of an observation in a label array.

    Parameters
    ----------
    name : str
        An observation's name as in `OBSERVATIONS`.

    Returns
    -------
    int
        Its position, 0 to 13.

    Raises
    ------
    KeyError
        If the name is not one of the 14.
    """
    try:
        return OBSERVATIONS.index(name)
    except ValueError:
        raise KeyError(f"{name!r} is not one of the 14 observations: {', '.join(OBSERVATIONS)}") from None
