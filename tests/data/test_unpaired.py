"""Films and reports of different patients."""

from pathlib import Path

import pytest
from miniature import iu_kaggle, iu_openi, nih_cxr14

from rrgbench.data import iu_xray
from rrgbench.data import nih_cxr14 as nih
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError


def test_films_and_reports_are_kept_apart(tmp_path: Path) -> None:
    films = nih.load(nih_cxr14(tmp_path / "nih"))
    reports = iu_xray.load(iu_kaggle(tmp_path / "iu"))
    corpus = combine(films, reports)
    assert corpus.name == "nih-cxr14+iu-xray"
    assert not corpus.paired
    assert len(corpus) == len(films)
    assert corpus.labelled_observations == films.labelled_observations
    assert all(study.images and study.report is None for study in corpus)
    assert all(study.report and not study.images for study in corpus.text_studies)
    assert len(corpus.text_studies) == sum(study.report is not None for study in reports) < len(reports)
    for split in ("train", "test"):
        assert {study.study_id for study in corpus.reports(split)} <= {study.study_id for study in reports}
    assert films.license_note in corpus.license_note
    assert reports.license_note in corpus.license_note


def test_the_digest_is_of_both_and_of_their_order(tmp_path: Path) -> None:
    films = nih.load(nih_cxr14(tmp_path / "nih"))
    first = iu_xray.load(iu_openi(tmp_path / "a"))
    second = iu_xray.load(iu_openi(tmp_path / "b", studies=11))
    digests = {combine(films, first).digest, combine(films, second).digest, combine(first, first).digest, films.digest}
    assert len(digests) == 4
    assert combine(films, first).digest == combine(films, first).digest


def test_sources_in_the_wrong_place_are_refused(tmp_path: Path) -> None:
    films = nih.load(nih_cxr14(tmp_path / "nih"))
    texts = iu_xray.load(iu_openi(tmp_path / "iu", films=False))
    with pytest.raises(InputError, match="iu-xray has no films"):
        combine(texts, texts)
    with pytest.raises(InputError, match="nih-cxr14 has no reports"):
        combine(films, films)
