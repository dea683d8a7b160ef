"""Findings against hand-made structure: codes to names, places, degrees, and what can't be read."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.errors import InputError
from rrgbench.trials.structure import StructureTrial, coded_finding, read_structure


def files(folder: Path) -> tuple[Path, Path]:
    structured, reports = folder / "structured.jsonl", folder / "reports.csv"
    effusion = {"body_region": ["left pleural space"], "attributes": ["small"], "degree": ["no selection"]}
    atelectasis = {"body_region": ["right lower lobe", "left lower lobe"], "degree": ["mild"]}
    told = [
        {"report": "1", "positive": {"respiratory system/pleura/pleural effusion": [effusion]}},
        {"report": "2", "positive": {"respiratory system/lung/pulmonary atelectasis": [atelectasis]}},
        {"report": "3", "positive": {"abdomen/unheard of": [{}]}},
    ]
    structured.write_text("\n".join(map(json.dumps, told)))
    reports.write_text(
        "uid,findings,impression\n1,Small left pleural effusion.,\n2,Mild bibasilar atelectasis. Cardiomegaly.,\n"
        "3,The heart is normal.,\n"
    )
    return structured, reports


def row(trial: StructureTrial, table: int, label: str) -> list[object]:
    return [cell.value for one in trial.tables[table].rows if one.label == label for cell in one.cells]


def test_findings_places_and_degrees_are_counted(tmp_path: Path) -> None:
    trial = read_structure(*files(tmp_path))
    # cardiomegaly is coded nowhere, so that it is no error
    assert row(trial, 0, "all") == [2, 1.0, 2, 1.0, 1.0, 1.0]
    assert row(trial, 1, "side") == [3, 1.0, 3, 1.0]
    assert row(trial, 1, "zone") == [1, 1.0, 1, 1.0]
    assert row(trial, 1, "degree") == [2, 1.0, 2, 1.0]
    assert trial.unnamed == {"unheard of": 1}
    assert len(read_structure(*files(tmp_path), modulo=2, remainder=1).readings) == 2


def test_the_most_special_code_gives_the_name() -> None:
    flat = coded_finding("respiratory system/lung/diaphragm", {"attributes": ["flattened"], "localization": ["left"]})
    assert flat is not None
    assert (flat.names, flat.sides) == ({"flattened diaphragm"}, {"left"})
    tube = coded_finding("foreign objects/tube, inserted", {})
    assert tube is not None
    assert {"endotracheal tube", "enteric tube"} <= tube.names


@pytest.mark.parametrize("content", ["{", '{"report": "1"}', "[]"])
def test_a_line_of_another_form_is_named(tmp_path: Path, content: str) -> None:
    structured, reports = files(tmp_path)
    structured.write_text(content)
    with pytest.raises(InputError, match=r"structured\.jsonl, line 1"):
        read_structure(structured, reports)


def test_the_command_prints_both_tables(tmp_path: Path) -> None:
    structured, reports = files(tmp_path)
    given = ["trials", "structure", "--structured", str(structured), "--reports", str(reports), "--json"]
    found = CliRunner().invoke(app, given)
    assert found.exit_code == 0, found.output
    assert len(json.loads(found.stdout)) == 2


def test_it_reads_what_was_coded_by_hand(shared: Path) -> None:
    folder = shared / "iu_xray"
    trial = read_structure(folder / "structured_reports.jsonl", folder / "openi_reports.csv", modulo=4, remainder=3)
    _, recall, _, precision, lenient_recall, lenient_precision = row(trial, 0, "all")
    assert recall >= 0.85
    assert precision >= 0.72
    assert lenient_recall >= 0.92
    assert lenient_precision >= 0.83
