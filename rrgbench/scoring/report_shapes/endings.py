"""A file's ending, which promises how the file is to be parsed."""

from typing import Final

JSON_ENDINGS: Final = ("jsonl", "ndjson", "json")
ENDINGS: Final = ("csv", "tsv", *JSON_ENDINGS, "txt")
"""Those of files that may hold reports."""


def ending_of(name: str) -> str:
    """A file name's ending in lower case, without the point; empty where it has none."""
    return name.lower().rpartition(".")[2] if "." in name else ""
