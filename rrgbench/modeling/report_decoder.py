"""A Transformer report decoder of post-LN layers (Vaswani et al. 2017), with deep soft prompts and a key/value cache.

Masked self-attention, cross-attention over a memory (image features), feed-forward; each followed by a residual and a
layer norm: Eqs. 10-12 of DCRRG. Deep soft prompts (P-Tuning v2, Liu et al. 2022) enter each layer's self-attention, and
if wanted its cross-attention (prefix-tuning, Li and Liang 2021), as further keys and values. Positions, if wanted, are
added to the embeddings by a table, or only tokens are embedded and self-attention is biased by distance (ALiBi, Press
et al. 2022).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, pad, scaled_dot_product_attention

FIRST_STEPS = 32
"""Steps for which a cache has room at first; it grows by doubling."""

SLOTS = 2
"""Axis of a cache's slots, in keys and values (n, heads, slots, width / heads) and in the mask (n, beams, slots)."""


class Attention(nn.Module):
    """Multi-head attention with separate projections: Q = W_q x, K = W_k m, V = W_v m.

    Parameters
    ----------
    width, memory_width : int
        Widths of queries (and output) and of keys' and values' source.
    heads : int
        Number of heads.
    """

    def __init__(self, width: int, memory_width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(memory_width, width)
        self.value = nn.Linear(memory_width, width)
        self.output = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        """(n, t, width) to (n, heads, t, width / heads)."""
        n, t, width = x.shape
        return x.view(n, t, self.heads, width // self.heads).transpose(1, 2)

    def keys_values(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values (n, heads, t, width / heads) of a memory (n, t, memory_width)."""
        return self.split(self.key(memory)), self.split(self.value(memory))

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend from x (n, t, width); `mask` (t, s): true, or 0 rather than -inf, where a query may look."""
        attended = scaled_dot_product_attention(self.split(self.query(x)), keys, values, attn_mask=mask)
        output: Tensor = self.output(attended.transpose(1, 2).flatten(2))
        return output


class DecoderLayer(nn.Module):
    """One layer f_d (Eqs. 10-12)."""

    def __init__(self, width: int, memory_width: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.self_attention = Attention(width, width, heads)
        self.cross_attention = Attention(width, memory_width, heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, feed_forward), nn.ReLU(), nn.Dropout(dropout), nn.Linear(feed_forward, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        y: Tensor,
        own: tuple[Tensor, Tensor],
        memory: tuple[Tensor, Tensor],
        mask: Tensor | None,
    ) -> Tensor:
        """Layer output (n, t, width) of y, given keys and values of its own past and of the memory."""
        attended = self.normed(0, self.dropout(self.self_attention(y, *own, mask)) + y)  # Eq. 12
        crossed = self.normed(1, self.dropout(self.cross_attention(attended, *memory)) + attended)  # Eq. 11
        return self.normed(2, self.dropout(self.feed_forward(crossed)) + crossed)  # Eq. 10

    def normed(self, index: int, x: Tensor) -> Tensor:
        """Layer norm after self-attention (0), cross-attention (1) or feed-forward (2)."""
        result: Tensor = self.norms[index](x)
        return result


class DeepPrompts(nn.Module):
    """P-Tuning v2: trainable keys and values in front of those of each layer's attention.

    Parameters
    ----------
    layers, heads, width : int
        Shape of the decoder.
    length : int
        Soft prompt tokens a layer and attention.
    crossed : bool
        Whether cross-attention has some too, in front of those of the memory, as prefix-tuning has for decoders that
        read an encoder.
    """

    def __init__(self, layers: int, heads: int, width: int, length: int, crossed: bool = False) -> None:
        super().__init__()
        # of the size of real keys and values: much smaller ones are looked at evenly and learn slowly
        self.prefix = nn.Parameter(torch.randn(layers, 2, heads, length, width // heads))
        self.cross_prefix = nn.Parameter(torch.randn_like(self.prefix)) if crossed else None

    def for_layer(self, layer: int, rows: int) -> tuple[Tensor, Tensor]:
        """Keys and values (rows, heads, length, width / heads) of a layer's self-attention."""
        keys, values = self.prefix[layer]
        return keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1)

    def before_memory(self, layer: int, memory: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Those of a memory (n, heads, m, width / heads) with those of a layer's cross-attention, if any, in front."""
        if self.cross_prefix is None:
            return memory
        keys, values = (prompt.expand(len(memory[0]), -1, -1, -1) for prompt in self.cross_prefix[layer])
        return torch.cat([keys, memory[0]], 2), torch.cat([values, memory[1]], 2)


Slopes = Literal["published", "from_one"]
"""Which slopes a decoder biased by distance has (`distance_slopes`)."""


def distance_slopes(heads: int, which: Slopes = "published") -> tuple[float, ...]:
    """ALiBi's slope of each head, 2^(-8 i / n) for i of 1 to n; `from_one` begins with i = 0, so that it is steeper by
    2^(8 / n): one head sees little more than the word before."""
    first = 1 if which == "published" else 0
    return tuple(2.0 ** (-8 * head / heads) for head in range(first, heads + first))


@dataclass(frozen=True)
class DecoderShape:
    """Widths of a report decoder and of the memory that it reads, and how many heads and layers it has."""

    width: int
    memory_width: int
    heads: int
    layers: int
    feed_forward: int


class ReportDecoder(nn.Module):
    """Token embedding and decoder layers; the output head belongs to the caller (one a task).

    Parameters
    ----------
    vocabulary : int
        Number of tokens.
    shape : DecoderShape
        Widths, heads and layers.
    dropout : float
        Dropout of every sub-layer and of the embedding.
    pad : int
        Padding token.
    slopes : tuple of float, optional
        By how much each head's self-attention scores fall with each token of distance (`distance_slopes`); nothing is
        learned. Without them only tokens are embedded and distance counts for nothing.
    """

    def __init__(
        self,
        vocabulary: int,
        shape: DecoderShape,
        dropout: float,
        pad: int,
        slopes: tuple[float, ...] | None = None,
    ) -> None:
        super().__init__()
        heads = shape.heads
        self.slopes = slopes
        self.embedding = nn.Embedding(vocabulary, shape.width, padding_idx=pad)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            DecoderLayer(shape.width, shape.memory_width, heads, shape.feed_forward, dropout)
            for _ in range(shape.layers)
        )

    def stack(self) -> list[DecoderLayer]:
        """The layers in order."""
        return [layer for layer in self.layers if isinstance(layer, DecoderLayer)]

    def forward(self, tokens: Tensor, memory: Tensor, prompts: DeepPrompts | None = None) -> Tensor:
        """States (n, t, width) of tokens (n, t) given a memory (n, m, memory_width), all positions at once."""
        n, t = tokens.shape
        y: Tensor = self.dropout(self.embedding(tokens))
        causal = torch.ones(t, t, dtype=torch.bool, device=tokens.device).tril()
        if self.slopes is not None:
            steps = torch.arange(t, device=tokens.device)
            far = self.farness(steps.view(-1, 1) - steps, y.dtype)
            # with an axis for rows, or PyTorch's fused attention would not take it
            causal = far.masked_fill(~causal, -torch.inf).unsqueeze(0)
        for index, layer in enumerate(self.stack()):
            keys, values = layer.self_attention.keys_values(y)
            read = layer.cross_attention.keys_values(memory)
            mask = causal
            if prompts is not None:
                read = prompts.before_memory(index, read)
                prefix_keys, prefix_values = prompts.for_layer(index, n)
                keys, values = torch.cat([prefix_keys, keys], 2), torch.cat([prefix_values, values], 2)
                # soft prompts are looked at without regard to distance
                seen = causal.new_ones if causal.dtype == torch.bool else causal.new_zeros
                mask = torch.cat([seen((*causal.shape[:-1], prefix_keys.shape[2])), causal], -1)
            y = layer(y, (keys, values), read, mask)
        return y

    def farness(self, ages: Tensor, dtype: torch.dtype) -> Tensor:
        """What each head adds to scores at distances `ages` (..., t, s): (..., heads, t, s)."""
        slopes = torch.tensor(self.slopes, dtype=dtype, device=ages.device)
        return -slopes.view(-1, 1, 1) * ages.unsqueeze(-3)


class CachedDecoding:
    """Decoding state with a key/value cache (`rrgbench.modeling.beam_search.DecodingState`).

    The beams of an item share one cache: each step writes the keys and values of all of them behind each other, and
    each beam looks, through its mask, at those of its own history only. So the cache is written in place, reordering
    moves a few rows of the mask, and an item's soft prompts and memory are held once for all of its beams.

    Parameters
    ----------
    decoder : ReportDecoder
        In evaluation mode.
    head : nn.Module
        States to logits.
    memory : Tensor
        One row an item (n, m, memory_width).
    beams : int
        Rows an item.
    prompts : DeepPrompts, optional
        Soft prompts of step 4.
    """

    def __init__(
        self, decoder: ReportDecoder, head: nn.Module, memory: Tensor, beams: int, prompts: DeepPrompts | None = None
    ) -> None:
        self.decoder, self.head = decoder, head
        self.beams = beams
        self.layers = decoder.stack()
        n = memory.shape[0]
        self.memory = [layer.cross_attention.keys_values(memory) for layer in self.layers]
        if prompts is not None:
            self.memory = [prompts.before_memory(index, shared) for index, shared in enumerate(self.memory)]
        # (n, heads, slots, width / heads) a layer, slots: soft prompts, then one a beam for each step
        self.past = [
            (shared[0][:, :, :0], shared[1][:, :, :0]) if prompts is None else prompts.for_layer(index, n)
            for index, shared in enumerate(self.memory)
        ]
        self.used = self.prompted = self.past[0][0].shape[2]
        # added to the scores of a beam (n, beams, slots): 0 where its history is, -inf elsewhere
        self.mask = memory.new_zeros(n, beams, self.used)
        self.newest = torch.full((beams, beams), -torch.inf, dtype=memory.dtype, device=memory.device)
        self.newest.fill_diagonal_(0)

    def step(self, tokens: Tensor) -> Tensor:
        """Log-probabilities (rows, vocabulary) of the token after `tokens` (rows,)."""
        if self.used + self.beams > self.mask.shape[2]:
            self._move(None, 2 * self.used + FIRST_STEPS * self.beams)
        slots = slice(self.used, self.used + self.beams)
        self.mask[:, :, slots] = self.newest
        self.used += self.beams
        mask = self.mask[:, None, :, : self.used]
        if self.decoder.slopes is not None:
            # a step has one slot a beam, so a slot's age follows from its place
            steps = torch.arange(self.used - self.prompted, device=mask.device) // self.beams
            ages = (steps[-1] - steps).expand(self.beams, -1)
            mask = mask + pad(self.decoder.farness(ages, mask.dtype), (self.prompted, 0))
        # the beams of an item become query positions of it, so that they read one copy of keys and values
        y = self.decoder.embedding(tokens.view(-1, self.beams))
        for layer, (keys, values), memory in zip(self.layers, self.past, self.memory, strict=True):
            new_keys, new_values = layer.self_attention.keys_values(y)
            keys[:, :, slots], values[:, :, slots] = new_keys, new_values
            y = layer(y, (keys[:, :, : self.used], values[:, :, : self.used]), memory, mask)
        return log_softmax(self.head(y.flatten(0, 1)).float(), dim=-1)

    def reorder(self, rows: Tensor) -> None:
        """Keep the histories of the given rows (rows,), each a row of the same item."""
        seen = self.mask[:, :, : self.used]
        seen.copy_(seen.flatten(0, 1).index_select(0, rows).view_as(seen))

    def keep_items(self, items: Tensor) -> None:
        """Keep the given items only (m,)."""
        self.memory = [(keys.index_select(0, items), values.index_select(0, items)) for keys, values in self.memory]
        self._move(items, self.mask.shape[2])

    def _move(self, items: Tensor | None, slots: int) -> None:
        """Take the cache, of some items only, into buffers of that many slots."""

        def moved(old: Tensor) -> Tensor:
            filled = old.narrow(SLOTS, 0, self.used)
            filled = filled if items is None else filled.index_select(0, items)
            new = filled.new_empty([*filled.shape[:SLOTS], slots, *filled.shape[SLOTS + 1 :]])
            new.narrow(SLOTS, 0, self.used).copy_(filled)
            return new

        self.past = [(moved(keys), moved(values)) for keys, values in self.past]
        self.mask = moved(self.mask)
