"""M2 Tr.: Nooralahzadeh et al., Progressive Transformer-Based Generation of Radiology Reports, EMNLP Findings 2021.

A meshed-memory Transformer (Cornia et al., CVPR 2020) writes a film's context: what the report mentions and whether it
is there, in the report's order. A second encoder and decoder (BART) writes the report from the context. In training the
second reads the report's own context, at test the written one; no gradient passes between the two.
"""

import math
from collections.abc import Mapping, Sequence
from inspect import signature
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import AutoTokenizer, BartConfig, BartForConditionalGeneration

from baselines.common.training import baseline_trainer
from baselines.common.word_decoder import Look, Seen, TransformerConfig, WordDecoder, cell_projection
from rrgbench.errors import MissingPartError
from rrgbench.labelers import StandardLabeler
from rrgbench.modeling.beam_search import DecodingState, beam_search
from rrgbench.modeling.captioner import Captioner, word_loss
from rrgbench.modeling.checkpoint_reading import reading
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_model import REPORT_START, hub_options, loss_and_tokens
from rrgbench.modeling.report_tokenizer import IGNORED, decode_report, encode_reports, pad_rows
from rrgbench.modeling.trained_system import TrainedSystem, load_system
from rrgbench.observations import NEGATIVE, OBSERVATIONS, POSITIVE, UNCERTAIN
from rrgbench.training.data import TrainingData
from rrgbench.training.items import DrawnFilms, ReportWritingItems

NAME = "m2tr"
WRITER_TOKENIZER_FOLDER = "writer_tokenizer"
STATES = {POSITIVE: "present", NEGATIVE: "absent", UNCERTAIN: "possible"}
NOTHING = "nothing"


