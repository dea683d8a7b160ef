"""Copies of corpora as people have them: other table names, reports elsewhere, values that are wrong or absent."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from miniature import chexpert, iu_annotation, iu_kaggle, iu_openi, jsonl, mimic_cxr, nih_cxr14, write_csv

from rrgbench.data.readers import chexpert as chexpert_reader
from rrgbench.data.readers import iu_xray
from rrgbench.data.readers import jsonl as jsonl_reader
from rrgbench.data.readers import mimic_cxr as mimic_reader
from rrgbench.data.readers import nih_cxr14 as nih_reader
from rrgbench.data.readers.tables import shown
from rrgbench.data.sections import cut_sections
from rrgbench.errors import InputError


def replace(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def test_chexperts_official_label_tables(tmp_path: Path) -> None:
    root = chexpert(tmp_path, test=True)
    (root / "test.csv").rename(root / "test_labels.csv")
    (root / "valid.csv").rename(root / "val_labels.csv")
    (root / "valid").rename(root / "val")
    corpus = chexpert_reader.load(root)
    assert Counter(study.split for study in corpus) == {"train": 10, "validate": 3, "test": 3}
    assert {study.study_id.split("/")[0] for study in corpus.split("validate")} == {"valid"}
    assert {study.study_id.split("/")[0] for study in corpus.split("test")} == {"test"}


@pytest.mark.parametrize(("film_labels", "edema"), [("first", 0), ("any-positive", -1)])
def test_films_of_a_study_may_have_different_labels(tmp_path: Path, film_labels: str, edema: int) -> None:
    root = chexpert(tmp_path)
    same = chexpert_reader.load(root).digest
    lines = (root / "train.csv").read_text().splitlines()
    for number, cells in ((1, ["1.0", "", "0.0"]), (2, ["0.0", "0.0", "-1.0"])):
        parts = lines[number].split(",")
        lines[number] = ",".join([*parts[:5], *cells, *parts[8:]])
    (root / "train.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"study train/patient00001/study1 have different labels.*film_labels=first"):
        chexpert_reader.load(root)
    corpus = chexpert_reader.load(root, views="all", film_labels=film_labels)
    study = next(study for study in corpus if study.study_id == "train/patient00001/study1")
    assert study.labels is not None
    assert study.labels[:3].tolist() == [1, -2 if film_labels == "first" else 0, edema]
    digests = {chexpert_reader.load(root, film_labels=name).digest for name in ("first", "any-positive")}
    assert len(digests | {same}) == 3
    with pytest.raises(InputError, match="film_labels must be one of refuse, first, any-positive; given: 'last'"):
        chexpert_reader.load(root, film_labels="last")


def test_kaggles_films_in_their_own_folder(tmp_path: Path) -> None:
    root = iu_kaggle(tmp_path)
    before = iu_xray.load(root)
    shutil.move(root / "images" / "images_normalized", root / "images_normalized")
    shutil.rmtree(root / "images")
    after = iu_xray.load(root)
    assert [len(study.images) for study in after] == [len(study.images) for study in before] == [2] * 12
    assert after.digest == before.digest


def test_mimic_reports_in_another_tree(tmp_path: Path) -> None:
    whole = mimic_reader.load(mimic_cxr(tmp_path / "whole"))
    films = mimic_cxr(tmp_path / "films", reports=False)
    mimic_cxr(tmp_path / "texts", films=False)
    for place in ("texts", "texts/files"):
        corpus = mimic_reader.load(films, reports_folder=tmp_path / place)
        assert [study.report for study in corpus] == [study.report for study in whole]
        assert corpus.digest == whole.digest
    with pytest.raises(InputError, match="nothing at reports_folder"):
        mimic_reader.load(films, reports_folder=tmp_path / "absent")


def test_mimic_reports_as_the_section_parsers_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = mimic_reader.load(mimic_cxr(tmp_path / "whole"))
    films = mimic_cxr(tmp_path / "films", reports=False)
    columns = ("impression", "findings", "last_paragraph", "comparison")
    rows = [
        (study.study_id, study.sections.get("impression", ""), study.report or "", "", "") for study in whole.studies
    ]
    table = write_csv(tmp_path / "elsewhere" / "mimic_cxr_sectioned.csv", ("study", *columns), rows)
    for place in (table, table.parent):
        corpus = mimic_reader.load(films, reports_folder=place)
        assert [study.report for study in corpus] == [study.report for study in whole]
    assert [study.report for study in mimic_reader.load(shutil.copy(table, films) and films)] == [
        study.report for study in whole
    ]
    assert "no reports" not in caplog.text
    write_csv(table, ("study", *columns), [*rows, rows[0]])
    with pytest.raises(InputError, match=f"study {rows[0][0]} occurs twice"):
        mimic_reader.load(films, reports_folder=table)
    write_csv(table, ("study", *columns), [("No effusion is seen today", *rows[0][1:])])
    with pytest.raises(InputError, match="not like s50414267; given: a text of 25 characters"):
        mimic_reader.load(films, reports_folder=table)


@pytest.mark.parametrize(
    "heading",
    [
        "CHEST, TWO VIEWS, FRONTAL AND LATERAL, WITH THE PATIENT IN THE UPRIGHT POSITION AT THE BEDSIDE, INSPIRED",
        "(PORTABLE) CHEST",
        "(FINDINGS)",
    ],
)
def test_long_headings_and_those_in_brackets_open_a_section(heading: str) -> None:
    found = cut_sections(f" FINAL REPORT\n {heading}: \n The lungs are clear.\n IMPRESSION: Normal.\n")
    assert found == {"preamble": "FINAL REPORT", "findings": "The lungs are clear.", "impression": "Normal."}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Effusion|Mass", "Pleural Effusion|Mass", "does not know: 'Pleural Effusion'; expected names like"),
        ("00000001_001.png", "a/b.png", "like 00000001_000.png; given: 'a/b.png'"),
        (",1,1,51,", ",first,1,51,", "Follow-up # of study 00000001_001 is not a number; given: 'first'"),
    ],
)
def test_errors_of_nih_name_the_value(tmp_path: Path, old: str, new: str, message: str) -> None:
    root = nih_cxr14(tmp_path)
    replace(root / "Data_Entry_2017_v2020.csv", old, new)
    with pytest.raises(InputError) as error:
        nih_reader.load(root)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 7}, "text as id and as report; given: 7 and a text"),
        ({"report": ["No effusion."]}, "given: 'CXR4_IM-0004' and a list of 1"),
        ({"image_path": ["../0.png"]}, "inside the images folder; given: '../0.png'"),
        ({"image_path": "No effusion\nis seen"}, "given: a text of 19 characters"),
        ({"subject_id": True}, "neither text nor number: '', true"),
    ],
)
def test_errors_of_annotation_name_the_value(tmp_path: Path, change: dict[str, object], message: str) -> None:
    root = iu_annotation(tmp_path)
    document = json.loads((root / "annotation.json").read_text())
    document["train"][0] |= {"id": "CXR4_IM-0004"} | change
    (root / "annotation.json").write_text(json.dumps(document))
    with pytest.raises(InputError) as error:
        iu_xray.load(root, layout="r2gen", check_images=False)
    assert message in str(error.value)


def test_a_value_that_may_be_a_report_is_not_shown() -> None:
    assert shown("Oedema") == "'Oedema'"
    assert shown("There is an effusion") == "a text of 20 characters"
    assert shown("x" * 61) == "a text of 61 characters"
    assert [shown(value) for value in (None, True, 3, 0.5, {"a": 1}, [1, 2])] == [
        *("null", "true", "3", "0.5", "an object of 1", "a list of 2")
    ]


def test_a_corpus_without_films_or_reports_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def said() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    iu_xray.load(iu_openi(tmp_path / "iu", films=False))
    (line,) = said()
    assert line.startswith("corpus iu-xray has no films (12 studies); looked for the folders images_normalized, images")
    mimic_reader.load(mimic_cxr(tmp_path / "films", reports=False))
    (line,) = said()
    assert "mimic-cxr has no reports" in line
    assert "mimic-cxr-reports/files" in line
    assert "mimic_cxr_sectioned.csv" in line
    chexpert_reader.load(chexpert(tmp_path / "chexpert", studies=()), views="lateral")
    assert said() == [
        "corpus chexpert has no films (0 studies); looked for lateral films that train.csv, valid.csv name"
    ]
    root = jsonl(tmp_path / "jsonl")
    entries = [json.loads(line) for line in (root / "studies.jsonl").read_text().split("\n") if line]
    (root / "studies.jsonl").write_text("\n".join(json.dumps(entry | {"report": None}) for entry in entries))
    jsonl_reader.load(root)
    assert said() == ["corpus jsonl has no reports (20 studies); looked for report in studies.jsonl"]
    nih_reader.load(nih_cxr14(tmp_path / "nih"))
    assert said() == []
