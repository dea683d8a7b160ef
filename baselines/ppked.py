"""PPKED: Liu et al., Exploring and Distilling Posterior and Prior Knowledge for Radiology Report Generation, CVPR 2021.

Posterior knowledge (PoKE): topics attend to the film's cells and the cells attend back. Prior knowledge (PrKE): the
cells so informed ask the reports of the nearest training films, and a graph of the topics. The words ask all three,
each through a gate of its own (adaptive distilling attention, MKD). No code of the authors is public: what no source
states is ours, and named in docs/baselines/ppked.md.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from baselines.common.attention_block import AttentionBlock
from baselines.common.chest_graph import NODES, base_edges, named_nodes, triplets_of
from baselines.common.consulting import (
    ConsultedTokens,
    ConsultingSystem,
    ConsultingTrained,
    Library,
    load_consulting,
    report_tokens,
)
from baselines.common.retrieval_index import Rows
from baselines.common.training import baseline_trainer, report_rows
from baselines.common.word_decoder import (
    Look,
    Seen,
    TransformerConfig,
    WordDecoder,
    cell_projection,
    transformer_encoder,
)
from rrgbench.errors import InputError
from rrgbench.modeling.beam_search import DecodingState
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.models import Examination
from rrgbench.training.data import TrainingData
from rrgbench.training.items import DrawnFilms, ReportWritingItems

NAME = "ppked"


class PPKEDConfig(TransformerConfig):
    """Shape of PPKED; `TransformerConfig` is 512 wide in the paper, the rest of it and what follows is ours.

    Parameters
    ----------
    retrieved : int
        Training reports that a film asks.
    graph_layers : int
        Of the graph convolution.
    report_layers : int
        Of the Transformer that reads retrieved reports.
    further_topics : int
        Most frequent names of the training reports' findings beside the 28 base nodes.
    graph : dict, optional
        `keywords` and `edges`: files of another graph (`read_graph`) instead of the training reports' own.
    topics : list of str
        Names of the topics, found when the model is prepared.
    **kwargs
        See `TransformerConfig`.
    """

    model_type = "ppked"

    def __init__(
        self,
        retrieved: int = 20,
        graph_layers: int = 2,
        report_layers: int = 1,
        further_topics: int = 20,
        graph: dict[str, str] | None = None,
        topics: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.retrieved = retrieved
        self.graph_layers = graph_layers
        self.report_layers = report_layers
        self.further_topics = further_topics
        self.graph = graph
        self.topics = list(topics or NODES)
        super().__init__(**kwargs)


class Posterior(nn.Module):
    """PoKE {I, T} to I': which cells show a topic, and what the topics then say of each cell."""

    def __init__(self, config: PPKEDConfig) -> None:
        super().__init__()
        self.topics_see, self.cells_hear = AttentionBlock(config), AttentionBlock(config)
        self.norm = nn.LayerNorm(config.width)

    def forward(self, cells: Tensor, topics: Tensor) -> Tensor:
        """Cells (n, m, width) aligned with topics (n, k, width)."""
        seen = self.topics_see(topics, cells)
        aligned: Tensor = self.norm(cells + self.cells_hear(cells, seen))
        return aligned


