"""PPKED: posterior and prior knowledge, their gates, the graph of topics, and which reports are asked."""

import numpy as np
import pytest
import torch
from equations import arrays, attend, linear, sigmoid, untrained

from baselines.common.chest_graph import NODES, base_edges, triplets_of
from baselines.common.consulting import Library, report_tokens
from baselines.ppked import (
    DistillingLook,
    Informed,
    Posterior,
    PPKEDConfig,
    TopicGraph,
    graph_of,
    informed_items,
    read_graph,
)
from rrgbench.data.phantom import load as phantom
from rrgbench.errors import InputError
from rrgbench.training.data import Sources

SMALL = PPKEDConfig(width=8, heads=2, feed_forward=12, graph_layers=2, dropout=0.0)


def norm(x, w, name):
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]


def block(x, others, w, name):
    """Attention of x to others, then feed-forward, pre-norm."""
    x = x + attend(norm(x, w, f"{name}.norms.0"), others, w, f"{name}.attention", 2)
    hidden = np.maximum(linear(norm(x, w, f"{name}.norms.1"), w, f"{name}.feed_forward.0"), 0)
    return x + linear(hidden, w, f"{name}.feed_forward.2")


@torch.inference_mode()
def test_posterior_knowledge():
    torch.manual_seed(1)
    posterior = Posterior(SMALL).eval()
    w = arrays(posterior)
    cells, topics = torch.randn(1, 5, 8), torch.randn(1, 6, 8)
    i, t = cells[0].numpy(), topics[0].numpy()
    expected = norm(i + block(i, block(t, i, w, "topics_see"), w, "cells_hear"), w, "norm")
    np.testing.assert_allclose(posterior(cells, topics)[0].numpy(), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(posterior(cells, topics), posterior(cells, torch.randn(1, 6, 8)), atol=1e-3)


@torch.inference_mode()
def test_graph_convolution_conditioned_on_the_film():
    torch.manual_seed(2)
    graph = TopicGraph(SMALL).eval()
    w = arrays(graph)
    topics, film = torch.randn(1, 4, 8), torch.randn(1, 8)
    a = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]], dtype=np.float32)
    spread = a / np.sqrt(np.outer(a.sum(1), a.sum(1)))
    h = topics[0].numpy() + linear(film.numpy(), w, "film")
    for layer in range(2):
        h = norm(h + np.maximum(linear(spread @ h, w, f"layers.{layer}"), 0), w, f"norms.{layer}")
    found = graph(topics, film, torch.from_numpy(a))
    np.testing.assert_allclose(found[0].numpy(), h, rtol=1e-4, atol=1e-5)
    # what is not joined, within two steps, is not heard
    changed = topics.clone()
    changed[0, 3] += 1
    torch.testing.assert_close(graph(changed, film, torch.from_numpy(a))[0, :3], found[0, :3])


