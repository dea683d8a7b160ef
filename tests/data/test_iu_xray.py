"""IU X-Ray in its four layouts."""

import gzip
import json
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from miniature import iu_annotation, iu_kaggle, iu_openi, iu_rows, iu_xml, write_csv, write_film

from rrgbench.data.films.stream import load_films
from rrgbench.data.readers.iu_xray import load, packaged_archive
from rrgbench.data.readers.openi import kaggle_name
from rrgbench.errors import InputError, MissingPartError
from rrgbench.observations import OBSERVATIONS


@pytest.mark.parametrize("make", [iu_openi, iu_kaggle, iu_xml])
def test_csv_and_xml_layouts_hold_the_same_reports(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    corpus = load(make(tmp_path))
    assert corpus.name == "iu-xray"
    expected = {f"CXR{row['uid']}": row["findings"] or None for row in iu_rows()}
    assert {study.study_id: study.report for study in corpus} == expected
    study = next(study for study in corpus if study.study_id == "CXR1")
    assert study.sections == {"impression": "No acute disease 1.", "indication": "XXXX cough", "comparison": "None."}
    assert study.labels is None
    assert all(study.subject_id == study.study_id for study in corpus)


def test_layouts_of_the_same_text_have_the_same_digest(tmp_path: Path) -> None:
    roots = [iu_openi(tmp_path / "a", films=False), iu_kaggle(tmp_path / "b", films=False), iu_xml(tmp_path / "c")]
    assert len({load(root).digest for root in roots}) == 1
    assert load(roots[0], section="both").digest != load(roots[0]).digest


@pytest.mark.parametrize(
    ("section", "report"),
    [
        ("findings", "The heart is normal in study 1. No effusion."),
        ("impression", "No acute disease 1."),
        ("both", "The heart is normal in study 1. No effusion. No acute disease 1."),
    ],
)
def test_the_target_section_is_a_choice(tmp_path: Path, section: str, report: str) -> None:
    study = next(study for study in load(iu_xml(tmp_path), section=section) if study.study_id == "CXR1")
    assert study.report == report


def test_kaggle_films_are_found_frontal_first(tmp_path: Path) -> None:
    corpus = load(iu_kaggle(tmp_path))
    for study in corpus:
        assert [film.view for film in study.images] == ["", "LATERAL"]
    assert load_films(corpus.studies, 8).shape == (12, 8, 8)


def test_the_table_of_labels_and_the_order_of_films_are_part_of_the_digest(tmp_path: Path) -> None:
    root = iu_openi(tmp_path)
    before = load(root).digest
    kaggle = iu_kaggle(tmp_path / "kaggle", films=False)
    shutil.copy(kaggle / "indiana_projections.csv", root)
    assert load(root).digest != before, "now the frontal film comes first"
    columns = ("uid", *OBSERVATIONS)
    write_csv(root / "mesh_labels.csv", columns, [("1", "1", *[""] * 13)])
    first = load(root, labels="mesh").digest
    write_csv(root / "mesh_labels.csv", columns, [("1", "0", *[""] * 13)])
    assert load(root, labels="mesh").digest != first


def test_a_packed_split_is_r2gens_too(tmp_path: Path) -> None:
    root = iu_openi(tmp_path, films=False)
    iu_annotation(root)
    expected = {study.study_id: study.split for study in load(root, layout="openi")}
    packed = root / "annotation.json"
    (root / "annotation.json.gz").write_bytes(gzip.compress(packed.read_bytes()))
    packed.unlink()
    assert {study.study_id: study.split for study in load(root, layout="openi")} == expected


def test_dicom_films_come_in_a_folder_for_each_report(tmp_path: Path) -> None:
    root = iu_openi(tmp_path)
    flat = {study.study_id: [film.path.name for film in study.images] for study in load(root)}
    (root / "NLMCXR_dcm").mkdir(exist_ok=True)
    for path in [film.path for study in load(root) for film in study.images]:
        place = root / "NLMCXR_dcm" / path.stem.partition("_")[0]
        place.mkdir(exist_ok=True)
        path.rename(place / path.with_suffix(".dcm").name)
    nested = {study.study_id: [film.path.name for film in study.images] for study in load(root)}
    assert any(flat.values())
    assert nested == {study: [name.rpartition(".")[0] + ".dcm" for name in names] for study, names in flat.items()}


def test_openi_films_take_their_views_from_the_projections_if_there(tmp_path: Path) -> None:
    root = iu_openi(tmp_path / "iu")
    assert [film.view for film in load(root).studies[0].images] == ["", ""]
    iu_kaggle(tmp_path / "kaggle", films=False)
    (tmp_path / "kaggle" / "indiana_projections.csv").rename(root / "indiana_projections.csv")
    assert kaggle_name("CXR1_1_IM-0001-3001") == "1_IM-0001-3001.dcm.png"
    assert kaggle_name("CXR2_IM-0652-1001") == "2_IM-0652-1001.dcm.png"
    assert all([film.view for film in study.images] == ["", "LATERAL"] for study in load(root))


def test_without_films_every_study_is_text_only(tmp_path: Path) -> None:
    corpus = load(iu_openi(tmp_path, films=False))
    assert all(study.images == () for study in corpus)
    assert Counter(study.split for study in corpus) == {"train": 8, "validate": 2, "test": 2}


def test_r2gen_annotation_keeps_its_ids_split_and_two_films(tmp_path: Path) -> None:
    corpus = load(iu_annotation(tmp_path))
    assert len(corpus) == 12
    study = next(study for study in corpus if study.study_id == "CXR1_IM-0001")
    assert (study.split, study.subject_id, len(study.images)) == ("train", "CXR1", 2)
    assert next(study for study in corpus if study.study_id == "CXR10_IM-0010").report is None
    with pytest.raises(InputError, match="holds findings only"):
        load(tmp_path, section="both")


def _r2gen_split(root: Path, **splits: list[str]) -> None:
    (root / "r2gen_split.json").write_text(json.dumps({"train": [], "val": [], "test": [], **splits}))


def test_the_r2gen_split_is_used_where_it_lies(tmp_path: Path) -> None:
    root = iu_openi(tmp_path, films=False)
    _r2gen_split(root, train=["CXR1_IM-0001", "CXR2_IM-0002-1001"], val=["CXR3_IM-0003"], test=["CXR4_1_IM-0004"])
    corpus = load(root)
    assert {study.study_id: study.split for study in corpus} == {
        "CXR1": "train",
        "CXR2": "train",
        "CXR3": "validate",
        "CXR4": "test",
    }
    wider = load(root, outside_r2gen="train")
    assert Counter(study.split for study in wider) == {"train": 10, "validate": 1, "test": 1}
    assert wider.digest != corpus.digest


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": ["CXR99_IM-1"]}, "1 uids of r2gen_split.json have no report, the first is 99"),
        ({"train": ["CXR1_IM-1"], "test": ["CXR1_IM-1"]}, "in two splits: CXR1_IM-1"),
        ({"train": ["1"]}, "id 0 of train is not like"),
        ({"train": "CXR1_IM-1"}, "expected an object with the lists"),
    ],
)
def test_a_wrong_split_file_is_named(tmp_path: Path, splits: dict[str, list[str]], message: str) -> None:
    root = iu_openi(tmp_path, films=False)
    _r2gen_split(root, **splits)
    with pytest.raises(InputError, match=message):
        load(root)


