"""Text that may come from anywhere, made harmless for a terminal: names, reports, reasons and messages of errors.

Control characters could steer a terminal, and marks that turn the direction of writing could make a line read as
something else; both become U+FFFD.
"""

import re
from typing import Final

STEERING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and newline, marks of writing direction, separators of lines, lone surrogates."""


def visible(text: str) -> str:
    """Text in which nothing steers a display; tabs and newlines stay."""
    return STEERING.sub("\ufffd", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    """The same on one line, as a message or a cell of a table needs it."""
    return visible(" ".join(text.split()))
