"""The training studies nearest to a film: one exact index for every system that consults earlier studies.

Nearness is the cosine of the features of a frozen image encoder. A study of the film's own subject is never given, so
neither the film itself nor an earlier film of the same chest tells what is to be written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import nn

from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.training.data import FilmRows
from rrgbench.training.stored_features import features_digest, stored_features

Rows = NDArray[np.int64]
Vectors = NDArray[np.float32]

_BLOCK = 512
"""Queries compared with all training studies at a time."""


_NEWEST: dict[str, "RetrievalIndex"] = {}
"""The index built last: training and validation items ask for the same one."""


@dataclass(frozen=True, eq=False)
class RetrievalIndex:
    """Training studies by the features of their films.

    Attributes
    ----------
    features : float32 array (n, d)
        Unit vectors.
    study_ids, subjects : sequence of str
        Whose films they are.
    digest : str
        Of the encoder's weights, the films' pixels and whose they are.
    """

    features: Vectors
    study_ids: Sequence[str]
    subjects: Sequence[str]
    digest: str

    def nearest(self, queries: Vectors, subjects: Sequence[str | None], count: int) -> Rows:
        """Rows (m, count) of the nearest studies, nearest first, of equals the earlier one first.

        Parameters
        ----------
        queries : float32 array (m, d)
            Features of films, of any length.
        subjects : sequence of str or None
            Whose they are: their studies are left out. None is a subject without training studies.
        count : int
            How many.

        Raises
        ------
        InputError
            If the index has fewer studies of other subjects.
        """
        codes = {subject: code for code, subject in enumerate(dict.fromkeys(self.subjects))}
        own = np.array([codes[subject] for subject in self.subjects], dtype=np.int64)
        asked = np.array([-1 if subject is None else codes.get(subject, -1) for subject in subjects], dtype=np.int64)
        offered = len(own) - np.bincount(own)[asked] * (asked >= 0)
        if len(asked) and offered.min() < count:
            raise InputError(
                f"{count} training studies of other subjects are to be consulted, and there are {offered.min()} "
                f"(of {len(own)}); train on more studies or consult fewer"
            )
        found = np.empty((len(queries), count), dtype=np.int64)
        for start in range(0, len(queries), _BLOCK):
            block = slice(start, start + _BLOCK)
            closeness = unit(queries[block]) @ self.features.T
            closeness[asked[block, None] == own] = -np.inf
            found[block] = _largest(closeness, count)
        return found


def build_index(
    encoder: nn.Module, films: FilmRows, studies: Sequence[Study], folder: Path | None = None
) -> RetrievalIndex:
    """The index of training studies, read from a folder if the same was built before.

    Parameters
    ----------
    encoder : nn.Module
        Films (n, size, size) in [0, 255] to features (n, d); frozen.
    films : FilmRows
        The studies' films by row.
    studies : sequence of Study
        Whose films they are.
    folder : Path, optional
        Where features are kept, by digest; without one this process alone remembers the newest index.
    """
    if len(films) != len(studies):
        raise InputError(f"{len(films)} films for {len(studies)} studies ({listed([s.study_id for s in studies])})")
    content = features_digest(encoder, films)
    digest = _digest(content, studies)
    if digest in _NEWEST:
        return _NEWEST[digest]
    found = unit(stored_features(encoder, films, folder, digest=content))
    _NEWEST.clear()
    _NEWEST[digest] = RetrievalIndex(
        found, tuple(study.study_id for study in studies), tuple(study.subject_id for study in studies), digest
    )
    return _NEWEST[digest]


def unit(vectors: Vectors) -> Vectors:
    """Vectors (n, d) of length 1; a zero vector stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def _largest(values: Vectors, count: int) -> Rows:
    """Columns (m, count) of each row's largest values, largest first, of equals the earlier column first."""
    kept = np.argpartition(-values, count - 1, axis=1)[:, :count]
    least = np.take_along_axis(values, kept, axis=1).min(axis=1, keepdims=True)
    for row in np.flatnonzero((values >= least).sum(axis=1) > count):
        # several are as near as the last one kept, and partitioning takes any of them
        candidates = np.flatnonzero(values[row] >= least[row])
        kept[row] = candidates[np.argsort(-values[row, candidates], kind="stable")[:count]]
    kept.sort(axis=1)
    order = np.argsort(-np.take_along_axis(values, kept, axis=1), axis=1, kind="stable")
    return np.take_along_axis(kept, order, axis=1)


def _digest(features: str, studies: Sequence[Study]) -> str:
    """Of an encoder and films (`features_digest`) and of whose films they are."""
    digest = hashlib.sha256(features.encode())
    for study in studies:
        digest.update(f"|{study.study_id}|{study.subject_id}".encode())
    return digest.hexdigest()[:32]
