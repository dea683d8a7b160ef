"""ChestX-ray14: official layouts, labels, splits, and every way a copy can be wrong."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from miniature import nih_cxr14, write_film

from rrgbench.data.corpus import label_matrix
from rrgbench.data.films.stream import load_films
from rrgbench.data.readers.nih_cxr14 import LABELLED, OBSERVATION_OF_FINDING, load
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS, UNMENTIONED, observation_index


@pytest.mark.parametrize("layout", ["images", "images_001"])
@pytest.mark.parametrize("table", ["Data_Entry_2017_v2020.csv", "Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv.gz"])
def test_official_layouts_give_the_same_studies(tmp_path: Path, layout: str, table: str) -> None:
    corpus = load(nih_cxr14(tmp_path, layout=layout, table=table))
    assert corpus.name == "nih-cxr14"
    assert len(corpus) == 24
    assert [study.study_id for study in corpus][:2] == ["00000001_000", "00000001_001"]
    assert [study.images[0].view for study in corpus][:2] == ["PA", "AP"]
    assert {study.subject_id for study in corpus.split("test")} == {"4", "8", "12"}
    assert load_films(corpus.split("test"), 16).shape == (6, 16, 16)
    assert all(study.report is None and study.labels_source == "film" for study in corpus)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("spelled", [str.lower, lambda head: head.lower().replace(" ", "_"), str])
def test_a_table_that_a_copy_spells_otherwise_is_read(tmp_path: Path, mark: str, spelled: Callable[[str], str]) -> None:
    before = load(nih_cxr14(tmp_path))
    path = tmp_path / "Data_Entry_2017_v2020.csv"
    head, rows = path.read_text().split("\n", 1)
    path.write_text(f"{spelled(head)}\n{rows}".replace(",", mark))
    again = load(tmp_path)
    for one, other in zip(before, again, strict=True):
        assert (one.study_id, one.order, one.age, one.sex) == (other.study_id, other.order, other.age, other.sex)
        np.testing.assert_array_equal(one.labels, other.labels)


def test_labels_follow_the_mapping(tmp_path: Path) -> None:
    corpus = load(nih_cxr14(tmp_path))
    labels = {study.subject_id: study.labels for study in corpus}
    effusion_and_mass = labels["1"]
    assert effusion_and_mass is not None
    assert {name for name, value in zip(OBSERVATIONS, effusion_and_mass, strict=True) if value == 1} == {
        "Pleural Effusion",
        "Lung Lesion",
    }
    unlabelled = ["Enlarged Cardiomediastinum", "Fracture", "Support Devices"]
    assert set(OBSERVATIONS) - set(corpus.labelled_observations) == set(unlabelled)
    matrix = label_matrix(corpus.studies)
    assert (matrix[:, [observation_index(name) for name in unlabelled]] == UNMENTIONED).all()
    assert (matrix[:, [observation_index(name) for name in LABELLED]] >= 0).all()
    hernia = labels["3"]
    assert hernia is not None
    assert set(hernia.tolist()) == {0, UNMENTIONED}
    assert len(OBSERVATION_OF_FINDING) == 15


def test_validation_patients_are_seeded_and_apart(tmp_path: Path) -> None:
    root = nih_cxr14(tmp_path, patients=40)
    first, again, other = load(root), load(root), load(root, seed=1)
    everyone, nobody = load(root, validate_fraction=0.999), load(root, validate_fraction=0)
    assert [study.split for study in first] == [study.split for study in again]
    assert first.digest == again.digest
    assert first.digest != other.digest
    assert [study.split for study in first] != [study.split for study in other]
    assert [study.study_id for study in first.split("test")] == [study.study_id for study in other.split("test")]
    assert nobody.splits == ("train", "test")
    assert len(everyone.split("validate")) > len(first.split("validate"))


def test_the_digest_follows_tables_and_film_sizes(tmp_path: Path) -> None:
    root = nih_cxr14(tmp_path)
    before = load(root).digest
    write_film(root / "images" / "00000001_000.png", width=80)
    resized = load(root).digest
    assert resized != before
    table = root / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text().replace("Hernia", "Fibrosis", 1))
    assert load(root).digest not in (before, resized)


def test_absent_and_damaged_films_are_named_or_skipped_and_counted(tmp_path: Path) -> None:
    root = nih_cxr14(tmp_path)
    (root / "images" / "00000001_000.png").unlink()
    (root / "images" / "00000004_001.png").write_bytes(b"")
    (root / "images" / "00000002_000.png").write_bytes((root / "images" / "00000002_000.png").read_bytes()[:300])
    with pytest.raises(
        InputError, match=r"2 of 24 listed films are absent or empty: 00000001_000\.png, 00000004_001\.png"
    ):
        load(root)
    corpus = load(root, skip_bad_images=True)
    assert len(corpus) == 21
    assert corpus.identity.startswith("nih-cxr14-skip3@")
    assert load_films(corpus.studies, 8).shape == (21, 8, 8)


def _edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("Data_Entry_2017_v2020.csv", "Finding Labels", "Labels", "lacks the columns Finding Labels"),
        ("Data_Entry_2017_v2020.csv", "Hernia", "Hernias", r"study 00000003_000 has a finding that"),
        ("Data_Entry_2017_v2020.csv", "00000002_000.png", "00000001_000.png", "names? 1 films"),
        ("Data_Entry_2017_v2020.csv", "Hernia,0,3", "Hernia", "line 6 has 7 cells where the header has 9"),
        ("test_list.txt", "00000004_000.png", "00000001_000.png", "in both split lists: 00000001_000.png"),
        ("test_list.txt", "00000004_000.png\n", "", "in no split list: 00000004_000.png"),
        ("test_list.txt", "00000004_000.png", "00000004_000.png\nx.png", "lacks: x.png"),
    ],
)
def test_a_wrong_copy_is_named_in_one_line(tmp_path: Path, name: str, old: str, new: str, message: str) -> None:
    root = nih_cxr14(tmp_path)
    _edit(root, name, old, new)
    with pytest.raises(InputError, match=message) as caught:
        load(root)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_film_listed_twice_is_refused(tmp_path: Path) -> None:
    root = nih_cxr14(tmp_path)
    table = root / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1] + "\n")
    with pytest.raises(InputError, match="1 study ids occur twice: 00000001_000"):
        load(root)


@pytest.mark.parametrize("gone", ["Data_Entry_2017_v2020.csv", "test_list.txt", "images"])
def test_an_absent_part_is_named(tmp_path: Path, gone: str) -> None:
    root = nih_cxr14(tmp_path)
    (root / gone).rename(root / "elsewhere")
    with pytest.raises(InputError, match=gone.split(".")[0]):
        load(root)


def test_roots_that_are_none_are_refused(tmp_path: Path) -> None:
    for root, message in ((None, "needs a root"), (tmp_path / "absent", "not a folder")):
        with pytest.raises(InputError, match=message):
            load(root)
    with pytest.raises(InputError, match="validate_fraction"):
        load(tmp_path, validate_fraction=1.5)


@pytest.mark.parametrize(("folder", "studies"), [("nih_cxr14", 808), ("nih_cxr14_64px", 862)])
def test_the_real_films_are_read(shared: Path, folder: str, studies: int) -> None:
    corpus = load(shared / folder)
    assert len(corpus) == studies
    assert corpus.splits == ("train", "validate", "test")
    films = load_films(corpus.split("test")[:40], 64)
    assert 60 < np.median(films) < 200


def test_a_film_follows_that_of_the_next_lower_follow_up_number(tmp_path: Path) -> None:
    studies = {study.study_id: study for study in load(nih_cxr14(tmp_path))}
    first, second = studies["00000003_000"], studies["00000003_001"]
    assert (first.prior, first.order, first.age, first.sex) == (None, 0, 50, "M")
    assert (second.prior, second.order, second.age, second.sex) == (first, 1, 51, "M")
    assert (studies["00000005_000"].age, studies["00000006_000"].sex) == (None, "F")
    assert all(study.prior is None or study.prior.split == study.split for study in studies.values())


def test_without_the_column_nobody_knows_the_order(tmp_path: Path) -> None:
    table = nih_cxr14(tmp_path) / "Data_Entry_2017_v2020.csv"
    table.write_text(table.read_text().replace("Follow-up #", "Visit").replace("Patient Age", "Years"))
    assert {(study.order, study.prior, study.age) for study in load(tmp_path)} == {(None, None, None)}
    table.write_text(table.read_text().replace("Visit", "Follow-up #").replace(",0,1,50", ",first,1,50"))
    with pytest.raises(InputError, match="Follow-up # of study 00000001_000 is not a number"):
        load(tmp_path)
