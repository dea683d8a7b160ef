"""Options that several commands share, each written once.

A group is a frozen dataclass whose fields are options. A command takes it as one parameter, `reports: ReportOptions`,
and `grouped` gives the command line the fields in its place:

    @grouped
    def score(predictions: ..., reports: ReportOptions, form: OutputForm) -> None: ...
"""

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, get_type_hints

import typer


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameters that are option groups stand as their single options on the command line."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and is_dataclass(hint)}
    shown: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        if name not in groups:
            shown.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        options = get_type_hints(groups[name], include_extras=True)
        shown += [
            inspect.Parameter(
                field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=options[field.name]
            )
            for field in fields(groups[name])
        ]

    @wraps(command)
    def expanded(**given: Any) -> None:
        made = {
            name: group(**{field.name: given.pop(field.name) for field in fields(group)})
            for name, group in groups.items()
        }
        command(**given, **made)

    # typer reads a command's options from its signature
    setattr(expanded, "__signature__", inspect.Signature(shown))  # noqa: B010
    expanded.__annotations__ = {parameter.name: parameter.annotation for parameter in shown}
    return expanded


def listed_option(flag: str, words: str, **more: Any) -> Any:
    """An option that may be given several times."""
    return typer.Option(*flag.split("/"), help=words, show_default=False, **more)
