"""One escaper for each format: whatever stands in a name, a report or a reason comes out as text and does nothing.

What could steer a display becomes U+FFFD, as in `rrgbench.terminal_text` (a code point in LaTeX).
"""

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from rrgbench.terminal_text import one_line, visible

if TYPE_CHECKING:
    from jinja2 import Environment

_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    # `\\` at the end of a row would take a bracket or a star that follows it as its argument
    "[": "{[}",
    "*": "{*}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "'": r"\char39{}",
    "–": "--",
    "—": "---",
    "…": r"\dots{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "µ": r"$\mu$",
    "°": r"$^\circ$",
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
}
_ACCENTS: Final = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}


def escape_html(text: str) -> str:
    """Text between tags or in a quoted attribute."""
    return str(escape(visible(text)))


def escape_markdown(text: str) -> str:
    """Text on one line that Markdown shows as it is, also inside a table and at the start of a line."""
    marked = re.sub(r"([\\`*_\[\]<>|#~&$])", r"\\\1", one_line(text))
    # what would start a list or underline a heading
    return re.sub(r"^(\d+(?=[.)](?: |$))|(?=[-+=]))", r"\1\\", marked)


def markdown_code(text: str, *, cell: bool = False) -> str:
    """Text as code, fenced by more backticks than it holds; in a cell of a table, bars need a backslash."""
    shown = one_line(text)
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    space = " " if "`" in shown else ""
    shown = shown.replace("|", "\\|") if cell else shown
    return f"{fence}{space}{shown}{space}{fence}"


def spreadsheet_cell(text: str) -> str:
    """Text as a cell of a CSV that a spreadsheet shows and does not compute; plain numbers stay as they are."""
    computed = text.lstrip()[:1] in ("=", "+", "-", "@") or text[:1] in ("\t", "\r")
    return f"'{text}" if computed and not re.fullmatch(r"[+-]\d+(\.\d+)?", text) else text


def escape_latex(text: str) -> str:
    """Text that pdflatex sets as it is, in its default encoding.

    Latin letters with accents are composed; what the fonts of a minimal TeX lack is written as its code point.
    """
    spaced = " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in text).split())
    out = [_latex(character) for character in spaced]
    # "--" would become one dash, so neighbouring hyphens are kept apart
    return "".join(
        piece + "{}" if piece == "-" and out[index + 1 : index + 2] == ["-"] else piece
        for index, piece in enumerate(out)
    )


def _latex(character: str) -> str:
    if character in _LATEX:
        return _LATEX[character]
    if " " <= character <= "~":
        return character
    parts = unicodedata.normalize("NFD", character)
    if len(parts) == 2 and parts[1] in _ACCENTS and parts[0].isascii() and parts[0].isalpha():
        letter = rf"\{parts[0]}" if parts[0] in "ij" else parts[0]
        return rf"\{_ACCENTS[parts[1]]}{{{letter}}}"
    return rf"\texttt{{U+{ord(character):04X}}}"


def templates(package: str, escaper: Callable[[str], str] = escape_html) -> "Environment":
    """Templates of a package in which every expression is escaped, unless it is `Markup` already.

    Parameters
    ----------
    package : str
        Module whose folder `templates` holds them.
    escaper : callable
        The format's.
    """
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

    def escaped(value: Any) -> Markup:
        return value if isinstance(value, Markup) else Markup(escaper(str(value)))

    return Environment(
        # any page may show tables
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("rrgbench.render")]),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
