"""Runs that differ only in the seed of a model's training, as one set of records."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rrgbench.errors import InputError, listed
from rrgbench.runs.baseline import Reports, Side, read_side, report_digests
from rrgbench.runs.environment import environment_of, pooled
from rrgbench.runs.records import Record
from rrgbench.runs.store import read_results


def read_trainings(folders: Sequence[Path]) -> tuple[list[Record], Mapping[str, Any]]:
    """Records and `run.json` of run folders whose models were trained with different seeds; of one, its own.

    Parameters
    ----------
    folders : sequence of Path
        One a training seed, at least one.

    Raises
    ------
    InputError
        If one is not there, two are runs of the same model, or they measure different things.
    """
    _refuse_absent(folders)
    names, environments = _names(folders), [environment_of(folder) for folder in folders]
    if len(folders) == 1:
        return read_results(folders[0]), environments[0]
    check_different(environments, names)
    return join_seeds([read_results(folder) for folder in folders], names), pooled(environments, names)


def read_trainings_side(folders: Sequence[Path]) -> Side:
    """The same with digests of the reports; a model that wrote others in each run has its studies named by the run."""
    _refuse_absent(folders)
    if len(folders) == 1:
        return read_side(folders[0])
    records, environment = read_trainings(folders)
    reports = _joined_reports([report_digests(folder) for folder in folders], _names(folders))
    return Side(tuple(records), environment, reports)


def _refuse_absent(folders: Sequence[Path]) -> None:
    for folder in folders:
        if not folder.is_dir():
            raise InputError(f"run folder {folder} is not there; rrgbench runs list shows the runs of a folder")


def _names(folders: Sequence[Path]) -> list[str]:
    return [folder.resolve().name for folder in folders]


def _joined_reports(runs: Sequence[Reports], names: Sequence[str]) -> Reports:
    joined: dict[str, dict[str, str]] = {}
    for model in dict.fromkeys(name for run in runs for name in run):
        own = [run.get(model, {}) for run in runs]
        if all(reports == own[0] for reports in own):
            joined[model] = dict(own[0])
        else:
            joined[model] = {
                f"{name}/{study}": digest
                for name, reports in zip(names, own, strict=True)
                for study, digest in reports.items()
            }
    return joined


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
        if identity and identity in seen:
            raise InputError(
                f"{seen[identity]} and {name} are runs of the same model ({identity}); pool runs of models that were "
                "trained with different seeds"
            )
        seen[str(identity)] = name


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
