"""XProNet: Wang et al., Cross-modal Prototype Driven Network for Radiology Report Generation, ECCV 2022.

Image cells and words query one matrix of prototypes, and only those prototypes that belong to the observations of the
study (querying); what the nearest of them answer (responding) is fused with the cell or word. A contrastive loss draws
the responses of studies together as far as their observations agree.

The observations of a film that is to be reported are predicted from the film. The authors' code takes them from the
reference report; `labels="reference"` does that too and says so in the model's identity.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.utils.data import Dataset

from baselines.common.observation_network import ObservationSystem, best_thresholds, observed
from baselines.common.training import baseline_trainer, report_rows
from baselines.common.word_decoder import Look, TransformerConfig, WordDecoder, cell_projection, transformer_encoder
from rrgbench.data.corpus import Corpus
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.study import Study
from rrgbench.errors import InputError
from rrgbench.labelers.study_labels import can_be_labelled, study_labels
from rrgbench.modeling.beam_search import DecodingState
from rrgbench.modeling.captioner import word_loss
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_tokenizer import IGNORED
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.modeling.trained_system import Origin, TrainedSystem, load_system
from rrgbench.models import Reads
from rrgbench.observations import OBSERVATIONS
from rrgbench.training.data import TrainingData
from rrgbench.training.items import DrawnFilms, ReportWritingItems
from rrgbench.training.probing import features

NAME = "xpronet"
NO_FINDING = OBSERVATIONS.index("No Finding")


class XProNetConfig(TransformerConfig):
    """Shape of XProNet; the paper's values in brackets.

    Parameters
    ----------
    prototypes : int
        Of each observation (20).
    nearest : int
        How many of them answer (15).
    text_width : int
        Width of a report's vector in a prototype's first value (768, of CheXbert's text encoder).
    image_weight, text_weight : float
        Of the contrastive losses of cells' and words' responses (1 and 0.1).
    margin : float
        Similarity that studies without a common observation may have (0.4).
    **kwargs
        See `TransformerConfig`.
    """

    model_type = "xpronet"

    def __init__(
        self,
        prototypes: int = 20,
        nearest: int = 15,
        text_width: int = 64,
        image_weight: float = 1.0,
        text_weight: float = 0.1,
        margin: float = 0.4,
        **kwargs: Any,
    ) -> None:
        self.prototypes = prototypes
        self.nearest = nearest
        self.text_width = text_width
        self.image_weight = image_weight
        self.text_weight = text_weight
        self.margin = margin
        super().__init__(**kwargs)


class PrototypeMemory(Attention):
    """Querying and responding: attention to the nearest prototypes of a study's observations.

    Parameters
    ----------
    width, heads : int
        Shape.
    nearest : int
        Prototypes that answer, the others' weight being 0.
    """

    def __init__(self, width: int, heads: int, nearest: int) -> None:
        super().__init__(width, width, heads)
        self.nearest = nearest

    def respond(self, x: Tensor, keys: Tensor, values: Tensor, own: Tensor) -> Tensor:
        """Responses (n, t, width) to x (n, t, width); `own` (n, m): which prototypes belong to the study."""
        queries = self.split(self.query(x))
        scores = queries @ keys.transpose(-2, -1) / queries.shape[-1] ** 0.5
        scores = scores.masked_fill(~own[:, None, None], -torch.inf)
        best, places = scores.topk(min(self.nearest, scores.shape[-1]), dim=-1)
        weights = torch.zeros_like(scores).scatter(-1, places, best.softmax(dim=-1))
        response: Tensor = self.output((weights @ values).transpose(1, 2).flatten(2))
        return response


class Labelled(NamedTuple):
    """Films (n, size, size) with the observations that are taken to be theirs (n, 14), at least one each."""

    films: Tensor
    observations: Tensor


class XProNet(ObservationSystem):
    """Prototype memory before a Transformer's encoder and before its decoder."""

    config_class = XProNetConfig

    def __init__(self, config: XProNetConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width, first = config.width, self.image_encoder.dim + config.text_width
        self.cells = cell_projection(self.image_encoder.dim, width, config.dropout)
        self.prototypes = nn.Parameter(torch.randn(len(OBSERVATIONS) * config.prototypes, first))
        self.reduction = nn.Linear(first, width)
        self.memory = PrototypeMemory(width, config.heads, config.nearest)
        self.fuse_cells, self.fuse_words = nn.Linear(2 * width, width), nn.Linear(2 * width, width)
        self.encoder = transformer_encoder(config)
        self.decoder = WordDecoder(config, [Look(config) for _ in range(config.layers)])
        self.register_buffer("thresholds", torch.full((len(OBSERVATIONS),), 0.5))
        self.post_init()

    def responder(self, observations: Tensor) -> Callable[[Tensor], Tensor]:
        """x (n, t, width) to its responses, given the studies' observations (n, 14)."""
        keys, values = self.memory.keys_values(self.reduction(self.prototypes).unsqueeze(0))
        own = observations.bool().repeat_interleave(self.config.prototypes, dim=1)
        return lambda x: self.memory.respond(x, keys, values, own)

    def read(self, studies: Labelled) -> tuple[Callable[[Tensor], Tensor], Tensor, Tensor]:
        """The studies' responder, the responses to their cells, and their encoded cells, all (n, m, width)."""
        respond = self.responder(studies.observations)
        cells = self.cells(self.film_cells(studies.films))
        responses = respond(cells)
        return respond, responses, self.encoder(self.fuse_cells(torch.cat([cells, responses], dim=-1)))

    def words_seen(self, respond: Callable[[Tensor], Tensor], words: Tensor) -> tuple[Tensor, Tensor]:
        """Words fused with their responses, and those, both (n, t, width)."""
        responses = respond(words)
        fused: Tensor = self.fuse_words(torch.cat([words, responses], dim=-1))
        return fused, responses

    def written(self, studies: Labelled, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (n, t, vocabulary), and the responses to cells and to words."""
        respond, to_cells, encoded = self.read(studies)
        words, to_words = self.words_seen(respond, self.decoder.embed(ids))
        return self.decoder.head(self.decoder.states(words, self.decoder.memory(encoded))), to_cells, to_words

    def word_logits(self, films: Labelled, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        return self.written(films, ids)[0]

    def decoding_state(self, films: Labelled, beams: int) -> DecodingState:
        """Each layer's keys and values; new words are answered as they come."""
        _, _, encoded = self.read(films)
        respond = self.responder(films.observations.repeat_interleave(beams, 0))
        return self.decoder.decoding(self.decoder.memory(encoded), beams, lambda x: self.words_seen(respond, x)[0])

    # learning

    def shown(self, batch: Mapping[str, Any]) -> Labelled:
        """Films and the observations of their reports."""
        return Labelled(batch["films"], batch["observations"])

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        """Words, and the contrast of the mean responses to cells and to words."""
        logits, to_cells, to_words = self.written(self.shown(batch), batch["ids"])
        loss = word_loss(logits, batch["targets"])
        means = to_cells.mean(dim=1), mean_over_words(to_words, batch["targets"] != IGNORED)
        for weight, mean in zip((self.config.image_weight, self.config.text_weight), means, strict=True):
            loss = loss + weight * multi_label_contrast(mean, batch["observations"], self.config.margin)
        return loss

    @torch.no_grad()
    def prepare(self, data: TrainingData) -> None:
        """First prototypes: centres of the training studies that show an observation; and the label thresholds."""
        probabilities = self.observation_network.probabilities(data.films.films)
        self.thresholds.copy_(torch.from_numpy(best_thresholds(probabilities, observed(data.films.labels) > 0)))
        films = features(self.observation_network.encoder, data.films.films)
        vectors = np.concatenate([films, report_vectors(data.reports.reports, self.config.text_width)], axis=1)
        centres = observation_centres(vectors, own_observations(data.reports.labels), self.config.prototypes)
        self.prototypes.copy_(torch.from_numpy(centres))

    # writing

    def predicted(self, films: Any) -> NDArray[np.float32]:
        """The observations (n, 14) that the observation network sees on films; No Finding where it sees none."""
        probabilities = self.observation_network.probabilities(films)
        found = np.asarray(probabilities >= self.thresholds.cpu().numpy(), dtype=np.float32)
        found[~found.any(axis=1), NO_FINDING] = 1.0
        return found

    def shown_images(self, images: NDArray[np.uint8]) -> Iterator[tuple[Labelled, int]]:
        """Films (n, size, size) with the observations that are predicted."""
        return self.labelled(images, self.predicted(images))

    def labelled(self, images: NDArray[np.uint8], observations: NDArray[np.float32]) -> Iterator[tuple[Labelled, int]]:
        """Films (n, size, size) with the observations (n, 14) that they are taken to show, some at a time."""
        start = 0
        for films in self.film_batches(images):
            own = torch.from_numpy(observations[start : start + len(films)]).to(films.device)
            yield Labelled(films, own), len(films)
            start += len(films)


def multi_label_contrast(responses: Tensor, observations: Tensor, margin: float, base: float = 1.5) -> Tensor:
    """The paper's improved multi-label contrastive loss, mean over all pairs of studies.

    Studies i and j that share an observation are drawn together until their cosine reaches
    ``base^-(|y_i - y_j| / |y_i + y_j|)``, with sums of absolute values; others are pushed apart down to `margin`.

    Parameters
    ----------
    responses, observations : Tensor
        Of each study, (n, width) and (n, 14).
    """
    unit = normalize(responses, dim=-1)
    cosine = unit @ unit.T
    difference = (observations[:, None] - observations).abs().sum(dim=-1)
    together = (observations[:, None] + observations).sum(dim=-1)
    shared = observations @ observations.T > 0
    wanted = base ** -(difference / together)
    return torch.where(shared, (wanted - cosine).clamp_min(0), (cosine - margin).clamp_min(0)).mean()


def own_observations(labels: NDArray[np.int8]) -> NDArray[np.float32]:
    """Observations (n, 14) of labels: positive or uncertain ones, No Finding where there are none."""
    found = observed(labels)
    found[~found.any(axis=1), NO_FINDING] = 1.0
    return found


def report_vectors(reports: list[str], width: int) -> NDArray[np.float32]:
    """Reports as vectors (n, width): latent semantic analysis of their words, in place of CheXbert's text encoder."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    weights = TfidfVectorizer(token_pattern=r"[^\s]+").fit_transform(reports)
    rank = min(width, *(side - 1 for side in weights.shape))
    found = np.zeros((len(reports), width), dtype=np.float32)
    if rank > 0:
        found[:, :rank] = TruncatedSVD(rank, random_state=0).fit_transform(weights)
    return found


def observation_centres(
    vectors: NDArray[np.float32], observations: NDArray[np.float32], count: int
) -> NDArray[np.float32]:
    """K-means centres (14 * count, d) of the studies that show each observation.

    Where fewer studies than centres show it they are repeated; where none does, all studies are taken.
    """
    from sklearn.cluster import KMeans

    parts = []
    for column in observations.T:
        members = vectors[column > 0] if column.any() else vectors
        # studies that are alike give fewer centres
        several = min(count, len(np.unique(members, axis=0)))
        centres = KMeans(several, n_init=1, random_state=0).fit(members).cluster_centers_
        parts.append(centres[np.arange(count) % several])
    return np.concatenate(parts).astype(np.float32)


def labelled_items(
    model: XProNet, learned: TrainingData, written: TrainingData, augment: bool, seed: int
) -> Dataset[Any]:
    """Films, the observations of their reports, and the reports."""
    own = torch.from_numpy(own_observations(written.reports.labels))
    films = DrawnFilms(written.films.films, augment, seed)
    return ReportWritingItems(report_rows(model, written), films=films, beside={"observations": own})


class ReadsReferenceLabels(TrainedSystem):
    """XProNet as its authors tested it: the observations come from the reference labels of the tested study."""

    reads_labels = True
    signed = MappingProxyType({"labels_given": "reference"})
    """Its values' signatures say what it was told, so none is compared with those of a system that was not."""

    def __init__(self, name: str, model: XProNet, origin: Origin, device: str | None = None) -> None:
        super().__init__(name, model, origin, device)
        self.reads = Reads(self.image_size)
        self._studies: dict[str, Study] = {}

    @property
    def identity(self) -> str:
        """Name and digest of the checkpoint, and that reference labels are read."""
        return f"{super().identity}[labels:reference]"

    def identity_on(self, corpus: Corpus) -> str:
        """The same on any corpus."""
        return self.identity

    def fit(self, corpus: Corpus, films: FilmCache | None = None) -> None:
        """Remember where a study's reference labels stand."""
        self._studies = {study.study_id: study for study in corpus.studies if can_be_labelled(study)}

    @torch.inference_mode()
    def generate_reports(self, images: Any) -> list[str]:
        """Reports of examinations; errors as `labelled`."""
        written: list[str] = self.model.reports_of(self.labelled(images))
        return written

    @torch.inference_mode()
    def report_losses(self, images: Any, reports: Sequence[str]) -> NDArray[np.float64]:
        """Loss and tokens (n, 2) of the reports of examinations; errors as `labelled`."""
        found: NDArray[np.float64] = self.model.losses_under(self.model.word_logits, self.labelled(images), reports)
        return found

    def labelled(self, images: Any) -> Iterator[tuple[Labelled, int]]:
        """Films of examinations with the observations of their references.

        Raises
        ------
        InputError
            If one has no reference labels.
        """
        missing = [one.study_id for one in images if one.study_id not in self._studies]
        if missing:
            raise InputError(f"{self.name} reads reference labels, and {missing[0]} has none; use labels=predicted")
        labels = study_labels([self._studies[one.study_id] for one in images])
        pixels = np.stack([one.films[0].pixels for one in images])
        found: Iterator[tuple[Labelled, int]] = self.model.labelled(pixels, own_observations(labels))
        return found


train = baseline_trainer(NAME, XProNet, report_items=labelled_items)


def load(
    checkpoint: str | Path | None = None,
    labels: Literal["predicted", "reference"] = "predicted",
    device: str | None = None,
) -> TrainedSystem:
    """XProNet for the harness; `labels` says where the observations of a tested film come from. See `load_system`.

    Raises
    ------
    InputError
        If `labels` is neither `predicted` nor `reference`.
    """
    if labels not in ("predicted", "reference"):
        raise InputError(f"xpronet takes its labels from 'predicted' or 'reference'; given: {labels!r}")
    found = load_system(NAME, XProNet, checkpoint, device)
    return found if labels == "predicted" else ReadsReferenceLabels(NAME, found.model, found.origin, device)
