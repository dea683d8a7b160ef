"""JSON as files of users and of ours are read: no key twice in an object, and no half of a character."""

import json
import re
from typing import Any, Final

_HALF: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape of a surrogate, which is a character only as one of two."""


def read_json(text: str) -> Any:
    """What a JSON text says.

    Raises
    ------
    ValueError
        If it is no JSON, is nested too deeply, a key stands twice in an object, or a text in it is no Unicode; the
        message holds nothing of the texts.
    """
    try:
        found = json.loads(text, object_pairs_hook=_unique)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _HALF.search(text):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ValueError(f"the escape {half} is half a character; write the text again as UTF-8") from None
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        # a key may be a report's text
        shown = repr(twice) if len(twice) <= 40 and twice.isprintable() and len(twice.split()) <= 2 else "a key"
        raise ValueError(f"{shown} stands twice in an object")
    return found
