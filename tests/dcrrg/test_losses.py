"""Projections and losses of all four steps against their equations in a few lines of NumPy.

Each step is checked twice: its functions against the equation, and the module that `train_stage` trains against the
same equation on the model's own representations.
"""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dcrrg.configuration import load_preset
from dcrrg.projection import PromptedProjection
from dcrrg.step1 import ImageObservations, TextObservations, balanced_weights, draw_studies, observation_loss
from dcrrg.step2 import Contrast, calibrated_semantic_matching_loss, matching_loss, soft_targets
from dcrrg.step3 import Descriptions
from dcrrg.step4 import Reports
from dcrrg.training import new_model
from rrgbench.data.corpus import training_items
from rrgbench.modeling.contrastive_loss import label_likeness
from rrgbench.modeling.report_decoder import CachedDecoding
from rrgbench.modeling.report_model import REPORT_START
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.items import IGNORED


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def numpy_loss(v, t, fv, ft, lv, lt, tau):
    """Eqs. 3-9, written out."""
    n = len(v)
    s = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            norm = np.linalg.norm(lv[i]) * np.linalg.norm(lt[j])
            # two studies without a positive label agree in all of them, and one is like no other
            s[i, j] = lv[i] @ lt[j] / norm if norm else float(not lv[i].any() and not lt[j].any())
    w = unit(ft) @ unit(ft).T / 2 + 0.5
    w_hat = unit(fv) @ unit(fv).T / 2 + 0.5
    y = softmax(w * s)
    y_back = softmax(w_hat * s.T)
    logits = v @ t.T / tau
    forward = -(y * np.log(softmax(logits))).sum() / n
    backward = -(y_back * np.log(softmax(logits.T))).sum() / n
    return (forward + backward) / 2


REPORTS = ["no pleural effusion .", "the heart is enlarged .", "the lungs are clear . no pneumothorax seen ."] * 3


@pytest.fixture(scope="module", params=["mean", "cls"])
def model(request):
    """Untrained and in evaluation mode, in double precision; both ways to pool the text encoder's states."""
    preset = load_preset("tiny")
    preset.model["text_pooling"] = request.param
    return new_model(preset, REPORTS, seed=0).double().eval()


@pytest.fixture(scope="module")
def films():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, 96, 96)).astype(np.uint8))


def array(tensor):
    return tensor.detach().numpy()


def linear(layer, x):
    return x @ array(layer.weight).T + array(layer.bias)


def projected(projection, features):
    """Eqs. 1b and 2b, one study and one prompt at a time: f(concat(v, e)), f two layers with a ReLU between them."""
    rows = []
    for v in features:
        for e in np.eye(14):
            joined = np.concatenate([v, e])
            rows.append(linear(projection.outer, np.maximum(linear(projection.inner, joined), 0)))
    return np.array(rows).reshape(len(features), 14, -1)


def pooled(model, ids, mask):
    """Eq. 2a: the classification token's state, or the mean of the states of real words."""
    states = array(model.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state)
    if model.config.text_pooling == "cls":
        return states[:, 0]
    return np.array([row[words].mean(axis=0) for row, words in zip(states, array(mask), strict=True)])


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4))
def test_eqs_1b_and_2b_projection_of_features_and_one_hot(seed, n):
    torch.manual_seed(seed)
    projection = PromptedProjection(10, 8, 6, dropout=0.5).double().eval()
    features = torch.randn(n, 10, dtype=torch.float64)
    assert array(projection(features)) == pytest.approx(projected(projection, array(features)), rel=1e-9, abs=1e-12)


