import json

import numpy as np
import pytest

from rrgbench.metrics.catalogue import Entry
from rrgbench.metrics.external.plug_in import ExternalMetric, Loaded, PlugIn
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
    assert "1 distinct report for 60 studies" in " ".join(found.certificate.warnings(found))


def test_films_without_reports_have_no_constant() -> None:
    labels = np.zeros((4, 14), dtype=np.int8)
    found = score(None, CONSTANT, metrics=["ce"], reference_labels=labels, intervals=False)
    assert found.certificate is not None
    assert dict(found.certificate.constants) == {}


def test_a_certificate_can_be_left_out() -> None:
    assert score(REFERENCES, CONSTANT, metrics=["bleu"], certificate=False).certificate is None


@pytest.mark.parametrize("protocol", ["rexrank", "xpronet", "r2gen"])
def test_every_metric_of_a_protocol_has_its_constant(protocol) -> None:
    training = ("The heart is normal.", "The lungs are clear. No effusion.", REFERENCES["c"], "Small left effusion.")
    given = {"protocol": protocol, "intervals": False, "training_reports": training, "allow": ["vocabulary"]}
    found = score(REFERENCES, REFERENCES, **given)
    assert set(found.certificate.constants) == set(found)
    assert found.certificate.candidates == "training reports"
    singles = [score(REFERENCES, dict.fromkeys(REFERENCES, text), certificate=False, **given) for text in training]
    for key, best in found.certificate.constants.items():
        values = [single[key].value for single in singles]
        assert best.value == pytest.approx(values[best.candidate] if key == "meteor" else max(values), abs=1e-12), key


def test_what_has_no_constant_says_so() -> None:
    plug_in = PlugIn((Entry("length", "length", "plug-in"),), Loaded, "some-package", "pip install it")
    foreign = ExternalMetric("length", plug_in, lambda _, written: [len(one) for one in written], "some-package@1")
    found = score(REFERENCES, REFERENCES, metrics=["bleu_1", "findings", foreign], intervals=False)
    rows = {row.label: row.cells[1] for row in found.to_table().rows}
    assert rows["BLEU-1"].value is not None
    assert rows["findings F1"].value is not None
    assert rows["length"].notes == ("no constant report is looked for under this metric",)


def test_meteor_of_many_references_is_said_to_be_estimated(monkeypatch) -> None:
    monkeypatch.setattr("rrgbench.metrics.best_constant._METEOR_ON", 3)
    found = score(REFERENCES, REFERENCES, metrics=["meteor"], intervals=False)
    assert found.certificate.constants["meteor"].estimated_on == 3
    (row,) = found.to_table().rows
    assert "estimated on 3 different references" in row.cells[1].notes[0]
