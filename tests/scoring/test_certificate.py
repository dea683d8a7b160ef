import json

import numpy as np
import pytest

from rrgbench.scoring.score import score

REFERENCES = {
    "a": "The heart is normal. The lungs are clear.",
    "b": "The heart is large. No effusion.",
    "c": "The heart is normal. The lungs are clear. No effusion.",
    "d": "Small left effusion. The heart is normal.",
}
CONSTANT = dict.fromkeys(REFERENCES, REFERENCES["c"])


def test_the_certificate_is_what_the_best_reference_scores_as_a_constant() -> None:
    found = score(REFERENCES, REFERENCES, intervals=False)
    assert found.certificate is not None
    singles = [
        score(REFERENCES, dict.fromkeys(REFERENCES, text), intervals=False, certificate=False)
        for text in REFERENCES.values()
    ]
    for key, best in found.certificate.constants.items():
        expected = max(single[key].value for single in singles)
        if key == "meteor":
            assert not best.exact
            assert best.value in [pytest.approx(single[key].value) for single in singles]
        else:
            assert best.value == pytest.approx(expected, abs=1e-12), key
    assert found.certificate.beaten(found) == []
    assert found.certificate.warnings(found) == []


def test_a_constant_system_is_marked_everywhere() -> None:
    found = score(REFERENCES, CONSTANT, metrics=["bleu_1", "ce_f1"], replicates=20)
    assert found.certificate is not None
    assert found.certificate.distinct == 1
    assert "bleu_1" in found.certificate.beaten(found)
    assert "one constant report" in found.to_markdown()
    assert json.loads(found.to_json())["certificate"]["distinct_reports"] == 1


def test_few_distinct_reports_are_warned_of() -> None:
    references = {str(n): f"finding {n} of the lungs ." for n in range(60)}
    found = score(references, dict.fromkeys(references, "finding 1 of the heart ."), metrics=["bleu_1"], replicates=20)
    assert found.certificate is not None
    assert "1 distinct reports for 60 studies" in " ".join(found.certificate.warnings(found))


def test_films_without_reports_have_no_constant() -> None:
    labels = np.zeros((4, 14), dtype=np.int8)
    found = score(None, CONSTANT, metrics=["ce"], reference_labels=labels, intervals=False)
    assert found.certificate is not None
    assert dict(found.certificate.constants) == {}


def test_a_certificate_can_be_left_out() -> None:
    assert score(REFERENCES, CONSTANT, metrics=["bleu"], certificate=False).certificate is None
