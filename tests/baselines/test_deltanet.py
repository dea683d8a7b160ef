"""DeltaNet: differences of cells, gated reports, three attentions; the nearest studies or the subject's last one."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from equations import arrays, attend, linear, lstm_step, untrained

from baselines.common.consulting import ConsultingTrained, Library, report_tokens
from baselines.deltanet import Conditioned, DeltaNet, DeltaNetConfig, conditioned_items
from rrgbench.data.phantom import load as phantom
from rrgbench.data.phantom import load_followup
from rrgbench.errors import InputError
from rrgbench.modeling.trained_system import Origin
from rrgbench.models import image_batches
from rrgbench.training.data import Sources


def evidence_parts(model, n=2, count=1, cells=3, words=4):
    torch.manual_seed(4)
    width = model.config.width
    own, others = torch.randn(n, cells, width), torch.randn(n, count, cells, width)
    there = torch.ones(n, count, words, dtype=torch.bool)
    there[0, 0, 2:] = False
    return own, others, torch.randn(n, count, words, width), there


@torch.inference_mode()
@pytest.mark.parametrize("count", [1, 3])
def test_equations(count):
    """w_1, w_2, differences, gated words, the LSTM and its three attentions over two words of one study."""
    model = untrained("deltanet", conditions=count)
    w = arrays(model)
    own, others, words, there = evidence_parts(model, count=count)
    ids = torch.tensor([[4, 5]])
    v, u, t = own[0].numpy(), others[0].numpy(), words[0].numpy()
    differences = np.concatenate([v - one for one in u])
    gates = [linear(v.mean(0), w, "own_gate") + linear(one.mean(0), w, "condition_gate") for one in u]
    gated = np.concatenate([gate * one for gate, one in zip(gates, t, strict=True)])[there[0].flatten().numpy()]
    h = c = np.zeros(model.config.width)
    lstm = arrays(model.lstm)
    expected = []
    for word in ids[0].tolist():
        h, c = lstm_step(w["embedding.weight"][word], h, c, lstm, suffix="_l0")
        parts = [
            attend(h[None], memory, w, name, model.config.heads)[0]
            for name, memory in (("to_cells", v), ("to_differences", differences), ("to_words", gated))
        ]
        expected.append(linear(np.concatenate([h, *parts]), w, "head"))
    states, _ = model.lstm(model.embedding(ids))
    evidence = model.compare(*(part[:1] for part in (own, others, words, there)))
    found = model.attended(states, model.looked_at(evidence))[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_each_condition_and_the_film_have_an_affine_layer_of_their_own():
    """Layer i is the i-th condition's, the last the film's."""
    model = untrained("deltanet", width=8, heads=2, conditions=2)
    w = arrays(model)
    film, others = torch.randint(0, 255, (1, 32, 32)).float(), torch.randint(0, 255, (1, 2, 32, 32)).float()
    evidence = model.evidence(Conditioned(film, others, torch.tensor([[[4, 6, 2], [4, 7, 2]]])))
    features = model.film_cells(torch.cat([others[0], film])).numpy()
    *u, v = (np.maximum(linear(seen, w, f"cells.{slot}"), 0) for slot, seen in enumerate(features))
    np.testing.assert_allclose(evidence.cells[0].numpy(), v, rtol=1e-4, atol=1e-5)
    differences = np.concatenate([v - one for one in u])
    np.testing.assert_allclose(evidence.differences[0].numpy(), differences, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_a_condition_like_the_film_leaves_no_difference():
    model = untrained("deltanet")
    own, _, words, there = evidence_parts(model)
    evidence = model.compare(own, own.unsqueeze(1), words, there)
    assert not evidence.differences.any()


@torch.inference_mode()
def test_condition_reaches_the_report_only_through_differences_and_gated_words():
    model = untrained("deltanet")
    film = torch.randint(0, 255, (1, 32, 32)).float()
    ids = torch.tensor([[4, 5, 6]])

    def logits(seed, report):
        torch.manual_seed(seed)
        other = torch.randint(0, 255, (1, 1, 32, 32)).float()
        return model.word_logits(model.shown({"films": film, "condition_films": other, "condition_ids": report}), ids)

    first, second = torch.tensor([[[4, 6, 2]]]), torch.tensor([[[4, 7, 2]]])
    assert not torch.allclose(logits(1, first), logits(2, first), atol=1e-4)
    assert not torch.allclose(logits(1, first), logits(1, second), atol=1e-5)
    width = model.config.width
    model.head.weight[:, 2 * width :] = 0
    torch.testing.assert_close(logits(1, first), logits(2, second))


@torch.inference_mode()
def test_padding_of_a_conditional_report_changes_nothing():
    model = untrained("deltanet")
    short, long = torch.tensor([[[4, 6, 2]]]), torch.tensor([[[4, 6, 2, 0, 0]]])
    states, _ = model.report_states(short)
    padded, there = model.report_states(long)
    torch.testing.assert_close(states, padded[:, :, :3])
    assert there.tolist() == [[[True, True, True, False, False]]]


def test_conditions_are_the_nearest_training_studies_of_others():
    corpus = phantom(train=12, validate=4, test=4, retrieval=4)
    data = Sources(corpus, 32).data
    model = untrained("deltanet", conditions=3)
    items = conditioned_items(model, data, data, False, 0)
    library = Library.of(model, data)
    whose = [study.subject_id for study in data.films.studies]
    rows = model.consulted(data.films.films, whose, library)
    for index, study in enumerate(data.films.studies):
        assert study.subject_id not in [whose[row] for row in rows[index]]
        item = items[index]
        assert torch.equal(item["condition_films"], torch.stack([items[int(row)]["films"] for row in rows[index]]))
        tokens = report_tokens(model, [data.reports.reports[row] for row in rows[index]])
        assert torch.equal(item["condition_ids"][:, : tokens.shape[1]], tokens)
    assert len({tuple(row) for row in rows.tolist()}) > 3


def test_a_training_study_without_a_report_is_not_shown_others_of_its_subject():
    """It is not in the index, and its subject's studies are."""
    corpus = phantom(train=12, validate=4, test=4, retrieval=4)
    first, *rest = corpus.studies
    silent = replace(first, study_id="silent", report=None)
    assert first.split == "train"
    corpus = replace(corpus, studies=(first, silent, *rest))
    model = untrained("deltanet", conditions=3)
    system = ConsultingTrained("deltanet", model, Origin("here", "digest", ""))
    system.fit(corpus)
    assert "silent" not in model.library.index.study_ids
    asked = []
    model.consulted = lambda films, subjects, library: asked.extend(subjects) or np.zeros((len(films), 3), dtype=int)
    (images,) = image_batches(system, [silent, corpus.split("test")[0]])
    list(model.shown_images(images))
    assert asked == [first.subject_id, corpus.split("test")[0].subject_id]


