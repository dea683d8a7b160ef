"""DCL: the dynamic graph, momentum contrast with a queue, matching, and what each of them does to report or loss."""

import json

import numpy as np
import pytest
import torch
from equations import linear, softmax, untrained
from torch.nn.functional import normalize

from baselines.common.chest_graph import NODES, base_edges, named_nodes, read_triplets, triplets_of
from baselines.dcl import ChestGraph, DCLConfig, graph_items, momentum_contrast, negatives, study_triplets
from rrgbench.data.phantom import load as phantom
from rrgbench.errors import InputError
from rrgbench.training.data import Sources

EXTRA = ["left", "lower zone"]
EFFUSION, PLEURAL, HEART, CARDIOMEGALY = (NODES.index(n) for n in ("effusion", "pleural", "heart", "cardiomegaly"))


def small(**own):
    own = {"queue": 4, "nearest": 2, "extra_triplets": 2, "nodes": [*NODES, *EXTRA], **own}
    return untrained("dcl", **own)


def batch_of(model, n=3):
    generator = torch.Generator().manual_seed(5)
    ids = torch.randint(4, model.config.vocabulary, (n, 5), generator=generator)
    return {
        "films": torch.randint(0, 255, (n, 32, 32), generator=generator).float(),
        "ids": ids,
        "targets": ids.roll(-1, 1),
        "triplets": torch.full((n, 2, 2), -1),
        "subject": torch.arange(n),
    }


@torch.no_grad()
def drifted(**own):
    """A model whose momentum encoders are away from the trained ones."""
    model = small(dropout=0.0, **own)
    torch.manual_seed(6)
    for slow in (*model.momentum_image_encoder.parameters(), *model.momentum_towers.parameters()):
        slow += 0.1 * torch.randn_like(slow)
    return model


@torch.no_grad()
def vectors_of(model, batch, momentum):
    """Vectors of films and of reports by the momentum encoders, or by the trained ones."""
    encoder, towers = model.image_encoder, model.towers
    if momentum:
        encoder, towers = model.momentum_image_encoder, model.momentum_towers
    _, nodes, present = model.film_states(batch["films"], batch["subject"])
    tokens = towers.tokens(encoder.feature_map(batch["films"]).flatten(2).transpose(1, 2))
    film = towers.film_vector(towers.fused(tokens, nodes, present))
    return film, towers.report_vector(batch["ids"], torch.ones_like(batch["ids"], dtype=torch.bool))


def contrast_of(own, slow, others, temperature, share):
    """Cross-entropy of vectors among others, the targets softened by what the momentum encoders' vectors say."""
    logits, told = (one.double().numpy() @ others.double().numpy().T / temperature for one in (own, slow))
    wanted = share * softmax(told) + (1 - share) * np.eye(*logits.shape)
    return -(wanted * (logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))).sum(1).mean()


def test_the_base_graph():
    edges = base_edges()
    assert (len(NODES), len(set(NODES))) == (28, 28)
    assert edges[0].all()
    assert (edges == edges.T).all()
    joined = {(NODES[i], NODES[j]) for i, j in np.argwhere(edges)}
    assert {("effusion", "pleural"), ("effusion", "pneumothorax"), ("heart", "lung")} <= joined
    assert not {("effusion", "heart"), ("effusion", "edema"), ("normal", "heart")} & joined


def test_findings_become_triplets():
    report = "Mild left pleural effusion. The heart is enlarged. No pneumothorax. Opacity in the right lower lobe."
    found = triplets_of(report)
    assert ("effusion", "located_at", "pleural") in found
    assert ("left", "modify", "effusion") in found
    assert ("mild", "modify", "effusion") in found
    assert ("cardiomegaly", "located_at", "heart") in found
    assert any(s == "opacity" or o == "opacity" for s, _, o in found)
    assert not any("pneumothorax" in (s, o) for s, _, o in found), "a denied finding adds nothing"
    names = named_nodes([found, found], 2)
    assert names[:28] == list(NODES)
    assert len(names) == 30


def test_triplets_of_a_file(tmp_path):
    path = tmp_path / "radgraph.jsonl"
    path.write_text(json.dumps({"study_id": "a", "triplets": [["small", "modify", "effusion"]]}) + "\n")
    assert read_triplets(path, ["a"]) == [[("small", "modify", "effusion")]]
    with pytest.raises(InputError, match="1 of 2 studies, the first b"):
        read_triplets(path, ["a", "b"])
    path.write_text('{"study_id": "a", "triplets": [["one", "two"]]}')
    with pytest.raises(InputError, match="line 1: expected"):
        read_triplets(path, ["a"])


