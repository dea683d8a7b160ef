"""The forward pass of CheXbert for many reports at once, in float32, doing only what its labels need.

What makes it fast, all of it the same arithmetic on the same numbers:

- Reports stand behind each other without padding (packed): every linear layer is one matrix product over all their
  tokens, only attention goes report by report, reports of equal length together.
- On a CPU the weights are laid out once as oneDNN wants them. PyTorch's own float32 product goes through MKL, which
  reached less than half of oneDNN's speed on an AMD EPYC (Zen 5).
- The heads read the [CLS] vector alone, so the last layer computes queries, output and feed-forward for [CLS] only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from rrgbench.errors import InputError, listed

if TYPE_CHECKING:
    import torch

    Dense = Callable[[torch.Tensor], torch.Tensor]

HEAD_CLASSES: Final = (*[4] * 13, 2)
"""Classes of CheXbert's 14 heads: 13 observations and No Finding."""

_HEAD_WIDTH: Final = 64
_EPSILON: Final = 1e-12
"""BERT's layer norm constant."""


@dataclass(frozen=True)
class _Norm:
    weight: torch.Tensor
    bias: torch.Tensor

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import layer_norm

        return layer_norm(x, self.weight.shape, self.weight, self.bias, _EPSILON)


@dataclass(frozen=True)
class _Layer:
    project: Dense
    """Queries, keys and values (tokens, 3 width); in the last layer keys and values (tokens, 2 width)."""
    query: Dense | None
    """Queries of [CLS]; the last layer's only."""
    output: Dense
    output_norm: _Norm
    widen: Dense
    """Feed-forward to the inner width, with GELU."""
    narrow: Dense
    narrow_norm: _Norm


