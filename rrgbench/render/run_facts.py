"""What a run knows of itself, in words: the lines above its tables and the names of its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath
from shlex import join
from typing import Any

from rrgbench.runs.records import Record


def fact_lines(environment: Mapping[str, Any]) -> list[str]:
    """The lines of a run's page, the most important first.

    Parameters
    ----------
    environment : mapping
        The run's `run.json`; whatever it doesn't say is left out.
    """
    details = environment.get("details") or {}
    lines = []
    if environment.get("synthetic"):
        lines.append(
            f"Synthetic data: {details.get('corpus', 'the corpus')} is generated; no film or report is a patient's."
        )
    elif environment.get("synthetic") is False and details.get("corpus"):
        lines.append(f"Real data: {details['corpus']} holds films or reports of patients.")
    lines += [f"Warning: {words}." for words in environment.get("warnings") or ()]
    lines += [_model_line(one) for one in environment.get("models") or ()]
    made = [_made(environment), _spent(environment), _device(environment)]
    lines.append(", ".join(part for part in made if part))
    if command := command_line(environment):
        lines.append(f"Command: {command}")
    return [line for line in lines if line]


def command_line(environment: Mapping[str, Any]) -> str:
    """The command that made a run, as a shell takes it; empty where `run.json` doesn't say."""
    command = [str(word) for word in environment.get("command") or ()]
    return join([PurePath(command[0]).name, *command[1:]]) if command else ""


def row_titles(environment: Mapping[str, Any]) -> dict[str, str]:
    """Models' names in tables: with their checkpoint where they have one, and it is one."""
    titles: dict[str, set[str]] = {}
    for one in environment.get("models") or ():
        plain = "=" in one["name"] or one.get("checkpoint") in (None, "", one["name"])
        titles.setdefault(one["name"], set()).add(one["name"] if plain else f"{one['name']} ({one['checkpoint']})")
    return {name: min(found) if len(found) == 1 else name for name, found in titles.items()}


def titled(records: Sequence[Record], environment: Mapping[str, Any]) -> list[Record]:
    """Records under the names that tables show."""
    titles = row_titles(environment)
    return [replace(record, model=titles.get(record.model, record.model)) for record in records]


def _model_line(model: Mapping[str, Any]) -> str:
    said = [f"{model['name']} is {model['identity']}"]
    if model.get("checkpoint"):
        said.append(f"checkpoint {model['checkpoint']}")
    if model.get("trained_on"):
        said.append(f"trained on {model['trained_on']}")
    return f"{', '.join(said)}."


def _made(environment: Mapping[str, Any]) -> str:
    version = (environment.get("packages") or {}).get("rrgbench")
    return f"rrgbench {version}" if version else ""


def _spent(environment: Mapping[str, Any]) -> str:
    when, seconds = environment.get("finished") or environment.get("started"), environment.get("seconds")
    if not when:
        return ""
    try:
        date = datetime.fromisoformat(str(when)).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""
    return f"{date}, in {duration(seconds)}" if isinstance(seconds, int | float) and seconds else date


def duration(seconds: float) -> str:
    """A time as people say it: `4 min 12 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{max(1, rest)} s"


def _device(environment: Mapping[str, Any]) -> str:
    devices = dict.fromkeys(one["device"] for one in environment.get("models") or () if one.get("device"))
    return f"on {', '.join(devices)}" if devices else ""
