"""Labels that somebody has made already, as a labeler: CheXbert's, CheXpert's or people's, without their weights.

A CSV has a column for each observation (1, 0, -1, blank) and names its rows in one of two ways: `study_id`, then the
labels are those of the references, and hypotheses are read by the protocol's labeler; or `text_sha256`, the digest of a
report's text, then any report that the file knows is labelled.
"""

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.readers.label_tables import read_labels
from rrgbench.errors import InputError, listed
from rrgbench.files import read_regular
from rrgbench.labelers.cache import RememberingLabeler
from rrgbench.observations import OBSERVATIONS

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

TEXT_COLUMN = "text_sha256"
STUDY_COLUMN = "study_id"


def text_digest(text: str) -> str:
    """How a report stands in a file of labels by text: 64 hex digits of its SHA-256, blanks at the ends dropped."""
    return hashlib.sha256(text.strip().encode("utf-8", "surrogatepass")).hexdigest()


class LookupLabeler:
    """Labels from a file.

    Parameters
    ----------
    file : str or Path
        A CSV with `study_id` or `text_sha256` and the observations' columns; those that it lacks are unmentioned.

    Raises
    ------
    InputError
        If the file is missing, names rows in neither way, names one twice, has no column of an observation, or holds
        another label than 1, 0, -1 or blank.
    """

    name = "lookup"

    def __init__(self, file: str | Path) -> None:
        path = Path(file)
        try:
            content = read_regular(path)
            rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"file of labels {path.name} can't be read ({type(error).__name__})") from error
        columns = {name.strip(): name for name in (rows[0] if rows else {}) if name}
        self.by_study = STUDY_COLUMN in columns
        key = columns.get(STUDY_COLUMN if self.by_study else TEXT_COLUMN)
        observations = {name: columns[name] for name in OBSERVATIONS if name in columns}
        if key is None or not observations:
            raise InputError(
                f"file of labels {path.name} needs a column {STUDY_COLUMN} or {TEXT_COLUMN} and columns of "
                f"observations, such as {OBSERVATIONS[2]}; it has {len(rows)} rows and {len(columns)} columns"
            )
        self._labels: dict[str, NDArray[np.int8]] = {}
        twice = []
        for number, row in enumerate(rows, start=2):
            if None in row or None in row.values():
                raise InputError(f"file of labels {path.name} line {number}: not as many fields as in the header")
            if row[key] in self._labels:
                twice.append(row[key])
            self._labels[row[key]] = read_labels(row, observations, f"{path.name} line {number}")
        if twice:
            raise InputError(f"file of labels {path.name} names {len(twice)} rows twice: {listed(twice)}")
        self.file = path.name
        self.version = hashlib.sha256(content).hexdigest()[:8]

    @property
    def identity(self) -> str:
        """`lookup@digest`, the first 8 digits of the file's SHA-256."""
        return f"{self.name}@{self.version}"

    def of_studies(self, study_ids: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) of studies.

        Raises
        ------
        InputError
            If the file lacks one, naming it.
        """
        return self._found(study_ids, study_ids)

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) of reports that the file knows by their text.

        Raises
        ------
        InputError
            If it doesn't know one, or names studies.
        """
        if self.by_study:
            raise InputError(f"{self.file} has labels by study, which say nothing of other reports of the same studies")
        places = [f"report {number}" for number in range(1, len(reports) + 1)]
        return self._found([text_digest(report) for report in reports], places)

    def _found(self, keys: Sequence[str], names: Sequence[str]) -> NDArray[np.int8]:
        missing = [name for key, name in zip(keys, names, strict=True) if key not in self._labels]
        if missing:
            raise InputError(
                f"{self.file} has no labels of {len(missing)} of {len(keys)}: {listed(missing)}; leave those studies "
                "out of both files, or use a labeler that reads text"
            )
        rows = [self._labels[key] for key in keys]
        return np.stack(rows) if rows else np.empty((0, len(OBSERVATIONS)), dtype=np.int8)


def remembering(labeler: "Labeler") -> "Labeler":
    """The labeler, labelling each distinct report once; a file of labels as it is, since it has to be told as such."""
    return labeler if isinstance(labeler, LookupLabeler) else RememberingLabeler(labeler)
