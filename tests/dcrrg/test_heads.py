"""Heads that are trained again once the encoders have moved, and what the first two steps can stop on."""

import json
import logging
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch.nn.functional import cross_entropy

from dcrrg import heads
from dcrrg.configuration import load_preset
from dcrrg.heads import HeadItems, Heads
from dcrrg.measures import film_measures, retrieval_measures, text_measures, written_measures
from dcrrg.training import DcrrgOptions, new_model, recipes, train
from dcrrg.variants import VARIANTS
from rrgbench.data.five_by_200 import only_observation
from rrgbench.data.phantom import load
from rrgbench.errors import InputError
from rrgbench.observations import OBSERVATIONS, POSITIVE
from rrgbench.scoring.score import score
from rrgbench.training.data import Sources
from rrgbench.training.items import Collate
from rrgbench.training.trainers import Request


@pytest.fixture(scope="module")
def corpus():
    return load(train=40, validate=150, test=4, retrieval=2)


@pytest.fixture(scope="module")
def sources(corpus):
    return Sources(corpus, 32)


@pytest.fixture(scope="module")
def preset():
    found = load_preset("mini")
    return found.model_copy(update={"model": {**found.model, "image_size": 32}, "min_word_count": 1})


@pytest.fixture(scope="module")
def model(preset, sources):
    return new_model(preset, sources.data.reports.reports, 0).eval()


@pytest.mark.parametrize(
    ("variant", "stages"),
    [
        ("1", ["step1-text", "step1-image", "step4", "heads"]),
        ("2", ["step2", "step4"]),
        ("3", ["step2", "step3", "step4"]),
        ("4", ["step1-text", "step1-image", "step3", "step4"]),
        ("6", ["step1-text", "step1-image", "step2", "step3", "step4", "heads"]),
    ],
)
def test_heads_are_trained_again_where_a_step_moved_what_they_read(corpus, tmp_path, variant, stages):
    """Without step 1 there is no head to train again; variant 4's encoders stay as step 1 left them."""
    (recipe,) = recipes(Request(corpus, tmp_path, "mini"), DcrrgOptions(variant=variant))
    assert [stage.name for stage in recipe.stages] == stages
    assert VARIANTS[variant].steps


def test_without_settings_the_heads_stay_as_step_1_left_them(corpus, tmp_path):
    (tmp_path / "old.yaml").write_text("extends: mini\nheads: null\n")
    (recipe,) = recipes(Request(corpus, tmp_path, str(tmp_path / "old.yaml")), DcrrgOptions())
    assert [stage.name for stage in recipe.stages][-1] == "step4"


def test_heads_that_nothing_stops_read_no_validation_split(preset, tmp_path):
    corpus = load(train=12, validate=0, test=4, retrieval=2)
    unwatched = preset.heads.model_copy(update={"patience": None, "floor": None})
    model = new_model(preset, Sources(corpus, 32).data.reports.reports, 0).eval()
    work = heads.stage(preset, unwatched, Sources(corpus, 32), 0, False).work(model)
    assert (work.validation, work.measures) == (None, None)
    assert len(work.items) > 0


def test_decisions_need_a_validation_split_before_anything_is_trained(tmp_path):
    corpus = load(train=12, validate=0, test=4, retrieval=2)
    text = "extends: mini\nmodel: {decoder_memory: both}\n" + "".join(
        f"{step}: {{patience: null, floor: null, stop_on: loss}}\n"
        for step in ("step1_image", "step1_text", "step2", "step3", "step4", "heads")
    )
    (tmp_path / "mine.yaml").write_text(text)
    request = Request(corpus, tmp_path / "out", str(tmp_path / "mine.yaml"))
    with pytest.raises(InputError, match="validat"):
        train(request)
    assert not list((tmp_path / "out").glob("stages/*"))


def test_heads_that_decide_what_a_decoder_reads_are_trained_again_before_it(tmp_path):
    corpus = load(train=6, validate=2, test=2, retrieval=2)
    (tmp_path / "mine.yaml").write_text("extends: mini\nmodel: {decoder_memory: both}\n")
    for steps, expected in (
        ((1, 2, 3, 4), ["step1-text", "step1-image", "step2", "heads", "step3", "step4"]),
        ((1, 2), ["step1-text", "step1-image", "step2", "heads"]),
        ((1, 3, 4), ["step1-text", "step1-image", "step3", "step4"]),
    ):
        options = DcrrgOptions(step=steps)
        (recipe,) = recipes(Request(corpus, tmp_path / "out", str(tmp_path / "mine.yaml")), options)
        assert [stage.name for stage in recipe.stages] == expected


def test_unpaired_full_fine_tuning_sees_no_films(preset):
    full = preset.model_copy(update={"model": {**preset.model, "tuning": "full"}})
    assert heads.moved(full, (1, 3, 4), paired=True)
    assert not heads.moved(full, (1, 3, 4), paired=False)
    assert heads.moved(preset.model_copy(update={"step3_trains": "all"}), (1, 3, 4), paired=False)


def test_an_encoder_tuned_from_linear_heads_is_moved_by_step_2_and_linear_heads_stay(preset):
    assert heads.moved(preset.model_copy(update={"image_start": "tuned"}), (1, 2, 3, 4), paired=True)
    assert not heads.moved(preset.model_copy(update={"image_start": "linear"}), (1, 2, 3, 4), paired=True)


def test_decisions_of_an_encoder_that_step_4_moves_are_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: mini\nmodel: {decoder_memory: both, tuning: full}\n")
    corpus = load(train=6, validate=2, test=2, retrieval=2)
    with pytest.raises(InputError, match="tuning: full moves the image encoder under the heads"):
        recipes(Request(corpus, tmp_path / "out", str(tmp_path / "mine.yaml")), DcrrgOptions())


