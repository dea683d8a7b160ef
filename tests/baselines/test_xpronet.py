"""XProNet: querying and responding by observations, the multi-label contrast, and where its labels come from."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from equations import arrays, linear, softmax, untrained

from baselines.xpronet import (
    NO_FINDING,
    Labelled,
    PrototypeMemory,
    ReadsReferenceLabels,
    load,
    multi_label_contrast,
    observation_centres,
    own_observations,
    report_vectors,
)
from rrgbench.data.phantom import load as phantom
from rrgbench.errors import InputError
from rrgbench.modeling.trained_system import Origin, TrainedSystem
from rrgbench.models import image_batches
from rrgbench.tasks.runner import evaluate
from rrgbench.tasks.suite import Suite
from rrgbench.training.data import Sources


def contrast_of(responses, observations, margin=0.4):
    """The multi-label contrast of responses (n, width), pair by pair."""
    r = responses / np.linalg.norm(responses, axis=1, keepdims=True)
    total = 0.0
    for i, a in enumerate(observations):
        for j, b in enumerate(observations):
            s = r[i] @ r[j]
            if a @ b > 0:
                total += max(0.0, 1 / 1.5 ** (np.abs(a - b).sum() / (a + b).sum()) - s)
            else:
                total += max(0.0, s - margin)
    return total / len(r) ** 2


def prepared():
    """Training data of a small corpus, and a model prepared with it."""
    data = Sources(phantom(train=16, validate=2, test=2, retrieval=2), 32).data
    model = untrained("xpronet", prototypes=2, text_width=8)
    model.prepare(data)
    return data, model


@torch.inference_mode()
def test_querying_and_responding():
    """Each head takes the nearest of the study's own prototypes and no others."""
    torch.manual_seed(1)
    width, heads, nearest = 8, 2, 3
    memory = PrototypeMemory(width, heads, nearest)
    w = arrays(memory)
    x, prototypes = torch.randn(2, 4, width), torch.randn(1, 10, width)
    own = torch.zeros(2, 10, dtype=torch.bool)
    own[0, :4], own[1, 4:] = True, True
    expected = np.zeros((2, 4, width))
    for study in range(2):
        mine = prototypes[0].numpy()[own[study].numpy()]
        q, k, v = linear(x[study].numpy(), w, "query"), linear(mine, w, "key"), linear(mine, w, "value")
        for head in range(heads):
            cut = slice(head * width // heads, (head + 1) * width // heads)
            scores = q[:, cut] @ k[:, cut].T / np.sqrt(width / heads)
            for row, one in enumerate(scores):
                best = np.argsort(-one)[:nearest]
                expected[study, row, cut] = softmax(one[best]) @ v[best][:, cut]
    expected = linear(expected, w, "output")
    found = memory.respond(x, *memory.keys_values(prototypes), own)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


def test_contrast_over_all_pairs():
    torch.manual_seed(2)
    responses = torch.randn(6, 5)
    observations = np.zeros((6, 14), dtype=np.float32)
    for row, columns in enumerate([[0], [1, 2], [1], [2, 5], [0], [7]]):
        observations[row, columns] = 1
    found = multi_label_contrast(responses, torch.from_numpy(observations), 0.4)
    assert found.item() == pytest.approx(contrast_of(responses.numpy(), observations), rel=1e-5)


@torch.inference_mode()
def test_observations_reach_the_report_through_the_prototypes_alone():
    model = untrained("xpronet")
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.tensor([[4, 5, 6]])
    first, second = torch.eye(14)[[3]], torch.eye(14)[[9]]
    assert not torch.allclose(
        model.word_logits(Labelled(film, first), ids), model.word_logits(Labelled(film, second), ids), atol=1e-4
    )
    width = model.config.width
    for fuse in (model.fuse_cells, model.fuse_words):
        fuse.weight[:, width:] = 0
    torch.testing.assert_close(
        model.word_logits(Labelled(film, first), ids), model.word_logits(Labelled(film, second), ids)
    )


@torch.inference_mode()
def test_the_loss_is_of_words_and_of_both_contrasts():
    """Cross-entropy, and the contrasts of the mean responses to cells (1) and to words (0.1), padding left out."""
    model = untrained("xpronet")
    films, ids = torch.randint(0, 255, (3, 32, 32)).float(), torch.tensor([[4, 5, 6], [4, 6, 0], [5, 4, 7]])
    targets, observations = torch.tensor([[5, 6, 7], [6, 7, -100], [4, 7, 8]]), torch.eye(14)[[3, 9, 3]]
    observations[2, 5] = 1
    logits = model.word_logits(Labelled(films, observations), ids)
    words = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    respond = model.responder(observations)
    to_cells = respond(model.cells(model.film_cells(films))).mean(dim=1).numpy()
    to_words = respond(model.decoder.embed(ids)).numpy()
    to_words = np.stack([one[:n].mean(axis=0) for one, n in zip(to_words, (3, 2, 3), strict=True)])
    image, text = (contrast_of(means, observations.numpy()) for means in (to_cells, to_words))
    assert abs(image - text) > 0.01, "else the weights could be exchanged"
    found = model.loss({"films": films, "ids": ids, "targets": targets, "observations": observations})
    assert found.item() == pytest.approx(words + 1.0 * image + 0.1 * text, rel=1e-5)


def test_first_prototypes_are_centres_of_the_studies_that_show_an_observation():
    rng = np.random.default_rng(3)
    observations = np.zeros((40, 14), dtype=np.float32)
    observations[:20, 2], observations[20:38, 8], observations[38:, 11] = 1, 1, 1
    vectors = rng.normal(size=(40, 3)).astype(np.float32) + 100 * observations[:, [2, 8, 11]]
    centres = observation_centres(vectors, observations, 4).reshape(14, 4, 3)
    for column, place in ((2, 0), (8, 1), (11, 2)):
        assert (centres[column].argmax(axis=1) == place).all()
    # two studies give two centres, each taken twice
    assert np.allclose(centres[11][:2], centres[11][2:])
    assert report_vectors(["no effusion", "small effusion", "no effusion"], 8).shape == (3, 8)


@torch.inference_mode()
def test_prototypes_start_from_the_training_studies():
    """Each is the mean of those studies of its observation, film's features beside report's vector, nearest to it."""
    data, model = prepared()
    films = model.observation_network.encoder(torch.from_numpy(data.films.films[:])).numpy()
    vectors = np.concatenate([films, report_vectors(data.reports.reports, 8)], axis=1)
    own = own_observations(data.reports.labels) > 0
    for centres, shown in zip(model.prototypes.numpy().reshape(14, 2, -1), own.T, strict=True):
        members = vectors[shown] if shown.any() else vectors
        nearest = np.linalg.norm(members[:, None] - centres, axis=2).argmin(axis=1)
        assert len(set(nearest)) == min(2, len(members))
        for place in set(nearest):
            np.testing.assert_allclose(centres[place], members[nearest == place].mean(axis=0), rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_thresholds_have_the_best_f1_on_the_training_films():
    data, model = prepared()
    probabilities = model.observation_network(torch.from_numpy(data.films.films[:])).sigmoid().numpy()
    positive = np.isin(data.films.labels, (1, -1))
    assert 0 < positive.any(axis=0).sum() < 14

    def f1(threshold, column, shown):
        return 2 * (shown & (column >= threshold)).sum() / (shown.sum() + (column >= threshold).sum())

    for found, column, shown in zip(model.thresholds.numpy(), probabilities.T, positive.T, strict=True):
        # 1 where no study shows the observation
        best = max(f1(one, column, shown) for one in column)
        assert f1(found, column, shown) == best if shown.any() else found == 1


@torch.inference_mode()
def test_each_film_is_written_with_the_observations_predicted_of_it():
    """With thresholds between the probabilities of two films, each shows what the other one doesn't."""
    model = untrained("xpronet")
    films = torch.randint(0, 255, (2, 32, 32), dtype=torch.uint8)
    probabilities = model.observation_network(films).sigmoid()
    model.thresholds.copy_(probabilities.mean(dim=0))
    for order in ([0, 1], [1, 0]):
        ((shown, count),) = model.shown_images(films[order].numpy())
        assert count == 2
        assert torch.equal(shown.films, films[order])
        assert torch.equal(shown.observations, (probabilities > probabilities.flip(0))[order].float())


def test_labels_are_own_positive_or_uncertain_else_no_finding():
    labels = np.full((3, 14), -9, dtype=np.int8)
    labels[0, [2, 3]], labels[1, 5], labels[2, 2] = (1, 0), -1, 0
    found = own_observations(labels)
    assert [np.flatnonzero(row).tolist() for row in found] == [[2], [5], [NO_FINDING]]


def test_labels_at_test_are_predicted_unless_the_reference_is_asked_for(tmp_path):
    """Predicted ones follow the film's probabilities; reference ones follow the study, and the identity says so."""
    corpus = phantom(train=4, validate=2, test=3, retrieval=4)
    model = untrained("xpronet")
    seen = []
    model.labelled = lambda films, observations: seen.append(observations) or iter(())
    with torch.no_grad():
        model.observation_network.head.weight.zero_()
        model.observation_network.head.bias.copy_(torch.tensor([-9.0] * 14))
        films = np.zeros((2, 32, 32), dtype=np.uint8)
        model.generate_reports(films)
        model.observation_network.head.bias[6] = 9.0
        model.generate_reports(films)
    assert [np.flatnonzero(rows[0]).tolist() for rows in seen] == [[NO_FINDING], [6]]

    system = ReadsReferenceLabels("xpronet", model, Origin("here", "digest", ""))
    assert system.reads_labels
    assert system.identity_on(corpus) == "xpronet@digest[labels:reference]"
    system.fit(corpus)
    (batch,) = image_batches(system, corpus.split("test"))
    system.generate_reports(batch)
    assert np.array_equal(seen[-1], own_observations(np.stack([study.labels for study in corpus.split("test")])))
    assert not np.array_equal(seen[-1][0], seen[-1][1]) or not np.array_equal(seen[-1][1], seen[-1][2])
    with pytest.raises(InputError, match="elsewhere has none"):
        system.generate_reports([SimpleNamespace(study_id="elsewhere")])
    with pytest.raises(InputError, match="'predicted' or 'reference'"):
        load(tmp_path, labels="film")


def test_values_of_a_run_that_reads_reference_labels_say_so_in_their_signatures(tmp_path):
    corpus = phantom(train=8, validate=2, test=6, retrieval=0)
    model = untrained("xpronet", prototypes=2, text_width=8)
    told, honest = (
        evaluate(
            system("xpronet", model, Origin("here", "digest", "")),
            corpus,
            Suite(name="own", replicates=20, trivial=(), tasks={"report_generation": {"nlg": ["bleu_4"]}}),
            tmp_path / system.__name__,
        ).records
        for system in (ReadsReferenceLabels, TrainedSystem)
    )
    own = [record.signature for record in told if record.model == "xpronet" and record.signature]
    assert own
    assert all("labels_given:reference" in signature for signature in own)
    assert not any("labels_given" in record.signature for record in honest if record.signature)
