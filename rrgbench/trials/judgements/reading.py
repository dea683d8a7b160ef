"""The reader that fits a file or folder of judgements."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from rrgbench.errors import InputError
from rrgbench.trials.judgements import radpref, rexval, table
from rrgbench.trials.judgements.judgements import Judgements

_LAYOUTS: Final[tuple[tuple[Callable[[Path], bool], Callable[[Path], Judgements], str], ...]] = tuple(
    (one.fits, one.read, one.LAYOUT) for one in (radpref, rexval, table)
)


def read_judgements(path: Path) -> Judgements:
    """Read judgements, whatever their layout.

    Parameters
    ----------
    path : Path
        A folder as RadPref's or ReXVal's, or a CSV (`docs/trials.md`).

    Raises
    ------
    InputError
        If there is no such file or its layout is none of these.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder of judgements or a CSV file")
    for fits, read, _ in _LAYOUTS:
        if fits(path):
            return read(path)
    expected = "; ".join(layout for _, _, layout in _LAYOUTS)
    raise InputError(f"{path}: no layout of judgements that is known; expected one of: {expected}")
