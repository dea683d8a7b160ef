"""AdaAtt: Lu et al., Knowing When to Look: Adaptive Attention via a Visual Sentinel for Image Captioning, CVPR 2017.

Beside the regions stands a visual sentinel, what the LSTM itself knows; one softmax over regions and sentinel decides
how much of each the next word is read from.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from baselines.common.training import baseline_trainer
from rrgbench.modeling.captioner import Captioner, RecurrentDecoding, RecurrentState
from rrgbench.modeling.report_model import ReportModelConfig
from rrgbench.modeling.trained_system import TrainedSystem, load_system

NAME = "adaatt"


class AdaptiveAttentionConfig(ReportModelConfig):
    """`width` is the size of words, regions and LSTM state (the paper has 512), `attention_width` the attention's."""

    model_type = "adaptive-attention"

    def __init__(self, width: int = 256, attention_width: int = 128, **kwargs: Any) -> None:
        self.width = width
        self.attention_width = attention_width
        super().__init__(**kwargs)


class SentinelAttention(nn.Module):
    """Attention over k regions and the sentinel.

    Parameters
    ----------
    width : int
        Of regions, states and sentinel.
    attention_width : int
        Of the layer that scores them.
    """

    def __init__(self, width: int, attention_width: int) -> None:
        super().__init__()
        self.region = nn.Linear(width, attention_width, bias=False)  # W_v
        self.state = nn.Linear(width, attention_width, bias=False)  # W_g
        self.sentinel = nn.Linear(width, attention_width, bias=False)  # W_s
        self.score = nn.Linear(attention_width, 1, bias=False)  # w_h

    def forward(self, regions: Tensor, states: Tensor, sentinels: Tensor) -> tuple[Tensor, Tensor]:
        """Adaptive context and attention of every step.

        Parameters
        ----------
        regions : Tensor
            V (n, k, width).
        states, sentinels : Tensor
            h_t and s_t (n, t, width).

        Returns
        -------
        context : Tensor
            c^_t (n, t, width), Eq. 11: beta_t s_t + (1 - beta_t) c_t.
        attention : Tensor
            alpha^_t (n, t, k + 1), Eq. 12, summing to one; the last is beta_t.
        """
        asked = self.state(states)
        seen = self.score(torch.tanh(self.region(regions).unsqueeze(1) + asked.unsqueeze(2)))[..., 0]  # Eq. 6
        known = self.score(torch.tanh(self.sentinel(sentinels) + asked))
        attention = torch.softmax(torch.cat([seen, known], dim=-1), dim=-1)
        context = attention[..., :-1] @ regions + attention[..., -1:] * sentinels
        return context, attention


class AdaptiveAttention(Captioner):
    """LSTM with a visual sentinel."""

    config_class = AdaptiveAttentionConfig

    def __init__(self, config: AdaptiveAttentionConfig, pretrained_encoders: bool = False) -> None:
        super().__init__(config, pretrained_encoders)
        width = config.width
        self.regions = nn.Sequential(nn.Linear(self.image_encoder.dim, width), nn.ReLU())  # Eq. 14
        self.whole = nn.Sequential(nn.Linear(self.image_encoder.dim, width), nn.ReLU())  # Eq. 15
        self.embedding = nn.Embedding(config.vocabulary, width, padding_idx=config.pad_token_id)
        self.lstm = nn.LSTMCell(2 * width, width)
        self.gate_input = nn.Linear(2 * width, width, bias=False)  # W_x
        self.gate_state = nn.Linear(width, width, bias=False)  # W_h
        self.attention = SentinelAttention(width, config.attention_width)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, config.vocabulary)
        self.post_init()

    def look(self, films: Tensor) -> tuple[Tensor, Tensor]:
        """Regions V (n, k, width) and the whole image v^g (n, width)."""
        cells = self.film_cells(films)
        return self.regions(cells), self.whole(cells.mean(dim=1))

    def advance(self, words: Tensor, whole: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """One LSTM step on x_t = [w_t; v^g]: h_t, m_t and the sentinel s_t = g_t * tanh(m_t) (Eqs. 8-9)."""
        x = torch.cat([words, whole], dim=-1)
        gate = torch.sigmoid(self.gate_input(x) + self.gate_state(h))
        h, c = self.lstm(x, (h, c))
        return h, c, gate * torch.tanh(c)

    def words_from(self, regions: Tensor, states: Tensor, sentinels: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of W_p (c^_t + h_t), Eq. 13."""
        context, _ = self.attention(regions, states, sentinels)
        logits: Tensor = self.head(self.dropout(context + states))
        return logits

    def word_logits(self, films: Tensor, ids: Tensor) -> Tensor:
        """Logits (n, t, vocabulary) of the token after each of `ids` (n, t)."""
        regions, whole = self.look(films)
        words = self.dropout(self.embedding(ids))
        h = c = torch.zeros_like(whole)
        states, sentinels = [], []
        for step in range(ids.shape[1]):
            h, c, sentinel = self.advance(words[:, step], whole, h, c)
            states.append(h)
            sentinels.append(sentinel)
        # attention feeds nothing back into the LSTM, so all steps attend at once
        return self.words_from(regions, torch.stack(states, 1), torch.stack(sentinels, 1))

    def decoding_state(self, films: Tensor, beams: int) -> RecurrentDecoding:
        """The state before the first word."""
        regions, whole = (part.repeat_interleave(beams, 0) for part in self.look(films))

        def step(tokens: Tensor, state: RecurrentState) -> tuple[Tensor, RecurrentState]:
            h, c, sentinel = self.advance(self.embedding(tokens), whole, *state)
            return self.words_from(regions, h.unsqueeze(1), sentinel.unsqueeze(1))[:, 0], (h, c)

        start = torch.zeros_like(whole)
        return RecurrentDecoding(step, (start, start))


train = baseline_trainer(NAME, AdaptiveAttention)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> TrainedSystem:
    """AdaAtt for the harness; see `load_system`."""
    return load_system(NAME, AdaptiveAttention, checkpoint, device)
