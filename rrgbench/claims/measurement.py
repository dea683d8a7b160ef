"""Measures trained variants: the suite's values, and the same values on resamples of the studies.

A trained set is a folder `<variant>/seed-<s>/` of models, as `rrgbench train --variants` writes it. Every model is
evaluated in a run folder `evaluations/<digest of its weights>/` of its own, so a killed measurement resumes, and two
variants that are the same model are measured once. Resamples are drawn by the same seed for every model, hence
differences between models are paired by study.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.errors import InputError
from rrgbench.json_text import read_object
from rrgbench.models import Model, load_model
from rrgbench.progress import Progress
from rrgbench.runs.records import Record
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

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
        return read_object(self.folder / "training.json")

    @property
    def finished(self) -> bool:
        """Whether the record says what every stage did, which it says last."""
        stages = self.record.get("stages", [])
        return bool(stages) and all("trainable_share" in stage for stage in stages)

    @property
    def trained_share(self) -> float:
        """Share of the weights that its last step trained; what follows the steps, heads trained again, is none."""
        stages = self.record["stages"]
        steps = [stage for stage in stages if stage.get("stage", "").startswith("step")]
        return float((steps or stages)[-1]["trainable_share"])


@dataclass(frozen=True)
class Measured:
    """Values of one model.

    Attributes
    ----------
    values : mapping of str to float
        By column: `bleu_4`, `ce_f1`, `auroc`, `auroc:Fracture`, `auroc:linear:0.1`, `precision_at_k:5` ...; absent
        where blank.
    replicates : mapping of str to float64 array (r,)
        The same on resamples of the studies.
    records : mapping of str to Record
        The suite's record of each column: signature, number of studies, and why a value is blank.
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


def learned_from(runs: Path) -> str:
    """Name of the corpus that the models of a set learned from; errors as of `trained_models`."""
    return str(trained_models(runs)[0].record["corpus"]).partition("@")[0]


@dataclass(frozen=True)
class Setting:
    """What the models of a set are measured on, and how.

    Attributes
    ----------
    corpus, suite
        As in `rrgbench.tasks.runner.evaluate`.
    options : mapping of str to Any
        Its further options: `protocol`, `seed`, `film_cache`.
    progress : callable, optional
        See `rrgbench.progress.Progress`.
    """

    corpus: Corpus
    suite: Suite
    options: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress | None = None


class Measurement:
    """Measures the models of a set; all of them share the decoded films.

    Parameters
    ----------
    model : str
        Registered name of the model that the variants are of.
    runs : Path
        The set's folder.
    setting : Setting
        What they are measured on.
    """

    def __init__(self, model: str, runs: Path, setting: Setting) -> None:
        self.model, self.runs, self.setting = model, runs, setting
        self.films = FilmCache(setting.options.get("film_cache"))
        self._known: dict[str, Measured] = {}

    def measure(self, trained: Trained) -> Measured:
        """Values of one model, read where an earlier call has measured it."""
        return self._once(load_model(self.model, trained.folder))

    def measure_rival(self, name: str) -> Measured:
        """Values of a registered model that is no variant.

        Raises
        ------
        MissingPartError
            If it needs a package or weights that are not there.
        """
        return self._once(load_model(name))

    def _once(self, model: Model) -> Measured:
        digest = model.identity.rpartition("@")[2]
        if digest not in self._known:
            self._known[digest] = self._measured(model, self.runs / "evaluations" / digest)
        return self._known[digest]

    def _measured(self, model: Model, folder: Path) -> Measured:
        setting = self.setting
        options = {**setting.options, "film_cache": self.films}
        run = evaluate(model, setting.corpus, setting.suite, folder, setting.progress, **options)
        records = {
            column: record
            for record in run.records
            if record.model == model.name and (column := column_of(record)) is not None
        }
        replicates = {c: kept for c, record in records.items() if (kept := run.replicates(record)) is not None}
        values = {c: r.value for c, r in records.items() if r.value is not None and c in replicates}
        return Measured(values, replicates, records)


def column_of(record: Record) -> str | None:
    """The column of a record of the suite; None for values that no claim speaks of."""
    if record.task == "report_generation":
        return record.metric
    if record.task == "clinical_efficacy" and record.observation is None and record.setting == "micro":
        return record.metric
    if record.metric == "auroc" and record.setting == "own":
        return record.metric if record.observation is None else f"{record.metric}:{record.observation}"
    if record.metric == "auroc" and record.observation is None and record.fraction is not None:
        return f"{record.metric}:{record.setting}:{record.fraction:g}"
    if record.task in ("error_correlation", "error_propagation") and record.observation is None:
        return f"{record.metric}:{record.setting}" if record.setting else record.metric
    if record.metric == "precision_at_k":
        return f"{record.metric}:{record.k}"
    return None
