"""DCRRG as one Hugging Face model: encoders, prompted projections, heads, decoder, soft prompts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoProcessor
from transformers.utils import ModelOutput

from dcrrg.configuration import DECODING, DcrrgConfig
from dcrrg.processing import DcrrgImageProcessor, Film, Films, read_films
from dcrrg.projection import PromptedProjection
from rrgbench.data.study import LabelVector
from rrgbench.errors import InputError
from rrgbench.explain.explanation import Explanation, explain_images
from rrgbench.modeling.report_decoder import CachedDecoding, DecoderShape, DeepPrompts, ReportDecoder
from rrgbench.modeling.report_model import REPORT_START, texts_in_batches
from rrgbench.modeling.text_encoder import mean_over_words
from rrgbench.modeling.text_reading_model import TextReadingModel
from rrgbench.observations import OBSERVATIONS
from rrgbench.registry import lookup
from rrgbench.training.decisions import decide

NOT_MENTIONED = "[NOT MENTIONED]"
OBSERVATION_STARTS = tuple(f"[{name.upper()}]" for name in OBSERVATIONS)
SPECIAL_TOKENS = (REPORT_START, NOT_MENTIONED, *OBSERVATION_STARTS)


@dataclass
class DcrrgOutput(ModelOutput):  # type: ignore[misc]
    """What `DcrrgModel.forward` returns; a part is None where its input was not given.

    Attributes
    ----------
    observation_logits : Tensor
        Log-odds (n, 14) of each observation in each film; `sigmoid` gives probabilities.
    image_embeddings : Tensor
        Unit vectors (n, p) of films.
    text_observation_logits : Tensor
        Log-odds (m, 14) of each observation in each report.
    text_embeddings : Tensor
        Unit vectors (m, p) of reports.
    similarity : Tensor
        Cosines (n, m) of films and reports, Eq. 6.
    """

    observation_logits: Tensor | None = None
    image_embeddings: Tensor | None = None
    text_observation_logits: Tensor | None = None
    text_embeddings: Tensor | None = None
    similarity: Tensor | None = None


class DcrrgModel(TextReadingModel):
    """Divide and Conquer Radiology Report Generation (Zhou and Wang, EMNLP 2024).

    Films are uint8 arrays (n, image_size, image_size), or whatever `dcrrg.processing.read_films` takes: PIL images,
    arrays of any size, files. Tokenizers as in `TextReadingModel`.

    Examples
    --------
    >>> import rrgbench
    >>> model = rrgbench.load_model("dcrrg").model
    >>> film = rrgbench.load_corpus("phantom", test=1).split("test")[0].images[0].load(200)
    >>> model.predict_observations([film]).shape
    (1, 14)
    """

    config_class = DcrrgConfig
    base_model_prefix = "dcrrg"
    main_input_name = "pixel_values"

    def __init__(self, config: DcrrgConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        hidden, width = config.projection_width, config.embedding_width
        self.image_projection = PromptedProjection(self.image_encoder.dim, hidden, width, config.dropout)
        self.text_projection = PromptedProjection(self.text_encoder.config.hidden_size, hidden, width, config.dropout)
        self.image_head = nn.Linear(width, 2)
        self.text_head = nn.Linear(width, 2)
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.contrast_temperature))))
        self.decoder = ReportDecoder(
            config.vocabulary,
            DecoderShape(
                config.decoder_width,
                config.memory_width,
                config.decoder_heads,
                config.decoder_layers,
                config.decoder_feed_forward,
            ),
            config.dropout,
            getattr(config, "pad_token_id", None) or 0,
            config.slopes,
        )
        self.description_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.report_head = nn.Linear(config.decoder_width, config.vocabulary)
        self.prompts = DeepPrompts(
            config.decoder_layers,
            config.decoder_heads,
            config.decoder_width,
            config.prompt_length,
            crossed=config.prompted_attention == "both",
        )
        self.post_init()

    def forward(
        self,
        pixel_values: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> DcrrgOutput:
        """Observations and embeddings of films, of reports, or of both.

        Parameters
        ----------
        pixel_values : Tensor, optional
            Films (n, size, size) in [0, 255], as `dcrrg.processing.DcrrgImageProcessor` gives them.
        input_ids, attention_mask : Tensor, optional
            Token ids and mask (m, t) of reports, as `encode_texts` gives them.

        Returns
        -------
        DcrrgOutput

        Raises
        ------
        InputError
            If neither films nor reports are given.
        """
        if pixel_values is None and input_ids is None:
            raise InputError("DCRRG reads pixel_values (films), input_ids (reports), or both; neither was given")
        output = DcrrgOutput()
        prompt = self.config.similarity_prompt
        if pixel_values is not None:
            v = self.image_features(pixel_values)
            output.observation_logits = _log_odds(self.image_head(self.image_projection(v)))
            output.image_embeddings = self.image_projection.similarity_vector(v, prompt)
        if input_ids is not None:
            mask = torch.ones_like(input_ids, dtype=torch.bool) if attention_mask is None else attention_mask
            t = self.text_features(input_ids, mask)
            output.text_observation_logits = _log_odds(self.text_head(self.text_projection(t)))
            output.text_embeddings = self.text_projection.similarity_vector(t, prompt)
        if output.image_embeddings is not None and output.text_embeddings is not None:
            output.similarity = output.image_embeddings @ output.text_embeddings.T
        return output

    # representations

    def image_features(self, films: Tensor) -> Tensor:
        """v (n, D) of films (n, size, size); what is (n, D) already is taken for them."""
        features: Tensor = films if films.ndim == 2 else self.image_encoder(films)
        return features

    def image_observations(self, films: Tensor) -> Tensor:
        """Prompted representations v_p (n, 14, P) of films (n, size, size), Eq. 1."""
        prompted: Tensor = self.image_projection(self.image_features(films))
        return prompted

    def text_features(self, ids: Tensor, mask: Tensor) -> Tensor:
        """t (n, M): the text encoder's states, pooled as configured, Eq. 2a."""
        states: Tensor = self.text_encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        if self.config.text_pooling == "cls":
            return states[:, 0]
        return mean_over_words(states, mask)

    def text_observations(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Prompted representations t_p (n, 14, P) of reports, Eq. 2."""
        prompted: Tensor = self.text_projection(self.text_features(ids, mask))
        return prompted

    def image_memory(self, films: Tensor) -> Tensor:
        """What of films goes into the decoder's memory (n, 14, .): v_p, the decisions, or both."""
        prompted = self.image_observations(films)
        if not self.config.decides:
            return prompted
        return self.with_decisions(prompted, self.decided(_log_odds(self.image_head(prompted))))

    def with_decisions(self, prompted: Tensor, decisions: Tensor) -> Tensor:
        """What of prompted representations (n, 14, P) and decisions (n, 14) goes into the decoder's memory."""
        if not self.config.decides:
            return prompted
        column = decisions.to(prompted.dtype).unsqueeze(-1)
        return column if self.config.decoder_memory == "decisions" else torch.cat([prompted, column], dim=-1)

    def observation_log_odds(self, films: Tensor) -> Tensor:
        """Log-odds (n, 14) of each observation in films."""
        return _log_odds(self.image_head(self.image_observations(films)))

    def decided(self, log_odds: Tensor) -> Tensor:
        """Which observations a film has (n, 14), by the thresholds that training set.

        Raises
        ------
        InputError
            If it set none.
        """
        stored = self.config.decision_thresholds
        if stored is None:
            raise InputError("this model has no decision_thresholds: none of the steps of its training sets them")
        found = decide(log_odds.detach().double().cpu().numpy(), np.array([float(one) for one in stored]))
        return torch.from_numpy(found).to(log_odds.device)

    def decode_as(self, config: DcrrgConfig) -> None:
        """Take over from a configuration what steps 3 and 4 read (`DECODING`): a model that comes from a stage which
        several share was made for one of them."""
        for name in DECODING:
            setattr(self.config, name, getattr(config, name))
        self.decoder.slopes = self.config.slopes

    def memory(self, prompted: Tensor) -> Tensor:
        """The decoder's memory (n, 14, .): what `with_decisions` gives, or each beside its prompt."""
        if not self.config.memory_prompts:
            return prompted
        prompts = torch.eye(len(OBSERVATIONS), dtype=prompted.dtype, device=prompted.device)
        return torch.cat([prompted, prompts.expand(len(prompted), -1, -1)], dim=-1)

    @property
    def temperature(self) -> Tensor:
        """tau of Eq. 7, trained as its logarithm so that it stays positive."""
        return self.log_temperature.exp()

    # what a model offers (rrgbench.registry)

    def film_batches(self, images: Films, size: int = 64) -> Iterator[Tensor]:
        """Films of any kind on the model's device, some at a time; the model is put into evaluation mode."""
        yield from super().film_batches(read_films(images, self.config.image_size), size)

    @torch.inference_mode()
    def predict_observations(self, images: Films) -> NDArray[np.float32]:
        """Probability of each observation (n, 14)."""
        parts = [
            torch.softmax(self.image_head(self.image_observations(films)), dim=-1)[..., 1]
            for films in self.film_batches(images)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def read_observations(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probability of each observation (n, 14) in reports, by step 1's text head."""
        self.eval()
        parts = [
            torch.softmax(self.text_head(self.text_observations(*self.encode_texts(some))), dim=-1)[..., 1]
            for some in texts_in_batches(texts)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def embed_images(self, images: Films) -> NDArray[np.float32]:
        """Unit vectors (n, p) of films."""
        prompt = self.config.similarity_prompt
        parts = [
            self.image_projection.similarity_vector(self.image_encoder(films), prompt)
            for films in self.film_batches(images)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def embed_reports(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Unit vectors (n, p) of reports."""
        self.eval()
        prompt = self.config.similarity_prompt
        parts = [
            self.text_projection.similarity_vector(self.text_features(*self.encode_texts(some)), prompt)
            for some in texts_in_batches(texts)
        ]
        return torch.cat(parts).float().cpu().numpy()

    @torch.inference_mode()
    def generate_reports(self, images: Films) -> list[str]:
        """Reports of films, beam search of the configured size."""
        prompts = self.prompts if self.config.tuning == "prompt" else None
        return [
            report
            for films in self.film_batches(images)
            for report in self.decode(self._decoding(films, self.report_head, prompts), len(films))
        ]

    @torch.inference_mode()
    def report_losses(self, images: Films, reports: Sequence[str]) -> NDArray[np.float64]:
        """Loss and tokens (n, 2) of the report beside each film (`rrgbench.models.ReportLikelihood`)."""
        prompts = self.prompts if self.config.tuning == "prompt" else None

        def word_logits(films: Tensor, ids: Tensor) -> Tensor:
            states = self.decoder(ids, self.memory(self.image_memory(films)), prompts)
            logits: Tensor = self.report_head(states)
            return logits

        return self.losses_under(word_logits, ((films, len(films)) for films in self.film_batches(images)), reports)

    @torch.inference_mode()
    def describe(self, images: Films, observation: str) -> list[str]:
        """Step 3's description of one observation for each film; empty where the model finds it not mentioned.

        Raises
        ------
        UnknownNameError
            If it is not one of the 14 observations.
        """
        prompted = OBSERVATIONS.index(lookup("observation", observation, OBSERVATIONS))
        only = prompted if self.config.description_memory == "prompted" else None
        return [
            text
            for films in self.film_batches(images)
            for text in self.decode(
                self._decoding(films, self.description_head, None, only),
                len(films),
                OBSERVATION_STARTS[prompted],
                self.config.max_description,
                allowed=[NOT_MENTIONED],
            )
        ]

    def _decoding(
        self, films: Tensor, head: nn.Module, prompts: DeepPrompts | None, only: int | None = None
    ) -> CachedDecoding:
        memory = self.memory(self.image_memory(films))
        if only is not None:
            memory = memory[:, only : only + 1]
        return CachedDecoding(self.decoder, head, memory, self.config.beams, prompts)

    def explain(
        self, image: Film, reference: str | None = None, labels: Sequence[int | None] | LabelVector | None = None
    ) -> Explanation:
        """The paper's Table 7 for one film: probability and description of each observation, and the report.

        Parameters
        ----------
        image : Film
            One film.
        reference : str, optional
            The film's own report; its key words are marked too.
        labels : sequence of 14, optional
            Known labels in CheXpert coding; read from the reference by the rules if omitted.
        """
        (film,) = read_films(image, self.config.image_size)
        return explain_images(
            self,
            film[None],
            name="dcrrg",
            reference=reference,
            labels=labels,
            labels_source="" if labels is None else "given",
        )

    def save_pretrained(self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any) -> None:
        """Write weights (safetensors), configuration, image processor and tokenizers."""
        hub = {key: kwargs.pop(key) for key in ("repo_id", "commit_message", "create_pr", "private") if key in kwargs}
        super().save_pretrained(save_directory, **kwargs)
        DcrrgImageProcessor(self.config.image_size).save_pretrained(save_directory)
        if push_to_hub:
            # the base class would upload before the tokenizers are there
            self.push_to_hub(hub.pop("repo_id", Path(save_directory).name), token=kwargs.get("token"), **hub)


def _log_odds(logits: Tensor) -> Tensor:
    """Logits (..., 2) of negative and positive as log-odds (...)."""
    return logits[..., 1] - logits[..., 0]


AutoConfig.register("dcrrg", DcrrgConfig)
AutoModel.register(DcrrgConfig, DcrrgModel)
AutoImageProcessor.register(DcrrgConfig, DcrrgImageProcessor)
AutoProcessor.register(DcrrgConfig, DcrrgImageProcessor)
