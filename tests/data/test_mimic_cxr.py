"""MIMIC-CXR: official layout and R2Gen's."""

import gzip
import os
from collections import Counter
from pathlib import Path

import pytest
from miniature import mimic_annotation, mimic_cxr

from rrgbench.data.films.stream import load_films
from rrgbench.data.readers.mimic_cxr import load
from rrgbench.errors import InputError
from rrgbench.observations import observation_index


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_the_official_layout_is_read(tmp_path: Path, suffix: str) -> None:
    corpus = load(mimic_cxr(tmp_path, suffix))
    assert Counter(study.split for study in corpus) == {"train": 6, "validate": 2, "test": 4}
    study = next(study for study in corpus if study.study_id == "s50000011")
    assert study.subject_id == "p11000000"
    assert study.report == "There is a small left pleural effusion. Follow up at 9:30. The heart is not enlarged."
    assert study.sections["impression"] == "Small left pleural effusion."
    assert [film.view for film in study.images] == ["PA", "LATERAL"]
    assert study.labels is not None
    assert study.labels[observation_index("Pleural Effusion")] == 1
    assert study.labels[observation_index("Edema")] == -1
    assert study.labels[observation_index("Fracture")] == -2
    assert study.labels_source == "chexpert"
    assert load_films(corpus.studies, 8).shape == (12, 8, 8)


def test_a_film_of_unknown_view_comes_before_a_lateral_one(tmp_path: Path) -> None:
    root = mimic_cxr(tmp_path)
    table = next(root.glob("*metadata*"))
    packed = table.suffix == ".gz"
    text = gzip.decompress(table.read_bytes()).decode() if packed else table.read_text()
    assert ",LATERAL," in text
    # the lateral film of a study is listed after its frontal one
    text = text.replace(",LATERAL,", ",,").replace(",PA,", ",XTABLE LATERAL,")
    table.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    study = next(study for study in load(root) if study.study_id == "s50000011")
    assert [film.view for film in study.images] == ["", "LATERAL"]


def test_plain_and_gzipped_copies_have_the_same_digest(tmp_path: Path) -> None:
    plain, packed = mimic_cxr(tmp_path / "a", ".csv"), mimic_cxr(tmp_path / "b", ".csv.gz")
    assert load(plain).digest == load(packed).digest
    report = plain / "files" / "p10" / "p10000000" / "s50000000.txt"
    report.write_text(report.read_text().replace("small", "large"))
    assert load(plain).digest != load(packed).digest


def test_studies_without_the_section_or_labels_stay(tmp_path: Path) -> None:
    corpus = load(mimic_cxr(tmp_path))
    bare = next(study for study in corpus if study.study_id == "s50000030")
    assert bare.report is None
    assert bare.sections["last_paragraph"] == "No acute process."
    assert next(study for study in corpus if study.study_id == "s50000020").labels is None
    assert all(study.labels is None for study in load(tmp_path, labels="none"))


def test_sections_and_label_policies_are_choices(tmp_path: Path) -> None:
    root = mimic_cxr(tmp_path)
    impression = load(root, section="impression").studies[0].report
    assert impression == "Small right pleural effusion."
    assert load(root, section="both").studies[0].report.endswith("not enlarged. Small right pleural effusion.")
    edema = observation_index("Edema")
    became = {
        policy: load(root, uncertain=policy).studies[0].labels[edema] for policy in ("u-ones", "u-zeros", "ignore")
    }
    assert became == {"u-ones": 1, "u-zeros": 0, "ignore": -2}


def test_a_copy_without_films_is_text_only_and_without_reports_films_only(tmp_path: Path) -> None:
    text = load(mimic_cxr(tmp_path / "text", films=False))
    assert all(study.images == () for study in text)
    assert sum(study.report is not None for study in text) == 10
    films = load(mimic_cxr(tmp_path / "films", reports=False), views="frontal")
    assert all(len(study.images) == 1 and study.report is None for study in films)
    with pytest.raises(InputError, match="neither a report nor a film"):
        load(mimic_cxr(tmp_path / "none", films=False, reports=False))


def test_partly_absent_films_are_named_or_skipped(tmp_path: Path) -> None:
    root = mimic_cxr(tmp_path)
    next((root / "files" / "p10" / "p10000000" / "s50000000").glob("*-pa.jpg")).unlink()
    with pytest.raises(InputError, match="1 of 24 listed films are absent"):
        load(root)
    corpus = load(root, skip_bad_images=True)
    assert corpus.name == "mimic-cxr-skip1"
    assert [film.view for film in corpus.studies[0].images] == ["LATERAL"]


def test_r2gen_annotation_counts_films(tmp_path: Path) -> None:
    corpus = load(mimic_annotation(tmp_path))
    assert Counter(study.split for study in corpus) == {"train": 4, "validate": 4, "test": 4}
    assert corpus.studies[0].subject_id == "p10000000"
    assert load_films(corpus.studies, 8).shape == (12, 8, 8)
    text = load(mimic_annotation(tmp_path / "text", films=False))
    assert all(study.images == () for study in text)


