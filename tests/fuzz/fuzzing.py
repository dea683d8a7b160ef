"""What a parser makes of a file, held against what it owes."""

from pathlib import Path

from parsers import SECRET, Parser

from rrgbench.errors import RrgbenchError
from rrgbench.terminal_text import one_line


def outcome(parser: Parser, content: bytes, folder: Path) -> str:
    """`read` or `named`; anything else is an AssertionError or the parser's own.

    Parameters
    ----------
    parser : Parser
        What reads it.
    content : bytes
        Of the file.
    folder : Path
        Where it is written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / parser.name
    path.write_bytes(content)
    try:
        found = parser.parse(path)
    # what the command says in one line, and ends with 2
    except (RrgbenchError, UnicodeDecodeError) as error:
        words = one_line(str(error)) if isinstance(error, RrgbenchError) else ""
        assert SECRET not in words, words
        assert len(words) < 2000, words
        return "named"
    if parser.count is not None and (owed := parser.count(content)) is not None:
        assert len(found) == owed, f"{len(found)} of {owed} studies were read"
    return "read"