@torch.inference_mode()
def test_prior_knowledge_is_asked_by_the_cells_that_know_their_topics():
    """PrKE {I', W_Pr} and {I', G_Pr}, beside the I' of PoKE {I, T}."""
    model = untrained("ppked", width=8, heads=2, feed_forward=12)
    w = arrays(model)
    studies = Informed(torch.randint(0, 255, (1, 32, 32)).float(), torch.tensor([[[4, 5, 6], [7, 8, 0]]]))
    cells, topics = model.cells(model.film_cells(studies.films)), model.topics.weight[None]
    aligned = model.posterior(cells, topics)
    graph = model.graph(topics, cells.mean(dim=1), model.edges)[0].numpy()
    i, reports = aligned[0].numpy(), model.report_vectors(studies.retrieved_ids)[0].numpy()
    expected = i, block(i, reports, w, "ask_reports"), block(i, graph, w, "ask_graph")
    for found, one in zip(model.knowledge(studies), expected, strict=True):
        np.testing.assert_allclose(found[0].numpy(), one, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_adaptive_distilling_attention():
    torch.manual_seed(3)
    look = DistillingLook(SMALL)
    w = arrays(look)
    x, sources = torch.randn(1, 3, 8), [torch.randn(1, count, 8) for count in (5, 4, 6)]
    q = x[0].numpy()
    expected = sum(
        sigmoid(linear(q, w, f"gates.{index}")) * attend(q, source[0].numpy(), w, name, 2)
        for index, (name, source) in enumerate(zip(("attention", "priors.0", "priors.1"), sources, strict=True))
    )
    np.testing.assert_allclose(look(x, look.memory(*sources))[0].numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_each_knowledge_reaches_the_words_until_its_gate_is_shut():
    model = untrained("ppked")
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.tensor([[4, 5, 6]])
    reports = torch.tensor([[[4, 5, 6, 0], [4, 7, 8, 9]]])
    others = torch.tensor([[[4, 8, 8, 0], [4, 9, 9, 9]]])

    def logits(retrieved):
        return model.word_logits(Informed(film, retrieved), ids)

    assert not torch.allclose(logits(reports), logits(others), atol=1e-5)
    plain = logits(reports)
    model.edges.copy_(torch.eye(28))
    cut = logits(reports)
    assert not torch.allclose(plain, cut, atol=1e-6)
    for layer in model.decoder.stack():
        for gate in layer.look.gates[1:]:
            gate.weight.zero_()
            gate.bias.fill_(-200.0)
    torch.testing.assert_close(logits(reports), logits(others))
    shut = logits(reports)
    model.edges.copy_(torch.from_numpy(base_edges()).float())
    torch.testing.assert_close(shut, logits(reports))
    model.topics.weight.normal_()
    assert not torch.allclose(shut, logits(reports), atol=1e-5), "the topics still reach the cells"


@torch.inference_mode()
def test_a_report_is_the_mean_of_its_words_in_their_places():
    model = untrained("ppked")
    ids = torch.tensor([[[4, 5, 6], [7, 8, 0]]])
    states = [model.report_encoder(model.decoder.embed(torch.tensor([row])))[0] for row in ([4, 5, 6], [7, 8])]
    means = np.stack([one.numpy().mean(0) for one in states])
    expected = linear(means, arrays(model), "report_projection")
    found = model.report_vectors(ids)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-5)
    padded = torch.nn.functional.pad(ids, (0, 3))
    torch.testing.assert_close(model.report_vectors(padded)[0], found)
    # "no effusion, pneumothorax" and "no pneumothorax, effusion": the same words
    exchanged = model.report_vectors(torch.tensor([[[6, 5, 4], [7, 8, 0]]]))[0]
    assert (exchanged[0] - found[0]).norm() > 0.02 * found[0].norm()


def test_topics_and_edges_of_training_reports():
    reports = ["Mild left pleural effusion.", "Small left effusion. The heart is enlarged.", "No pneumothorax."]
    topics, edges = graph_of(reports, 1)
    assert topics == [*NODES, "left"]
    left = topics.index("left")
    assert [topics[i] for i in np.flatnonzero(edges[left])] == [NODES[0], "effusion", "left"]
    assert (edges == edges.T).all()
    assert np.array_equal(edges[:28, :28], base_edges() | edges[:28, :28])
    assert any(s == "left" for s, _, _ in triplets_of(reports[0]))


def test_a_graph_of_files(tmp_path, shared):
    folder = shared / "openi_graph"
    topics, edges = read_graph(folder / "openi_40keywords.txt", folder / "openi_matrix_40nodes_binary.txt")
    assert (len(topics), edges.shape) == (41, (41, 41))
    assert topics[:3] == [NODES[0], "normal / no indexing", "cardiomegaly"]
    assert edges[0].all()
    assert edges[topics.index("pneumothorax")].sum() > 2
    model = untrained(
        "ppked",
        graph={
            "keywords": str(folder / "openi_40keywords.txt"),
            "edges": str(folder / "openi_matrix_40nodes_binary.txt"),
        },
    )
    model.prepare(Sources(phantom(train=4, validate=4, test=4, retrieval=4), 32).data)
    assert model.config.topics == topics
    assert model.config.graph is None
    assert torch.equal(model.edges, torch.from_numpy(edges).float())
    with pytest.raises(InputError, match="31 rows"):
        read_graph(folder / "openi_30keywords.txt", folder / "auxillary_openi_matrix_30nodes.txt")
    with pytest.raises(InputError, match="no file"):
        read_graph(tmp_path / "absent.txt", tmp_path / "absent.csv")
    (tmp_path / "words.txt").write_text("one\ntwo\n")
    (tmp_path / "edges.csv").write_text("0,1\nx,0\n")
    with pytest.raises(InputError, match="no matrix of numbers"):
        read_graph(tmp_path / "words.txt", tmp_path / "edges.csv")


def test_films_ask_the_nearest_training_reports_of_others():
    corpus = phantom(train=14, validate=3, test=2, retrieval=2)
    sources = Sources(corpus, 32)
    model = untrained("ppked", retrieved=4, further_topics=5)
    model.prepare(sources.data)
    assert len(model.topics.weight) == len(model.config.topics) == len(model.edges) <= 33
    library = Library.of(model, sources.data)
    tokens = report_tokens(model, sources.data.reports.reports)
    for written in (sources.data, sources.validation):
        items = informed_items(model, sources.data, written, False, 0)
        whose = [study.subject_id for study in written.films.studies]
        rows = model.consulted(written.films.films, whose, library)
        for index, own in enumerate(rows):
            assert torch.equal(items[index]["retrieved_ids"], tokens[own])
            assert whose[index] not in [sources.data.films.studies[int(row)].subject_id for row in own]
