"""Predictions that call studies by their films, on every reader's layout."""

import json
from pathlib import Path

import pytest
from miniature import chexpert, iu_kaggle, jsonl, mimic_annotation, mimic_cxr, nih_cxr14
from PIL import Image

from rrgbench.data.loading import load_corpus
from rrgbench.errors import InputError
from rrgbench.models import load_model
from rrgbench.observations import OBSERVATIONS


def named(corpus, path: Path, ids):
    """Studies that a file of reports with these ids names."""
    path.write_text("".join(json.dumps({"id": one, "report": "Clear lungs."}) + "\n" for one in ids))
    return load_model("predictions", path=[path]).named(corpus)


@pytest.mark.parametrize(
    ("name", "make", "ids", "study"),
    [
        ("nih-cxr14", nih_cxr14, ["00000004_000.png", "00000004_000.jpg", "images/00000004_000.png"], "00000004_000"),
        ("iu-xray", iu_kaggle, ["1_IM-0001-3001.dcm.png", "1_IM-0001-3001"], None),
        ("mimic-cxr", mimic_cxr, ["02faf080-pa", "02faf080-lateral.jpg"], "s50000000"),
        ("mimic-cxr", mimic_cxr, ["mimic/2.1/files/p10/p10000000/s50000000/02faf080-pa.dcm"], "s50000000"),
        ("mimic-cxr", mimic_annotation, ["p10/p10000000/s50000000/0-0.jpg"], "0-0"),
        ("chexpert", chexpert, ["CheXpert-v1.0-small/valid/patient00011/study1/view1_frontal.jpg"], None),
        ("chexpert", chexpert, ["valid/patient00011/study1/view1_frontal"], "valid/patient00011/study1"),
        ("jsonl", jsonl, ["images/3.png", "3.png", "3", "3.JPG"], "study-3"),
    ],
)
def test_names_of_films_are_their_studies(tmp_path, name, make, ids, study) -> None:
    corpus = load_corpus(name, root=make(tmp_path / "corpus"))
    for number, one in enumerate(ids):
        found = named(corpus, tmp_path / f"{number}.jsonl", [one])
        assert len(found) == 1, one
        assert study is None or found == {study}


@pytest.mark.parametrize(
    ("name", "make", "one"),
    [
        ("chexpert", chexpert, "view1_frontal.jpg"),
        ("chexpert", chexpert, "study1/view1_frontal.jpg"),
        ("chexpert", chexpert, "valid/patient99999/study1/view1_frontal.jpg"),
        ("jsonl", jsonl, "others/3.png"),
    ],
)
def test_a_name_that_may_be_of_another_film_is_not_joined(tmp_path, name, make, one) -> None:
    corpus = load_corpus(name, root=make(tmp_path / "corpus"))
    assert named(corpus, tmp_path / "a.jsonl", [one]) == frozenset()


def test_a_folder_that_is_not_the_films_own_needs_an_allowance(tmp_path) -> None:
    corpus = load_corpus("nih-cxr14", root=nih_cxr14(tmp_path / "corpus"))
    with pytest.raises(InputError, match="pass --allow-ids"):
        named(corpus, tmp_path / "a.jsonl", ["another-set/00000004_000.png"])


def test_films_of_reports_alone_are_known_from_the_metadata(tmp_path) -> None:
    corpus = load_corpus("mimic-cxr", root=mimic_cxr(tmp_path / "corpus", films=False))
    assert named(corpus, tmp_path / "a.jsonl", ["02faf080-pa", "03000000-pa"]) == {"s50000000"}


def test_films_in_another_format_than_the_table_says(tmp_path) -> None:
    root = nih_cxr14(tmp_path / "corpus")
    before = load_corpus("nih-cxr14", root=root)
    for path in (root / "images").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    corpus = load_corpus("nih-cxr14", root=root)
    assert [study.study_id for study in corpus] == [study.study_id for study in before]
    assert named(corpus, tmp_path / "a.jsonl", ["00000004_000.png"]) == {"00000004_000"}


@pytest.mark.parametrize("column", ["Image Index", "Path", "dicom_id", "StudyInstanceUID"])
def test_a_table_of_probabilities_has_its_official_column_of_ids(tmp_path, column) -> None:
    corpus = load_corpus("nih-cxr14", root=nih_cxr14(tmp_path / "corpus"))
    path = tmp_path / "a.csv"
    path.write_text(f"{column},Edema,{OBSERVATIONS[2]}\n00000004_000.png,0.5,0.25\n00000004_001.png,0.5,0.75\n")
    model = load_model("predictions", path=[path])
    assert model.named(corpus) == {"00000004_000", "00000004_001"}
