"""How far reports say what step 1 decided of films: what step 4 can stop on where its decoder reads decisions."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import torch

from dcrrg.composition import asserted
from dcrrg.model import DcrrgModel
from rrgbench.labelers import StandardLabeler
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource
from rrgbench.training.stopping import Measures

DECISIONS: Final = {"decisions_f1": True, "decisions_macro_f1": True}
"""What can be said of reports that follow decisions; higher is better."""


def decision_measures(model: DcrrgModel, films: FilmSource) -> Measures:
    """F1 of what the rules read in reports of validation films against what was decided of them.

    `decisions_f1` is micro; `decisions_macro_f1` the mean over observations that are decided of some film. Observations
    that the films are not labelled with are left out.
    """
    speaks = np.array([name in films.labelled for name in OBSERVATIONS])

    def values(limit: int) -> Mapping[str, float]:
        shown = films.films[:limit]
        said = asserted(StandardLabeler().label(model.generate_reports(shown)))[:, speaks]
        with torch.inference_mode():
            log_odds = torch.cat([model.observation_log_odds(part) for part in model.film_batches(shown)])
        decided = model.decided(log_odds).cpu().numpy()[:, speaks]
        both, either = (said & decided).sum(0), said.sum(0) + decided.sum(0)
        occurs = decided.any(0)
        return {
            "decisions_f1": 2 * int(both.sum()) / max(int(either.sum()), 1),
            "decisions_macro_f1": float(np.mean(2 * both[occurs] / either[occurs])) if occurs.any() else 0.0,
        }

    return Measures(DECISIONS, values)
