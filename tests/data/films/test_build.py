"""Films of a corpus made once: found again by what they are made of, gone on with after a kill, checked when opened."""

import errno
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from rrgbench.cli.main import app
from rrgbench.data.build import build_films
from rrgbench.data.films import cache
from rrgbench.data.films.cache import FilmCache, cache_key
from rrgbench.data.films.stream import first_films, load_films
from rrgbench.data.phantom import load
from rrgbench.data.phantom.film import PhantomFilm
from rrgbench.errors import ExitCode, InputError, UnknownNameError, exit_code

OPTIONS = [word for one in ("train=7", "validate=2", "test=3", "retrieval=4") for word in ("--option", one)]


class KilledError(BaseException):
    """Stands for a signal."""


@pytest.fixture
def corpus():
    return load(train=7, validate=1, test=1, retrieval=1)


@pytest.fixture
def pairs(monkeypatch):
    """Groups of two films, so that few are many."""
    monkeypatch.setattr("rrgbench.data.films.cache.GROUP", 2)


def killed(corpus, folder, after):
    drawn = 0

    def told(what, done, total, note=""):
        nonlocal drawn
        drawn = done
        if done >= after:
            raise KilledError

    with pytest.raises(KilledError):
        FilmCache(folder, 1).of(corpus.split("train"), 16, told)
    return drawn


def test_a_second_start_draws_nothing_and_gives_the_same(corpus, tmp_path, monkeypatch):
    studies = corpus.split("train")
    expected = load_films(studies, 16)
    FilmCache(tmp_path, 1).of(studies, 16)
    monkeypatch.setattr(PhantomFilm, "load", None)
    np.testing.assert_array_equal(FilmCache(tmp_path, 1).of(studies, 16)[:], expected)


def test_a_killed_build_goes_on_where_it_ended(corpus, tmp_path, monkeypatch, pairs):
    studies, drawn, draw = corpus.split("train"), [], PhantomFilm.load
    expected = load_films(studies, 16)
    assert killed(corpus, tmp_path, 6) == 6
    monkeypatch.setattr(PhantomFilm, "load", lambda film, size: drawn.append(film.index) or draw(film, size))
    np.testing.assert_array_equal(FilmCache(tmp_path, 1).of(studies, 16)[:], expected)
    # one of the four that are kept is drawn to compare, and the last group is not trusted
    assert drawn == [3, 4, 5, 6]
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_what_a_kill_left_of_other_films_is_not_believed(corpus, tmp_path, pairs):
    studies = corpus.split("train")
    killed(corpus, tmp_path, 6)
    (part,) = tmp_path.iterdir()
    whole = part.read_bytes()
    part.write_bytes(whole[: -4 * 256] + bytes(4 * 256))
    np.testing.assert_array_equal(FilmCache(tmp_path, 1).of(studies, 16)[:], load_films(studies, 16))


def test_another_seed_size_index_or_side_is_another_file(corpus):
    films = first_films(corpus.split("train"))
    keys = {
        cache_key(films, 16),
        cache_key(films, 32),
        cache_key(films[::-1], 16),
        cache_key(first_films(load(seed=1, train=7, validate=1, test=1, retrieval=1).split("train")), 16),
        cache_key([PhantomFilm("phantom", 0, 0), PhantomFilm("phantom", 0, 0, lateral=True)], 16),
    }
    assert len(keys) == 5
    assert None not in keys


def test_the_command_builds_and_then_finds(tmp_path, monkeypatch):
    call = ["data", "build", "--corpus", "phantom", *OPTIONS, "--size", "16", "--film-cache", str(tmp_path), "--json"]
    first = CliRunner().invoke(app, [*call, "--workers", "1"])
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert [(one["split"], one["films"]) for one in found["splits"]] == [("train", 7), ("validate", 2), ("test", 3)]
    monkeypatch.setattr(PhantomFilm, "load", None)
    assert CliRunner().invoke(app, [*call, "--workers", "1"]).exit_code == 0
    missing = CliRunner().invoke(app, ["data", "build", "--corpus", "phantom", *OPTIONS, "--size", "16"])
    assert isinstance(missing.exception, InputError)


def test_a_folder_that_takes_no_films_is_named(corpus, tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(InputError, match=r"can't be kept in .*cache"):
        build_films(corpus, 16, tmp_path / "cache", "train", 1)
    with pytest.raises(UnknownNameError, match="absent"):
        build_films(corpus, 16, tmp_path / "films", "absent", 1)


def test_a_folder_without_permission_or_room_is_a_refusal_of_the_machine(corpus, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache, "_fill", full)
    with pytest.raises(InputError, match="No space left") as refused:
        build_films(corpus, 16, tmp_path / "films", "train", 1)
    assert exit_code(refused.value) is ExitCode.REFUSED