def test_eq_1_representations_of_films(model, films):
    v = array(model.image_encoder(films))
    assert array(model.image_encoder.feature_map(films)).mean(axis=(2, 3)) == pytest.approx(v)
    expected = projected(model.image_projection, v)
    assert array(model.image_observations(films)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_eq_2_representations_of_reports(model):
    ids, mask = model.encode_texts(REPORTS[:3])
    assert not mask.all(), "reports of several lengths"
    t = pooled(model, ids, mask)
    assert array(model.text_features(ids, mask)) == pytest.approx(t, rel=1e-6, abs=1e-9)
    expected = projected(model.text_projection, t)
    assert array(model.text_observations(ids, mask)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_step_1_is_cross_entropy_of_both_modalities(model, films):
    rng = np.random.default_rng(1)
    labels, weights = rng.integers(0, 2, (3, 14)), rng.integers(0, 3, (3, 14)).astype(float)

    def expected(prompted, head):
        p = softmax(linear(head, prompted).reshape(-1, 2)).reshape(3, 14, 2)
        return -(weights * np.log(np.where(labels == 1, p[..., 1], p[..., 0]))).sum() / weights.size

    given_items = {"labels": torch.tensor(labels), "weights": torch.tensor(weights)}
    ours = ImageObservations(model)(films, **given_items)["loss"]
    by_hand = expected(projected(model.image_projection, array(model.image_encoder(films))), model.image_head)
    assert float(ours) == pytest.approx(by_hand, rel=1e-6)
    ids, mask = model.encode_texts(REPORTS[:3])
    ours = TextObservations(model)(ids, mask, **given_items)["loss"]
    assert float(ours) == pytest.approx(
        expected(projected(model.text_projection, pooled(model, ids, mask)), model.text_head), rel=1e-6
    )


def test_eq_3_is_the_cosine_of_label_vectors():
    rng = np.random.default_rng(0)
    lv, lt = rng.integers(0, 2, (5, 14)), rng.integers(0, 2, (4, 14))
    expected = [[a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for b in lt] for a in lv]
    assert array(label_likeness(torch.tensor(lv), torch.tensor(lt))) == pytest.approx(np.array(expected), rel=1e-6)


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_eqs_4_and_5_are_softmax_over_candidates_weighted_by_their_own_modality(temperature):
    rng = np.random.default_rng(0)
    s, f = rng.random((6, 6)), rng.normal(size=(6, 7))
    expected = np.zeros((6, 6))
    for i in range(6):
        w = [f[i] @ f[j] / (np.linalg.norm(f[i]) * np.linalg.norm(f[j])) / 2 + 0.5 for j in range(6)]
        powers = [np.exp(w[j] * s[i, j] / temperature) for j in range(6)]
        expected[i] = np.array(powers) / sum(powers)
    assert array(soft_targets(torch.tensor(s), torch.tensor(f), temperature)) == pytest.approx(expected, rel=1e-9)


def test_eqs_7_and_8_are_cross_entropy_over_candidates():
    rng = np.random.default_rng(0)
    similarity, y = rng.uniform(-1, 1, (5, 5)), softmax(rng.normal(size=(5, 5)))
    total = 0.0
    for i in range(5):
        denominator = sum(np.exp(similarity[i, j] / 0.07) for j in range(5))
        for j in range(5):
            total -= y[i, j] * np.log(np.exp(similarity[i, j] / 0.07) / denominator)
    ours = matching_loss(torch.tensor(similarity), torch.tensor(y), torch.tensor(0.07, dtype=torch.float64))
    assert float(ours) == pytest.approx(total / 5, rel=1e-9)


@pytest.mark.parametrize("prompt", ["each", "mean", "none"])
def test_step_2_is_eqs_3_to_9_on_the_models_representations(model, films, prompt, monkeypatch):
    monkeypatch.setattr(model.config, "similarity_prompt", prompt)
    monkeypatch.setattr(model.config, "target_temperature", 1.0)
    rng = np.random.default_rng(2)
    lv, lt = rng.integers(0, 2, (3, 14)).astype(float), rng.integers(0, 2, (3, 14)).astype(float)
    ids, mask = model.encode_texts(REPORTS[:3])
    v, t = array(model.image_encoder(films)), pooled(model, ids, mask)

    def vector(projection, features):
        if prompt == "none":
            joined = np.concatenate([features, np.zeros((len(features), 14))], axis=1)
            return unit(linear(projection.outer, np.maximum(linear(projection.inner, joined), 0)))
        prompted = projected(projection, features)
        prompted = prompted / np.linalg.norm(prompted, axis=2, keepdims=True)
        return unit(prompted.mean(axis=1)) if prompt == "mean" else prompted.reshape(len(features), -1) / 14**0.5

    ours = Contrast(model)(films, ids, mask, torch.tensor(lv), torch.tensor(lt))["loss"]
    expected = numpy_loss(
        vector(model.image_projection, v), vector(model.text_projection, t), v, t, lv, lt, float(model.temperature)
    )
    assert float(ours) == pytest.approx(expected, rel=1e-5)
    assert float(model.temperature) == pytest.approx(0.07, rel=1e-6)


def written(model, memory, head, prompts=None):
    """Rows that a decoder learns, and by Eq. 13 the log-probability of each token given those before it, stepwise."""
    rng = np.random.default_rng(3)
    lengths = (5, 2, 9)
    last = len(model.tokenizer)  # words: no observation of a set is written
    start = model.tokenizer.convert_tokens_to_ids(REPORT_START)
    tokens = [[start, *rng.integers(last - 8, last, n).tolist()] for n in lengths]
    ids, targets = torch.zeros(3, 9, dtype=torch.long), torch.full((3, 9), IGNORED)
    chains = []
    for row, line in enumerate(tokens):
        ids[row, : len(line) - 1], targets[row, : len(line) - 1] = torch.tensor(line[:-1]), torch.tensor(line[1:])
        state = CachedDecoding(model.decoder, head, model.memory(memory)[row : row + 1], beams=1, prompts=prompts)
        chains.append([float(state.step(torch.tensor([a]))[0, b]) for a, b in pairwise(line)])
    return ids, targets, chains


def test_step_3_is_eq_14(model):
    """The mean over the batch's tokens: the sum of Eq. 14 over reports, divided by how many tokens they have."""
    memory = torch.randn(3, 14, model.config.embedding_width, dtype=torch.float64)
    with torch.inference_mode():
        ids, targets, chains = written(model, memory, model.description_head)
        ours = float(Descriptions(model)(memory, ids, targets)["loss"])
    assert ours == pytest.approx(-np.mean(np.concatenate(chains)), rel=1e-4)


@pytest.mark.parametrize("tuning", ["prompt", "full"])
def test_step_4_is_eq_14_with_and_without_soft_prompts(model, films, tuning, monkeypatch):
    monkeypatch.setattr(model.config, "tuning", tuning)
    memory = model.image_observations(films).detach()
    with torch.inference_mode():
        prompts = model.prompts if tuning == "prompt" else None
        ids, targets, chains = written(model, memory, model.report_head, prompts)
        ours = float(Reports(model)(ids, targets, memory=memory)["loss"])
        from_films = float(Reports(model)(ids, targets, films=films)["loss"])
    assert ours == pytest.approx(-np.mean(np.concatenate(chains)), rel=1e-4)
    assert from_films == pytest.approx(ours, rel=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9))
def test_semantic_matching_loss_is_the_papers(seed, n):
    rng = np.random.default_rng(seed)
    v, t = unit(rng.normal(size=(n, 5))), unit(rng.normal(size=(n, 5)))
    fv, ft = rng.normal(size=(n, 7)), rng.normal(size=(n, 6))
    lv, lt = rng.integers(0, 2, (n, 14)).astype(float), rng.integers(0, 2, (n, 14)).astype(float)
    lv[0] = 0  # a film without a positive label is similar to nothing
    ours = calibrated_semantic_matching_loss(
        *(torch.tensor(x) for x in (v, t, fv, ft, lv, lt)), temperature=torch.tensor(0.07, dtype=torch.float64)
    )
    assert float(ours) == pytest.approx(numpy_loss(v, t, fv, ft, lv, lt, 0.07), rel=1e-5)


def test_calibration_moves_targets():
    """Without the uni-modal weights, texts with equal labels would get equal targets."""
    labels = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    features = torch.tensor([[1.0, 0], [0.0, 1], [1, 1]])
    targets = soft_targets(label_likeness(labels, labels), features)
    assert targets[0, 0] > targets[0, 1] + 0.05
    assert torch.allclose(targets.sum(1), torch.ones(3))


def test_observation_loss_is_cross_entropy_over_drawn_items():
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(6, 14, 2)), rng.choice([-2, -1, 0, 1], (6, 14))
    weights = rng.integers(0, 4, (6, 14)).astype(float) * (labels != -1)
    p = softmax(logits.reshape(-1, 2)).reshape(6, 14, 2)
    expected = -(weights * np.log(np.where(labels == 1, p[..., 1], p[..., 0]))).sum() / weights.size
    ours = observation_loss(torch.tensor(logits), torch.tensor(labels), torch.tensor(weights))
    assert float(ours) == pytest.approx(expected, rel=1e-9)


