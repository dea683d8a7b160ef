"""R2Gen: Chen et al., Generating Radiology Reports via Memory-driven Transformer, EMNLP 2020.

A relational memory is carried over the words of a report (Eqs. 5-10) and steers each decoder layer through the scale
and shift of its layer norms (memory-driven conditional layer normalisation, Eqs. 11-13).
"""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.common.training import baseline_trainer
from baselines.common.word_decoder import cell_projection, positions, transformer_encoder
from rrgbench.modeling.captioner import Captioner, RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "r2gen"


class R2GenConfig(ReportModelConfig):
    """Shape of R2Gen; the paper's values in brackets.

    Parameters
    ----------
    width : int
        Of the Transformer and of a memory slot (512).
    heads, layers, feed_forward : int
        Of encoder and decoder (8, 3, 512).
    slots : int
        Memory slots (3).
    **kwargs
        See `ReportModelConfig`.
    """

    model_type = "r2gen"

    def __init__(
        self, width: int = 128, heads: int = 4, layers: int = 3, feed_forward: int = 256, slots: int = 3, **kwargs: Any
    ) -> None:
        self.width = width
        self.heads = heads
        self.layers = layers
        self.feed_forward = feed_forward
        self.slots = slots
        super().__init__(**kwargs)


class RelationalMemory(nn.Module):
    """Memory slots M (n, slots, width), updated by each word through attention and gates.

    Parameters
    ----------
    width, slots, heads : int
        Shape.
    """

    def __init__(self, width: int, slots: int, heads: int) -> None:
        super().__init__()
        self.slots, self.width = slots, width
        self.attention = Attention(width, width, heads)
        self.mlp = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.word_gates = nn.Linear(width, 2 * width)  # W^f and W^i
        self.memory_gates = nn.Linear(width, 2 * width)  # U^f and U^i

    def start(self, n: int, like: Tensor) -> Tensor:
        """M_0: each slot a unit vector of its own, so that slots differ from the first word on."""
        return torch.eye(self.slots, self.width, dtype=like.dtype, device=like.device).expand(n, -1, -1)

    def forward(self, memory: Tensor, word: Tensor) -> Tensor:
        """M_t from M_{t-1} and the embedded word y_{t-1} (n, width)."""
        context = torch.cat([memory, word.unsqueeze(1)], dim=1)
        related = memory + self.attention(memory, *self.attention.keys_values(context))  # Z + M, Eqs. 5-6
        candidate = related + self.mlp(related)  # Eq. 7
        gates = self.word_gates(word).unsqueeze(1) + self.memory_gates(torch.tanh(memory))  # Eqs. 9-10
        forget, take = torch.sigmoid(gates).chunk(2, dim=-1)
        updated: Tensor = forget * memory + take * torch.tanh(candidate)  # Eq. 8
        return updated


class ConditionalLayerNorm(nn.Module):
    """MCLN: gamma and beta of a layer norm are moved by the memory (Eqs. 11-13)."""

    def __init__(self, width: int, memory_width: int) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.gamma_shift = self._shift(memory_width, width)
        self.beta_shift = self._shift(memory_width, width)

    @staticmethod
    def _shift(memory_width: int, width: int) -> nn.Module:
        mlp = nn.Sequential(nn.Linear(memory_width, width), nn.ReLU(), nn.Linear(width, width))
        for layer in mlp:
            if isinstance(layer, nn.Linear):
                # as the authors' code has it
                nn.init.constant_(layer.bias, 0.1)
        return mlp

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        """x (n, t, width), normalised; `memory` (n, t, slots * width) holds the memory at each step."""
        mean, deviation = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        gamma, beta = self.gamma + self.gamma_shift(memory), self.beta + self.beta_shift(memory)
        normalised: Tensor = gamma * (x - mean) / (deviation + 1e-6) + beta
        return normalised


