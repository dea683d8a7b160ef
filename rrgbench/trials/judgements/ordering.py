"""Ordering tests: candidates whose order clinical sense decides, as RadJudge publishes them."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rrgbench.errors import InputError

_RANKING: Final = re.compile(r"\s*(\w+)\s*([<>=])\s*(\w+)\s*")


@dataclass(frozen=True)
class OrderingTest:
    """One reference, its candidates, and what must be better than what.

    Attributes
    ----------
    name, category : str
        Its id, and what it tests.
    reference : str
        The text that candidates are compared with.
    candidates : mapping of str to str
        Texts by name.
    expected : tuple of (str, str, str)
        Candidate, `>` or `=`, candidate; all must hold.
    """

    name: str
    category: str
    reference: str
    candidates: dict[str, str]
    expected: tuple[tuple[str, str, str], ...]


def read_ordering_tests(path: Path) -> tuple[OrderingTest, ...]:
    """Ordering tests of a file.

    Raises
    ------
    InputError
        If it can't be read, or an order names no candidate.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} can't be read as JSON ({type(error).__name__})") from error
    found = []
    try:
        for group in content:
            for test in group["tests"]:
                candidates = {name: one["text"] for name, one in test["candidates"].items()}
                told = test["expected_ranking"]
                orders = [_order(one, candidates) for one in ([told] if isinstance(told, str) else told)]
                found.append(
                    OrderingTest(test["id"], group["category"], test["ground_truth"], candidates, tuple(orders))
                )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not the layout of ordering tests ({type(error).__name__}: {error})") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    if not found:
        raise InputError(f"{path} holds no ordering test; remove the file, or give at least one")
    return tuple(found)


def _order(told: str, candidates: dict[str, str]) -> tuple[str, str, str]:
    match = _RANKING.fullmatch(told)
    if match is None or match[1] not in candidates or match[3] not in candidates:
        raise ValueError(f"the order {told!r} is not of the candidates {', '.join(candidates)}")
    first, sign, second = match.groups()
    return (second, ">", first) if sign == "<" else (first, sign, second)
