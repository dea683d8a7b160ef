"""Each study's previous study of the same subject."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

from rrgbench.data.study import Study
from rrgbench.errors import InputError

_Key = TypeVar("_Key", bound=Hashable)


def with_priors(studies: Sequence[Study], named: Mapping[str, str] | None = None) -> list[Study]:
    """The studies in their given order, each with its subject's previous one as `prior`.

    Parameters
    ----------
    studies : sequence of Study
        Those whose `order` is None have no prior and are none. A prior is strictly earlier: of studies of equal order
        none is another's prior, and of several that could be one it is the last in the sequence.
    named : mapping of str to str, optional
        Id of each study's prior where the source itself says so; orders then play no part. Where the one that is named
        is not among the studies, its own prior stands in.

    Raises
    ------
    InputError
        If a study is named as its own prior, at first or at tenth hand.
    """
    earlier = _earlier(studies) if named is None else named
    linked = {study.study_id: study for study in studies}
    done: set[str] = set()
    for study in studies:
        chain = {study.study_id: None}  # a set in order
        name = study.study_id
        while name not in done and name in earlier:
            name = earlier[name]
            if name in chain:
                raise InputError(f"study {name} is its own prior, directly or by way of others; name an earlier study")
            chain[name] = None
        prior: Study | None = None
        for name in reversed(chain):
            if name in linked:
                if name not in done:
                    linked[name] = replace(linked[name], prior=prior) if prior is not None else linked[name]
                    done.add(name)
                prior = linked[name]
    return [linked[study.study_id] for study in studies]


def _earlier(studies: Sequence[Study]) -> dict[str, str]:
    """Id of the subject's last strictly earlier study, by study id."""
    moments: dict[str, dict[int, list[str]]] = {}
    for study in studies:
        if study.order is not None:
            moments.setdefault(study.subject_id, {}).setdefault(study.order, []).append(study.study_id)
    return {
        study: of_subject[former][-1]
        for of_subject in moments.values()
        for former, later in pairwise(sorted(of_subject))
        for study in of_subject[later]
    }


def orders(moments: Mapping[_Key, tuple[str, Any]]) -> dict[_Key, int]:
    """Places in time among a subject's studies, 0 the earliest; studies of the same moment share a place.

    Parameters
    ----------
    moments : mapping of study to (str, comparable)
        Subject and moment (a date, or date and time) of each study whose moment is known.
    """
    known: dict[str, set[Any]] = {}
    for subject, moment in moments.values():
        known.setdefault(subject, set()).add(moment)
    places = {subject: {at: place for place, at in enumerate(sorted(found))} for subject, found in known.items()}
    return {study: places[subject][moment] for study, (subject, moment) in moments.items()}
