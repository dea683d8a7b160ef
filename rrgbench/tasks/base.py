"""What a task is: a name, a version, checked parameters, units of work, and the tables that its values fill.

Tasks join through the entry-point group `rrgbench.tasks`, ours like a third party's: they are run, resumed, shown and
compared alike.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, ConfigDict, Field

from rrgbench.checked_values import CheckedValues
from rrgbench.registry import Registry
from rrgbench.render.record_tables import TableDescription
from rrgbench.runs.records import Record

if TYPE_CHECKING:
    from rrgbench.tasks.context import Evaluation

Floats = NDArray[np.float64]


def distinct(given: tuple[Any, ...]) -> tuple[Any, ...]:
    """A list of a suite's as it is, for pydantic; a ValueError where something stands twice in it."""
    if twice := sorted({str(one) for one in given if given.count(one) > 1}):
        raise ValueError(f"{', '.join(twice)} stands twice; name each once")
    return given


Distinct = AfterValidator(distinct)
"""For a list in which nothing may stand twice."""


class TaskParameters(CheckedValues):
    """Parameters that every task has; a task adds its own.

    Attributes
    ----------
    limit : int or None
        At most that many studies of the split; all if None.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int | None = Field(default=None, gt=0)


@dataclass(frozen=True)
class Unit:
    """One piece of work, kept and resumed by itself.

    Attributes
    ----------
    title : str
        For people.
    inputs : mapping of str to JSON
        What tells it from the task's other units, e.g. `{"setting": "linear", "fraction": 0.1}`.
    """

    title: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a unit measured.

    Attributes
    ----------
    records : sequence of Record
        Values, and blanks with their reasons.
    replicates : mapping of int to float64 array (r,)
        By position in `records`: the value on each resample of the studies, drawn by the evaluation's seed, so that
        models are paired. Values without an interval have none.
    arrays : mapping of str to array
        What figures need beside the values, by name, small: probabilities of the studies, words of the reports. No
        objects; texts as arrays of str.
    """

    records: Sequence[Record]
    replicates: Mapping[int, Floats] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)


class Task(ABC):
    """A kind of evaluation.

    Attributes
    ----------
    name : str
        As registered, and in records.
    version : int
        Raised when its code would give other values; part of a unit's digest.
    parameters : type
        What a suite may set.
    reads_reports : bool
        Whether it needs the model's reports written first.
    tables : tuple of TableDescription
        What its values fill.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    parameters: ClassVar[type[TaskParameters]] = TaskParameters
    reads_reports: ClassVar[bool] = False
    tables: ClassVar[tuple[TableDescription, ...]] = ()

    def units(self, parameters: Any) -> Sequence[Unit]:
        """Its pieces of work, in order; one by default."""
        return (Unit(self.name.replace("_", " ")),)

    def only(self, parameters: Any, metrics: Collection[str]) -> Any:
        """The parameters for measuring some metrics alone; None where it gives none of them."""
        return parameters if {key for table in self.tables for key in table.metrics} & set(metrics) else None

    def constants(self, evaluation: "Evaluation", parameters: Any) -> Sequence[Record]:
        """What the best constant report, chosen anew for each metric, reaches; empty where reports play no part.

        The evaluation's model is `best-constant`, which only lends the records its name.
        """
        return ()

    @abstractmethod
    def run(self, evaluation: "Evaluation", parameters: Any, unit: Unit) -> Outcome:
        """Do one piece of work for one model."""


TASKS: Final[Registry[Task]] = Registry("task", "rrgbench.tasks")
"""Tasks by name."""


def table_descriptions() -> tuple[TableDescription, ...]:
    """The tables of all registered tasks: ours in the paper's order, then those of other packages."""
    found = TASKS.everything()
    order = (
        *("report_generation", "clinical_efficacy", "film_use", "retrieval", "classification", "error_correlation"),
        *("error_propagation", "subgroups", "protocol_band", "cases"),
    )
    names = [*(name for name in order if name in found), *(name for name in found if name not in order)]
    return tuple(table for name in names for table in found[name].tables)