def test_a_triplet_is_added_where_one_end_is_in_the_graph():
    """In order: a later triplet may hang on what an earlier one brought."""
    graph = ChestGraph(DCLConfig(nodes=[*NODES, "left", "lower zone", "far", "off"], graph_layers=1))
    left, lower, far, off = range(28, 32)
    triplets = torch.tensor(
        [[[left, EFFUSION], [left, lower], [far, off]], [[left, lower], [left, EFFUSION], [-1, -1]]]
    )
    present, edges = graph.joined(triplets)
    assert present[:, 28:].tolist() == [[True, True, False, False], [True, False, False, False]]
    assert edges[0, left, EFFUSION]
    assert edges[0, lower, left]
    assert edges[0, 0, lower]
    assert not edges[0, left, HEART]
    assert not edges[1, left, lower]
    assert torch.equal(edges, edges.transpose(1, 2))
    assert torch.equal(edges[0, :28, :28], torch.from_numpy(base_edges()))


@torch.inference_mode()
def test_graph_attention_sees_neighbours_alone():
    """One layer in NumPy: each node attends to those that it is joined to."""
    torch.manual_seed(1)
    config = DCLConfig(width=8, heads=2, feed_forward=8, graph_layers=1, nodes=[*NODES, *EXTRA])
    graph = ChestGraph(config).eval()
    states, present = graph(torch.tensor([[[28, EFFUSION]]]))
    _, edges = graph.joined(torch.tensor([[[28, EFFUSION]]]))
    w = {name: value.numpy() for name, value in graph.state_dict().items()}
    level = np.array([0] * 28 + [1] * 2)
    x = w["nodes.weight"] + w["levels.weight"][level]

    def norm(y, name):
        scaled = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-5)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    normed, parts = norm(x, "layers.0.norms.0"), []
    q, k, v = (linear(normed, w, f"layers.0.attention.{name}") for name in ("query", "key", "value"))
    for cut in (slice(0, 4), slice(4, 8)):
        scores = np.where(edges[0].numpy(), q[:, cut] @ k[:, cut].T / 2, -np.inf)
        parts.append(softmax(scores) @ v[:, cut])
    x = x + linear(np.concatenate(parts, 1), w, "layers.0.attention.output")
    hidden = np.maximum(linear(norm(x, "layers.0.norms.1"), w, "layers.0.feed_forward.0"), 0)
    x = norm(x + linear(hidden, w, "layers.0.feed_forward.2"), "norm")
    np.testing.assert_allclose(states[0].numpy(), x, rtol=1e-4, atol=1e-5)
    assert present[0].tolist() == [True] * 29 + [False]


@torch.inference_mode()
def test_the_nearest_reports_of_others_bring_their_triplets():
    model = small()
    vectors = normalize(torch.eye(4, model.config.embedding_width) + 0.1)
    model.report_queue.copy_(vectors)
    model.queue_triplets[:, 0] = torch.tensor([[28, EFFUSION], [29, EFFUSION], [28, HEART], [29, CARDIOMEGALY]])
    model.queue_subjects.copy_(torch.tensor([0, 1, 2, 3]))
    query = normalize(vectors[:1] + 0.5 * vectors[1:2] + 0.2 * vectors[2:3])
    assert (model.nearest_triplets(query) == -1).all(), "the queue is not full yet"
    model.learned[0] = 4
    found = model.nearest_triplets(query)
    assert found[0, :, :].tolist() == [[28, EFFUSION], [-1, -1], [29, EFFUSION], [-1, -1]]
    own_left_out = model.nearest_triplets(query, torch.tensor([0]))
    assert own_left_out[0, [0, 2]].tolist() == [[29, EFFUSION], [28, HEART]]
    model.queue_subjects.fill_(0)
    assert (model.nearest_triplets(query, torch.tensor([0])) == -1).all()
    model.config.dynamic = False
    assert (model.nearest_triplets(query) == -1).all()


@torch.inference_mode()
def test_triplets_reach_the_report_through_the_fusion_alone():
    model = small()
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.tensor([[4, 5, 6]])

    def logits(pair):
        model.nearest_triplets = lambda vectors, subjects=None: torch.tensor([[pair]])
        return model.word_logits(film, ids)

    assert not torch.allclose(logits([28, EFFUSION]), logits([29, HEART]), atol=1e-5)
    for layer in model.towers.fusion:
        layer.attention.output.weight.zero_()
    torch.testing.assert_close(logits([28, EFFUSION]), logits([29, HEART]))


