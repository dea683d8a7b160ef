"""Label cells as CheXpert's and MIMIC-CXR's tables hold them: 1, 0, -1 or blank, one column an observation."""

from collections.abc import Mapping
from typing import Final

from rrgbench.data.readers.tables import shown
from rrgbench.data.study import LabelVector, blank_labels
from rrgbench.errors import InputError
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

_CELLS: Final[Mapping[str, int]] = {
    "": UNMENTIONED,
    "nan": UNMENTIONED,
    **{f"{value}{zeros}": value for value in (POSITIVE, NEGATIVE, UNCERTAIN) for zeros in ("", ".0")},
}


def read_labels(row: Mapping[str, str], columns: Mapping[str, str], where: str) -> LabelVector:
    """Labels of one row.

    Parameters
    ----------
    row : mapping of str to str
        Cells by column.
    columns : mapping of str to str
        Column of each observation; those it lacks stay unmentioned.
    where : str
        File and study, for the message.

    Returns
    -------
    int8 array (14,)
        CheXpert coding; a blank cell is unmentioned.

    Raises
    ------
    InputError
        If a cell is none of 1, 0, -1 or blank.
    """
    labels = blank_labels()
    for position, observation in enumerate(OBSERVATIONS):
        if observation in columns:
            cell = row[columns[observation]]
            value = _CELLS.get(cell.lower())
            if value is None:
                raise InputError(f"{where}: the label of {observation} is not 1, 0, -1 or blank; given: {shown(cell)}")
            labels[position] = value
    return labels
