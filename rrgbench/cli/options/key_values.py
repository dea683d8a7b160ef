"""What is written with an equals sign: KEY=VALUE, NAME=FILE."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def named_file(given: str, what: str = "a system") -> tuple[str, Path]:
    """Name and file of `NAME=FILE`; no name of what is a file as a whole.

    Both may hold equals signs: of several, the last one counts that a file stands behind, else the first.

    Raises
    ------
    InputError
        If one of the two is empty.
    """
    from rrgbench.errors import InputError

    if "=" not in given or Path(given).is_file():
        return "", Path(given)
    places = [at for at, mark in enumerate(given) if mark == "="]
    at = next((at for at in reversed(places) if Path(given[at + 1 :]).is_file()), places[0])
    name, file = given[:at], given[at + 1 :]
    if not (name and file):
        raise InputError(f"{what} expects FILE or NAME=FILE; given: {given!r}")
    return name, Path(file)


def key_values(pairs: list[str] | None, flag: str = "--option", own: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Options from a flag's KEY=VALUE; true, false and numbers are read as such.

    Parameters
    ----------
    pairs : list of str
        As given.
    flag : str
        Whose they are, for messages.
    own : mapping of str to str
        Keys that are given otherwise, and how.

    Raises
    ------
    InputError
        If one is not KEY=VALUE, or is given otherwise.
    """
    from rrgbench.errors import InputError

    options: dict[str, Any] = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise InputError(f"{flag} expects KEY=VALUE, such as section=both; given: {pair!r}")
        if own and key in own:
            raise InputError(f"{flag} takes no {key}; {own[key]}")
        try:
            read = json.loads(value.lower() if value in ("True", "False") else value)
        except ValueError:
            read = value
        options[key] = read if isinstance(read, bool | int | float) else value
    return options
