"""The cache of decoded films."""

import os
from pathlib import Path

import numpy as np
import pytest
from miniature import nih_cxr14, write_film

from rrgbench.data.corpus import load_films
from rrgbench.data.films.cache import cache_key, load_films_cached
from rrgbench.data.films.images import FilmFile
from rrgbench.data.readers.nih_cxr14 import load
from rrgbench.data.study import Study
from rrgbench.errors import InputError


def forbid_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(film: FilmFile, size: int) -> None:
        raise AssertionError(f"decoded {film.path.name} at {size}")

    monkeypatch.setattr(FilmFile, "load", refuse)


def test_cached_films_are_the_decoded_films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    expected = load_films(studies, 24)
    cache = tmp_path / "cache"
    np.testing.assert_array_equal(load_films_cached(studies, 24, cache, jobs=1), expected)
    forbid_decoding(monkeypatch)
    reported: list[tuple[int, int]] = []
    again = load_films_cached(studies, 24, cache, lambda done, total: reported.append((done, total)))
    np.testing.assert_array_equal(again, expected)
    assert reported == [(24, 24)]
    assert not again.flags.writeable
    assert len(list(cache.iterdir())) == 1


def test_another_size_order_or_film_is_another_entry(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path)).studies
    keys = {cache_key(studies, 24), cache_key(studies, 32), cache_key(studies[::-1], 24), cache_key(studies[1:], 24)}
    path = write_film(tmp_path / "images" / "00000001_000.png", seed=99)
    os.utime(path, ns=(1, 1))
    keys.add(cache_key(studies, 24))
    assert len(keys) == 5
    assert None not in keys


def test_a_broken_film_leaves_no_entry(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    (tmp_path / "nih" / "images" / "00000005_000.png").write_bytes(b"broken")
    cache = tmp_path / "cache"
    with pytest.raises(InputError, match="00000005_000"):
        load_films_cached(studies, 24, cache, jobs=1)
    assert list(cache.iterdir()) == []


def test_films_that_are_no_files_are_not_cached(tmp_path: Path) -> None:
    class Generated:
        view = "PA"

        def load(self, size: int) -> np.ndarray:
            return np.full((size, size), 7, dtype=np.uint8)

    films = load_films_cached([Study("a", "a", "train", (Generated(),))], 8, tmp_path / "cache")
    assert (films == 7).all()
    assert not (tmp_path / "cache").exists()
    with pytest.raises(InputError, match="1 studies have no film: b"):
        load_films_cached([Study("b", "b", "train")], 8, tmp_path / "cache")


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(InputError, match="the film cache can't be written"):
        load_films_cached(studies, 8, tmp_path / "cache")