def test_expert_labels_come_when_asked_for(tmp_path: Path) -> None:
    root = iu_openi(tmp_path, films=False)
    row = [1 if name == "Edema" else 0 for name in OBSERVATIONS]
    write_csv(root / "mesh_labels.csv", ("uid", "MeSH", *OBSERVATIONS), [(1, "Edema", *row)])
    columns = [f"chexpert_{name.replace(' ', '_')}" for name in OBSERVATIONS]
    cells = ["-1.0" if name == "Edema" else "" for name in OBSERVATIONS]
    write_csv(root / "chexpert_labels.csv", ("uid", "labelled_text", *columns), [(3, "text", *cells)])
    assert all(study.labels is None for study in load(root))
    mesh = {study.study_id: study for study in load(root, labels="mesh") if study.labels is not None}
    assert mesh.keys() == {"CXR1"}
    assert mesh["CXR1"].labels is not None
    assert mesh["CXR1"].labels.tolist() == row
    assert mesh["CXR1"].labels_source == "mesh"
    chexpert = {study.study_id: study.labels for study in load(root, labels="chexpert") if study.labels is not None}
    assert chexpert["CXR3"].tolist() == [-1 if name == "Edema" else -2 for name in OBSERVATIONS]
    with pytest.raises(InputError, match="made from the findings"):
        load(root, labels="chexpert", section="both")


def test_reports_of_the_installed_package_are_found_without_a_root() -> None:
    if packaged_archive() is None:
        pytest.skip("torchxrayvision is not installed; it is the optional source of the reports")
    corpus = load()
    assert len(corpus) == 3955
    assert sum(study.report is not None for study in corpus) == 3425


def test_without_a_root_and_the_package_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rrgbench.data.readers.iu_xray.packaged_archive", lambda: None)
    with pytest.raises(MissingPartError, match="pip install torchxrayvision, or give a root"):
        load()


