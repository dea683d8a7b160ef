from pathlib import Path

import numpy as np
import pytest

from rrgbench import labelers
from rrgbench.errors import InputError
from rrgbench.labelers.lookup import LookupLabeler, text_digest
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED, observation_index
from rrgbench.scoring.compare import compare
from rrgbench.scoring.options import scoring
from rrgbench.scoring.reports_in_memory import pair_in_memory
from rrgbench.scoring.score import score
from rrgbench.scoring.sensitivity import under_efficacy_choices, under_protocols

EDEMA = observation_index("Edema")


def write(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


def test_labels_by_study_are_the_references_and_rules_read_the_hypotheses(tmp_path) -> None:
    path = write(tmp_path, "study_id,Edema,Fracture\na,1.0,\nb,0,-1\n")
    hypotheses = {"a": "There is pulmonary edema.", "b": "There is pulmonary edema."}
    found = score(hypotheses, hypotheses, metrics=["ce"], intervals=False, labeler=f"lookup:{path}")
    assert found["ce_precision"].value == pytest.approx(0.5)
    labeler = LookupLabeler(path)
    assert f"labeler:rules@3|avg:micro|unc:pos|obs:14|labels:{labeler.identity}" in str(found.signature)
    assert labeler.of_studies(["b", "a"])[:, EDEMA].tolist() == [NEGATIVE, POSITIVE]
    assert labeler.of_studies(["b"])[0, observation_index("Fracture")] == UNCERTAIN
    assert (labeler.of_studies(["a"])[0] == UNMENTIONED).sum() == len(OBSERVATIONS) - 1


def test_labels_by_study_hold_in_compare_and_under_protocols_too(tmp_path) -> None:
    path = write(tmp_path, "study_id,Edema\na,1\nb,0\nc,1\n")
    texts = {"a": "Edema.", "b": "Clear.", "c": "Clear."}
    expected = score(texts, texts, metrics=["ce_f1"], intervals=False, labeler=f"lookup:{path}")["ce_f1"].value
    two = {"one": texts, "two": dict.fromkeys(texts, "Edema.")}
    both = compare(two, texts, metrics=["ce_f1"], labeler=f"lookup:{path}")
    assert both.scores["one"]["ce_f1"].value == pytest.approx(expected)
    pairs = pair_in_memory(texts, texts, ())
    options = scoring("dcrrg", metrics=["ce_f1"], labeler=f"lookup:{path}")
    assert under_protocols(pairs, ["dcrrg"], options).scores["dcrrg"]["ce_f1"].value == pytest.approx(expected)
    choices = under_efficacy_choices(pairs, options).scores["micro/positive/14"]
    assert choices["ce_f1"].value == pytest.approx(expected)


def test_labels_by_study_say_nothing_of_reports_without_ids(tmp_path) -> None:
    """Positions are numbers as many study ids are."""
    path = write(tmp_path, "study_id,Edema\n0,1\n1,0\n")
    with pytest.raises(InputError, match=r"labels\.csv has labels by study, and the reports have no study ids"):
        score(["Edema.", "Clear."], ["Edema.", "Edema."], metrics=["ce"], intervals=False, labeler=f"lookup:{path}")


def test_labels_by_text_label_any_report_that_is_known(tmp_path) -> None:
    path = write(tmp_path, f"text_sha256,Edema\n{text_digest('Edema.')},1\n{text_digest('Clear.')},0\n")
    labeler = labelers.load(f"lookup:{path}")
    np.testing.assert_array_equal(labeler.label([" Clear.\n", "Edema."])[:, EDEMA], [NEGATIVE, POSITIVE])
    found = score(["Edema.", "Clear."], ["Edema.", "Edema."], metrics=["ce"], intervals=False, labeler=labeler)
    assert found["ce_recall"].value == 1.0
    assert labeler.identity in str(found.signature)
    with pytest.raises(InputError, match="no labels of 1 of 1: report 1"):
        labeler.label(["Unknown."])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study_id,Edema\na,2\n", "the label of Edema is not 1, 0, -1 or blank"),
        ("study_id,Edema\na,1\na,0\n", "names 1 rows twice: a"),
        ("uid,Edema\na,1\n", "needs a column study_id or text_sha256"),
        ("study_id,Oedema\na,1\n", "needs a column study_id or text_sha256"),
        ("study_id,Edema\na\n", "line 2: not as many fields"),
        ("", "it has 0 rows"),
    ],
)
def test_malformed_files_are_named(tmp_path, text, message) -> None:
    with pytest.raises(InputError, match=message):
        LookupLabeler(write(tmp_path, text))


def test_what_is_missing_is_named(tmp_path) -> None:
    path = write(tmp_path, "study_id,Edema\na,1\n")
    with pytest.raises(InputError, match="no labels of 1 of 2: b"):
        LookupLabeler(path).of_studies(["a", "b"])
    with pytest.raises(InputError, match="labels by study"):
        LookupLabeler(path).label(["text"])
    with pytest.raises(InputError, match="can't be read"):
        LookupLabeler(tmp_path / "none.csv")
    with pytest.raises(InputError, match="needs file"):
        labelers.load("lookup")


def test_chexberts_labels_of_real_findings(shared) -> None:
    labeler = LookupLabeler(shared / "iu_xray" / "chexbert_labels.csv")
    assert labeler.by_study
    assert labeler.of_studies(["CXR1451_IM-0291"])[0, observation_index("Atelectasis")] in (
        POSITIVE,
        NEGATIVE,
        UNMENTIONED,
    )
