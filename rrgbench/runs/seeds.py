"""Runs that differ only in the seed of a model's training, as one set of records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.runs.records import Record


def check_different(runs: Sequence[Mapping[str, Any]], names: Sequence[str]) -> None:
    """Refuse to pool runs of one and the same model: their spread would say nothing of training.

    Parameters
    ----------
    runs : sequence of mapping
        Each run's `run.json`.
    names : sequence of str
        What the runs are called in errors.

    Raises
    ------
    InputError
        Naming the model and both runs.
    """
    seen: dict[str, str] = {}
    for name, run in zip(names, runs, strict=True):
        identity = (run.get("details") or {}).get("model")
        if identity and seen.setdefault(identity, name) != name:
            raise InputError(
                f"{seen[identity]} and {name} are runs of the same model ({identity}); pool runs of models that were "
                "trained with different seeds"
            )


def join_seeds(runs: Sequence[Sequence[Record]], names: Sequence[str]) -> list[Record]:
    """Records of several runs, those that are the same in all of them once, the others numbered by their run.

    Parameters
    ----------
    runs : sequence of sequence of Record
        One a training seed, each with the same tasks, models and corpus.
    names : sequence of str
        What the runs are called in errors.

    Returns
    -------
    list of Record
        `seed` is the run's number where the value was trained anew in each.

    Raises
    ------
    InputError
        If the runs measure different things.
    """
    by_identity = [{record.identity: record for record in run} for run in runs]
    for name, found in zip(names[1:], by_identity[1:], strict=True):
        alien = set(by_identity[0]) ^ set(found)
        if alien:
            shown = listed(sorted(f"{one[1]} {one[0]} {one[4]} on {one[2]}" for one in alien))
            raise InputError(f"{name} and {names[0]} don't measure the same: {shown}")
    joined: list[Record] = []
    for identity, first in by_identity[0].items():
        same = [found[identity] for found in by_identity]
        if all(record == first for record in same):
            joined.append(first)
        else:
            joined += [replace(record, seed=number) for number, record in enumerate(same)]
    return joined
