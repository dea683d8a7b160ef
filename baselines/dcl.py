"""DCL: Li et al., Dynamic Graph Enhanced Contrastive Learning for Chest X-ray Report Generation, CVPR 2023.

Each film has a graph: 28 nodes that all share, and what the triplets of the reports nearest to the film add. The film's
cells attend to the graph's nodes. Three losses share one weight: films and reports are contrasted against momentum
encoders and a queue (IRC), matched with hard negatives (IRM), and the report is written (LM). One Transformer reads
reports, matches them and writes them; only its self-attention is another when it reads.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, log_softmax, normalize, one_hot
from torch.utils.data import Dataset

from baselines.common.attention_block import AttentionBlock
from baselines.common.chest_graph import NODES, Triplet, base_edges, named_nodes, read_triplets, triplets_of
from baselines.common.training import baseline_trainer, report_rows
from baselines.common.word_decoder import Look, Seen, TransformerConfig, WordDecoder
from rrgbench.modeling.beam_search import DecodingState
from rrgbench.modeling.captioner import Captioner, word_loss
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_tokenizer import IGNORED
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.training.data import TrainingData
from rrgbench.training.items import DrawnFilms, ReportWritingItems

NAME = "dcl"


class DCLConfig(TransformerConfig):
    """Shape of DCL; the paper's values in brackets.

    Parameters
    ----------
    graph_layers : int
        Of the graph encoder, and of the fusion of cells and nodes (2).
    embedding_width : int
        Of the space in which films and reports are compared (256).
    queue : int
        Reports that the queue holds, at most as many as there are training studies (65,536; 1,380 for IU X-Ray).
    momentum : float
        Of the momentum encoders (0.995).
    soft_share : float
        Of the momentum encoders' own similarities in the contrast's targets, reached over the first epoch (0.4).
    nearest : int
        Reports whose triplets a film takes (3).
    extra_nodes, extra_triplets : int
        Names beside the 28, the most frequent ones, and triplets kept of a report.
    dynamic : bool
        Whether triplets are added; the base graph alone otherwise, as in the paper's ablation.
    contrast, matching : bool
        Whether there are these losses beside the words', likewise.
    triplets : str, optional
        A file with RadGraph's triplets of the training studies (`read_triplets`); those of the findings in their
        reports otherwise.
    nodes : list of str
        Names of the nodes, found in the training reports.
    **kwargs
        See `TransformerConfig`.
    """

    model_type = "dcl"

    def __init__(
        self,
        graph_layers: int = 2,
        embedding_width: int = 64,
        queue: int = 1380,
        momentum: float = 0.995,
        soft_share: float = 0.4,
        nearest: int = 3,
        extra_nodes: int = 58,
        extra_triplets: int = 12,
        dynamic: bool = True,
        contrast: bool = True,
        matching: bool = True,
        triplets: str | None = None,
        nodes: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        self.graph_layers, self.embedding_width = graph_layers, embedding_width
        self.queue, self.momentum, self.soft_share = queue, momentum, soft_share
        self.nearest, self.extra_nodes, self.extra_triplets = nearest, extra_nodes, extra_triplets
        self.dynamic, self.contrast, self.matching = dynamic, contrast, matching
        self.triplets, self.nodes = triplets, list(nodes or NODES)
        super().__init__(**kwargs)


class ChestGraph(nn.Module):
    """Which nodes a film's graph has, how they are joined, and their states."""

    def __init__(self, config: DCLConfig) -> None:
        super().__init__()
        self.nodes = nn.Embedding(len(config.nodes), config.width)
        # base nodes and those that triplets brought
        self.levels = nn.Embedding(2, config.width)
        self.layers = nn.ModuleList(AttentionBlock(config) for _ in range(config.graph_layers))
        self.norm = nn.LayerNorm(config.width)

    def joined(self, triplets: Tensor) -> tuple[Tensor, Tensor]:
        """Present nodes (n, k) and edges (n, k, k) of graphs, given triplets (n, t, 2) as places of subject and object.

        Triplets are taken in order; one is added if an end of it is present. A place of -1 is no node.
        """
        n, k, base = len(triplets), len(self.nodes.weight), len(NODES)
        edges = torch.eye(k, dtype=torch.bool, device=triplets.device).repeat(n, 1, 1)
        edges[:, :base, :base] = torch.from_numpy(base_edges()).to(triplets.device)
        present = torch.zeros(n, k, dtype=torch.bool, device=triplets.device)
        present[:, :base] = True
        rows = torch.arange(n, device=triplets.device)
        for subject, other in (pair.unbind(1) for pair in triplets.unbind(1)):
            known = (subject >= 0) & (other >= 0)
            known &= present[rows, subject.clamp_min(0)] | present[rows, other.clamp_min(0)]
            row, s, o = rows[known], subject[known], other[known]
            present[row, s] = present[row, o] = True
            edges[row, s, o] = edges[row, o, s] = True
            # the first node is joined to all that are there
            edges[row, 0, s] = edges[row, s, 0] = edges[row, 0, o] = edges[row, o, 0] = True
        return present, edges

    def forward(self, triplets: Tensor) -> tuple[Tensor, Tensor]:
        """States (n, k, width) of all nodes, and which of them a film's graph has (n, k)."""
        present, edges = self.joined(triplets)
        level = (torch.arange(edges.shape[1], device=edges.device) >= len(NODES)).long()
        x = (self.nodes.weight + self.levels(level)).expand(len(edges), -1, -1)
        for layer in self.layers:
            x = layer(x, None, edges.unsqueeze(1))
        return self.norm(x), present


