"""Explaining a study: key words of reports, and models that offer all, some or none of the parts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.explain.explanation import explain_images, explain_study, mark
from rrgbench.explain.page import Heading, explanation_page
from rrgbench.labelers import StandardLabeler
from rrgbench.models import Reads
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN, UNMENTIONED

REPORT = "Moderate cardiomegaly. No pneumothorax or effusion. Possible pneumonia versus atelectasis."
FILM = np.zeros((8, 8), dtype=np.uint8)
WORDS = ["no", "heart", "is", "enlarged", "congestive heart failure", "cardiomediastinal silhouette", "effusion", "or",
         "possible", "pneumonia", ".", "\n", "XXXX", "<b>", "pleural", ",", "normal", "versus", "edema"]  # fmt: skip


class Whole:
    name, image_size = "whole", 8
    identity = "whole@1"

    def generate_reports(self, images):
        return [REPORT] * len(images)

    def predict_observations(self, images):
        return np.tile(np.linspace(0, 1, 14, dtype=np.float32), (len(images), 1))

    def describe(self, images, observation):
        return ["" if observation == "Edema" else f"about {observation}"] * len(images)


class Bare:
    name, image_size, identity = "bare", 8, "bare@1"


class Reference:
    view = "PA"

    def load(self, size):
        return np.zeros((size, size), dtype=np.uint8)


def test_key_words_are_where_the_report_says_them():
    found = {(words.observation, words.label, REPORT[words.start : words.end]) for words in mark(REPORT).key_words}
    assert found == {
        ("Cardiomegaly", POSITIVE, "cardiomegaly"),
        ("Pneumothorax", NEGATIVE, "pneumothorax"),
        ("Pleural Effusion", NEGATIVE, "effusion"),
        ("Pneumonia", UNCERTAIN, "pneumonia"),
        ("Atelectasis", UNCERTAIN, "atelectasis"),
    }


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(max_size=60))
def test_pieces_are_the_text_and_carry_every_mention(text):
    marked = mark(text)
    pieces = marked.pieces()
    assert "".join(piece for piece, _ in pieces) == text
    assert all(piece for piece, _ in pieces)
    for words in marked.key_words:
        assert "".join(piece for piece, covered in pieces if words in covered) == text[words.start : words.end]
    assert list(marked.labels) == StandardLabeler().label([text])[0].tolist()


def test_one_word_may_speak_of_two_observations():
    (both,) = [words for piece, words in mark("congestive heart failure is seen.").pieces() if words]
    assert [(words.observation, words.label) for words in both] == [("Edema", POSITIVE), ("Cardiomegaly", UNCERTAIN)]


def test_a_model_that_offers_everything():
    found = explain_images(Whole(), FILM[np.newaxis], name="whole@1", reference="No edema.")
    assert found.report.text == REPORT
    assert found.labels_source == "report (rules@3)"
    rows = {row.observation: row for row in found.observations}
    assert list(rows) == list(OBSERVATIONS)
    edema, heart = rows["Edema"], rows["Cardiomegaly"]
    assert (edema.label, edema.written, edema.description) == (NEGATIVE, UNMENTIONED, "")
    assert (heart.label, heart.written, heart.description) == (UNMENTIONED, POSITIVE, "about Cardiomegaly")
    assert [row.probability for row in found.observations] == pytest.approx(np.linspace(0, 1, 14))


def test_what_a_model_does_not_offer_is_none():
    found = explain_images(Bare(), FILM[np.newaxis], name="bare@1")
    assert (found.report, found.reference, found.labels_source) == (None, None, "")
    for row in found.observations:
        assert (row.label, row.probability, row.written, row.description) == (None, None, None, None)
    assert found.to_json()["report"] is None


def test_an_observation_that_is_not_predicted_is_null_and_no_number_on_the_page():
    class Few(Whole):
        def predict_observations(self, images):
            found = super().predict_observations(images)
            found[:, 3] = np.nan
            return found

    found = explain_images(Few(), FILM[np.newaxis], name="few@1", reference="No edema.")
    written = found.to_json()
    assert written["observations"][3]["probability"] is None
    assert written["observations"][4]["probability"] is not None
    page = explanation_page(found, Heading("a", (), "", ""), FILM)
    assert "not defined" in page
    assert "nan%" not in page


def test_json_uses_words():
    written = explain_images(Whole(), FILM[np.newaxis], name="whole@1", labels=[1, 0, -1, -2, None] + [0] * 9).to_json()
    assert [row["label"] for row in written["observations"][:5]] == [
        "positive", "negative", "uncertain", "unmentioned", None
    ]  # fmt: skip
    words = written["report"]["key_words"]
    assert all(REPORT[word["start"] : word["end"]] == word["text"] for word in words)


@pytest.mark.parametrize("labels", [[1, 0], [7] + [0] * 13])
def test_labels_out_of_the_coding_are_refused(labels):
    with pytest.raises(InputError, match="14 labels"):
        explain_images(Bare(), FILM[np.newaxis], name="bare@1", labels=labels)


def test_a_studys_own_labels_come_first_and_unlabelled_observations_stay_unknown():
    labels = np.full(14, NEGATIVE, dtype=np.int8)
    study = Study("s", "p", "test", (Reference(),), "Cardiomegaly.", labels=labels, labels_source="film")
    found = explain_study(Whole(), study, tuple(name for name in OBSERVATIONS if name != "Fracture"))
    rows = {row.observation: row.label for row in found.observations}
    assert (rows["Cardiomegaly"], rows["Fracture"]) == (NEGATIVE, None)
    assert (found.labels_source, found.model) == ("film", "whole@1")
    unlabelled = Study("s", "p", "test", (Reference(),), "Cardiomegaly.")
    assert {row.observation: row.label for row in explain_study(Whole(), unlabelled).observations}["Cardiomegaly"] == 1


class Reader:
    """Reads studies and writes what it got."""

    name, identity, reads = "reader", "reader@1", Reads(8, "all", sections=("indication",), prior=True)

    def generate_reports(self, images):
        return [f"{len(one.films)} films, {one.sections['indication']} before: {one.prior.report}" for one in images]


def test_a_model_that_reads_studies_is_given_one():
    prior = Study("r", "p", "test", (Reference(),), "No edema.")
    study = Study("s", "p", "test", (Reference(), Reference()), sections={"indication": "Cough."}, prior=prior)
    assert explain_study(Reader(), study).report.text == "2 films, Cough. before: No edema."


def test_a_study_without_film_is_named():
    with pytest.raises(InputError, match="no film: s9"):
        explain_study(Whole(), Study("s9", "p", "test", report="clear"))
