"""Label-efficient classification on a backbone: linear probing and fine-tuning.

Both predict the 14 observations of a film. Unmentioned counts as negative; uncertain, and what a corpus doesn't
label, is left out of training.
"""

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset, default_collate

from rrgbench.errors import InputError
from rrgbench.observations import POSITIVE
from rrgbench.training.apart import trained_apart
from rrgbench.training.data import FilmRows, FilmSource
from rrgbench.training.linear_heads import LinearHeads, both_classes
from rrgbench.training.settings import StageSettings
from rrgbench.training.stage import Learner, Work, several_processes, train_stage

Films = FilmRows

_SCORED = 1024
"""Films whose features are held at a time while they are scored."""


def check_backbone(backbone: object, films: Films) -> None:
    """Try a backbone on two films, so that one that is none is told before anything is learned on it.

    Parameters
    ----------
    backbone : object
        What a model offers as such.
    films : uint8 array (n, size, size)
        Films of its size.

    Raises
    ------
    InputError
        If it is no module, fails, or gives anything but a row of finite numbers a film.
    """
    contract = "a backbone is a torch.nn.Module from films, uint8 (n, size, size), to features (n, d)"
    if not isinstance(backbone, nn.Module):
        raise InputError(f"the backbone is a {type(backbone).__name__}; {contract}")
    few = torch.from_numpy(films[:2]).to(_device(backbone))
    try:
        with torch.inference_mode():
            given = backbone.eval()(few)
    # what another's module raises has no common class
    except Exception as error:
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        raise InputError(f"the backbone fails on films {tuple(few.shape)} ({reason}); {contract}") from error
    if not isinstance(given, Tensor) or given.ndim != 2 or len(given) != len(few):
        shape = f"a tensor {tuple(given.shape)}" if isinstance(given, Tensor) else f"a {type(given).__name__}"
        raise InputError(f"the backbone answers {shape} for {len(few)} films; {contract}")
    if not bool(given.isfinite().all()):
        raise InputError(f"the backbone gives NaN or infinity for films; {contract}")


@torch.inference_mode()
def features(
    backbone: nn.Module, films: Films, batch: int = 128, progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Features (n, d) of films (n, size, size) by a frozen backbone."""
    backbone.eval()
    device = _device(backbone)
    found = np.empty((0, 0), dtype=np.float32)
    for start in range(0, len(films), batch):
        part = backbone(torch.from_numpy(films[start : start + batch]).to(device)).float().cpu().numpy()
        if start == 0:
            # filled in place: small results between large temporary arrays keep the heap from shrinking
            found = np.empty((len(films), part.shape[1]), dtype=np.float32)
        found[start : start + len(part)] = part
        if progress is not None:
            progress(min(start + batch, len(films)), len(films))
    return found


def linear_probe(
    backbone: nn.Module,
    source: FilmSource,
    test: Films,
    strength: float = 1.0,
    draws: Sequence[NDArray[np.int64]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]:
    """Scores of logistic regressions, one an observation and draw, on a frozen backbone's standardised features.

    Parameters
    ----------
    backbone : nn.Module
        Films to features.
    source : FilmSource
        Training films with labels; their features are all that is held in memory.
    test : uint8 array (m, size, size)
        Films to score; their features, as those of training films, are read once for all draws.
    strength : float
        Inverse of the L2 penalty (scikit-learn's C).
    draws : sequence of int array, optional
        Rows of `source` that each probe learns from; one of all rows if omitted.

    Returns
    -------
    float64 array (draws, m, 14)
        Log-odds; NaN for an observation of which a draw has one class only.
    """
    rows = [np.arange(len(source.films))] if draws is None else draws
    whole = features(backbone, source.films, progress=progress)
    known = source.known
    probes = [LinearHeads(whole[one], source.labels[one], known[one], strength) for one in rows]
    scores = np.empty((len(rows), len(test), source.labels.shape[1]))
    for start in range(0, len(test), _SCORED):
        part = features(backbone, test[start : start + _SCORED])
        for draw, probe in enumerate(probes):
            scores[draw, start : start + _SCORED] = probe.scores(part)
    return scores


class _FineTuned(nn.Module):
    """A backbone with a new linear head and its balanced loss."""

    positive_weight: Tensor

    def __init__(self, backbone: nn.Module, width: int, positive_weight: Tensor) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(width, len(positive_weight))
        self.register_buffer("positive_weight", positive_weight)

    def forward(self, films: Tensor, target: Tensor, known: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.backbone(films))
        losses = binary_cross_entropy_with_logits(logits, target, pos_weight=self.positive_weight, reduction="none")
        return {"loss": (losses * known).sum() / known.sum().clamp(min=1)}


class _LabelledFilms(Dataset[dict[str, Tensor]]):
    def __init__(self, films: Films, target: Tensor, known: Tensor) -> None:
        self.films, self.target, self.known = films, target, known

    def __len__(self) -> int:
        return len(self.films)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {
            "films": torch.from_numpy(self.films[index]),
            "target": self.target[index],
            "known": self.known[index],
        }


def fine_tune(
    backbone: nn.Module,
    source: FilmSource,
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
    source : FilmSource
        Training films with labels.
    test : uint8 array (m, size, size)
        Films to score.
    steps : int
        Batches to train on, rounded to whole epochs.
    batch, learning_rate, seed
        Of AdamW with a cosine schedule; classes are weighted to balance, at most 20 to 1.
    progress : callable, optional
        Called with (done, total) batches.

    Returns
    -------
    float64 array (m, 14)
        Log-odds; NaN for an observation of which the training items have one class only.
    """
    if several_processes():
        # each of a launcher's processes asks for another training, and the Trainer would make one of them
        given = (copy.deepcopy(backbone).cpu(), source, test, steps, batch, learning_rate, seed)
        return trained_apart(fine_tune, *given)
    films = source.films
    batch = min(batch, len(films))
    target = torch.from_numpy((source.labels == POSITIVE).astype(np.float32))
    mask = torch.from_numpy(source.known.astype(np.float32))
    positive = (target * mask).sum(0)
    weight = ((mask.sum(0) - positive) / positive.clamp(min=1)).clamp(1 / 20, 20)
    torch.manual_seed(seed)
    network = copy.deepcopy(backbone).requires_grad_(True)
    module = _FineTuned(network, features(network, films[:2]).shape[1], weight)
    settings = StageSettings(
        epochs=max(1, round(steps * batch / len(films))),
        batch_size=batch,
        learning_rate=learning_rate,
        weight_decay=1e-4,
        warmup=0.1,
    )
    with TemporaryDirectory() as folder:
        train_stage(
            "fine-tuning",
            settings,
            Learner(module),
            Work(_LabelledFilms(films, target, mask), default_collate),
            Path(folder),
            seed=seed,
            progress=None if progress is None else lambda what, done, total, note="": progress(done, total or done),
            checkpoints=False,
        )
    scores = features(nn.Sequential(network, module.head), test).astype(np.float64)
    scores[:, ~both_classes(source.labels, source.known)] = np.nan
    return scores


def trainable_parameters(backbone: nn.Module) -> int:
    """How many parameters fine-tuning would train."""
    return sum(parameter.numel() for parameter in backbone.parameters())


def _device(module: nn.Module) -> torch.device:
    parameter = next(module.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device
