"""The reader that fits a file or folder of judgements."""

from pathlib import Path
from typing import Final

from rrgbench.errors import InputError
from rrgbench.scoring.report_text import read_text
from rrgbench.trials.judgements import radpref, rexval, table
from rrgbench.trials.judgements.judgements import Judgements
from rrgbench.trials.judgements.named_columns import FLAG, Named

_FOLDERS: Final = ((radpref.fits, radpref.read), (rexval.fits, rexval.read))
_LAYOUTS: Final = (radpref.LAYOUT, rexval.LAYOUT, table.LAYOUT)


def judgement_folder(path: Path) -> Path:
    """The folder of RadPref's layout where its `studies.json` is given; else the path itself."""
    inside = path.is_file() and path.name == "studies.json" and len(radpref.rater_files(path.parent)) > 0
    return path.parent if inside else path


def read_judgements(path: Path, named: Named | None = None) -> Judgements:
    """Read judgements, whatever their layout.

    Parameters
    ----------
    path : Path
        A folder as RadPref's or ReXVal's, or a table (`docs/trials.md`).
    named : mapping, optional
        Columns of a table that are not to be guessed, by field.

    Raises
    ------
    InputError
        If there is no such file or its layout is none of these.
    """
    if not path.exists():
        raise InputError(f"{path} does not exist; give a folder of judgements or a table of them")
    path = judgement_folder(path)
    for fits, read in _FOLDERS:
        if fits(path):
            if named:
                raise InputError(f"{FLAG} names columns of a table; {path} is a folder whose layout is known")
            return read(path)
    if table.fits(path):
        return table.read(path, named)
    if path.is_file():
        read_text(path)  # which says of workbooks, archives and the like what to do
    raise InputError(f"{path}: no layout of judgements that is known; expected one of: {'; '.join(_LAYOUTS)}")