def test_the_loss_is_step_1s_on_what_the_encoders_give_now(model, sources):
    items = HeadItems(model, [sources.data.films], sources.data.reports, False, 0)
    assert len(items) == 80
    rows = [3, 5, 41, 60]
    batch = Collate.of(model)([items[row] for row in rows])
    found = float(Heads(model)(**batch)["loss"].detach())
    with torch.inference_mode():
        films = torch.from_numpy(np.stack([sources.data.films.films[row] for row in rows[:2]]))
        reports = [sources.data.reports.reports[row - 40] for row in rows[2:]]
        shown = model.image_head(model.image_observations(films))
        read = model.text_head(model.text_observations(*model.encode_texts(reports)))
    losses = []
    for logits, row in zip(torch.cat([shown, read]), rows, strict=True):
        labels = sources.data.films.labels[row % 40]
        for column, label in enumerate(labels):
            if label != -1:
                target = torch.tensor(int(label == POSITIVE))
                losses.append(float(cross_entropy(logits[column], target)))
    assert found == pytest.approx(sum(losses) / (4 * len(OBSERVATIONS)), rel=1e-5)


def test_they_bring_back_what_a_moved_encoder_lost(corpus, tmp_path):
    """Trained on next to nothing, the loss of films falls; nothing but the heads changes."""
    (tmp_path / "few.yaml").write_text(
        "extends: mini\nmin_word_count: 1\nmodel: {image_size: 32}\nstep1_image: {epochs: 1}\nstep1_text: {epochs: 1}\n"
        "step2: {epochs: 1, learning_rate: 1.0e-2}\n"
        "heads: {epochs: 20, batch_size: 64, learning_rate: 5.0e-2, patience: 20, stop_on: auroc}\n"
    )
    train(Request(corpus, tmp_path / "out", str(tmp_path / "few.yaml")), step=(1, 2))
    (found,) = (path for path in (tmp_path / "out" / "stages").glob("heads-*/stage.json"))
    report = json.loads(found.read_text())
    assert report["trained"] == ["image_head", "text_head"]
    assert report["curve"][-1]["loss"] < report["curve"][0]["loss"]
    assert report["kept_value"] == max(entry["auroc"] for entry in report["curve"])


def test_step_1_is_measured_by_auroc_as_scikit_learn_has_it(model, sources):
    data = sources.validation
    studies = 50
    films = np.stack([data.films.films[row] for row in range(studies)])
    for measures, predicted in (
        (film_measures(model, data.films), model.predict_observations(films)),
        (text_measures(model, data.reports), model.read_observations(data.reports.reports[:studies])),
    ):
        labels = data.reports.labels[:studies]
        areas = []
        for column in range(len(OBSERVATIONS)):
            known = labels[:, column] != -1
            truth = labels[known, column] == POSITIVE
            if 0 < truth.sum() < len(truth):
                areas.append(roc_auc_score(truth, predicted[known, column]))
        assert measures.values(studies)["auroc"] == pytest.approx(np.mean(areas), abs=1e-9)
        assert measures.higher_is_better == {"auroc": True}


def test_step_2_is_measured_by_films_that_query_reports_of_their_kind(model, sources, monkeypatch):
    data = sources.validation
    kinds = only_observation(data.films.labels)
    alone = np.flatnonzero(kinds >= 0)
    assert len(alone) > 5
    films = model.embed_images(np.stack([data.films.films[i] for i in alone.tolist()]))
    reports = model.embed_reports([data.reports.reports[i] for i in alone.tolist()])
    nearest = np.argsort(-(films @ reports.T), axis=1, kind="stable")[:, :5]
    right = (kinds[alone][nearest] == kinds[alone][:, None]).sum(axis=1)
    possible = np.array([min(5, int((kinds == kind).sum())) for kind in kinds[alone].tolist()])
    assert possible.min() < 5 < len(alone), "an observation with fewer reports than are looked at"
    found = retrieval_measures(model, data).values(150)
    assert found["precision_at_5"] == pytest.approx((right / possible).mean(), abs=1e-9)
    for name in ("embed_images", "embed_reports"):
        monkeypatch.setattr(model, name, lambda given: np.eye(len(OBSERVATIONS))[kinds[alone]])
    assert retrieval_measures(model, data).values(150)["precision_at_5"] == 1.0, "what finds all there is"
    assert np.isnan(retrieval_measures(model, data).values(2)["precision_at_5"]), "too few to say"


def test_step_4_is_measured_by_the_reports_it_writes(model, sources):
    data = sources.validation
    found = written_measures(model, data).values(3)
    written = model.generate_reports(np.stack([data.films.films[row] for row in range(3)]))
    scores = score(data.reports.reports[:3], written, metrics=["ce_f1"], intervals=False, allow={"empty"})
    assert found["ce_f1"] == pytest.approx(scores["ce_f1"].value)
    assert found["distinct"] == len(set(written)) / 3
    assert written_measures(model, replace(data, paired=False)) is None


def test_a_stage_that_does_not_reach_its_floor_says_so(corpus, tmp_path, caplog):
    (tmp_path / "few.yaml").write_text(
        "extends: mini\nmin_word_count: 1\nmodel: {image_size: 32}\n"
        "step1_text: {epochs: 1, stop_on: auroc, patience: 1, floor: 0.999}\nstep1_image: {epochs: 1, floor: null}\n"
    )
    with caplog.at_level(logging.WARNING):
        train(Request(corpus, tmp_path / "out", str(tmp_path / "few.yaml")), step=1)
    assert "step1-text: the auroc kept is" in caplog.text
    record = json.loads((tmp_path / "out" / "training.json").read_text())
    assert [stage["below_floor"] for stage in record["stages"]] == [True, False]