class M2TRConfig(TransformerConfig):
    """Shape of M2 Tr.; the paper's values in brackets, of `TransformerConfig` 512, 8, 3 and 2048.

    Parameters
    ----------
    memory : int
        Memory slots of each encoder layer (40).
    max_context : int
        Most tokens of a context (60).
    writer : dict
        Keys of `transformers.BartConfig` for a second step of our own, or `weights`: a hub id or local folder of a BART
        (the paper's BART-base), whose vocabulary is then used.
    **kwargs
        See `TransformerConfig`.
    """

    model_type = "m2tr"

    def __init__(
        self, memory: int = 40, max_context: int = 60, writer: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        self.memory = memory
        self.max_context = max_context
        self.writer = dict(writer or {})
        super().__init__(**kwargs)


class MemoryAttention(Attention):
    """Self-attention whose keys and values are extended by learned slots."""

    def __init__(self, width: int, heads: int, slots: int) -> None:
        super().__init__(width, width, heads)
        self.slots = slots
        self.memory_keys = nn.Parameter(torch.randn(1, slots, width) / (width // heads))
        self.memory_values = nn.Parameter(torch.randn(1, slots, width) / slots)

    def over(self, x: Tensor) -> Tensor:
        """x (n, m, width) attends to itself and to sqrt(d_k) M_k, sqrt(slots) M_v."""
        keys, values = self.keys_values(x)
        scaled = (
            math.sqrt(keys.shape[-1]) * self.memory_keys,
            math.sqrt(self.slots) * self.memory_values,
        )
        more_keys, more_values = (self.split(part).expand(len(x), -1, -1, -1) for part in scaled)
        attended: Tensor = self(x, torch.cat([keys, more_keys], dim=2), torch.cat([values, more_values], dim=2))
        return attended


class MemoryLayer(nn.Module):
    """Encoder layer, post-norm."""

    def __init__(self, config: M2TRConfig) -> None:
        super().__init__()
        width = config.width
        self.attention = MemoryAttention(width, config.heads, config.memory)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, config.feed_forward),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feed_forward, width),
        )
        self.norms, self.dropout = nn.ModuleList(nn.LayerNorm(width) for _ in range(2)), nn.Dropout(config.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """States (n, m, width) of states."""
        x = self.norms[0](x + self.dropout(self.attention.over(x)))
        states: Tensor = self.norms[1](x + self.dropout(self.feed_forward(x)))
        return states


class MeshedLook(Look):
    """Attention to every encoder layer by the same weights, each answer gated by its own sigmoid."""

    def __init__(self, config: M2TRConfig) -> None:
        super().__init__(config)
        self.gates = nn.ModuleList(nn.Linear(2 * config.width, config.width) for _ in range(config.layers))

    def memory(self, *sources: Tensor) -> Seen:
        """Keys and values of each layer's states (n, m, width)."""
        return tuple(part for states in sources for part in self.attention.keys_values(states))

    def forward(self, x: Tensor, seen: Seen) -> Tensor:
        """Sum over layers i of sigmoid(W_i [x; C_i(x)]) C_i(x), times layers^-1/2."""
        total = torch.zeros_like(x)
        for index, gate in enumerate(self.gates):
            answer = self.attention(x, *seen[2 * index : 2 * index + 2])
            total = total + torch.sigmoid(gate(torch.cat([x, answer], dim=-1))) * answer
        return total / math.sqrt(len(self.gates))


class WriterDecoding:
    """Decoding state of BART (`rrgbench.modeling.beam_search.DecodingState`): its own cache, reordered by rows."""

    def __init__(self, writer: Any, contexts: Tensor, there: Tensor, beams: int) -> None:
        states = writer.get_encoder()(input_ids=contexts, attention_mask=there).last_hidden_state
        self.writer: Any = writer
        self.cache: Any = None
        # newer releases of transformers have another name for it
        takes = signature(type(writer).forward).parameters
        self.cache_name = "cache" if "cache" in takes else "past_key_values"
        self.states, self.there = states.repeat_interleave(beams, 0), there.repeat_interleave(beams, 0)

    def step(self, tokens: Tensor) -> Tensor:
        """Log-probabilities (rows, vocabulary) of the token after `tokens` (rows,)."""
        found = self.writer(
            encoder_outputs=(self.states,),
            attention_mask=self.there,
            decoder_input_ids=tokens.unsqueeze(1),
            use_cache=True,
            **{self.cache_name: self.cache},
        )
        self.cache = found[self.cache_name]
        following: Tensor = found.logits[:, -1].float().log_softmax(dim=-1)
        return following

    def reorder(self, rows: Tensor) -> None:
        """Keep the partial reports of the given rows; they are of the same item, whose states stay."""
        if self.cache is not None:
            self.cache.reorder_cache(rows)


class M2TR(Captioner):
    """Film to context, context to report."""

    config_class = M2TRConfig

    def __init__(self, config: M2TRConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.cells = cell_projection(self.image_encoder.dim, config.width, config.dropout)
        self.encoder = nn.ModuleList(MemoryLayer(config) for _ in range(config.layers))
        self.decoder = WordDecoder(config, [MeshedLook(config) for _ in range(config.layers)])
        self.writer_tokenizer: Any = None
        weights = config.writer.get("weights")
        if weights and pretrained_encoders:
            self.writer, self.writer_tokenizer = pretrained_writer(weights)
            config.writer = {**self.writer.config.to_diff_dict(), "own_vocabulary": True}
        else:
            self.writer = BartForConditionalGeneration(writer_config(config))
        self.post_init()

    # step 1: film to context

    def encoded(self, films: Tensor) -> list[Tensor]:
        """Every encoder layer's states (n, m, width)."""
        states, kept = self.cells(self.film_cells(films)), []
        for layer in self.encoder:
            states = layer(states)
            kept.append(states)
        return kept

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token of a context after each of `ids` (n, t)."""
        logits: Tensor = self.decoder(ids, self.decoder.memory(*self.encoded(films)))
        return logits

    def decoding_state(self, films: Tensor, beams: int) -> DecodingState:
        """Each layer's keys and values while a context is written."""
        return self.decoder.decoding(self.decoder.memory(*self.encoded(films)), beams)

    # step 2: context to report

    @property
    def writes_with(self) -> Any:
        """The tokenizer of the second step."""
        return self.tokenizer if self.writer_tokenizer is None else self.writer_tokenizer

    @property
    def writer_start(self) -> int:
        """The token before a report's first word."""
        if self.writer_tokenizer is None:
            return int(self.tokenizer.convert_tokens_to_ids(REPORT_START))
        return int(self.writer.config.decoder_start_token_id)

    def writer_rows(self, reports: Sequence[str]) -> list[list[int]]:
        """Start token, report and end token, as the second step writes them."""
        return self._rows(reports, self.config.max_report, self.writer_start)

    def context_rows(self, contexts: Sequence[str]) -> list[list[int]]:
        """Start token, context and end token, as the second step reads them; BART's encoder has a start of its own."""
        own = None if self.writer_tokenizer is None else self.writer_tokenizer.bos_token_id
        return self._rows(contexts, self.config.max_context, self.writer_start if own is None else own)

    def _rows(self, texts: Sequence[str], longest: int, start: int) -> list[list[int]]:
        if self.writer_tokenizer is None:
            return encode_reports(self.tokenizer, texts, REPORT_START, longest)
        encoded = self.writer_tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return [[start, *ids[: longest - 1], self.writer_tokenizer.eos_token_id] for ids in encoded]

    def report_logits(self, contexts: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the word after each of `ids` (n, t), given contexts (n, u)."""
        there = (contexts != self.writes_with.pad_token_id).long()
        logits: Tensor = self.writer(input_ids=contexts, attention_mask=there, decoder_input_ids=ids).logits
        return logits

    @torch.inference_mode()
    def write(self, contexts: Sequence[str]) -> list[str]:
        """Reports of contexts."""
        tokenizer = self.writes_with
        ids, there = pad_rows(self.context_rows(contexts), tokenizer.pad_token_id)
        ids, there = ids.to(self.device), there.to(self.device)
        special = set(tokenizer.all_special_ids) - {tokenizer.eos_token_id}
        rows = beam_search(
            WriterDecoding(self.writer, ids, there.long(), self.config.beams),
            torch.full((len(ids),), self.writer_start, device=self.device),
            end=tokenizer.eos_token_id,
            pad=tokenizer.pad_token_id,
            beams=self.config.beams,
            max_length=self.config.max_report,
            length_penalty=self.config.length_power,
            forbidden=sorted(special),
        )
        if self.writer_tokenizer is None:
            return [decode_report(tokenizer, row) for row in rows]
        return [tokenizer.decode(row, skip_special_tokens=True).strip() for row in rows]

    @torch.inference_mode()
    def write_contexts(self, images: NDArray[np.uint8]) -> list[str]:
        """Contexts of films (n, size, size)."""
        return [
            context
            for films in self.film_batches(images)
            for context in self.decode(
                self.decoding_state(films, self.config.beams), len(films), max_length=self.config.max_context
            )
        ]

    def generate_reports(self, images: NDArray[np.uint8]) -> list[str]:
        """Reports of films (n, size, size), each by way of its context."""
        contexts = self.write_contexts(images)
        return [report for start in range(0, len(contexts), 64) for report in self.write(contexts[start : start + 64])]

    @torch.inference_mode()
    def report_losses(self, images: NDArray[np.uint8], reports: Sequence[str]) -> NDArray[np.float64]:
        """Loss and tokens (n, 2) of the report beside each film, given the context that is written of the film."""
        contexts, pad = self.write_contexts(images), self.writes_with.pad_token_id
        parts = []
        for start in range(0, len(contexts), 64):
            some = slice(start, start + 64)
            ids, _ = pad_rows(self.context_rows(contexts[some]), pad)
            rows, there = pad_rows(self.writer_rows(reports[some]), pad)
            targets = rows[:, 1:].masked_fill(~there[:, 1:], IGNORED).to(self.device)
            logits = self.report_logits(ids.to(self.device), rows[:, :-1].to(self.device))
            parts.append(loss_and_tokens(logits, targets))
        return np.concatenate(parts)

    def loss(self, batch: Mapping[str, Any]) -> Tensor:
        """Words of the context given the film, and words of the report given its own context."""
        first = super().loss(batch)
        pad = self.writes_with.pad_token_id
        contexts, rows = (shortened(batch[key], pad) for key in ("contexts", "reports"))
        targets = rows[:, 1:].masked_fill(rows[:, 1:] == pad, IGNORED)
        return first + word_loss(self.report_logits(contexts, rows[:, :-1]), targets)

    # saved

    def save_pretrained(self, save_directory: str | Path, **kwargs: Any) -> None:
        """Write weights, configuration and tokenizers."""
        super().save_pretrained(save_directory, **kwargs)
        if self.writer_tokenizer is not None:
            self.writer_tokenizer.save_pretrained(Path(save_directory) / WRITER_TOKENIZER_FOLDER)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Self:
        """Load weights, configuration and tokenizers from a folder or a hub id."""
        model = super().from_pretrained(pretrained_model_name_or_path, *args, **kwargs)
        if model.config.writer.get("own_vocabulary"):
            with reading(pretrained_model_name_or_path):
                model.writer_tokenizer = AutoTokenizer.from_pretrained(
                    pretrained_model_name_or_path, subfolder=WRITER_TOKENIZER_FOLDER, **hub_options(kwargs)
                )
        return model


def writer_config(config: M2TRConfig) -> BartConfig:
    """Shape of the second step: as its weights have it, else as wide and deep as the first step."""
    if config.writer.get("own_vocabulary"):
        return BartConfig(**{key: value for key, value in config.writer.items() if key != "own_vocabulary"})
    shape = {
        **{f"{side}_layers": config.layers for side in ("encoder", "decoder")},
        **{f"{side}_attention_heads": config.heads for side in ("encoder", "decoder")},
        **{f"{side}_ffn_dim": config.feed_forward for side in ("encoder", "decoder")},
        "d_model": config.width,
        "max_position_embeddings": max(config.max_report, config.max_context) + 2,
        "dropout": config.dropout,
        # BART's 0.02 is of 768 dimensions: a narrow one that starts so hardly learns to read its context
        "init_std": config.width**-0.5,
    }
    own = {key: value for key, value in config.writer.items() if key != "weights"}
    pad = config.pad_token_id
    return BartConfig(
        **{**shape, **own, "vocab_size": config.vocabulary, "pad_token_id": pad, "forced_eos_token_id": None}
    )


def pretrained_writer(weights: str) -> tuple[Any, Any]:
    """A BART and its tokenizer.

    Raises
    ------
    MissingPartError
        If they are not available.
    """
    try:
        writer = BartForConditionalGeneration.from_pretrained(weights, use_safetensors=True)
        return writer, AutoTokenizer.from_pretrained(weights)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise MissingPartError(
            f"no BART (safetensors) with its tokenizer at {weights!r}: give a local folder or a reachable hub id "
            f"({reason})"
        ) from error


def context_of(report: str) -> str:
    """What a report mentions, in its order: `absent pleural effusion . present cardiomegaly .`"""
    told = [
        f"{STATES[mention.label]} {OBSERVATIONS[mention.observation].lower()} ."
        for mention in sorted(StandardLabeler().mentions(report), key=lambda one: (one.start, one.observation))
    ]
    return " ".join(dict.fromkeys(told)) or NOTHING


def shortened(rows: Tensor, pad: int) -> Tensor:
    """Rows (n, t) without the columns that are padding in all."""
    return rows[:, : int((rows != pad).sum(dim=1).max())]


class ContextItems(ReportWritingItems):
    """Items whose reports, which take most of the time, lie beside the contexts."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each report, one less of the longest ones: whatever is a row's last token is taken for padding."""
        rows: Tensor = self.beside["reports"]
        return (rows != rows[:, -1:]).sum(dim=1).tolist()


def context_items(model: M2TR, learned: TrainingData, written: TrainingData, augment: bool, seed: int) -> Dataset[Any]:
    """Films beside their contexts, and these, for the second step, beside the reports."""
    reports = written.reports.reports
    contexts = [context_of(report) for report in reports]
    pad = model.writes_with.pad_token_id
    beside = {
        "contexts": pad_rows(model.context_rows(contexts), pad)[0],
        "reports": pad_rows(model.writer_rows(reports), pad)[0],
    }
    rows = encode_reports(model.tokenizer, contexts, REPORT_START, model.config.max_context)
    return ContextItems(rows, films=DrawnFilms(written.films.films, augment, seed), beside=beside)


def with_contexts(reports: Sequence[str]) -> list[str]:
    """Reports and their contexts: the texts whose words are written."""
    return [*reports, *(context_of(report) for report in reports)]


train = baseline_trainer(NAME, M2TR, report_items=context_items, vocabulary=with_contexts)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """M2 Tr. for the harness; see `load_system`."""
    return load_system(NAME, M2TR, checkpoint, device)
