"""PhenotypeCLIP's mechanism: the same prompts query films and reports, and are contrasted one by one."""

import numpy as np
import pytest
import torch

from baselines.phenotype_clip import PhenotypeClip, joined
from rrgbench.modeling.report_decoder import Attention

HEADS, PHENOTYPES = 2, 3
OPTIONS = {"phenotypes": PHENOTYPES, "phenotype_heads": HEADS}


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def direction(logits: np.ndarray) -> float:
    return float((np.log(np.exp(logits).sum(axis=1)) - np.diag(logits)).mean())


def linear(layer: torch.nn.Linear, x: np.ndarray) -> np.ndarray:
    return x @ layer.weight.detach().double().numpy().T + layer.bias.detach().double().numpy()


def attended(attention: Attention, prompts: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Multi-head cross-attention (K, p) of prompts (K, p) onto a memory (s, d), written out."""
    q, k, v = linear(attention.query, prompts), linear(attention.key, memory), linear(attention.value, memory)
    heads = []
    for one in np.split(np.arange(q.shape[1]), HEADS):
        scores = np.exp(q[:, one] @ k[:, one].T / np.sqrt(len(one)))
        heads.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, one])
    return linear(attention.output, np.concatenate(heads, axis=1))


def levels(model: PhenotypeClip, batch: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
    """Cosines of wholes (5, 5) and of phenotypes (K, 5, 5), written out from the encoders' outputs."""
    prompts = model.prompts.detach().double().numpy()
    cells = model.film_cells(batch["films"]).detach().double().numpy()
    states = model.text_states(batch["ids"], batch["mask"]).detach().double().numpy()
    texts = [row[keep] for row, keep in zip(states, batch["mask"].numpy(), strict=True)]
    images = unit(linear(model.image_projection, cells.mean(axis=1)))
    reports = unit(np.array([linear(model.text_projection, text.mean(axis=0)) for text in texts]))
    of_films = unit(np.array([attended(model.film_query, prompts, cell) for cell in cells]))
    of_texts = unit(np.array([attended(model.text_query, prompts, text) for text in texts]))
    return images @ reports.T, np.einsum("nkp,mkp->knm", of_films, of_texts)


def test_loss_is_instance_level_plus_phenotype_level(small_model, batch) -> None:
    model = small_model(PhenotypeClip, phenotype_weight=0.5, **OPTIONS)
    whole, fine = levels(model, batch)

    def both(x: np.ndarray) -> float:
        return (direction(x / 0.07) + direction(x.T / 0.07)) / 2

    expected = both(whole) + 0.5 * np.mean([both(one) for one in fine])
    assert model.contrast(**batch).item() == pytest.approx(expected, rel=1e-4)


def test_one_set_of_prompts_queries_both_modalities(small_model, batch) -> None:
    model = small_model(PhenotypeClip, **OPTIONS)
    films, texts = model.film_levels(batch["films"])[1], model.text_levels(batch["ids"], batch["mask"])[1]
    with torch.no_grad():
        model.prompts[1] += 1.0
    moved_films = model.film_levels(batch["films"])[1]
    moved_texts = model.text_levels(batch["ids"], batch["mask"])[1]
    for before, after in ((films, moved_films), (texts, moved_texts)):
        assert torch.equal(before[:, [0, 2]], after[:, [0, 2]])
        assert (before[:, 1] - after[:, 1]).abs().max() > 1e-4


def test_joined_vectors_compare_by_the_mean_of_both_levels(small_model, batch) -> None:
    model = small_model(PhenotypeClip, **OPTIONS)
    whole, fine = levels(model, batch)
    films = joined(*model.film_levels(batch["films"])).detach()
    texts = joined(*model.text_levels(batch["ids"], batch["mask"])).detach()
    np.testing.assert_allclose(films.norm(dim=1).numpy(), 1, atol=1e-6)
    np.testing.assert_allclose((films @ texts.T).numpy(), (whole + fine.mean(axis=0)) / 2, atol=1e-5)
