"""Films and reports of different patients."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from miniature import iu_kaggle, iu_openi, nih_cxr14

from rrgbench.data.corpus import SharedSubjectsError
from rrgbench.data.loading import load_corpus
from rrgbench.data.readers import iu_xray
from rrgbench.data.readers import nih_cxr14 as nih
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


def test_a_corpus_knows_the_command_lines_words_for_it():
    from rrgbench.cli.options.key_values import key_values

    options = {"train": 4, "validate": 2, "test": 2, "retrieval": 0}
    alone = load_corpus("phantom", **options)
    both = load_corpus("phantom", reports="phantom", reports_options=options, **options)
    assert both.flags[:2] == ("--corpus phantom", "--reports phantom")
    own = len(alone.flags) + 1
    assert alone.flags[1:] == both.flags[2:own]
    assert both.flags[own:] == tuple(flag.replace("--option", "--reports-option") for flag in alone.flags[1:])
    pairs = [words[1] for words in map(shlex.split, alone.flags[1:])]
    assert key_values(pairs) == options
    assert load_corpus("phantom").flags == ("--corpus phantom",)
    assert replace(both, source=()).flags == ("--corpus phantom", "--reports phantom"), "made without a name"


def test_its_words_are_quoted_and_readers_flags_are_flags(tmp_path):
    (tmp_path / "studies.jsonl").write_text(
        '{"study_id": "s1", "subject_id": "p1", "report": "Clear.", "images": ["absent.png"], "split": "test"}\n'
    )
    corpus = load_corpus("jsonl", tmp_path, name="my own", skip_bad_images=True)
    assert corpus.name.startswith("my own")
    assert corpus.flags == ("--corpus jsonl", "--option 'name=my own'", "--skip-bad-images")


def test_a_name_says_nothing_of_pairs(tmp_path):
    (tmp_path / "studies.jsonl").write_text(
        '{"study_id": "s1", "subject_id": "p1", "report": "Clear.", "split": "train"}\n'
    )
    named = load_corpus("jsonl", tmp_path, name="mine+yours")
    assert (named.name, named.paired, named.names) == ("mine+yours", True, ("jsonl",))
    assert replace(named, source=(), names=()).flags == ("--corpus mine+yours",)
    films = replace(load_corpus("phantom", train=1, validate=1, test=1, retrieval=0), name="phantom+more")
    both = combine(films, named)
    assert (both.name, both.paired, both.names) == ("phantom+more+mine+yours", False, ("phantom", "jsonl"))
    assert both.flags == ("--corpus phantom", "--reports jsonl")


def test_the_second_corpus_has_reader_options_of_its_own(tmp_path: Path) -> None:
    nih_cxr14(tmp_path / "nih")
    root = iu_openi(tmp_path / "iu", films=False)
    given = {"reports": "iu-xray", "reports_root": root}
    plain = load_corpus("nih-cxr14", tmp_path / "nih", **given)
    other = load_corpus("nih-cxr14", tmp_path / "nih", **given, reports_options={"section": "impression"})
    assert other.section == "impression"
    assert plain.digest != other.digest
    assert other.flags == ("--corpus nih-cxr14", "--reports iu-xray", "--reports-option section=impression")
    with pytest.raises(InputError, match="--reports-option is given without --reports"):
        load_corpus("nih-cxr14", tmp_path / "nih", reports_options={"section": "impression"})


def test_earlier_studies_of_films_carry_no_report_either(tmp_path: Path) -> None:
    films = nih.load(nih_cxr14(tmp_path / "nih"))
    reports = iu_xray.load(iu_kaggle(tmp_path / "iu"))
    first, *rest = films.studies
    earlier = replace(first, report="Clear.", sections={"impression": "Clear."})
    several = replace(films, studies=(replace(first, prior=replace(earlier, prior=earlier)), *rest))
    prior = combine(several, reports).studies[0].prior
    assert (prior.report, prior.sections, prior.prior.report) == (None, {}, None)


def test_films_and_reports_of_one_data_set_may_not_be_split_otherwise(tmp_path: Path) -> None:
    root = iu_kaggle(tmp_path / "iu")
    films, reports = iu_xray.load(root), iu_xray.load(root, seed=1)
    assert len(combine(films, films).studies) == len(films)
    with pytest.raises(SharedSubjectsError, match="films and reports of iu-xray"):
        combine(films, reports)
