"""How reports are scored: one validated object behind `score`, `compare`, `protocols` and the tasks."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rrgbench.errors import InputError, listed, problems
from rrgbench.metrics.catalogue import TEXT_GROUPS
from rrgbench.metrics.clinical_efficacy import ClinicalEfficacy
from rrgbench.metrics.external.plug_in import ExternalMetric, PlugIn
from rrgbench.registry import lookup
from rrgbench.scoring.protocols import Protocol, Section, load_protocol
from rrgbench.scoring.report_files import Allowance, check_allowances, read_reports
from rrgbench.scoring.vocabulary import TrainingVocabulary
from rrgbench.stats.bootstrap import Aggregate, Method, resampled

if TYPE_CHECKING:
    from rrgbench.labelers import Labeler


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made; `str()` is the signature's `bootstrap` field."""

    replicates: int
    seed: int
    level: float
    method: Method
    subject_of: Mapping[str, str] | None = None
    """Subject of each study by id, where subjects are drawn and not studies."""

    def __str__(self) -> str:
        """`method-replicates-level-seed`, and `subjects` where these are drawn."""
        whose = "-subjects" if self.subject_of is not None else ""
        return f"{self.method}-{self.replicates}-{100 * self.level:g}-seed{self.seed}{whose}"

    def limits(self, aggregate: Aggregate, study_ids: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Intervals (m, 2) and the resampled values (replicates, m) behind them; errors as of `subjects_of`."""
        how = (self.replicates, self.seed, self.level, self.method)
        return resampled(aggregate, len(study_ids), *how, subjects=subjects_of(study_ids, self.subject_of))

    def single(self, study_ids: Sequence[str]) -> str:
        """What there is but one of, study or subject, so that all resamples are alike; empty where they differ."""
        if len(study_ids) == 1:
            return "study"
        subjects = subjects_of(study_ids, self.subject_of)
        return "subject" if subjects is not None and len(set(subjects)) == 1 else ""


def subjects_of(study_ids: Sequence[str], subject_of: Mapping[str, str] | None) -> list[str] | None:
    """Whose studies they are; None where studies are drawn and not subjects.

    Raises
    ------
    InputError
        If a study's subject is not known.
    """
    if subject_of is None:
        return None
    if unknown := [study for study in study_ids if study not in subject_of]:
        raise InputError(f"subjects of {len(unknown)} studies are not given (subjects=): {listed(unknown)}")
    return [subject_of[study] for study in study_ids]


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
        Keys, groups (`bleu`, `nlg`, `ce`, `findings`), or metrics of other packages by name or loaded; None for
        BLEU to clinical efficacy.
    intervals : bool
        Whether to give bootstrap intervals.
    certificate : bool
        Whether to find the best constant report beside each value (`rrgbench.scoring.certificate`).
    replicates, level, method, seed
        Of the intervals, as in `rrgbench.stats.bootstrap.intervals`.
    subjects : mapping of str to str, optional
        Subject of each study by id: resamples then draw subjects with all their studies (patients with several films
        are no independent studies), and the signature says so.
    labeler : str or Labeler, optional
        For clinical efficacy; the protocol's by default.
    efficacy : ClinicalEfficacy, optional
        Other clinical-efficacy choices than the protocol's; they show in the signature.
    allow : tuple of {"missing", "unknown", "empty", "duplicates", "ids", "vocabulary"}
        What is not an error, as in `rrgbench.scoring.report_files.pair_reports`; with `vocabulary` a protocol that
        needs the training reports does without them, and the signature says so.
    training_reports, frequency_reports : tuple of str
        Reports of the training split, and those whose document frequencies CIDEr takes where the protocol says `file`;
        a path is read (of R2Gen's annotation.json the training split).
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
    subjects: Mapping[str, str] | None = None
    labeler: Any = None
    efficacy: ClinicalEfficacy | None = None
    allow: tuple[Allowance, ...] = ()
    corpus: str = Field(default="unnamed", min_length=1)
    split: str = Field(default="unknown", min_length=1)
    section: Section | None = None
    reads: str | None = None
    training_reports: tuple[str, ...] = ()
    frequency_reports: tuple[str, ...] = ()

    @field_validator("training_reports", "frequency_reports", mode="before")
    @classmethod
    def _read(cls, given: Any) -> Any:
        if not isinstance(given, str | Path):
            return tuple(given or ())
        return tuple(text for texts in read_reports(given, "training").texts.values() for text in texts)

    @field_validator("metrics", mode="before")
    @classmethod
    def _listed(cls, given: Any) -> Any:
        if given is None:
            return None
        if isinstance(given, str):
            return tuple(name.strip() for name in given.split(","))
        several = (given,) if isinstance(given, ExternalMetric | PlugIn) or callable(given) else tuple(given)
        for one in several:
            if not isinstance(one, str | ExternalMetric):
                raise ValueError(
                    "a metric is a name, or what rrgbench.load_metric gives of a name or a plug-in (docs/metrics.md); "
                    f"given: a {type(one).__name__}"
                )
        return several

    @field_validator("subjects", mode="before")
    @classmethod
    def _by_text(cls, given: Any) -> Any:
        # ids of studies may be numbers, as those of reports may
        return {str(study): str(one) for study, one in given.items()} if isinstance(given, Mapping) else given

    @field_validator("allow", mode="before")
    @classmethod
    def _allowances(cls, given: Collection[str]) -> Any:
        check_allowances(given)
        return tuple(sorted(set(given)))

    @property
    def bootstrap(self) -> Bootstrap | None:
        """How intervals are made; None without."""
        how = (self.replicates, self.seed, self.level, self.method, self.subjects)
        return Bootstrap(*how) if self.intervals else None

    @property
    def clinical_efficacy(self) -> ClinicalEfficacy:
        """The clinical-efficacy choices: its own, or the protocol's."""
        return self.efficacy or self.protocol.clinical_efficacy()

    @cached_property
    def tool(self) -> "Labeler":
        """The labeler, loaded."""
        from rrgbench.labelers import load

        wanted = self.protocol.labeler if self.labeler is None else self.labeler
        found = load(wanted) if isinstance(wanted, str) else wanted
        if not callable(getattr(found, "label", None)):
            raise InputError(
                f"labeler is of type {type(found).__name__}; give a name (rrgbench list labelers) or an object that "
                "has label(reports)"
            )
        if not isinstance(getattr(found, "identity", None), str):
            called = wanted if isinstance(wanted, str) else type(found).__name__
            raise InputError(
                f"labeler {called} has no identity; give it one, a text as name@version that changes whenever a label "
                "may change"
            )
        return found

    @cached_property
    def vocabulary(self) -> TrainingVocabulary | None:
        """What references go through; None where the protocol has no vocabulary, or it may do without."""
        rule = self.protocol.vocabulary
        if rule is None or (rule.threshold and not self.training_reports):
            return None
        reports = self.protocol.tokenize(self.training_reports) if rule.threshold else ()
        return TrainingVocabulary.of(reports, rule.threshold, rule.cut)

    @property
    def lacking(self) -> str:
        """What the protocol needs to know of the corpus and was not given; empty if nothing."""
        rule = self.protocol.vocabulary
        if rule is None or not rule.threshold or self.training_reports or "vocabulary" in self.allow:
            return ""
        return (
            f"protocol {self.protocol.identity} takes references through the vocabulary of the training reports, and "
            "there are none; give them (training_reports=, --training-reports FILE), or allow its absence "
            "(allow=['vocabulary'], --allow-vocabulary)"
        )

    @cached_property
    def frequencies(self) -> Sequence[str] | None:
        """Tokenized reports for CIDEr's document frequencies; empty for the references', None where not given."""
        if self.protocol.cider_df == "test":
            return ()
        given = self.training_reports if self.protocol.cider_df == "train" else self.frequency_reports
        return self.protocol.tokenize(given) if given else None

    @property
    def text_choices(self) -> Mapping[str, str | None]:
        """Signature fields of the text choices that aren't plain."""
        missing = "missing" if self.protocol.vocabulary is not None else None
        tokens = None if self.protocol.tokens == "all" else self.protocol.tokens
        return {"vocab": missing if self.vocabulary is None else self.vocabulary.identity, "tokens": tokens}

    def choices_of(self, key: str) -> Mapping[str, str]:
        """Signature fields of the choices that only this metric and some others know."""
        if key in TEXT_GROUPS["bleu_mean"]:
            return {"bleu": f"mean-sentence-{self.protocol.smoothing:g}"}
        if key == "cider" and self.protocol.cider_df != "test" and self.frequencies is not None:
            return {"cider_df": f"{self.protocol.cider_df}@{_digest(self.frequencies)[:4]}"}
        if key in TEXT_GROUPS["findings"]:
            from rrgbench.findings.metric import FindingsF1

            return {"findings": FindingsF1.identity}
        return {}

    @property
    def decides(self) -> Mapping[str, Any]:
        """All that decides a number, as JSON: of protocol and labeler what they hold, not only their names."""
        return {
            **self.model_dump(
                mode="json",
                exclude={"protocol", "labeler", "metrics", "efficacy", "certificate", "subjects", *_REPORTS},
            ),
            **{name: _digest(given) for name in _REPORTS if (given := getattr(self, name))},
            **({} if self.subjects is None else {"subjects": dict(self.subjects)}),
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


_REPORTS: Final = ("training_reports", "frequency_reports")


def _digest(reports: Sequence[str]) -> str:
    return hashlib.sha256("\x1e".join(reports).encode("utf-8", "surrogatepass")).hexdigest()


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
