"""Labels of studies: their own, else their report's; of a bare film nothing is known."""

from dataclasses import replace

import numpy as np
import pytest

from rrgbench.data.study import Study, blank_labels
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.observations import OBSERVATIONS

BARE = Study("bare", "p0", "test")


def test_own_labels_come_before_the_reports() -> None:
    own = blank_labels()
    own[OBSERVATIONS.index("Edema")] = 1
    labelled = replace(BARE, study_id="own", labels=own, report="No edema.")
    reported = replace(BARE, study_id="reported", report="There is a left pneumothorax.")
    labels = study_labels([labelled, reported])
    assert np.array_equal(labels[0], own)
    assert labels[1, OBSERVATIONS.index("Pneumothorax")] == 1


@pytest.mark.parametrize("report", [None, "", "  "])
def test_a_bare_film_is_not_called_normal(report: str | None) -> None:
    study = replace(BARE, report=report)
    assert not can_be_labelled(study)
    with pytest.raises(InputError, match="bare"):
        study_labels([study])
