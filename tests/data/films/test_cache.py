"""The cache of decoded films."""

import os
import pickle
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from miniature import nih_cxr14, write_film

from rrgbench.data.films.cache import FilmCache, TemporaryFolder, cache_key
from rrgbench.data.films.images import FilmFile
from rrgbench.data.films.stream import first_films, load_films
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
    folder = tmp_path / "cache"
    np.testing.assert_array_equal(FilmCache(folder, jobs=1).of(studies, 24)[:], expected)
    forbid_decoding(monkeypatch)
    reported: list[tuple[int, int | None]] = []
    again = FilmCache(folder).of(studies, 24, lambda what, done, total, note="": reported.append((done, total)))
    np.testing.assert_array_equal(again[:], expected)
    assert reported == [(24, 24)]
    assert len(list(folder.iterdir())) == 1


def test_a_filled_cache_leaves_no_lock_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    FilmCache(tmp_path / "cache", jobs=1).of(load(nih_cxr14(tmp_path / "nih")).studies, 24)
    assert not list((tmp_path / "temporary").iterdir())


def test_films_are_read_by_row_slice_and_list(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    expected = load_films(studies, 24)
    films = FilmCache(jobs=1).of(studies, 24)
    assert len(films) == 24
    np.testing.assert_array_equal(films[5], expected[5])
    np.testing.assert_array_equal(films[-1], expected[-1])
    for rows in (
        slice(3, 7),
        slice(None, None, -5),
        slice(9, 9),
        np.array([4, 5, 6, 2, 2, 23]),
        np.array([], dtype=int),
    ):
        np.testing.assert_array_equal(films[rows], expected[rows])
    np.testing.assert_array_equal(films.take(np.array([8, 3, 4]))[1:], expected[[3, 4]])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(films))[7], expected[7])
    with pytest.raises(IndexError):
        films[24]