def sizes(state: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Names and shapes of all tensors that a CheXbert of the sizes of this one has.

    Parameters
    ----------
    state : mapping of str to Tensor
        Keys `bert...` and `linear_heads.{0..13}.{weight,bias}`. Widths, vocabulary and number of layers are read off
        it: bert-base-uncased's for the published checkpoint.

    Raises
    ------
    InputError
        If a tensor that shows the sizes is missing.
    """
    try:
        words = state["bert.embeddings.word_embeddings.weight"].shape
        positions = state["bert.embeddings.position_embeddings.weight"].shape[0]
        inner = state["bert.encoder.layer.0.intermediate.dense.weight"].shape[0]
    except KeyError as error:
        raise InputError(f"the CheXbert checkpoint lacks the tensor {error}; is it another model's?") from None
    width = words[1]
    layers = {key.split(".")[3] for key in state if key.startswith("bert.encoder.layer.")}

    def linear(name: str, outputs: int, inputs: int) -> dict[str, tuple[int, ...]]:
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    def norm(name: str) -> dict[str, tuple[int, ...]]:
        return {f"{name}.LayerNorm.weight": (width,), f"{name}.LayerNorm.bias": (width,)}

    shapes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": tuple(words),
        "bert.embeddings.position_embeddings.weight": (positions, width),
        "bert.embeddings.token_type_embeddings.weight": (2, width),
        **norm("bert.embeddings"),
        **linear("bert.pooler.dense", width, width),
    }
    for number in range(len(layers)):
        layer = f"bert.encoder.layer.{number}"
        for part in ("query", "key", "value"):
            shapes |= linear(f"{layer}.attention.self.{part}", width, width)
        shapes |= linear(f"{layer}.attention.output.dense", width, width) | norm(f"{layer}.attention.output")
        shapes |= linear(f"{layer}.intermediate.dense", inner, width)
        shapes |= linear(f"{layer}.output.dense", width, inner) | norm(f"{layer}.output")
    for head, classes in enumerate(HEAD_CLASSES):
        shapes |= linear(f"linear_heads.{head}", classes, width)
    return shapes


class PackedChexbert:
    """BERT with 14 linear heads on its [CLS] vector (Smit et al. 2020), for packed reports.

    Parameters
    ----------
    state : mapping of str to Tensor
        Keys `bert...` and `linear_heads.{0..13}.{weight,bias}`, as `sizes` describes them; computed in float32.
    device : torch.device
        Where to compute.

    Raises
    ------
    InputError
        If tensors are missing, unexpected or misshapen, naming the first few.
    """

    def __init__(self, state: Mapping[str, torch.Tensor], device: torch.device) -> None:
        import torch

        shapes = sizes(state)
        missing = [key for key in shapes if key not in state]
        unexpected = [key for key in state if key not in shapes]
        misshapen = [key for key, shape in shapes.items() if key in state and tuple(state[key].shape) != shape]
        for fault, keys in (("lacks", missing), ("has unexpected", unexpected), ("has misshapen", misshapen)):
            if keys:
                raise InputError(f"the CheXbert checkpoint {fault} tensors: {listed(keys)}; is it another model's?")
        self.device = device

        def tensor(name: str) -> torch.Tensor:
            return state[name].to(device=device, dtype=torch.float32)

        def linear(*names: str, gelu: bool = False) -> Dense:
            weight, bias = (torch.cat([tensor(f"{name}.{part}") for name in names]) for part in ("weight", "bias"))
            return dense(weight, bias, gelu=gelu)

        def norm(name: str) -> _Norm:
            return _Norm(tensor(f"{name}.LayerNorm.weight"), tensor(f"{name}.LayerNorm.bias"))

        self._words = tensor("bert.embeddings.word_embeddings.weight")
        self._kind = tensor("bert.embeddings.token_type_embeddings.weight")[0]
        self._positions = tensor("bert.embeddings.position_embeddings.weight")
        self._norm = norm("bert.embeddings")
        self._layers = []
        count = len([key for key in shapes if key.endswith("intermediate.dense.bias")])
        for number in range(count):
            name = f"bert.encoder.layer.{number}"
            query, key, value = (f"{name}.attention.self.{part}" for part in ("query", "key", "value"))
            last = number == count - 1
            self._layers.append(
                _Layer(
                    project=linear(key, value) if last else linear(query, key, value),
                    query=linear(query) if last else None,
                    output=linear(f"{name}.attention.output.dense"),
                    output_norm=norm(f"{name}.attention.output"),
                    widen=linear(f"{name}.intermediate.dense", gelu=True),
                    narrow=linear(f"{name}.output.dense"),
                    narrow_norm=norm(f"{name}.output"),
                )
            )
        self._heads = linear(*(f"linear_heads.{head}" for head in range(len(HEAD_CLASSES))))

    def classes(self, reports: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Most probable class (n, 14) of every report and head, heads in CheXbert's order.

        Parameters
        ----------
        reports : sequence of sequences of int
            Word pieces of n >= 1 reports with [CLS] and [SEP], 512 each at most; best sorted by length, since attention
            runs once per stretch of equally long reports.
        """
        import torch

        with torch.inference_mode():
            scores = self.scores(reports)
            best = [part.argmax(dim=1) for part in torch.split_with_sizes(scores, HEAD_CLASSES, dim=1)]
            return torch.stack(best, dim=1).cpu().numpy().astype(np.int64)

    def scores(self, reports: Sequence[Sequence[int]]) -> torch.Tensor:
        """Logits (n, 54): four per observation, two for No Finding last."""
        import torch

        lengths = [len(report) for report in reports]
        ids = torch.tensor([piece for report in reports for piece in report])
        places = torch.tensor([place for length in lengths for place in range(length)])
        first = torch.tensor([0, *accumulate(lengths[:-1])], device=self.device)
        runs = [(length, len(list(run))) for length, run in groupby(lengths)]
        x: torch.Tensor = self._words[ids.to(self.device)] + self._kind
        x = self._norm(x + self._positions[places.to(self.device)])
        for layer in self._layers:
            projected = layer.project(x)
            if layer.query is None:
                attended = _attend(projected, runs)
            else:
                x = x[first]
                attended = _attend_first(layer.query(x), projected, runs)
            x = layer.output_norm(layer.output(attended) + x)
            x = layer.narrow_norm(layer.narrow(layer.widen(x)) + x)
        return self._heads(x)


def _attend(projected: torch.Tensor, runs: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Self-attention within each report: queries, keys and values (tokens, 3 width) to (tokens, width)."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    width = projected.shape[1] // 3
    parts = []
    blocks = torch.split_with_sizes(projected, [n * m for n, m in runs])
    for (length, count), block in zip(runs, blocks, strict=True):
        query, key, value = block.view(count, length, 3, *_heads(width)).permute(2, 0, 3, 1, 4)
        parts.append(scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(-1, width))
    return torch.cat(parts)


def _attend_first(query: torch.Tensor, projected: torch.Tensor, runs: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Attention of one query per report (n, width) over that report's keys and values (tokens, 2 width)."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    width = query.shape[1]
    parts = []
    blocks = torch.split_with_sizes(projected, [n * m for n, m in runs])
    queries = torch.split_with_sizes(query, [m for _, m in runs])
    for (length, count), block, asked in zip(runs, blocks, queries, strict=True):
        key, value = block.view(count, length, 2, *_heads(width)).permute(2, 0, 3, 1, 4)
        one = asked.view(count, 1, *_heads(width)).transpose(1, 2)
        parts.append(scaled_dot_product_attention(one, key, value).reshape(count, width))
    return torch.cat(parts)


def _heads(width: int) -> tuple[int, int]:
    """Number and width of the attention heads: 64 wide, as in every published BERT size."""
    number = max(1, width // _HEAD_WIDTH)
    return number, width // number


def dense(weight: torch.Tensor, bias: torch.Tensor, gelu: bool = False, prepacked: bool | None = None) -> Dense:
    """x (rows, inputs) to x @ weight.T + bias (rows, outputs), then GELU (exact, by the error function) if asked for.

    Parameters
    ----------
    weight, bias : Tensor
        (outputs, inputs) and (outputs,), float32.
    gelu : bool
        Whether GELU follows.
    prepacked : bool, optional
        Whether oneDNN computes it from weights that it laid out beforehand (CPU only, inference only); by default where
        this build of PyTorch can.
    """
    import torch
    from torch.nn import functional

    if prepacked is None:
        prepacked = weight.device.type == "cpu" and has_onednn()
    if not prepacked:
        if gelu:
            return lambda x: functional.gelu(functional.linear(x, weight, bias))
        return lambda x: functional.linear(x, weight, bias)
    operators = torch.ops.mkldnn
    packed = operators._reorder_linear_weight(weight, _TYPICAL_ROWS)
    if gelu:
        return lambda x: operators._linear_pointwise(x, packed, bias, "gelu", [], "none")
    return lambda x: operators._linear_pointwise(x, packed, bias, "none", [], "")


_TYPICAL_ROWS: Final = 512
"""Rows that oneDNN lays weights out for; other numbers of rows compute the same."""


def has_onednn() -> bool:
    """Whether this build of PyTorch has the oneDNN operators that its own compiler uses for frozen linear layers."""
    import torch

    names = ("_reorder_linear_weight", "_linear_pointwise")
    built_in: Callable[[], bool] = torch.backends.mkldnn.is_available
    return built_in() and all(hasattr(torch.ops.mkldnn, name) for name in names)
