"""The phantom's lateral films: the same findings from the side, at the same height, where a reader looks for them."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from rrgbench.data.phantom import PhantomFilm, load_followup
from rrgbench.data.phantom.case import Case, Device, Finding
from rrgbench.data.phantom.film import draw_film
from rrgbench.data.phantom.lateral import draw_lateral
from rrgbench.data.phantom.population import DRAWN, PHANTOM_FOLLOWUP
from rrgbench.data.phantom.visit import draw_visit
from rrgbench.errors import InputError
from rrgbench.observations import POSITIVE

PRESENT = [name for name in DRAWN if name != "Support Devices"]
WHOLE = ("Edema", "Cardiomegaly", "Enlarged Cardiomediastinum")


@pytest.fixture(scope="module")
def healthy() -> Case:
    return replace(draw_visit(PHANTOM_FOLLOWUP, 0, 0).case, findings={}, devices=(), noise=0.0)


def difference(case: Case, other: Case, index: int = 0) -> NDArray[np.int16]:
    films = [draw_lateral(each, PHANTOM_FOLLOWUP, 0, index, 96).astype(np.int16) for each in (case, other)]
    return films[0] - films[1]


def with_finding(case: Case, name: str, zone: str = "mid", severity: int = 1, *, certain: bool = True) -> Case:
    side = "both" if name in WHOLE else "right"
    return replace(case, findings={name: Finding(certain, side, zone, severity, 0.9 if certain else 0.3, 0.5)})


@pytest.mark.parametrize("name", PRESENT)
def test_every_finding_shows_and_a_suspected_one_less(healthy: Case, name: str) -> None:
    for index in range(4):
        change = np.abs(difference(with_finding(healthy, name), healthy, index))
        assert (change > 8).sum() >= 12, f"{name} hardly shows on lateral film {index}"
        faint = np.abs(difference(with_finding(healthy, name, certain=False), healthy, index))
        assert 0 < faint.sum() < 0.8 * change.sum()


@pytest.mark.parametrize("kind", ["endotracheal tube", "nasogastric tube", "internal jugular line", "subclavian line",
                                  "picc line", "pacemaker", "sternal wires", "chest tube"])  # fmt: skip
def test_every_device_shows(healthy: Case, kind: str) -> None:
    labels = healthy.labels.copy()
    labels[-1] = POSITIVE
    change = difference(replace(healthy, labels=labels, devices=(Device(kind, "left"),)), healthy)
    assert (np.abs(change) > 12).sum() >= 12


def test_a_small_effusion_blunts_the_posterior_angle(healthy: Case) -> None:
    for index in range(4):
        fluid = difference(with_finding(healthy, "Pleural Effusion", severity=0), healthy, index) > 10
        rows, columns = np.nonzero(fluid)
        assert columns.mean() > 58, "a small effusion lies behind"
        assert rows.mean() > 48, "a small effusion lies low"
        more = difference(with_finding(healthy, "Pleural Effusion", severity=2), healthy, index) > 10
        assert more.sum() > 2 * fluid.sum()


def test_lower_lobes_lie_behind_and_the_middle_lobe_in_front(healthy: Case) -> None:
    columns = {
        zone: np.nonzero(difference(with_finding(healthy, "Consolidation", zone, 2), healthy) > 10)[1].mean()
        for zone in ("upper", "mid", "lower")
    }
    assert columns["mid"] < columns["upper"] < columns["lower"]


@pytest.mark.parametrize("zone", ["upper", "mid", "lower"])
def test_a_nodule_is_as_high_as_on_the_frontal_film(healthy: Case, zone: str) -> None:
    for index in range(4):
        ill = with_finding(healthy, "Lung Lesion", zone, 1)
        heights = []
        for draw in (draw_film, draw_lateral):
            films = [draw(case, PHANTOM_FOLLOWUP, 0, index, 96).astype(float) for case in (ill, healthy)]
            heights.append(np.nonzero(films[0] - films[1] > 10)[0].mean())
        assert abs(heights[0] - heights[1]) < 10  # two films are taken of a patient who stands a little differently


def test_the_space_behind_the_sternum_is_dark_unless_the_mediastinum_is_wide(healthy: Case) -> None:
    films = np.stack([draw_lateral(healthy, PHANTOM_FOLLOWUP, 0, index, 96) for index in range(12)]).astype(float)
    mean = films.mean(axis=0)
    behind_sternum, heart, abdomen = mean[28:38, 30:36].mean(), mean[52:62, 34:44].mean(), mean[80:92, 35:60].mean()
    assert behind_sternum + 15 < heart
    assert heart + 10 < abdomen
    wide = difference(with_finding(healthy, "Enlarged Cardiomediastinum", severity=2), healthy)
    assert wide[24:44, 28:52].mean() > 10 > np.abs(wide[60:90]).mean()


def test_one_patient_at_every_size_and_again() -> None:
    for index in range(5):
        film = PhantomFilm("phantom-followup", 0, index, lateral=True)
        large, small = film.load(256).astype(float), film.load(64).astype(float)
        assert np.corrcoef(large.reshape(64, 4, 64, 4).mean(axis=(1, 3)).ravel(), small.ravel())[0, 1] > 0.98
        assert np.array_equal(film.load(64), small.astype(np.uint8))
    with pytest.raises(InputError, match="16 or more"):
        film.load(8)


def test_films_look_exposed() -> None:
    films = np.stack([PhantomFilm("phantom-followup", 0, index, lateral=True).load(96) for index in range(40)])
    means = films.mean(axis=(1, 2))
    assert ((means > 60) & (means < 210)).all()
    assert (films.std(axis=(1, 2)) > 25).all()


def test_the_well_have_two_views_and_the_bedridden_one() -> None:
    studies = load_followup(train=1500, validate=0, test=0).split("train")
    views = [tuple(film.view for film in study.images) for study in studies]
    assert set(views) == {("PA",), ("AP",), ("PA", "LATERAL")}
    assert 0.4 < np.mean([len(each) == 2 for each in views]) < 0.65
    for study, each in zip(studies, views, strict=True):
        assert len(each) == 1 or not any(
            said in (study.report or "") for said in ("portable", "single", "lateral view c")
        )
