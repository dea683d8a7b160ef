"""TopDown: Anderson et al., Bottom-Up and Top-Down Attention for Image Captioning and VQA, CVPR 2018.

An attention LSTM sees the last word, the mean of the image and what the language LSTM last knew, and weighs the
regions; the language LSTM writes from the attended region. Regions are the cells of the feature map: there is no
detector of radiographic regions to take their place.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.common.training import baseline_trainer
from rrgbench.modeling.captioner import Captioner, RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "topdown"


class TopDownConfig(ReportModelConfig):
    """`width` is the size of words and LSTM states (the paper has 1,000), `attention_width` the attention's (512)."""

    model_type = "top-down"

    def __init__(self, width: int = 256, attention_width: int = 128, **kwargs: Any) -> None:
        self.width = width
        self.attention_width = attention_width
        super().__init__(**kwargs)


class TopDownAttention(nn.Module):
    """a_i = w_a tanh(W_va v_i + W_ha h), softmax over the regions (Eqs. 3-4)."""

    def __init__(self, region_width: int, width: int, attention_width: int) -> None:
        super().__init__()
        self.region = nn.Linear(region_width, attention_width, bias=False)  # W_va
        self.state = nn.Linear(width, attention_width, bias=False)  # W_ha
        self.score = nn.Linear(attention_width, 1, bias=False)  # w_a

    def forward(self, projected: Tensor, h: Tensor) -> Tensor:
        """Weights (n, k), summing to one, of regions already projected by W_va (n, k, a), given h (n, width)."""
        scores = self.score(torch.tanh(projected + self.state(h).unsqueeze(1)))[..., 0]
        return torch.softmax(scores, dim=-1)


class TopDown(Captioner):
    """Attention LSTM and language LSTM."""

    config_class = TopDownConfig

    def __init__(self, config: TopDownConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width, seen = config.width, self.image_encoder.dim
        self.embedding = nn.Embedding(config.vocabulary, width, padding_idx=config.pad_token_id)
        self.attention_lstm = nn.LSTMCell(width + seen + width, width)
        self.attention = TopDownAttention(seen, width, config.attention_width)
        self.language_lstm = nn.LSTMCell(seen + width, width)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, config.vocabulary)
        self.post_init()

    def advance(
        self, words: Tensor, cells: Tensor, projected: Tensor, state: RecurrentState
    ) -> tuple[Tensor, RecurrentState]:
        """One step: h2_t (n, width) and the state (h1, c1, h2, c2), given embedded words and the regions."""
        h1, c1, h2, c2 = state
        h1, c1 = self.attention_lstm(torch.cat([h2, cells.mean(dim=1), words], dim=-1), (h1, c1))  # Eq. 2
        weights = self.attention(projected, h1)
        attended = (weights.unsqueeze(1) @ cells)[:, 0]  # Eq. 5
        h2, c2 = self.language_lstm(torch.cat([attended, h1], dim=-1), (h2, c2))  # Eq. 6
        return h2, (h1, c1, h2, c2)

    def start(self, films: Tensor) -> tuple[Tensor, RecurrentState]:
        """Regions (n, k, d) and the state before the first word."""
        cells = self.film_cells(films)
        zero = cells.new_zeros(len(cells), self.config.width)
        return cells, (zero, zero, zero, zero)

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        cells, state = self.start(films)
        projected, words = self.attention.region(cells), self.dropout(self.embedding(ids))
        states = []
        for step in range(ids.shape[1]):
            h2, state = self.advance(words[:, step], cells, projected, state)
            states.append(h2)
        logits: Tensor = self.head(self.dropout(torch.stack(states, 1)))  # Eq. 7
        return logits

    def decoding_state(self, films: Tensor, beams: int) -> RecurrentDecoding:
        """The state before the first word, for every beam."""
        cells, state = self.start(films.repeat_interleave(beams, 0))
        projected = self.attention.region(cells)

        def step(tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
            h2, state = self.advance(self.embedding(tokens), cells, projected, state)
            return self.head(h2), state

        return RecurrentDecoding(step, state)


train = baseline_trainer(NAME, TopDown)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """TopDown for the harness; see `load_system`."""
    return load_system(NAME, TopDown, checkpoint, device)
