"""Label-efficient classification on a backbone: linear probing and fine-tuning.

Both predict the 14 observations of a film. Unmentioned counts as negative; uncertain, and what a corpus doesn't label, is
left out of training.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from rrgbench.observations import POSITIVE

Films = NDArray[np.uint8]


@torch.inference_mode()
def features(
    backbone: nn.Module, films: Films, batch: int = 128, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Features (n, d) of films (n, size, size) by a frozen backbone."""
    backbone.eval()
    device = _device(backbone)
    parts = []
    for start in range(0, len(films), batch):
        part = torch.from_numpy(films[start : start + batch]).to(device)
        parts.append(backbone(part).float().cpu())
        if progress is not None:
            progress(min(start + batch, len(films)), len(films))
    return torch.cat(parts).numpy()


def linear_probe(
    train: NDArray[np.float32],
    labels: NDArray[np.int8],
    known: NDArray[np.bool_],
    test: NDArray[np.float32],
    strength: float = 1.0,
) -> NDArray[np.float64]:
    """Scores of a logistic regression per observation on standardised features.

    Parameters
    ----------
    train, test : float32 arrays (n, d), (m, d)
        Features.
    labels, known : arrays (n, 14)
        Labels in CheXpert coding and which cells are training items.
    strength : float
        Inverse of the L2 penalty (scikit-learn's C), scaled by nothing.

    Returns
    -------
    float64 array (m, 14)
        Log-odds; the constant 0 where the training items have one class only.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train)
    train, test = scaler.transform(train), scaler.transform(test)
    scores = np.zeros((len(test), labels.shape[1]))
    for column in range(labels.shape[1]):
        rows = np.flatnonzero(known[:, column])
        target = labels[rows, column] == POSITIVE
        if target.all() or not target.any():
            continue
        model = LogisticRegression(C=strength, max_iter=300, class_weight="balanced")
        scores[:, column] = model.fit(train[rows], target).decision_function(test)
    return scores


def fine_tune(
    backbone: nn.Module,
    films: Films,
    labels: NDArray[np.int8],
    known: NDArray[np.bool_],
    test: Films,
    steps: int,
    batch: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Scores of a copy of the backbone trained whole with a new linear head.

    Parameters
    ----------
    backbone : nn.Module
        Films to features; left as it is.
    films, labels, known
        Training films (n, size, size), labels (n, 14) and which cells count.
    test : uint8 array (m, size, size)
        Films to score.
    steps : int
        Batches to train on.
    batch, learning_rate, seed
        Of AdamW with a cosine schedule; classes are weighted to balance, at most 20 to 1.

    Returns
    -------
    float64 array (m, 14)
        Log-odds.
    """
    torch.manual_seed(seed)
    device = _device(backbone)
    network = copy.deepcopy(backbone).requires_grad_(True).to(device)
    probe = features(network, films[:2])
    head = nn.Linear(probe.shape[1], labels.shape[1]).to(device)
    parameters = [*network.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=learning_rate, weight_decay=1e-4)
    schedule: Any = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=0.1)
    target = torch.from_numpy((labels == POSITIVE).astype(np.float32))
    mask = torch.from_numpy(known.astype(np.float32))
    positive = (target * mask).sum(0)
    weight = ((mask.sum(0) - positive) / positive.clamp(min=1)).clamp(1 / 20, 20).to(device)
    generator = torch.Generator().manual_seed(seed)
    network.train()
    order = torch.empty(0, dtype=torch.long)
    for step in range(steps):
        if len(order) < min(batch, len(films)):
            order = torch.cat([order, torch.randperm(len(films), generator=generator)])
        rows, order = order[:batch], order[batch:]
        if len(rows) < 2:
            raise ValueError("fine-tuning needs at least two films")
        logits = head(network(torch.from_numpy(films[rows.numpy()]).to(device)))
        losses = binary_cross_entropy_with_logits(logits, target[rows].to(device), pos_weight=weight, reduction="none")
        loss = (losses * mask[rows].to(device)).sum() / mask[rows].sum().clamp(min=1).to(device)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        schedule.step()
        if progress is not None:
            progress(step + 1, steps)
    network.eval()
    scores = []
    with torch.inference_mode():
        for start in range(0, len(test), 128):
            part: Tensor = head(network(torch.from_numpy(test[start : start + 128]).to(device)))
            scores.append(part.double().cpu())
    return torch.cat(scores).numpy()


def trainable_parameters(backbone: nn.Module) -> int:
    """How many parameters fine-tuning would train."""
    return sum(parameter.numel() for parameter in backbone.parameters())


def _device(module: nn.Module) -> torch.device:
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