class MemoryDrivenLayer(nn.Module):
    """Decoder layer, pre-norm, with a conditional norm before each of its three parts."""

    def __init__(self, width: int, heads: int, feed_forward: int, memory_width: int, dropout: float) -> None:
        super().__init__()
        self.self_attention, self.cross_attention = Attention(width, width, heads), Attention(width, width, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, feed_forward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feed_forward, width)
        )
        self.norms = nn.ModuleList(ConditionalLayerNorm(width, memory_width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        seen: tuple[Tensor, Tensor],
        past: tuple[Tensor, Tensor] | None = None,
        mask: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Output (n, t, width), and keys and values so far, given those of the image and of earlier words."""
        normed = self.norms[0](x, memory)
        keys, values = self.self_attention.keys_values(normed)
        if past is not None:
            keys, values = torch.cat([past[0], keys], 2), torch.cat([past[1], values], 2)
        x = x + self.dropout(self.self_attention(normed, keys, values, mask))
        x = x + self.dropout(self.cross_attention(self.norms[1](x, memory), *seen))
        return x + self.dropout(self.feed_forward(self.norms[2](x, memory))), (keys, values)


class R2Gen(Captioner):
    """Memory-driven Transformer over the cells of the feature map."""

    config_class = R2GenConfig

    def __init__(self, config: R2GenConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width = config.width
        self.cells = cell_projection(self.image_encoder.dim, width, config.dropout)
        self.encoder = transformer_encoder(config)
        self.embedding = nn.Embedding(config.vocabulary, width, padding_idx=config.pad_token_id)
        # scaled by sqrt(width) below, they are then as large as their positions; else the memory's gates start shut
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.memory = RelationalMemory(width, config.slots, config.heads)
        self.layers = nn.ModuleList(
            MemoryDrivenLayer(width, config.heads, config.feed_forward, config.slots * width, config.dropout)
            for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, config.vocabulary)
        self.post_init()

    def look(self, films: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Each decoder layer's keys and values of the encoded image cells."""
        encoded = self.encoder(self.cells(self.film_cells(films)))
        return [layer.cross_attention.keys_values(encoded) for layer in self.stack()]

    def stack(self) -> list[MemoryDrivenLayer]:
        """The decoder layers in order."""
        return [layer for layer in self.layers if isinstance(layer, MemoryDrivenLayer)]

    def place(self, words: Tensor, first: int) -> Tensor:
        """Embedded words (n, t, width), scaled, with the positions from `first` on."""
        length, width = words.shape[1:]
        table = positions(first + length, width, words)[first:]
        placed: Tensor = self.dropout(words * math.sqrt(width) + table)
        return placed

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        seen, words = self.look(films), self.embedding(ids)
        memory, memories = self.memory.start(len(ids), words), []
        x = self.place(words, 0)
        for step in range(ids.shape[1]):
            memory = self.memory(memory, x[:, step])
            memories.append(memory.flatten(1))
        remembered = torch.stack(memories, 1)
        length = ids.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        for layer, image in zip(self.stack(), seen, strict=True):
            x, _ = layer(x, remembered, image, mask=causal)
        logits: Tensor = self.head(self.norm(x))
        return logits

    def decoding_state(self, films: Tensor, beams: int) -> RecurrentDecoding:
        """Memory and each layer's keys and values; the position is how many of those there are."""
        seen = [(k.repeat_interleave(beams, 0), v.repeat_interleave(beams, 0)) for k, v in self.look(films)]
        rows, heads = len(films) * beams, self.config.heads
        empty = seen[0][0].new_zeros(rows, heads, 0, self.config.width // heads)

        def step(tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
            past = state[1:]
            x = self.place(self.embedding(tokens).unsqueeze(1), past[0].shape[2])
            memory = self.memory(state[0], x[:, 0])
            kept: list[Tensor] = []
            for index, (layer, image) in enumerate(zip(self.stack(), seen, strict=True)):
                x, own = layer(x, memory.flatten(1).unsqueeze(1), image, (past[2 * index], past[2 * index + 1]))
                kept += own
            return self.head(self.norm(x))[:, 0], (memory, *kept)

        return RecurrentDecoding(step, (self.memory.start(rows, empty), *[empty] * (2 * self.config.layers)))


train = baseline_trainer(NAME, R2Gen)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """R2Gen for the harness; see `load_system`."""
    return load_system(NAME, R2Gen, checkpoint, device)
