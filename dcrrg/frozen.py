"""What frozen encoders make of films and reports: prompted representations, computed once for a whole stage."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dcrrg.composition import asserted
from dcrrg.model import DcrrgModel
from rrgbench.training.data import FilmRows, TrainingData


def frozen_memories(model: DcrrgModel, data: TrainingData) -> list[Tensor]:
    """What decoders read (n, 14, .) of films and reports if they are paired, else of reports alone."""
    device = placed(model)
    reports = list(zip(data.reports.reports, asserted(data.reports.labels), strict=True))

    def read(part: Sequence[tuple[str, NDArray[np.bool_]]]) -> Tensor:
        return model.text_memory([text for text, _ in part], np.stack([said for _, said in part]))

    memories = [encoded(read, reports)]
    if data.paired:
        films = data.films.films
        memories.insert(0, encoded(lambda part: model.image_memory(torch.from_numpy(part).to(device)), films))
    return memories


def frozen_films(model: DcrrgModel, films: FilmRows) -> Tensor:
    """v_p (n, 14, P) of films."""
    device = placed(model)
    return encoded(lambda part: model.image_observations(torch.from_numpy(part).to(device)), films)


def frozen_reports(model: DcrrgModel, reports: list[str]) -> Tensor:
    """t_p (n, 14, P) of reports."""
    placed(model)
    return encoded(lambda texts: model.text_observations(*model.encode_texts(texts)), reports)


def placed(model: DcrrgModel) -> torch.device:
    """Where the model now is, in evaluation mode."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().to(device)
    return device


def encoded(encode: Callable[[Any], Tensor], inputs: Any, batch: int = 64) -> Tensor:
    """Outputs of a frozen encoder for all inputs (films or texts), a batch at a time, on the CPU."""
    with torch.inference_mode():
        parts = [encode(inputs[start : start + batch]).cpu() for start in range(0, len(inputs), batch)]
    # tensors made in inference mode can't enter a graph later
    return torch.cat(parts).clone()
