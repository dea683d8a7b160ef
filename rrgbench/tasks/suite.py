"""A suite: which tasks with which parameters, read from YAML and checked."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    model_serializer,
)

from rrgbench.data.five_by_200 import SampleList, read_list
from rrgbench.errors import InputError
from rrgbench.registry import lookup

ClassificationSetting = Literal["own", "linear", "finetune"]


class _Parameters(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReportGeneration(_Parameters):
    """Reports of the test split against its references."""

    limit: int | None = Field(default=None, gt=0)


class ClinicalEfficacyTask(_Parameters):
    """Observations that the reports assert against those of references or films."""


def _read_list(given: Any, info: ValidationInfo) -> Any:
    """Read the list that a suite names; a relative path is taken from the suite's own folder."""
    if not isinstance(given, str | Path):
        return given
    return read_list(Path((info.context or {}).get("folder", ".")) / given)


class Retrieval(_Parameters):
    """5x200 image-text retrieval.

    `sample` is a JSON file of study ids (`rrgbench data five-by-200` writes one): the films to query with, instead of
    drawing them. It is read when the suite is, and stands in what is dumped by the digest of its ids, so that a unit of
    work depends on what the list says and not on where it lies.
    """

    per_class: int = Field(default=200, gt=0)
    ks: tuple[int, ...] = (1, 2, 5, 10)
    seed: int = 0
    sample: Annotated[
        SampleList | None,
        BeforeValidator(_read_list),
        PlainSerializer(lambda sample: sample and f"list@{sample.digest}", return_type=str | None),
    ] = None

    @model_serializer(mode="wrap")
    def _dump(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        dumped: dict[str, Any] = handler(self)
        # Runs made before there were lists keep the digests of their units.
        return dumped if self.sample is not None else {key: dumped[key] for key in dumped if key != "sample"}


class Classification(_Parameters):
    """AUROC of the model's own predictions, of a linear probe and of fine-tuning.

    `steps` bounds fine-tuning at 100 % of the data; smaller fractions take the share's square root of it, at least
    `fewest_steps`, since a small set is seen more often.
    """

    settings: tuple[ClassificationSetting, ...] = ("own", "linear", "finetune")
    fractions: tuple[float, ...] = (0.01, 0.1, 1.0)
    steps: int = Field(default=400, gt=0)
    fewest_steps: int = Field(default=60, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    seed: int = 0
    train_limit: int | None = Field(default=None, gt=0)


class ErrorCorrelation(_Parameters):
    """How classifier errors go with report errors, over observations and over studies."""


class Suite(_Parameters):
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
    """

    name: str
    split: str = "test"
    trivial: tuple[str, ...] = ("most-frequent", "fixed-template", "random-report", "nearest-neighbour")
    replicates: int = Field(default=1000, gt=0)
    report_generation: ReportGeneration | None = None
    clinical_efficacy: ClinicalEfficacyTask | None = None
    retrieval: Retrieval | None = None
    classification: Classification | None = None
    error_correlation: ErrorCorrelation | None = None


def suite_names() -> list[str]:
    """Names of the suites that ship with the package."""
    folder = files("rrgbench.tasks.suites")
    return sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))


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
        text = path.read_text()
    else:
        lookup("suite", name, suite_names())
        text = files("rrgbench.tasks.suites").joinpath(f"{name}.yaml").read_text()
    try:
        described = {"name": path.stem, **(yaml.safe_load(text) or {})}
        return Suite.model_validate(described, context={"folder": path.parent})
    except yaml.YAMLError as error:
        raise InputError(f"suite {name} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"suite {name}: {where}: {first['msg']} (given {first['input']!r:.60})") from error
    except TypeError as error:
        raise InputError(f"suite {name} must be a mapping of tasks to parameters") from error
