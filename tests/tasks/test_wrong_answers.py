"""Models of one's own that answer what no model may: each is named with what it gave, none is scored."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rrgbench.data.films.images import FilmFile
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.models import load_model
from rrgbench.observations import OBSERVATIONS
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite

OWN = {"classification": {"settings": ["own"]}}


class Mine:
    """Answers what it is told to."""

    name, image_size, identity = "mine", 32, "mine@1"

    def __init__(self, probabilities=None, reports=None):
        self.probabilities, self.reports = probabilities, reports

    def generate_reports(self, images):
        return self.reports(len(images))

    def predict_observations(self, images):
        return self.probabilities(len(images))


@pytest.fixture(scope="module")
def corpus():
    return load(train=6, validate=2, test=40, retrieval=0)


def run(model, corpus, tmp_path, tasks):
    return evaluate(model, corpus, Suite(name="own", replicates=20, trivial=(), tasks=tasks), tmp_path)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            lambda n: np.full((n, 13), 0.5),
            r"what mine answers \(predict_observations\) has the shape \(40, 13\) for 40 studies; expected \(40, 14\)",
        ),
        (lambda n: np.full(n, 0.5), r"has the shape \(40,\) for 40 studies; expected \(40, 14\)"),
        (lambda n: np.full((n - 1, 14), 0.5), r"has the shape \(39, 14\) for 40 studies"),
        (lambda n: [["high"] * 14] * n, "is a list, no array of numbers"),
        (lambda n: None, r"has the shape \(\) for 40 studies"),
        (lambda n: np.where(np.eye(n, 14) > 0, np.inf, 0.5), "holds infinity for 14 studies: phantom-"),
        (lambda n: np.where(np.eye(n, 14) > 0, np.nan, 0.5), "is NaN for 14 studies in observations that it predicts"),
    ],
)
def test_observations_that_are_no_table_of_numbers_are_refused(answer, message, corpus, tmp_path):
    for task in (OWN, {"error_correlation": {}}):
        with pytest.raises(InputError, match=message):
            run(Mine(answer, lambda n: ["No effusion."] * n), corpus, tmp_path / next(iter(task)), task)


def test_reports_that_are_no_text_are_refused_by_study(corpus, tmp_path):
    model = Mine(reports=lambda n: [None, "The lungs are clear.", *["No effusion."] * (n - 2)])
    with pytest.raises(InputError, match=r"mine wrote no text \(NoneType\) for 1 of \d+ films: phantom-"):
        run(model, corpus, tmp_path, {"report_generation": {"nlg": ["bleu_4"]}})


@pytest.mark.parametrize("answer", [lambda n: "x" * n, lambda n: None])
def test_one_string_or_nothing_is_no_list_of_reports(answer, corpus, tmp_path):
    """A string as long as there are films would be one letter a study."""
    with pytest.raises(InputError, match=r"mine answered (str|NoneType) instead of a list of \d+ reports"):
        run(Mine(reports=answer), corpus, tmp_path, {"report_generation": {"nlg": ["bleu_4"]}})


@pytest.mark.parametrize(("attribute", "kept"), [("name", "identity"), ("identity", "name")])
def test_a_model_without_a_name_or_identity_is_refused(attribute, kept, corpus, tmp_path):
    nameless = type("Nameless", (), {kept: "mine@1", "image_size": 32})()
    with pytest.raises(InputError, match=f"a Nameless was given as a model and has no {attribute}"):
        run(nameless, corpus, tmp_path, OWN)


def test_logits_correlate_with_nothing_study_by_study(corpus, tmp_path):
    """Their order is told by AUROC as ever; a cross-entropy they have not."""
    labels = np.stack([study.labels for study in corpus.split("test")]) == 1
    reports = [study.report for study in corpus.split("test")]
    logits = Mine(lambda n: np.where(labels, 3.0, -3.0), lambda n: [*reports[1:], reports[0]])
    found = run(logits, corpus, tmp_path, {"error_correlation": {}}).records
    told = {record.setting: record for record in found if record.metric == "pearson" and record.model == "mine"}
    assert told["studies"].value is None
    assert told["studies"].reason == "the model's answers are no probabilities from 0 to 1"
    assert told["observations"].reason != told["studies"].reason


def test_what_is_not_predicted_at_all_has_no_calibration(corpus, tmp_path):
    found = run(Mine(lambda n: np.full((n, len(OBSERVATIONS)), np.nan)), corpus, tmp_path, OWN).records
    assert {(one.value, one.reason) for one in found if one.metric == "ece"} == {(None, "no label or no prediction")}
    assert {(one.value, one.reason) for one in found if one.metric == "auroc"} == {(None, "every answer is NaN")}


@pytest.mark.parametrize("name", ["most-frequent", "classifier-template", "best-constant"])
def test_the_name_of_a_trivial_system_is_its_own(name, corpus, tmp_path):
    """Its row would be read as that system's, which would not be evaluated."""
    model = Mine(lambda n: np.full((n, 14), 0.5))
    model.name = name
    with pytest.raises(InputError, match=f"mine@1 is called {name}, the name of a trivial system"):
        run(model, corpus, tmp_path, OWN)
    if name == "most-frequent":
        run(load_model(name), corpus, tmp_path / "own", OWN)


