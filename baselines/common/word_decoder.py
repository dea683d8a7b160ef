"""A Transformer that writes word by word: the part that several systems share, each bringing what its words look at.

Layers are pre-norm: masked self-attention over earlier words, what the system looks at, feed-forward. Earlier words are
kept as keys and values while a report is written.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rrgbench.modeling.captioner import RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_decoder import Attention
from rrgbench.modeling.report_model import ReportModelConfig

Seen = tuple[Tensor, ...]
"""What one layer looks at, ready for its attention; first axis is the study."""


class TransformerConfig(ReportModelConfig):
    """Shape of a system that reads cells and writes words by Transformers.

    Parameters
    ----------
    width, heads, layers, feed_forward : int
        Of encoder and decoder.
    **kwargs
        See `ReportModelConfig`.
    """

    def __init__(
        self, width: int = 128, heads: int = 4, layers: int = 3, feed_forward: int = 256, **kwargs: Any
    ) -> None:
        self.width = width
        self.heads = heads
        self.layers = layers
        self.feed_forward = feed_forward
        super().__init__(**kwargs)


class Look(nn.Module):
    """Attention from words to one memory (n, m, width)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention = Attention(config.width, config.width, config.heads)

    def memory(self, *sources: Tensor) -> Seen:
        """Keys and values of what is looked at."""
        (cells,) = sources
        return self.attention.keys_values(cells)

    def forward(self, x: Tensor, seen: Seen) -> Tensor:
        """What words x (n, t, width) see."""
        looked: Tensor = self.attention(x, *seen)
        return looked


class WordLayer(nn.Module):
    """One decoder layer; `look` is the system's own part."""

    def __init__(self, config: TransformerConfig, look: Look) -> None:
        super().__init__()
        width = config.width
        self.self_attention, self.look = Attention(width, width, config.heads), look
        self.feed_forward = nn.Sequential(
            nn.Linear(width, config.feed_forward),
            nn.ReLU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.feed_forward, width),
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self, x: Tensor, seen: Seen, past: tuple[Tensor, Tensor] | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Output (n, t, width), and keys and values so far, those of earlier words included."""
        normed = self.norms[0](x)
        own = self.self_attention.keys_values(normed)
        if past is not None:
            own = torch.cat([past[0], own[0]], 2), torch.cat([past[1], own[1]], 2)
        x = x + self.dropout(self.self_attention(normed, *own, mask))
        x = x + self.dropout(self.look(self.norms[1](x), seen))
        return x + self.dropout(self.feed_forward(self.norms[2](x))), own


class WordDecoder(nn.Module):
    """Words to logits of the next, given what each layer looks at.

    Parameters
    ----------
    config : TransformerConfig
        Shape.
    looks : sequence of Look
        One a layer.
    """

    def __init__(self, config: TransformerConfig, looks: Sequence[Look]) -> None:
        super().__init__()
        self.heads, self.width = config.heads, config.width
        self.embedding = nn.Embedding(config.vocabulary, config.width, padding_idx=config.pad_token_id)
        # scaled by sqrt(width) below, they are then as large as their positions
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        self.layers = nn.ModuleList(WordLayer(config, look) for look in looks)
        self.norm, self.dropout = nn.LayerNorm(config.width), nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.vocabulary)

    def stack(self) -> list[WordLayer]:
        """The layers in order."""
        return [layer for layer in self.layers if isinstance(layer, WordLayer)]

    def memory(self, *sources: Tensor) -> list[Seen]:
        """What each layer looks at, made from the sources (n, ..., width)."""
        return [layer.look.memory(*sources) for layer in self.stack()]

    def embed(self, ids: Tensor, first: int = 0) -> Tensor:
        """Embedded words (n, t, width) with the positions from `first` on."""
        words = self.embedding(ids) * math.sqrt(self.width)
        placed: Tensor = self.dropout(words + positions(first + ids.shape[1], self.width, words)[first:])
        return placed

    def states(self, words: Tensor, seen: Sequence[Seen], mask: Tensor | None = None) -> Tensor:
        """States (n, t, width) of embedded words; `mask` says which word sees which, by default the earlier ones."""
        if mask is None:
            mask = torch.ones(words.shape[1], words.shape[1], dtype=torch.bool, device=words.device).tril()
        for layer, looked in zip(self.stack(), seen, strict=True):
            words, _ = layer(words, looked, mask=mask)
        normed: Tensor = self.norm(words)
        return normed

    def forward(self, ids: Tensor, seen: Sequence[Seen]) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        logits: Tensor = self.head(self.states(self.embed(ids), seen))
        return logits

    def decoding(
        self, seen: Sequence[Seen], beams: int, enter: Callable[[Tensor], Tensor] = lambda words: words
    ) -> RecurrentDecoding:
        """A fresh decoding state, `beams` rows a study; `enter` changes embedded words (rows, 1, width)."""
        looked = [tuple(part.repeat_interleave(beams, 0) for part in layer) for layer in seen]
        empty = looked[0][0].new_zeros(len(looked[0][0]), self.heads, 0, self.width // self.heads)

        def step(tokens: Tensor, past: RecurrentState) -> tuple[Tensor, RecurrentState]:
            x = enter(self.embed(tokens.unsqueeze(1), past[0].shape[2]))
            kept: list[Tensor] = []
            for index, layer in enumerate(self.stack()):
                x, own = layer(x, looked[index], (past[2 * index], past[2 * index + 1]))
                kept += own
            return self.head(self.norm(x))[:, 0], tuple(kept)

        return RecurrentDecoding(step, tuple([empty] * (2 * len(self.layers))))


def cell_projection(dim: int, width: int, dropout: float) -> nn.Module:
    """Cells of a feature map (n, m, dim) to (n, m, width)."""
    return nn.Sequential(nn.Linear(dim, width), nn.ReLU(), nn.Dropout(dropout))


def transformer_encoder(config: Any, layers: int | None = None) -> nn.Module:
    """Pre-norm Transformer encoder over cells or words (n, m, width), of a configuration's shape."""
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, config.feed_forward, config.dropout, batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, layers or config.layers, nn.LayerNorm(config.width), enable_nested_tensor=False)


def positions(length: int, width: int, like: Tensor) -> Tensor:
    """Sinusoidal position encodings (length, width) (Vaswani et al. 2017)."""
    place = torch.arange(length, dtype=like.dtype, device=like.device).unsqueeze(1)
    rate = torch.exp(torch.arange(0, width, 2, dtype=like.dtype, device=like.device) * (-math.log(10000.0) / width))
    table = torch.zeros(length, width, dtype=like.dtype, device=like.device)
    table[:, 0::2], table[:, 1::2] = torch.sin(place * rate), torch.cos(place * rate)
    return table