class Towers(nn.Module):
    """What turns a film's cells and a report's words into states and into vectors of one space."""

    def __init__(self, config: DCLConfig, dim: int) -> None:
        super().__init__()
        width = config.width
        self.cells = nn.Linear(dim, width)
        self.fusion = nn.ModuleList(AttentionBlock(config) for _ in range(config.graph_layers))
        self.fused_norm = nn.LayerNorm(width)
        self.words = WordDecoder(config, [Look(config) for _ in range(config.layers)])
        self.reading = nn.ModuleList(Attention(width, width, config.heads) for _ in range(config.layers))
        # first places of a report that is read, and of one that is matched
        self.roles = nn.Parameter(0.1 * torch.randn(2, width))
        self.film_projection = nn.Linear(width, config.embedding_width)
        self.report_projection = nn.Linear(width, config.embedding_width)

    def tokens(self, cells: Tensor) -> Tensor:
        """A film's tokens (n, 1 + m, width): the mean of its cells, then the cells (n, m, dim)."""
        tokens: Tensor = self.cells(torch.cat([cells.mean(dim=1, keepdim=True), cells], dim=1))
        return tokens

    def fused(self, tokens: Tensor, nodes: Tensor, present: Tensor) -> Tensor:
        """Tokens that have attended to the nodes that are present."""
        for layer in self.fusion:
            tokens = layer(tokens, nodes, present[:, None, None])
        fused: Tensor = self.fused_norm(tokens)
        return fused

    def film_vector(self, tokens: Tensor) -> Tensor:
        """Unit vectors (n, p) of films."""
        return normalize(self.film_projection(tokens[:, 0]), dim=-1)

    def read(self, ids: Tensor, there: Tensor, seen: list[Seen] | None = None) -> Tensor:
        """State (n, width) of the first place of reports (n, t), all words seeing each other; matched if films are
        `seen`."""
        x = self.words.embed(ids)
        role = self.roles[int(seen is not None)].expand(len(x), 1, -1)
        x = torch.cat([role, x[:, 1:]], dim=1)
        mask = there[:, None, None]
        for index, (layer, reading) in enumerate(zip(self.words.stack(), self.reading, strict=True)):
            assert isinstance(reading, Attention), "made so"
            normed = layer.norms[0](x)
            x = x + layer.dropout(reading(normed, *reading.keys_values(normed), mask))
            if seen is not None:
                x = x + layer.dropout(layer.look(layer.norms[1](x), seen[index]))
            x = x + layer.dropout(layer.feed_forward(layer.norms[2](x)))
        state: Tensor = self.words.norm(x)[:, 0]
        return state

    def report_vector(self, ids: Tensor, there: Tensor) -> Tensor:
        """Unit vectors (n, p) of reports."""
        return normalize(self.report_projection(self.read(ids, there)), dim=-1)


