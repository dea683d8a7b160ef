"""GLoRIA's mechanism: words attend to regions; both levels enter the loss and the similarity."""

import numpy as np
import pytest
import torch

from baselines import gloria
from baselines.gloria import Gloria


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def direction(logits: np.ndarray) -> float:
    return float((np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)).mean())


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()


def levels(model: Gloria, batch: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Global cosines and Z of films and texts (5, 5), written out from the encoders' outputs."""
    cells = model.film_cells(batch["films"]).detach().double().numpy()
    states = model.text_states(batch["ids"], batch["mask"]).detach().double().numpy()
    texts = [row[keep] for row, keep in zip(states, batch["mask"].numpy(), strict=True)]
    images = unit(linear(model.image_projection, cells.mean(axis=1)))
    reports = unit(np.array([linear(model.text_projection, text.mean(axis=0)) for text in texts]))
    local = np.empty((len(cells), len(texts)))
    for i, cell in enumerate(cells):
        v = unit(linear(model.region_projection, cell))
        for j, text in enumerate(texts):
            t = unit(linear(model.word_projection, text[1:]))
            a = np.exp(t @ v.T / 0.25)
            c = (a / a.sum(axis=1, keepdims=True)) @ v
            local[i, j] = 0.2 * np.log(np.exp((unit(c) * t).sum(axis=1) / 0.2).sum())
    return images @ reports.T, local


def test_loss_is_the_sum_of_global_and_local_in_both_directions(small_model, batch) -> None:
    model = small_model(Gloria)
    whole, local = levels(model, batch)
    expected = sum(direction(x) for x in (whole / 0.1, whole.T / 0.1, local / 0.02, local.T / 0.02))
    assert model.contrast(**batch).item() == pytest.approx(expected, rel=1e-4)


def test_similarity_adds_both_levels_in_blocks_of_any_size(small_model, batch, monkeypatch) -> None:
    model = small_model(Gloria)
    films = batch["films"].round().byte()
    rows = dict(zip("abcde", zip(batch["ids"], batch["mask"], strict=True), strict=True))

    def encode(texts):
        ids, mask = zip(*[rows[text] for text in texts], strict=True)
        return torch.stack(ids), torch.stack(mask)

    monkeypatch.setattr(model, "encode_texts", encode)
    assert "similarity" in model.offers
    whole, local = levels(model, {**batch, "films": films})
    for texts_at_a_time, cells_at_a_time in ((16, 1_000_000), (2, 1)):
        monkeypatch.setattr(gloria, "_TEXTS_AT_A_TIME", texts_at_a_time)
        monkeypatch.setattr(gloria, "_CELLS_AT_A_TIME", cells_at_a_time)
        np.testing.assert_allclose(model.similarity(films.numpy(), "abcde"), whole + local, atol=1e-4)


def test_a_text_without_words_is_matched_by_its_classification_token(small_model, batch) -> None:
    model = small_model(Gloria)
    _, _, words = model.text_parts(batch["ids"][:, :1], batch["mask"][:, :1])
    assert words.tolist() == [[True]] * 5
