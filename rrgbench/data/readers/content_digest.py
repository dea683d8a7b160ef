"""The content digest of a corpus read from files.

It covers the bytes of every table that was read, the name and size in bytes of every film (not its pixels: hashing
half a terabyte to start a run helps nobody), and every option that changes what the corpus holds. Folders above the
root and time stamps play no part, so two copies of the same data agree.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping


def content_digest(tables: Mapping[str, str], films: Iterable[tuple[str, int]], options: Mapping[str, object]) -> str:
    """Digest what defines a corpus.

    Parameters
    ----------
    tables : mapping of str to str
        SHA-256 of each table or text archive by file name.
    films : iterable of (str, int)
        Name (relative to the root, or unique file name) and size in bytes of each film, in any order.
    options : mapping of str to object
        Options that change the content (section, label policy, seed); values that JSON can hold.

    Returns
    -------
    str
        64 hex digits.
    """
    recipe = {"tables": sorted(tables.items()), "films": sorted(films), "options": sorted(options.items())}
    return hashlib.sha256(json.dumps(recipe, separators=(",", ":")).encode()).hexdigest()
