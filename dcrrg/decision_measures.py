"""How far reports say what step 1 decided of films: what step 4 can stop on where its decoder reads decisions."""

from collections.abc import Mapping

import numpy as np
import torch

from dcrrg.composition import asserted
from dcrrg.model import DcrrgModel
from rrgbench.labelers import RulesLabeler
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import FilmSource
from rrgbench.training.stopping import Measures


def decision_measures(model: DcrrgModel, films: FilmSource) -> Measures:
    """`decisions_f1`, micro F1 of what the rules read in reports of validation films against what was decided of them.

    Observations that the films are not labelled with are left out.
    """
    speaks = np.array([name in films.labelled for name in OBSERVATIONS])

    def values(limit: int) -> Mapping[str, float]:
        shown = films.films[:limit]
        said = asserted(RulesLabeler().label(model.generate_reports(shown)))[:, speaks]
        with torch.inference_mode():
            log_odds = torch.cat([model.observation_log_odds(part) for part in model.film_batches(shown)])
        decided = model.decided(log_odds).cpu().numpy()[:, speaks]
        both = int((said & decided).sum())
        return {"decisions_f1": 2 * both / max(int(said.sum() + decided.sum()), 1)}

    return Measures({"decisions_f1": True}, values)
