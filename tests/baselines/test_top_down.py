"""TopDown: the attention LSTM's regions feed the language LSTM (Anderson et al. 2018, Eqs. 2-7)."""

import numpy as np
import torch
from equations import arrays, lstm_step, untrained


@torch.inference_mode()
def test_equations_over_two_words():
    model = untrained("topdown")
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.randint(4, model.config.vocabulary, (1, 2))
    regions = model.film_cells(film)[0].numpy()
    wv, wh, wa = (getattr(model.attention, name).weight.numpy() for name in ("region", "state", "score"))
    h1 = c1 = h2 = c2 = np.zeros(model.config.width)
    expected = []
    for word in ids[0].tolist():
        x1 = np.concatenate([h2, regions.mean(0), model.embedding.weight[word].numpy()])
        h1, c1 = lstm_step(x1, h1, c1, arrays(model.attention_lstm))
        scores = np.array([wa[0] @ np.tanh(wv @ v + wh @ h1) for v in regions])
        alpha = np.exp(scores) / np.exp(scores).sum()
        h2, c2 = lstm_step(np.concatenate([alpha @ regions, h1]), h2, c2, arrays(model.language_lstm))
        expected.append(model.head.weight.numpy() @ h2 + model.head.bias.numpy())
    np.testing.assert_allclose(model.word_logits(film, ids)[0].numpy(), expected, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_attention_follows_the_state():
    model = untrained("topdown")
    projected = model.attention.region(torch.randn(1, 5, model.image_encoder.dim))
    first, second = (model.attention(projected, torch.randn(1, model.config.width)) for _ in range(2))
    torch.testing.assert_close(first.sum(-1), torch.ones(1))
    assert not torch.allclose(first, second, atol=1e-6)