def _edit(path: Path, old: str, new: str) -> None:
    content = gzip.decompress(path.read_bytes()).decode()
    assert old in content
    path.write_bytes(gzip.compress(content.replace(old, new, 1).encode()))


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("split", "split", "part", "lacks the columns split"),
        ("split", "50000000", "5000000x", "not a number"),
        ("split", ",train", ",test", "the films of 1 studies are in two splits: s50000000"),
        ("metadata", "02faf080-lateral", "../../../x", "no file name"),
        ("metadata", "02faf080-lateral", "02faf080-pa", "1 films occur twice: 02faf080-pa"),
        ("metadata", "10000000,50000000", "10000000,59999999", "1 films belong to studies without a split: s59999999"),
        ("chexpert", "-1.0", "0.7", "study s50000000: the label of Edema is not 1, 0, -1 or blank"),
        ("chexpert", "11000000,50000011", "11000000,50000010", "study s50000010 occurs twice"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, table: str, old: str, new: str, message: str) -> None:
    root = mimic_cxr(tmp_path)
    _edit(root / f"mimic-cxr-2.0.0-{table}.csv.gz", old, new)
    with pytest.raises(InputError, match=message) as caught:
        load(root)
    assert "\n" not in str(caught.value)


def test_a_metadata_table_that_was_cut_at_a_line_end_is_named(tmp_path: Path) -> None:
    path = mimic_cxr(tmp_path) / "mimic-cxr-2.0.0-metadata.csv.gz"
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    path.write_bytes(gzip.compress("".join(lines[:13]).encode()))
    with pytest.raises(InputError, match=r"metadata\.csv lacks 12 films of 6 studies that .*split\.csv names: s5"):
        load(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_a_report_that_is_a_pipe_is_named_and_not_waited_for(tmp_path: Path) -> None:
    report = mimic_cxr(tmp_path) / "files" / "p10" / "p10000000" / "s50000000.txt"
    report.unlink()
    os.mkfifo(report)
    with pytest.raises(InputError, match=r"s50000000.* is no regular file"):
        load(tmp_path)


def test_absent_tables_and_wrong_options_are_named(tmp_path: Path) -> None:
    root = mimic_cxr(tmp_path)
    with pytest.raises(InputError, match=r"no mimic-cxr-2\.0\.0-negbio\.csv"):
        load(root, labels="negbio")
    for options, message in (
        ({"views": "lateral"}, "views"),
        ({"uncertain": "ones"}, "uncertain"),
        ({"labels": "x"}, "labels"),
    ):
        with pytest.raises(InputError, match=message):
            load(root, **options)
    packed = root / "mimic-cxr-2.0.0-split.csv.gz"
    packed.write_bytes(packed.read_bytes()[:100])
    with pytest.raises(InputError, match=r"split\.csv\.gz can't be read"):
        load(root)
    report = root / "files" / "p10" / "p10000000" / "s50000000.txt"
    mimic_cxr(root)
    report.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="report of study s50000000 is not UTF-8"):
        load(root)


def test_studies_of_a_patient_follow_date_and_time(tmp_path: Path) -> None:
    studies = {study.study_id: study for study in load(mimic_cxr(tmp_path))}
    later, earlier = studies["s50000010"], studies["s50000011"]
    assert (earlier.date, earlier.order, earlier.prior) == ("2180-05-04", 0, None)
    assert (later.date, later.order, later.prior) == ("2180-05-07", 1, earlier)
    assert studies["s50000000"].prior is None
    assert all(study.prior is None or study.prior.split == study.split for study in studies.values())


def _metadata(root: Path, old: str, new: str) -> Path:
    table = root / "mimic-cxr-2.0.0-metadata.csv"
    table.write_text(table.read_text().replace(old, new))
    return root


def test_of_two_studies_at_one_moment_none_is_the_prior(tmp_path: Path) -> None:
    root = _metadata(mimic_cxr(tmp_path, ".csv"), "21800504", "21800507")
    assert all(study.prior is None for study in load(root))
    # The day decides nothing, the time of the first film does.
    _metadata(root, "50000010,PA,40,32,21800507,213016.531", "50000010,PA,40,32,21800507,80000")
    studies = {study.study_id: study for study in load(root)}
    assert studies["s50000011"].prior == studies["s50000010"]


def test_without_dates_nobody_knows_the_order(tmp_path: Path) -> None:
    root = _metadata(mimic_cxr(tmp_path, ".csv"), "StudyDate", "Day")
    assert {(study.prior, study.order, study.date) for study in load(root)} == {(None, None, "")}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("21800504", "21801404", "StudyDate of study s50000011: expected a date like"),
        ("213021.531", "half past nine", "StudyTime of study s50000000 is not like"),
    ],
)
def test_a_date_that_is_none_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    root = mimic_cxr(tmp_path, ".csv")
    with pytest.raises(InputError, match=message):
        load(_metadata(root, old, new))
