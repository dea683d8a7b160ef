"""phantom-hard: two readers who agree as they are said to, words that no labeler knows, and a ceiling that holds."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, f1_score, roc_auc_score

from rrgbench.data.label_matching import label_similarity, positives
from rrgbench.data.loading import load_corpus
from rrgbench.data.phantom import load, load_hard, unseen
from rrgbench.data.phantom.case import Finding
from rrgbench.data.phantom.ceiling import _label_chances, ceiling
from rrgbench.data.phantom.draws import generator
from rrgbench.data.phantom.labels import draw_labels
from rrgbench.data.phantom.population import DRAWN, PHANTOM, PHANTOM_HARD
from rrgbench.data.phantom.reading import read_case, read_labels
from rrgbench.data.phantom.wording import Chance, about_finding, fillings
from rrgbench.errors import InputError
from rrgbench.labelers import load as load_labeler
from rrgbench.observations import OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.tasks.retrieval import drawn_sample, pool_of

MANY = np.arange(40_000)


@pytest.fixture(scope="module")
def studies():
    return load_hard(train=0, validate=0, test=1000, retrieval=0).split("test")


@pytest.fixture(scope="module")
def arrays(studies):
    """Truth, first reader's labels, and what the rules read in the second reader's reports."""
    truth = np.stack([study.film.case().labels for study in studies])
    labels = np.stack([study.labels for study in studies])
    return truth, labels, load_labeler("rules@3").label([study.report for study in studies])


def present(labels):
    return np.isin(labels, (POSITIVE, UNCERTAIN))


def test_the_readers_agree_as_published_and_keep_the_prevalences():
    first, second = (read_labels(PHANTOM_HARD, 0, MANY, reader) for reader in ("labels", "report"))
    for column, name in enumerate(DRAWN, start=1):
        kappa = cohen_kappa_score(first[:, column] == POSITIVE, second[:, column] == POSITIVE)
        rare = 1.0 / np.sqrt(len(MANY) * PHANTOM_HARD.positive[column - 1])
        assert kappa == pytest.approx(PHANTOM_HARD.reading.agreement[column - 1], abs=4 * rare), name
        share = np.mean(first[:, column] == POSITIVE)
        assert share == pytest.approx(PHANTOM_HARD.positive[column - 1], rel=0.2), name


def test_no_finding_follows_from_what_a_reader_sees():
    labels = read_labels(PHANTOM_HARD, 0, MANY, "labels")
    assert (~present(labels[:, 1:-1]).any(axis=1) == (labels[:, 0] == POSITIVE)).all()


def test_films_show_the_truth_and_labels_and_reports_do_not(arrays):
    truth, labels, read = arrays
    expected = draw_labels(PHANTOM_HARD, 0, np.arange(2_000_000, 2_001_000))
    assert (truth == expected).all()
    assert np.mean(present(labels) != present(truth)) > 0.05
    assert np.mean(present(read) != present(truth)) > 0.05


@pytest.mark.parametrize("table", [unseen.POSITIVE_SENTENCES, unseen.UNCERTAIN_SENTENCES])
def test_no_version_of_the_rules_knows_the_unseen_words(table):
    assert set(table) == set(DRAWN[:-1])
    sentences = []
    for name, templates in table.items():
        for template in templates:
            for number in range(54):
                chance = Chance(generator(0, 50, number))
                side, zone = ("right", "left", "both")[number % 3], ("upper", "mid", "lower")[number // 3 % 3]
                finding = Finding(True, side, zone, number // 9 % 3, 0.9, (number % 7) / 7)
                told = about_finding(name, template, finding, fillings(template, finding, chance, lambda: ""))
                sentences.append(f"{told.text}.")
                assert "bilateral lung " not in told.text
    for version in ("rules@1", "rules@2", "rules@3", "rules@4"):
        labels = load_labeler(version).label(sentences)
        assert not np.isin(labels[:, 1:], (POSITIVE, UNCERTAIN, 0)).any()
        assert (labels[:, 0] == POSITIVE).all()


def test_the_rules_fall_short_of_the_truth_by_the_stated_amount(arrays):
    """On `phantom` they equal it; here F1 is what the ceiling says it is, about 0.66."""
    truth, _, read = arrays
    found = f1_score(present(truth).ravel(), present(read).ravel())
    assert found == pytest.approx(ceiling().truth_f1, abs=0.02)
    assert 0.6 < found < 0.7


def test_the_ceiling_by_simulation(arrays):
    """Whoever knows the truth and says what is most probable reaches it, and no threshold of his goes beyond."""
    truth, labels, read = arrays
    bound = ceiling()
    _, _, chances = _label_chances(PHANTOM_HARD, truth)
    reached = [f1_score(present(read).ravel(), (chances >= level).ravel()) for level in np.linspace(0.05, 0.95, 40)]
    assert max(reached) == pytest.approx(bound.ce_f1, abs=0.02)
    assert f1_score(present(read).ravel(), present(labels).ravel()) == pytest.approx(bound.reader_f1, abs=0.02)
    assert bound.reader_f1 < bound.truth_f1 <= bound.ce_f1 < 0.7


def test_the_auroc_ceiling_by_simulation():
    truth = draw_labels(PHANTOM_HARD, 0, MANY)
    labels = read_labels(PHANTOM_HARD, 0, MANY, "labels")
    chances, _, _ = _label_chances(PHANTOM_HARD, truth)
    bound = ceiling()
    for column, name in enumerate(OBSERVATIONS):
        certain = labels[:, column] != UNCERTAIN
        found = roc_auc_score(labels[certain, column] == POSITIVE, chances[certain, column])
        assert found == pytest.approx(bound.auroc[name], abs=0.04 if name == "Pleural Other" else 0.02), name
    assert bound.mean_auroc == pytest.approx(0.850, abs=5e-3)


def test_the_auroc_ceiling_in_closed_form_where_nothing_is_uncertain():
    """(1 + sqrt(kappa)) / 2."""
    sure = replace(PHANTOM_HARD, uncertain=np.zeros(13))
    found = ceiling(sure, studies=200_000)
    for name, kappa in zip(DRAWN, PHANTOM_HARD.reading.agreement, strict=True):
        assert found.auroc[name] == pytest.approx((1 + np.sqrt(kappa)) / 2, abs=0.01), name


def test_without_readers_there_is_no_ceiling_below_one():
    with pytest.raises(InputError, match="no reader errs"):
        ceiling(PHANTOM)


@pytest.mark.parametrize(("name", "expected"), [("phantom", 1.0), ("phantom-hard", 0.359)])
def test_how_well_reports_are_found_by_the_truth_of_a_film(name, expected):
    """P@5 of ranking reports by how far what is read in them agrees with the truth: what a film can say at most."""
    corpus = load_corpus(name)
    drawn = drawn_sample(corpus, pool_of(corpus, "test"), 200, 0, frontal=True)
    truth = np.stack([study.film.case().labels for study in drawn.studies])
    read = load_labeler("rules@3").label([study.report for study in drawn.studies])
    likeness = label_similarity(positives(truth), positives(read))
    # many reports read alike: they are ranked at random
    likeness = likeness + np.random.default_rng(0).random(likeness.shape) * 1e-6
    classes = np.arange(len(drawn.studies)) // drawn.per_class
    nearest = np.argsort(-likeness, axis=1)[:, :5]
    assert np.mean(classes[nearest] == classes[:, None]) == pytest.approx(expected, abs=0.01)


def test_a_tenth_of_the_findings_is_omitted_and_no_chest_called_normal_for_it():
    seen = [read_labels(PHANTOM_HARD, 0, np.array([index]), "report")[0] for index in range(300)]
    cases = [read_case(PHANTOM_HARD, 0, index) for index in range(300)]
    told = sum(len(case.findings) for case in cases)
    all_seen = sum(int(present(labels[1:-1]).sum()) for labels in seen)
    assert told / all_seen == pytest.approx(0.9, abs=0.04)
    for case, labels in zip(cases, seen, strict=True):
        assert case.labels[0] == labels[0]
        assert set(case.findings) == {DRAWN[c] for c in range(12) if present(case.labels[1:])[c]}


def test_a_finding_that_is_there_is_reported_as_it_is_drawn(studies):
    same = 0
    for study in studies[:200]:
        truth, told = study.film.case(), study.reported().case
        for name in set(truth.findings) & set(told.findings):
            assert (truth.findings[name].side, truth.findings[name].zone) == (
                told.findings[name].side,
                told.findings[name].zone,
            )
            same += 1
    assert same > 100


def test_the_same_studies_in_another_process_and_at_another_size():
    code = (
        "from rrgbench.data.phantom import load_hard; import hashlib\n"
        "c = load_hard(train=9, validate=0, test=2, retrieval=0)\n"
        "text = ''.join(s.study_id + s.report + str(s.labels.tolist()) for s in c)\n"
        "print(c.digest, hashlib.sha256(text.encode()).hexdigest())"
    )
    runs = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in "ab"
    }
    assert len(runs) == 1
    few, many = (load_hard(train=size, validate=0, test=0, retrieval=0).split("train") for size in (3, 30))
    assert [study.report for study in few] == [study.report for study in many[:3]]


def test_it_is_a_corpus_by_name_and_phantom_stays_as_it_was():
    corpus = load_corpus("phantom-hard", train=2, validate=1, test=1, retrieval=0)
    assert (corpus.name, corpus.synthetic, corpus.split("train")[0].labels_source) == ("phantom-hard", True, "reader")
    plain = load(train=1, validate=0, test=1, retrieval=0)
    assert (plain.split("test")[0].labels == plain.split("test")[0].film.case().labels).all()
    assert load().digest.startswith("3be682724c7f6fc15abe735b4318689374bccb08fc66422c5291f6c8f41c851d")
