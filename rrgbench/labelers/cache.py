"""Labels remembered, in memory or on disk by content: each distinct report is labelled once per labeler."""

import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError
from rrgbench.labelers.asking import labels_of
from rrgbench.observations import OBSERVATIONS

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler

_log = logging.getLogger(__name__)

_QUERY_SIZE = 500
"""Keys per SQL query; SQLite allows at least 999 parameters."""

_MOST_BYTES = 2 << 30
"""Of the file."""

_HEADER = b"SQLite format 3\0"

_DIGEST_SIZE = 8
"""Bytes of a row's digest."""


class _Remembering:
    """A labeler that labels a text once; its name, version and identity are the wrapped labeler's."""

    def __init__(self, labeler: "Labeler") -> None:
        self.labeler = labeler

    @property
    def name(self) -> str:
        """The wrapped labeler's name."""
        return self.labeler.name

    @property
    def version(self) -> str:
        """The wrapped labeler's version."""
        return self.labeler.version

    @property
    def identity(self) -> str:
        """The wrapped labeler's identity."""
        return self.labeler.identity


class RememberingLabeler(_Remembering):
    """A labeler that labels each distinct report once, for scoring several systems against the same references."""

    def __init__(self, labeler: "Labeler") -> None:
        super().__init__(labeler)
        self._known: dict[str, NDArray[np.int8]] = {}

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) of the labeler."""
        new = [report for report in dict.fromkeys(reports) if report not in self._known]
        if new:
            self._known.update(zip(new, labels_of(self.labeler, new), strict=True))
        return _stacked([self._known[report] for report in reports])


class CachedLabeler(_Remembering):
    """A labeler whose labels are kept in one SQLite file, keyed by labeler identity and report text.

    Only digests of the texts are stored, never the texts. Several processes may share a file. Name, version and
    identity are the wrapped labeler's, so signatures do not change. Each row ends with a digest, and is labelled again
    where that doesn't fit; a file that can't be read or written costs time and no run. One that has grown beyond 2 GB
    (40 million reports) begins anew.

    Parameters
    ----------
    labeler : Labeler
        Who labels what is not yet known.
    path : Path
        The cache file; created when missing.

    Raises
    ------
    InputError
        If the file is something else than a label cache.
    """

    def __init__(self, labeler: "Labeler", path: str | Path) -> None:
        super().__init__(labeler)
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._connect()) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS labels (key BLOB PRIMARY KEY, labels BLOB) WITHOUT ROWID"
                )
        except (OSError, sqlite3.DatabaseError) as error:
            if self._is_something_else():
                raise InputError(f"{self.path.name} can't be used as a label cache: {error}") from error
            _log.warning("label cache %s can't be opened (%s); its labels are not kept", self.path.name, error)

    def label(self, reports: Sequence[str]) -> NDArray[np.int8]:
        """Labels (n, 14) in CheXpert coding; only reports never seen before are labelled."""
        keys = [self._key(report) for report in reports]
        distinct = dict(zip(keys, reports, strict=True))
        known: dict[bytes, NDArray[np.int8]] = {}
        try:
            with closing(self._connect()) as connection:
                known = _read(connection, list(distinct))
        except sqlite3.DatabaseError as error:
            _log.warning("label cache %s can't be read (%s); the reports are labelled again", self.path.name, error)
        unknown = [key for key in distinct if key not in known]
        if unknown:
            fresh = labels_of(self.labeler, [distinct[key] for key in unknown])
            known.update(zip(unknown, fresh, strict=True))
            rows = [(key, _sealed(key, row)) for key, row in zip(unknown, fresh, strict=True)]
            try:
                with closing(self._connect()) as connection:
                    if self.path.stat().st_size > _MOST_BYTES:
                        with connection:
                            connection.execute("DELETE FROM labels")
                        connection.execute("VACUUM")
                    with connection:
                        connection.executemany("INSERT OR REPLACE INTO labels VALUES (?, ?)", rows)
            except (OSError, sqlite3.DatabaseError) as error:
                _log.warning("label cache %s can't be written (%s); its labels are not kept", self.path.name, error)
        return _stacked([known[key] for key in keys])

    def _is_something_else(self) -> bool:
        """Whether a file of other content stands there: a mistaken option, and nothing to write to."""
        try:
            with self.path.open("rb") as file:
                beginning = file.read(len(_HEADER))
        except OSError:
            return False
        return bool(beginning) and beginning != _HEADER

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=60)

    def _key(self, report: str) -> bytes:
        text = f"{self.identity}\0{report}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).digest()


def _stacked(rows: Sequence[NDArray[np.int8]]) -> NDArray[np.int8]:
    """Rows of labels as one array, also where there is none."""
    return np.stack(rows) if rows else np.empty((0, len(OBSERVATIONS)), dtype=np.int8)


def _sealed(key: bytes, labels: NDArray[np.int8]) -> bytes:
    """A row as it is kept: the labels, and a digest of them and of whose they are."""
    content = labels.astype(np.int8).tobytes()
    return content + hashlib.sha256(key + content).digest()[:_DIGEST_SIZE]


def _read(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.int8]]:
    """Stored labels of those keys that are known and whole."""
    found: dict[bytes, NDArray[np.int8]] = {}
    for start in range(0, len(keys), _QUERY_SIZE):
        part = keys[start : start + _QUERY_SIZE]
        marks = ",".join("?" * len(part))
        for key, labels in connection.execute(f"SELECT key, labels FROM labels WHERE key IN ({marks})", part):
            if not isinstance(labels, bytes):
                continue
            row = np.frombuffer(labels[: len(OBSERVATIONS)], dtype=np.int8)
            if labels == _sealed(bytes(key), row):
                found[bytes(key)] = row
    return found