def test_momentum_contrast():
    torch.manual_seed(2)
    own, slow, others = (normalize(torch.randn(n, 6), dim=-1) for n in (3, 3, 7))
    for share in (0.0, 0.4):
        found = momentum_contrast(own, slow, others, torch.tensor(0.07), share)
        assert found.item() == pytest.approx(contrast_of(own, slow, others, 0.07, share), rel=1e-4)


@torch.no_grad()
@pytest.mark.parametrize(
    ("learned", "share", "temperature", "bounded"),
    [(0, 0.0, 0.07, 0.07), (3, 0.15, 9.0, 0.5), (8, 0.4, 0.07, 0.07), (80, 0.4, -1.0, 0.001)],
)
def test_contrast_with_queue_momentum_soft_targets_and_bounded_temperature(learned, share, temperature, bounded):
    """IRC of both directions as part of the loss; the share of soft targets rises over an epoch of eight studies."""
    model = drifted(matching=False)
    batch, held = batch_of(model), min(learned, 4)
    for queue in (model.film_queue, model.report_queue):
        queue.copy_(normalize(torch.randn_like(queue), dim=-1))
    model.learned.copy_(torch.tensor([learned, 8]))
    (film, report), (slow_film, slow_report) = (vectors_of(model, batch, momentum) for momentum in (False, True))
    reports = torch.cat([slow_report, model.report_queue[:held]])
    films = torch.cat([slow_film, model.film_queue[:held]])
    to_reports = contrast_of(film, slow_film, reports, bounded, share)
    to_films = contrast_of(report, slow_report, films, bounded, share)
    model.temperature.fill_(temperature)
    found = model.loss(batch)
    model.config.contrast = False
    assert (found - model.loss(batch)).item() == pytest.approx((to_reports + to_films) / 2, rel=1e-4)


@torch.no_grad()
def test_hard_negatives_are_drawn_by_likeness_to_the_momentum_encoders_vectors(monkeypatch):
    model, drawn_by = drifted(), []
    monkeypatch.setattr("baselines.dcl.negatives", drawn_by.append)
    batch = batch_of(model)
    (film, report), (slow_film, slow_report) = (vectors_of(model, batch, momentum) for momentum in (False, True))
    model.loss(batch)
    torch.testing.assert_close(drawn_by[0], film @ slow_report.T / 0.07)
    torch.testing.assert_close(drawn_by[1], report @ slow_film.T / 0.07)


def test_negatives_are_never_the_own_one_and_mostly_alike():
    torch.manual_seed(3)
    likeness = torch.tensor([[9.0, 6.0, 0.0], [0.0, 9.0, 6.0], [6.0, 0.0, 9.0]])
    drawn = torch.stack([negatives(likeness) for _ in range(200)])
    assert not (drawn == torch.arange(3)).any()
    assert ((drawn == torch.tensor([1, 2, 0])).float().mean(dim=0) > 0.9).all()
    assert negatives(likeness[:1, :1]) is None


def test_losses_add_up_and_each_can_be_left_out():
    model, values = small(dropout=0.0), {}
    for contrast in (True, False):
        for matching in (True, False):
            model.config.contrast, model.config.matching = contrast, matching
            torch.manual_seed(4)
            values[contrast, matching] = model.loss(batch_of(model)).item()
    contrast, matching = (values[pair] - values[False, False] for pair in ((True, False), (False, True)))
    assert contrast > 0.1
    assert matching > 0.1
    assert values[True, True] == pytest.approx(values[False, False] + contrast + matching, rel=1e-4)


def test_matching_tells_own_pairs_from_others():
    model = small()
    seen_pairs = {}
    model.towers.read = lambda ids, there, seen: (
        seen_pairs.update(ids=ids, seen=seen) or torch.zeros(len(ids), model.config.width)
    )
    ids, there = torch.arange(6).view(3, 2), torch.ones(3, 2, dtype=torch.bool)
    seen = [(torch.arange(3.0), torch.arange(3.0))]
    model.match.weight.data.zero_()
    model.match.bias.data.copy_(torch.tensor([0.0, 9.0]))
    loss = model.matching_loss(seen, ids, there, torch.tensor([1, 2, 0]), torch.tensor([2, 0, 1]))
    # three own pairs, then three with another film, three with another report
    assert seen_pairs["seen"][0][0].tolist() == [0, 1, 2, 2, 0, 1, 0, 1, 2]
    assert seen_pairs["ids"][:, 0].tolist() == [0, 2, 4, 0, 2, 4, 2, 4, 0]
    assert loss.item() == pytest.approx((3 * np.log(1 + np.exp(-9)) + 6 * np.log(1 + np.exp(9))) / 9, rel=1e-4)


