"""A suite: which tasks with which parameters, read from YAML and checked."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import ConfigDict, Field, SerializeAsAny, ValidationError, ValidationInfo, field_validator

from rrgbench.checked_values import CheckedValues
from rrgbench.data.study import SPLITS
from rrgbench.errors import InputError, UnknownNameError, listed, meant, problems
from rrgbench.metrics.catalogue import OWN_METRICS, TEXT_GROUPS
from rrgbench.metrics.external.loading import PLUG_INS
from rrgbench.models import MODELS
from rrgbench.registry import lookup
from rrgbench.tasks.base import TASKS, Distinct, TaskParameters
from rrgbench.yaml_text import read_yaml


class Suite(CheckedValues):
    """Tasks to run; a task left out is not run.

    Attributes
    ----------
    name : str
        The suite's name.
    split : str
        Split that is scored.
    trivial : tuple of str
        Systems that stand beside the model in every table.
    replicates : int
        Bootstrap replicates of every interval.
    resample : {"studies", "subjects"}
        What a resample draws. Where subjects have several studies, which are alike, intervals over studies are too
        narrow.
    tasks : mapping of str to TaskParameters
        Parameters by the task's registered name, in the order in which they run; given as mappings they are checked by
        the task.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[\w][\w.+-]*$")
    split: str = "test"
    trivial: Annotated[tuple[str, ...], Distinct] = (
        "most-frequent",
        "fixed-template",
        "random-report",
        "nearest-neighbour",
        "classifier-template",
    )
    replicates: int = Field(default=1000, ge=2)
    resample: Literal["studies", "subjects"] = "studies"
    tasks: Mapping[str, SerializeAsAny[TaskParameters]] = Field(default_factory=dict)

    @field_validator("split")
    @classmethod
    def _known_split(cls, given: str) -> str:
        if given not in SPLITS:
            raise ValueError(f"no split is called {given!r}; known: {', '.join(SPLITS)}")
        return given

    @field_validator("trivial", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        if isinstance(given, str):
            known = given.partition(":")[0] in MODELS.names()
            raise ValueError(f"expected a list, such as [{given if known else 'most-frequent'}], or [] for none")
        return given

    @field_validator("trivial")
    @classmethod
    def _known_systems(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            try:
                lookup("model", name.partition(":")[0], MODELS.names())
            except UnknownNameError as error:
                raise ValueError(str(error)) from None
        return given

    @field_validator("tasks", mode="before")
    @classmethod
    def _checked_tasks(cls, given: Any, info: ValidationInfo) -> Any:
        if not isinstance(given, Mapping):
            raise ValueError("tasks must be a mapping of task names to parameters")
        checked: dict[str, TaskParameters] = {}
        for name, parameters in given.items():
            try:
                kind = TASKS.load(str(name)).parameters
            except UnknownNameError as error:
                raise ValueError(str(error)) from None
            if isinstance(parameters, TaskParameters):
                checked[name] = parameters
                continue
            try:
                checked[name] = kind.model_validate(parameters or {}, context=info.context)
            except ValidationError as error:
                first = error.errors()[0]
                where = ".".join(str(part) for part in (name, *first["loc"]))
                if first["type"] == "extra_forbidden":
                    near = meant(str(first["loc"][-1]), kind.model_fields)
                    raise ValueError(f"{where}: no such parameter; {near}") from None
                raise ValueError(f"{name}.{problems(error)}") from None
        return checked

    def with_task(self, name: str, **changes: Any) -> "Suite":
        """The same with some parameters of a task changed.

        Raises
        ------
        InputError
            If the suite has no such task.
        """
        if name not in self.tasks:
            raise InputError(f"suite {self.name} has no task {name}; it has: {', '.join(self.tasks)}")
        return self.model_copy(update={"tasks": {**self.tasks, name: self.tasks[name].model_copy(update=changes)}})


def narrowed(
    suite: Suite,
    *,
    tasks: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    limit: int | None = None,
) -> Suite:
    """A suite with some tasks or metrics alone, or on fewer studies.

    Parameters
    ----------
    suite : Suite
        Whose parameters are kept.
    tasks : sequence of str, optional
        Registered names; one that the suite has not runs with its defaults.
    metrics : sequence of str, optional
        Keys, groups and metrics of other packages (`rrgbench list metrics`); tasks that give none of them are left out.
    limit : int, optional
        At most so many studies of the split for every task.

    Raises
    ------
    UnknownNameError
        If no task or metric has that name.
    InputError
        If no task gives any of the metrics.
    """
    chosen = dict(suite.tasks)
    if tasks is not None:
        kinds = {name: TASKS.load(name).parameters for name in tasks}
        chosen = {name: chosen.get(name) or kind() for name, kind in kinds.items()}
    if metrics is not None:
        wanted = _expanded(metrics)
        kept = {name: TASKS.load(name).only(parameters, wanted) for name, parameters in chosen.items()}
        chosen = {name: parameters for name, parameters in kept.items() if parameters is not None}
        if not chosen:
            raise InputError(f"no task of suite {suite.name} gives {listed(metrics)}; its tasks: {listed(suite.tasks)}")
    if limit is not None:
        chosen = {
            name: one.model_copy(update={"limit": min(limit, one.limit or limit)}) for name, one in chosen.items()
        }
    return suite.model_copy(update={"tasks": chosen})


def _expanded(metrics: Sequence[str]) -> frozenset[str]:
    """Metrics with the keys of groups among them."""
    own = [key for task in TASKS.everything().values() for table in task.tables for key in table.metrics]
    for name in metrics:
        lookup("metric", name, dict.fromkeys([*own, *OWN_METRICS, *TEXT_GROUPS, *PLUG_INS.names()]))
    return frozenset([*metrics, *(key for name in metrics for key in TEXT_GROUPS.get(name, ()))])


def suite_names() -> list[str]:
    """Names of the suites that ship with the package."""
    folder = files("rrgbench.tasks.suites")
    return sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))


def about_suite(name: str) -> str:
    """What a shipped suite is for: the first line of its file, a comment."""
    text = files("rrgbench.tasks.suites").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    return text.partition("\n")[0].removeprefix("#").replace("`", "").strip().removesuffix(".")


def load_suite(name: str) -> Suite:
    """A suite by name, or from a YAML file of one's own.

    Raises
    ------
    UnknownNameError
        If no suite has that name.
    InputError
        If the file is missing or is not a suite, naming the field.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise InputError(f"no suite file at {name}")
        text = path.read_text(encoding="utf-8")
    else:
        lookup("suite", name, suite_names())
        text = files("rrgbench.tasks.suites").joinpath(f"{name}.yaml").read_text(encoding="utf-8")
    try:
        content = read_yaml(text) or {}
        if not isinstance(content, dict):
            raise InputError(f"suite {name} must be a mapping with tasks: {{NAME: parameters}}")
        if flat := [key for key in content if key in TASKS]:
            raise InputError(f"suite {name}: put {', '.join(flat)} below tasks:, as `tasks: {{{flat[0]}: {{}}}}`")
        suite = Suite.model_validate({"name": path.stem, **content}, context={"folder": path.parent})
    except yaml.YAMLError as error:
        raise InputError(f"suite {name} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = f"no such field; {meant(where, Suite.model_fields)}"
        raise InputError(f"suite {name}: {where}: {message}") from error
    if not suite.tasks:
        raise InputError(f"suite {name} names no task; write tasks: {{NAME: parameters}} (rrgbench list tasks)")
    return suite
