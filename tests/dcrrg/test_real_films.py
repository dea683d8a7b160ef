"""What DCRRG does of its own where films are few and reports are of other patients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dcrrg import linear_start
from dcrrg.composition import Composer, asserted, with_composed
from dcrrg.configuration import DcrrgConfig, load_preset
from dcrrg.decision_measures import decision_measures
from dcrrg.linear_start import write_linear_heads
from dcrrg.model import DcrrgModel
from dcrrg.training import train
from rrgbench.data.phantom import load, load_b
from rrgbench.data.unpaired import combine
from rrgbench.errors import InputError
from rrgbench.labelers import RulesLabeler
from rrgbench.labelers.study_labels import study_labels
from rrgbench.models import load_model
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.training.data import FilmSource, ReportSource, Sources, TrainingData
from rrgbench.training.settings import StageOptions
from rrgbench.training.trainers import Request

NORMAL = ("The heart is normal in size. The lungs are clear.", "No pleural effusion or pneumothorax.")
SICK = ("There is a small left pleural effusion. The heart is normal in size.", "Mild pulmonary edema is seen.")


def targets(*names):
    found = np.zeros(14, dtype=bool)
    found[[observation_index(name) for name in names]] = True
    return found


@pytest.fixture
def composer():
    impressions = ("1. Right lower lobe pneumonia.", "XXXX pneumonia XXXX.")
    return Composer([*NORMAL, *SICK], impressions, np.ones(14, dtype=bool))


@pytest.mark.parametrize(
    "names", [("No Finding",), ("Edema",), ("Pneumonia",), ("Pneumonia", "Pleural Effusion"), ("Edema", "Pneumonia")]
)
def test_composed_reports_say_what_they_are_for_and_nothing_else(composer, names):
    rng = np.random.default_rng(0)
    for _ in range(10):
        text = composer.compose(targets(*names), rng)
        said = asserted(RulesLabeler().label([text]))[0]
        assert {name for name, one in zip(OBSERVATIONS, said, strict=True) if one} == set(names)
        assert "XXXX" not in text
        assert "1." not in text


def test_what_no_sentence_says_is_not_composed(composer):
    assert composer.compose(targets("Pneumothorax"), np.random.default_rng(0)) is None


def data(paired):
    labels = np.stack([targets("Pneumonia"), targets("No Finding")]).astype(np.int8)
    reports = [*NORMAL, *SICK]
    films = FilmSource(np.zeros((2, 8, 8), dtype=np.uint8), labels, OBSERVATIONS)
    beside = ("Right lower lobe pneumonia.",)
    return TrainingData(films, ReportSource(reports, RulesLabeler().label(reports), beside), paired)


def test_composed_reports_stand_behind_the_real_ones():
    joined = with_composed(data(paired=False), 3, seed=1)
    assert joined.reports.reports[:4] == [*NORMAL, *SICK]
    assert len(joined.reports.reports) == 4 + 2 * 3
    assert len(joined.reports.labels) == 10
    assert with_composed(data(paired=False), 3, seed=1).reports.reports == joined.reports.reports
    assert with_composed(data(paired=False), 0, seed=1).reports.reports == [*NORMAL, *SICK]
    with pytest.raises(InputError, match="set it to 0 for a paired corpus"):
        with_composed(data(paired=True), 1, seed=1)


def small(**options):
    encoder = {"kind": "resnet", "num_channels": 1, "embedding_size": 4, "hidden_sizes": [4, 8], "depths": [1, 1]}
    text = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    return DcrrgModel(
        DcrrgConfig(image_size=32, image_encoder=encoder, text_encoder=text, vocabulary=40, **options)
    ).eval()


def test_written_linear_heads_give_their_log_odds():
    torch.manual_seed(0)
    model = small()
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(14, 8)), rng.normal(size=14)
    vectors = rng.normal(size=(5, 8)).astype(np.float32) * 3
    write_linear_heads(model, weights, bias)
    with torch.no_grad():
        found = model.observation_log_odds(torch.from_numpy(vectors))
    np.testing.assert_allclose(found.numpy(), vectors @ weights.T + bias, atol=2e-3)
    with pytest.raises(InputError, match="28 hidden units of f_v, which has 20"):
        write_linear_heads(small(projection_width=20), weights, bias)


@pytest.mark.parametrize("memory", ["decisions", "both"])
def test_the_decoder_reads_what_was_decided(memory):
    model = small(decoder_memory=memory, decision_thresholds=["-inf"] * 14)
    films = torch.zeros(2, 32, 32)
    width = {"decisions": 1, "both": model.config.embedding_width + 1}[memory]
    read = model.image_memory(films)
    assert read.shape == (2, 14, width)
    assert model.memory(read).shape[-1] == model.config.memory_width
    assert read[0, observation_index("Edema"), -1] == 1
    model.config.decision_thresholds = None
    with pytest.raises(InputError, match="no decision_thresholds"):
        model.image_memory(films)


def test_how_far_reports_say_what_was_decided():
    class Decides:
        """Writes of two films that have a cardiomegaly; decides that the second has an edema as well."""

        def generate_reports(self, films):
            return ["The heart is enlarged."] * len(films)

        def film_batches(self, films):
            yield torch.from_numpy(films)

        def observation_log_odds(self, films):
            odds = torch.full((len(films), 14), -1.0)
            odds[:, observation_index("Cardiomegaly")] = 1
            odds[1, observation_index("Edema")] = 1
            odds[0, observation_index("Fracture")] = 1
            return odds

        def decided(self, log_odds):
            return log_odds > 0

    class Films:
        films = np.zeros((2, 32, 32), np.float32)
        labelled = ("Cardiomegaly", "Edema", "Pneumonia")

    found = decision_measures(Decides(), Films()).values(2)
    # two of three said; nothing of the one edema; Fracture is not labelled, Pneumonia not decided
    assert found == {"decisions_f1": pytest.approx(4 / 5), "decisions_macro_f1": pytest.approx((1 + 0) / 2)}


def test_the_four_steps_with_linear_heads_and_decisions(tmp_path):
    corpus = combine(load_b(train=60, validate=8, test=4), load(train=60, validate=8, test=2, retrieval=0))
    written = (
        "extends: tiny\nmin_word_count: 1\nstorage: float32\naugment: false\nimage_start: linear\ncomposed_reports: 1\n"
        "model: {image_size: 32, decoder_memory: decisions, description_memory: prompted}\n"
    )
    for step in ("step1_image", "step1_text", "step2", "step3", "step4"):
        stop = ", stop_on: decisions_f1, patience: 2" if step == "step4" else ""
        written += f"{step}: {{epochs: 1, batch_size: 16, learning_rate: 1.0e-3{stop}}}\n"
    preset = tmp_path / "few.yaml"
    preset.write_text(written)
    out = tmp_path / "out"
    train(Request(corpus, out, str(preset), stages=StageOptions()))
    model = load_model("dcrrg", out)
    config = model.model.config
    assert config.decoder_memory == "decisions"
    assert len(config.decision_thresholds) == 14
    films = np.stack([study.images[0].load(32) for study in corpus.split("test")])
    assert len(model.generate_reports(films)) == 4
    # the head that a film is judged by is the regression on features that no stage has moved
    labels = study_labels(corpus.split("test"))
    assert model.predict_observations(films).shape == labels.shape
    before = next(path for path in (out / "stages").glob("step1-linear-*") if path.is_dir()) / "model"
    np.testing.assert_array_equal(
        load_model("dcrrg", before).predict_observations(films), model.predict_observations(films)
    )


def test_the_preset_for_real_films_is_one():
    assert load_preset("real").config.decoder_memory == "decisions"


def test_decisions_that_no_step_sets_thresholds_for_are_refused(tmp_path):
    corpus = combine(load_b(train=6, validate=2, test=1), load(train=6, validate=2, test=1, retrieval=0))
    preset = tmp_path / "few.yaml"
    preset.write_text("extends: tiny\nimage_start: linear\nmodel: {image_size: 32, decoder_memory: decisions}\n")
    with pytest.raises(InputError, match=r"no step that is taken sets their thresholds \(step 1 does\)"):
        train(Request(corpus, tmp_path / "out", str(preset), stages=StageOptions()), step=(2, 4))


def test_a_subject_in_two_copies_of_a_data_set_is_in_one_fold(monkeypatch):
    """A second copy of the films, with the same subjects: folds must not tell them apart."""
    told = []

    def folds(features, labels, known, subjects, strength, seed):
        told.extend(subjects)
        return np.zeros(labels.shape)

    monkeypatch.setattr(linear_start, "out_of_fold", folds)
    preset = load_preset("real")
    own = load(train=5, validate=1, test=1, retrieval=0)
    for copy, subjects in ((True, 5), (False, 10)):
        told.clear()
        extra = own if copy else replace(own, names=("another",))
        sources = Sources(own, 32, extra)
        linear_start.stage(preset, sources, 0, True).work(small())
        assert (len(told), len(set(told))) == (10, subjects)
