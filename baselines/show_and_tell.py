"""S&T: Vinyals et al., Show and Tell: A Neural Image Caption Generator, CVPR 2015.

The image feature is the LSTM's input at time -1 (Eq. 10) and nothing later sees the image; words follow (Eqs. 11-12).
"""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from baselines.common.training import baseline_trainer
from rrgbench.modeling.captioner import Captioner, RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "s&t"


class ShowAndTellConfig(ReportModelConfig):
    """`width` is the size of word embeddings and LSTM state (512 in the paper); the rest is `ReportModelConfig`'s."""

    model_type = "show-and-tell"

    def __init__(self, width: int = 256, **kwargs: Any) -> None:
        self.width = width
        super().__init__(**kwargs)


class ShowAndTell(Captioner):
    """An LSTM started by the image feature."""

    config_class = ShowAndTellConfig

    def __init__(self, config: ShowAndTellConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        self.image_input = nn.Linear(self.image_encoder.dim, config.width)
        self.embedding = nn.Embedding(config.vocabulary, config.width, padding_idx=config.pad_token_id)
        self.lstm = nn.LSTM(config.width, config.width, batch_first=True)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.width, config.vocabulary)
        self.post_init()

    def start(self, films: Tensor) -> RecurrentState:
        """LSTM state (h, c), each (n, width), after ``x_-1 = CNN(I)`` (Eq. 10)."""
        _, (h, c) = self.lstm(self.image_input(self.image_encoder(films)).unsqueeze(1))
        return h[0], c[0]

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        h, c = self.start(films)
        states, _ = self.lstm(self.dropout(self.embedding(ids)), (h.unsqueeze(0), c.unsqueeze(0)))
        logits: Tensor = self.head(self.dropout(states))
        return logits

    def word_step(self, tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
        """Logits (rows, vocabulary) after one more token (rows,)."""
        h, c = state
        out, (h, c) = self.lstm(self.embedding(tokens).unsqueeze(1), (h.unsqueeze(0), c.unsqueeze(0)))
        return self.head(out[:, 0]), (h[0], c[0])

    def decoding_state(self, films: Tensor, beams: int) -> RecurrentDecoding:
        """The state after the image, for every beam."""
        h, c = self.start(films)
        return RecurrentDecoding(self.word_step, (h.repeat_interleave(beams, 0), c.repeat_interleave(beams, 0)))


train = baseline_trainer(NAME, ShowAndTell)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """S&T for the harness; see `load_system`."""
    return load_system(NAME, ShowAndTell, checkpoint, device)
