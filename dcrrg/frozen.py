"""What frozen encoders make of films and reports: prompted representations, computed once for a whole stage."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from dcrrg.composition import asserted
from dcrrg.model import DcrrgModel
from rrgbench.training.data import FilmRows, TrainingData
from rrgbench.training.stage import own_device


def frozen_memories(model: DcrrgModel, data: TrainingData) -> Iterator[Tensor]:
    """What decoders learn from (n, 14, .), each made when asked for: of films, if they are paired, then of reports.

    A decoder that reads decisions learns with those of the report that it is to write: with a film's own, some of which
    are wrong, it would learn to leave out what is decided.
    """
    said = torch.from_numpy(asserted(data.reports.labels))
    if data.paired:
        yield model.with_decisions(frozen_films(model, data.films.films), said)
    yield model.with_decisions(frozen_reports(model, data.reports.reports), said)


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
    device = own_device()
    model.eval().to(device)
    return device


def encoded(encode: Callable[[Any], Tensor], inputs: Any, batch: int = 64) -> Tensor:
    """Outputs of a frozen encoder for all inputs (films or texts), a batch at a time, on the CPU."""
    with torch.inference_mode():
        parts = [encode(inputs[start : start + batch]).cpu() for start in range(0, len(inputs), batch)]
    # tensors made in inference mode can't enter a graph later
    return torch.cat(parts).clone()
