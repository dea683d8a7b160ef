"""The phantom over time: what changes from study to study is true in labels, films and reports alike."""

import pickle
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rrgbench.data.corpus import Corpus, label_matrix
from rrgbench.data.phantom import FollowUpStudy, load, load_followup
from rrgbench.data.phantom.case import Case, Finding
from rrgbench.data.phantom.film import draw_film
from rrgbench.data.phantom.population import DRAWN, PHANTOM, PHANTOM_FOLLOWUP
from rrgbench.data.phantom.visit import CHANGES, Visit, compare, draw_visit
from rrgbench.labelers import load as load_labeler
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, observation_index


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return load_followup(train=6000, validate=0, test=0)


@pytest.fixture(scope="module")
def studies(corpus: Corpus) -> tuple[FollowUpStudy, ...]:
    return tuple(study for study in corpus.split("train") if isinstance(study, FollowUpStudy))


@pytest.fixture(scope="module")
def visits(studies: tuple[FollowUpStudy, ...]) -> list[Visit]:
    return [study.film.visit() for study in studies[:2500]]


def test_three_in_five_studies_have_a_prior_which_is_the_one_before(studies: tuple[FollowUpStudy, ...]) -> None:
    assert np.mean([study.order != 0 for study in studies]) == pytest.approx(0.6, abs=0.02)
    for before, study in pairwise(studies[:300]):
        prior = study.prior
        assert (prior is not None) == (study.subject_id == before.subject_id)
        if prior is not None:
            assert prior == before
            assert prior.report == before.report
            assert prior.date < study.date
            assert (prior.order or 0) + 1 == study.order
            assert prior.sex == study.sex
            assert prior.age is not None
            assert study.age is not None
            assert 0 <= study.age - prior.age <= 2
    assert max(Counter(study.subject_id for study in studies).values()) == 5


def test_a_subject_is_in_one_split_whatever_the_sizes() -> None:
    corpus = load_followup(train=203, validate=7, test=101, retrieval=13)
    splits: dict[str, set[str]] = {}
    for study in corpus:
        splits.setdefault(study.subject_id, set()).add(study.split)
        prior = study.prior
        assert prior is None or (prior.split, prior.subject_id) == (study.split, study.subject_id)
    assert all(len(found) == 1 for found in splits.values())
    # The splits begin where a block of one patient's indices begins, so that full splits don't share a patient either.
    assert [study.order for study in map(corpus.studies.__getitem__, (0, 203, 210, 311))] == [0, 0, 0, 0]


def test_a_study_is_the_same_whatever_was_asked_before(corpus: Corpus) -> None:
    small = load_followup(train=40, validate=0, test=0)
    for study, twin in zip(reversed(small.split("train")), reversed(corpus.split("train")[:40]), strict=True):
        assert study == twin
        assert study.report == twin.report
        assert dict(study.sections) == dict(twin.sections)
        for film, other in zip(study.images, twin.images, strict=True):
            assert np.array_equal(film.load(48), other.load(48))
    study = next(study for study in corpus.split("train") if study.prior is not None)
    travelled = pickle.loads(pickle.dumps(study))
    assert travelled == study
    assert travelled.prior.report == study.prior.report


def test_prevalence_stays_that_of_the_phantom(studies: tuple[FollowUpStudy, ...]) -> None:
    large = label_matrix(load_followup(train=60_000, validate=0, test=0).split("train"))[:, 1:]
    assert np.allclose((large == POSITIVE).mean(axis=0), PHANTOM.positive, atol=0.012)
    assert np.allclose((large == UNCERTAIN).mean(axis=0), PHANTOM.uncertain, atol=0.012)


def test_every_kind_of_change_happens_and_is_what_the_two_truths_say(visits: list[Visit]) -> None:
    seen: Counter[str] = Counter()
    for visit in visits:
        if visit.prior is None:
            assert not visit.comparison.findings
            assert not visit.comparison.devices
            continue
        now, before = visit.case, visit.prior.case
        assert visit.comparison == compare(before, now, visit.comparison.days)
        for name in DRAWN[:-1]:
            old, new = (case.labels[observation_index(name)] == POSITIVE for case in (before, now))
            change = visit.comparison.findings.get(name)
            seen[change or "not compared"] += 1
            if change == "resolved":
                assert old
                assert now.labels[observation_index(name)] == NEGATIVE
            elif change == "new":
                assert new
                assert name not in before.findings
            elif change in ("increased", "decreased", "unchanged"):
                old_finding, new_finding = before.findings[name], now.findings[name]
                assert (old_finding.side, old_finding.zone, old_finding.onset) == (
                    new_finding.side,
                    new_finding.zone,
                    new_finding.onset,
                )
                if change != "unchanged":
                    assert (new_finding.strength > old_finding.strength) == (change == "increased")
            else:
                assert not old
                assert not new
        for device, change in visit.comparison.devices.items():
            assert (device in before.devices, device in now.devices) == {
                "new": (False, True),
                "removed": (True, False),
                "unchanged": (True, True),
            }[change]
    assert min(seen[change] for change in CHANGES) > 100


def test_bones_and_implants_stay(visits: list[Visit]) -> None:
    for visit in visits:
        if visit.prior is None:
            continue
        assert visit.comparison.findings.get("Fracture") not in ("increased", "decreased") or not (
            visit.prior.case.findings["Fracture"].certain and visit.case.findings["Fracture"].certain
        )
        implants = [
            {device for device in case.devices if device.kind in ("pacemaker", "sternal wires")}
            for case in (visit.prior.case, visit.case)
        ]
        assert implants[0] == implants[1]
        assert (visit.prior.case.female, visit.prior.case.build) == (visit.case.female, visit.case.build)


