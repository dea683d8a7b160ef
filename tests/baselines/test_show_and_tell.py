"""S&T: the image is the LSTM's first input and nothing later sees it (Vinyals et al. 2015, Eqs. 10-12)."""

import numpy as np
import torch
from equations import arrays, lstm_step, untrained


@torch.inference_mode()
def test_equations():
    model = untrained("s&t")
    film, ids = torch.randint(0, 255, (1, 32, 32)).float(), torch.randint(4, model.config.vocabulary, (1, 4))
    zero = np.zeros(model.config.width)
    h, c = lstm_step(model.image_input(model.image_encoder(film))[0].numpy(), zero, zero, arrays(model.lstm), "_l0")
    expected = []
    for word in ids[0].tolist():
        h, c = lstm_step(model.embedding.weight[word].numpy(), h, c, arrays(model.lstm), "_l0")
        expected.append(model.head.weight.numpy() @ h + model.head.bias.numpy())
    np.testing.assert_allclose(model.word_logits(film, ids)[0].numpy(), expected, rtol=1e-4, atol=1e-5)
