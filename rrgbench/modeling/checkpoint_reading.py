"""Checkpoints read with care: values that no model can have, weights that are missing, and damaged files are named.

A configuration is a user's file like any other, and libraries meet what is wrong in it with any error at all, minutes
into the work, or with weights that are silently random.
"""

import math
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

from rrgbench.errors import InputError, RrgbenchError, listed

MOST: Final = 1 << 20
"""No width, length or number of a model's configuration is larger."""

MOST_PIXELS: Final = 4096
"""No model reads films of a longer side."""


@contextmanager
def reading(place: object) -> Iterator[None]:
    """Name the checkpoint in whatever goes wrong while it is read.

    Raises
    ------
    InputError
        With the kind of the error; the error itself stands behind it.
    """
    try:
        yield
    # what a missing package and memory mean, others say
    except (RrgbenchError, ImportError, MemoryError):
        raise
    # any failure inside a decoder of files means one thing: this checkpoint can't be read
    except Exception as error:
        # refused by the machine, or not there; libraries raise it too where a file of a folder is no JSON
        if isinstance(error, OSError) and (error.errno is not None or not Path(str(place)).is_dir()):
            raise
        words = " ".join(str(error).split())
        reason = type(error).__name__ + (f": {words[:160]}" if words.isprintable() else "")
        raise InputError(
            f"checkpoint {place} can't be read ({reason}); one of its files is damaged or is not its own: take the "
            "folder from where it came from, or train it again"
        ) from error


def check_type(kind: Any, place: object, told: Mapping[str, Any], asked: object, name: str) -> None:
    """Refuse the checkpoint of another system.

    Parameters
    ----------
    kind : type of PretrainedConfig
        The system's configuration.
    place, told
        Where the checkpoint lies, and what `from_pretrained` is told of it.
    asked : object
        What was asked for, for the message.
    name : str
        The system.

    Raises
    ------
    InputError
        Naming both.
    """
    with reading(place):
        stored = kind.get_config_dict(place, **told)[0].get("model_type")
    if stored != kind.model_type:
        raise InputError(
            f"{asked} holds a model of type {stored}, not {name} ({kind.model_type}); say which it is with --model"
        )


def check_values(config: Any, place: object) -> None:
    """Refuse values of a configuration that are not of the type or size that its keys have.

    Parameters
    ----------
    config : PretrainedConfig
        See `wrong_values`.
    place : object
        For messages.

    Raises
    ------
    InputError
        Naming the key, what was given and what is expected.
    """
    for key, expected in wrong_values(config):
        value = getattr(config, key)
        raise InputError(f"checkpoint {place}: {key} in config.json must be {expected}; given: {value!r:.80}")


def arguments(config_class: type) -> dict[str, Any]:
    """Annotated arguments of a configuration's class and of those above it that are ours, each with its type."""
    hints: dict[str, Any] = {}
    for kind in config_class.__mro__:
        if kind.__module__.partition(".")[0] == "transformers":
            break
        if "__init__" in vars(kind):
            hints = {**get_type_hints(vars(kind)["__init__"]), **hints}
    return {key: hint for key, hint in hints.items() if key not in ("kwargs", "return")}


def wrong_values(config: Any) -> Iterator[tuple[str, str]]:
    """Keys of a configuration whose values can make no model, and what is expected of each."""
    hints = arguments(type(config))
    known = [key for key in hints if hasattr(config, key)]
    wrong = [(key, expected) for key in known if (expected := _wrong(key, getattr(config, key), hints[key]))]
    yield from wrong
    for key in () if wrong else known:
        # attention parts its width among its heads
        width = key.removesuffix("heads") + "width" if key.endswith("heads") else ""
        if width in known and getattr(config, width) % getattr(config, key):
            yield width, f"a multiple of {key}, {getattr(config, key)}"


def _wrong(key: str, value: Any, hint: Any) -> str:
    """What is expected instead of a value; empty where it will do."""
    kinds = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kinds = tuple(typing.get_origin(kind) or kind for kind in kinds)
    if value is None and type(None) in kinds:
        return ""
    if bool in kinds:
        return "" if isinstance(value, bool) else "true or false"
    if isinstance(value, bool):
        value = None  # a switch is neither a number nor a text
    if int in kinds and float not in kinds:
        most = MOST_PIXELS if key == "image_size" else MOST
        least = int(any(part in key for part in _AT_LEAST_ONE))
        fits = isinstance(value, int) and least <= value <= most
        return "" if fits else f"a whole number from {least} to {most}"
    if float in kinds:
        fits = isinstance(value, int | float) and math.isfinite(value) and 0 <= value <= MOST
        return "" if fits else "a number from 0 up"
    for kind, words in ((str, "a text"), (dict, "an object")):
        if kind in kinds:
            return "" if isinstance(value, kind) else words
    return ""


_AT_LEAST_ONE: Final = ("image_size", "width", "heads", "beams", "max_report")
"""What keys hold that can't be 0; a model may have no prompts, layers or memory."""


def check_tokenizer(tokenizer: Any, size: int, place: object) -> None:
    """Refuse a tokenizer of another size than the model's, or one that lacks the tokens that begin and end a report.

    Raises
    ------
    InputError
        Saying which.
    """
    if len(tokenizer) != size:
        raise InputError(
            f"checkpoint {place}: its tokenizer has {len(tokenizer)} tokens, and its model {size}; take both from "
            "where they came from"
        )
    lacking = [name for name in ("eos_token", "pad_token", "unk_token") if getattr(tokenizer, name, None) is None]
    if lacking:
        raise InputError(f"checkpoint {place}: tokenizer_config.json names no {', '.join(lacking)}")


def check_weights(told: dict[str, Any], place: object) -> None:
    """Refuse a checkpoint that lacks weights, which would be random, or holds weights of other shapes.

    Parameters
    ----------
    told : dict
        What `from_pretrained` says with `output_loading_info`.
    place : object
        For messages.

    Raises
    ------
    InputError
        Naming some.
    """
    for kind, words in (
        ("missing_keys", "lacks {} weights, which would be random"),
        ("mismatched_keys", "has {} weights of another shape than config.json says"),
    ):
        if names := sorted(str(name[0] if isinstance(name, tuple) else name) for name in told.get(kind) or ()):
            raise InputError(f"checkpoint {place} {words.format(len(names))}: {listed(names, 3)}")
