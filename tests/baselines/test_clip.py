"""CLIP's loss against the pseudo-code of its paper's Figure 3."""

import numpy as np
import pytest

from baselines.clip import Clip


def test_contrast_is_symmetric_cross_entropy_of_scaled_cosines(small_model, batch) -> None:
    model = small_model(Clip)
    films = model.film_vectors(batch["films"]).detach().double().numpy()
    texts = model.text_vectors(batch["ids"], batch["mask"]).detach().double().numpy()
    np.testing.assert_allclose(np.linalg.norm(films, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-6)
    logits = films @ texts.T / 0.07
    losses = [np.log(np.exp(x).sum(axis=1)) - np.diag(x) for x in (logits, logits.T)]
    assert model.contrast(**batch).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_temperature_is_learned(small_model, batch) -> None:
    model = small_model(Clip)
    model.contrast(**batch).backward()
    assert model.log_temperature.grad.abs() > 1e-4