@pytest.mark.parametrize("name", ["deltanet", "ppked"])
def test_no_more_training_studies_are_consulted_than_were_learned_from(name):
    corpus = phantom(train=12, validate=4, test=4, retrieval=4)
    for limit in (5, None):
        model = untrained(name)
        model.prepare(Sources(corpus, 32, limit=limit).data)
        ConsultingTrained(name, model, Origin("here", "digest", "")).fit(corpus)
        found = model.library.index.study_ids
        assert list(found) == [study.study_id for study in corpus.split("train")][:limit]


def test_the_last_study_comes_first_in_training_and_when_evaluated():
    corpus = load_followup(train=16, validate=8, test=12)
    model = untrained("deltanet", conditions=3, condition="last")
    sources = Sources(corpus, 32)
    items = conditioned_items(model, sources.data, sources.validation, False, 0)
    seen = list(sources.validation.films.studies)
    whose = {study.study_id: row for row, study in enumerate(seen)}
    followed = [row for row, study in enumerate(seen) if study.prior is not None and study.prior.study_id in whose]
    assert followed
    for row in followed:
        prior = items[whose[seen[row].prior.study_id]]
        assert torch.equal(items[row]["condition_films"][0], prior["films"])

    system = ConsultingTrained("deltanet", model, Origin("here", "digest", ""))
    assert system.reads.prior
    system.fit(corpus)
    assert corpus.digest[:12] in system.identity == system.identity_on(corpus)
    (images,) = image_batches(system, corpus.split("test"))
    films = torch.from_numpy(np.stack([one.films[0].pixels for one in images]))
    rows = model.consulted(films.numpy(), [None] * len(films), model.library)
    shown = model.shown_of(films, images, rows, model.library)
    priors = [row for row, one in enumerate(images) if one.prior is not None]
    assert 0 < len(priors) < len(images)
    for row, one in enumerate(images):
        nearest = torch.from_numpy(np.stack([model.library.films[int(place)] for place in rows[row]]))
        if row in priors:
            assert torch.equal(shown.condition_films[row, 0], torch.from_numpy(one.prior.films[0].pixels))
            assert torch.equal(shown.condition_films[row, 1:], nearest[:2])
        else:
            assert torch.equal(shown.condition_films[row], nearest)


def test_what_it_needs_is_asked_for():
    with pytest.raises(InputError, match="fit it to a corpus"):
        untrained("deltanet").generate_reports([])
    with pytest.raises(InputError, match="nearest or last; given: 0"):
        DeltaNet(DeltaNetConfig(conditions=0))
