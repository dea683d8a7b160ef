"""Stems of words as METEOR compares them, by Snowball, kept for later processes.

METEOR needs of a stem only what Java's `hashCode` gives for it. A file in the cache folder keeps that by the word's
key, so it holds no text; stemming a corpus's words, and loading the stemmer, takes as long as aligning its reports.
"""

import functools
import hashlib
import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import MissingPartError
from rrgbench.files import write_bytes
from rrgbench.metrics.meteor.keys import UInt64, java_hashes
from rrgbench.metrics.meteor.resources import cache_folder

_log = logging.getLogger(__name__)

_NAME: Final = "meteor-stems-1.npy"
_MOST: Final = 200_000
"""Words kept (2.4 MB); what comes later is stemmed anew each time."""

_ROW: Final = np.dtype([("key", "<u8"), ("stem", "<u4")])

# Words on which releases of Snowball's English stemmer differ, with the stems of the release in the jar.
_STEM_PROBES: Final = {
    "lateral": "later",
    "added": "ad",
    "evening": "even",
    "radiologist": "radiologist",
    "internal": "intern",
    "emergent": "emerg",
    "interval": "interv",
    "effusions": "effus",
}


def stem_hashes(words: Sequence[str], keys: UInt64) -> NDArray[np.uint32]:
    """Java's hash codes of the stems of words (n,), whose keys (n,) are given.

    Raises
    ------
    MissingPartError
        If a word must be stemmed and the installed snowballstemmer stems otherwise than METEOR 1.5 does.
    """
    path = cache_folder() / _NAME
    kept = _read(path)
    place = np.minimum(np.searchsorted(kept["key"], keys), max(len(kept) - 1, 0))
    known = kept["key"][place] == keys if len(kept) else np.zeros(len(keys), dtype=np.bool_)
    out = np.empty(len(keys), dtype=np.uint32)
    out[known] = kept["stem"][place[known]] if len(kept) else 0
    if (new := np.flatnonzero(~known)).size:
        out[new] = java_hashes([_stem(words[at]) for at in new.tolist()])
        _keep(path, kept, keys[new], out[new])
    return out


@functools.lru_cache(maxsize=1)
def _stemmer() -> Any:
    import snowballstemmer

    stemmer = snowballstemmer.stemmer("english")
    for word, stem in _STEM_PROBES.items():
        if (given := stemmer.stemWord(word)) != stem:
            raise MissingPartError(
                f"METEOR 1.5 stems {word!r} to {stem!r}, the installed snowballstemmer to {given!r}: "
                "pip install 'snowballstemmer>=2.2,<3'"
            )
    return stemmer


@functools.lru_cache(maxsize=1 << 17)
def _stem(word: str) -> str:
    return str(_stemmer().stemWord(word))


def _read(path: Path) -> NDArray[Any]:
    """Rows that are kept, by key; none where the file is absent, or not what was written."""
    try:
        content = path.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            raise ValueError("its content does not match its digest")
        rows: NDArray[Any] = np.load(io.BytesIO(content[32:]), allow_pickle=False)
    except FileNotFoundError:
        return np.empty(0, dtype=_ROW)
    except (OSError, ValueError) as error:
        _log.info("%s is not read (%s); its words are stemmed again", path.name, error)
        return np.empty(0, dtype=_ROW)
    return rows


def _keep(path: Path, kept: NDArray[Any], keys: UInt64, stems: NDArray[np.uint32]) -> None:
    """Add rows; a folder that can't be written costs later processes some time and stops nothing."""
    new = np.empty(len(keys), dtype=_ROW)
    new["key"], new["stem"] = keys, stems
    rows = np.concatenate([kept, new])[:_MOST]
    if len(rows) == len(kept):
        return
    _, first = np.unique(rows["key"], return_index=True)
    buffer = io.BytesIO()
    np.save(buffer, rows[first])
    try:
        write_bytes(path, hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue())
    except OSError as error:
        _log.info("%s is not kept (%s)", path.name, error)