class TopicGraph(nn.Module):
    """G_Pr: topics as nodes, convolved over the edges and conditioned on the film."""

    def __init__(self, config: PPKEDConfig) -> None:
        super().__init__()
        width = config.width
        self.film = nn.Linear(width, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(config.graph_layers))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(config.graph_layers))

    def forward(self, topics: Tensor, film: Tensor, edges: Tensor) -> Tensor:
        """States (n, k, width) of topics (n, k, width) given mean cells (n, width): H + relu(D^-1/2 A D^-1/2 H W)."""
        degrees = edges.sum(dim=1).rsqrt()
        spread = degrees.unsqueeze(1) * edges * degrees
        states: Tensor = topics + self.film(film).unsqueeze(1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            states = norm(states + torch.relu(layer(spread @ states)))
        return states


class DistillingLook(Look):
    """MKD's adaptive distilling attention: an answer from each source, each weighed by its own gate of the word."""

    def __init__(self, config: PPKEDConfig) -> None:
        super().__init__(config)
        self.priors = nn.ModuleList(Attention(config.width, config.width, config.heads) for _ in range(2))
        self.gates = nn.ModuleList(nn.Linear(config.width, config.width) for _ in range(3))

    def attentions(self) -> list[Attention]:
        """Over cells, reports and graph."""
        return [self.attention, *(prior for prior in self.priors if isinstance(prior, Attention))]

    def memory(self, *sources: Tensor) -> Seen:
        """Keys and values of I', W' and G' (n, m, width)."""
        pairs = zip(self.attentions(), sources, strict=True)
        return tuple(part for attention, source in pairs for part in attention.keys_values(source))

    def forward(self, x: Tensor, seen: Seen) -> Tensor:
        """Sum over the sources s of sigmoid(W_s x) * MHA_s(x, s)."""
        total = torch.zeros_like(x)
        for index, (attention, gate) in enumerate(zip(self.attentions(), self.gates, strict=True)):
            total = total + torch.sigmoid(gate(x)) * attention(x, *seen[2 * index : 2 * index + 2])
        return total


class Informed(NamedTuple):
    """Films (n, size, size) beside the tokens (n, N, t) of the nearest training reports."""

    films: Tensor
    retrieved_ids: Tensor


class PPKED(ConsultingSystem):
    """Posterior and prior knowledge before a Transformer that distils them."""

    config_class = PPKEDConfig
    edges: Tensor

    def __init__(self, config: PPKEDConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.cells = cell_projection(self.image_encoder.dim, config.width, config.dropout)
        self.set_topics(torch.from_numpy(base_edges()).float() if config.topics == list(NODES) else None)
        self.posterior, self.graph = Posterior(config), TopicGraph(config)
        self.report_encoder = transformer_encoder(config, config.report_layers)
        self.report_projection = nn.Linear(config.width, config.width)
        self.ask_reports, self.ask_graph = AttentionBlock(config), AttentionBlock(config)
        self.decoder = WordDecoder(config, [DistillingLook(config) for _ in range(config.layers)])
        self.post_init()

    def set_topics(self, edges: Tensor | None) -> None:
        """Topics without experience; `edges` (k, k) may follow from a checkpoint."""
        count = len(self.config.topics)
        self.topics = nn.Embedding(count, self.config.width)
        self.register_buffer("edges", torch.eye(count) if edges is None else edges)

    @property
    def consults(self) -> int:
        """Training reports asked for a film."""
        return int(self.config.retrieved)

    def report_vectors(self, ids: Tensor) -> Tensor:
        """W_Pr (n, N, width): the projected means of the words' states in reports (n, N, t)."""
        there = ids.flatten(0, 1) != self.config.pad_token_id
        longest = int(there.sum(dim=1).max())
        flat, there = ids.flatten(0, 1)[:, :longest], there[:, :longest]
        # states, not words: "effusion, no pneumothorax" and "pneumothorax, no effusion" have the same words
        states = self.report_encoder(self.decoder.embed(flat), src_key_padding_mask=~there)
        vectors: Tensor = self.report_projection(mean_over_words(states, there))
        return vectors.view(*ids.shape[:2], -1)

    def knowledge(self, studies: Informed) -> tuple[Tensor, Tensor, Tensor]:
        """I', W'_Pr and G'_Pr, each (n, m, width)."""
        cells = self.cells(self.film_cells(studies.films))
        topics = self.topics.weight.expand(len(cells), -1, -1)
        aligned = self.posterior(cells, topics)
        reports = self.ask_reports(aligned, self.report_vectors(studies.retrieved_ids))
        graph = self.ask_graph(aligned, self.graph(topics, cells.mean(dim=1), self.edges))
        return aligned, reports, graph

    def word_logits(self, films: Informed, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        logits: Tensor = self.decoder(ids, self.decoder.memory(*self.knowledge(films)))
        return logits

    def decoding_state(self, films: Informed, beams: int) -> DecodingState:
        """Each layer's keys and values of the three sources."""
        return self.decoder.decoding(self.decoder.memory(*self.knowledge(films)), beams)

    def shown(self, batch: Mapping[str, Any]) -> Informed:
        """Films with the reports that they ask."""
        return Informed(batch["films"], batch["retrieved_ids"])

    def shown_of(self, films: Tensor, examinations: Sequence[Examination], rows: Rows, library: Library) -> Informed:
        """Films with the reports of the nearest training studies."""
        tokens = report_tokens(self, [library.reports[int(row)] for row in rows.ravel()])
        return Informed(films, tokens.view(*rows.shape, -1).to(films.device))

    def prepare(self, data: TrainingData) -> None:
        """The topics and their graph: from files, else from the findings in the training reports."""
        super().prepare(data)
        given = self.config.graph
        if given is None:
            self.config.topics, edges = graph_of(data.reports.reports, self.config.further_topics)
        else:
            self.config.topics, edges = read_graph(Path(given["keywords"]), Path(given["edges"]))
            # the files have been read, and their places mean nothing elsewhere
            self.config.graph = None
        self.set_topics(torch.from_numpy(edges).float())


def graph_of(reports: Sequence[str], further: int) -> tuple[list[str], NDArray[np.bool_]]:
    """Topics and edges of training reports: the base graph, and what a triplet of theirs joins."""
    several = [triplets_of(report) for report in reports]
    topics = named_nodes(several, further)
    places = {name: place for place, name in enumerate(topics)}
    edges = np.eye(len(topics), dtype=np.bool_)
    edges[: len(NODES), : len(NODES)] = base_edges()
    edges[0, :] = edges[:, 0] = True
    for subject, _, other in (one for triplets in several for one in triplets):
        if subject in places and other in places:
            edges[places[subject], places[other]] = edges[places[other], places[subject]] = True
    return topics, edges


def read_graph(keywords: Path, edges: Path) -> tuple[list[str], NDArray[np.bool_]]:
    """Topics and edges from a file of keywords, one topic a line, and one of an adjacency matrix, rows of 0 and 1.

    The matrix may have one node more than there are topics, the first, which stands for the whole film. Edges hold in
    both directions, and each node is joined to itself.

    Raises
    ------
    InputError
        If a file is absent, or the matrix is no square of that size.
    """
    for path in (keywords, edges):
        if not path.is_file():
            raise InputError(f"no file {path} for a graph of topics: give keywords and edges")
    topics = [line.strip() for line in keywords.read_text(encoding="utf-8").splitlines() if line.strip()]
    rows = [line.split(",") for line in edges.read_text(encoding="utf-8").splitlines() if line.strip()]
    if len(rows) == len(topics) + 1:
        topics = [NODES[0], *topics]
    if len(rows) != len(topics) or any(len(row) != len(rows) for row in rows):
        raise InputError(
            f"{edges} has {len(rows)} rows of {sorted({len(row) for row in rows})} columns for {len(topics)} topics of "
            f"{keywords}; expected a square of that size, or of one more"
        )
    try:
        joined = np.array([[float(value) for value in row] for row in rows]) != 0
    except ValueError as error:
        raise InputError(f"{edges} is no matrix of numbers: {error}") from error
    return topics, np.asarray(joined | joined.T | np.eye(len(rows), dtype=np.bool_))


def informed_items(
    model: PPKED, learned: TrainingData, written: TrainingData, augment: bool, seed: int
) -> Dataset[Any]:
    """Films, the training reports that they ask, and their reports."""
    whose = [study.subject_id for study in written.films.studies]
    rows = model.consulted(written.films.films, whose, Library.of(model, learned))
    beside = {"retrieved_ids": ConsultedTokens(report_tokens(model, learned.reports.reports), rows)}
    films = DrawnFilms(written.films.films, augment, seed)
    return ReportWritingItems(report_rows(model, written), films=films, beside=beside)


train = baseline_trainer(NAME, PPKED, report_items=informed_items)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> ConsultingTrained:
    """PPKED for the harness; see `load_consulting`."""
    return load_consulting(NAME, PPKED, checkpoint, device)
