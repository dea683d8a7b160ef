"""Prompted projection f(concat(v, e)) and the observation head, Eqs. 1 and 2.

The one-hot prompt e says which of the 14 observations is asked for. f is non-linear: a linear map of a concatenated
one-hot only shifts its output by a constant, and the shared classification head could not tell observations apart.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from rrgbench.observations import OBSERVATIONS


class PromptedProjection(nn.Module):
    """Projection head f_v or f_t.

    Parameters
    ----------
    features : int
        Width of v (D) or t (M).
    hidden : int
        Hidden width.
    embedding : int
        P, width of v_p and t_p.
    dropout : float
        Dropout of the hidden layer.
    """

    def __init__(self, features: int, hidden: int, embedding: int, dropout: float) -> None:
        super().__init__()
        self.inner = nn.Linear(features + len(OBSERVATIONS), hidden)
        self.dropout = nn.Dropout(dropout)
        self.outer = nn.Linear(hidden, embedding)
        # prompts must decide which hidden units a film can reach; at the default scale they are lost
        nn.init.normal_(self.inner.weight.data[:, features:])

    def project(self, features: Tensor, prompts: Tensor) -> Tensor:
        """f(concat(features, prompts)) for features (n, d) and prompts (k, 14): (n, k, P)."""
        n, k = features.shape[0], prompts.shape[0]
        # concat(v, e) @ W is v @ W_v + e @ W_e: the film's part is computed once for all prompts
        width = features.shape[1]
        from_features = features @ self.inner.weight[:, :width].T
        from_prompts = prompts.to(features.dtype) @ self.inner.weight[:, width:].T
        hidden = torch.relu(from_features.view(n, 1, -1) + from_prompts.view(1, k, -1) + self.inner.bias)
        projected: Tensor = self.outer(self.dropout(hidden))
        return projected

    def forward(self, features: Tensor) -> Tensor:
        """All 14 prompted representations (n, 14, P) of features (n, d)."""
        return self.project(features, torch.eye(len(OBSERVATIONS), device=features.device))

    def similarity_vector(self, features: Tensor, prompt: str) -> Tensor:
        """One unit vector a row, for contrast and retrieval; `prompt` as in `DcrrgConfig.similarity_prompt`."""
        if prompt == "none":
            zero = torch.zeros(1, len(OBSERVATIONS), device=features.device)
            single: Tensor = normalize(self.project(features, zero)[:, 0], dim=-1)
            return single
        prompted: Tensor = normalize(self(features), dim=-1)
        if prompt == "mean":
            averaged: Tensor = normalize(prompted.mean(dim=1), dim=-1)
            return averaged
        # cosine of the joined vectors is the mean of the 14 cosines, observation by observation
        joined: Tensor = prompted.flatten(1) / len(OBSERVATIONS) ** 0.5
        return joined
