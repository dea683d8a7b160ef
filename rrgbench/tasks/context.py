"""What every task gets: the corpus, one model, the suite, and where to put what it makes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.answer_numbers import table_of
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache, StoredFilms
from rrgbench.data.study import Study
from rrgbench.errors import InputError, listed
from rrgbench.models import Images, Model, ObservationClassifier, Reads, image_batches, reads_of
from rrgbench.observations import OBSERVATIONS
from rrgbench.progress import Progress
from rrgbench.runs.records import Record
from rrgbench.scoring.options import Scoring
from rrgbench.scoring.signature import Signature
from rrgbench.scoring.values import Value
from rrgbench.stats.bootstrap import Aggregate, resampled
from rrgbench.tasks.suite import Suite


@dataclass
class Evaluation:
    """One model on one corpus under one suite, as a task sees it.

    Attributes
    ----------
    corpus, model, suite
        What is evaluated.
    scoring : Scoring
        Protocol, labeler, seed and resamples; names this corpus and split.
    films : FilmCache
        Shared between models.
    progress : Progress
        Told how far a piece of work has come.
    limit : int or None
        At most that many studies of the split: the task's own parameter.
    written : mapping of str to str, optional
        The model's reports by study id; None where it writes none.
    allowed : str
        What was allowed and happened before anything was scored, as signatures show it: `missing=3+unknown=1`.
    batch_size : int or None
        Studies that the model is given at a time; each task's own number if None.
    """

    corpus: Corpus
    model: Model
    suite: Suite
    scoring: Scoring
    films: FilmCache = field(default_factory=FilmCache)
    progress: Progress | None = None
    limit: int | None = None
    written: Mapping[str, str] | None = None
    allowed: str = ""
    batch_size: int | None = None

    @property
    def seed(self) -> int:
        """Of the resamples."""
        return self.scoring.seed

    @cached_property
    def studies(self) -> tuple[Study, ...]:
        """Studies scored: those of the split that can be, at most the limit."""
        return self.corpus.evaluated(self.suite.split)[: self.limit]

    @cached_property
    def reports(self) -> dict[str, str] | None:
        """The model's reports of the scored studies, by study id; None where it writes none."""
        if self.written is None:
            return None
        return {study.study_id: self.written[study.study_id] for study in self.studies}

    @cached_property
    def references(self) -> dict[str, str]:
        """Reference reports of the scored studies that have one, by study id."""
        return {study.study_id: study.report for study in self.studies if study.report and study.report.strip()}

    @cached_property
    def reads(self) -> Reads:
        """What the model reads of each study."""
        return reads_of(self.model)

    def batches(self, studies: Sequence[Study], batch: int) -> Iterator[Images]:
        """What the model is given of studies, `batch` at a time unless the run says how many."""
        return image_batches(self.model, studies, self.batch_size or batch, self.films, self._reading)

    def answers(
        self, method: Callable[[Images], NDArray[Any]], studies: Sequence[Study], batch: int = 256, width: int = 0
    ) -> NDArray[np.float64]:
        """A model's answers (n, m) for studies, asked for batch by batch; `width` is m where that is not the model's.

        Raises
        ------
        InputError
            If the model answers for another number of studies than it was given, or no numbers, or others than it has
            to, or infinity.
        """
        found, done = np.empty((0, 0)), 0
        for images in self.batches(studies, batch):
            part = self._numbers(method, images, width or found.shape[1])
            if infinite := np.flatnonzero(np.isinf(part).any(axis=1)).tolist():
                ids = listed(studies[done + row].study_id for row in infinite)
                raise InputError(f"{self._said_by(method)} holds infinity for {len(infinite)} studies: {ids}")
            if done == 0:
                found = np.empty((len(studies), part.shape[1]))
            found[done : done + len(part)] = part
            done += len(part)
        return found

    def observations_of(self, model: ObservationClassifier, studies: Sequence[Study]) -> NDArray[np.float64]:
        """The model's answers (n, 14) about observations; those that it does not predict are NaN for every study.

        Raises
        ------
        InputError
            As of `answers`, or if an observation is predicted for some studies alone.
        """
        found = self.answers(model.predict_observations, studies, width=len(OBSERVATIONS))
        predicted = ~np.isnan(found).all(axis=0)
        if undefined := np.flatnonzero(np.isnan(found[:, predicted]).any(axis=1)).tolist():
            ids = listed(studies[row].study_id for row in undefined)
            raise InputError(
                f"{self._said_by(model.predict_observations)} is NaN for {len(undefined)} studies in observations that "
                f"it predicts for others: {ids}"
            )
        return found

    def _numbers(self, method: Callable[[Images], Any], images: Images, width: int) -> NDArray[np.float64]:
        """What a model answers for one batch, as the numbers (n, m) that it has to be."""
        return self.table(method, method(images), len(images), width)

    def table(
        self, method: Callable[..., Any], given: object, rows: int, width: int = 0, what: str = "studies"
    ) -> NDArray[np.float64]:
        """What one of the model's methods has given, as the numbers (rows, m) that it has to be.

        Raises
        ------
        InputError
            If it is of another shape, or no numbers.
        """
        return table_of(self._said_by(method), given, rows, width, what)

    def _said_by(self, method: Callable[..., Any]) -> str:
        return f"what {self.model.name} answers ({getattr(method, '__name__', 'its answer')})"

    def stored(self, studies: Sequence[Study]) -> StoredFilms:
        """First films of studies at the model's size, read from disk as they are asked for: what a backbone reads."""
        return self.films.of(studies, self.reads.size, self._reading)

    def _reading(self, what: str, done: int, total: int | None, note: str = "") -> None:
        if self.progress is not None:
            self.progress(what, done, total, note)

    def reporter(self, what: str) -> Callable[[int, int], None] | None:
        """A (done, total) callback for one piece of work."""
        progress = self.progress
        if progress is None:
            return None
        return lambda done, total: progress(what, done, total)

    def bootstrap(self, replicates: int | None = None) -> str:
        """How intervals are made, as signatures show it; with the suite's number of replicates if none is given."""
        whose = "-subjects" if self.suite.resample == "subjects" else ""
        return f"percentile-{replicates or self.suite.replicates}-95-seed{self.seed}{whose}"

    def subjects(self, studies: Sequence[Study]) -> Sequence[str] | None:
        """Whose studies they are, where resamples draw subjects; None where they draw studies."""
        return [study.subject_id for study in studies] if self.suite.resample == "subjects" else None

    def resampled(self, aggregate: Aggregate, studies: Sequence[Study]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Intervals (m, 2) of values of some studies, and the resampled values (replicates, m) behind them."""
        return resampled(aggregate, len(studies), self.suite.replicates, self.seed, subjects=self.subjects(studies))

    def signature(self, n: int, **extras: object) -> Signature:
        """A signature of this corpus and split with further fields."""
        return Signature(corpus=self.corpus.identity, split=self.suite.split, n=n).with_extras(
            **{"bootstrap": self.bootstrap(), **extras}
        )

    def scoring_options(self, **changes: Any) -> dict[str, Any]:
        """`rrgbench.score`'s options for this evaluation: without a certificate, empty reports scored as they are."""
        plain = {name: getattr(self.scoring, name) for name in type(self.scoring).model_fields}
        return {**plain, "certificate": False, "allow": ("empty",), **changes}

    def labelled(self, signature: Signature, **changes: Any) -> Signature:
        """A signature of numbers that rest on labelled reports: with protocol, labeler and section."""
        n, extras = changes.pop("n", signature.n), changes
        named = replace(
            signature,
            n=n,
            protocol=self.scoring.protocol.identity,
            labeler=self.scoring.tool.identity,
            uncertain=self.scoring.protocol.uncertain,
        )
        return named.with_extras(**{"section": self.scoring.section, **extras})

    def scored(self, task: str, metric: str, value: Value, **fields: Any) -> Record:
        """A record of a value that `rrgbench.score` gave."""
        return self.record(
            task,
            metric,
            value=value.value,
            low=value.low,
            high=value.high,
            signature=value.signature,
            reason=value.reason or None,
            **{"n": value.n, **fields},
        )

    def record(self, task: str, metric: str, **fields: Any) -> Record:
        """A record of this model and corpus; NaN becomes blank and then needs a reason."""
        for key in ("value", "low", "high"):
            number = fields.get(key)
            fields[key] = None if number is None or np.isnan(number) else float(number)
        if fields["value"] is None and not fields.get("reason"):  # a defect of a task, not of its input
            raise ValueError(f"{task} {metric}: a blank value needs a reason")
        if "signature" in fields:
            signature: Signature = fields["signature"]
            stated = dict(signature.extras)
            read = stated.get("reads", self.reads.signature)
            allowed = "+".join(filter(None, [self.allowed, stated.get("allowed", "")])) or None
            told = {"reads": read, "allowed": allowed, **getattr(self.model, "signed", {})}
            fields["signature"] = str(signature.with_extras(**told))
        return Record(
            task=task,
            model=self.model.name,
            corpus=self.corpus.identity,
            split=self.suite.split,
            metric=metric,
            **fields,
        )

    def blank(self, task: str, metrics: Sequence[str], reason: str, **fields: Any) -> list[Record]:
        """Records without a value, and why."""
        return [self.record(task, metric, reason=reason, **fields) for metric in metrics]
