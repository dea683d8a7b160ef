"""What is retrieved: reports or sentences, the film's own among them or not, of another corpus; all of it signed."""

import json

import numpy as np
import pytest

from rrgbench.data.phantom import load
from rrgbench.labelers import RulesLabeler
from rrgbench.observations import COMPETITION_OBSERVATIONS, observation_index
from rrgbench.tasks.candidates import own_texts, sentence_sample, sentences
from rrgbench.tasks.retrieval import drawn_sample
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite, load_suite

COLUMNS = [observation_index(name) for name in COMPETITION_OBSERVATIONS]


def drawn(corpus):
    return drawn_sample(corpus, "retrieval", 3, 0)


class Reader:
    """Likes best the film's own report, then what stands in it, then other texts of the same class."""

    name, image_size, identity = "reader", 32, "reader@1"

    def __init__(self, corpus):
        self.by_film = {study.images[0].load(32).tobytes(): study for study in drawn(corpus).studies}
        self.seen = []

    def similarity(self, images, texts):
        self.seen = list(texts)
        shown = RulesLabeler().label(list(texts))[:, COLUMNS] == 1
        rows = []
        for film in images:
            study = self.by_film[film.tobytes()]
            alike = (shown @ (study.labels[COLUMNS] == 1)).astype(np.float32)
            own = [2 * (text == study.report) + (text in study.report) for text in texts]
            rows.append(alike + np.array(own))
        return np.stack(rows).astype(np.float32)


@pytest.fixture(scope="module")
def corpus():
    return load(train=2, validate=2, test=2, retrieval=1500)


def run(corpus, folder, model=None, **parameters):
    tasks = {"retrieval": {"per_class": 3, "ks": (1, 2), **parameters}}
    suite = Suite(name="few", replicates=20, trivial=(), tasks=tasks)
    records = evaluate(model or Reader(corpus), corpus, suite, folder).records
    return {(r.metric, r.k): r for r in records}


def test_reports_of_the_same_studies_are_the_default_and_said(corpus, tmp_path):
    found = run(corpus, tmp_path)["precision_at_k", 1]
    assert found.signature.endswith("|texts:reports")
    assert "|own:kept|" in found.signature
    assert "candidates:15" in found.signature


def test_without_its_own_report_a_film_has_one_candidate_less(corpus, tmp_path):
    model = Reader(corpus)
    found = run(corpus, tmp_path, model, own=False)
    assert "|own:left-out|" in found["precision_at_k", 1].signature
    assert found["chance_precision", None].value == pytest.approx(2 / 14)
    assert found["precision_at_k", 1].value == 1.0, "another text of the class is the next best"
    queries = drawn(corpus)
    assert np.array_equal(own_texts(queries, queries, "reports"), np.eye(15, dtype=bool))


def test_fewer_candidates_than_any_k_are_the_reason_for_the_blank(corpus, tmp_path):
    assert run(corpus, tmp_path, ks=(20,))["precision_at_k", 20].reason == "only 15 candidates"


class Vectors:
    """Embeds by the number of letters; films as their own reports."""

    name, image_size, identity = "vectors", 32, "vectors@1"

    def __init__(self, corpus):
        self.by_film = {study.images[0].load(32).tobytes(): study.report for study in drawn(corpus).studies}

    def embed_reports(self, texts):
        counts = np.array([[text.lower().count(chr(97 + letter)) for letter in range(26)] for text in texts], float)
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)

    def embed_images(self, images):
        return self.embed_reports([self.by_film[film.tobytes()] for film in images])


def test_vectors_and_similarities_leave_out_the_same(corpus, tmp_path):
    class Direct(Vectors):
        name, identity = "direct", "direct@1"

        def similarity(self, images, texts):
            return self.embed_images(images) @ self.embed_reports(texts).T

    for own in (True, False):
        one = run(corpus, tmp_path / f"v{own}", Vectors(corpus), own=own)
        other = run(corpus, tmp_path / f"d{own}", Direct(corpus), own=own)
        assert [one[key].value for key in one] == [other[key].value for key in one]
    assert run(corpus, tmp_path / "vTrue", Vectors(corpus))["precision_at_k", 1].value == 1.0


def test_sentences_are_distinct_exclusive_and_drawn_by_seed(corpus, tmp_path):
    studies = corpus.reports("retrieval")
    found = sentence_sample(studies, 4, 0, "all")
    texts = [study.report for study in found.studies]
    assert len(set(texts)) == len(texts) == 20
    labels = RulesLabeler().label(texts)
    shown = (labels == 1) | (labels == -1)
    assert (shown.sum(axis=1) == 1).all()
    assert (labels[np.arange(20), np.array(COLUMNS)[found.classes]] == 1).all()
    assert [s.report for s in sentence_sample(studies[::-1], 4, 0, "all").studies] == texts
    assert [s.report for s in sentence_sample(studies, 4, 1, "all").studies] != texts
    model = Reader(corpus)
    found = run(corpus, tmp_path, model, texts="sentences")
    assert found["precision_at_k", 1].signature.endswith("|texts:sentences")
    assert found["precision_at_k", 1].value == 1.0
    assert len(model.seen) == 15


def test_own_sentences_are_those_that_stand_in_the_films_report(corpus):
    queries = drawn(corpus)
    candidates = sentence_sample(queries.studies, 2, 0, "all")
    own = own_texts(queries, candidates, "sentences")
    assert own.any()
    for (row, column), found in np.ndenumerate(own):
        assert found == (candidates.studies[column].report in sentences(queries.studies[row]))


def test_texts_of_another_corpus_are_named_and_part_of_the_unit(corpus, tmp_path):
    other = {"corpus": "phantom", "options": {"seed": 9, "train": 1, "validate": 1, "test": 900, "retrieval": 0}}
    model = Reader(corpus)
    found = run(corpus, tmp_path, model, texts="sentences", other=other)["precision_at_k", 1]
    assert "|of:phantom@" in found.signature
    theirs = [sentence for study in load(seed=9, train=1, validate=1, test=900, retrieval=0).reports("test")
              for sentence in sentences(study)]  # fmt: skip
    assert set(model.seen) <= set(theirs)
    units = [json.loads(path.read_text())["inputs"] for path in (tmp_path / "units").glob("*.json")]
    assert all(len(unit["texts_of"]) > 8 for unit in units)


def test_the_folder_of_another_corpus_is_beside_the_suite_and_no_part_of_the_digest(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("tasks: {retrieval: {texts: sentences, other: {corpus: iu-xray, root: IU}}}\n")
    parameters = load_suite(str(path)).tasks["retrieval"]
    assert parameters.other.root == tmp_path / "IU"
    assert parameters.model_dump(mode="json")["other"] == {"corpus": "iu-xray", "options": {}}
