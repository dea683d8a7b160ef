"""Measures trained variants: the suite's values, and the same values on resamples of the studies.

A trained set is a folder `<variant>/seed-<s>/` of models, as `rrgbench train --variants` writes it. Every model is
evaluated in a run folder `evaluations/<digest of its weights>/` of its own, so a killed measurement goes on, and two
variants that are the same model are measured once. Resamples are drawn by the same seed for every model, hence
differences between models are paired by study.
"""

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus, training_items
from rrgbench.data.films.cache import FilmCache
from rrgbench.errors import InputError
from rrgbench.files import write_bytes
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.metrics.auroc import auroc, mean_auroc
from rrgbench.metrics.means import weighted_mean
from rrgbench.models import ImageTextEncoder, ImageTextSimilarity, Model, ObservationClassifier, load_model
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.runs.records import Record
from rrgbench.runs.store import unit_id
from rrgbench.scoring.protocols import load_protocol
from rrgbench.scoring.score import score
from rrgbench.stats.bootstrap import replicate_values
from rrgbench.tasks import retrieval
from rrgbench.tasks.context import Evaluation, Progress, film_labels
from rrgbench.tasks.runner import TASK_VERSIONS, Run, evaluate, predictions_file
from rrgbench.tasks.suite import Suite

VERSION = 1
"""Raised when this file would give other resampled values."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """A trained model of a set: variant, seed and folder."""

    variant: str
    seed: int
    folder: Path

    @property
    def record(self) -> dict[str, Any]:
        """What its training wrote down."""
        found: dict[str, Any] = json.loads((self.folder / "training.json").read_text())
        return found

    @property
    def finished(self) -> bool:
        """Whether the record says what every stage did, which it says last."""
        stages = self.record.get("stages", [])
        return bool(stages) and all("trainable_share" in stage for stage in stages)

    @property
    def trained_share(self) -> float:
        """Share of the weights that its last stage trained."""
        return float(self.record["stages"][-1]["trainable_share"])


@dataclass(frozen=True)
class Measured:
    """Values of one model.

    Attributes
    ----------
    values : mapping of str to float
        By column: `bleu_4`, `ce_f1`, `auroc`, `auroc:Fracture`, `precision_at_k:5` ...; absent where blank.
    replicates : mapping of str to float64 array (r,)
        The same on resamples of the studies.
    records : mapping of str to Record
        The suite's record of each column: signature, number of studies, and why a value is blank. Columns that only
        tables show (`auroc:linear:0.1`) are here alone.
    """

    values: Mapping[str, float]
    replicates: Mapping[str, Floats]
    records: Mapping[str, Record]


def trained_models(runs: Path) -> list[Trained]:
    """The finished models of a set's folder, by variant and seed.

    Raises
    ------
    InputError
        If there is none.
    """
    found = []
    for record in sorted(runs.glob("*/seed-*/training.json")):
        number = re.fullmatch(r"seed-(\d+)", record.parent.name)
        trained = Trained(record.parent.parent.name, int(number[1]), record.parent) if number else None
        if trained is not None and trained.finished:
            found.append(trained)
    if not found:
        raise InputError(
            f"{runs} holds no trained variants (VARIANT/seed-SEED); train them by: "
            f"rrgbench train --variants all --seeds 0,1,2 --out {runs}"
        )
    return found


class Measurement:
    """Measures the models of a set on one corpus.

    Parameters
    ----------
    model : str
        Registered name of the model that the variants are of.
    runs : Path
        The set's folder.
    corpus, suite, protocol, seed, progress
        As in `rrgbench.tasks.runner.evaluate`.
    film_cache : Path, optional
        Folder in which decoded films are kept.
    """

    def __init__(
        self,
        model: str,
        runs: Path,
        corpus: Corpus,
        suite: Suite,
        protocol: str = "dcrrg",
        seed: int = 0,
        progress: Progress | None = None,
        film_cache: Path | None = None,
    ) -> None:
        self.model, self.runs, self.corpus, self.suite = model, runs, corpus, suite
        self.protocol, self.seed, self.progress, self.film_cache = protocol, seed, progress, film_cache
        self.films = FilmCache(film_cache)
        self._known: dict[str, Measured] = {}

    def measure(self, trained: Trained) -> Measured:
        """Values of one model, read where an earlier call has measured it."""
        model = load_model(self.model, trained.folder)
        digest = model.identity.rpartition("@")[2]
        if digest not in self._known:
            self._known[digest] = self._measured(model, self.runs / "evaluations" / digest)
        return self._known[digest]

    def _measured(self, model: Model, folder: Path) -> Measured:
        run = evaluate(
            model,
            self.corpus,
            self.suite,
            folder,
            protocol=self.protocol,
            seed=self.seed,
            progress=self.progress,
            film_cache=self.film_cache,
        )
        found = [(column_of(record), record) for record in run.records if record.model == model.name]
        records = {column: record for column, record in found if column is not None}
        key = unit_id(
            {
                "version": VERSION,
                "tasks": TASK_VERSIONS,
                "model": model.identity,
                "corpus": self.corpus.digest,
                "suite": self.suite.model_dump(mode="json"),
                "protocol": self.protocol,
                "seed": self.seed,
            }
        )
        path = folder / f"resamples-{key[:12]}.npz"
        if not path.is_file():
            buffer = io.BytesIO()
            np.savez_compressed(buffer, **self._resampled(model, run))  # type: ignore[arg-type]
            write_bytes(path, buffer.getvalue())
        with np.load(path, allow_pickle=False) as arrays:
            replicates = {name: np.asarray(arrays[name], dtype=np.float64) for name in arrays.files}
        values = {c: r.value for c, r in records.items() if r.value is not None and c in replicates}
        return Measured(values, replicates, records)

    def _resampled(self, model: Model, run: Run) -> dict[str, Floats]:
        evaluation = Evaluation(self.corpus, model, self.suite, self.protocol, self.seed, self.films, self.progress)
        resampled = _resampled_reports(evaluation, _written(run, evaluation)) if self.suite.report_generation else {}
        if isinstance(model, ObservationClassifier) and self.suite.classification is not None:
            resampled |= _resampled_areas(evaluation, model)
        if self.suite.retrieval is not None and isinstance(model, ImageTextEncoder | ImageTextSimilarity):
            try:
                found = retrieval.answers(evaluation, self.suite.retrieval)
            except InputError:
                # the suite's own record is blank then, and says why
                return resampled
            rows = self._replicates(partial(weighted_mean, found.values), len(found.values))
            resampled |= {f"precision_at_k:{k}": rows[:, place] for place, k in enumerate(found.ks)}
        return resampled

    def _replicates(self, aggregate: Any, n: int) -> Floats:
        return replicate_values(aggregate, n, self.suite.replicates, self.seed)


def column_of(record: Record) -> str | None:
    """The column of a record of the suite; None for values that no claim speaks of."""
    if record.task == "report_generation":
        return record.metric
    if record.task == "clinical_efficacy" and record.observation is None and record.setting == "micro":
        return record.metric
    if record.task == "classification" and record.setting == "own":
        return record.metric if record.observation is None else f"{record.metric}:{record.observation}"
    if record.task == "classification" and record.observation is None and record.fraction is not None:
        return f"{record.metric}:{record.setting}:{record.fraction:g}"
    if record.metric == "precision_at_k":
        return f"{record.metric}:{record.k}"
    return None


def _written(run: Run, evaluation: Evaluation) -> dict[str, str]:
    """The reports that the evaluation has written; others of the model, of another corpus say, may lie beside them."""
    text = (run.folder / predictions_file(evaluation)).read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return {row["study_id"]: row["report"] for row in rows}


def _resampled_reports(evaluation: Evaluation, reports: Mapping[str, str]) -> dict[str, Floats]:
    """NLG metrics and micro clinical efficacy on resamples, as the suite's tasks compute them."""
    protocol = load_protocol(evaluation.protocol)
    references = evaluation.references
    given: dict[str, Any] = {}
    if not references:
        labels, source = film_labels(evaluation.studies)
        if labels is None:
            return {}
        known = np.array([name in evaluation.corpus.labelled_observations for name in OBSERVATIONS])
        given = {"reference_labels": labels, "labels_source": source, "known": known}
    ids = list(references) or [study.study_id for study in evaluation.studies]
    scores = score(
        references or None,
        {study_id: reports[study_id] for study_id in ids},
        protocol,
        intervals=False,
        allow=("empty",),
        efficacy=replace(protocol.clinical_efficacy(), averaging="micro"),
        **given,
    )
    resampled: dict[str, Floats] = {}
    for family in scores.families:
        aggregate = partial(family.metric.aggregate, family.statistics)
        rows = replicate_values(aggregate, len(ids), evaluation.suite.replicates, evaluation.seed)
        resampled |= {name: rows[:, place] for place, name in enumerate(family.keys)}
    return resampled


def _resampled_areas(evaluation: Evaluation, model: ObservationClassifier) -> dict[str, Floats]:
    """AUROC of each observation, and its mean, on resamples."""
    studies = [study for study in evaluation.studies if can_be_labelled(study)]
    if not studies:
        return {}
    scores = evaluation.answers(model.predict_observations, studies)
    labels = study_labels(studies)
    known = training_items(labels, evaluation.corpus.labelled_observations)
    target = (labels == POSITIVE).astype(np.int8)

    def aggregate(multiplicities: Floats) -> Floats:
        return auroc(scores, target, known, multiplicities)

    rows = replicate_values(aggregate, len(studies), evaluation.suite.replicates, evaluation.seed)
    columns = {f"auroc:{name}": rows[:, place] for place, name in enumerate(OBSERVATIONS)}
    return {"auroc": mean_auroc(rows), **columns}