def test_momentum_encoders_follow_and_the_queue_drops_its_oldest():
    model = small().train()
    batch = batch_of(model)
    fast, slow = model.towers.film_projection.weight, model.momentum_towers.film_projection.weight
    with torch.no_grad():
        fast += 1.0
    before = slow.clone()
    model.loss(batch)
    torch.testing.assert_close(slow, 0.995 * before + 0.005 * fast.detach())
    assert model.queue_subjects.tolist() == [0, 1, 2, -1]
    model.loss({**batch, "subject": batch["subject"] + 10})
    assert model.queue_subjects.tolist() == [11, 12, 2, 10]
    assert model.filled == 4
    model.eval()
    model.loss(batch)
    assert model.queue_subjects.tolist() == [11, 12, 2, 10], "validation leaves the queue alone"


def test_the_queue_holds_the_momentum_encoders_vectors_and_the_triplets():
    """As these encoders are once they have moved; the newest rows take the places of the oldest."""
    model = drifted(dynamic=False, momentum=0.5).train()
    batch = {**batch_of(model), "triplets": torch.arange(12).view(3, 2, 2)}
    films, reports, triplets = (one.clone() for one in (model.film_queue, model.report_queue, model.queue_triplets))
    for places in ([0, 1, 2], [3, 0, 1]):
        model.loss(batch)
        films[places], reports[places] = vectors_of(model, batch, momentum=True)
        triplets[places] = batch["triplets"]
        torch.testing.assert_close(model.film_queue, films)
        torch.testing.assert_close(model.report_queue, reports)
        assert torch.equal(model.queue_triplets, triplets)
        batch.update({name: batch[name].flip(0) for name in ("films", "ids", "targets", "triplets")})


def test_prepared_from_the_training_reports():
    corpus = phantom(train=12, validate=2, test=2, retrieval=2)
    data = Sources(corpus, 32).data
    model = untrained("dcl", extra_nodes=10)
    model.prepare(data)
    assert model.config.queue == 12
    assert len(model.config.nodes) <= 38
    assert len(model.graph.nodes.weight) == len(model.config.nodes)
    items = graph_items(model, data, data, False, 0)
    places = {name: place for place, name in enumerate(model.config.nodes)}
    for row, report in enumerate(data.reports.reports):
        pairs = [[places[s], places[o]] for s, _, o in triplets_of(report) if s in places and o in places]
        table = [pair for pair in items[row]["triplets"].tolist() if pair != [-1, -1]]
        assert table == pairs[: model.config.extra_triplets]


def test_prepared_from_a_file_of_triplets(tmp_path):
    """By the studies' names, whatever the order of its lines; the reports' own findings are not read."""
    corpus = phantom(train=4, validate=2, test=2, retrieval=2)
    sources, path = Sources(corpus, 32), tmp_path / "radgraph.jsonl"
    told = {study.study_id: [(f"sign {n}", "modify", "effusion")] for n, study in enumerate(corpus.split("train"))}
    path.write_text("\n".join(json.dumps({"study_id": i, "triplets": one}) for i, one in reversed(told.items())))
    model = untrained("dcl", triplets=str(path))
    assert study_triplets(model.config, sources.data) == list(told.values())
    model.prepare(sources.data)
    assert model.config.nodes == [*NODES, "sign 0", "sign 1", "sign 2", "sign 3"]
    assert model.config.triplets is None, "the file's place means nothing to who loads the model"
    items = graph_items(model, sources.data, sources.data, False, 0)
    tables = [items[row]["triplets"] for row in range(4)]
    assert [table[0].tolist() for table in tables] == [[28 + row, EFFUSION] for row in range(4)]
    assert all((table[1:] == -1).all() for table in tables)
    validation = graph_items(model, sources.data, sources.validation, False, 0)
    assert (validation[0]["triplets"] == -1).all(), "nothing is read of reports that are not learned from"