def test_uncertain_and_unlabelled_are_no_training_items():
    labels = np.array([[1, -1, 0, -2] + [0] * 10], dtype=np.int8)
    known = training_items(labels, tuple(name for name in OBSERVATIONS if name != "Cardiomegaly"))
    assert known[0, :4].tolist() == [True, False, False, True]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 0.5))
def test_resampling_balances_each_observation_by_itself(seed, prevalence):
    rng = np.random.default_rng(seed)
    labels = (rng.random((400, 14)) < prevalence).astype(np.int8)
    known = rng.random((400, 14)) < 0.9
    weights = balanced_weights(labels, known)
    assert not weights[~known].any()
    for column in range(14):
        positive = known[:, column] & (labels[:, column] == 1)
        negative = known[:, column] & (labels[:, column] == 0)
        if positive.any() and negative.any():
            half = known[:, column].sum() / 2
            assert weights[positive, column].sum() == pytest.approx(half)
            assert weights[negative, column].sum() == pytest.approx(half)
        else:
            assert (weights[:, column] == known[:, column]).all()


def test_drawing_studies_keeps_the_mean_and_tames_the_largest_weight():
    rng = np.random.default_rng(0)
    labels = (rng.random((300, 14)) < 0.02).astype(np.int8)
    weights = balanced_weights(labels, np.ones(labels.shape, dtype=bool))
    totals, largest = np.zeros(labels.shape), []
    for _ in range(2000):
        drawn, drawn_weights = draw_studies(weights, rng)
        np.add.at(totals, drawn, drawn_weights)
        largest.append(drawn_weights.max())
    assert totals.sum(axis=0) / 2000 == pytest.approx(weights.sum(axis=0), rel=0.05)
    assert max(largest) < weights.max() / 2
