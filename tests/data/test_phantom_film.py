"""The phantom's films: visible findings on the right side, one patient at every size."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rrgbench.data.phantom.case import Case, Device, Finding, draw_case
from rrgbench.data.phantom.film import PhantomFilm, draw_film
from rrgbench.data.phantom.population import DRAWN, PHANTOM
from rrgbench.observations import POSITIVE

PRESENT = [name for name in DRAWN if name != "Support Devices"]
SIDED = [name for name in PRESENT if name not in ("Edema", "Cardiomegaly", "Enlarged Cardiomediastinum")]


@pytest.fixture(scope="module")
def healthy() -> Case:
    return replace(draw_case(PHANTOM, 0, 0), findings={}, devices=(), noise=0.0)


def difference(case: Case, other: Case, index: int = 0) -> NDArray[np.int16]:
    films = [draw_film(each, PHANTOM, 0, index, 96).astype(np.int16) for each in (case, other)]
    return films[0] - films[1]


def with_finding(case: Case, name: str, side: str, severity: int = 1, *, certain: bool = True) -> Case:
    finding = Finding(certain, side, "mid", severity, 0.9 if certain else 0.3, 0.5)
    return replace(case, findings={name: finding})


@pytest.mark.parametrize("name", PRESENT)
def test_every_finding_shows(healthy: Case, name: str) -> None:
    side = "right" if name in SIDED else "both"
    for index in range(5):
        change = np.abs(difference(with_finding(healthy, name, side), healthy, index))
        assert (change > 12).sum() >= 12, f"{name} hardly shows on film {index}"


@pytest.mark.parametrize("name", SIDED)
def test_a_finding_lies_on_its_side(healthy: Case, name: str) -> None:
    for side, own in (("right", np.s_[:, :44]), ("left", np.s_[:, 52:])):
        for index in range(3):
            change = np.abs(difference(with_finding(healthy, name, side), healthy, index))
            assert change[own].sum() > 0.8 * change.sum(), f"{name} on the {side} of film {index}"


@pytest.mark.parametrize("name", PRESENT)
def test_uncertain_findings_are_fainter(healthy: Case, name: str) -> None:
    side = "right" if name in SIDED else "both"
    certain, uncertain = (
        np.mean(
            [np.abs(difference(with_finding(healthy, name, side, certain=sure), healthy, i)).sum() for i in range(4)]
        )
        for sure in (True, False)
    )
    assert 0 < uncertain < 0.75 * certain


@pytest.mark.parametrize("name", ["Pleural Effusion", "Cardiomegaly", "Pneumothorax", "Lung Lesion", "Fracture"])
def test_severe_findings_show_more_than_mild_ones(healthy: Case, name: str) -> None:
    side = "right" if name in SIDED else "both"
    mild, severe = (
        np.mean([np.abs(difference(with_finding(healthy, name, side, level), healthy, i)).sum() for i in range(4)])
        for level in (0, 2)
    )
    assert severe > 1.3 * mild


@pytest.mark.parametrize(
    "kind",
    [
        "endotracheal tube",
        "nasogastric tube",
        "internal jugular line",
        "subclavian line",
        "picc line",
        "pacemaker",
        "sternal wires",
        "chest tube",
    ],
)
def test_every_device_shows(healthy: Case, kind: str) -> None:
    labels = healthy.labels.copy()
    labels[-1] = POSITIVE
    change = difference(replace(healthy, labels=labels, devices=(Device(kind, "left"),)), healthy)
    assert (np.abs(change) > 12).sum() >= 12


def test_pneumothorax_is_dark_and_effusion_bright(healthy: Case) -> None:
    air = difference(with_finding(healthy, "Pneumothorax", "left", 2), healthy)
    fluid = difference(with_finding(healthy, "Pleural Effusion", "left", 2), healthy)
    assert (air < -15).sum() > 100
    assert (fluid > 15).sum() > 300
    assert np.argwhere(air < -15)[:, 0].mean() < np.argwhere(fluid > 15)[:, 0].mean()


def test_one_patient_at_every_size() -> None:
    for index in range(6):
        large = PhantomFilm("phantom", 0, index).load(256).astype(float)
        small = PhantomFilm("phantom", 0, index).load(64).astype(float)
        averaged = large.reshape(64, 4, 64, 4).mean(axis=(1, 3))
        assert np.corrcoef(averaged.ravel(), small.ravel())[0, 1] > 0.985


def test_films_look_exposed() -> None:
    films = np.stack([PhantomFilm("phantom", 0, index).load(96) for index in range(40)])
    assert films.dtype == np.uint8
    means = films.mean(axis=(1, 2))
    assert ((means > 60) & (means < 210)).all()
    assert (films.std(axis=(1, 2)) > 25).all()
    # Lungs are darker than the mediastinum between them.
    assert films[:, 30:50, 24:34].mean() < films[:, 30:50, 45:51].mean() - 30
