"""CheXpert: studies of several films, splits, label policies."""

from collections import Counter
from pathlib import Path

import pytest
from miniature import chexpert

from rrgbench.data.corpus import label_matrix
from rrgbench.data.films.stream import load_films
from rrgbench.data.readers.chexpert import load
from rrgbench.errors import InputError
from rrgbench.observations import observation_index


def test_films_of_a_study_belong_together(tmp_path: Path) -> None:
    corpus = load(chexpert(tmp_path), views="all", validate_fraction=0)
    study = next(study for study in corpus if study.study_id == "train/patient00001/study1")
    assert study.subject_id == "patient00001"
    assert [film.view for film in study.images] == ["AP", "LATERAL"]
    assert Counter(study.split for study in corpus) == {"train": 10, "test": 3}
    assert {study.labels_source for study in corpus.split("train")} == {"chexpert"}
    assert {study.labels_source for study in corpus.split("test")} == {"film"}
    assert load_films(corpus.studies, 8).shape == (13, 8, 8)


def test_views_are_a_choice(tmp_path: Path) -> None:
    root = chexpert(tmp_path)
    assert all(len(study.images) == 1 for study in load(root))
    lateral = load(root, views="lateral")
    assert len(lateral) == 7
    assert {film.view for study in lateral for film in study.images} == {"LATERAL"}


def test_with_a_test_table_valid_validates(tmp_path: Path) -> None:
    corpus = load(chexpert(tmp_path, test=True))
    assert Counter(study.split for study in corpus) == {"train": 10, "validate": 3, "test": 3}


def test_without_it_a_share_of_the_patients_validates(tmp_path: Path) -> None:
    root = chexpert(tmp_path)
    corpus = load(root, validate_fraction=0.5)
    assert 0 < len(corpus.split("validate")) < 10
    assert [study.split for study in corpus] != [study.split for study in load(root, validate_fraction=0.5, seed=1)]


@pytest.mark.parametrize(("policy", "value"), [("keep", -1), ("u-ones", 1), ("u-zeros", 0), ("ignore", -2)])
def test_uncertain_labels_follow_the_policy(tmp_path: Path, policy: str, value: int) -> None:
    corpus = load(chexpert(tmp_path), uncertain=policy)
    labels = label_matrix(corpus.studies)
    assert (labels[:, observation_index("Cardiomegaly")] == value).all()
    assert (labels[:, observation_index("Support Devices")] == 1).all()
    assert (labels[:, observation_index("Edema")] == -2).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Edema", "Oedema", "lacks the columns Edema"),
        ("patient00001/study1/view1", "patient00001/../view1", "row 1: expected a Path like"),
        ("view2_lateral", "view1_frontal", "occurs twice"),
        (",-1.0,", ",-2.0,", "study train/patient00001/study1: the label of Cardiomegaly"),
        (",-1.0,", ",,", "the films of study train/patient00001/study1 have different labels"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    root = chexpert(tmp_path)
    table = root / "train.csv"
    table.write_text(table.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        load(root)


def test_absent_parts_and_wrong_options_are_named(tmp_path: Path) -> None:
    root = chexpert(tmp_path)
    for options, message in (
        ({"views": "top"}, "views must be one of"),
        ({"uncertain": "ones"}, "uncertain must be one of keep, u-ones"),
        ({"validate_fraction": -0.1}, "validate_fraction"),
    ):
        with pytest.raises(InputError, match=message):
            load(root, **options)
    (root / "train" / "patient00001" / "study1" / "view1_frontal.jpg").unlink()
    with pytest.raises(InputError, match=r"1 of 13 listed films are absent or empty: view1_frontal\.jpg"):
        load(root)
    assert load(root, skip_bad_images=True).name == "chexpert-skip1"
    (root / "valid.csv").unlink()
    with pytest.raises(InputError, match=r"no valid\.csv"):
        load(root)


def test_studies_of_a_patient_follow_their_numbers(tmp_path: Path) -> None:
    corpus = load(chexpert(tmp_path, studies=(1, 10, 2)), views="all", validate_fraction=0.3)
    studies = {study.study_id: study for study in corpus}
    one, two, ten = (studies[f"train/patient00003/study{number}"] for number in (1, 2, 10))
    assert (one.prior, two.prior, ten.prior) == (None, one, two)
    assert [(study.order, study.age, study.sex) for study in (one, two, ten)] == [
        (1, 51, "F"),
        (2, 52, "F"),
        (10, 60, "F"),
    ]
    assert studies["train/patient00002/study1"].sex == ""
    assert all(study.prior is None or study.prior.split == study.split for study in corpus)


def test_a_prior_without_a_film_of_the_view_is_passed_over(tmp_path: Path) -> None:
    root = chexpert(tmp_path, studies=(1, 2, 3))
    table = root / "train.csv"
    lines = table.read_text().splitlines(keepends=True)
    table.write_text("".join(line for line in lines if "patient00003/study2/view1" not in line))
    (root / "train" / "patient00003" / "study2" / "view1_frontal.jpg").unlink()
    studies = {study.study_id: study for study in load(root)}
    assert studies["train/patient00003/study3"].prior == studies["train/patient00003/study1"]


def test_a_frontal_film_that_the_table_calls_ll_is_frontal(tmp_path: Path) -> None:
    root = chexpert(tmp_path)
    before = {study.study_id for study in load(root)}
    table = root / "train.csv"
    table.write_text(table.read_text().replace(",Frontal,AP,", ",Frontal,LL,"))
    corpus = load(root)
    assert {study.study_id for study in corpus} == before
    assert {study.images[0].view for study in corpus if study.split == "train"} == {""}