def bare(visit: Visit) -> Case:
    return replace(visit.case, findings={}, devices=(), noise=0.0)


def test_one_patient_looks_alike_on_all_films(visits: list[Visit]) -> None:
    pairs = [visit for visit in visits if visit.prior is not None][:12]
    same, other = [], []
    for visit, stranger in pairwise(pairs):
        assert visit.prior is not None
        film, prior, else_ = (
            draw_film(bare(which), PHANTOM_FOLLOWUP, 0, which.index, 96)[20:70].astype(float).ravel()
            for which in (visit, visit.prior, stranger)
        )
        same.append(np.corrcoef(film, prior)[0, 1])
        other.append(np.corrcoef(film, else_)[0, 1])
    assert np.mean(same) > np.mean(other)


def test_an_effusion_that_has_grown_whitens_more(visits: list[Visit]) -> None:
    visit = next(visit for visit in visits if visit.prior is not None)

    def whitened(severity: int) -> float:
        finding = Finding(True, "left", "lower", severity, 0.9, 0.5, onset=7)
        with_fluid = replace(bare(visit), findings={"Pleural Effusion": finding})
        films = [draw_film(case, PHANTOM_FOLLOWUP, 0, visit.index, 96) for case in (with_fluid, bare(visit))]
        return float(films[0].astype(float).sum() - films[1].astype(float).sum())

    assert whitened(2) > 1.5 * whitened(0) > 0


@pytest.mark.parametrize("count", [1500, pytest.param(6000, marks=pytest.mark.slow)])
def test_the_rules_labeler_reads_the_truth_back(studies: tuple[FollowUpStudy, ...], count: int) -> None:
    truth = label_matrix(studies[:count])
    found = load_labeler("rules").label([study.report for study in studies[:count]])
    for column, name in enumerate(OBSERVATIONS):
        for value in (POSITIVE,) if name == "No Finding" else (POSITIVE, NEGATIVE, UNCERTAIN):
            true, said = truth[:, column] == value, found[:, column] == value
            f1 = 2 * (true & said).sum() / (true.sum() + said.sum())
            assert f1 >= 0.97, f"{name} coded {value}"


WORDS = {
    "new": ("new", "newly", "developed", "development"),
    "increased": ("increased", "increase", "progressed", "progression", "worse", "larger", "more pronounced"),
    "decreased": ("decreased", "decrease", "improved", "improvement", "smaller", "less"),
    "resolved": ("resolved", "resolution", "no longer", "now normal", "returned to normal"),
}


def test_reports_say_every_change_and_no_other(studies: tuple[FollowUpStudy, ...], visits: list[Visit]) -> None:
    labeler = load_labeler("rules")
    told: Counter[str] = Counter()
    for study, visit in zip(studies, visits, strict=False):
        sentences = [f"{sentence}." for sentence in study.report.removesuffix(".").split(". ")]
        compared = {
            change
            for sentence in sentences
            for change, words in WORDS.items()
            if any(f" {word}" in f" {sentence}" for word in words)
        }
        happened = {*visit.comparison.findings.values()}
        devices = {*visit.comparison.devices.values()}
        assert happened - {"unchanged"} <= compared, study.report
        excused = {"new"} if "new" in devices else set()
        excused |= {"resolved"} if "removed" in devices else set()
        assert compared - excused <= happened, study.report
        for name, change in visit.comparison.findings.items():
            about = labeler.descriptions(study.report)[observation_index(name)] or ""
            if change in WORDS:
                assert any(word in about for word in WORDS[change]), (name, change, study.report)
                told[change] += 1
    assert min(told[change] for change in WORDS) > 100


def test_first_studies_compare_with_nothing(studies: tuple[FollowUpStudy, ...]) -> None:
    for study in studies:
        if study.order == 0:
            words = ("prior", "previous", "earlier", "unchanged", "stable", "interval", "comparison study", "remains")
            assert not any(word in study.report for word in words), study.report
            assert study.sections["comparison"] == "none"


def test_reports_are_clean_sentences(studies: tuple[FollowUpStudy, ...]) -> None:
    for study in studies:
        report = study.report
        assert report == report.lower()
        assert report.endswith(".")
        plain = report.replace("a one", "").replace("of pulmonary nodules is", "").replace("of nodules is", "")
        for slip in ("{", "}", "..", " ,", "effusions is", "effusions has", "opacities is", "nodules is", " a a"):
            assert slip not in plain, report
        assert "  " not in report


def test_sections_hold_what_is_known_before_the_film_is_read(studies: tuple[FollowUpStudy, ...]) -> None:
    for study in studies[:200]:
        assert study.sections["indication"].startswith(f"{study.age} year old {'woman' if study.sex == 'F' else 'man'}")
        if study.prior is not None:
            assert study.prior.date in study.sections["comparison"]
    fevers = [
        np.mean(
            [
                "fever" in study.sections["indication"]
                for study in studies[:3000]
                if ill == (study.labels[7] == POSITIVE)
            ]
        )  # type: ignore[index]
        for ill in (True, False)
    ]
    assert fevers[0] > 3 * fevers[1] > 0


def test_the_phantom_with_one_study_a_patient_has_no_history() -> None:
    study = load(train=1).split("train")[0]
    assert (study.prior, study.order, study.date, study.age, len(study.images)) == (None, None, "", None, 1)
    assert draw_visit(PHANTOM, 0, 0).prior is None


def test_digests_differ_and_the_phantoms_stays() -> None:
    sizes = {"train": 4, "validate": 1, "test": 1, "retrieval": 0}
    assert load(**sizes).digest != load_followup(**sizes).digest
    # Runs on the phantom are compared over years by this digest.
    assert load(**sizes).digest.startswith("ebbaccd9cdb0a31c")