class Comparing:
    """Embeds films and reports, films as it is told to."""

    name, image_size, identity = "comparing", 32, "comparing@1"

    def __init__(self, vectors):
        self.vectors = vectors

    def embed_images(self, images):
        return self.vectors(len(images))

    def embed_reports(self, reports):
        return np.ones((len(reports), 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (lambda n: np.ones((n + 1, 3)), "has the shape"),
        (lambda n: np.full((n, 3), np.nan), "vectors hold NaN or infinity"),
        (lambda n: np.ones((n, 4)), "have 4 dimensions, candidates 3"),
    ],
)
def test_embeddings_that_are_none_are_refused_and_no_blank(vectors, message, tmp_path):
    several = load(train=6, validate=2, test=2, retrieval=400)
    with pytest.raises(InputError, match=message):
        run(Comparing(vectors), several, tmp_path, {"retrieval": {"per_class": 4}})


def test_a_film_that_is_gone_is_no_blank(tmp_path):
    several = load(train=6, validate=2, test=2, retrieval=400)
    film = FilmFile(tmp_path / "gone.png")
    gone = (replace(one, images=(film,)) if one.split == "retrieval" else one for one in several.studies)
    without = replace(several, studies=tuple(gone))
    with pytest.raises(InputError, match="is missing; restore"):
        run(Comparing(lambda n: np.ones((n, 3))), without, tmp_path, {"retrieval": {"per_class": 4}})


def test_vectors_are_compared_by_their_cosine_whoever_gives_them(tmp_path, caplog):
    """Raw vectors of a network are as long as they come out; files of the same ones are scaled too."""
    several = load(train=6, validate=2, test=2, retrieval=400)
    own = {study.report: study.labels for study in several.split("retrieval")}

    class Labels(Comparing):
        """Long vectors for reports of one observation, which would be nearest to every film by the product."""

        identity = "labels@1"
        scale = 1.0

        def embed_reports(self, reports):
            effusion = np.array([own[one][10] == 1 for one in reports])
            vectors = np.stack([own[one] == 1 for one in reports]) + 0.5
            vectors *= (np.where(effusion, self.scale, 1.0) / np.linalg.norm(vectors, axis=1))[:, None]
            return torch.tensor(vectors, requires_grad=True)

    films = Labels(lambda n: torch.eye(14)[torch.arange(n) % 14])
    task = {"retrieval": {"per_class": 4}}
    plain = run(films, several, tmp_path / "plain", task).records
    assert "not of unit length" not in caplog.text
    films.scale, films.identity = 9.0, "labels@2"
    scaled = run(films, several, tmp_path / "scaled", task).records
    assert "comparing: vectors of reports are not of unit length (1 to 9); cosines are taken" in caplog.text
    assert [one.value for one in plain] == [one.value for one in scaled]


def test_vectors_of_another_number_of_reports_are_refused(tmp_path):
    several = load(train=6, validate=2, test=2, retrieval=400)
    model = Comparing(lambda n: np.ones((n, 3)))
    model.embed_reports = lambda reports: np.ones((len(reports) + 1, 3))
    with pytest.raises(InputError, match=r"has the shape \(9, 3\) for 8 reports; expected \(8, numbers each\)"):
        run(model, several, tmp_path, {"retrieval": {"per_class": 4}})


def test_empty_reports_of_a_model_are_told(corpus, tmp_path, caplog):
    model = Mine(reports=lambda n: ["", *["No effusion."] * (n - 1)])
    run(model, corpus, tmp_path, {"report_generation": {"nlg": ["bleu_4"]}})
    assert "mine: 1 of 40 reports are empty: phantom-" in caplog.text


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        (lambda films: films, r"the backbone is a function; a backbone is a torch\.nn\.Module from films, uint8"),
        (torch.nn.Linear(1024, 3), r"the backbone fails on films \(2, 32, 32\) \(RuntimeError: "),
        (torch.nn.Identity(), r"the backbone answers a tensor \(2, 32, 32\) for 2 films"),
    ],
)
def test_a_backbone_that_is_none_is_told_before_anything_is_learned(backbone, message, corpus, tmp_path):
    model = Mine()
    model.backbone = backbone
    with pytest.raises(InputError, match=message):
        run(model, corpus, tmp_path, {"classification": {"settings": ["finetune"], "fractions": [1.0]}})
