"""Multi-head attention and feed-forward over states, the step that graphs and knowledge of several systems take."""

from torch import Tensor, nn

from baselines.common.word_decoder import TransformerConfig
from rrgbench.modeling.report_decoder import Attention


class AttentionBlock(nn.Module):
    """Attention to other states, or to the states themselves, then feed-forward; pre-norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.attention = Attention(width, width, config.heads)
        self.feed_forward = nn.Sequential(
            nn.Linear(width, config.feed_forward), nn.ReLU(), nn.Linear(config.feed_forward, width)
        )
        self.norms, self.dropout = nn.ModuleList(nn.LayerNorm(width) for _ in range(2)), nn.Dropout(config.dropout)

    def forward(self, x: Tensor, others: Tensor | None, mask: Tensor | None = None) -> Tensor:
        """States (n, m, width); `mask` (n, 1, m or 1, k) says what may be looked at, all by default."""
        normed = self.norms[0](x)
        seen = self.attention.keys_values(normed if others is None else others)
        x = x + self.dropout(self.attention(normed, *seen, mask))
        changed: Tensor = x + self.dropout(self.feed_forward(self.norms[1](x)))
        return changed
