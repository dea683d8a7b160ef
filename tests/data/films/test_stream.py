"""Films and examinations in batches."""

from dataclasses import dataclass

import numpy as np
import pytest

from rrgbench.data.examination import Reads
from rrgbench.data.films import stream as reading
from rrgbench.data.films.cache import FilmCache
from rrgbench.data.films.stream import decode, load_films, stream
from rrgbench.data.phantom import load
from rrgbench.data.phantom.film import PhantomFilm
from rrgbench.data.study import Study
from rrgbench.errors import InputError


@dataclass(frozen=True)
class Plain:
    grey: int
    view: str = "PA"

    def load(self, size):
        return np.full((size, size), self.grey, dtype=np.uint8)


def subject(number):
    """A study with two films whose prior has one, a study with one film, or one without a prior."""
    prior = Study(f"prior-{number}", f"p{number}", "test", (Plain(3 * number + 2),), report=f"Report {number}.")
    films = (Plain(3 * number), Plain(3 * number + 1, "LATERAL"))[: 1 + number % 2]
    return Study(f"s{number}", f"p{number}", "test", films, prior=prior if number % 3 else None)


STUDIES = [subject(number) for number in range(70)]


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("batch", [1, 32, 100])
def test_every_study_comes_once_in_order_with_its_own_films(batch, cached, monkeypatch):
    monkeypatch.setattr(reading, "GROUP", 40)
    cache = FilmCache(jobs=1) if cached else None
    batches = list(stream(STUDIES, Reads(4, "all", prior=True), batch, cache, jobs=1))
    assert [len(part) for part in batches] == [len(STUDIES[start : start + batch]) for start in range(0, 70, batch)]
    found = [one for part in batches for one in part]
    assert [one.study_id for one in found] == [study.study_id for study in STUDIES]
    for number, one in enumerate(found):
        assert [int(film.pixels[0, 0]) for film in one.films] == [3 * number, 3 * number + 1][: 1 + number % 2]
        if number % 3:
            assert (one.prior.report, int(one.prior.films[0].pixels[0, 0])) == (f"Report {number}.", 3 * number + 2)
        else:
            assert one.prior is None


def test_no_more_than_a_group_is_decoded_before_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(reading, "GROUP", 16)
    decoded = []
    monkeypatch.setattr(Plain, "load", lambda self, size: decoded.append(self.grey) or np.zeros((size, size), np.uint8))
    batches = stream(STUDIES, Reads(4), 8, jobs=1)
    next(batches)
    next(batches)
    assert len(decoded) == 16
    next(batches)
    assert len(decoded) == 32


def test_films_decoded_by_workers_are_those_decoded_here():
    films = [PhantomFilm("phantom", 0, index) for index in range(300)]
    np.testing.assert_array_equal(decode(films, 16, jobs=2), decode(films, 16, jobs=1))


def test_films_alone():
    studies = load(train=3, validate=0, test=0, retrieval=0).studies
    expected = np.stack([study.images[0].load(16) for study in studies])
    np.testing.assert_array_equal(load_films(list(studies), 16), expected)
    told = []
    pixels = [one.films[0].pixels for part in stream(list(studies), Reads(16), 2, progress=lambda *a: told.append(a))
              for one in part]  # fmt: skip
    np.testing.assert_array_equal(np.stack(pixels), expected)
    assert told == [("reading films", 3, 3)]


def test_a_study_without_a_film_is_named():
    with pytest.raises(InputError, match="1 studies have no film: bare"):
        next(stream([*STUDIES, Study("bare", "b", "test")], Reads(4)))
    with pytest.raises(InputError, match="1 studies have no film: bare"):
        load_films([Study("bare", "b", "test")], 4)
