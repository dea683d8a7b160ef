"""Labelers of others: what is wrong with their answers is said, without a word of a report."""

import numpy as np
import pytest

from rrgbench.errors import ExitCode, InputError, exit_code
from rrgbench.observations import UNMENTIONED
from rrgbench.scoring.score import score

SECRET = "Edema of Mr Secretname."


class Own:
    """A labeler that answers whatever it is given."""

    def __init__(self, answer):
        self.name, self.version, self.identity = "own", "1", "own@1"
        self.answer = answer

    def label(self, reports):
        return self.answer(reports)


def failing(reports):
    raise ValueError(f"can't read {reports[0]}")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (failing, r"labeler own@1 failed in its own code \(ValueError\); --verbose shows where"),
        (lambda reports: [[1] * 14] * (len(reports) + 1), r"labels of shape \(3, 14\); expected \(2, 14\)"),
        (lambda reports: [[1]] * (len(reports) - 1) + [[1, 2]], "rows of different lengths"),
        (lambda reports: [["positive"] * 14] * len(reports), "other values than 1"),
        (lambda reports: np.full((len(reports), 14), 0.5), "other values than 1"),
    ],
)
def test_what_a_labeler_answers_is_looked_at(answer, message) -> None:
    with pytest.raises(InputError, match=message) as refused:
        score([SECRET], ["Clear."], metrics=["ce"], intervals=False, labeler=Own(answer))
    assert "Secretname" not in str(refused.value)
    assert exit_code(refused.value) is ExitCode.WRONG_INPUT


def test_lists_of_labels_will_do_and_an_identity_is_needed() -> None:
    labeler = Own(lambda reports: [[1] + [UNMENTIONED] * 13] * len(reports))
    assert score([SECRET], ["Clear."], metrics=["ce_f1"], intervals=False, labeler=labeler)["ce_f1"].value == 1.0
    del labeler.identity
    with pytest.raises(InputError, match="labeler Own has no identity"):
        score([SECRET], ["Clear."], metrics=["ce_f1"], intervals=False, labeler=labeler)
