"""JSON with its oddities: keys that stand twice, one document or one a line, records in an object around them."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from rrgbench.errors import InputError


class Twice(list[tuple[str, Any]]):
    """The pairs of an object in which a key occurs more than once."""


def json_document(text: str, place: str, first_line: int = 1) -> Any:
    """JSON, objects with equal keys as `Twice`; `first_line` 0 where the place names a line already."""

    def unique(items: list[tuple[str, Any]]) -> Any:
        # json keeps the last of equal keys
        return dict(items) if len({key for key, _ in items}) == len(items) else Twice(items)

    try:
        return json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        line = f" line {error.lineno}" if first_line else ""
        repr_like = re.match(r"\s*[\[{(]+\s*['0-9]", text) is not None and "': '" in text
        advice = "; it looks like Python's repr: write it with json.dump" if repr_like else ""
        raise InputError(f"{place}{line}: not JSON ({error.msg}, column {error.colno}){advice}") from None
    except (RecursionError, ValueError) as error:
        # nested too deeply, or a number of thousands of digits
        raise InputError(f"{place}: JSON that can't be read ({type(error).__name__})") from None


def json_lines(name: str, text: str) -> Iterator[tuple[str, object]]:
    """Place and content of each line that is not blank; InputError where it is not JSON."""
    # Only "\n" ends a line: JSON strings may hold the other line separators that str.splitlines knows.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{name} line {number}"
            yield place, json_document(line, place, first_line=0)


def is_json(text: str) -> bool:
    """Whether a file that is not called so holds JSON, or JSON on each line."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    return _parses(text.lstrip().partition("\n")[0]) or _parses(text)


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def is_one_document(text: str, lines: bool) -> bool:
    """Whether JSON is one document, not one a line; `lines` says which the file's name promises."""
    rows = [line for line in text.split("\n") if line.strip()]
    if lines:
        return bool(rows) and (rows[0].lstrip()[0] == "[" or not _parses(rows[0])) and _parses(text)
    return _parses(text) or len(rows) < 2 or not all(re.fullmatch(r"\s*\{.*\}\s*", row) for row in rows)


def key_of_records(content: Mapping[str, Any]) -> str | None:
    """The one key of an object under which a list of objects lies; None where none or several do."""
    lists = [key for key, value in content.items() if isinstance(value, list) and value]
    objects = [key for key in lists if all(isinstance(one, dict) for one in content[key])]
    return objects[0] if len(objects) == 1 else None