def test_wrong_copies_and_options_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the root has none of openi_reports\.csv"):
        load(tmp_path)
    root = iu_openi(tmp_path)
    for options, message in (
        ({"section": "history"}, "section must be one of"),
        ({"labels": "nurse"}, "labels must be one of"),
        ({"labels": "mesh"}, "need mesh_labels.csv"),
        ({"outside_r2gen": "test"}, "outside_r2gen must be one of"),
    ):
        with pytest.raises(InputError, match=message):
            load(root, **options)
    film = root / "images" / "CXR1_1_IM-0001-3001.png"
    film.unlink()
    with pytest.raises(InputError, match=r"1 of 24 listed films are absent or empty: CXR1_1_IM-0001-3001\.png"):
        load(root)
    skipped = load(root, skip_bad_images=True)
    assert skipped.name == "iu-xray-skip1"
    assert len(skipped.studies[0].images) == 1
    table = root / "openi_reports.csv"
    table.write_text(table.read_text() + table.read_text().splitlines()[1] + "\n")
    with pytest.raises(InputError, match="1 uids occur twice: 1"):
        load(root)


def test_the_unpacked_archive_is_read_whole_or_by_its_folder(tmp_path: Path) -> None:
    packed = load(iu_xml(tmp_path))
    root = tmp_path / "unpacked"
    with tarfile.open(tmp_path / "NLMCXR_reports.tgz") as archive:
        archive.extractall(root, filter="data")
    inside = root / "ecgen-radiology"
    (inside / "notes.xml").write_text("no report")
    assert load(root).digest == load(inside).digest == load(root, layout="xml").digest == packed.digest
    assert load(root).studies == packed.studies
    (inside / "3.xml").write_text("<eCitation>")
    with pytest.raises(InputError, match=r"ecgen-radiology/3\.xml is not XML"):
        load(root)


def test_text_of_a_section_goes_on_behind_a_mark_in_it(tmp_path: Path) -> None:
    (tmp_path / "1.xml").write_text(
        '<eCitation><uId id="CXR1"/><AbstractText Label="FINDINGS">No <i>large</i> effusion.</AbstractText></eCitation>'
    )
    assert load(tmp_path).studies[0].report == "No large effusion."


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    root = iu_xml(tmp_path)
    archive = root / "NLMCXR_reports.tgz"
    archive.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(InputError, match=r"NLMCXR_reports\.tgz"):
        load(root)


def test_of_several_layouts_the_one_with_films_or_with_every_section_is_read(tmp_path: Path) -> None:
    root = iu_openi(tmp_path, films=False)
    iu_annotation(root)
    assert next(iter(load(root))).study_id == "CXR1_IM-0001", "the films that annotation.json names are there"
    assert {study.split for study in load(root, layout="openi")} == {"train", "validate", "test"}
    shutil.rmtree(root / "images")
    raw = load(root, section="both")
    assert {study.study_id: study.split for study in raw} == {
        study.subject_id: study.split for study in load(root, layout="r2gen")
    }, "annotation.json still tells the split"
    iu_kaggle(root, films=False)
    (root / "annotation.json").unlink()
    assert load(root).digest == load(root, layout="openi").digest
    for layout, message in (("r2gen", "the root has no annotation.json"), ("csv", "layout must be one of auto, openi")):
        with pytest.raises(InputError, match=message):
            load(root, layout=layout)


def test_the_real_reports_are_read(shared: Path) -> None:
    corpus = load(shared / "iu_xray", labels="mesh")
    assert {split: len(corpus.split(split)) for split in corpus.splits} == {"train": 2069, "validate": 296, "test": 590}
    assert all(study.report for study in corpus)
    assert sum(study.labels is not None for study in corpus) == 1440
    everything = load(shared / "iu_xray", outside_r2gen="train")
    assert len(everything) == 3955
    if packaged_archive() is not None:
        packaged = {study.study_id: study.report for study in load()}
        assert packaged == {study.study_id: study.report for study in everything}
    assert len(load(shared / "iu_xray", outside_r2gen="train")) == 3955
    assert len(load(shared / "iu_xray", layout="r2gen")) == 2955


@pytest.mark.parametrize("make", [iu_openi, iu_xml])
def test_the_table_of_views_says_which_film_is_lateral(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    root = make(tmp_path)
    if make is iu_xml:  # its one image of each report
        for row in iu_rows():
            write_film(root / "images" / f"CXR{row['uid']}_1_IM-0001-3001.png")
    before = load(root)
    films = [film.path.stem for study in before for film in study.images]
    rows = [(film, "lateral" if film.endswith("3001") else "frontal", 624, 512) for film in films]
    write_csv(root / "views.csv", ("image", "view", "rows", "columns"), rows)
    corpus = load(root)
    views = {tuple(film.view for film in study.images) for study in corpus}
    assert views == ({("", "LATERAL")} if make is iu_openi else {("LATERAL",)})
    assert corpus.digest != before.digest
    assert all((study.prior, study.order, study.date) == (None, None, "") for study in corpus)


def test_the_table_of_views_means_nothing_without_films_or_beside_projections(tmp_path: Path) -> None:
    for root in (iu_openi(tmp_path / "text", films=False), iu_kaggle(tmp_path / "kaggle")):
        before = load(root)
        write_csv(root / "views.csv", ("image", "view"), [("CXR1_1_IM-0001-3001", "lateral")])
        assert load(root).digest == before.digest
