"""MedCLIP's mechanism: films and texts decoupled, soft targets from labels."""

import numpy as np
import pytest
import torch

from baselines.medclip import DecoupledItems, Medclip, MedclipConfig, Pairing, Texts, decoupled_items, sentence_labels
from rrgbench.errors import InputError
from rrgbench.labelers import RulesLabeler
from rrgbench.observations import OBSERVATIONS, observation_index
from rrgbench.training.data import FilmSource, ReportSource, TrainingData
from rrgbench.training.items import sentences_of

REPORTS = [
    "There is a small left pleural effusion. The heart is normal in size.",
    "No pneumothorax. The lungs are clear.",
    "Moderate cardiomegaly. There is a right pneumothorax.",
]


def items(films: int, seed: int = 0, pairing: Pairing = "any", texts: Texts = "both") -> DecoupledItems:
    labels = np.zeros((films, 14), dtype=np.int8)
    labels[np.arange(films), np.arange(films) % 14] = 1
    data = TrainingData(
        FilmSource(np.zeros((films, 8, 8), dtype=np.uint8), labels, OBSERVATIONS),
        ReportSource(REPORTS, RulesLabeler().label(REPORTS)),
        pairing == "own",
    )
    return DecoupledItems(data, pairing, texts, False, seed)


def log_softmax(x: np.ndarray) -> np.ndarray:
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("target_temperature", [1.0, 0.1])
def test_loss_is_the_semantic_matching_loss(small_model, batch, target_temperature) -> None:
    model = small_model(Medclip, target_temperature=target_temperature)
    batch["film_labels"][0], batch["text_labels"][1] = 0, 0
    a, b = batch["film_labels"].double().numpy(), batch["text_labels"].double().numpy()
    lengths = np.outer(np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1))
    s = np.divide(a @ b.T, lengths, out=np.zeros((5, 5)), where=lengths > 0)
    s[np.ix_(~a.any(axis=1), ~b.any(axis=1))] = 1
    s /= target_temperature
    films = model.film_vectors(batch["films"]).detach().double().numpy()
    texts = model.text_vectors(batch["ids"], batch["mask"]).detach().double().numpy()
    logits = films @ texts.T / 0.07
    losses = [-(np.exp(log_softmax(y)) * log_softmax(x)).sum(axis=1).mean() for x, y in ((logits, s), (logits.T, s.T))]
    assert model.contrast(**batch).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_partners_with_the_same_labels_are_no_negatives(small_model, batch) -> None:
    """Where all labels agree nothing distinguishes one text from another, as InfoNCE would."""
    model = small_model(Medclip)
    for key in ("film_labels", "text_labels"):
        batch[key] = torch.ones(5, 14)
    batch["ids"], batch["mask"] = batch["ids"][:1].expand(5, -1), batch["mask"][:1].expand(5, -1)
    batch["films"] = batch["films"][:1].expand(5, -1, -1)
    model.contrast(**batch).backward()
    assert model.image_projection.weight.grad.abs().max() < 1e-5


def test_a_text_is_a_report_or_a_sentence_of_one_equally_often() -> None:
    dataset = items(900)
    texts = [dataset[index]["report"] for index in range(900)]
    assert set(texts) == {*REPORTS, *[sentence for report in REPORTS for sentence in sentences_of(report)]}
    # 450 whole reports expected, standard deviation 15
    assert abs(sum(text in REPORTS for text in texts) - 450) < 75


def test_texts_are_drawn_whatever_the_film() -> None:
    """As many films as reports, as in a paired corpus: over the epochs each film meets every report equally often."""
    dataset = items(len(REPORTS))
    met = np.zeros((len(REPORTS), len(REPORTS)), dtype=int)
    for epoch in range(300):
        dataset.set_epoch(epoch)
        for film in range(len(REPORTS)):
            text = dataset[film]["report"]
            met[film, next(index for index, report in enumerate(REPORTS) if text in report)] += 1
    # 100 expected each, standard deviation 8.2
    assert abs(met - 100).max() < 40


def test_a_film_stands_beside_a_sentence_of_its_own_report() -> None:
    """As the authors' code pairs where a film has a report."""
    dataset = items(len(REPORTS), pairing="own", texts="sentences")
    met: list[set[str]] = [set() for _ in REPORTS]
    for epoch in range(40):
        dataset.set_epoch(epoch)
        for film in range(len(REPORTS)):
            met[film].add(dataset[film]["report"])
    assert met == [set(sentences_of(report)) for report in REPORTS]


def test_a_film_without_a_report_meets_a_text_that_shares_a_finding_or_finds_nothing() -> None:
    dataset = items(42, pairing="matched", texts="sentences")
    seen: dict[str, set[str]] = {}
    for epoch in range(30):
        dataset.set_epoch(epoch)
        for film in range(42):
            item = dataset[film]
            (observation,) = np.flatnonzero(item["film_labels"].numpy())
            seen.setdefault(OBSERVATIONS[observation], set()).add(item["report"])
    assert seen["Pleural Effusion"] == {"There is a small left pleural effusion."}
    assert seen["Cardiomegaly"] == {"Moderate cardiomegaly."}
    assert seen["No Finding"] == {"The heart is normal in size.", "No pneumothorax.", "The lungs are clear."}
    assert len(seen["Edema"]) > 3, "no sentence tells of it, so any is taken"


def test_a_sentence_that_says_nothing_is_unlabelled_and_one_that_denies_is_normal() -> None:
    found = sentence_labels(["PA and lateral views of the chest.", "No pneumothorax.", "Moderate cardiomegaly."]) == 1
    assert [np.flatnonzero(row).tolist() for row in found] == [
        [],
        [observation_index("No Finding")],
        [observation_index("Cardiomegaly")],
    ]


def test_an_unpaired_corpus_is_matched_by_labels_and_wrong_choices_are_named(small_model) -> None:
    dataset = items(4, pairing="own")
    unpaired = TrainingData(FilmSource(np.zeros((4, 8, 8), np.uint8), np.eye(4, 14, dtype=np.int8), OBSERVATIONS),
                            ReportSource(REPORTS, RulesLabeler().label(REPORTS)), False)  # fmt: skip
    assert decoupled_items(small_model(Medclip), unpaired, False, 0).pairing == "matched"
    assert dataset.pairing == "own"
    with pytest.raises(InputError, match="pairing is one of own, matched, any; given: 'mine'"):
        MedclipConfig(pairing="mine")  # type: ignore[arg-type]


def test_a_sentence_has_its_own_labels() -> None:
    dataset = items(200)
    labeler = RulesLabeler()
    for index in range(40):
        item = dataset[index]
        expected = (labeler.label([item["report"]])[0] == 1).astype(np.float32)
        np.testing.assert_array_equal(item["text_labels"].numpy(), expected)


def test_the_draw_follows_from_seed_and_epoch() -> None:
    def run(seed: int, epoch: int) -> list[str]:
        dataset = items(30, seed)
        dataset.set_epoch(epoch)
        return [dataset[index]["report"] for index in range(30)]

    assert run(0, 1) == run(0, 1)
    assert run(0, 1) != run(0, 2)
    assert run(0, 1) != run(1, 1)
