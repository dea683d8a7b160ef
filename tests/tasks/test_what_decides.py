"""What decides a number decides which unit it is: nothing that another run measured is taken for it."""

from types import SimpleNamespace

from rrgbench.findings.metric import FindingsF1
from rrgbench.scoring.protocols import PROTOCOLS, load_protocol
from rrgbench.tasks.base import TASKS
from rrgbench.tasks.job import Piece


def made_of(name, **given):
    task = TASKS.load(name)
    parameters = task.parameters.model_validate(given)
    (unit,) = task.units(parameters)
    return unit.inputs, Piece(_running(), task, parameters, None).inputs


def _running():
    scoring = SimpleNamespace(digest="s")
    whole = SimpleNamespace(model=SimpleNamespace(name="m"), corpus=SimpleNamespace(digest="c"), scoring=scoring)
    return SimpleNamespace(evaluation=whole, identity="m@1", labels="l")


def test_a_file_of_labels_counts_with_its_content(tmp_path):
    path = tmp_path / "labels.csv"
    found = []
    for label in (1, 0):
        path.write_text(f"study_id,Edema\na,{label}\n")
        found.append(made_of("clinical_efficacy", labelers=[f"lookup:{path}"]))
    assert found[0][0] != found[1][0]
    assert found[0][1] != found[1][1]
    assert made_of("clinical_efficacy")[0] == {}


def test_a_protocol_of_another_package_counts_with_its_choices(monkeypatch):
    before, _ = made_of("protocol_band")
    assert made_of("protocol_band")[0] == before
    raw = load_protocol("raw")
    mine = raw.model_copy(update={"name": "mine"})
    found = []
    for averaging in ("micro", "macro"):
        one = mine.model_copy(update={"averaging": averaging})
        monkeypatch.setattr("rrgbench.tasks.protocol_band.load_protocol", lambda name, one=one: one)
        found.append(made_of("protocol_band", protocols=["raw"])[0])
    assert found[0] != found[1]
    assert PROTOCOLS is not None


def test_how_findings_are_read_counts_for_constants_and_cases_too(monkeypatch):
    before = made_of("report_generation", metrics=["findings"]), made_of("cases")
    monkeypatch.setattr(FindingsF1, "identity", "findings@99")
    after = made_of("report_generation", metrics=["findings"]), made_of("cases")
    for one, other in zip(before, after, strict=True):
        assert one[0] != other[0]
        assert one[1] != other[1]