class DCL(Captioner):
    """Image encoder, graph, towers, their momentum copies and the queue."""

    config_class = DCLConfig
    film_queue: Tensor
    report_queue: Tensor
    queue_triplets: Tensor
    queue_subjects: Tensor
    learned: Tensor

    def __init__(self, config: DCLConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.graph, self.towers = ChestGraph(config), Towers(config, self.image_encoder.dim)
        self.match = nn.Linear(config.width, 2)
        self.temperature = nn.Parameter(torch.tensor(0.07))
        self.momentum_image_encoder = copy.deepcopy(self.image_encoder)
        self.momentum_towers = copy.deepcopy(self.towers)
        self.empty_queue()
        self.training_triplets: list[list[Triplet]] = []
        # studies learned from so far, those of an epoch
        self.register_buffer("learned", torch.zeros(2, dtype=torch.long))
        self.post_init()

    def empty_queue(self) -> None:
        """A queue without reports, of the configured length."""
        size, width, kept = self.config.queue, self.config.embedding_width, self.config.extra_triplets
        self.register_buffer("film_queue", torch.zeros(size, width))
        self.register_buffer("report_queue", torch.zeros(size, width))
        self.register_buffer("queue_triplets", torch.full((size, kept, 2), -1))
        self.register_buffer("queue_subjects", torch.full((size,), -1))

    @property
    def filled(self) -> int:
        """Reports in the queue."""
        return min(int(self.learned[0]), int(self.config.queue))

    def nearest_triplets(self, vectors: Tensor, subjects: Tensor | None = None) -> Tensor:
        """Triplets (n, nearest * t, 2) of the queue's reports nearest to films (n, p), none of a film's own subject.

        There are none (-1) until the queue is full: what it holds at first says little.
        """
        nearest = self.config.nearest
        none = self.queue_triplets.new_full((len(vectors), nearest * self.config.extra_triplets, 2), -1)
        if not self.config.dynamic or self.filled < max(self.config.queue, nearest):
            return none
        closeness = vectors @ self.report_queue.T
        if subjects is not None:
            closeness = closeness.masked_fill(subjects.unsqueeze(1) == self.queue_subjects, -torch.inf)
        best = closeness.topk(nearest, dim=1)
        found = self.queue_triplets[best.indices]
        return torch.where(best.values.isfinite()[..., None, None], found, -1).flatten(1, 2)

    def film_states(self, films: Tensor, subjects: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Fused tokens (n, 1 + m, width) of films, and their graphs' nodes and which are present."""
        tokens = self.towers.tokens(self.film_cells(films))
        with torch.no_grad():
            triplets = self.nearest_triplets(self.towers.film_vector(tokens), subjects)
        nodes, present = self.graph(triplets)
        return self.towers.fused(tokens, nodes, present), nodes, present

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        words = self.towers.words
        logits: Tensor = words(ids, words.memory(self.film_states(films)[0]))
        return logits

    def decoding_state(self, films: Tensor, beams: int) -> DecodingState:
        """Each layer's keys and values."""
        words = self.towers.words
        return words.decoding(words.memory(self.film_states(films)[0]), beams)

    # learning

    def trained_parts(self) -> list[nn.Module | nn.Parameter]:
        """All but the momentum encoders, which follow."""
        return [part for name, part in self.named_parameters() if not name.startswith("momentum_")]

    @torch.no_grad()
    def prepare(self, data: TrainingData) -> None:
        """Names of nodes, and a queue no longer than the training split."""
        self.training_triplets = several = study_triplets(self.config, data)
        # the file has been read, and its place means nothing elsewhere
        self.config.triplets = None
        self.config.nodes = named_nodes(several, self.config.extra_nodes)
        self.config.queue = min(self.config.queue, len(several))
        self.graph = ChestGraph(self.config)
        self.empty_queue()
        self.learned[1] = len(several)

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        """IRC + IRM + LM; in training the momentum encoders and the queue move on."""
        with torch.no_grad():
            self.temperature.clamp_(0.001, 0.5)
        films, ids, there = batch["films"], batch["ids"], batch["targets"] != IGNORED
        tokens, nodes, present = self.film_states(films, batch["subject"])
        words = self.towers.words
        seen = words.memory(tokens)
        loss = word_loss(words(ids, seen), batch["targets"])
        film, report = self.towers.film_vector(tokens), self.towers.report_vector(ids, there)
        with torch.no_grad():
            if self.training:
                self.follow()
                # one that is kept as it is has its encoder in evaluation mode, and the slow one beside it
                self.momentum_image_encoder.train(self.image_encoder.training)
            cells = self.momentum_image_encoder.feature_map(films).flatten(2).transpose(1, 2)
            slow = self.momentum_towers
            slow_film = slow.film_vector(slow.fused(slow.tokens(cells), nodes, present))
            slow_report = slow.report_vector(ids, there)
        reports = torch.cat([slow_report, self.report_queue[: self.filled]])
        others = torch.cat([slow_film, self.film_queue[: self.filled]])
        if self.config.contrast:
            share = self.config.soft_share * min(1.0, int(self.learned[0]) / max(1, int(self.learned[1])))
            directions = ((film, slow_film, reports), (report, slow_report, others))
            parts = [momentum_contrast(*one, self.temperature, share) for one in directions]
            loss = loss + (parts[0] + parts[1]) / 2
        if self.config.matching:
            likeness = (film @ slow_report.T / self.temperature).detach()
            backwards = (report @ slow_film.T / self.temperature).detach()
            loss = loss + self.matching_loss(seen, ids, there, negatives(likeness), negatives(backwards))
        if self.training:
            self.enqueue(slow_film, slow_report, batch["triplets"], batch["subject"])
        return loss

    def matching_loss(
        self, seen: list[Seen], ids: Tensor, there: Tensor, reports: Tensor | None, films: Tensor | None
    ) -> Tensor:
        """IRM: is this the film's report? Own pairs, then each report with a film that is like its own (`films`, places
        in the batch), and each film with a report that is like its own (`reports`)."""
        own = torch.arange(len(ids), device=ids.device)
        pairs = [(own, own)] if films is None or reports is None else [(own, own), (films, own), (own, reports)]
        film_side, report_side = (torch.cat(side) for side in zip(*pairs, strict=True))
        shown: list[Seen] = [tuple(part[film_side] for part in layer) for layer in seen]
        states = self.towers.read(ids[report_side], there[report_side], shown)
        wanted = (torch.arange(len(film_side), device=ids.device) < len(ids)).long()
        return cross_entropy(self.match(states), wanted)

    def follow(self) -> None:
        """Momentum encoders move a little towards the trained ones."""
        pairs = (self.image_encoder, self.momentum_image_encoder), (self.towers, self.momentum_towers)
        for fast, slow in pairs:
            for new, old in zip(fast.parameters(), slow.parameters(), strict=True):
                old.lerp_(new, 1 - self.config.momentum)

    @torch.no_grad()
    def enqueue(self, films: Tensor, reports: Tensor, triplets: Tensor, subjects: Tensor) -> None:
        """The newest vectors, triplets and subjects take the places of the oldest."""
        places = (int(self.learned[0]) + torch.arange(len(films), device=films.device)) % self.config.queue
        self.film_queue[places], self.report_queue[places] = films.to(self.film_queue), reports.to(self.report_queue)
        self.queue_triplets[places], self.queue_subjects[places] = triplets, subjects
        self.learned[0] += len(films)


def momentum_contrast(own: Tensor, slow: Tensor, others: Tensor, temperature: Tensor, share: float) -> Tensor:
    """Cross-entropy of vectors (n, p) among others (m, p), the first n being their partners.

    Targets are the partners, and by `share` the softmax of what the momentum encoders' vectors (n, p) say.
    """
    with torch.no_grad():
        partner = one_hot(torch.arange(len(own), device=own.device), len(others))
        wanted = share * (slow @ others.T / temperature).softmax(dim=1) + (1 - share) * partner
    return -(wanted * log_softmax(own @ others.T / temperature, dim=1)).sum(dim=1).mean()


def negatives(likeness: Tensor) -> Tensor | None:
    """For each row of likeness (n, n) another column, drawn the more often the more it is alike; None if n is 1."""
    if len(likeness) < 2:
        return None
    weights = likeness.softmax(dim=1) + 1e-4
    return torch.multinomial(weights.fill_diagonal_(0), 1)[:, 0]


def study_triplets(config: DCLConfig, data: TrainingData) -> list[list[Triplet]]:
    """Triplets of each training study: from the file that the configuration names, else from its report."""
    if config.triplets is not None:
        return read_triplets(Path(config.triplets), [study.study_id for study in data.films.studies])
    return [triplets_of(report) for report in data.reports.reports]


def graph_items(model: DCL, learned: TrainingData, written: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films, reports, the triplets of these, and whose they are."""
    places = {name: place for place, name in enumerate(model.config.nodes)}
    table = np.full((len(written.reports.reports), model.config.extra_triplets, 2), -1)
    # the queue holds training studies alone
    for row, several in enumerate(model.training_triplets if written is learned else []):
        known = [(places[s], places[o]) for s, _, o in several if s in places and o in places]
        for column, pair in enumerate(known[: model.config.extra_triplets]):
            table[row, column] = pair
    whose = [study.subject_id for study in written.films.studies]
    codes = {subject: code for code, subject in enumerate(dict.fromkeys(whose))}
    subjects = torch.tensor([codes[subject] if written is learned else -2 for subject in whose])
    films = DrawnFilms(written.films.films, augment, seed)
    beside = {"triplets": torch.from_numpy(table), "subject": subjects}
    return ReportWritingItems(report_rows(model, written), films=films, beside=beside)


train = baseline_trainer(NAME, DCL, report_items=graph_items)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """DCL for the harness; see `load_system`."""
    return load_system(NAME, DCL, checkpoint, device)
