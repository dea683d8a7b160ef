"""From which log-odds on an observation counts as decided, for decoders that read decisions (an option of ours)."""

import numpy as np
from numpy.typing import NDArray

from dcrrg.model import DcrrgModel
from rrgbench.data.corpus import training_items
from rrgbench.observations import POSITIVE, UNCERTAIN
from rrgbench.training.data import FilmSource
from rrgbench.training.decisions import prevalence_thresholds


def set_thresholds(model: DcrrgModel, scores: NDArray[np.float64], films: FilmSource) -> None:
    """Set a model's thresholds by log-odds (n, 14) of films that they were not learned from; NaN is unknown."""
    # an uncertain finding counts as there, as it does in what a report says and in clinical efficacy
    shown = np.where(films.labels == UNCERTAIN, POSITIVE, films.labels)
    thresholds = prevalence_thresholds(scores, shown, training_items(shown, films.labelled))
    # as JSON has them: infinite ones by name
    model.config.decision_thresholds = [float(one) if np.isfinite(one) else str(float(one)) for one in thresholds]
