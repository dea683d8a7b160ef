"""How reports are scored: one validated object behind `score`, `compare`, `protocols` and the tasks."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.errors import InputError, problems
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.external.plug_in import ExternalMetric
from rrgbench.registry import lookup
from rrgbench.scoring.protocols import Protocol, Section, load_protocol
from rrgbench.scoring.report_files import Allowance, check_allowances
from rrgbench.stats.bootstrap import Method

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made; `str()` is the signature's `bootstrap` field."""

    replicates: int
    seed: int
    level: float
    method: Method

    def __str__(self) -> str:
        """`method-replicates-level-seed`."""
        return f"{self.method}-{self.replicates}-{100 * self.level:g}-seed{self.seed}"


@dataclass(frozen=True, eq=False)
class ReferenceLabels:
    """Labels that hypotheses are compared with instead of what a labeler reads out of references.

    Attributes
    ----------
    values : int8 array (n, 14)
        In the order of the studies, in CheXpert coding.
    source : str
        Who made them, for the signature.
    known : bool array (14,) or (n, 14), optional
        Where they speak; elsewhere nothing is counted.
    """

    values: NDArray[np.int8]
    source: str = "film"
    known: NDArray[np.bool_] | None = None


class Scoring(BaseModel):
    """Choices of one scoring; all have a default.

    Attributes
    ----------
    protocol : Protocol
        Given by name, `name@version`, YAML file or object.
    metrics : tuple of str or ExternalMetric, or None
        Keys, groups (`bleu`, `nlg`, `ce`), or metrics of other packages by name or loaded; None for all of our own.
    intervals : bool
        Whether to give bootstrap intervals.
    certificate : bool
        Whether to find the best constant report beside each value (`rrgbench.scoring.certificate`).
    replicates, level, method, seed
        Of the intervals, as in `rrgbench.stats.bootstrap.intervals`.
    labeler : str or Labeler, optional
        For clinical efficacy; the protocol's by default.
    efficacy : ClinicalEfficacy, optional
        Other clinical-efficacy choices than the protocol's; they show in the signature.
    allow : tuple of {"missing", "unknown", "empty", "duplicates", "ids"}
        What is not an error, as in `rrgbench.scoring.report_files.pair_reports`.
    corpus, split : str
        For the signature. Without an `@digest` of its own a corpus name gets the digest of the references.
    section : {"findings", "impression", "findings and impression"}, optional
        Which part of the report the texts are; stands in the signature, and a protocol that compares
        another part refuses them.
    reads : str, optional
        What the model read, for the signature (`rrgbench.data.examination.Reads.signature`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    protocol: Protocol
    metrics: tuple[str | ExternalMetric, ...] | None = None
    intervals: bool = True
    certificate: bool = True
    replicates: int = Field(default=1000, ge=2)
    level: float = Field(default=0.95, gt=0, lt=1)
    method: Method = "percentile"
    seed: int = Field(default=0, ge=0, lt=2**32)
    labeler: Any = None
    efficacy: ClinicalEfficacy | None = None
    allow: tuple[Allowance, ...] = ()
    corpus: str = Field(default="unnamed", min_length=1)
    split: str = Field(default="unknown", min_length=1)
    section: Section | None = None
    reads: str | None = None

    @field_validator("metrics", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        if given is None or isinstance(given, tuple):
            return given
        return (given,) if isinstance(given, str | ExternalMetric) else tuple(given)

    @field_validator("allow", mode="before")
    @classmethod
    def _allowances(cls, given: Collection[str]) -> Any:
        check_allowances(given)
        return tuple(sorted(set(given)))

    @property
    def bootstrap(self) -> Bootstrap | None:
        """How intervals are made; None without."""
        return Bootstrap(self.replicates, self.seed, self.level, self.method) if self.intervals else None

    @property
    def clinical_efficacy(self) -> ClinicalEfficacy:
        """The clinical-efficacy choices: its own, or the protocol's."""
        return self.efficacy or self.protocol.clinical_efficacy()

    @cached_property
    def tool(self) -> "Labeler":
        """The labeler, loaded."""
        from rrgbench.labelers import load

        wanted = self.protocol.labeler if self.labeler is None else self.labeler
        return load(wanted) if isinstance(wanted, str) else wanted

    @property
    def decides(self) -> Mapping[str, Any]:
        """All that decides a number, as JSON: of protocol and labeler what they hold, not only their names."""
        return {
            **self.model_dump(mode="json", exclude={"protocol", "labeler", "metrics", "efficacy", "certificate"}),
            "protocol": self.protocol.choices,
            "labeler": self.tool.identity,
            "metrics": None
            if self.metrics is None
            else [one if isinstance(one, str) else f"{one.name}:{one.identity}" for one in self.metrics],
            "efficacy": asdict(self.clinical_efficacy),
        }

    @property
    def digest(self) -> str:
        """16 hex digits of `decides`."""
        return hashlib.sha256(json.dumps(self.decides, sort_keys=True).encode()).hexdigest()[:16]

    def but(self, **changes: Any) -> "Scoring":
        """The same with some choices changed, validated."""
        kept = {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}
        return scoring(**{**kept, **changes})


def known_options(known: Iterable[str], given: Iterable[str]) -> None:
    """Refuse options that are not known.

    Raises
    ------
    UnknownNameError
        With the nearest one that is.
    """
    for name in given:
        lookup("scoring option", name, known)


def scoring(protocol: Any = "dcrrg", **options: Any) -> Scoring:
    """A validated `Scoring`.

    Raises
    ------
    UnknownNameError
        If an option or the protocol is not known, with the nearest name.
    InputError
        If a value is out of its range, naming it.
    """
    known_options(Scoring.model_fields, options)
    try:
        return Scoring(protocol=load_protocol(protocol), **options)
    except ValidationError as error:
        raise InputError(f"scoring option {problems(error)}") from None
