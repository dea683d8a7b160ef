"""JSON as files of users and of ours are read: no key twice in an object, and no half of a character."""

import json
import re
from pathlib import Path
from typing import Any, Final

from rrgbench.errors import InputError
from rrgbench.files import read_regular

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
    except ValueError as error:
        # Python's words for it name a function that no user calls
        if "integer string conversion" in str(error):
            raise ValueError("a number in it has thousands of digits") from None
        raise
    if _HALF.search(text):
        try:
            json.dumps(found, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = f"\\u{ord(error.object[error.start]):04x}"
            raise ValueError(f"the escape {half} is half a character; write the text again as UTF-8") from None
    return found


def read_object(path: Path, shown: str = "") -> dict[str, Any]:
    """What a JSON file that rrgbench has written says: an object.

    Parameters
    ----------
    path : Path
        The file.
    shown : str, optional
        How messages call it; its name and its folder's if omitted.

    Raises
    ------
    InputError
        If it is not there, is a folder, can't be read, or is damaged, naming it.
    """
    name = shown or f"{path.resolve().parent.name}/{path.name}"
    try:
        content = read_json(read_regular(path).decode("utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{name} is not there") from error
    except IsADirectoryError as error:
        raise InputError(f"{name} is a folder, where a file belongs; remove it") from error
    except OSError as error:
        raise InputError(f"{name} can't be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{name} is damaged ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise InputError(f"{name} is damaged: it holds a {type(content).__name__}, not an object")
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        # a key may be a report's text
        shown = repr(twice) if len(twice) <= 40 and twice.isprintable() and len(twice.split()) <= 2 else "a key"
        raise ValueError(f"{shown} stands twice in an object")
    return found
