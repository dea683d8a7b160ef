"""Which letters an expression can begin with, so that each word of a sentence is tried against few expressions."""

import string
from typing import Final

_LETTERS: Final = frozenset(string.ascii_lowercase + string.digits + "_")


def first_letters(expression: str) -> frozenset[str]:
    r"""Characters a match of an expression can begin with.

    Parameters
    ----------
    expression : str
        In the dialect of the lexicon: literals, `[...]`, `\w`, `(?:...)` with `|`, and the quantifiers `?`, `*`, `+`.

    Returns
    -------
    frozenset of str
        Lower-case letters, digits and `_`; all of them where the expression begins with a wildcard.

    Examples
    --------
    >>> sorted(first_letters("(?:left )?heart|cardiac"))
    ['c', 'h', 'l']
    """
    letters, _, end = _choice(expression, 0)
    if end != len(expression):
        raise ValueError(f"unbalanced expression {expression!r}")
    return letters


def _choice(text: str, at: int) -> tuple[frozenset[str], bool, int]:
    """First letters and whether the match may be empty, of alternatives up to `)` or the end, and where they end."""
    letters: frozenset[str] = frozenset()
    may_be_empty = False
    while True:
        branch, empty, at = _sequence(text, at)
        letters |= branch
        may_be_empty |= empty
        if at >= len(text) or text[at] == ")":
            return letters, may_be_empty, at
        at += 1  # the bar


def _sequence(text: str, at: int) -> tuple[frozenset[str], bool, int]:
    letters: frozenset[str] = frozenset()
    open_start = True  # everything so far may be empty
    while at < len(text) and text[at] not in "|)":
        atom, empty, at = _atom(text, at)
        if at < len(text) and text[at] in "?*+":
            empty |= text[at] in "?*"
            at += 1
        if open_start:
            letters |= atom
            open_start = empty
    return letters, open_start, at


def _atom(text: str, at: int) -> tuple[frozenset[str], bool, int]:
    if text.startswith(("(?=", "(?!"), at):
        _, _, end = _choice(text, at + 3)
        return frozenset(), True, end + 1
    if text.startswith("(?:", at):
        letters, empty, end = _choice(text, at + 3)
        return letters, empty, end + 1
    if text[at] == "[":
        end = text.index("]", at)
        inside = text[at + 1 : end]
        return (_LETTERS if "-" in inside else frozenset(inside)), False, end + 1
    if text[at] == "\\":
        escaped = text[at + 1]
        return (_LETTERS if escaped == "w" else frozenset()), escaped == "b", at + 2
    return frozenset(text[at]), False, at + 1