def test_a_temporary_file_goes_with_the_cache_and_what_reads_it(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    cache = FilmCache(jobs=1)
    films = cache.of(studies, 24)
    path = films.path
    del cache
    assert films[0].shape == (24, 24), "films outlive the cache that they come from"
    pickle.loads(pickle.dumps(films))
    assert path.is_file(), "a copy in another process owns no folder"
    del films
    assert not path.parent.exists()


def test_a_file_that_is_cut_short_while_in_use_is_not_believed(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    films = FilmCache(tmp_path / "cache", jobs=1).of(studies, 24)
    with open(films.path, "r+b") as file:
        file.truncate(films.path.stat().st_size - 33)
    assert films[22].shape == (24, 24)
    np.testing.assert_array_equal(films[20:], load_films(studies, 24)[20:])


@pytest.mark.parametrize("damage", ["zeros", "flipped", "cut", "longer", "header"])
def test_a_damaged_file_is_decoded_again_and_never_believed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    expected = load_films(studies, 24)
    folder = tmp_path / "cache"
    path = FilmCache(folder, jobs=1).of(studies, 24).path
    content = path.read_bytes()
    half = len(content) // 2
    damaged = {
        "zeros": content[:half] + bytes(len(content) - half),
        "flipped": content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :],
        "cut": content[:-100],
        "longer": content + b"more",
        "header": b"\x93NUMPX" + content[6:],
    }
    path.write_bytes(damaged[damage])
    np.testing.assert_array_equal(FilmCache(folder, jobs=1).of(studies, 24)[:], expected)
    assert "is damaged; its films are decoded again" in caplog.text
    assert path.read_bytes() == content
    assert len(list(folder.iterdir())) == 1


def test_no_films_are_a_whole_file_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert FilmCache(tmp_path, jobs=1).get([], 24)[:].shape == (0, 24, 24)
    assert caplog.text == ""


def test_another_size_order_or_film_is_another_entry(tmp_path: Path) -> None:
    films = first_films(load(nih_cxr14(tmp_path)).studies)
    keys = {cache_key(films, 24), cache_key(films, 32), cache_key(films[::-1], 24), cache_key(films[1:], 24)}
    path = write_film(tmp_path / "images" / "00000001_000.png", seed=99)
    os.utime(path, ns=(1, 1))
    keys.add(cache_key(films, 24))
    assert len(keys) == 5
    assert None not in keys


def test_a_broken_film_leaves_no_entry(tmp_path: Path) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    (tmp_path / "nih" / "images" / "00000005_000.png").write_bytes(b"broken")
    cache = tmp_path / "cache"
    with pytest.raises(InputError, match="00000005_000"):
        FilmCache(cache, jobs=1).of(studies, 24)
    assert list(cache.iterdir()) == []


@dataclass(frozen=True)
class Generated:
    grey: int
    view: str = "PA"

    def load(self, size: int) -> np.ndarray:
        return np.full((size, size), self.grey, dtype=np.uint8)


def test_films_that_are_no_files_are_kept_for_the_run_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FilmCache(tmp_path / "cache", jobs=1)
    studies = [Study(str(grey), str(grey), "train", (Generated(grey),)) for grey in (7, 9)]
    assert cache.of(studies, 8)[:].mean(axis=(1, 2)).tolist() == [7, 9]
    assert cache.of(studies[1:], 8)[:].mean(axis=(1, 2)).tolist() == [9]
    assert not (tmp_path / "cache").exists()
    monkeypatch.setattr(Generated, "load", None)
    again = [Study(str(grey), str(grey), "train", (Generated(grey),)) for grey in (7, 9)]
    assert cache.of(again, 8)[:].mean(axis=(1, 2)).tolist() == [7, 9]
    with pytest.raises(InputError, match="1 studies have no film: b"):
        cache.of([Study("b", "b", "train")], 8)


def test_films_that_can_not_be_told_apart_are_decoded_again() -> None:
    class Local(Generated):
        pass

    cache = FilmCache(jobs=1)
    assert [int(cache.of([Study("a", "a", "train", (Local(grey),))], 8)[0].max()) for grey in (1, 2)] == [1, 2]


def test_a_folder_that_can_not_be_written_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    (tmp_path / "cache").write_text("in the way")
    films = FilmCache(tmp_path / "cache", jobs=1).of(studies, 24)
    np.testing.assert_array_equal(films[:], load_films(studies, 24))
    assert "cache (File exists), where they need 0.0 GB" in caplog.text
    assert films.path is not None
    assert films.path.parent.name.startswith("rrgbench-films-")


def test_a_full_disk_stops_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    limit, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limit[1]))
        films = FilmCache(tmp_path / "cache", jobs=1).of(studies, 24)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert caplog.text.count("decoded films are not kept in") == 2
    assert films.path is None
    np.testing.assert_array_equal(films[3:9], load_films(studies, 24)[3:9])
    np.testing.assert_array_equal(films.take(np.array([5, 2]))[1], load_films(studies, 24)[2])
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_full_folder_gives_up_what_was_not_used_for_longest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    folder = tmp_path / "cache"
    first, second = (FilmCache(folder, jobs=1).of(studies, size) for size in (24, 25))
    for films, when in ((first, 20), (second, 10)):
        assert films.path is not None
        os.utime(films.path, (when, when))
    monkeypatch.setenv("RRGBENCH_FILM_CACHE_GB", str(35_000 / 1e9))
    third = FilmCache(folder, jobs=1).of(studies, 26)
    assert {path.name for path in folder.iterdir()} == {films.path.name for films in (first, third) if films.path}
    # a run that was reading it goes on
    np.testing.assert_array_equal(second[4:8], load_films(studies, 25)[4:8])


def test_what_killed_processes_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = load(nih_cxr14(tmp_path / "nih")).studies
    old, new = (tmp_path / "cache" / f"films-{name}.part" for name in ("old", "new"))
    old.parent.mkdir()
    for path, age in ((old, 7200), (new, 60)):
        path.write_bytes(b"half")
        os.utime(path, (time.time() - age, time.time() - age))
    FilmCache(tmp_path / "cache", jobs=1).of(studies, 24)
    assert not old.exists()
    assert new.exists()

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "rrgbench-films-left"
    left.mkdir()
    (left / "in-use").touch()
    kept = TemporaryFolder()
    assert not left.exists()
    other = TemporaryFolder()
    assert kept.path.is_dir(), "a folder whose process lives stays"
    assert other.path.is_dir()
