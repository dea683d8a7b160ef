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
from rrgbench.modeling.trained_system import Origin
from rrgbench.models import image_batches


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
    r = responses.numpy() / np.linalg.norm(responses.numpy(), axis=1, keepdims=True)
    total = 0.0
    for i in range(6):
        for j in range(6):
            a, b, s = observations[i], observations[j], r[i] @ r[j]
            if a @ b > 0:
                total += max(0.0, 1 / 1.5 ** (np.abs(a - b).sum() / (a + b).sum()) - s)
            else:
                total += max(0.0, s - 0.4)
    found = multi_label_contrast(responses, torch.from_numpy(observations), 0.4)
    assert found.item() == pytest.approx(total / 36, rel=1e-5)


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


def test_the_contrast_is_part_of_the_loss():
    model = untrained("xpronet")
    batch = {
        "films": torch.randint(0, 255, (2, 32, 32)).float(),
        "ids": torch.tensor([[4, 5, 6], [4, 6, 0]]),
        "targets": torch.tensor([[5, 6, 7], [6, 7, -100]]),
        "observations": torch.eye(14)[[3, 9]],
    }
    with_contrast = model.loss(batch)
    model.config.image_weight = model.config.text_weight = 0.0
    words_only = model.loss(batch)
    expected = torch.nn.functional.cross_entropy(
        model.word_logits(Labelled(batch["films"], batch["observations"]), batch["ids"]).flatten(0, 1),
        batch["targets"].flatten(),
    )
    assert words_only.item() == pytest.approx(expected.item(), rel=1e-5)
    assert with_contrast.item() != pytest.approx(words_only.item(), rel=1e-4)


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
